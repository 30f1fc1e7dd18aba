"""One row of one conversation is gone: with the real loop, the others go on, and a press takes it up again."""

import shutil

import pytest

from companion.chat.message import messages_table
from companion.errors import Tampered
from tests.integration.people import PASSPHRASE, Person
from tests.integration.test_thread import befriend, has_line, let_in, until
from tests.sealed_desk import TAKEN_AWAY, reach_into


@pytest.fixture
async def pair(tmp_path, relay):
    people = [Person(tmp_path / name, relay.url) for name in ("alice", "bob")]
    for person in people:
        await person.begin(person.folder.name.title())
    yield people
    for person in people:
        await person.companion.lock()


async def test_one_damaged_conversation_stops_no_other_and_goes_on_after_a_press(pair):
    alice, bob = pair
    first = await befriend(alice, bob)
    second = (await alice.opened.groups.create("Others", "sky")).id
    await let_in(alice, bob, second)
    for group in (first, second):
        await bob.opened.chat.post(group, "before")
        await has_line(alice, group, ("Bob", "before", "received"))
    await alice.companion.lock()
    reach_into(alice.folder, PASSPHRASE, messages_table(first), TAKEN_AWAY)
    for group in (first, second):
        await bob.opened.chat.post(group, "meanwhile")
    await alice.companion.unlock(passphrase=PASSPHRASE)
    await has_line(alice, second, ("Bob", "meanwhile", "received"))
    await alice.opened.chat.post(second, "still here")
    await has_line(bob, second, ("Alice", "still here", "received"))

    async def is_aside():
        return alice.opened.mending.damage(first) is not None

    await until(is_aside)
    with pytest.raises(Tampered):
        await alice.opened.chat.post(first, "not yet")
    await alice.opened.mending.go_on(first)
    await has_line(alice, first, ("Bob", "meanwhile", "received"))
    await alice.opened.chat.post(first, "here too")
    await has_line(bob, first, ("Alice", "here too", "received"))
    assert "gap" in [message.kind for message in await alice.opened.chat.messages(first)]


async def test_a_folder_that_was_put_back_says_so_and_is_heard_again(pair, tmp_path):
    alice, bob = pair
    group = await befriend(alice, bob)
    await alice.companion.lock()
    shutil.copytree(alice.folder, tmp_path / "copy")
    await alice.companion.unlock(passphrase=PASSPHRASE)
    await alice.opened.chat.post(group, "since the copy")
    await has_line(bob, group, ("Alice", "since the copy", "received"))
    await alice.companion.lock()
    shutil.rmtree(alice.folder)
    shutil.copytree(tmp_path / "copy", alice.folder)
    await alice.companion.unlock(passphrase=PASSPHRASE)
    await alice.opened.chat.post(group, "can you hear me?")
    await has_line(bob, group, ("Alice", "can you hear me?", "received"))
    await has_line(alice, group, ("Alice", "can you hear me?", "sent"))
    kinds = [message.kind for message in await alice.opened.chat.messages(group)]
    assert {"older", "gap"} <= set(kinds)
    assert ("Alice", "since the copy", "sent") in await alice.lines(group)
