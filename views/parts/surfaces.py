"""Sheets, lines and spaces, and the notices that lie on them."""

from collections.abc import Sequence
from typing import Literal

import flet as ft

from views import theme
from views.parts.people import GROUP_LOOKS, Look
from views.parts.text import soft, text, words

STRETCH = ft.CrossAxisAlignment.STRETCH


def soft_shadow() -> list[ft.BoxShadow]:
    """Return the one shadow of cards and feet; dark themes show depth by lighter surfaces instead."""
    return [
        ft.BoxShadow(blur_radius=1, color=ft.Colors.with_opacity(0.08, ft.Colors.SHADOW), offset=ft.Offset(0, 1)),
        ft.BoxShadow(blur_radius=18, color=ft.Colors.with_opacity(0.06, ft.Colors.SHADOW), offset=ft.Offset(0, 6)),
    ]


def column(
    *controls: ft.Control,
    spacing: int = theme.SMALL,
    align: ft.CrossAxisAlignment = STRETCH,
    expand: bool | int = False,
) -> ft.Column:
    """Return controls below one another, as wide as their parent."""
    return ft.Column(list(controls), spacing=spacing, tight=True, horizontal_alignment=align, expand=expand or None)


def card(
    *controls: ft.Control,
    pad: ft.PaddingValue = theme.PAD,
    spacing: int = theme.SMALL,
    fill: ft.ColorValue = ft.Colors.SURFACE_CONTAINER_LOWEST,
    expand: bool | int = False,
) -> ft.Container:
    """Return a raised sheet: a title, words, at most two actions."""
    return ft.Container(
        column(*controls, spacing=spacing),
        padding=pad,
        bgcolor=fill,
        border_radius=theme.RADIUS_CARD,
        border=ft.Border.all(1, ft.Colors.OUTLINE_VARIANT),
        shadow=soft_shadow(),
        expand=expand or None,
    )


def well(*controls: ft.Control, pad: ft.PaddingValue = theme.PAD, spacing: int = theme.SMALL) -> ft.Container:
    """Return a sunken box for facts that cannot be acted on."""
    return ft.Container(
        column(*controls, spacing=spacing),
        padding=pad,
        bgcolor=ft.Colors.SURFACE_CONTAINER,
        border_radius=theme.RADIUS_CARD,
    )


def together(content: ft.Control) -> ft.Semantics:
    """Make one region of `content`, so that a screen reader reads it in order before it goes on.

    Without regions Flutter orders everything on the page by its place, and mixes a bar with what lies beside it.
    """
    return ft.Semantics(container=True, content=content)


def rule() -> ft.Container:
    """Return a quiet line between rows; it never is the only sign of anything."""
    return ft.Container(height=1, bgcolor=ft.Colors.OUTLINE_VARIANT)


def ruled(rows: Sequence[ft.Control]) -> list[ft.Control]:
    """Return the rows with a quiet line between each two."""
    return [part for number, row in enumerate(rows) for part in ((rule(), row) if number else (row,))]


def gap(size: int = theme.GAP) -> ft.Container:
    """Return an empty space of `size` logical pixels."""
    return ft.Container(height=size, width=size)


def spread(*controls: ft.Control, spacing: int = theme.SMALL) -> ft.Row:
    """Return a row with its last control at the far side, or below where large text leaves no room."""
    *first, last = controls
    start = first[0] if len(first) == 1 else ft.Row(first, spacing=spacing, run_spacing=spacing, wrap=True)
    return ft.Row(
        [start, last],
        spacing=spacing,
        run_spacing=theme.TIGHT,
        wrap=True,
        alignment=ft.MainAxisAlignment.SPACE_BETWEEN,
        vertical_alignment=ft.CrossAxisAlignment.CENTER,
    )


def equal(*controls: ft.Control, spacing: int = theme.SMALL, stacked: bool = False) -> ft.Row | ft.Column:
    """Return choices of the same weight: the same width, and the same height when a label wraps.

    `stacked` puts them below one another, for large text.
    """
    if stacked:
        return column(*controls, spacing=spacing)
    cells: list[ft.Control] = [ft.Container(control, expand=True) for control in controls]
    return ft.Row(cells, spacing=spacing, intrinsic_height=True, vertical_alignment=STRETCH)


def wrapping(*controls: ft.Control, spacing: int = theme.SMALL) -> ft.Row:
    """Return a row of chips or buttons that goes on in a further line when it is full."""
    return ft.Row(list(controls), spacing=spacing, run_spacing=spacing, wrap=True)


def centred(*controls: ft.Control, spacing: int = theme.SMALL) -> ft.Row:
    """Return controls side by side in the middle, wrapping when they do not fit."""
    return ft.Row(
        list(controls),
        spacing=spacing,
        run_spacing=spacing,
        wrap=True,
        alignment=ft.MainAxisAlignment.CENTER,
        vertical_alignment=ft.CrossAxisAlignment.CENTER,
    )


def notice(
    icon: ft.IconData,
    body: str,
    title: str | None = None,
    *,
    kind: Look | Literal["alert"] = "honey",
    action: ft.Control | None = None,
    live: bool = True,
) -> ft.Semantics:
    """Return what happened, what it means and the next step; honey waits, stone is calm, alert is loss.

    With `live` a screen reader announces it when it appears.
    """
    fill, ink = (
        (ft.Colors.ERROR_CONTAINER, ft.Colors.ON_ERROR_CONTAINER)
        if kind == "alert"
        else (GROUP_LOOKS[kind].fill, GROUP_LOOKS[kind].ink)
    )
    said = [text(body, ft.TextThemeStyle.BODY_SMALL, ink)]
    if title:
        said.insert(0, text(title, ft.TextThemeStyle.TITLE_SMALL, ink))
    below = [ft.Row([action], wrap=True)] if action else []  # beside it, words have no room on a phone
    told = column(column(*said, spacing=theme.HAIR), *below, spacing=theme.SMALL, expand=True)
    box = ft.Container(
        ft.Row(
            [ft.Icon(icon, size=22, color=ink), told],
            spacing=theme.GAP,
            vertical_alignment=ft.CrossAxisAlignment.CENTER,
        ),
        bgcolor=fill,
        border_radius=theme.RADIUS,
        padding=theme.GAP,
        border=ft.Border.all(1, ft.Colors.with_opacity(0.25, ink)),
    )
    return ft.Semantics(live_region=live, container=True, content=box)


def empty_state(line: str, *actions: ft.Control, hint: str | None = None) -> ft.Container:
    """Return one serif line, at most one soft line and at most one button: no picture."""
    parts: list[ft.Control] = [words(line, ft.TextThemeStyle.DISPLAY_MEDIUM, align=ft.TextAlign.CENTER)]
    if hint:
        parts.append(soft(hint, ft.TextThemeStyle.BODY_MEDIUM, align=ft.TextAlign.CENTER))
    if actions:
        parts.append(centred(*actions))
    return ft.Container(
        column(*parts, spacing=theme.PAD), padding=ft.Padding.symmetric(horizontal=theme.ROOMY, vertical=theme.BREATH)
    )
