"""Direct lines that are closed, and what a line says elsewhere."""

from dataclasses import replace

from companion.chat.message import WAITING, messages_table
from companion.groups import LEFT
from companion.ports import Change
from tests.fakes import deliver
from tests.unit.app.groups.conftest import ask_and_say_yes, core, due, line, person, said

# Closing -----------------------------------------------------------------------------------------------


async def test_who_closes_a_line_ends_it_for_both_and_the_words_stay(alice, bob, pair):
    await core(alice).chat.post(pair, "Thank you")
    await due(alice, bob)
    await core(bob).groups.leave(pair)
    await deliver(bob, alice, bob)
    for desk in (alice, bob):
        assert (await core(desk).groups.group(pair)).state == LEFT
        assert await said(desk, pair) == [("Alice Fern", "Thank you")]
    docs = alice.vault.store.tables[messages_table(pair)].values()
    assert [doc["name"] for doc in docs if doc["kind"] == "closed"] == ["Bob Reed"]


async def test_a_line_that_was_closed_can_be_opened_again_as_a_new_one(alice, bob, group, pair):
    await core(alice).groups.leave(pair)
    await deliver(alice, bob, alice)
    again = await ask_and_say_yes(bob, alice)
    assert again != pair
    assert not (await line(alice, bob)).awaits_peer


async def test_a_line_that_nobody_answered_is_closed_at_once(alice, bob, group):
    pair = await core(alice).pairs.open(person(bob))
    await core(alice).chat.post(pair.id, "Never mind")
    await core(alice).groups.leave(pair.id)
    await due(alice, bob)
    assert (await core(alice).groups.group(pair.id)).state == LEFT
    assert [doc["state"] for doc in alice.vault.store.tables[WAITING].values()] == ["refused"]


async def test_a_yes_to_a_line_that_was_closed_meanwhile_is_declined(alice, bob, group):
    pair = await core(alice).pairs.open(person(bob))
    await deliver(alice, bob)
    await core(alice).groups.leave(pair.id)
    await core(bob).pairs.accept(person(alice))
    await deliver(bob, alice)
    assert (await core(bob).groups.group(pair.id)).state == "declined"


async def test_who_closes_a_line_after_the_yes_and_before_it_opens_ends_it_for_both(alice, bob, group):
    pair = await core(alice).pairs.open(person(bob))
    await deliver(alice, bob)
    await core(bob).pairs.accept(person(alice))
    await core(bob).groups.leave(pair.id)
    await deliver(bob, alice, bob, alice)
    assert [(await core(desk).groups.group(pair.id)).state for desk in (alice, bob)] == [LEFT, LEFT]
    assert (await ask_and_say_yes(bob, alice)) != pair.id


async def test_a_line_of_mine_alone_with_two_devices_is_closed_too(alice, tablet, bob, group):
    pair = await core(alice).pairs.open(person(bob))
    await deliver(alice, tablet)
    await core(alice).groups.leave(pair.id)
    await deliver(alice, tablet)
    assert [(await core(desk).groups.group(pair.id)).state for desk in (alice, tablet)] == [LEFT, LEFT]


# What a pair says elsewhere ----------------------------------------------------------------------------


async def test_content_of_an_unknown_kind_counts_as_nothing_and_leaves_no_gap(alice, bob, pair):
    await core(bob).attention.mark_seen(pair)
    await core(alice).groups.send(pair, {"kind": "handover", "id": "aa" * 16}, Change())
    await deliver(alice, bob)
    assert (await core(bob).attention.news(pair)).unread == 0
    assert [doc["kind"] for doc in bob.vault.store.tables[messages_table(pair)].values()] == ["opened"]


async def test_a_changed_card_changes_the_name_of_the_line(alice, bob, pair):
    await core(bob).groups.group(pair)
    known = await core(alice).groups.group(pair)
    newer = replace(known.peer, name="Bob Reed-Fern", card=1)
    assert known.with_member(newer).name == "Bob Reed-Fern"


async def test_a_word_in_the_line_welcomes_somebody_new_in_the_group(alice, bob, group, pair):
    alice.clock.move(10_000)
    await core(alice).chat.post(pair, "Welcome")
    await due(alice, bob)
    [contact] = [one for one in await core(alice).groups.contacts() if one.group == group]
    assert contact.is_welcomed
