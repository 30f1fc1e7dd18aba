"""Holding a message, and taking it back."""

import pytest

from companion.app.chat.chatting import UNDO_MS, Ways
from companion.errors import StoreError
from tests.fakes import Desk, deliver
from tests.unit.app.chat.talk import HOUR_MS, core, only, said


async def test_a_held_message_can_be_taken_back_and_nobody_ever_had_it(hazel: Desk, jay: Desk, group: str) -> None:
    held = await core(hazel).chat.post(group, "Too soon", Ways(hold_ms=UNDO_MS))
    await core(hazel).due.run()
    await deliver(hazel, jay)
    assert (held.state, await said(jay, group)) == ("held", [])
    assert await core(hazel).chat.undo(held.id) == "Too soon"
    hazel.clock.move(UNDO_MS)
    await core(hazel).due.run()
    await deliver(hazel, jay)
    assert await said(jay, group) == await said(hazel, group) == []
    assert await core(hazel).chat.draft_of(group) == "Too soon"


async def test_a_held_message_goes_when_it_is_due_also_after_a_restart(hazel: Desk, jay: Desk, group: str) -> None:
    await core(hazel).chat.post(group, "In a moment", Ways(hold_ms=UNDO_MS))
    assert await core(hazel).due.next_ms() <= hazel.clock.now_ms() + UNDO_MS
    await hazel.companion.lock()
    hazel.clock.move(UNDO_MS)
    await hazel.companion.unlock(passphrase="green chair by the window")
    await core(hazel).due.run()
    await deliver(hazel, jay)
    assert (await only(jay, group)).text == "In a moment"
    assert (await only(hazel, group)).state == "sent"


async def test_what_has_gone_cannot_be_taken_back(hazel: Desk, group: str) -> None:
    message = await core(hazel).chat.post(group, "Gone")
    assert await core(hazel).chat.undo(message.id) is None


async def test_send_later_waits_for_its_time(hazel: Desk, jay: Desk, group: str) -> None:
    later = hazel.clock.now_ms() + HOUR_MS
    await core(hazel).chat.post(group, "Tomorrow", Ways(hold_ms=UNDO_MS, due_ms=later))
    hazel.clock.move(HOUR_MS - 1)
    await core(hazel).due.run()
    await deliver(hazel, jay)
    assert await said(jay, group) == []
    hazel.clock.move(1)
    await core(hazel).due.run()
    await deliver(hazel, jay)
    assert (await only(jay, group)).text == "Tomorrow"


async def test_a_full_disk_keeps_the_words_in_the_composer(hazel: Desk, group: str) -> None:
    core(hazel).chat.draft(group, "Keep me")
    hazel.vault.store.fails = True
    with pytest.raises(StoreError):
        await core(hazel).chat.post(group, "Keep me")
    assert core(hazel).chat.draft_now(group) == "Keep me"
