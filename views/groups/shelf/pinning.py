"""Keeping a message on the shelf: who may, and what is said and can be undone when it is done."""

from dataclasses import replace

import flet as ft

from companion.app import Opened
from companion.app.together.shelves import ShelfNote
from companion.chat.message import Message
from companion.groups import Group
from views import theme
from views.groups.drafting import composing_of
from views.groups.lines import SAID
from views.groups.shelf.looking import may_write, note_name, shelf_path, use_shelf
from views.mirror.context import Frame, use_opened, use_part, use_quiet_window
from views.mirror.effects import use_leave
from views.parts.buttons import Action, button
from views.parts.safe import Handler, guarded, safe
from views.parts.surfaces import notice, wrapping
from views.words.texts import Texts


def may_pin(group: Group, opened: Opened, one: Message) -> bool:
    """Whether this message can be kept on the shelf: it has words, as a deleted one has not, and the group has it."""
    is_said = one.kind in SAID and one.seq > 0 and bool(one.text.strip())
    return is_said and may_write(group, opened)


def shelf_action(texts: Texts, frame: Frame, group: Group, note: ShelfNote | None, keep: Handler) -> Action:
    """Return what keeps a message on the shelf, or leads to the `note` that was made of it."""
    if note is None:
        return Action(label=texts("shelf.pin"), on_press=keep, icon=ft.Icons.SHELVES)
    path = shelf_path(group, note_name(note))
    return Action(label=texts("shelf.see"), on_press=lambda: frame.go(path), icon=ft.Icons.SHELVES)


@safe
def PinnedNotice(group: Group, key: str = "") -> ft.Control:
    """A message became a note just now; nothing while none did."""
    pinned = use_part(lambda s: composing_of(s.composing, group).pinned)
    return Pinned(group, pinned, key=pinned) if pinned else ft.Container(height=0)


@safe
def Pinned(group: Group, pinned: str, key: str = "") -> ft.Control:
    """Who reads the note, and the way back. It goes with the next thing that is done."""
    window, opened, shelf = use_quiet_window(), use_opened(), use_shelf(group)
    texts, state = window.texts, window.state
    note = next((one for one in shelf.notes if one.is_mine and one.id == pinned), None) if shelf else None

    async def leave() -> None:
        state.composing = replace(state.composing, pinned="")

    use_leave(leave)
    if note is None:
        return ft.Container(height=0)

    async def undo() -> None:
        await opened.shelves.take_down(group.id, note.id, note.author)
        await leave()

    undone, left = guarded(undo, texts.error), guarded(leave)
    actions = wrapping(
        button(texts("groups.undo"), undone, icon=ft.Icons.UNDO_ROUNDED, kind="outlined", size="slim"),
        button(texts("groups.close"), left, icon=ft.Icons.CLOSE_ROUNDED, kind="outlined", size="slim"),
    )
    words = texts("shelf.pinned_waiting" if note.is_waiting else "shelf.pinned")
    said = notice(ft.Icons.SHELVES, words, kind="stone", action=actions)
    return ft.Container(said, padding=ft.Padding.symmetric(horizontal=theme.GAP, vertical=theme.TIGHT))
