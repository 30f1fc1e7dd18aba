"""Marks of people and groups: initials and symbols, never pictures."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

import flet as ft

from views import theme
from views.parts.text import flexible, text

Look = Literal["pine", "ember", "honey", "heather", "sky", "stone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLook:
    """A group's colour always comes with its symbol, so that colour is never the only sign."""

    fill: ft.ColorValue
    ink: ft.ColorValue
    symbol: ft.IconData


GROUP_LOOKS: Final = MappingProxyType[Look, GroupLook](
    {
        "pine": GroupLook(
            fill=ft.Colors.PRIMARY_CONTAINER, ink=ft.Colors.ON_PRIMARY_CONTAINER, symbol=ft.Icons.ECO_ROUNDED
        ),
        "ember": GroupLook(
            fill=ft.Colors.SECONDARY_CONTAINER, ink=ft.Colors.ON_SECONDARY_CONTAINER, symbol=ft.Icons.LIGHT_MODE_ROUNDED
        ),
        "honey": GroupLook(
            fill=ft.Colors.TERTIARY_CONTAINER, ink=ft.Colors.ON_TERTIARY_CONTAINER, symbol=ft.Icons.LIGHTBULB_ROUNDED
        ),
        "heather": GroupLook(
            fill=ft.Colors.PRIMARY_FIXED, ink=ft.Colors.ON_PRIMARY_FIXED, symbol=ft.Icons.LANDSCAPE_ROUNDED
        ),
        "sky": GroupLook(
            fill=ft.Colors.SECONDARY_FIXED, ink=ft.Colors.ON_SECONDARY_FIXED, symbol=ft.Icons.SAILING_ROUNDED
        ),
        "stone": GroupLook(
            fill=ft.Colors.TERTIARY_FIXED, ink=ft.Colors.ON_TERTIARY_FIXED, symbol=ft.Icons.HEARING_ROUNDED
        ),
    }
)


def _silent(content: ft.Control) -> ft.Semantics:
    return ft.Semantics(exclude_semantics=True, content=content)


def group_mark(look: Look, size: int = theme.TARGET_FLOOR) -> ft.Semantics:
    """Return a group's symbol on its colour; silent, because the group's name always stands beside it."""
    style = GROUP_LOOKS[look]
    return _silent(
        ft.Container(
            ft.Icon(style.symbol, size=size * 0.54, color=style.ink),
            width=size,
            height=size,
            bgcolor=style.fill,
            border_radius=size * 0.32,
            alignment=ft.Alignment.CENTER,
        )
    )


def person(initials: str, look: Look = "stone", size: int = 40) -> ft.Semantics:
    """Return a person's initials in a circle; silent, because the name always stands beside it."""
    style = GROUP_LOOKS[look]
    letters = ft.Text(initials, size=size * 0.36, weight=ft.FontWeight.W_600, color=style.ink, no_wrap=True)
    return _silent(
        ft.Container(
            letters, width=size, height=size, bgcolor=style.fill, border_radius=size, alignment=ft.Alignment.CENTER
        )
    )


def badge(label: str, look: Look = "ember", icon: ft.IconData | None = None) -> ft.Container:
    """Return a small label that names what is wanted ("1 question to you"), never a bare number."""
    style = GROUP_LOOKS[look]
    parts: list[ft.Control] = [ft.Icon(icon, size=14, color=style.ink)] if icon else []
    parts.append(flexible(text(label, ft.TextThemeStyle.LABEL_SMALL, style.ink)))
    return ft.Container(
        ft.Row(parts, spacing=theme.TIGHT, tight=True),
        bgcolor=style.fill,
        border_radius=theme.ROUND,
        padding=ft.Padding.symmetric(horizontal=10, vertical=theme.TIGHT),
    )
