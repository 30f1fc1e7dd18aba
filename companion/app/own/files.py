"""What hangs on shared documents, and words too long for an item: sealed again for my other devices, each under a key
of its own that only the versions name. They come to another device when somebody wants them there.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from companion.app.attaching import Attaching
from companion.app.chat.sharing import open_file, seal_file
from companion.app.context import Context
from companion.app.own.bringing import COMING, Bringing
from companion.app.spaces.desk import Desk, wait
from companion.attachments import Attachment
from companion.crypto.chunked import sealed_bytes
from companion.crypto.primitives import random_bytes
from companion.errors import MessageRejected
from companion.fields import STAYS, as_id, as_object, each_read, objects, refused, whole
from companion.journal import AWAY
from companion.journal import TABLE as JOURNAL
from companion.ports import Change, Doc, Documents, Network, Put
from companion.space.place import Space
from companion.space.saying import Saying
from companion.space.versions import Version
from companion.strings import kept

log = logging.getLogger(__name__)

FILES = "own_files"
BLOBS_LIMIT = 16
LONG, WORDS = "long", "own_words"
LONG_LIMIT_BYTES = 64 << 20
_FACTS = ("id", "kind", "media_type", "size_bytes", "at_ms", "width", "height", "sample_rate_hz", "channels", "caption")
_WAY = ("blob", "key", "device")
"""Where it lies at the service, what opens it, and which of my devices has brought it there."""


class Files:
    """`fetch` and `upload` ask the service; nothing else here does."""

    def __init__(self, context: Context, desk: Desk, attaching: Attaching, network: Network) -> None:
        self._context = context
        self._desk = desk
        self._attaching = attaching
        self._network = network
        self.bringing = Bringing(context, network)

    # Out

    async def body_out(
        self, table: str, doc: Doc, fields: dict[str, object], documents: Documents
    ) -> tuple[dict[str, object], Change]:
        """Return what of a document goes to my other devices, and what is noted of the files that it names."""
        if table != JOURNAL:
            return fields, Change()
        change, shared = Change(), list[dict[str, object]]()
        for one in objects(doc.get("attachments")):
            known = await documents.get(FILES, str(one["id"]))
            if known is None:
                known = {"_id": one["id"], "_v": 1, "blob": self._context.new_id(), "key": random_bytes(32).hex()}
                known |= {"device": self._context.me.device, "is_up": False, "page": doc["_id"]}
                change += Change(put=(Put(FILES, known),))
            shared.append({name: one[name] for name in _FACTS} | {name: known[name] for name in _WAY})
        shared += objects(doc.get(AWAY))
        shared.sort(key=lambda one: (str(one["at_ms"]), str(one["id"])))
        return {**{name: value for name, value in fields.items() if name != AWAY}, "attachments": shared}, change

    async def made_ready(self, said: Saying, most_bytes: int) -> tuple[tuple[Saying, ...], Change]:
        """Return something to say with the files that it names, which go first; words too long for it are one."""
        change, body = Change(), said.content["body"]
        named = [str(one["blob"]) for one in objects(body.get("attachments") if isinstance(body, dict) else None)]
        if len(json.dumps(said.content, ensure_ascii=False).encode()) > most_bytes:
            words = {"_id": said.id, "_v": 1, "blob": self._context.new_id(), "key": random_bytes(32).hex()}
            text = json.dumps(body, ensure_ascii=False)
            change += Change(put=(Put(FILES, {**words, "is_up": False, "text": text}),))
            size = len(text.encode())
            long = {LONG: {"blob": words["blob"], "key": words["key"], "size_bytes": size}}
            said = replace(said, content={**said.content, "body": long})
            named.insert(0, str(words["blob"]))
        elif isinstance(body, dict) and is_long(body):  # of another device, told again in another space
            named.insert(0, str(as_object(body[LONG])["blob"]))
        first = replace(said, blobs=tuple(named[:BLOBS_LIMIT]), awaits=bool(named))
        rest = [named[i : i + BLOBS_LIMIT] for i in range(BLOBS_LIMIT, len(named), BLOBS_LIMIT)]
        content: dict[str, object] = {"kind": "files", "of": said.content["id"]}
        more = (
            replace(said, id=self._context.new_id(), content=content, blobs=tuple(some), awaits=True) for some in rest
        )
        return (first, *more), change

    async def upload(self, space: Space, said: Saying) -> None:
        """Bring the files that something to say names, then let it go. One that is not here is named no longer.

        Raises SyncError, StoreError.
        """
        relay = await self._network.relay(space.service)
        docs, there = await self._known(said.blobs, self._context.store), list[str]()
        for blob in said.blobs:
            doc = docs.get(blob)
            if doc is not None and not doc["is_up"]:
                content = await self._content(doc)
                if content is None:
                    continue
                sealed = seal_file(content, bytes.fromhex(str(doc["key"])), blob)
                await relay.put_blob(blob, len(sealed), _reader(sealed))
                up = {**{name: value for name, value in doc.items() if name != "text"}, "is_up": True}
                await self._context.commit(Change(put=(Put(FILES, up),)))
            there.append(blob)
        await self._context.commit(Change(put=(wait(replace(said, awaits=False, blobs=tuple(there))),)))

    async def _content(self, doc: Doc) -> bytes | None:
        """Return what is in a file, None if it does not lie here, or not any more."""
        if isinstance(doc.get("text"), str):
            return str(doc["text"]).encode()
        try:
            page = await self._context.store.get(JOURNAL, str(doc.get("page")))
            hangs = objects(None if page is None else page.get("attachments"))
            found = next((one for one in hangs if one.get("id") == doc["_id"]), None)
            return None if found is None else await self._attaching.read(Attachment.from_doc(found))
        except STAYS as error:
            log.warning("a file cannot be brought: %s", type(error).__name__)
            return None

    async def lost(self, blobs: tuple[str, ...], documents: Documents) -> Change:
        """Return what notes that the service does not have these files: they go again from whoever has them."""
        down = {"is_up": False}
        known = await self._known(blobs, documents)
        unknown: dict[str, Doc] = {blob: {"_id": blob, "_v": 1, "blob": blob, "key": ""} for blob in blobs}
        return Change(put=tuple(Put(FILES, {**doc, **down}) for doc in {**unknown, **known}.values()))

    async def _known(self, blobs: tuple[str, ...], documents: Documents) -> dict[str, Doc]:
        """Return what is noted of these files."""
        return await documents.read(FILES, lambda docs: {str(d["blob"]): {**d} for d in docs if d["blob"] in blobs})

    # In

    async def doc_in(self, table: str, doc: Doc, local: Doc | None) -> tuple[Doc, Change]:
        """Return a document as it is kept here: what hangs on it and lies here stays, the rest is away. What hung on
        it and does no longer goes.
        """
        if table != JOURNAL:
            return doc, Change()
        here = {str(one["id"]): one for one in objects(None if local is None else local.get("attachments"))}
        stays, away, change = list[object](), list[object](), Change()
        for one in objects(doc.get("attachments")):
            shared = read_file(one)
            known: Doc = {"_id": shared["id"], "_v": 1, "is_up": True, "page": doc["_id"]} | {
                name: shared[name] for name in _WAY
            }
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
        here = objects(None if local is None or table != JOURNAL else local.get("attachments"))
        return self._attaching.let_go(*each_read(here, Attachment.from_doc))

    async def fetch_words(self, space: Space, version: Version) -> dict[str, object]:
        """Return the body of a version whose words are a file. Raises SyncError, MessageRejected."""
        said = as_object(as_object(version.body)[LONG])
        blob, key = as_id(said["blob"]), kept(said["key"])
        content = await self._fetched(space, version.id, blob, key, said["size_bytes"], WORDS)
        with refused("words of my other device"):
            return as_object(json.loads(content or b""))

    async def fetch(self, space: Space, one: Mapping[str, object]) -> Attachment | None:
        """Bring something that is away to this device, None if it rests. It goes again unless it is given an owner.

        Raises: SyncError, MessageRejected if it is not what was promised, StoreError.
        """
        id, blob, key = str(one["id"]), as_id(one["blob"]), kept(one["key"])
        content = await self._fetched(space, id, blob, key, one["size_bytes"])
        if content is None:
            return None
        return await self._attaching.take_over(Attachment.from_doc({**one, "blob": {}}), content)

    async def _fetched(
        self, space: Space, id: str, blob: str, key: str, size: object, line: str = COMING
    ) -> bytes | None:
        if not 0 < whole(size) <= LONG_LIMIT_BYTES:
            raise MessageRejected(f"a file of {size} bytes")
        sealed = await self.bringing.bring(id, space.service, blob, sealed_bytes(whole(size)), line)
        content = None if sealed is None else open_file(sealed, bytes.fromhex(key), blob)
        if content is not None and len(content) != size:
            raise MessageRejected(f"a file of {len(content)} bytes")
        return content


def is_long(body: Mapping[str, object] | None) -> bool:
    """Tell whether the words of a version are a file that has to be fetched."""
    return body is not None and LONG in body


@refused("a file of my other device")
def read_file(doc: dict[str, object]) -> dict[str, object]:
    """Return what hangs on a document of another device. Raises: MessageRejected."""
    shared = {name: doc[name] for name in _FACTS} | {"blob": as_id(doc["blob"]), "key": kept(doc["key"])}
    shared["device"] = as_id(doc["device"])
    if len(bytes.fromhex(str(shared["key"]))) != 32:
        raise MessageRejected("a file without a key")
    as_id(shared["id"])
    Attachment.from_doc({**shared, "blob": {}})
    return shared


def _reader(sealed: bytes) -> Callable[[int, int], Awaitable[bytes]]:
    async def read(offset: int, length: int) -> bytes:
        return sealed[offset : offset + length]

    return read
