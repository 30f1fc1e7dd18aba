"""Words on screen. Sans is the app speaking; serif (`words`) is people: what they write, tell and are asked."""

from collections.abc import Callable
from typing import Any, Final

import flet as ft

from views import theme

PROBE_SIZE: Final = 20

_LEFT = ft.TextAlign.START


def text(
    value: str,
    style: ft.TextThemeStyle = ft.TextThemeStyle.BODY_LARGE,
    color: ft.ColorValue = ft.Colors.ON_SURFACE,
    *,
    align: ft.TextAlign = _LEFT,
    max_lines: int | None = None,
    expand: bool = False,
    selectable: bool = False,
) -> ft.Text:
    """Return text in a style of the theme; beyond `max_lines` it ends in an ellipsis."""
    return ft.Text(
        value,
        theme_style=style,
        color=color,
        text_align=align,
        max_lines=max_lines,
        overflow=ft.TextOverflow.ELLIPSIS if max_lines else ft.TextOverflow.CLIP,
        expand=expand or None,
        selectable=selectable,
    )


def soft(
    value: str,
    style: ft.TextThemeStyle = ft.TextThemeStyle.BODY_SMALL,
    *,
    align: ft.TextAlign = _LEFT,
    max_lines: int | None = None,
    expand: bool = False,
) -> ft.Text:
    """Return text in the second voice: reasons, hints and times."""
    return text(value, style, ft.Colors.ON_SURFACE_VARIANT, align=align, max_lines=max_lines, expand=expand)


def flexible(words: ft.Text) -> ft.Text:
    """Let a label in a tight row wrap instead of being cut when large text needs more room."""
    words.expand, words.expand_loose = True, True
    return words


def words(
    value: str,
    style: ft.TextThemeStyle = ft.TextThemeStyle.DISPLAY_SMALL,
    color: ft.ColorValue = ft.Colors.ON_SURFACE,
    *,
    align: ft.TextAlign = _LEFT,
    selectable: bool = False,
) -> ft.Text:
    """Return people's own words, or a question put to them, in serif."""
    return text(value, style, color, align=align, selectable=selectable)


def heading(
    value: str,
    level: int = 2,
    style: ft.TextThemeStyle = ft.TextThemeStyle.TITLE_LARGE,
    color: ft.ColorValue = ft.Colors.ON_SURFACE,
    *,
    align: ft.TextAlign = _LEFT,
    max_lines: int | None = None,
) -> ft.Semantics:
    """Return a heading of `level` 1 to 6 for screen readers; a display style makes it serif."""
    return ft.Semantics(
        header=True,
        container=True,
        heading_level=level,
        content=text(value, style, color, align=align, max_lines=max_lines),
    )


def timer(value: str, spoken: str) -> ft.Semantics:
    """Return a running time in large figures; `spoken` says it in words ("12 minutes 47 seconds")."""
    figures = ft.Text(
        value,
        size=44,
        weight=ft.FontWeight.W_600,
        color=ft.Colors.ON_SURFACE,
        text_align=ft.TextAlign.CENTER,
        font_family="Sans",
    )
    return ft.Semantics(label=spoken, container=True, exclude_semantics=True, content=figures)


def reading_column(*controls: ft.Control, spacing: int = theme.GAP) -> ft.Row:
    """Return a column of long text in the middle that never grows wider than a comfortable line."""
    column = ft.Column(list(controls), spacing=spacing, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
    # Loosely expanded: as wide as a line where there is room, as wide as the pane where there is less.
    box = ft.Container(column, width=theme.LINE_LENGTH, expand=True, expand_loose=True)
    return ft.Row([box], alignment=ft.MainAxisAlignment.CENTER)


def text_scale_probe(on_change: Callable[[float], Any]) -> ft.Control:
    """Return an unseen letter that reports the system's text scale (2.0 at 200 %) when it is laid out.

    Flet tells the scale nowhere else. Put it under other controls in a `Stack`.
    """
    letter = ft.Text(
        "M",
        style=ft.TextStyle(size=PROBE_SIZE, height=1),
        on_size_change=lambda event: on_change(round(event.height / PROBE_SIZE, 2)),
    )
    return ft.Container(ft.Semantics(exclude_semantics=True, content=letter), left=0, top=0, opacity=0)
