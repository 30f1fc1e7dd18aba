"""How it was: mood, energy and connection, one tap each. Every level is a word and a shape."""

from collections.abc import Callable
from typing import Final

import flet as ft

from companion.journal import LEVELS, MARKS, Entry, Marks
from views import theme
from views.journal.editing import Editing
from views.mirror.context import use_frame, use_quiet_window
from views.mirror.effects import use_told
from views.parts.buttons import pressable
from views.parts.choices import connection_glyph
from views.parts.rows import section
from views.parts.safe import safe
from views.parts.surfaces import column
from views.parts.text import text
from views.words.texts import Texts

MOOD: Final = (
    ft.Icons.SENTIMENT_VERY_DISSATISFIED_ROUNDED,
    ft.Icons.SENTIMENT_DISSATISFIED_ROUNDED,
    ft.Icons.SENTIMENT_NEUTRAL_ROUNDED,
    ft.Icons.SENTIMENT_SATISFIED_ROUNDED,
    ft.Icons.SENTIMENT_VERY_SATISFIED_ROUNDED,
)
ENERGY: Final = (
    ft.Icons.BATTERY_0_BAR_ROUNDED,
    ft.Icons.BATTERY_2_BAR_ROUNDED,
    ft.Icons.BATTERY_3_BAR_ROUNDED,
    ft.Icons.BATTERY_5_BAR_ROUNDED,
    ft.Icons.BATTERY_FULL_ROUNDED,
)


def mark_glyph(mark: str, level: int, size: int = 24, color: ft.ColorValue = ft.Colors.PRIMARY) -> ft.Control:
    """Return the shape of a level, 1 to 5, of "mood", "energy" or "connection". Silent."""
    if mark == "connection":
        return connection_glyph(level - 1, size, color)
    icon = (MOOD if mark == "mood" else ENERGY)[level - 1]
    return ft.Semantics(exclude_semantics=True, content=ft.Icon(icon, size=size, color=color))


def mark_word(texts: Texts, mark: str, level: int) -> str:
    """Return "Steady" and the like."""
    return texts(f"journal.{mark}_{level}")


def mark_name(texts: Texts, mark: str, level: int) -> str:
    """Return "Mood: Steady" and the like."""
    return texts("journal.mark_name", mark=texts(f"journal.{mark}"), level=mark_word(texts, mark, level))


@safe
def PageMarks(editing: Editing, key: str = "") -> ft.Control:
    """The three scales of an open page."""
    texts, frame = use_quiet_window().texts, use_frame()
    use_told(editing, lambda: [getattr(editing.entry, mark) for mark in MARKS])

    def choose(mark: str, level: int | None) -> None:
        marks: Marks = {mark: level}  # type: ignore[misc]  # one of the three
        editing.mark(**marks)

    return mark_rows(texts, editing.entry, choose, is_large_text=frame.is_large_text)


def mark_rows(
    texts: Texts, entry: Entry, choose: Callable[[str, int | None], None], *, is_large_text: bool = False
) -> ft.Control:
    """Return the three scales. `choose` gets the mark and its new level, None when the chosen one is pressed again."""
    scales = [_scale(texts, entry, mark, choose, is_large_text) for mark in MARKS]
    return section(texts("journal.how_it_was"), *scales)


def _scale(
    texts: Texts, entry: Entry, mark: str, choose: Callable[[str, int | None], None], is_large_text: bool
) -> ft.Control:
    """Return five cells of the same width; large words go on in a second row."""
    chosen: int | None = getattr(entry, mark)
    name = texts(f"journal.{mark}")
    levels = [_level(texts, mark, level, level == chosen, choose, not is_large_text) for level in LEVELS]
    row = ft.Row(levels, spacing=0, run_spacing=0, wrap=is_large_text)
    head = text(name, ft.TextThemeStyle.LABEL_MEDIUM, ft.Colors.ON_SURFACE_VARIANT)
    scale = column(ft.Container(head, padding=ft.Padding.only(left=6)), row, spacing=theme.HAIR)
    return ft.Semantics(container=True, content=scale)


def _level(
    texts: Texts, mark: str, level: int, is_chosen: bool, choose: Callable[[str, int | None], None], expand: bool
) -> ft.Control:
    ink = ft.Colors.ON_PRIMARY_CONTAINER if is_chosen else ft.Colors.PRIMARY
    word = mark_word(texts, mark, level)
    face = column(
        mark_glyph(mark, level, 24, ink),
        text(word, ft.TextThemeStyle.LABEL_SMALL, align=ft.TextAlign.CENTER),
        spacing=theme.HAIR,
        align=ft.CrossAxisAlignment.CENTER,
    )
    return pressable(
        face,
        mark_name(texts, mark, level),
        lambda: choose(mark, None if is_chosen else level),
        fill=ft.Colors.PRIMARY_CONTAINER if is_chosen else ft.Colors.TRANSPARENT,
        edge=ft.BorderSide(2, ft.Colors.PRIMARY) if is_chosen else None,
        pad=ft.Padding.symmetric(vertical=theme.PAD),
        narrow=True,
        selected=is_chosen,
        in_middle=True,
        expand=expand,
        key=f"{mark}-{level}",
    )
