"""The same act twice is one act, and a blob goes with the last message that names it."""

import asyncio

import pytest

from companion.app.chat.chatting import UNDO_MS, Ways
from companion.app.chat.letting_go import local_of
from companion.attachments import IN_WORK, Attachment, Picture
from companion.chat.message import WAITING
from companion.errors import StoreError, UsageError
from companion.ports import Change, Put
from tests.fakes import Desk, deliver
from tests.unit.app.chat.talk import core, said

HELD = Ways(hold_ms=UNDO_MS)


@pytest.fixture(autouse=True)
def slow_store(hazel: Desk, group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that takes a moment, as a real one does, so that two acts can meet in it."""
    store = hazel.vault.store
    for name in ("get", "all", "commit"):
        asked = getattr(store, name)

        async def slowly(*what: object, asked=asked) -> object:
            await asyncio.sleep(0)
            return await asked(*what)

        monkeypatch.setattr(store, name, slowly)


async def picture(desk: Desk, group: str) -> Attachment:
    one = Picture(content=b"pixels", media_type="image/png", width=4, height=3)
    return await core(desk).sharing.seal(group, one)


async def let_all_go(hazel: Desk, jay: Desk) -> None:
    """Everything that is held becomes due, is uploaded and arrives."""
    hazel.clock.move(UNDO_MS)
    await core(hazel).due.run()
    await deliver(hazel, jay)


async def test_one_picture_goes_with_one_message(hazel: Desk, group: str) -> None:
    one = await picture(hazel, group)
    posts = [core(hazel).sharing.post(group, "", (one,), HELD) for _ in range(2)]
    ends = await asyncio.gather(*posts, return_exceptions=True)
    assert [type(end) for end in ends if isinstance(end, Exception)] == [UsageError]
    assert len(await core(hazel).chat.waiting(group)) == 1


async def test_a_picture_that_could_not_be_sent_can_be_sent_again(hazel: Desk, group: str) -> None:
    one = await picture(hazel, group)
    hazel.vault.store.fails = True
    with pytest.raises(StoreError):
        await core(hazel).sharing.post(group, "", (one,), HELD)
    hazel.vault.store.fails = False
    await core(hazel).sharing.post(group, "", (one,), HELD)
    assert len(await core(hazel).chat.waiting(group)) == 1


async def test_taking_a_picture_off_after_it_was_sent_leaves_it_to_the_message(
    hazel: Desk, jay: Desk, group: str
) -> None:
    one = await picture(hazel, group)
    await core(hazel).sharing.post(group, "", (one,), HELD)
    await core(hazel).attaching.discard(one)
    await let_all_go(hazel, jay)
    assert await core(hazel).attaching.read(one) == b"pixels"


async def test_a_picture_that_was_taken_off_goes_from_the_disk_and_cannot_be_sent(hazel: Desk, group: str) -> None:
    one = await picture(hazel, group)
    await core(hazel).attaching.discard(one)
    assert not hazel.vault.blobs.held
    with pytest.raises(UsageError):
        await core(hazel).sharing.post(group, "", (one,), HELD)


async def test_what_hung_on_a_message_that_was_taken_back_can_be_sent_again(hazel: Desk, jay: Desk, group: str) -> None:
    message = await core(hazel).sharing.post(group, "Wait", (await picture(hazel, group),), HELD)
    back = await core(hazel).sharing.undo(message)
    assert back is not None
    await core(hazel).sharing.post(group, "Now", back, HELD)
    await let_all_go(hazel, jay)
    assert [(one.text, len(one.attachments)) for one in await said(jay, group)] == [("Now", 1)]


async def test_what_hung_on_a_message_that_was_taken_back_goes_with_the_next_start(hazel: Desk, group: str) -> None:
    message = await core(hazel).sharing.post(group, "Wait", (await picture(hazel, group),), HELD)
    await core(hazel).sharing.undo(message)
    await hazel.companion.lock()
    await hazel.companion.unlock(passphrase="green chair by the window")
    assert not hazel.vault.blobs.held
    assert not hazel.vault.store.tables[IN_WORK]


async def test_two_messages_of_an_older_version_that_name_one_picture_keep_it_until_the_last_is_gone(
    hazel: Desk, jay: Desk, group: str
) -> None:
    await core(hazel).sharing.post(group, "", (await picture(hazel, group),), HELD)
    [doc] = hazel.vault.store.tables[WAITING].values()
    twin = {**doc, "_id": "ab" * 16, "attachments": [{**doc["attachments"][0], "blob": "cd" * 16}]}
    await hazel.vault.store.commit(Change(put=(Put(WAITING, twin),)))
    await let_all_go(hazel, jay)
    first, second = await said(hazel, group)
    await core(hazel).chat.delete(group, first.id)
    await core(hazel).attaching.sweep()
    left = local_of(second.attachments[0])
    assert left is not None
    assert await core(hazel).attaching.read(left) == b"pixels"
    await core(hazel).chat.delete(group, second.id)
    await core(hazel).attaching.sweep()
    assert not hazel.vault.blobs.held


async def test_words_that_go_leave_the_composer_before_anything_is_awaited(hazel: Desk, group: str) -> None:
    core(hazel).chat.draft(group, "Only once")
    task = asyncio.create_task(core(hazel).chat.post(group, "Only once", HELD))
    await asyncio.sleep(0)
    assert core(hazel).chat.draft_now(group) == ""
    await task


async def test_words_typed_while_others_are_sent_stay(hazel: Desk, group: str) -> None:
    core(hazel).chat.draft(group, "First")
    task = asyncio.create_task(core(hazel).chat.post(group, "First", HELD))
    await asyncio.sleep(0)
    core(hazel).chat.draft(group, "Second")
    await task
    assert core(hazel).chat.draft_now(group) == "Second"


async def test_words_in_the_composer_outlive_a_poll_and_a_shared_passage(hazel: Desk, group: str) -> None:
    core(hazel).chat.draft(group, "Half a thought")
    await core(hazel).polls.ask(group, "When?", ("Now", "Later"), is_secret=False)
    await core(hazel).chat.post(group, "A passage of my journal")
    await core(hazel).chat.save_drafts()
    assert core(hazel).chat.draft_now(group) == "Half a thought"


async def test_what_is_taken_back_while_it_goes_is_gone_or_back_and_never_both(
    hazel: Desk, jay: Desk, group: str
) -> None:
    message = await core(hazel).chat.post(group, "Perhaps", HELD)
    hazel.clock.move(UNDO_MS)
    _, taken = await asyncio.gather(core(hazel).due.run(), core(hazel).chat.undo(message.id))
    await deliver(hazel, jay)
    assert (taken is None) == bool(await said(jay, group))


async def test_two_timers_send_what_is_due_once(hazel: Desk, jay: Desk, group: str) -> None:
    await core(hazel).sharing.post(group, "", (await picture(hazel, group),), HELD)
    hazel.clock.move(UNDO_MS)
    await asyncio.gather(core(hazel).due.run(), core(hazel).due.run())
    before = [event.body for event in hazel.relay.logs[group]]
    await deliver(hazel, jay)
    assert len(hazel.relay.logs[group]) - len(before) == 1
