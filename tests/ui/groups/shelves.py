"""A shelf of one group in memory: what the core would show, and every state that is hard to bring about."""

from dataclasses import replace

from companion.app.together.shelves import Shelf, ShelfNote
from companion.chat.message import messages_table
from companion.errors import ShelfFull
from tests.fakes import NOW_MS, Desk
from tests.ui.groups.talk import core

ME, JAY = "aa" * 32, "bb" * 32


def a_note(id: str, title: str, text: str = "", **parts: object) -> ShelfNote:
    """Return a note of mine, unless `parts` say otherwise."""
    note = ShelfNote(
        id=id * 32,
        author=ME,
        person="",
        name="Hazel Ford",
        title=title,
        text=text,
        created_ms=NOW_MS,
        changed_ms=NOW_MS,
        message="",
        is_mine=True,
        may_take_down=True,
        is_waiting=False,
    )
    return replace(note, **parts)  # type: ignore[arg-type]  # named by the tests


class ShelvesInMemory:
    """Takes the place of `Shelves` in an opened core."""

    def __init__(self, desk: Desk, *notes: ShelfNote) -> None:
        self._context = core(desk)._context
        self.here = Shelf(notes=notes, state="here" if notes else "none")
        self.is_full = False
        core(desk).shelves = self  # type: ignore[assignment]  # it has all that screens ask for

    def become(self, **parts: object) -> None:
        """Change what is there, and tell the windows."""
        shelf = replace(self.here, **parts)  # type: ignore[arg-type]
        self.here = replace(shelf, state="here") if shelf.notes and shelf.state == "none" else shelf
        self._context.tell(frozenset({"shelf_items"}))

    async def shelf(self, group_id: str) -> Shelf:
        return self.here

    async def pin(self, group_id: str, message_id: str) -> str:
        doc = await self._context.store.get(messages_table(group_id), message_id)
        assert doc is not None
        text = str(doc["text"])
        note = a_note("f", text.splitlines()[0][:80], text, message=message_id)
        self.become(notes=(*self.here.notes, note))
        return note.id

    async def write(self, group_id: str, title: str, text: str, *, note: str = "") -> str:
        if self.is_full:
            raise ShelfFull("as many notes as fit")
        if note:
            changed = [replace(n, title=title, text=text) if n.id == note else n for n in self.here.notes]
            self.become(notes=tuple(changed))
            return note
        new = a_note("e", title, text)
        self.become(notes=(*self.here.notes, new))
        return new.id

    async def take_down(self, group_id: str, note: str, author: str) -> None:
        self.become(notes=tuple(n for n in self.here.notes if (n.id, n.author) != (note, author)))
