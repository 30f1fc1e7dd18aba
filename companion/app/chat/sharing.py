"""Intents of pictures and voice notes in a conversation: hang them on a message, bring them across, let them go.

What travels is sealed again, under a key of its own that only the message names; what lies here stays sealed as any
other blob of this device.
"""

import io
from dataclasses import replace

from companion.app.attaching import Attaching
from companion.app.chat.chatting import Chatting, Ways
from companion.app.chat.letting_go import local_of
from companion.app.context import Context
from companion.app.groups.grouping import Grouping
from companion.attachments import Attachment, Picture
from companion.chat.changing import Update
from companion.chat.message import ATTACHMENT_LIMIT, TEXT_LIMIT, Doc, Message, messages_table
from companion.chat.sharing import FILE_LIMIT_BYTES, SharedFile
from companion.crypto.chunked import ChunkedReader, ChunkedWriter, sealed_bytes
from companion.crypto.primitives import hkdf, random_bytes
from companion.errors import CryptoError, MessageRejected, RelayRefused, SyncError, UsageError
from companion.fields import STAYS, refused, whole
from companion.ports import Change, Edit, Network, Pictures
from companion.strings import clean_text

PIECE_BYTES = 1 << 20


class Sharing:
    """A message with attachments waits until all of them are with the service."""

    def __init__(
        self, context: Context, groups: Grouping, chat: Chatting, attaching: Attaching, network: Network
    ) -> None:
        self._context = context
        self._groups = groups
        self._chat = chat
        self._attaching = attaching
        self._network = network

    async def post(self, group_id: str, text: str, these: tuple[Attachment, ...], ways: Ways) -> Message:
        """Keep a message with attachments; it goes when it is due and they are uploaded.

        Raises: UsageError, also if one of them is on its way already.
        """
        text = clean_text(text).strip()
        if not 0 < len(these) <= ATTACHMENT_LIMIT or len(text) > TEXT_LIMIT:
            raise UsageError("no attachments, too many, or too long a text")
        if any(one.size_bytes > FILE_LIMIT_BYTES for one in these):
            raise UsageError("an attachment is too large")
        self._attaching.take(*these)
        try:
            files = tuple(_shared(self._context.new_id(), one) for one in these)
            blank = replace(self._chat.blank(group_id, text), attachments=files)
            return await self._chat.post_line(blank, ways, with_=self._attaching.kept(*these))
        except BaseException:
            self._attaching.give_back(*these)
            raise

    async def undo(self, message: Message) -> tuple[Attachment, ...] | None:
        """Take back a message that is still held; return what hung on it, or None if it has gone."""
        if await self._chat.undo(message.id) is None:
            return None
        these = tuple(local for one in message.attachments if (local := local_of(one)) is not None)
        self._attaching.give_back(*these)
        return these

    async def send_waiting(self) -> bool:
        """Upload and send what waits with attachments; return whether some of it has to be tried again.

        Without an answer of the service it goes on waiting. What can never go is given up, and keeps no other away.
        """
        has_more = False
        for message in await self._chat.all_waiting():
            if message.state != "uploading":
                continue
            try:
                await self._upload(message)
                await self._chat.send_uploaded(message)
            except RelayRefused as refusal:
                if refusal.status == 400 or refusal.reason == "other-bytes":
                    await self._chat.give_up(message, refusal)
                else:
                    has_more = True
            except SyncError:
                has_more = True
            except STAYS as error:
                await self._chat.give_up(message, error)
        return has_more

    async def _upload(self, message: Message) -> None:
        group = await self._groups.group(message.group)
        if group is None:
            raise UsageError("the group is gone")
        relay = await self._network.relay(group.service)
        for one in message.attachments:
            local = local_of(one)
            if local is None:
                raise UsageError("an attachment is gone")
            content = await self._attaching.read(local)
            sealed = seal_file(content, bytes.fromhex(str(one["key"])), str(one["blob"]))

            async def read(offset: int, length: int, sealed: bytes = sealed) -> bytes:
                return sealed[offset : offset + length]

            await relay.put_blob(str(one["blob"]), len(sealed), read)

    async def fetch(self, message: Message, blob: str, pictures: Pictures) -> None:
        """Bring an attachment of a message to this device; a picture is made anew from its pixels first.

        Raises: SyncError, MessageRejected if it is not what the message says, PictureUnreadable.
        """
        file = next((one for one in message.attachments if one["blob"] == blob), None)
        group = await self._groups.group(message.group)
        if file is None or group is None or local_of(file) is not None:
            return
        relay = await self._network.relay(group.service)
        sealed, promised = bytearray(), sealed_bytes(whole(file["size_bytes"]))
        while piece := await relay.get_blob(blob, len(sealed), PIECE_BYTES):
            sealed += piece
            if len(sealed) > promised:
                raise MessageRejected(f"an attachment of more than {promised} bytes")
        content = open_file(bytes(sealed), bytes.fromhex(str(file["key"])), blob)
        if len(content) != file["size_bytes"]:
            raise MessageRejected(f"an attachment of {len(content)} bytes")
        local = await self._keep(file, content, pictures)
        edit = Edit(messages_table(message.group), message.id, _with_local(blob, local))
        await self._context.commit(self._attaching.kept(local) + Change(edit=(edit,)))

    async def _keep(self, file: SharedFile, content: bytes, pictures: Pictures) -> Attachment:
        if file["kind"] == "picture":
            return replace(await self._attaching.seal(await pictures.clean(content)), caption=str(file["caption"]))
        here = {"id": self._context.new_id(), "blob": {}, "at_ms": self._context.clock.now_ms()}
        facts = Attachment.from_doc({**file, **here})
        return await self._attaching.take_over(facts, content)

    async def seal(self, group_id: str, picture: Picture) -> Attachment:
        """Keep a picture that is about to be sent to a group."""
        return await self._attaching.seal(picture, owner=group_id)


def seal_file(content: bytes, key: bytes, blob: str) -> bytes:
    """Return what the service keeps. The key is of this blob alone, so its salt may follow from it: an upload that
    broke off is gone on with under the same bytes.
    """
    out = io.BytesIO()
    writer = ChunkedWriter(out, key, _context(blob), lambda count: hkdf(key, b"companion shared salt v1", count))
    writer.write(content)
    writer.close()
    return out.getvalue()


@refused("an attachment")
def open_file(sealed: bytes, key: bytes, blob: str) -> bytes:
    """Return the content. Raises MessageRejected if it does not open whole."""
    try:
        reader = ChunkedReader(io.BytesIO(sealed), len(sealed), key, _context(blob))
        if not reader.complete:
            raise MessageRejected("an attachment was cut short")
        return reader.read_at(0, reader.length)
    except CryptoError:
        raise MessageRejected("an attachment does not open") from None


def _shared(blob: str, one: Attachment) -> dict[str, object]:
    facts = ("kind", "media_type", "size_bytes", "width", "height", "sample_rate_hz", "channels", "caption")
    doc = one.to_doc()
    return {"blob": blob, "key": random_bytes(32).hex(), "local": doc} | {name: doc[name] for name in facts}


def _with_local(blob: str, local: Attachment) -> Update:
    def update(doc: Doc | None) -> Doc | None:
        if doc is None:
            return None
        message = Message.from_doc(doc)
        files = tuple({**one, "local": local.to_doc()} if one["blob"] == blob else one for one in message.attachments)
        return replace(message, attachments=files).to_doc()

    return update


def _context(blob: str) -> bytes:
    return b"companion shared file v1|" + bytes.fromhex(blob)
