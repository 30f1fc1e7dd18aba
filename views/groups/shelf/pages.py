"""The shelf of a group, and one note of it, whole."""

from dataclasses import replace
from typing import Literal

import flet as ft

from companion.app.together.shelves import Shelf, ShelfNote
from companion.chat.attention import Wishes
from companion.groups import Group
from companion.space.shelf import NOTES_LIMIT
from views import theme
from views.groups.membership import NewKeyNotice, OutNotice
from views.groups.shelf.looking import (
    CHANGE,
    NEW,
    by_words,
    may_write,
    named,
    note_name,
    shelf_path,
    shelf_screen,
    title_words,
    use_shelf,
    way_back,
)
from views.groups.shelf.writing import NoteEditor
from views.mirror.context import Frame, use_frame, use_opened, use_quiet_window
from views.mirror.effects import use_task
from views.parts.buttons import Action, button, pressable
from views.parts.people import Look
from views.parts.rows import fact_row, state_mark
from views.parts.safe import safe
from views.parts.surfaces import card, column, empty_state, gap, notice, ruled
from views.parts.text import heading, soft, text, words
from views.sure import Sure
from views.words.texts import Texts

PREVIEW_LETTERS = 240


@safe
def ShelfPages(group: Group, wishes: Wishes, below: str, key: str = "") -> ft.Control:
    """What the address asks for `below` the shelf: nothing, "new", a note, or changing one."""
    shelf, frame, texts = use_shelf(group), use_frame(), use_quiet_window().texts
    name, _, what = below.partition("/")
    if group.state != "member":
        return shelf_screen(frame, group, texts("shelf.title"), [OutNotice(group)])
    if shelf is None:
        return shelf_screen(frame, group, texts("shelf.title"), [])
    note = named(shelf, name)
    if name == NEW:
        return NoteEditor(group, "", None, False, key=NEW)
    is_gone = note is None and shelf.state != "opening"
    if what == CHANGE:
        return NoteEditor(group, name, note, is_gone, key=below)
    return NotePage(group, note, is_gone, key=name) if name else ShelfPage(group, wishes, shelf)


@safe
def ShelfPage(group: Group, wishes: Wishes, shelf: Shelf) -> ft.Control:
    frame, opened, texts = use_frame(), use_opened(), use_quiet_window().texts

    async def seen() -> None:
        if shelf.notes and not wishes.is_shelf_seen and not opened.is_read_only:
            await opened.attention.set_wishes(replace(wishes, group=group.id, is_shelf_seen=True))

    use_task(seen, [bool(shelf.notes)])
    rows = [_row(frame, texts, group, note) for note in shelf.notes]
    body = way_back(frame, texts("shelf.back_group", group=group.name), f"/groups/{group.id}")
    body += shelf_notices(texts, shelf)
    if rows:
        body += [card(*ruled(rows), pad=theme.TIGHT, spacing=0), fact_row(ft.Icons.GROUP_ROUNDED, texts("shelf.who"))]
    elif shelf.state != "opening":
        body.append(empty_state(texts("shelf.empty"), hint=texts("shelf.empty_hint")))
    below = _below(frame, texts, group, shelf, may_write(group, opened))
    return shelf_screen(frame, group, texts("shelf.title"), body, below)


def _below(frame: Frame, texts: Texts, group: Group, shelf: Shelf, can_write: bool) -> ft.Control | None:
    """Return the way to a new note, or why there is none."""
    if any(not seat.accepted for seat in group.seats):
        return NewKeyNotice(group)
    if not can_write:
        return None
    if len(shelf.notes) >= NOTES_LIMIT:
        return soft(texts("shelf.full", count=NOTES_LIMIT), ft.TextThemeStyle.BODY_MEDIUM)
    return button(texts("shelf.new"), lambda: frame.go(shelf_path(group, NEW)), icon=ft.Icons.ADD_ROUNDED)


def shelf_notices(texts: Texts, shelf: Shelf) -> list[ft.Control]:
    """Return what is true of the whole shelf and a reader must know, the worst first."""
    said: list[ft.Control] = []

    def tell(kind: Look | Literal["alert"], icon: ft.IconData, words: str) -> None:
        said.append(notice(icon, words, kind=kind, live=False))

    if shelf.is_forked:
        tell("alert", ft.Icons.CALL_SPLIT_ROUNDED, texts("shelf.forked"))
    if shelf.state == "opening":
        tell("stone", ft.Icons.HOURGLASS_EMPTY_ROUNDED, texts("shelf.opening"))
    if shelf.state == "none" and shelf.waits_for_carer:
        tell("honey", ft.Icons.SCHEDULE_ROUNDED, texts("shelf.begins"))
    elif any(note.is_waiting for note in shelf.notes):
        tell("honey", ft.Icons.SCHEDULE_ROUNDED, texts("shelf.waiting"))
    if shelf.still_read:
        until = texts("shelf.until_carer" if shelf.waits_for_carer else "shelf.until_itself")
        names = ", ".join(shelf.still_read)
        tell("honey", ft.Icons.KEY_ROUNDED, texts("shelf.still_read", names=names, until=until))
    elif shelf.waits_for_carer and shelf.state != "none":
        tell("stone", ft.Icons.KEY_ROUNDED, texts("shelf.carer"))
    return said


def _row(frame: Frame, texts: Texts, group: Group, note: ShelfNote) -> ft.Control:
    """Return a note as it stands on the shelf: its title, who put it there, and how it begins."""
    title, by = title_words(note), by_words(texts, note)
    begin = " ".join(_rest(note).split())[:PREVIEW_LETTERS]
    said: list[ft.Control] = [text(title, ft.TextThemeStyle.TITLE_MEDIUM, max_lines=3), soft(by)]
    if begin:
        said.append(text(begin, ft.TextThemeStyle.BODY_MEDIUM, max_lines=2))
    state = texts("groups.state_waiting") if note.is_waiting else ""
    if state:
        said.append(state_mark("waiting", state))
    return pressable(
        column(*said, spacing=theme.TIGHT),
        ". ".join(part for part in (title, by, begin, state) if part),
        lambda: frame.go(shelf_path(group, note_name(note))),
        pad=ft.Padding.all(theme.GAP),
        key=f"note-{note.id}",
    )


def _rest(note: ShelfNote) -> str:
    """Return what a note says below its title: a message that was kept begins with it."""
    first, _, rest = note.text.strip().partition("\n")
    return rest.strip() if first.strip() == note.title else note.text.strip()


@safe
def NotePage(group: Group, note: ShelfNote | None, is_gone: bool, key: str = "") -> ft.Control:
    """One note, whole; its words can be selected."""
    frame, texts = use_frame(), use_quiet_window().texts
    parts = way_back(frame, texts("shelf.back"), shelf_path(group))
    if note is None:
        parts.append(empty_state(texts("shelf.gone" if is_gone else "shelf.opening")))
    else:
        title = heading(title_words(note), 2, ft.TextThemeStyle.DISPLAY_MEDIUM)
        parts.append(column(gap(theme.TIGHT), title, soft(by_words(texts, note))))
        if note.is_waiting:
            parts.append(notice(ft.Icons.SCHEDULE_ROUNDED, texts("shelf.waiting"), kind="honey", live=False))
        if rest := _rest(note):
            parts.append(ft.SelectionArea(words(rest)))
        parts.append(NoteActions(group, note, key="actions"))
    return shelf_screen(frame, group, texts("shelf.title"), parts)


@safe
def NoteActions(group: Group, note: ShelfNote, key: str = "") -> ft.Control:
    """What can be done with a note: by whoever put it there, by who looks after the group, by everybody."""
    frame, opened, texts = use_frame(), use_opened(), use_quiet_window().texts
    has_message, set_has_message = ft.use_state(False)

    async def look() -> None:
        found = await opened.chat.message(group.id, note.message) if note.message else None
        set_has_message(found is not None and not found.is_deleted)

    use_task(look, [note.message])

    async def take_down() -> None:
        await opened.shelves.take_down(group.id, note.id, note.author)
        frame.go(shelf_path(group))

    can_write, actions = may_write(group, opened), list[ft.Control]()

    def offer(label: str, path: str, icon: ft.IconData) -> None:
        actions.append(button(label, lambda: frame.go(path), icon=icon, kind="outlined", size="slim"))

    if note.is_mine and can_write:
        offer(texts("shelf.change"), shelf_path(group, note_name(note), CHANGE), ft.Icons.EDIT_ROUNDED)
    if has_message:
        offer(texts("shelf.message"), f"/groups/{group.id}?at={note.message}", ft.Icons.CHAT_BUBBLE_OUTLINE_ROUNDED)
    if note.may_take_down and can_write:
        down = Action(label=texts("shelf.take_down"), on_press=take_down, icon=ft.Icons.DELETE_OUTLINE_ROUNDED)
        question, leave = texts("shelf.take_question"), texts("shelf.take_keep")
        actions.append(Sure(down, question, texts("shelf.take_down"), leave, key="take-down"))
    return column(*actions, spacing=theme.GAP)
