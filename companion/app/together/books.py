"""The book of a space, folded from the items that this device has read."""

from collections.abc import Iterable
from dataclasses import replace

from companion.app.context import Context
from companion.app.spaces.reading import reached, waiting_table
from companion.fields import as_id, as_object, each_read, refused, whole
from companion.ports import Change, Doc, Documents, Drop, Put
from companion.space.belonging import Belonging
from companion.space.book import with_item, with_nothing, with_turn
from companion.space.items import Item
from companion.space.keys import BOOK
from companion.space.place import Space
from companion.space.turns import Turn
from companion.strings import kept

ITEMS = "book_items"
Entry = tuple[int, Item | None]
"""A number of the book, and what stands there: None for a turn."""


class Books:
    """Keeps each in memory as it was folded last."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._folded: dict[str, Belonging] = {}
        context.in_doubt.append(self._folded.clear)

    async def now(self, space: Space, documents: Documents | None = None) -> Belonging:
        """Return the book as far as it was read."""
        held = documents or self._context.store
        return await self.before(space, 1 + await reached(space, BOOK, held), held)

    async def is_waiting(self, space: Space) -> bool:
        """Tell whether something of the book waits for a key that is not known here."""
        return bool(await self._context.store.newest(waiting_table(space.log_id(BOOK).hex()), 1))

    async def before(self, space: Space, seq: int, documents: Documents) -> Belonging:
        """Return the book with all that stands before this number."""
        folded = self._folded.get(space.id)
        if folded is None or folded.seq >= seq:
            is_first = folded is None
            folded = await documents.read(ITEMS, lambda docs: _fold(space, docs, seq))
            if is_first and documents is self._context.store:  # what is ahead is of a reading that goes on meanwhile
                self._folded.setdefault(space.id, folded)
        return with_nothing(folded, max(folded.seq, seq - 1))

    async def turner(self, space: Space, n: int, documents: Documents) -> bytes:
        """Return the key of whoever turned the space to the key of this number, empty if that was not read here."""
        docs = await documents.read(ITEMS, lambda docs: [doc for doc in docs if doc["space"] == space.id])
        signers = (kept(doc["signer"]) for doc in docs if doc["is_turn"] and whole(doc["n"]) == n - 1)
        return bytes.fromhex(next(signers, ""))

    def take(self, space: Space, before: Belonging, seq: int, said: Item | Turn) -> Change:
        """Return the change that keeps what stands next in the book."""
        item = said if isinstance(said, Item) else None
        self._folded[space.id] = _grown(before, (seq, item))
        doc: Doc = {"_id": item_id(space.id, seq), "_v": 1, "space": space.id, "seq": seq, "is_turn": item is None}
        doc |= {"n": said.n, "signer": said.signer.hex(), "content": said.content}
        doc |= {} if item is None else {"id": item.id}
        return Change(put=(Put(ITEMS, doc),))

    def forget(self, space: str) -> None:
        self._folded.pop(space, None)


def item_id(space: str, seq: int) -> str:
    return f"{space}:{seq}"


def _fold(space: Space, docs: Iterable[Doc], end: int) -> Belonging:
    mine = each_read((doc for doc in docs if doc["space"] == space.id), read_entry)
    book = Belonging(space=space.octets)
    for entry in sorted((one for one in mine if one[0] < end), key=lambda one: one[0]):
        book = _grown(book, entry)
    return book


def _grown(book: Belonging, entry: Entry) -> Belonging:
    seq, item = entry
    return replace(with_turn(book, seq), seq=seq) if item is None else with_item(book, seq, item)


@refused("an item of a book that is kept")
def read_entry(doc: Doc) -> Entry:
    item = None if doc["is_turn"] else read_item(doc)
    return whole(doc["seq"]), item


@refused("an item that is kept")
def read_item(doc: Doc) -> Item:
    """Return what was opened, judged and kept: nothing is proved by it any more."""
    return Item(
        n=whole(doc["n"]),
        id=as_id(doc["id"]),
        signer=bytes.fromhex(kept(doc["signer"])),
        content=as_object(doc["content"]),
    )


async def beyond(table: str, space: str, head: int, documents: Documents) -> Change:
    """Return the change that forgets what a table holds of a space's log beyond a number."""
    ids = await documents.read(
        table, lambda docs: [str(doc["_id"]) for doc in docs if doc["space"] == space and whole(doc["seq"]) > head]
    )
    return Change(drop=tuple(Drop(table, id) for id in ids))
