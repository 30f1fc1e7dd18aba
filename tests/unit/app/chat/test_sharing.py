"""Pictures and voice notes: sealed for the group, made anew by who gets them, gone when their message goes."""

import pytest

from companion.app import Opened
from companion.app.chat.chatting import UNDO_MS, Ways
from companion.app.chat.letting_go import local_of
from companion.attachments import IN_WORK, Picture
from companion.chat.message import Message, messages_table
from companion.errors import MessageRejected, RelayRefused
from tests.fakes import Desk, deliver

PIXELS = b"\x89picture of a canary " * 4_000


def core(desk: Desk) -> Opened:
    assert desk.companion.opened is not None
    return desk.companion.opened


class Cleaner:
    """Makes a picture anew: what comes out is what went in, and that it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def clean(self, data: bytes) -> Picture:
        self.asked += 1
        return Picture(content=data, media_type="image/jpeg", width=40, height=30)


async def share(hazel: Desk, jay: Desk, group: str) -> Message:
    """Hazel sends a picture; return Jay's message."""
    picture = Picture(content=PIXELS, media_type="image/jpeg", width=40, height=30)
    attachment = await core(hazel).sharing.seal(group, picture)
    await core(hazel).sharing.post(group, "Our wall", (attachment,), Ways(hold_ms=UNDO_MS))
    hazel.clock.move(UNDO_MS)
    await core(hazel).due.run()
    await deliver(hazel, jay)
    return (await core(jay).chat.messages(group))[-1]


async def test_a_picture_arrives_sealed_and_is_made_anew(hazel: Desk, jay: Desk, group: str) -> None:
    message = await share(hazel, jay, group)
    assert message.text == "Our wall"
    [sealed] = hazel.relay.blobs.values()
    assert b"canary" not in sealed
    cleaner = Cleaner()
    blob = str(message.attachments[0]["blob"])
    await core(jay).sharing.fetch(message, blob, cleaner)
    shown = await core(jay).chat.message(group, message.id)
    assert shown is not None
    local = local_of(shown.attachments[0])
    assert local is not None
    assert await core(jay).attaching.read(local) == PIXELS
    assert cleaner.asked == 1
    assert not jay.vault.store.tables[IN_WORK]


async def test_without_a_connection_it_waits_and_goes_once(hazel: Desk, jay: Desk, group: str) -> None:
    hazel.relay.is_online = False
    await share(hazel, jay, group)
    assert [m.state for m in await core(hazel).chat.waiting(group)] == ["uploading"]
    hazel.relay.is_online = True
    hazel.clock.move(60_000)
    await core(hazel).due.run()
    await core(hazel).due.run()
    await deliver(hazel, jay)
    shown = [m for m in await core(jay).chat.messages(group) if m.text == "Our wall"]
    assert len(shown) == len(hazel.relay.blobs) == 1


async def test_another_content_than_was_said_is_rejected(hazel: Desk, jay: Desk, group: str) -> None:
    message = await share(hazel, jay, group)
    blob = str(message.attachments[0]["blob"])
    sealed = hazel.relay.blobs[blob]
    for bad in (sealed[:-1] + bytes([sealed[-1] ^ 1]), sealed[: len(sealed) // 2], b""):
        hazel.relay.blobs[blob] = bad
        with pytest.raises(MessageRejected):
            await core(jay).sharing.fetch(message, blob, Cleaner())
    assert local_of((await core(jay).chat.message(group, message.id)).attachments[0]) is None


async def test_what_hung_on_a_deleted_message_goes_from_both_devices(hazel: Desk, jay: Desk, group: str) -> None:
    message = await share(hazel, jay, group)
    await core(jay).sharing.fetch(message, str(message.attachments[0]["blob"]), Cleaner())
    await core(hazel).chat.delete(group, message.id)
    await deliver(hazel, jay)
    for desk in (hazel, jay):
        await core(desk).attaching.sweep()
        assert not any(PIXELS in held for held in desk.vault.blobs.held.values())
        assert desk.vault.store.tables[messages_table(group)][message.id]["attachments"] == []


async def lose_blobs(desk: Desk, times: int) -> list[str]:
    """Let the service know nothing of blobs for so many envelopes; return what it was asked to keep."""
    relay, uploads, plain = desk.relay, list[str](), desk.relay.append
    put = relay.put_blob

    def append(item):
        nonlocal times
        if item.blobs and times:
            times -= 1
            relay.blobs.clear()
            raise RelayRefused(409, "no-blob")
        return plain(item)

    async def put_blob(id, size, read):
        uploads.append(id)
        await put(id, size, read)

    relay.append, relay.put_blob = append, put_blob
    return uploads


async def test_picture_that_the_service_lost_before_its_message_came_is_brought_again(
    hazel: Desk, jay: Desk, group: str
) -> None:
    uploads = await lose_blobs(hazel, 1)
    await share(hazel, jay, group)
    assert (await core(hazel).chat.messages(group))[-1].state == "uploading"
    await core(hazel).due.run()
    await deliver(hazel, jay)
    assert [one.state for one in await core(hazel).chat.messages(group) if one.text == "Our wall"] == ["sent"]
    assert len(uploads) == 2
    assert len(set(uploads)) == 1


async def test_service_that_loses_it_each_time_is_not_brought_it_for_ever(hazel: Desk, jay: Desk, group: str) -> None:
    uploads = await lose_blobs(hazel, 9)
    await share(hazel, jay, group)
    for _ in range(4):
        await core(hazel).due.run()
        await deliver(hazel, jay)
    assert (await core(hazel).chat.messages(group))[-1].state == "refused"
    assert len(uploads) == 2


async def test_no_more_is_taken_in_than_a_message_promised(hazel: Desk, jay: Desk, group: str) -> None:
    message, asked = await share(hazel, jay, group), list[int]()

    async def endless(id: str, offset: int, length: int) -> bytes:
        asked.append(length)
        return bytes(length)

    hazel.relay.get_blob = endless
    with pytest.raises(MessageRejected, match="more than"):
        await core(jay).sharing.fetch(message, str(message.attachments[0]["blob"]), Cleaner())
    assert sum(asked) <= 1 << 20
