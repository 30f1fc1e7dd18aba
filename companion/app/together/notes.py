"""The shelf as it was read: each item of the log in its place, what I put there, and what is to lose its words.

The fold is `companion.space.shelf`'s; here an author is the person behind a member key, as far as a card says so.
"""

from dataclasses import dataclass, replace

from companion.app.spaces.desk import Landed
from companion.app.together.books import read_item
from companion.fields import as_id, as_object, each_read, refused, whole
from companion.ports import Change, Doc, Documents, Put
from companion.space import shelf
from companion.space.belonging import Belonging
from companion.space.place import Space
from companion.space.shelf import DOWN, NOTE, Note, Placed
from companion.strings import kept

ITEMS, PINS, GONE = "shelf_items", "pins", "shelf_gone"


def author_of(book: Belonging, signer: bytes) -> bytes:
    """Return who is behind a member key: the identity key on their card, else the key itself."""
    card = book.cards.get(signer)
    return signer if card is None else card.identity_key


# What was read ----------------------------------------------------------------------------------------


def item_put(space: str, landed: Landed, *, is_steward: bool) -> Put:
    """Return the document of an item in its place."""
    item = landed.item
    doc: Doc = {"_id": f"{space}:{landed.seq}", "_v": 1, "space": space, "seq": landed.seq, "at_ms": landed.at_ms}
    doc |= {"n": item.n, "id": item.id, "signer": item.signer.hex(), "content": item.content, "cid": landed.cid}
    return Put(ITEMS, doc | {"is_steward": is_steward})


async def placed(space: str, documents: Documents) -> tuple[Placed, ...]:
    """Return what stands on a shelf, in its order."""
    found = await documents.read(
        ITEMS, lambda docs: each_read((doc for doc in docs if doc["space"] == space), read_placed)
    )
    return tuple(sorted(found, key=lambda one: one.seq))


def standing(book: Belonging, items: tuple[Placed, ...]) -> tuple[Note, ...]:
    """Return the notes that stand, by the people behind their keys."""
    return shelf.notes(replace(one, item=replace(one.item, signer=author_of(book, one.item.signer))) for one in items)


async def without_words(space: Space, book: Belonging, landed: Landed, is_steward: bool, held: Documents) -> Change:
    """Return the change with which what is taken down loses its words here; nothing for what takes nothing down."""
    content = landed.item.content
    if content.get("kind") != DOWN:
        return Change()
    note, author = read_down(content)
    if not is_steward and author_of(book, landed.item.signer) != author:
        return Change()
    docs = await _docs_of(space.id, book, note, author, held)
    return Change(put=tuple(Put(ITEMS, {**doc, "content": _wordless(doc)}) for doc in docs))


def _wordless(doc: Doc) -> Doc:
    """Return what is left of a note's item: which note it is of, so that its words are found at the service too."""
    return {"kind": NOTE, "of": as_object(doc["content"]).get("of", "")}


async def _docs_of(space: str, book: Belonging, note: str, author: bytes, held: Documents) -> tuple[Doc, ...]:
    """Return the documents of a note and of its changes; not of what takes it down, which has to stay."""
    docs = await held.read(ITEMS, lambda docs: [doc for doc in docs if doc["space"] == space])
    docs = [doc for doc in docs if as_object(doc["content"]).get("kind") == NOTE]
    mine = [(doc, one) for doc in docs for one in each_read((doc,), read_placed)]
    return tuple(
        doc
        for doc, one in mine
        if author_of(book, one.item.signer) == author and note in (one.item.id, one.item.content.get("of"))
    )


@refused("an item of a shelf that is kept")
def read_placed(doc: Doc) -> Placed:
    at_ms = whole(doc["at_ms"])
    return Placed(seq=whole(doc["seq"]), at_ms=at_ms, item=read_item(doc), is_steward=doc["is_steward"] is True)


@refused("what takes a note down")
def read_down(content: Doc) -> tuple[str, bytes]:
    """Return which note, and whose. Raises: MessageRejected."""
    return as_id(content["of"]), bytes.fromhex(kept(content["author"]))


# What I put there -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A note of mine on its way to the shelf of a group: it waits in plain until it can be said. `of`: the note of mine
    for which these are new words. `made_ms` is of this device's clock.
    """

    id: str
    group: str
    title: str
    text: str
    made_ms: int
    message: str = ""
    of: str = ""

    def content(self) -> Doc:
        return shelf.note_content(self.id, self.title, self.text, message=self.message, of=self.of)

    def put(self) -> Put:
        doc: Doc = {"_id": self.id, "_v": 1, "group": self.group, "title": self.title, "text": self.text}
        return Put(PINS, doc | {"made_ms": self.made_ms, "message": self.message, "of": self.of})


async def pins(group: str, documents: Documents) -> tuple[Pin, ...]:
    """Return what waits for a group's shelf, in the order in which it was put there."""
    found = await documents.read(PINS, lambda docs: each_read(docs, read_pin))
    return tuple(one for one in found if one.group == group)


@refused("a note that waits")
def read_pin(doc: Doc) -> Pin:
    return Pin(
        id=as_id(doc["_id"]),
        group=kept(doc["group"]),
        title=kept(doc["title"]),
        text=kept(doc["text"]),
        made_ms=whole(doc["made_ms"]),
        message=kept(doc["message"]),
        of=kept(doc["of"]),
    )


def pin_again(group: str, content: Doc, made_ms: int) -> Change:
    """Return the change that lets a note of mine wait once more, from what was said of it."""
    if content.get("kind") != NOTE or "text" not in content:
        return Change()
    named = {name: kept(content.get(name, "")) for name in ("title", "text", "message", "of")}
    return Change(put=(Pin(id=as_id(content["id"]), group=group, made_ms=made_ms, **named).put(),))


# What is to lose its words at the service -------------------------------------------------------------


async def to_empty(
    space: Space, book: Belonging, content: Doc, held: Documents, mine: frozenset[bytes] | None = None
) -> Change:
    """Return the change that notes that what was taken down is to lose its words at the service too: what these keys
    have signed, whose own secret erases it; without keys, all of it, for who has the keeper.
    """
    if content.get("kind") != DOWN:
        return Change()
    note, author = read_down(content)
    found = await _docs_of(space.id, book, note, author, held)
    docs = [doc for doc in found if mine is None or bytes.fromhex(str(doc["signer"])) in mine]
    puts = (
        Put(GONE, {"_id": str(doc["cid"]), "_v": 1, "space": space.id, "seq": doc["seq"], "id": doc["id"]})
        for doc in docs
    )
    return Change(put=tuple(puts))
