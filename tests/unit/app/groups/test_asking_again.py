"""A request may be lost on its way, and so may its answer: who got none asks again, and nobody is put out by it."""

from dataclasses import replace

import pytest

from companion.app.groups.asking import AGAIN_MS, Asked
from companion.errors import RelayRefused, ServiceFull
from companion.groups import LOOKS
from companion.outgoing import CREATE, TABLE
from companion.ports import Change, Drop
from companion.times import DAY_MS, MINUTE_MS
from tests.fakes import Desk, deliver
from tests.unit.app.groups.conftest import core, happened, said, say, state

LATE_MS = AGAIN_MS[0] + MINUTE_MS


async def ask(host, guest, group):
    invite = await core(host).groups.invite(group)
    return await core(guest).groups.join(await core(guest).groups.look_at(invite.code.code))


async def later(relay, desk, ms=LATE_MS):
    relay.clock.move(ms)
    await desk.network.exchange()
    await core(desk).due.run()


def lose_letters(relay, desk):
    """What lies in this device's inbox never was there: nothing in it can be read."""
    held = relay.inboxes.get(core(desk).device, [])
    held[:] = [replace(item, body=b"lost") for item in held]


async def test_request_that_was_lost_is_made_again(relay, alice, bob, carol, group):
    await ask(alice, carol, group)
    await carol.network.exchange()
    lose_letters(relay, alice)
    await deliver(alice, carol)
    assert await state(carol, group) == "joining"
    await later(relay, carol)
    await deliver(carol, alice, bob)
    assert await state(carol, group) == "member"
    await say(carol, group, "here I am", alice, bob)
    assert (await said(alice, group))[-1] == ("Carol Moss", "here I am")


async def test_welcome_that_was_lost_is_made_again(relay, alice, bob, carol, group):
    await ask(alice, carol, group)
    await deliver(carol, alice, rounds=1)
    await deliver(alice, bob)
    lose_letters(relay, carol)
    await deliver(carol, alice, bob)
    assert await state(carol, group) == "joining"
    await later(relay, carol)
    await deliver(carol, alice, bob)
    assert await state(carol, group) == "member"
    await say(alice, group, "welcome at last", bob, carol)
    assert (await said(carol, group))[-1] == ("Alice Fern", "welcome at last")


async def test_guest_who_asked_often_is_let_in_once(relay, alice, bob, carol, group):
    await ask(alice, carol, group)
    for _ in range(4):
        await later(relay, carol, DAY_MS)
    await deliver(carol, alice, bob)
    assert await state(carol, group) == "member"
    assert [kind for kind, _ in await happened(alice, group)].count("joining") == 2  # Bob before, and Carol
    assert "gap" not in [kind for kind, _ in await happened(carol, group)]


async def test_request_from_before_the_welcome_puts_nobody_out(relay, alice, bob, carol, group):
    await ask(alice, carol, group)
    await carol.network.exchange()
    await later(relay, carol)
    await carol.network.exchange()
    second = relay.inboxes[core(alice).device].pop()
    await deliver(alice, carol, bob)
    relay.inboxes[core(alice).device].append(second)
    epoch = (await core(alice).groups.group(group)).epoch
    await deliver(alice, carol, bob)
    assert (await core(alice).groups.group(group)).epoch == epoch
    assert await state(carol, group) == "member"


async def test_it_asks_ever_more_seldom_and_stops_with_the_answer(relay, alice, carol, group):
    await ask(alice, carol, group)
    sent = []
    for ms in (*AGAIN_MS, DAY_MS, DAY_MS):
        await carol.network.exchange()
        relay.clock.move(ms - MINUTE_MS)
        await core(carol).due.run()
        await carol.network.exchange()
        before = len(relay.inboxes[core(alice).device])
        relay.clock.move(MINUTE_MS)
        await core(carol).due.run()
        await carol.network.exchange()
        sent.append(len(relay.inboxes[core(alice).device]) - before)
    assert sent == [1] * 6
    await deliver(alice, carol)
    await core(carol).due.run()
    assert not await core(carol)._context.store.all("asked")


async def test_nothing_is_asked_again_while_there_is_no_connection(relay, alice, carol, group):
    await ask(alice, carol, group)
    relay.is_online = False
    await later(relay, carol)
    await later(relay, carol)
    waiting = await core(carol).groups.tools.outbox.all()
    assert [item.kind for item in waiting] == ["letter"]
    assert 0 < await core(carol).groups.asking.left_ms() <= AGAIN_MS[0]


async def letters_after(relay, desk, state):
    """How many letters wait once the time is over, with the connection in this state."""
    desk.network.sides["local"].set_sync_state(state)
    relay.clock.move(LATE_MS)
    await core(desk).due.run()
    return len(await core(desk).groups.tools.outbox.all())


async def test_request_that_still_waits_here_is_not_made_twice(relay, alice, carol, group):
    await ask(alice, carol, group)
    assert await letters_after(relay, carol, "online") == 1


async def test_answer_that_may_lie_at_the_service_is_looked_for_first(relay, alice, carol, group):
    await ask(alice, carol, group)
    await carol.network.exchange()
    assert await letters_after(relay, carol, "waiting") == 0
    assert await letters_after(relay, carol, "online") == 1


async def test_another_invite_asks_anew_and_the_same_one_does_not(relay, alice, bob, carol, group):
    invite = await core(alice).groups.invite(group)
    look = core(carol).groups.look_at
    invitation = await look(invite.code.code)
    await core(carol).groups.join(invitation)
    await core(carol).groups.join(invitation)
    assert len(await core(carol).groups.tools.outbox.all()) == 1
    await carol.network.exchange()
    lose_letters(relay, alice)
    await ask(alice, carol, group)
    await deliver(carol, alice, bob)
    assert await state(carol, group) == "member"


async def test_refusal_that_was_lost_is_given_again(relay, alice, carol, group):
    invite = await core(alice).groups.invite(group)
    await core(carol).groups.join(await core(carol).groups.look_at(invite.code.code))
    await core(alice).groups.revoke_invite(invite.code.id)
    await deliver(carol, alice, rounds=1)
    lose_letters(relay, carol)
    await later(relay, carol)
    await deliver(carol, alice)
    assert await state(carol, group) == "declined"


async def test_guest_of_a_device_that_is_gone_is_told_and_waits_no_longer(relay, alice, bob, carol, group):
    await ask(alice, carol, group)
    plain, gone = relay.post_to_inbox, core(alice).device

    async def post_to_inbox(device, cid, body):
        if device == gone:
            raise RelayRefused(404, "unknown")
        await plain(device, cid, body)

    relay.post_to_inbox = post_to_inbox
    await carol.network.exchange()
    assert await state(carol, group) == "declined"
    assert not await core(carol)._context.store.all("asked")
    await ask(bob, carol, group)
    await deliver(carol, bob)
    assert await state(carol, group) == "member"


async def test_request_to_come_back_that_was_lost_is_made_again(relay, alice, bob, group):
    await core(bob).groups.rejoin(group)
    await bob.network.exchange()
    lose_letters(relay, alice)
    await deliver(alice, bob)
    assert await state(bob, group) == "rejoining"
    await later(relay, bob)
    await deliver(bob, alice)
    assert await state(bob, group) == "member"


async def test_other_device_whose_welcome_was_lost_asks_the_one_that_is_in(relay, alice, bob, tablet):
    made = await core(bob).groups.create("Leads", LOOKS[0])
    await deliver(bob)
    await ask(bob, alice, made.id)
    await deliver(alice, tablet, rounds=1)
    await deliver(bob, alice)
    lose_letters(relay, tablet)
    await deliver(tablet, alice, bob)
    assert (await state(alice, made.id), await state(tablet, made.id)) == ("member", "joining")
    await later(relay, tablet)
    await deliver(tablet, alice, bob)
    assert await state(tablet, made.id) == "member"


@pytest.mark.parametrize("reaches", ["founder", "nobody"])
async def test_group_that_the_service_lost_is_offered_again(relay, alice, bob, group, reaches):
    """The log is gone though the service was not restored; or it never had the group, and said it had."""
    if reaches == "nobody":
        made = await core(alice).groups.create("On guest Wi-Fi", LOOKS[0])
        await forget_creation(alice, made.id)
        group = made.id
    else:
        await say(alice, group, "before", bob)
    forget_group(relay, group)
    side = alice.network.sides["local"]
    await side.unknown(group)
    await side.unknown(group)
    assert [item.kind for item in await core(alice).groups.tools.outbox.of_group(group)].count(CREATE) == 1
    await deliver(alice, bob)
    await say(alice, group, "after", bob)
    assert (await said(alice, group))[-1][1] == "after"
    assert [one.state for one in await core(alice).chat.messages(group) if one.text == "after"] == ["sent"]
    if reaches == "founder":
        assert [text for _, text in await said(bob, group)] == ["before", "after"]


async def test_who_finds_another_capability_in_force_asks_to_come_back_after_a_while(relay, alice, bob, group):
    side = bob.network.sides["local"]
    await side.unknown(group)
    await deliver(bob, alice)
    relay.clock.move(9 * MINUTE_MS)
    await side.unknown(group)
    assert await state(bob, group) == "member"
    relay.clock.move(LATE_MS)
    await side.unknown(group)
    assert await state(bob, group) == "rejoining"
    await deliver(bob, alice)
    assert await state(bob, group) == "member"


async def test_loop_that_hears_unknown_again_and_again_is_not_hurried_by_it(relay, alice, bob, group):
    woken = []

    async def follow(service, side):
        woken.append(service)

    side, bob.network.follow = bob.network.sides["local"], follow
    for _ in range(3):
        await side.unknown(group)
    assert woken == []


async def test_group_of_one_is_never_asked_for(relay, alice):
    made = await core(alice).groups.create("Alone", LOOKS[0])
    await deliver(alice)
    side = alice.network.sides["local"]
    for _ in range(3):
        await side.unknown(made.id)
        relay.clock.move(DAY_MS)
    assert await state(alice, made.id) == "member"


def forget_group(relay, group):
    for held in (relay.logs, relay.capabilities, relay.epochs):
        held.pop(group, None)


async def forget_creation(desk, group):
    tools = core(desk).groups.tools
    for item in await tools.outbox.of_group(group):
        if item.kind == CREATE:
            await tools.context.commit(Change(drop=(Drop(TABLE, item.cid),)))


@pytest.mark.parametrize(
    "refusal", [ServiceFull(413, "quota"), ServiceFull(507, "full"), RelayRefused(429, "slow-down")]
)
async def test_key_packages_that_find_no_room_stop_nothing_and_are_offered_again(relay, alice, bob, group, refusal):
    carol, offered = await Desk("Carol Moss", relay).set_up("other"), []
    network = carol.network

    class Full:
        def __init__(self, real):
            self._real = real

        def __getattr__(self, name):
            return getattr(self._real, name)

        async def publish_key_packages(self, one_time, last_resort):
            offered.append(one_time)
            if len(offered) < 3:
                raise refusal
            return await self._real.publish_key_packages(one_time, last_resort)

    plain = network.relay

    async def full_relay(service):
        return Full(await plain(service))

    network.relay = full_relay
    await ask(alice, carol, group)
    await deliver(carol, alice, bob)
    assert await state(carol, group) == "member"
    assert len(offered) == 3
    assert len(set(offered)) == 1


async def test_what_was_asked_reads_back_as_it_was():
    asked = Asked(group="ab" * 16, at_ms=5, code="C", device="cd" * 16, times=3)
    assert Asked.from_doc(asked.put().doc) == asked
