"""Choosing parts of a page: one row with a tick for each paragraph."""

from collections.abc import Callable, Sequence

import flet as ft

from views import theme
from views.parts.buttons import pressable
from views.parts.surfaces import column
from views.parts.text import words


def paragraphs(text: str) -> tuple[str, ...]:
    """Return the paragraphs of a page: what stands between empty lines."""
    parts: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip():
            parts[-1].append(line.rstrip())
        elif parts[-1]:
            parts.append([])
    return tuple("\n".join(lines) for lines in parts if lines)


def chosen_text(parts: Sequence[str], chosen: frozenset[int]) -> str:
    """Return the chosen parts in their order, with an empty line between each two."""
    return "\n\n".join(part for number, part in enumerate(parts) if number in chosen)


def part_rows(parts: Sequence[str], chosen: frozenset[int], choose: Callable[[frozenset[int]], object]) -> ft.Control:
    """Return the parts as rows; a press puts the tick in or takes it out."""

    def row(number: int, part: str) -> ft.Control:
        is_chosen = number in chosen
        icon = ft.Icons.CHECK_BOX_ROUNDED if is_chosen else ft.Icons.CHECK_BOX_OUTLINE_BLANK_ROUNDED
        said = words(part, ft.TextThemeStyle.BODY_LARGE)
        said.expand = True
        face = ft.Row(
            [ft.Icon(icon, size=24, color=ft.Colors.PRIMARY), said],
            spacing=theme.GAP,
            vertical_alignment=ft.CrossAxisAlignment.START,
        )
        return pressable(
            face,
            part,
            lambda: choose(chosen ^ {number}),
            fill=ft.Colors.PRIMARY_CONTAINER if is_chosen else ft.Colors.SURFACE_CONTAINER_LOWEST,
            pad=ft.Padding.all(theme.GAP),
            toggled=is_chosen,
            key=f"part-{number}",
        )

    return column(*(row(number, part) for number, part in enumerate(parts)), spacing=theme.TIGHT)
