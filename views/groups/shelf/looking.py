"""What the screens of a shelf share: reading it, the addresses of its notes, and what is said of one."""

from collections.abc import Sequence
from typing import cast

import flet as ft

from companion.app import Opened
from companion.app.together.shelves import Shelf, ShelfNote
from companion.groups import Group
from views import theme
from views.groups.naming import counted, mark_of
from views.mirror.context import Frame, use_opened, use_part
from views.mirror.effects import use_task
from views.pages import content_page
from views.parts.buttons import button
from views.parts.frame import foot
from views.parts.surfaces import gap
from views.parts.text import reading_column
from views.words.texts import Texts

SHELF, NEW, CHANGE = "shelf", "new", "change"
"""Below a group in the address: "shelf", "shelf/new", "shelf/<note>", "shelf/<note>/change"."""


def use_shelf(group: Group) -> Shelf | None:
    """A hook: the shelf of this group, read anew whenever one may have changed; None before it was read."""
    opened, turn = use_opened(), use_part(lambda state: state.shelves_turn)
    shelf, set_shelf = ft.use_state(cast("Shelf | None", None))

    async def read() -> None:
        if not group.is_pair:
            set_shelf(await opened.shelves.shelf(group.id))

    use_task(read, [group.id, turn])
    return shelf


def may_write(group: Group, opened: Opened) -> bool:
    """Whether I can put something on this shelf now."""
    is_sure = all(seat.accepted for seat in group.seats)
    return group.state == "member" and not group.is_pair and is_sure and not opened.is_read_only


def shelf_path(group: Group, *below: str) -> str:
    """Return the address of the shelf, or of what stands `below` it."""
    return "/".join(("/groups", group.id, SHELF, *below))


def note_name(note: ShelfNote) -> str:
    """Return how the address names a note: by its id and its author, as only both name it."""
    return f"{note.id}-{note.author}"


def named(shelf: Shelf, name: str) -> ShelfNote | None:
    """Return the note that the address names, if it stands there."""
    return next((note for note in shelf.notes if note_name(note) == name), None)


def pinned_from(shelf: Shelf | None, message: str) -> ShelfNote | None:
    """Return the note that was made of a message, if one stands there."""
    return next((note for note in shelf.notes if note.message == message), None) if shelf else None


def fates(texts: Texts, shelf: Shelf | None, message: str) -> tuple[str, ...]:
    """Return what becomes of the notes that were made of a message when that is deleted for everyone."""
    made = [note for note in shelf.notes if note.message == message] if shelf else []
    return tuple(texts(key) for key in dict.fromkeys(_fate(note) for note in made))


def _fate(note: ShelfNote) -> str:
    return "shelf.stays" if note.is_changed else "shelf.goes_too"


def count_words(texts: Texts, shelf: Shelf) -> str:
    """Return "3 notes", or what is true of a shelf without any."""
    if shelf.notes:
        return counted(texts, len(shelf.notes), "shelf.one_note", "shelf.notes")
    return texts("shelf.row_opening" if shelf.state == "opening" else "shelf.row_none")


def title_words(note: ShelfNote) -> str:
    """Return the title; of a message that was kept, an ellipsis says where its first line goes on."""
    first = next(iter(note.text.strip().splitlines()), "")
    is_cut = bool(note.message) and first != note.title and first.startswith(note.title)
    return f"{note.title}\u2026" if is_cut else note.title


def by_words(texts: Texts, note: ShelfNote) -> str:
    """Return who put a note there and when, and when its words became others."""
    who = texts("groups.you") if note.is_mine else note.name or texts("groups.somebody")
    day, changed = (texts.day_of(at_ms) for at_ms in (note.created_ms, note.changed_ms))
    if changed != day:
        return texts("shelf.by_changed", name=who, day=day, changed=changed)
    return texts("shelf.by", name=who, day=day)


def way_back(frame: Frame, label: str, path: str) -> list[ft.Control]:
    """Return the way up beside the rail; on a phone the bar has it."""
    if frame.is_phone:
        return [gap(theme.HAIR)]
    back = button(label, lambda: frame.go(path), icon=ft.Icons.ARROW_BACK_ROUNDED, kind="quiet", size="slim")
    return [ft.Row([back])]


def shelf_screen(
    frame: Frame, group: Group, title: str, body: Sequence[ft.Control], below: ft.Control | None = None
) -> ft.Control:
    """Return a page of the shelf. `below` are its actions: at the foot, or with large text at the end of the page."""
    at_end = [below] if below and frame.is_large_text else []
    return content_page(
        frame,
        title,
        [reading_column(*body, *at_end, spacing=theme.PAD)],
        subtitle=group.name,
        lead=mark_of(group, 40),
        foot=foot(below) if below and not at_end else None,
    )
