"""Rows of a list, and the marks that stand in them."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final, Literal

import flet as ft

from views import theme
from views.parts.buttons import pressable
from views.parts.safe import Handler
from views.parts.surfaces import column
from views.parts.text import flexible, soft, text

State = Literal["waiting", "sent", "delivered", "saved", "needs-you"]

STATE_ICONS: Final = MappingProxyType[State, ft.IconData](
    {
        "waiting": ft.Icons.SCHEDULE_ROUNDED,
        "sent": ft.Icons.DONE_ROUNDED,
        "delivered": ft.Icons.DONE_ALL_ROUNDED,
        "saved": ft.Icons.DONE_ROUNDED,
        "needs-you": ft.Icons.FLAG_ROUNDED,
    }
)


def state_mark(state: State, label: str, color: ft.ColorValue = ft.Colors.ON_SURFACE_VARIANT) -> ft.Row:
    """Return the state of anything that travels: always words beside the icon."""
    return ft.Row(
        [
            ft.Icon(STATE_ICONS[state], size=16, color=color),
            flexible(text(label, ft.TextThemeStyle.LABEL_SMALL, color)),
        ],
        spacing=theme.TIGHT,
        tight=True,
    )


def list_row(
    lead: ft.Control,
    title: str,
    on_press: Handler,
    *,
    line: str | None = None,
    time: str | None = None,
    mark: ft.Control | None = None,
    tail: ft.Control | None = None,
    name: str | None = None,
    selected: bool = False,
    key: str | None = None,
) -> ft.MergeSemantics:
    """Return a pressable row: mark, title with the time, one line, at most one badge.

    `name` is what a screen reader hears; without it title, line and time are joined.
    """
    head: list[ft.Control] = [text(title, ft.TextThemeStyle.TITLE_MEDIUM, max_lines=2, expand=True)]
    if time:
        head.append(soft(time, ft.TextThemeStyle.LABEL_SMALL))
    said: list[ft.Control] = [ft.Row(head, spacing=theme.SMALL, vertical_alignment=ft.CrossAxisAlignment.START)]
    if line:
        said.append(soft(line, max_lines=2))
    if mark:
        said.append(ft.Container(ft.Row([mark], wrap=True), padding=ft.Padding.only(top=theme.TIGHT)))
    parts: list[ft.Control] = [lead, column(*said, spacing=theme.HAIR, expand=True)]
    if tail:
        parts.append(tail)
    return pressable(
        ft.Row(parts, spacing=theme.GAP),
        name or ". ".join(part for part in (title, line, time) if part),
        on_press,
        fill=ft.Colors.SURFACE_CONTAINER_HIGHEST if selected else ft.Colors.TRANSPARENT,
        pad=ft.Padding.all(theme.GAP),
        selected=selected or None,
        key=key,
    )


def found_row(
    lead: ft.Control,
    title: str,
    passage: str,
    marks: Sequence[tuple[int, int]],
    on_press: Handler,
    *,
    time: str,
    name: str,
    key: str | None = None,
) -> ft.MergeSemantics:
    """Return a row whose passage shows what matched: bold and underlined. `marks` are start and end in characters.

    A screen reader hears `name`.
    """
    style = ft.TextStyle(weight=ft.FontWeight.W_700, color=ft.Colors.ON_SURFACE, decoration=ft.TextDecoration.UNDERLINE)
    spans, place = list[ft.TextSpan](), 0
    for start, end in marks:
        spans += [ft.TextSpan(passage[place:start]), ft.TextSpan(passage[start:end], style)]
        place = end
    spans.append(ft.TextSpan(passage[place:]))
    said = soft("", max_lines=3)
    said.spans = spans
    head = ft.Row(
        [
            text(title, ft.TextThemeStyle.TITLE_SMALL, max_lines=2, expand=True),
            soft(time, ft.TextThemeStyle.LABEL_SMALL),
        ],
        spacing=theme.SMALL,
        vertical_alignment=ft.CrossAxisAlignment.START,
    )
    row = ft.Row([lead, column(head, said, spacing=theme.HAIR, expand=True)], spacing=theme.GAP)
    return pressable(row, name, on_press, pad=ft.Padding.all(theme.GAP), key=key)


def fact_row(icon: ft.IconData, value: str, label: str | None = None) -> ft.Row:
    """Return one fact with its icon: "Agreement: 2 uses", or the value alone."""
    parts: list[ft.Control] = [ft.Icon(icon, size=20, color=ft.Colors.PRIMARY)]
    if label:
        parts.append(ft.Container(soft(label, ft.TextThemeStyle.BODY_MEDIUM), width=112))
    style = ft.TextThemeStyle.TITLE_SMALL if label else ft.TextThemeStyle.BODY_SMALL
    parts.append(text(value, style, expand=True))
    return ft.Row(parts, spacing=10, vertical_alignment=ft.CrossAxisAlignment.START)


def section(label: str, *controls: ft.Control, spacing: int = theme.SMALL) -> ft.Column:
    """Return a small heading with what belongs to it."""
    head = ft.Semantics(
        header=True, container=True, heading_level=2, content=text(label, ft.TextThemeStyle.TITLE_SMALL)
    )
    return column(ft.Container(head, padding=ft.Padding.only(left=6, top=theme.TIGHT)), *controls, spacing=spacing)
