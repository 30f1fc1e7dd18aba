"""The shelf of a group: notes worth keeping, read by those who come later.

A note is an item of the log `shelf`, a change another one `of` it. Whoever wrote it may change it or take it down; so
may, only the latter, those who look after the group. The fold is a pure function of the items in their order.
Source: docs/protocol.md section 8.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from companion.errors import MessageRejected
from companion.fields import as_id, refused, whole
from companion.space.items import Item
from companion.strings import read_line, read_text

TITLE_LIMIT = 80
TEXT_LIMIT = 8_000
NOTES_LIMIT = 200
"""So many notes are shown: what is worth keeping is few."""
NOTE, DOWN = "note", "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One note, by the id of its first item. `author` is who wrote it, as the shelf's space knows them.

    Times are of the service's clock. `is_changed`: its author has written it anew.
    """

    id: str
    author: bytes
    title: str
    text: str
    created_ms: int
    changed_ms: int
    message: str = ""
    is_changed: bool = False


Notes = dict[tuple[str, bytes], Note]
Names = set[tuple[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An item in its place in the log: its number, and when the service took it. `is_steward`: as the book says."""

    seq: int
    at_ms: int
    item: Item
    is_steward: bool


def note_content(id: str, title: str, text: str, *, message: str = "", of: str = "") -> dict[str, object]:
    """Return a note, or new words for one of mine, `of` it. `id` is the item's. `message`: what it was pinned from."""
    return {"kind": NOTE, "id": id, "of": of, "title": title, "text": text, "message": message}


def down_content(id: str, author: bytes) -> dict[str, object]:
    """Return what takes a note down."""
    return {"kind": DOWN, "of": id, "author": author.hex()}


@refused("a note")
def read_note(placed: Placed) -> Note:
    """Raises: MessageRejected."""
    content = placed.item.content
    message, of = content.get("message", ""), content.get("of", "")
    return Note(
        id=as_id(of) if of else placed.item.id,
        author=placed.item.signer,
        title=read_line(content["title"], TITLE_LIMIT, "a note's title"),
        text=read_text(content["text"], TEXT_LIMIT, "a note", may_be_empty=True),
        created_ms=whole(placed.at_ms),
        changed_ms=whole(placed.at_ms),
        message=as_id(message) if message else "",
    )


def notes(items: Iterable[Placed]) -> tuple[Note, ...]:
    """Return the notes that stand, in the order in which they were put there. What is malformed changes nothing.

    The same id by another signer is another note, so that nobody can put words in a note of somebody else.
    """
    found = Notes()
    gone, said = Names(), Names()
    for placed in items:
        name = (placed.item.id, placed.item.signer)
        if name in said:
            continue
        said.add(name)
        try:
            kind = placed.item.content.get("kind")
            if kind == NOTE:
                _put(found, gone, read_note(placed), is_change=bool(placed.item.content.get("of")))
            elif kind == DOWN:
                _take_down(found, gone, placed)
        except MessageRejected:
            continue
    return tuple(found.values())


def _put(found: Notes, gone: Names, note: Note, *, is_change: bool) -> None:
    name = (note.id, note.author)
    before = found.get(name)
    if name in gone or is_change != (before is not None):
        raise MessageRejected("a change to no note, or a note twice")
    if before is None and len(found) >= NOTES_LIMIT:
        raise MessageRejected("a note too many")
    if before is not None:
        note = replace(note, created_ms=before.created_ms, message=before.message, is_changed=True)
    found[name] = note


@refused("a note's end")
def _take_down(found: Notes, gone: Names, placed: Placed) -> None:
    content = placed.item.content
    name = (as_id(content["of"]), bytes.fromhex(str(content["author"])))
    if placed.item.signer != name[1] and not placed.is_steward:
        raise MessageRejected("not for this one to take down")
    gone.add(name)
    found.pop(name, None)
