"""Choices: the weekly scale, consent, prompts and nudges. Refusing always weighs the same as agreeing."""

from collections.abc import Callable, Sequence
from typing import Any

import flet as ft
import flet.canvas as cv

from views import theme
from views.parts.buttons import Action, button, pressable
from views.parts.people import Look, person
from views.parts.surfaces import card, column, equal, gap
from views.parts.text import soft, text, words

_APART = (1.75, 1.2, 0.8, 0.5, 0.22)


def connection_glyph(level: int, size: int = 40, color: ft.ColorValue = ft.Colors.PRIMARY) -> ft.Semantics:
    """Return two circles that come together: `level` 0 far apart, 4 almost one. Silent."""
    radius, middle = size * 0.26, size / 2
    apart = _APART[level] * radius
    left, right = size * 0.78 - apart, size * 0.78 + apart
    line = ft.Paint(color=color, style=ft.PaintingStyle.STROKE, stroke_width=2)
    veil = ft.Paint(color=ft.Colors.with_opacity(0.22, color))
    shapes: list[cv.Shape] = [cv.Circle(x, middle, radius, paint) for paint in (veil, line) for x in (left, right)]
    return ft.Semantics(exclude_semantics=True, content=cv.Canvas(shapes, width=size * 1.56, height=size))


def check_in_row(labels: Sequence[str], on_choose: Callable[[int], Any], *, chosen: int | None = None) -> ft.Row:
    """Return the compact scale: five targets with a word under each, in two rows where large text needs them.

    `on_choose` gets 0 to 4.
    """

    def target(level: int, label: str) -> ft.Control:
        is_chosen = level == chosen
        ink = ft.Colors.ON_PRIMARY_CONTAINER if is_chosen else ft.Colors.PRIMARY
        face = column(
            connection_glyph(level, 30, ink),
            text(label, ft.TextThemeStyle.LABEL_SMALL, align=ft.TextAlign.CENTER),
            spacing=theme.HAIR,
            align=ft.CrossAxisAlignment.CENTER,
        )
        return pressable(
            face,
            label,
            lambda: on_choose(level),
            fill=ft.Colors.PRIMARY_CONTAINER if is_chosen else ft.Colors.TRANSPARENT,
            edge=ft.BorderSide(2, ft.Colors.PRIMARY) if is_chosen else None,
            pad=ft.Padding.symmetric(vertical=theme.PAD),
            narrow=True,
            selected=is_chosen,
            in_middle=True,
            key=f"level-{level}",
        )

    return ft.Row(
        [target(level, label) for level, label in enumerate(labels)],
        spacing=0,
        run_spacing=0,
        wrap=True,
        alignment=ft.MainAxisAlignment.SPACE_BETWEEN,
    )


def choice_row(
    lead: ft.Control, label: str, on_press: Callable[[], Any], *, chosen: bool = False, key: str | None = None
) -> ft.MergeSemantics:
    """Return one of several large answers below one another; the chosen one has a tick, a fill and an edge."""
    mark = ft.Icon(
        ft.Icons.CHECK_CIRCLE_ROUNDED if chosen else ft.Icons.CIRCLE_OUTLINED,
        size=26,
        color=ft.Colors.PRIMARY if chosen else ft.Colors.OUTLINE,
    )
    return pressable(
        ft.Row([lead, text(label, ft.TextThemeStyle.TITLE_LARGE, expand=True), mark], spacing=theme.PAD),
        label,
        on_press,
        fill=ft.Colors.PRIMARY_CONTAINER if chosen else ft.Colors.SURFACE_CONTAINER_LOWEST,
        edge=ft.BorderSide(2, ft.Colors.PRIMARY) if chosen else ft.BorderSide(1, ft.Colors.OUTLINE_VARIANT),
        radius=theme.RADIUS_CARD,
        pad=ft.Padding.symmetric(horizontal=theme.PAD, vertical=10),
        selected=chosen,
        key=key,
    )


def switch_glyph(on: bool) -> ft.Container:
    """Return the picture of a switch: position, edge and tick say its state, colour only adds."""
    thumb = ft.Container(
        ft.Icon(ft.Icons.CHECK_ROUNDED, size=16, color=ft.Colors.PRIMARY) if on else None,
        width=24 if on else 18,
        height=24 if on else 18,
        border_radius=theme.ROUND,
        bgcolor=ft.Colors.ON_PRIMARY if on else ft.Colors.ON_SURFACE_VARIANT,
        alignment=ft.Alignment.CENTER,
    )
    return ft.Container(
        thumb,
        width=52,
        height=32,
        padding=ft.Padding.symmetric(horizontal=2 if on else 5),
        border_radius=theme.ROUND,
        bgcolor=ft.Colors.PRIMARY if on else ft.Colors.SURFACE_CONTAINER,
        border=ft.Border.all(2, ft.Colors.PRIMARY if on else ft.Colors.OUTLINE),
        alignment=ft.Alignment.CENTER_RIGHT if on else ft.Alignment.CENTER_LEFT,
    )


def consent_row(
    title: str, detail: str, on_change: Callable[[bool], Any], *, on: bool = False, key: str | None = None
) -> ft.MergeSemantics:
    """Return one use, one switch and a line saying what it means; the whole row is the switch.

    Off is a choice, so it is never greyed. `on_change` gets the new value.
    """
    said = column(text(title, ft.TextThemeStyle.TITLE_MEDIUM), soft(detail), spacing=theme.HAIR, expand=True)
    return pressable(
        ft.Row([said, switch_glyph(on)], spacing=theme.GAP),
        f"{title}. {detail}",
        lambda: on_change(not on),
        pad=ft.Padding.symmetric(horizontal=theme.GAP, vertical=10),
        toggled=on,
        key=key,
    )


def prompt_card(question: str, label: str, write: Action, another: Action | None = None) -> ft.Container:
    """Return a question in serif under an ember mark, to write about or to pass over."""
    mark = ft.Row(
        [
            ft.Icon(ft.Icons.FORMAT_QUOTE_ROUNDED, size=22, color=ft.Colors.SECONDARY),
            text(label, ft.TextThemeStyle.LABEL_MEDIUM, ft.Colors.SECONDARY, expand=True),
        ],
        spacing=6,
    )
    actions: list[ft.Control] = [
        button(write.label, write.on_press, icon=write.icon or ft.Icons.EDIT_ROUNDED, kind="tonal")
    ]
    if another:
        actions.append(button(another.label, another.on_press, icon=another.icon, kind="quiet"))
    row = ft.Row(actions, spacing=theme.TIGHT, run_spacing=theme.TIGHT, wrap=True)
    return card(mark, words(question, ft.TextThemeStyle.DISPLAY_MEDIUM), row)


def nudge_card(idea: str, why: str, do: Action, *others: Action, initials: str, look: Look = "ember") -> ft.Container:
    """Return one idea, its reason, one thing to do and the answers that refuse it with the same weight."""
    said = column(text(idea, ft.TextThemeStyle.TITLE_MEDIUM), soft(why), spacing=theme.TIGHT, expand=True)
    head = ft.Row(
        [person(initials, look, theme.TARGET_FLOOR), said],
        spacing=theme.GAP,
        vertical_alignment=ft.CrossAxisAlignment.START,
    )
    answers = [button(one.label, one.on_press, icon=one.icon, kind="outlined", size="slim") for one in others]
    return card(
        head,
        gap(theme.HAIR),
        button(do.label, do.on_press, icon=do.icon, kind="ember"),
        *([equal(*answers)] if answers else []),
    )
