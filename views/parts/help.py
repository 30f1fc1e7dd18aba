"""The help screen's cards: the same order and, for emergencies, the same colours in every theme."""

from typing import Literal

import flet as ft

from views import theme
from views.parts.buttons import Action, button
from views.parts.surfaces import STRETCH, card, column, equal
from views.parts.text import heading, soft, text


def help_card(
    title: str, body: str, call: Action, *, kind: Literal["emergency", "urgent"], extra: str | None = None
) -> ft.Semantics:
    """Return a card with a red head: emergency has a dark body, urgent the body of a plain card."""
    is_emergency = kind == "emergency"
    fill = theme.CARE_INK if is_emergency else ft.Colors.SURFACE_CONTAINER_LOWEST
    ink = theme.ON_CARE if is_emergency else ft.Colors.ON_SURFACE
    head = ft.Container(
        heading(title, 2, ft.TextThemeStyle.TITLE_LARGE, theme.ON_CARE),
        padding=ft.Padding.symmetric(horizontal=theme.PAD, vertical=10),
    )
    parts: list[ft.Control] = [
        text(body, ft.TextThemeStyle.BODY_LARGE, ink),
        button(call.label, call.on_press, icon=call.icon or ft.Icons.CALL_ROUNDED, kind=kind, size="tall"),
    ]
    if extra:
        parts.append(text(extra, ft.TextThemeStyle.BODY_SMALL, ink))
    corner = theme.RADIUS_CARD - theme.HAIR
    box = ft.Container(
        column(*parts, spacing=theme.GAP),
        bgcolor=fill,
        padding=theme.PAD,
        border_radius=ft.BorderRadius(0, 0, corner, corner),
    )
    return ft.Semantics(
        container=True,
        content=ft.Container(
            ft.Column([head, box], spacing=0, tight=True, horizontal_alignment=STRETCH),
            bgcolor=theme.CARE_RED,
            padding=theme.HAIR,
            border_radius=theme.RADIUS_CARD,
        ),
    )


def line_card(title: str, body: str, *actions: Action) -> ft.Semantics:
    """Return a plain card for one help line: who it is for, when it is open, how to reach it."""
    buttons = [
        button(
            action.label,
            action.on_press,
            icon=action.icon or ft.Icons.CALL_ROUNDED,
            kind="outlined" if number else "tonal",
        )
        for number, action in enumerate(actions)
    ]
    box = card(
        heading(title, 2, ft.TextThemeStyle.TITLE_LARGE),
        soft(body, ft.TextThemeStyle.BODY_MEDIUM),
        *([equal(*buttons)] if buttons else []),
    )
    return ft.Semantics(container=True, content=box)
