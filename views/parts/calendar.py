"""A month at a glance: a cell for each day, and a bar that grows with how it was."""

from collections.abc import Callable, Sequence
from typing import Any

import flet as ft

from views import theme
from views.parts.buttons import pressable
from views.parts.surfaces import column
from views.parts.text import soft, text

BAR_WIDTH, BAR_HEIGHT = 8, 20
LEVELS = 5


def level_bar(level: int | None, scale: int = 1) -> ft.Control:
    """Return a bar filled to `level` of 5; empty space for None. Silent: its level stands in words beside it."""
    height, width = BAR_HEIGHT * scale, BAR_WIDTH * scale
    if level is None:
        return ft.Container(width=width, height=height)
    filled = ft.Container(height=height * level / LEVELS, bgcolor=ft.Colors.PRIMARY, border_radius=theme.ROUND)
    return ft.Container(
        filled,
        alignment=ft.Alignment.BOTTOM_CENTER,
        width=width,
        height=height,
        border_radius=theme.ROUND,
        border=ft.Border.all(1, ft.Colors.OUTLINE),
        clip_behavior=ft.ClipBehavior.ANTI_ALIAS,
    )


def day_cell(
    number: str,
    name: str,
    on_press: Callable[[], Any],
    *,
    has_entry: bool,
    level: int | None = None,
    selected: bool = False,
    is_today: bool = False,
) -> ft.MergeSemantics:
    """Return a day of the month grid. `name` says all of it: the day, how much was written, how it was.

    A day with an entry is bold and has a bar, or a dot where nothing was marked.
    """
    ink = ft.Colors.ON_SURFACE if has_entry else ft.Colors.ON_SURFACE_VARIANT
    style = ft.TextThemeStyle.LABEL_LARGE if has_entry else ft.TextThemeStyle.BODY_MEDIUM
    dot = ft.Container(width=6, height=6, border_radius=theme.ROUND, bgcolor=ft.Colors.ON_SURFACE)
    sign = dot if has_entry and level is None else level_bar(level)
    sign_box = ft.Container(sign, height=BAR_HEIGHT, alignment=ft.Alignment.CENTER)
    edge = ft.BorderSide(2, ft.Colors.PRIMARY) if selected else ft.BorderSide(1, ft.Colors.OUTLINE)
    return pressable(
        column(text(number, style, ink), sign_box, spacing=theme.HAIR, align=ft.CrossAxisAlignment.CENTER),
        name,
        on_press,
        fill=ft.Colors.PRIMARY_CONTAINER if selected else ft.Colors.TRANSPARENT,
        edge=edge if selected or is_today else None,
        pad=ft.Padding.symmetric(vertical=theme.TIGHT),
        selected=selected or None,
        in_middle=True,
        expand=True,
    )


def month_grid(weekdays: Sequence[str], weeks: Sequence[Sequence[ft.Control | None]]) -> ft.Column:
    """Return the weeks below the names of their days; None is a place without a day."""
    names: list[ft.Control] = [
        ft.Container(
            soft(name, ft.TextThemeStyle.LABEL_SMALL, align=ft.TextAlign.CENTER),
            expand=True,
            alignment=ft.Alignment.CENTER,
        )
        for name in weekdays
    ]
    rows = [ft.Row(names, spacing=0)]
    for week in weeks:
        rows.append(ft.Row([day or ft.Container(expand=True) for day in week], spacing=0))
    return column(ft.Semantics(content=rows[0], exclude_semantics=True), *rows[1:], spacing=theme.HAIR)
