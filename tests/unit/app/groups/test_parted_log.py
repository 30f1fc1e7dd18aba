"""What the core remembers of a group's log, and what it says again where the service's log is another one."""

import copy

import pytest

from companion.app.groups.tail import tail_table
from companion.chat.agreement import Agreement
from companion.outgoing import COMMIT
from tests.fakes import Desk, deliver
from tests.unit.app.groups.conftest import core, let_in, said, say, state

LOGS = ("logs", "epochs", "capabilities")


def remembered(relay):
    """What the service holds now; `put_back` brings it back."""
    return {name: copy.deepcopy(getattr(relay, name)) for name in LOGS}


def put_back(relay, held):
    for name, value in held.items():
        setattr(relay, name, copy.deepcopy(value))


def side(desk):
    return desk.network.sides["local"]


async def cursor(desk, group):
    return next(cursor for cursor in await side(desk).cursors() if cursor.group == group)


async def waiting(desk, group):
    return await core(desk).groups.tools.outbox.of_group(group)


async def states(desk, group, text):
    return [m.state for m in await core(desk).chat.messages(group) if m.text == text]


# What is remembered


async def test_cursor_names_the_event_that_it_stands_on(alice, bob, group, relay):
    await say(alice, group, "One", bob)
    last = relay.logs[group][-1]
    for desk in (alice, bob):
        place = await cursor(desk, group)
        assert (place.since, place.cid, place.at_ms) == (last.seq, last.cid, last.at_ms)


async def test_event_that_cannot_be_opened_is_stood_on_too(alice, bob, group, relay):
    await say(alice, group, "One", bob)
    event = relay.logs[group][-1]
    relay.logs[group].append(type(event)(group=group, seq=event.seq + 1, cid="9" * 32, at_ms=7, body=b"nonsense"))
    await deliver(bob)
    place = await cursor(bob, group)
    assert (place.since, place.cid, place.at_ms) == (event.seq + 1, "9" * 32, 7)
    assert (await side(bob).trail(group))[-1] == place


async def test_device_that_was_just_let_in_claims_to_know_nothing(alice, bob, carol, group):
    await let_in(alice, carol, group)
    key_state = await core(carol).groups.tools.key_states.of(group)
    assert key_state is not None
    trail = await side(carol).trail(group)
    assert [place.since for place in trail] == sorted({place.since for place in trail})
    assert trail[0].cid == ""


async def test_trail_has_the_capability_that_was_in_force_at_each_place(alice, bob, carol, group, relay):
    await say(alice, group, "Before", bob)
    await let_in(alice, carol, group, bob)
    await say(alice, group, "After", bob, carol)
    steps = relay.capabilities[group]
    for place in (await side(bob).trail(group))[1:]:
        in_force = [capability for since, capability in steps if since <= place.since][-1]
        assert place.capability == in_force
        event = relay.logs[group][place.since - 1]
        assert (event.cid, event.at_ms) == (place.cid, place.at_ms)
    assert (await side(bob).trail(group))[-1] == await cursor(bob, group)


async def test_trail_leaves_out_what_was_lost_and_has_not_come_again(alice, bob, group, relay):
    await say(alice, group, "One", bob)
    head = relay.logs[group][-1].seq
    await say(alice, group, "Two", bob)
    await side(bob).restored(group, head)
    assert (await side(bob).trail(group))[-1].since == head
    assert (await cursor(bob, group)).cid == relay.logs[group][head - 1].cid


async def test_tail_keeps_no_words(alice, bob, group):
    await say(alice, group, "Between us", bob)
    message = (await core(alice).chat.messages(group))[-1]
    await core(alice).chat.edit(group, message.id, "Between the two of us")
    await core(alice).chat.react(group, message.id, "👍", is_on=True)
    await deliver(alice, bob)
    for desk in (alice, bob):
        assert "Between" not in str(desk.vault.store.tables[tail_table(group)])


# A receipt is not yet a place in the log


async def test_what_was_taken_waits_until_it_comes_back(alice, bob, group):
    sender = side(alice)
    await core(alice).chat.post(group, "Taken")
    (item,) = await sender.outbox()
    await sender.mark_sent(item.cid, await alice.network._deliver(item))
    assert await states(alice, group, "Taken") == ["sent"]
    assert [one.cid for one in await waiting(alice, group)] == [item.cid]
    assert await sender.outbox() == ()
    await deliver(alice, bob)
    assert await waiting(alice, group) == ()
    assert await states(alice, group, "Taken") == ["sent"]


async def test_what_was_taken_and_is_not_in_the_log_is_offered_again(alice, bob, group, relay):
    """The service that took it was another one; where it stood, others have written since."""
    held, sender = remembered(relay), side(alice)
    await core(alice).chat.post(group, "Taken and gone")
    (item,) = await sender.outbox()
    await sender.mark_sent(item.cid, await alice.network._deliver(item))
    put_back(relay, held)
    await say(bob, group, "Here instead")
    sender.set_sync_state("connecting")
    await deliver(alice, bob)
    for desk in (alice, bob):
        assert [text for _, text in await said(desk, group)] == ["Here instead", "Taken and gone"]
    assert await waiting(alice, group) == ()


async def test_it_is_offered_again_after_an_unlock_too_and_lands_once(alice, bob, group):
    sender = side(alice)
    await core(alice).chat.post(group, "Once")
    (item,) = await sender.outbox()
    await sender.mark_sent(item.cid, await alice.network._deliver(item))
    await alice.companion.lock()
    await alice.companion.unlock(passphrase="green chair by the window")
    await deliver(alice, bob)
    for desk in (alice, bob):
        assert [text for _, text in await said(desk, group)] == ["Once"]
    assert await waiting(alice, group) == ()


# What is offered again, and in which keys


class Split:
    """The service as it was, and what lies beyond that."""

    def __init__(self, relay, group):
        self.relay, self.group = relay, group
        self.held = remembered(relay)
        self.head = len(relay.logs[group])

    def happen(self):
        put_back(self.relay, self.held)

    async def show(self, *desks):
        for desk in desks:
            await side(desk).restored(self.group, self.head)


@pytest.fixture
async def split(alice, bob, carol, group, relay):
    """Alice, Bob and Carol have read up to here."""
    await let_in(alice, carol, group, bob)
    await say(carol, group, "Before", alice, bob, carol)
    return Split(relay, group)


async def change_keys(relay, host, group, *others):
    """Let somebody in, and take them out again."""
    guest = await Desk("Guest", relay).set_up()
    await let_in(host, guest, group, *others)
    await core(host).groups.remove_member(group, (await core(guest).groups.group(group)).seats[-1].member.person)
    await deliver(host, *others)


async def test_what_was_sent_in_the_present_keys_goes_as_it_went(alice, bob, carol, group, relay, split):
    await say(alice, group, "Lost", bob)
    body = relay.logs[group][-1].body
    split.happen()
    await split.show(alice, bob)
    await deliver(carol, alice, bob, carol)
    assert body in [event.body for event in relay.logs[group]]
    for desk in (alice, bob, carol):
        assert [text for _, text in await said(desk, group)] == ["Before", "Lost"]


async def test_what_was_sealed_in_keys_that_are_over_is_sealed_anew(alice, bob, carol, group, relay, split):
    await say(alice, group, "Lost", bob)
    lost = relay.logs[group][-1]
    split.happen()
    dan = await Desk("Dan Hill", relay).set_up()
    await let_in(carol, dan, group)
    await split.show(alice, bob)
    await deliver(alice, bob, carol, dan)
    (again,) = [event for event in relay.logs[group] if event.cid == lost.cid]
    assert again.body != lost.body
    assert [text for _, text in await said(dan, group)] == ["Lost"]
    for desk in (alice, bob, carol):
        assert [text for _, text in await said(desk, group)] == ["Before", "Lost"]
        assert await waiting(desk, group) == ()


async def test_words_are_said_as_they_are_now_and_what_was_deleted_is_not_said(alice, bob, carol, group, relay, split):
    for text in ("First words", "Regretted"):
        await say(alice, group, text, bob)
    first, second = (await core(alice).chat.messages(group))[-2:]
    regretted = relay.logs[group][-1].cid
    await core(alice).chat.edit(group, first.id, "Second words")
    await core(alice).chat.delete(group, second.id)
    await core(alice).chat.react(group, first.id, "👍", is_on=True)
    await deliver(alice, bob)
    split.happen()
    dan = await Desk("Dan Hill", relay).set_up()
    await let_in(carol, dan, group)
    await split.show(alice, bob)
    await deliver(alice, bob, carol, dan)
    for desk in (carol, dan):
        lines = [m for m in await core(desk).chat.messages(group) if m.kind == "message"]
        assert [m.text for m in lines][-1] == "Second words"
        assert "Regretted" not in [m.text for m in lines]
        assert len(lines[-1].reactions) == 1
    assert regretted not in [event.cid for event in relay.logs[group]]
    assert await waiting(alice, group) == ()


async def test_change_of_keys_that_lost_takes_along_what_was_sealed_after_it(alice, bob, carol, group, relay, split):
    """Keys were changed on both sides: what was said in those that lost is said again once its device is back in."""
    dan, erin = [await Desk(name, relay).set_up() for name in ("Dan Hill", "Erin Vale")]
    await let_in(alice, dan, group, bob)
    await say(alice, group, "In keys that lost", bob)
    split.happen()
    await let_in(carol, erin, group)
    await split.show(alice)
    await deliver(alice, carol, erin, alice, carol, erin)
    assert await state(alice, group) == "member"
    for desk in (carol, erin):
        assert ("Alice Fern", "In keys that lost") in await said(desk, group)
    assert [text for _, text in await said(alice, group)].count("In keys that lost") == 1
    assert [item for item in await waiting(alice, group) if item.kind == COMMIT] == []


async def test_what_is_not_taken_again_is_not_shown_as_sent(alice, bob, group, relay):
    await say(alice, group, "Here")
    head = relay.logs[group][-1].seq
    await say(alice, group, "Gone", bob)
    cid = relay.logs[group].pop().cid
    await side(alice).restored(group, head)
    await side(alice).mark_refused(cid, 400, "bad-request")
    assert await states(alice, group, "Gone") == ["refused"]
    assert cid not in alice.vault.store.tables[tail_table(group)]
    (message,) = [m for m in await core(alice).chat.messages(group) if m.text == "Gone"]
    await core(alice).chat.send_again(message.id)
    await deliver(alice, bob)
    assert await states(alice, group, "Gone") == ["sent"]


async def test_picture_that_the_service_lost_is_brought_there_again(alice, bob, group, relay):
    head = relay.logs[group][-1].seq
    await say(alice, group, "With a picture", bob)
    cid = relay.logs[group].pop().cid
    await side(alice).restored(group, head)
    await side(alice).mark_refused(cid, 409, "no-blob")
    assert await states(alice, group, "With a picture") == ["uploading"]


async def test_tail_of_the_first_release_is_said_again_by_its_message(alice, bob, carol, group, relay, split):
    await say(alice, group, "Lost", bob)
    cid = relay.logs[group][-1].cid
    kept = alice.vault.store.tables[tail_table(group)][cid]
    kept.pop("at_ms")
    kept["item"]["content"] = None
    split.happen()
    await let_in(carol, await Desk("Dan Hill", relay).set_up(), group)
    await split.show(alice)
    await deliver(alice, carol)
    assert ("Alice Fern", "Lost") in await said(carol, group)


async def test_what_is_new_goes_after_what_is_offered_again(alice, bob, group, relay):
    head = relay.logs[group][-1].seq
    await say(alice, group, "First", bob)
    await core(alice).chat.post(group, "Second")
    relay.logs[group].pop()
    await side(alice).restored(group, head)
    await side(bob).restored(group, head)
    await deliver(alice, bob)
    for desk in (alice, bob):
        assert [text for _, text in await said(desk, group)] == ["First", "Second"]


async def test_going_back_twice_in_a_row_loses_nothing(alice, bob, group, relay):
    head = relay.logs[group][-1].seq
    for text in ("One", "Two", "Three"):
        await say(alice, group, text, bob)
    relay.logs[group] = relay.logs[group][:head]
    for place in (head + 1, head, head + 2, head):
        for desk in (alice, bob):
            await side(desk).restored(group, place)
    await deliver(alice, bob)
    for desk in (alice, bob):
        assert [text for _, text in await said(desk, group)] == ["One", "Two", "Three"]
        assert await waiting(desk, group) == ()


async def test_reaction_that_comes_again_moves_no_message(alice, bob, group, relay):
    head = relay.logs[group][-1].seq
    await say(alice, group, "First", bob)
    await say(alice, group, "Second", bob)
    first = (await core(alice).chat.messages(group))[-2]
    await core(alice).chat.react(group, first.id, "👍", is_on=True)
    await deliver(alice, bob)
    relay.logs[group] = relay.logs[group][:head]
    for desk in (alice, bob):
        await side(desk).restored(group, head)
    await deliver(alice, bob)
    for desk in (alice, bob):
        assert [text for _, text in await said(desk, group)] == ["First", "Second"]


async def test_who_was_announced_is_told_before_the_keys_change_whoever_offers_both(
    alice, bob, carol, group, relay, split
):
    """Bob is back first. What he offers of Alice's lets Carol follow, who read none of it."""
    dan = await Desk("Dan Hill", relay).set_up()
    await let_in(alice, dan, group, bob)
    split.happen()
    await split.show(bob)
    await deliver(bob, carol)
    epochs = {(await core(desk).groups.group(group)).epoch for desk in (bob, carol)}
    assert len(epochs) == 1
    assert (await core(carol).groups.group(group)).unopened == 0
    assert len((await core(carol).groups.group(group)).seats) == 4


async def test_agreement_is_put_forward_again_as_it_is_now(alice, bob, carol, group, relay, split):
    await core(alice).agreements.put_forward(Agreement(group=group, purpose="To be of use", rules=("Be kind",)))
    await deliver(alice, bob)
    assert "of use" not in str(alice.vault.store.tables[tail_table(group)])
    split.happen()
    await let_in(carol, await Desk("Dan Hill", relay).set_up(), group)
    await split.show(alice, bob)
    await deliver(alice, bob, carol)
    assert (await core(carol).agreements.agreement(group)).purpose == "To be of use"


async def test_device_that_was_let_back_in_claims_nothing_of_where_it_stood_before(alice, bob, group, relay):
    await say(alice, group, "One", bob)
    await core(bob).groups.rejoin(group)
    await deliver(bob, alice, bob)
    place = await cursor(bob, group)
    assert place.cid in ("", relay.logs[group][place.since - 1].cid)


async def test_leaver_is_out_for_those_who_get_it_from_others(alice, bob, carol, group, relay, split):
    """Whoever commits that Bob leaves builds on what he proposed: both are offered, though he is gone."""
    await core(bob).groups.leave(group)
    await deliver(bob, alice, bob)
    assert len((await core(alice).groups.group(group)).seats) == 2
    split.happen()
    await split.show(alice)
    await deliver(alice, carol)
    assert len((await core(carol).groups.group(group)).seats) == 2


async def test_what_waits_with_its_words_is_not_replaced_by_how_it_went(alice, bob, group, relay):
    head, sender = relay.logs[group][-1].seq, side(alice)
    await core(alice).chat.post(group, "Taken")
    (item,) = await sender.outbox()
    await sender.mark_sent(item.cid, await alice.network._deliver(item))
    await sender.restored(group, head)
    (kept,) = await waiting(alice, group)
    assert (kept.is_fixed, kept.content is None) == (False, False)
    assert [one.cid for one in await sender.outbox()] == [item.cid]


async def test_trail_names_only_what_stands_in_this_log(alice, bob, group, relay):
    head = relay.logs[group][-1].seq
    await say(alice, group, "Lost", bob)
    relay.logs[group] = relay.logs[group][:head]
    for desk in (alice, bob):
        await side(desk).restored(group, head)
    for text in ("Here", "And here"):
        await say(bob, group, text)
    await alice.network._read(side(alice))
    for place in (await side(alice).trail(group))[1:]:
        assert place.cid == relay.logs[group][place.since - 1].cid
