"""The service's stamps and our clock: neither a lying service nor a wrong clock stretches a limit or loses a place."""

from dataclasses import replace

import pytest

from companion.app.chat.chatting import Ways
from companion.errors import UsageError
from companion.times import DAY_MS, HOUR_MS, MINUTE_MS, OFF_MS
from tests.clocks import OwnDesk
from tests.fakes import deliver, make_pair
from tests.unit.app.groups.conftest import core, happened, said, say, state


@pytest.fixture
async def alice(relay):
    return await OwnDesk("Alice Fern", relay).set_up()


@pytest.fixture
async def bob(relay):
    return await OwnDesk("Bob Reed", relay).set_up("practice_manager")


def pass_by(relay, ms, *desks):
    relay.clock.move(ms)
    for desk in desks:
        desk.clock.move(ms)


def stamp_letters(relay, desk, at_ms):
    """The service says of every letter to this person that it came at `at_ms`."""
    inbox = relay.inboxes[core(desk).device]
    inbox[:] = [replace(item, at_ms=at_ms) for item in inbox]


async def test_an_invite_of_thirty_days_ago_lets_nobody_in_although_the_service_says_so(relay, alice, bob):
    group = (await core(alice).groups.create("Leads", "pine")).id
    await deliver(alice)
    invite, made_ms = await core(alice).groups.invite(group), relay.clock.now_ms()
    invitation = await core(bob).groups.look_at(invite.code.code)
    pass_by(relay, 30 * DAY_MS, alice, bob)
    await core(bob).groups.join(invitation)
    await bob.network.exchange()
    stamp_letters(relay, alice, made_ms)
    await deliver(alice, bob)
    assert await state(bob, group) == "declined"


async def test_a_letter_that_came_in_time_is_heard_a_day_after_the_invite_has_run_out(relay, alice, bob):
    group = (await core(alice).groups.create("Leads", "pine")).id
    await deliver(alice)
    invite = await core(alice).groups.invite(group)
    pass_by(relay, 6 * DAY_MS, alice, bob)
    await core(bob).groups.join(await core(bob).groups.look_at(invite.code.code))
    await bob.network.exchange()
    pass_by(relay, 2 * DAY_MS, alice, bob)
    await deliver(alice, bob)
    assert await state(bob, group) == "member"


async def test_an_invite_of_a_clock_a_hundred_days_behind_lets_its_guest_in(relay, alice, bob):
    alice.clock.jump(-100 * DAY_MS)
    group = await make_pair(alice, bob)
    assert await state(bob, group) == "member"


@pytest.mark.parametrize(("waited_ms", "devices"), [(10 * MINUTE_MS - 1, 2), (10 * MINUTE_MS, 1), (11 * MINUTE_MS, 1)])
async def test_a_linking_code_links_for_ten_minutes_whatever_the_service_says(relay, alice, waited_ms, devices):
    code, made_ms = await core(alice).devices.offer(), relay.clock.now_ms()
    tablet = await OwnDesk("New device", relay).set_up()
    await core(tablet).devices.link(code.code, "Tablet")
    await tablet.network.exchange()
    pass_by(relay, waited_ms, alice, tablet)
    stamp_letters(relay, alice, made_ms)
    await deliver(alice, tablet)
    assert len(core(alice).devices.devices()) == devices


async def test_setting_the_clock_back_does_not_stretch_a_linking_code(relay, alice):
    code = await core(alice).devices.offer()
    tablet = await OwnDesk("New device", relay).set_up()
    await core(tablet).devices.link(code.code, "Tablet")
    await tablet.network.exchange()
    alice.clock.move(11 * MINUTE_MS)
    alice.clock.jump(-DAY_MS)
    await deliver(alice, tablet)
    assert len(core(alice).devices.devices()) == 1


@pytest.mark.parametrize("off_ms", [-100 * DAY_MS, -15 * MINUTE_MS, 15 * MINUTE_MS, 100 * DAY_MS])
async def test_a_device_whose_clock_is_off_is_linked_in_time(relay, alice, off_ms):
    alice.clock.jump(off_ms)
    await deliver(alice)
    code = await core(alice).devices.offer()
    await deliver(alice)
    tablet = await OwnDesk("New device", relay).set_up()
    await core(tablet).devices.link(code.code, "Tablet")
    await deliver(tablet, alice)
    assert len(core(alice).devices.devices()) == 2


@pytest.mark.parametrize("off_ms", [-100 * DAY_MS, -3 * HOUR_MS, 3 * HOUR_MS, 100 * DAY_MS])
async def test_an_answer_in_time_counts_whoever_has_a_wrong_clock(relay, alice, bob, off_ms):
    group = await make_pair(alice, bob)
    bob.clock.jump(off_ms)
    alice.clock.jump(-off_ms)
    closes_ms = alice.clock.now_ms() + 30 * MINUTE_MS
    poll = await core(alice).polls.ask(group, "Tuesday?", ("Yes", "No"), is_secret=False, closes_ms=closes_ms)
    await deliver(alice, bob)
    await core(bob).polls.vote(group, poll.id, 0)
    await deliver(bob, alice)
    assert (await core(alice).chat.message(group, poll.id)).poll["votes"]
    pass_by(relay, 30 * MINUTE_MS, alice, bob)
    with pytest.raises(UsageError):
        await core(bob).polls.vote(group, poll.id, 1)


async def test_a_message_can_be_deleted_for_everyone_although_the_clock_is_ahead(relay, alice, bob):
    group = await make_pair(alice, bob)
    message = await core(alice).chat.post(group, "Too much", Ways())
    await deliver(alice, bob)
    alice.clock.jump(30 * DAY_MS)
    await core(alice).chat.delete(group, message.id)
    await deliver(alice, bob)
    assert await said(bob, group) == [("Bob Reed", "")] or ("Alice Fern", "Too much") not in await said(bob, group)


async def test_a_clock_that_is_off_is_known_with_by_how_much(relay, alice, bob, monkeypatch):
    monkeypatch.setattr("companion.app.groups.grouping.LOCAL_SERVICE", "none")
    await make_pair(alice, bob)
    assert core(alice).groups.clock_ahead_ms() == 0
    alice.clock.jump(15 * MINUTE_MS)
    assert core(alice).groups.clock_ahead_ms() == 15 * MINUTE_MS
    alice.clock.jump(-15 * MINUTE_MS - 2 * DAY_MS)
    assert core(alice).groups.clock_ahead_ms() == -2 * DAY_MS


@pytest.mark.parametrize(
    ("offsets_ms", "ahead_ms"),
    [
        ((), 0),
        ((OFF_MS,), 0),
        ((OFF_MS + 1,), OFF_MS + 1),
        ((-OFF_MS,), 0),
        ((-OFF_MS - 1,), -OFF_MS - 1),
        ((DAY_MS, HOUR_MS), HOUR_MS),
        ((-HOUR_MS, DAY_MS), -HOUR_MS),
        ((DAY_MS, 0), 0),
        ((DAY_MS, None), DAY_MS),
    ],
)
async def test_a_clock_is_off_by_the_least_of_what_the_services_that_were_heard_say(
    alice, offsets_ms: tuple[int | None, ...], ahead_ms: int
):
    groups, told = core(alice).groups, core(alice)._context.told
    for number, offset_ms in enumerate(offsets_ms):
        groups._side(f"https://{number}.example")
        if offset_ms is not None:
            told.hear(f"https://{number}.example", alice.clock.now_ms() - offset_ms)
    assert groups.clock_ahead_ms() == ahead_ms


async def test_places_that_the_service_has_emptied_are_one_line(relay, alice, bob):
    group = await make_pair(alice, bob)
    await say(alice, group, "Read in time", bob)
    for number in range(3):
        await core(alice).chat.post(group, f"{number}")
    await alice.network.exchange()
    seen = (await core(bob).groups.group(group)).cursor
    relay.logs[group][seen:] = [replace(event, body=b"") for event in relay.logs[group][seen:]]
    await deliver(bob)
    assert await said(bob, group) == [("Alice Fern", "Read in time")]
    assert [kind for kind, _ in await happened(bob, group)].count("emptied") == 1
    await say(alice, group, "And on", bob)
    assert (await said(bob, group))[-1] == ("Alice Fern", "And on")
