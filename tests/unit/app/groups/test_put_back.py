"""A device whose data were put back to an older state learns it from its own words, and says nothing in old keys."""

import copy

import pytest

from companion.app.chat.chatting import UNDO_MS, Ways
from companion.app.groups.returning import roll_back
from companion.errors import UsageError
from companion.ports import PACKAGES, RelayEvent
from tests.fakes import PASSPHRASE, Desk, deliver
from tests.unit.app.groups.conftest import core, happened, said, say, state


async def copied(desk: Desk) -> dict[str, dict[str, dict[str, object]]]:
    """What a copy of the folder holds now."""
    return copy.deepcopy(desk.vault.store.tables)


async def put_back(desk: Desk, tables: dict[str, dict[str, dict[str, object]]]) -> None:
    """Put the copy back where no keystore knows of it."""
    await desk.companion.lock()
    desk.keystore.held.clear()
    desk.vault.store.tables = copy.deepcopy(tables)
    await desk.companion.unlock(passphrase=PASSPHRASE)
    assert await desk.companion.phase() == "open"


async def test_words_said_after_the_copy_come_back(alice, bob, group):
    await say(bob, group, "Before", alice)
    older = await copied(bob)
    await say(bob, group, "Since then", alice)
    await put_back(bob, older)
    await deliver(bob, alice)
    assert await said(bob, group) == [("Bob Reed", "Before"), ("Bob Reed", "Since then")]


async def test_new_words_reach_the_others_after_the_folder_was_put_back(alice, bob, group):
    older = await copied(bob)
    await say(bob, group, "Since then", alice)
    await put_back(bob, older)
    await core(bob).chat.post(group, "Can you hear me?")  # before anything was read
    await deliver(bob, alice, bob, alice)
    assert (await said(alice, group))[-1] == ("Bob Reed", "Can you hear me?")
    assert [m.state for m in await core(bob).chat.messages(group) if m.text == "Can you hear me?"] == ["sent"]
    assert (await core(alice).groups.group(group)).unopened == 0


async def test_nothing_is_sent_in_old_keys_while_nobody_lets_the_device_in(alice, bob, group, relay):
    older = await copied(bob)
    await say(bob, group, "Since then", alice)
    await put_back(bob, older)
    await core(bob).chat.post(group, "Can you hear me?")
    before = len(relay.logs[group])
    await deliver(bob)
    assert await state(bob, group) == "rejoining"
    assert len(relay.logs[group]) == before
    assert [m.state for m in await core(bob).chat.messages(group) if m.text == "Can you hear me?"] == ["waiting"]
    assert [item.body for item in await core(bob).groups.tools.outbox.of_group(group)] == [b""]


async def test_what_was_sealed_before_waits_for_new_keys(alice, bob, group, relay):
    await core(bob).chat.post(group, "Sealed already")
    assert [bool(item.body) for item in await core(bob).groups.tools.outbox.of_group(group)] == [True]
    await core(bob).groups.rejoin(group)
    before = len(relay.logs[group])
    await deliver(bob)
    assert len(relay.logs[group]) == before
    await deliver(alice, bob, alice)
    assert (await said(alice, group))[-1] == ("Bob Reed", "Sealed already")


async def test_going_back_is_done_once(alice, bob, group):
    tools = core(bob).groups.tools
    async with tools.key_states.turn():
        await roll_back(tools)
        made = set(bob.vault.store.tables[PACKAGES])
        await roll_back(tools)
    assert set(bob.vault.store.tables[PACKAGES]) == made


async def test_a_message_that_was_held_in_the_copy_and_went_since_stands_there_once(alice, bob, group):
    message = await core(bob).chat.post(group, "Held at first", Ways(hold_ms=UNDO_MS))
    older = await copied(bob)
    bob.clock.move(UNDO_MS)
    await core(bob).due.run()
    await deliver(bob, alice)
    await put_back(bob, older)
    await deliver(bob, alice, bob, alice)
    await core(bob).due.run()
    await deliver(bob, alice, bob, alice)
    for desk in (alice, bob):
        assert [text for _, text in await said(desk, group)].count("Held at first") == 1
    assert (await core(bob).chat.message(group, message.id)).state == "sent"


async def test_the_conversation_says_once_that_the_device_was_put_back(alice, bob, group):
    older = await copied(bob)
    for text in ("one", "two", "three"):
        await say(bob, group, text, alice)
    await put_back(bob, older)
    await deliver(bob, alice)
    assert [kind for kind, _ in await happened(bob, group)].count("older") == 1


async def test_a_commit_of_mine_that_is_unknown_here_proves_it_too(alice, bob, group):
    older = await copied(alice)
    alice.clock.move(8 * 86_400_000)
    await alice.companion.lock()
    await alice.companion.unlock(passphrase=PASSPHRASE)  # renews its keys
    await deliver(alice, bob)
    await put_back(alice, older)
    await deliver(alice, bob)
    assert "older" in [kind for kind, _ in await happened(alice, group)]
    await say(alice, group, "Here again", bob)
    assert (await said(bob, group))[-1] == ("Alice Fern", "Here again")


async def test_every_group_lets_the_device_in_anew_and_used_key_packages_go(alice, bob, group):
    second = (await core(alice).groups.create("Others", "sky")).id
    alone = (await core(bob).groups.create("Alone", "pine")).id
    await deliver(alice, bob)
    invite = await core(alice).groups.invite(second)
    await core(bob).groups.join(await core(bob).groups.look_at(invite.code.code))
    await deliver(bob, alice, bob)
    older, epoch = await copied(bob), (await core(bob).groups.group(alone)).epoch
    await say(bob, group, "Since then", alice)
    await put_back(bob, older)
    await bob.network.exchange()
    assert [await state(bob, one) for one in (group, second)] == ["rejoining", "rejoining"]
    assert not older[PACKAGES].keys() & bob.vault.store.tables[PACKAGES].keys()
    await deliver(bob, alice, bob)
    assert [await state(bob, one) for one in (group, second, alone)] == ["member", "member", "member"]
    assert (await core(bob).groups.group(alone)).epoch > epoch


async def test_a_message_that_waited_in_the_copy_and_went_since_is_not_said_twice(alice, bob, group, relay):
    relay.is_online = False
    await core(bob).chat.post(group, "Only once")
    older = await copied(bob)
    relay.is_online = True
    await say(alice, group, "Meanwhile", bob)
    await deliver(bob, alice)
    await say(bob, group, "Since then", alice)
    await put_back(bob, older)
    await deliver(bob, alice, bob, alice)
    for desk in (alice, bob):
        assert [text for _, text in await said(desk, group)].count("Only once") == 1
    assert not await core(bob).groups.tools.outbox.of_group(group)


async def test_an_envelope_of_mine_that_comes_again_proves_nothing(alice, bob, group, relay):
    await say(bob, group, "Once", alice)
    side, last = bob.network.sides["local"], relay.logs[group][-1]
    bob.vault.store.tables[f"tail:{group}"].clear()  # as after more than is kept of it
    again = RelayEvent(group=group, seq=last.seq + 1, cid="9" * 32, at_ms=last.at_ms, body=last.body)
    await side.receive((again,))
    assert await state(bob, group) == "member"
    assert "older" not in [kind for kind, _ in await happened(bob, group)]


async def test_who_was_put_back_may_not_say_anything_until_let_in(alice, bob, group):
    older = await copied(bob)
    await say(bob, group, "Since then", alice)
    await put_back(bob, older)
    await bob.network.exchange()
    with pytest.raises(UsageError):
        await core(bob).chat.post(group, "Too early")
