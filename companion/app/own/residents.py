"""Who reads a person's own space: their devices. The signed device list is its roll, and every device may turn it.

What a device said under a key counts if it was given that key. Who was, the book tells: the first item, `given`, and
the boxes of each turn; so every device comes to the same, whenever it learns that one of them was revoked.
Source: docs/protocol.md section 8, "My own space".
"""

from collections.abc import Callable
from dataclasses import replace

from companion.app.context import ME, Context
from companion.app.own.documents import SharedDocuments
from companion.app.own.secrets import SECRETS, OwnSecret, OwnSecrets
from companion.app.spaces.desk import Desk, Landed, Unknown, wait
from companion.crypto.primitives import random_bytes
from companion.devices import DeviceList, device_id
from companion.errors import MessageRejected
from companion.fields import as_id, as_list, read_or, refused, whole
from companion.people import Me
from companion.ports import Change, Doc, Documents, Put
from companion.space.keys import BOOK, SHELF, keeper
from companion.space.place import Space
from companion.space.saying import ITEM, TURN, Saying
from companion.space.turns import Turn, open_box, seal_turn
from companion.space.words import SAID, Words
from companion.space.words import TABLE as WORDS
from companion.strings import kept

BARRED = "own_barred"


class OwnResidents:
    """Reads and turns the own space."""

    def __init__(
        self,
        context: Context,
        desk: Desk,
        documents: SharedDocuments,
        heard: Callable[[str, int, str], None],
        is_on: Callable[[], bool],
    ) -> None:
        self._context = context
        self._desk = desk
        self._documents = documents
        self._heard = heard
        self._is_on = is_on
        self._secrets = OwnSecrets(context)

    async def is_followed(self, space: Space) -> bool:
        return self._is_on()

    # Reading

    async def take(self, space: Space, landed: Landed, documents: Documents) -> tuple[Space, Change]:
        """Return what an item changes. Raises: MessageRejected, Unknown."""
        item = landed.item
        if landed.log == BOOK and item.content.get("kind") == "first":
            return await self._first(space, landed), Change()
        device = device_id(item.signer)
        if not self._context.me.member.devices.was_listed(item.signer):
            raise Unknown("a device that is not on the list yet")
        await self._require_key(space, device, item.n, documents)
        if device != self._context.me.device:
            self._heard(device, landed.at_ms, space.service)
        if landed.log == SHELF:
            return space, await self._documents.take(space, landed, documents)
        return await self._book(space, landed, documents)

    async def _first(self, space: Space, landed: Landed) -> Space:
        devices = tuple(as_id(one) for one in as_list(landed.item.content["devices"]))
        if landed.seq != 1 or landed.item.content["space"] != space.id or space.first not in ("", landed.digest):
            raise MessageRejected("another beginning")
        return replace(space, first=landed.digest, holders=space.holders or devices)

    async def _require_key(self, space: Space, device: str, n: int, documents: Documents) -> None:
        doc = await documents.get(BARRED, f"{space.id}:{device}")
        if doc is not None and n >= whole(doc["n"]):
            raise MessageRejected("a device that was shut out")

    async def _book(self, space: Space, landed: Landed, documents: Documents) -> tuple[Space, Change]:
        content = landed.item.content
        if content.get("kind") == "given":
            devices = DeviceList.decode(kept(content["devices"]))
            me = self._context.me
            mine = replace(me, member=replace(me.member, devices=me.member.devices.newer(devices)))
            device = as_id(content["device"])
            if all(entry.device.id != device for entry in mine.member.devices.entries):
                raise MessageRejected("a key for a device that is not mine")
            holders = (*space.holders, *(() if device in space.holders else (device,)))
            change = Change() if mine == me else Change(put=(Put(ME, mine.to_doc()),))
            return replace(space, holders=holders), change
        if content.get("kind") == "secret":
            number, secret = read_secret(content)
            put = OwnSecret(space=space.id, number=number, secret=secret).put()
            known = await documents.get(SECRETS, str(put.doc["_id"]))
            return space, Change() if known is not None else Change(put=(put,))
        if content.get("kind") == SAID:
            return await self._words(space, Words.from_doc(content), documents)
        return space, Change()

    async def _words(self, space: Space, words: Words, documents: Documents) -> tuple[Space, Change]:
        """The space goes by these words from now on: they are given its newest key, as a device is."""
        if not words.follows(await self._words_of(space, documents)):
            return space, Change()
        holders = tuple(dict.fromkeys((*space.holders, words.holder.hex())))
        return replace(space, holders=holders), Change(put=(Put(WORDS, {"_id": space.id, "_v": 1, **words.to_doc()}),))

    async def _words_of(self, space: Space, documents: Documents) -> Words | None:
        return read_or(await documents.get(WORDS, space.id), Words.from_doc, None)

    # Turning

    async def may_turn(self, space: Space, turn: Turn, seq: int, documents: Documents) -> bool:
        if not await self.may_lead(space, turn.signer, turn.n + 1, documents):
            return False
        doc = await documents.get(BARRED, f"{space.id}:{device_id(turn.signer)}")
        return doc is None or turn.n < whole(doc["n"])

    async def may_lead(self, space: Space, signer: bytes, n: int, documents: Documents) -> bool:
        return self._context.me.member.devices.was_listed(signer)

    async def key_of(self, space: Space, turn: Turn, documents: Documents) -> bytes | None:
        me = self._context.me
        try:
            return open_box(turn, space.octets, bytes.fromhex(me.device), me.seal_private)
        except MessageRejected:
            return None

    async def is_shut_out(self, space: Space, turn: Turn) -> bool:
        return True  # every device that is meant to read on has its box in the turn itself

    async def turned(self, space: Space, turn: Turn, seq: int, documents: Documents) -> tuple[Space, Change]:
        """Return who has the key now; who was left out is barred from this number on."""
        boxes = frozenset(id.hex() for id in turn.boxes)
        gone = [device for device in space.holders if device not in boxes]
        docs: list[Doc] = [{"_id": f"{space.id}:{device}", "_v": 1, "n": turn.n + 1} for device in gone]
        return replace(space, holders=tuple(sorted(boxes))), Change(put=tuple(Put(BARRED, doc) for doc in docs))

    async def cut(self, space: Space, log: str, head: int) -> Change:
        return Change()  # what was read here stays

    async def next_turn(self, space: Space) -> Change:
        """Return a turn, and another own secret, where a device or words have the key that are in use no longer."""
        me, words = self._context.me, await self._words_of(space, self._context.store)
        boxes = {device.id: device.seal_key for device in me.member.devices.active}
        may_turn = me.device in boxes
        boxes |= {words.holder.hex(): words.box} if words is not None else {}
        if all(holder in boxes for holder in space.holders) or not may_turn:
            return Change()
        key, book = space.key(space.n), space.logs[BOOK]
        if key is None or book.n != space.n:
            return Change()
        following = random_bytes(32)
        body = seal_turn(
            key,
            space.n,
            following,
            space=space.octets,
            log=space.log_id(BOOK),
            sign_private=me.sign_private,
            at=book.cursor,
            boxes={bytes.fromhex(id): box for id, box in boxes.items()},
        )
        turn = Saying(
            id=self._context.new_id(),
            space=space.id,
            log=BOOK,
            kind=TURN,
            content={},
            body=body,
            n=space.n,
            key=following,
        )
        return Change(put=(wait(turn), wait(await self.new_secret(space))))

    async def new_secret(self, space: Space) -> Saying:
        """Return what gives my devices another own secret; the former ones stay."""
        number, secret = await self._secrets.next_of(space)
        content: dict[str, object] = {"kind": "secret", "number": number, "secret": secret.hex()}
        return Saying(id=self._context.new_id(), space=space.id, log=BOOK, kind=ITEM, content=content)

    # Speaking

    async def settled(self, space: Space, said: Saying, seq: int, documents: Documents) -> Change:
        return Change()

    async def lost_files(self, blobs: tuple[str, ...], documents: Documents) -> Change:
        return await self._documents.files.lost(blobs, documents)

    async def sign_private(self, space: Space, signer: bytes = b"") -> bytes | None:
        me = self._context.me
        return me.sign_private if signer in (b"", me.sign_key) else None

    async def turns_as(self, space: Space, n: int) -> bytes:
        return b""

    async def keeper(self, space: Space, log: str, n: int) -> str | None:
        key = space.key(n)
        return None if key is None else keeper(key, space.log_id(log)).hex()

    async def next_keeper(self, space: Space, log: str, following: bytes) -> str | None:
        return keeper(following, space.log_id(log)).hex()


def own_first(space: str, me: Me) -> dict[str, object]:
    """Return the first item of an own space: its first device alone has the key."""
    return {"kind": "first", "space": space, "devices": [me.device]}


@refused("an own secret")
def read_secret(content: dict[str, object]) -> tuple[int, bytes]:
    """Return its number and its 32 bytes. Raises: MessageRejected."""
    secret = bytes.fromhex(kept(content["secret"]))
    if len(secret) != 32:
        raise MessageRejected("a secret of another length")
    return whole(content["number"]), secret
