"""The shelf of a group: what one puts there all find, also who joins later; it is taken down for good."""

from dataclasses import replace

import pytest

from companion.app.parting import Left
from companion.app.together.notes import Pin
from companion.errors import ShelfFull, UsageError
from companion.ports import Change
from companion.space.shelf import NOTES_LIMIT
from tests.unit.app.together.conftest import core, let_in, say, settle, shelf, space, titles


async def test_what_one_puts_there_the_others_find(alice, bob, group):
    await core(alice).shelves.write(group, "Read this first", "We meet on Tuesdays.")
    await settle(alice, bob)
    (note,) = (await shelf(bob, group)).notes
    assert (note.title, note.text, note.name) == ("Read this first", "We meet on Tuesdays.", "Alice Fern")
    assert (note.is_mine, note.may_take_down, note.is_waiting) == (False, False, False)


async def test_who_joins_later_finds_what_was_put_there_before(alice, bob, carol, group):
    await core(alice).shelves.write(group, "Read this first", "We meet on Tuesdays.")
    await settle(alice, bob)
    await let_in(alice, carol, group, bob)
    await settle(alice, bob, carol)
    assert await titles(carol, group) == ["Read this first"]


async def test_a_message_is_put_there_by_its_words(alice, bob, group):
    message = await say(bob, group, "Rota for June\nMondays: Ann", alice)
    await core(bob).shelves.pin(group, message)
    await settle(alice, bob)
    (note,) = (await shelf(alice, group)).notes
    assert (note.title, note.text, note.message) == ("Rota for June", "Mondays: Ann", message)


async def test_a_message_whose_first_line_is_too_long_for_a_title_stands_there_whole(alice, bob, group):
    words = "We meet on the first Thursday of each month at seven in the room over the library, and cameras stay off."
    await core(bob).shelves.pin(group, await say(bob, group, words, alice))
    await settle(alice, bob)
    (note,) = (await shelf(alice, group)).notes
    assert (note.title, note.text) == (words[:80].strip(), words)


async def test_new_words_take_the_place_of_the_former(alice, bob, group):
    id = await core(alice).shelves.write(group, "Rota", "Mondays: Ann")
    await settle(alice, bob)
    await core(alice).shelves.write(group, "Rota", "Mondays: Ben", note=id)
    assert [(n.text, n.is_waiting) for n in (await shelf(alice, group)).notes] == [("Mondays: Ben", True)]
    await settle(alice, bob)
    assert [(n.text, n.is_waiting) for n in (await shelf(bob, group)).notes] == [("Mondays: Ben", False)]


async def test_its_author_takes_it_down_and_its_words_are_nowhere_any_more(alice, bob, group, relay):
    id = await core(bob).shelves.write(group, "Rota", "Mondays: Ann")
    await settle(alice, bob)
    (note,) = (await shelf(bob, group)).notes
    await core(bob).shelves.take_down(group, id, note.author)
    assert await titles(bob, group) == []
    await settle(alice, bob)
    assert (await titles(alice, group), await titles(bob, group)) == ([], [])
    kept = [await core(desk)._context.store.all("shelf_items") for desk in (alice, bob)]
    assert "Mondays" not in str(kept)
    there = await space(alice, group)
    log = relay.logs[there.log_id("shelf").hex()]
    assert not log[0].body


async def test_who_looks_after_the_group_takes_down_any_note(alice, bob, group):
    await core(bob).shelves.write(group, "Rota", "Mondays: Ann")
    await settle(alice, bob)
    (note,) = (await shelf(alice, group)).notes
    assert note.may_take_down
    await core(alice).shelves.take_down(group, note.id, note.author)
    await settle(alice, bob)
    assert await titles(bob, group) == []


async def test_others_take_nothing_down(alice, bob, group):
    await core(alice).shelves.write(group, "Rota", "Mondays: Ann")
    await settle(alice, bob)
    (note,) = (await shelf(bob, group)).notes
    with pytest.raises(UsageError):
        await core(bob).shelves.take_down(group, note.id, note.author)


async def test_a_note_waits_until_somebody_who_looks_after_the_group_is_there(alice, bob, group):
    await core(bob).shelves.write(group, "Rota", "Mondays: Ann")
    await settle(bob)
    there = await shelf(bob, group)
    assert [(n.title, n.is_waiting) for n in there.notes] == [("Rota", True)]
    assert (there.state, there.waits_for_carer) == ("none", True)
    await settle(alice, bob)
    there = await shelf(bob, group)
    assert [(n.title, n.is_waiting) for n in there.notes] == [("Rota", False)]
    assert (there.state, there.waits_for_carer) == ("here", False)


async def test_no_note_is_of_a_time_that_has_not_come(alice, bob, group, relay):
    await core(alice).shelves.write(group, "Rota", "Mondays: Ann")
    await settle(alice, rounds=6)
    log = (await space(alice, group)).log_id("shelf").hex()
    relay.logs[log] = [replace(event, at_ms=2**53 - 1) for event in relay.logs[log]]
    await settle(bob, rounds=6)
    [note] = (await shelf(bob, group)).notes
    assert (note.created_ms, note.changed_ms) == (relay.time_ms(), relay.time_ms())


async def test_a_full_shelf_takes_no_more_and_says_which(alice, bob, group):
    for number in range(NOTES_LIMIT):
        await core(alice).shelves.write(group, f"Note {number}", "x")
    message = await say(alice, group, "One too many", bob)
    with pytest.raises(ShelfFull):
        await core(alice).shelves.pin(group, message)
    (first, *_) = (await shelf(alice, group)).notes
    await core(alice).shelves.write(group, "Changed", "x", note=first.id)
    assert (await titles(alice, group))[0] == "Changed"


async def test_a_note_written_a_moment_before_the_lock_goes_up_while_the_app_is_locked(alice, bob, group):
    await core(alice).shelves.write(group, "Read this first", "We meet on Tuesdays.")
    await settle(alice, bob)
    await core(alice).shelves.write(group, "Rota", "Mondays: Ann")
    await alice.companion.lock()
    await settle(bob)
    assert sorted(await titles(bob, group)) == ["Read this first", "Rota"]
    assert alice.companion.left == Left()


async def test_a_note_that_could_not_go_up_before_the_lock_is_counted(alice, bob, group):
    await core(alice).shelves.write(group, "Read this first", "We meet on Tuesdays.")
    await settle(alice, bob)
    alice.relay.is_online = False
    await core(alice).shelves.write(group, "Rota", "Mondays: Ann")
    await alice.companion.lock()
    assert alice.companion.left == Left(others=1)


async def test_who_joins_after_a_note_was_taken_down_does_not_find_it(alice, bob, carol, group, relay):
    id = await core(alice).shelves.write(group, "Rota", "Mondays: Ann")
    await settle(alice, bob)
    await core(alice).shelves.write(group, "Rota", "Mondays: Ben", note=id)
    await settle(alice, bob)
    (note,) = (await shelf(alice, group)).notes
    await core(alice).shelves.take_down(group, id, note.author)
    await settle(alice)  # Bob is away meanwhile
    log = relay.logs[(await space(alice, group)).log_id("shelf").hex()]
    assert [bool(event.body) for event in log] == [False, False, True]
    await let_in(alice, carol, group, bob)
    await settle(alice, carol, bob)
    assert (await titles(bob, group), await titles(carol, group)) == ([], [])


async def test_new_words_go_after_the_note_that_they_are_for_whatever_waited_first(alice, bob, group):
    await core(alice).shelves.write(group, "First", "x")
    await settle(alice, bob)
    note = Pin(id="a" * 32, group=group, title="Rota", text="x", made_ms=2)
    words = Pin(id="b" * 32, group=group, title="New rota", text="x", made_ms=1, of=note.id)
    await core(alice)._context.commit(Change(put=(words.put(), note.put())))  # as where another space is begun
    await settle(alice, bob)
    assert await titles(bob, group) == ["First", "New rota"]
