"""Direct lines: asked in one letter, answered with a yes or with nothing, one line whoever asked, and no third."""

import itertools
from dataclasses import replace

import pytest

from companion import outgoing
from companion.chat.attention import Wishes
from companion.errors import IdentityChanged, RequestOver, UsageError
from companion.groups import MEMBER, MERGED
from companion.pairs import REQUESTS
from companion.ports import STATES, Change, Drop
from companion.times import DAY_MS, MINUTE_MS
from tests.fakes import Desk, deliver
from tests.unit.app.groups.conftest import ask_and_say_yes, core, due, let_in, line, link, person, said


async def test_a_yes_opens_one_line_with_both_in_it_under_the_name_of_the_other(alice, bob, group):
    pair = await ask_and_say_yes(alice, bob)
    for desk, other in ((alice, bob), (bob, alice)):
        known = await core(desk).groups.group(pair)
        assert (known.state, known.name, len(known.seats), known.awaits_peer) == (MEMBER, other.name, 2, False)


async def test_who_is_asked_sees_who_and_which_group_they_share(alice, bob, group):
    await core(alice).pairs.open(person(bob))
    await deliver(alice, bob)
    [wanted] = await core(bob).pairs.wanted()
    assert wanted.request.member.name == "Alice Fern"
    assert [one.id for one in wanted.shared] == [group]


async def test_what_is_said_before_the_yes_waits_here_and_goes_after_it(alice, bob, group):
    pair = await core(alice).pairs.open(person(bob))
    await core(alice).chat.post(pair.id, "I could do with a chat")
    await due(alice, bob)
    assert alice.relay.logs[pair.id] == []
    [waiting] = await core(alice).chat.waiting(pair.id)
    assert waiting.state == "held"
    await core(bob).pairs.accept(person(alice))
    await deliver(bob, alice)
    await due(alice, bob)
    assert await said(bob, pair.id) == [("Alice Fern", "I could do with a chat")]


async def test_what_is_said_before_the_yes_can_be_taken_back_at_any_time(alice, bob, group):
    pair = await core(alice).pairs.open(person(bob))
    message = await core(alice).chat.post(pair.id, "Not this")
    alice.clock.move(DAY_MS)
    await core(alice).due.run()
    assert await core(alice).chat.undo(message.id) == "Not this"


async def test_nothing_said_is_ever_sealed_for_one_alone(alice, bob, group):
    pair = await core(alice).pairs.open(person(bob))
    await deliver(alice, bob)
    await core(alice).groups.send(pair.id, {"kind": "message", "id": "aa" * 16, "text": "x", "at_ms": 1}, Change())
    await deliver(alice, bob)
    items = [item for item in await core(alice).groups.tools.outbox.all() if item.kind == outgoing.CONTENT]
    assert [(item.body, item.hashes) for item in items] == [(b"", ())]


async def test_what_waits_for_a_yes_does_not_hold_up_a_lock(alice, bob, group):
    pair = await core(alice).pairs.open(person(bob))
    await deliver(alice, bob)
    await core(alice).chat.post(pair.id, "Later")
    await alice.companion.lock()
    assert alice.companion.left.messages == 0


async def test_the_service_keeps_a_line_for_a_year(alice, bob, pair, group):
    assert (alice.relay.keep_days[pair], alice.relay.keep_days[group]) == (365, None)


async def test_all_devices_of_both_are_in_the_line(alice, bob, tablet, relay, group):
    await deliver(alice, tablet, bob)
    reader = await Desk("New device", relay).set_up()
    await link(bob, reader, alice, tablet)
    await deliver(bob, alice, reader, tablet)
    pair = await ask_and_say_yes(alice, bob, tablet, reader)
    await deliver(alice, bob, tablet, reader)
    await core(tablet).chat.post(pair, "From my tablet")
    await due(tablet, alice, bob, reader)
    for desk in (alice, bob, reader):
        assert await said(desk, pair) == [("Alice Fern", "From my tablet")]


async def test_not_now_tells_the_other_nothing(alice, bob, group):
    await core(alice).pairs.open(person(bob))
    await deliver(alice, bob)
    before = {device: len(inbox) for device, inbox in alice.relay.inboxes.items()}
    await core(bob).pairs.put_off(person(alice))
    await deliver(bob, alice)
    assert await core(bob).pairs.wanted() == ()
    assert {device: len(inbox) for device, inbox in alice.relay.inboxes.items()} == before


async def test_not_now_holds_on_all_my_devices(alice, tablet, bob, group):
    await deliver(alice, tablet, bob)
    await core(bob).pairs.open(person(alice))
    await deliver(bob, alice, tablet)
    assert len(await core(tablet).pairs.wanted()) == 1
    await core(alice).pairs.put_off(person(bob))
    await deliver(alice, tablet)
    assert await core(tablet).pairs.wanted() == ()


async def test_asking_again_is_possible_after_a_week_and_not_before(alice, bob, group):
    pair = await core(alice).pairs.open(person(bob))
    await deliver(alice, bob)
    await core(bob).pairs.put_off(person(alice))
    alice.clock.move(7 * DAY_MS - 1)
    with pytest.raises(UsageError):
        await core(alice).pairs.ask_again(pair.id)
    alice.clock.move(1)
    await core(alice).pairs.ask_again(pair.id)
    await deliver(alice, bob)
    assert [one.request.group for one in await core(bob).pairs.wanted()] == [pair.id]


async def test_a_request_is_alerted_to_once_whoever_asks_again(alice, bob, group):
    pair = await core(alice).pairs.open(person(bob))
    await deliver(alice, bob)
    alert = await core(bob).attention.alert()
    assert (alert.names, alert.has_line) == ((), True)
    await core(bob).pairs.put_off(person(alice))
    alice.clock.move(8 * DAY_MS)
    await core(alice).pairs.ask_again(pair.id)
    await deliver(alice, bob)
    assert len(await core(bob).pairs.wanted()) == 1
    assert await core(bob).attention.alert() is None


async def test_an_alert_of_a_line_never_says_whose_it_is(alice, bob, pair):
    await core(bob).attention.mark_seen(pair)
    await core(alice).chat.post(pair, "Hello")
    await due(alice, bob)
    quiet = await core(bob).attention.quiet()
    await core(bob).attention.set_quiet(replace(quiet, level="group"))
    alert = await core(bob).attention.alert()
    assert (alert.names, alert.has_line) == ((), True)


async def test_a_request_holds_for_thirty_days(alice, bob, group):
    pair = await core(alice).pairs.open(person(bob))
    await deliver(alice, bob)
    bob.clock.move(30 * DAY_MS)
    assert await core(bob).pairs.wanted() == ()
    with pytest.raises(RequestOver):
        await core(bob).pairs.accept(person(alice))
    assert (await core(alice).groups.group(pair.id)).awaits_peer


async def test_without_a_shared_group_nobody_can_be_asked(alice, carol):
    with pytest.raises(UsageError):
        await core(alice).pairs.open(person(carol))


async def test_a_request_of_who_was_removed_meanwhile_is_not_shown(alice, bob, group):
    await core(bob).pairs.open(person(alice))
    await deliver(bob, alice)
    await core(alice).groups.remove_member(group, person(bob))
    await deliver(alice, bob)
    assert await core(alice).pairs.wanted() == ()
    with pytest.raises(RequestOver):
        await core(alice).pairs.accept(person(bob))


async def test_a_line_stays_when_no_group_is_shared_any_more(alice, bob, group, pair):
    await core(alice).groups.remove_member(group, person(bob))
    await deliver(alice, bob)
    await core(bob).chat.post(pair, "Still here")
    await due(bob, alice)
    assert await said(alice, pair) == [("Bob Reed", "Still here")]


async def test_who_is_folded_in_every_shared_group_cannot_ask(alice, bob, group):
    await core(bob).attention.set_wishes(Wishes(group=group, folded=(person(alice),)))
    await core(alice).pairs.open(person(bob))
    await deliver(alice, bob)
    assert bob.vault.store.tables.get(REQUESTS, {}) == {}


async def test_a_namesake_is_not_asked_before_it_is_accepted(alice, bob, group, relay):
    other = await Desk("Bob Reed", relay).set_up("practice_manager")
    await let_in(alice, other, group, bob)
    with pytest.raises(IdentityChanged):
        await core(alice).pairs.open(person(other))
    await core(alice).groups.accept_identity(group, person(other))
    assert (await core(alice).pairs.open(person(other))).peer.person == person(other)


async def test_without_the_service_it_is_asked_and_answered_and_goes_when_it_is_back(alice, bob, group, relay):
    relay.is_online = False
    pair = await core(alice).pairs.open(person(bob))
    await deliver(alice, bob)
    relay.is_online = True
    await deliver(alice, bob)
    relay.is_online = False
    await core(bob).pairs.accept(person(alice))
    await deliver(bob, alice)
    assert (await line(bob, alice)).awaits_peer
    relay.is_online = True
    await deliver(bob, alice)
    assert [(await line(desk, other)).awaits_peer for desk, other in ((alice, bob), (bob, alice))] == [False, False]
    assert (await line(bob, alice)).id == pair.id


async def test_a_yes_that_was_lost_is_said_again_after_ten_minutes(alice, bob, group):
    await core(alice).pairs.open(person(bob))
    await deliver(alice, bob)
    await core(bob).pairs.accept(person(alice))
    await _lose_letters(bob)
    await deliver(bob, alice)
    bob.clock.move(10 * MINUTE_MS)
    await core(bob).due.run()
    await deliver(bob, alice)
    assert not (await line(bob, alice)).awaits_peer


# Both ask ----------------------------------------------------------------------------------------------


def of_each(alice, bob):
    """The two, the one whose request stands first."""
    return sorted((alice, bob), key=person)


@pytest.mark.parametrize("order", sorted(set(itertools.permutations((0, 0, 1, 1)))))
async def test_both_ask_and_one_line_comes_of_it_in_any_order(alice, bob, group, order):
    stands, yields = of_each(alice, bob)
    made = await core(stands).pairs.open(person(yields))
    other = await core(yields).pairs.open(person(stands))
    await core(yields).chat.post(other.id, "From both sides")
    for step in order:
        await deliver((stands, yields)[step], rounds=1)
    await deliver(stands, yields)
    await due(stands, yields)
    assert (await line(stands, yields)).id == (await line(yields, stands)).id == made.id
    assert (await core(yields).groups.group(other.id)).state == MERGED
    assert other.id not in yields.vault.store.tables[STATES]
    assert stands.vault.store.tables.get(REQUESTS, {}) == yields.vault.store.tables.get(REQUESTS, {}) == {}
    assert await said(stands, made.id) == [(yields.name, "From both sides")]


async def test_to_ask_who_has_asked_is_a_yes(alice, bob, group):
    pair = await core(alice).pairs.open(person(bob))
    await deliver(alice, bob)
    assert (await core(bob).pairs.open(person(alice))).id == pair.id
    await deliver(bob, alice)
    assert not (await core(alice).groups.group(pair.id)).awaits_peer


async def test_a_request_that_was_lost_is_written_again_when_the_other_asks(alice, bob, group):
    stands, yields = of_each(alice, bob)
    made = await core(stands).pairs.open(person(yields))
    await _lose_letters(stands)
    await deliver(stands)
    await core(yields).pairs.open(person(stands))
    await deliver(yields, stands)
    assert (await line(yields, stands)).id == made.id
    assert not (await line(stands, yields)).awaits_peer


async def _lose_letters(desk):
    items = [item for item in await core(desk).groups.tools.outbox.all() if item.kind == outgoing.LETTER]
    await core(desk)._context.commit(Change(drop=tuple(Drop(outgoing.TABLE, item.cid) for item in items)))


async def test_both_ask_with_two_devices_each_and_one_line_comes_of_it(alice, bob, tablet, relay, group):
    await deliver(alice, tablet, bob)
    reader = await Desk("New device", relay).set_up()
    await link(bob, reader, alice, tablet)
    everybody = (alice, bob, tablet, reader)
    await deliver(*everybody)
    await core(alice).pairs.open(person(bob))
    await core(reader).pairs.open(person(alice))
    await deliver(*everybody, rounds=6)
    seen = ((alice, bob), (tablet, bob), (bob, alice), (reader, alice))
    lines = {(await line(desk, other)).id for desk, other in seen}
    assert len(lines) == 1
    [pair] = lines
    await core(tablet).chat.post(pair, "Here")
    await due(tablet, alice, bob, reader)
    await deliver(*everybody)
    for desk in (alice, bob, reader):
        assert await said(desk, pair) == [("Alice Fern", "Here")]


async def test_two_devices_of_one_person_ask_and_one_line_comes_of_it(alice, bob, tablet, group):
    await deliver(alice, tablet, bob)
    await core(alice).pairs.open(person(bob))
    tablet.clock.move(1)
    await core(tablet).pairs.open(person(bob))
    await deliver(alice, tablet, bob)
    assert (await line(alice, bob)).id == (await line(tablet, bob)).id
    await core(bob).pairs.accept(person(alice))
    await deliver(bob, alice, tablet)
    assert not (await line(alice, bob)).awaits_peer
    assert not (await line(bob, alice)).awaits_peer
