"""What hangs on shared documents, and words too long for an item: sealed again for my other devices, each under a key
of its own that only the versions name. They come to another device when somebody wants them there.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace

from companion.app.attaching import Attaching
from companion.app.chat.sharing import PIECE_BYTES, open_file, seal_file
from companion.app.context import Context
from companion.app.spaces.desk import Desk, wait
from companion.attachments import Attachment
from companion.crypto.chunked import sealed_bytes
from companion.crypto.primitives import random_bytes
from companion.errors import MessageRejected, UsageError
from companion.fields import as_id, as_object, each_read, refused, whole
from companion.journal import TABLE as JOURNAL
from companion.ports import Change, Doc, Documents, Network, Put
from companion.space.place import Space
from companion.space.saying import Saying
from companion.space.versions import Version
from companion.strings import kept

log = logging.getLogger(__name__)

FILES = "own_files"
AWAY = "away"
"""The field of a document for what hangs on it and does not lie on this device."""
BLOBS_LIMIT = 16
LONG = "long"
LONG_LIMIT_BYTES = 64 << 20
_FACTS = ("id", "kind", "media_type", "size_bytes", "at_ms", "width", "height", "sample_rate_hz", "channels", "caption")


class Files:
    """`fetch` and `upload` ask the service; nothing else here does."""

    def __init__(self, context: Context, desk: Desk, attaching: Attaching, network: Network) -> None:
        self._context = context
        self._desk = desk
        self._attaching = attaching
        self._network = network

    # Out

    async def body_out(
        self, table: str, doc: Doc, fields: dict[str, object], documents: Documents
    ) -> tuple[dict[str, object], Change]:
        """Return what of a document goes to my other devices, and what is noted of the files that it names."""
        if table != JOURNAL:
            return fields, Change()
        change, shared = Change(), list[dict[str, object]]()
        for one in _objects(doc.get("attachments")):
            known = await documents.get(FILES, str(one["id"]))
            if known is None:
                known = {"_id": one["id"], "_v": 1, "blob": self._context.new_id(), "key": random_bytes(32).hex()}
                known |= {"is_up": False}
                change += Change(put=(Put(FILES, known),))
            shared.append({**{name: one[name] for name in _FACTS}, "blob": known["blob"], "key": known["key"]})
        shared += _objects(doc.get(AWAY))
        shared.sort(key=lambda one: (str(one["at_ms"]), str(one["id"])))
        return {**{name: value for name, value in fields.items() if name != AWAY}, "attachments": shared}, change

    async def made_ready(self, said: Saying, most_bytes: int) -> tuple[tuple[Saying, ...], Change]:
        """Return something to say with the files that it names, which go first; words too long for it are one."""
        change, body = Change(), said.content["body"]
        named = [str(one["blob"]) for one in _objects(body.get("attachments") if isinstance(body, dict) else None)]
        if len(json.dumps(said.content, ensure_ascii=False).encode()) > most_bytes:
            words = {"_id": said.id, "_v": 1, "blob": self._context.new_id(), "key": random_bytes(32).hex()}
            text = json.dumps(body, ensure_ascii=False)
            change += Change(put=(Put(FILES, {**words, "is_up": False, "text": text}),))
            size = len(text.encode())
            long = {LONG: {"blob": words["blob"], "key": words["key"], "size_bytes": size}}
            said = replace(said, content={**said.content, "body": long})
            named.insert(0, str(words["blob"]))
        first = replace(said, blobs=tuple(named[:BLOBS_LIMIT]), awaits=bool(named))
        rest = [named[i : i + BLOBS_LIMIT] for i in range(BLOBS_LIMIT, len(named), BLOBS_LIMIT)]
        content: dict[str, object] = {"kind": "files", "of": said.content["id"]}
        more = (
            replace(said, id=self._context.new_id(), content=content, blobs=tuple(some), awaits=True) for some in rest
        )
        return (first, *more), change

    async def upload(self, space: Space, said: Saying) -> None:
        """Bring the files that something to say names, then let it go. Raises SyncError, StoreError."""
        relay = await self._network.relay(space.service)
        docs = {str(doc["blob"]): doc for doc in await self._context.store.all(FILES)}
        for blob in said.blobs:
            doc = docs.get(blob)
            if doc is not None and not doc["is_up"]:
                content = await self._content(doc)
                sealed = seal_file(content, bytes.fromhex(str(doc["key"])), blob)
                await relay.put_blob(blob, len(sealed), _reader(sealed))
                up = {**{name: value for name, value in doc.items() if name != "text"}, "is_up": True}
                await self._context.commit(Change(put=(Put(FILES, up),)))
        await self._context.commit(Change(put=(wait(replace(said, awaits=False)),)))

    async def _content(self, doc: Doc) -> bytes:
        if isinstance(doc.get("text"), str):
            return str(doc["text"]).encode()
        found = await self._context.store.read(JOURNAL, lambda docs: _attachment(docs, str(doc["_id"])))
        if found is None:
            raise UsageError("what hung on a page is gone")
        return await self._attaching.read(Attachment.from_doc(found))

    # In

    async def doc_in(self, table: str, doc: Doc, local: Doc | None) -> tuple[Doc, Change]:
        """Return a document as it is kept here: what hangs on it and lies here stays, the rest is away. What hung on
        it and does no longer goes.
        """
        if table != JOURNAL:
            return doc, Change()
        here = {str(one["id"]): one for one in _objects(None if local is None else local.get("attachments"))}
        stays, away, change = list[object](), list[object](), Change()
        for one in _objects(doc.get("attachments")):
            shared = read_file(one)
            known: Doc = {"_id": shared["id"], "_v": 1, "blob": shared["blob"], "key": shared["key"], "is_up": True}
            change += Change(put=(Put(FILES, known),))
            if str(shared["id"]) in here:
                stays.append({**here.pop(str(shared["id"])), "caption": shared["caption"]})
            else:
                away.append(shared)
        gone = each_read(list(here.values()), Attachment.from_doc)
        fresh = {**doc, "attachments": stays, **({AWAY: away} if away else {})}
        return fresh, change + self._attaching.let_go(*gone)

    async def let_go(self, table: str, local: Doc | None) -> Change:
        """Return what takes away what hangs on a document that goes."""
        here = _objects(None if local is None or table != JOURNAL else local.get("attachments"))
        return self._attaching.let_go(*each_read(here, Attachment.from_doc))

    async def fetch_words(self, space: Space, version: Version) -> dict[str, object]:
        """Return the body of a version whose words are a file. Raises SyncError, MessageRejected."""
        said = as_object(as_object(version.body)[LONG])
        size = whole(said["size_bytes"])
        content = await self._fetched(space, as_id(said["blob"]), kept(said["key"]), size)
        with refused("words of my other device"):
            return as_object(json.loads(content))

    async def fetch(self, space: Space, one: Mapping[str, object]) -> Attachment:
        """Bring something that is away to this device. It goes again unless a commit gives it an owner.

        Raises: SyncError, MessageRejected if it is not what was promised, StoreError.
        """
        size = whole(one["size_bytes"])
        content = await self._fetched(space, as_id(one["blob"]), kept(one["key"]), size)
        return await self._attaching.take_over(Attachment.from_doc({**one, "blob": {}}), content)

    async def _fetched(self, space: Space, blob: str, key: str, size: int) -> bytes:
        if not 0 < size <= LONG_LIMIT_BYTES:
            raise MessageRejected(f"a file of {size} bytes")
        relay = await self._network.relay(space.service)
        sealed, promised = bytearray(), sealed_bytes(size)
        while len(sealed) < promised and (piece := await relay.get_blob(blob, len(sealed), PIECE_BYTES)):
            sealed += piece
        if len(sealed) != promised:
            raise MessageRejected(f"a file of {len(sealed)} bytes in place of {promised}")
        content = open_file(bytes(sealed), bytes.fromhex(key), blob)
        if len(content) != size:
            raise MessageRejected(f"a file of {len(content)} bytes")
        return content


def is_long(body: Mapping[str, object] | None) -> bool:
    """Tell whether the words of a version are a file that has to be fetched."""
    return body is not None and LONG in body


@refused("a file of my other device")
def read_file(doc: dict[str, object]) -> dict[str, object]:
    """Return what hangs on a document of another device. Raises: MessageRejected."""
    shared = {name: doc[name] for name in _FACTS} | {"blob": as_id(doc["blob"]), "key": kept(doc["key"])}
    if len(bytes.fromhex(str(shared["key"]))) != 32:
        raise MessageRejected("a file without a key")
    as_id(shared["id"])
    Attachment.from_doc({**shared, "blob": {}})
    return shared


def _objects(value: object) -> list[dict[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _attachment(docs: Iterable[Doc], id: str) -> dict[str, object] | None:
    named = (one for doc in docs for one in _objects(doc.get("attachments")) if one.get("id") == id)
    return next(named, None)


def _reader(sealed: bytes) -> Callable[[int, int], Awaitable[bytes]]:
    async def read(offset: int, length: int) -> bytes:
        return sealed[offset : offset + length]

    return read
