"""The ways to a group's shelf: from the conversation, and from the group's details."""

import flet as ft

from companion.groups import Group
from views import theme
from views.groups.shelf.looking import count_words, shelf_path, use_shelf
from views.mirror.context import use_frame, use_part, use_quiet_window
from views.parts.buttons import Kind, button
from views.parts.rows import list_row
from views.parts.safe import safe
from views.parts.surfaces import card


def use_shelf_chip(group: Group) -> list[ft.Control]:
    """A hook: one button above the conversation while something is on the shelf.

    To who was invited it says "Read this first", until they have looked at it once.
    """
    frame, texts, shelf = use_frame(), use_quiet_window().texts, use_shelf(group)
    is_seen = use_part(lambda s: s.chat.group != group.id or s.chat.wishes.is_shelf_seen)
    if shelf is None or not shelf.notes or group.state != "member":
        return []
    is_first = bool(group.inviter) and not is_seen and not all(note.is_mine for note in shelf.notes)
    label = texts("shelf.chip_first" if is_first else "shelf.chip", count=count_words(texts, shelf))
    kind: Kind = "tonal" if is_first else "outlined"
    go = shelf_path(group)
    return [button(label, lambda: frame.go(go), icon=ft.Icons.SHELVES, kind=kind, size="slim", pill=True)]


@safe
def ShelfRow(group: Group, key: str = "") -> ft.Control:
    """In the details of a group: what stands on its shelf, in one row."""
    frame, texts, shelf = use_frame(), use_quiet_window().texts, use_shelf(group)
    line = count_words(texts, shelf) if shelf else ""
    row = list_row(
        ft.Icon(ft.Icons.SHELVES, size=24, color=ft.Colors.PRIMARY),
        texts("shelf.title"),
        lambda: frame.go(shelf_path(group)),
        line=line,
        tail=ft.Icon(ft.Icons.CHEVRON_RIGHT_ROUNDED, size=20, color=ft.Colors.ON_SURFACE_VARIANT),
        key="shelf",
    )
    return card(row, pad=theme.TIGHT)
