"""What was deleted for everyone does not live on as a note that was made of it, unless its author has rewritten it."""

import pytest

from tests.unit.app.together.conftest import core, deliver, say, settle, shelf, space, titles


@pytest.fixture
async def pinned(bob, alice, carol, three):
    """The id of a message of Alice's that Bob has put on the shelf of the three."""
    message = await say(alice, three, "Rota for June\nMondays: Ann", bob, carol)
    await core(bob).shelves.pin(three, message)
    await settle(alice, bob, carol)
    return message


async def rota(desk, group):
    """Return the note on the shelf of this device that stands for the message."""
    return next(note for note in (await shelf(desk, group)).notes if note.message)


async def delete(alice, group, message, *others):
    await core(alice).chat.delete(group, message)
    await deliver(alice, *others)


async def test_who_put_a_message_on_the_shelf_takes_it_down_when_it_is_deleted(alice, bob, carol, three, pinned, relay):
    await delete(alice, three, pinned, bob)
    await core(bob).together.keeping.run()
    assert await titles(bob, three) == ["Before"]
    await settle(bob, alice, carol, rounds=4)
    assert [await titles(desk, three) for desk in (alice, bob, carol)] == [["Before"]] * 3
    kept = [await core(desk)._context.store.all("shelf_items") for desk in (alice, bob, carol)]
    assert "Mondays" not in str(kept)
    log = relay.logs[(await space(alice, three)).log_id("shelf").hex()]
    assert not log[1].body


async def test_it_is_taken_down_once(alice, bob, carol, three, pinned):
    await delete(alice, three, pinned, bob, carol)
    await settle(bob, alice, carol, rounds=20)
    said = [doc["content"]["kind"] for doc in await core(carol)._context.store.all("shelf_items")]
    assert sorted(said) == ["down", "note", "note"]


async def test_where_its_author_is_away_who_looks_after_the_group_takes_it_down(alice, bob, carol, three, pinned):
    await delete(alice, three, pinned, carol)
    await settle(alice, carol, rounds=2)
    assert await titles(carol, three) == ["Before", "Rota for June"]  # its author comes first
    await settle(alice, carol, rounds=4)
    assert await titles(carol, three) == ["Before"]


async def test_others_leave_it_alone(alice, bob, carol, three, pinned):
    await delete(alice, three, pinned, carol)
    await settle(carol)
    assert await titles(carol, three) == ["Before", "Rota for June"]


async def test_a_note_that_its_author_has_rewritten_stays(alice, bob, carol, three, pinned):
    note = await rota(bob, three)
    await core(bob).shelves.write(three, "Rota", "As agreed by all", note=note.id)
    assert (await rota(bob, three)).is_changed
    await settle(alice, bob, carol)
    await delete(alice, three, pinned, bob, carol)
    await settle(alice, bob, carol, rounds=20)
    assert [await titles(desk, three) for desk in (alice, bob, carol)] == [["Before", "Rota"]] * 3


async def test_a_message_that_is_only_edited_leaves_the_note(alice, bob, carol, three, pinned):
    await core(alice).chat.edit(three, pinned, "Rota for July")
    await settle(alice, bob, carol, rounds=20)
    assert await titles(bob, three) == ["Before", "Rota for June"]


async def test_what_still_waits_for_a_shelf_goes_with_its_message(alice, bob, group):
    message = await say(bob, group, "Rota for June", alice)
    await core(bob).shelves.pin(group, message)
    await core(bob).together.keeping.run()
    assert await titles(bob, group) == ["Rota for June"]
    await core(bob).chat.delete(group, message)
    await core(bob).together.keeping.run()
    assert await titles(bob, group) == []


async def test_what_was_rewritten_while_it_waited_stands_for_itself(alice, bob, group):
    message = await say(bob, group, "Rota for June", alice)
    id = await core(bob).shelves.pin(group, message)
    await core(bob).shelves.write(group, "Rota", "As agreed by all", note=id)
    await core(bob).chat.delete(group, message)
    await settle(alice, bob)
    assert [await titles(desk, group) for desk in (alice, bob)] == [["Rota"], ["Rota"]]


async def test_a_note_that_comes_after_the_deletion_goes_too(alice, bob, carol, three):
    message = await say(alice, three, "Rota for June", bob, carol)
    await core(bob).shelves.pin(three, message)
    await settle(bob, carol, rounds=4)
    assert await titles(carol, three) == ["Before", "Rota for June"]
    await core(alice).chat.delete(three, message)
    await settle(alice, carol, rounds=8)
    assert [await titles(desk, three) for desk in (alice, carol)] == [["Before"]] * 2
