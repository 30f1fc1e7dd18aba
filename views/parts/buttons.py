"""Things you press.

All of them are Flet `TextButton`s or `IconButton`s, because these show keyboard focus: buttons and chips turn
yellow with a dark edge in every theme; rows and cards, which keep the colours of their words, get the focus wash
and ring of their theme. Heights come from padding, so that large text grows the target instead of being cut.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

import flet as ft

from views import theme
from views.parts.safe import Handler, guarded
from views.parts.text import flexible, text
from views.theme.pressing import ink_style, ring, wash

Kind = Literal["filled", "tonal", "outlined", "quiet", "ember", "alert", "emergency", "urgent"]
Size = Literal["slim", "usual", "tray", "tall"]
Who = Literal["me", "group", "community", "public"]

_FILLS: Final = MappingProxyType[Kind, tuple[ft.ColorValue, ft.ColorValue]](
    {
        "filled": (ft.Colors.PRIMARY, ft.Colors.ON_PRIMARY),
        "tonal": (ft.Colors.PRIMARY_CONTAINER, ft.Colors.ON_PRIMARY_CONTAINER),
        "outlined": (ft.Colors.SURFACE_CONTAINER_LOWEST, ft.Colors.ON_SURFACE),
        "quiet": (ft.Colors.TRANSPARENT, ft.Colors.PRIMARY),
        "ember": (ft.Colors.SECONDARY, ft.Colors.ON_SECONDARY),
        "alert": (ft.Colors.ERROR, ft.Colors.ON_ERROR),
        "emergency": (theme.ON_CARE, theme.CARE_LINK),
        "urgent": (theme.CARE_RED, theme.ON_CARE),
    }
)

_PADS: Final = MappingProxyType[Size, tuple[int, int]](
    {"slim": (12, 12), "usual": (14, 20), "tray": (16, 8), "tall": (18, 20)}
)
"""Space above and below, and at the sides of a button's words, which are 20 pixels tall at 100 % text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something a card or bar offers: the words, and what happens."""

    label: str
    on_press: Handler
    icon: ft.IconData | None = None
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoLook:
    """How "who can see this" looks: an icon and a fill, always beside words."""

    icon: ft.IconData
    fill: ft.ColorValue
    ink: ft.ColorValue


WHO_LOOKS: Final = MappingProxyType[Who, WhoLook](
    {
        "me": WhoLook(icon=ft.Icons.LOCK_ROUNDED, fill=ft.Colors.SURFACE_CONTAINER_HIGHEST, ink=ft.Colors.ON_SURFACE),
        "group": WhoLook(
            icon=ft.Icons.GROUP_ROUNDED, fill=ft.Colors.PRIMARY_CONTAINER, ink=ft.Colors.ON_PRIMARY_CONTAINER
        ),
        "community": WhoLook(
            icon=ft.Icons.DIVERSITY_3_ROUNDED, fill=ft.Colors.SECONDARY_FIXED, ink=ft.Colors.ON_SECONDARY_FIXED
        ),
        "public": WhoLook(
            icon=ft.Icons.PUBLIC_ROUNDED, fill=ft.Colors.TERTIARY_CONTAINER, ink=ft.Colors.ON_TERTIARY_CONTAINER
        ),
    }
)


def button(
    label: str,
    on_press: Handler,
    *,
    icon: ft.IconData | None = None,
    kind: Kind = "filled",
    size: Size = "usual",
    pill: bool = False,
    disabled: bool = False,
    autofocus: bool = False,
    expand: bool | int = False,
) -> ft.TextButton:
    """Return a button 44 (slim), 48, 52 (tray: three fit side by side on a phone) or 56 (tall) pixels tall.

    filled: one per screen. tonal: helpful. outlined: an equal alternative. quiet: leaves. ember: voice or a
    person. alert: loss. emergency and urgent: only on help cards, the same in all themes.
    """
    fill, ink = _FILLS[kind]
    edge = ft.BorderSide(1.5, ft.Colors.OUTLINE) if kind == "outlined" else ft.BorderSide(0, ft.Colors.TRANSPARENT)
    above, beside = _PADS[size]
    return ft.TextButton(
        _label(label, icon, "small" if pill else "usual"),
        style=ink_style(
            fill,
            ink,
            edge,
            ft.Padding.symmetric(horizontal=beside, vertical=above + (1 if pill else 0)),
            ft.StadiumBorder() if pill else None,
        ),
        on_click=guarded(on_press),
        disabled=disabled,
        autofocus=autofocus,
        expand=expand or None,
    )


def _label(label: str, icon: ft.IconData | None, size: Literal["usual", "small"]) -> ft.Control:
    """Return words that take the button's colour, wrap, and sit in its middle."""
    points = 14 if size == "small" else 16
    said = ft.Text(label, text_align=ft.TextAlign.CENTER, size=points)
    if icon is None:
        return said
    mark = ft.Icon(icon, size=20)
    said.expand, said.expand_loose = True, True
    return ft.Row([mark, said], spacing=theme.SMALL, tight=True, alignment=ft.MainAxisAlignment.CENTER)


def icon_button(
    icon: ft.IconData,
    name: str,
    on_press: Handler,
    *,
    color: ft.ColorValue = ft.Colors.ON_SURFACE,
    fill: ft.ColorValue = ft.Colors.TRANSPARENT,
    icon_size: int = 24,
    target: int = theme.TARGET,
    disabled: bool = False,
) -> ft.IconButton:
    """Return a round button `target` logical pixels wide whose icon carries its name."""
    is_usual = (fill, color) == (ft.Colors.TRANSPARENT, ft.Colors.ON_SURFACE)
    return ft.IconButton(
        ft.Icon(icon, size=icon_size, semantics_label=name),
        width=target,
        height=target,
        style=None if is_usual else ink_style(fill, color, ft.BorderSide(0, ft.Colors.TRANSPARENT), 0),
        tooltip=ft.Tooltip(message=name, exclude_from_semantics=True),
        on_click=guarded(on_press),
        disabled=disabled,
    )


def pressable(
    content: ft.Control,
    name: str,
    on_press: Handler,
    *,
    fill: ft.ColorValue = ft.Colors.TRANSPARENT,
    edge: ft.BorderSide | None = None,
    radius: ft.BorderRadiusValue = theme.RADIUS,
    pad: ft.PaddingValue = 0,
    width: int | None = None,
    height: int | None = None,
    selected: bool | None = None,
    toggled: bool | None = None,
    in_middle: bool = False,
    narrow: bool = False,
    expand: bool | int = False,
    key: str | None = None,
) -> ft.MergeSemantics:
    """Make anything pressable: rows, cards, cells, places.

    Screen readers hear `name` and the state, not the content. The content keeps its colours when it has the
    focus; the fill and ring around it change. `width` and `height` are for shapes without text.
    Flutter makes a button 64 pixels wide or more; `narrow` lowers this to 56, and takes 8 from every side of `pad`.
    """
    spoken = ft.Semantics(label=name, selected=selected, toggled=toggled, exclude_semantics=True, content=content)
    style = ft.ButtonStyle(
        bgcolor=None if fill == ft.Colors.TRANSPARENT else wash(fill),
        side=ring(edge) if edge else None,
        padding=pad,
        shape=None if radius == theme.RADIUS else ft.RoundedRectangleBorder(radius=radius),
        alignment=None if in_middle else ft.Alignment.CENTER_LEFT,
        visual_density=ft.VisualDensity.COMPACT if narrow else None,
    )
    box = ft.TextButton(spoken, style=style, on_click=guarded(on_press), width=width, height=height)
    return _one_item(box, key, expand)


def _one_item(box: ft.TextButton, key: str | None, expand: bool | int = False) -> ft.MergeSemantics:
    """Join the button with the name inside it: unmerged, a browser shows a button within a button."""
    return ft.MergeSemantics(box, expand=expand or None, key=key)


def chip(
    label: str,
    icon: ft.IconData | None = None,
    *,
    fill: ft.ColorValue = ft.Colors.SURFACE_CONTAINER,
    ink: ft.ColorValue = ft.Colors.ON_SURFACE,
    strong: bool = True,
) -> ft.Container:
    """Return a label that says something and cannot be pressed."""
    style = ft.TextThemeStyle.LABEL_MEDIUM if strong else ft.TextThemeStyle.BODY_SMALL
    parts: list[ft.Control] = [ft.Icon(icon, size=16, color=ink)] if icon else []
    return ft.Container(
        ft.Row([*parts, flexible(text(label, style, ink))], spacing=6, tight=True),
        bgcolor=fill,
        border_radius=theme.ROUND,
        padding=ft.Padding.symmetric(horizontal=theme.GAP, vertical=6),
    )


def _pressed_chip(
    label: str,
    name: str,
    on_press: Handler,
    icon: ft.IconData | None,
    colours: tuple[ft.ColorValue, ft.ColorValue],
    edge: ft.BorderSide | None = None,
    selected: bool | None = None,
    key: str | None = None,
) -> ft.MergeSemantics:
    """Return a chip 44 logical pixels tall whose words turn dark on the yellow focus."""
    fill, ink = colours
    row: list[ft.Control] = [ft.Icon(icon, size=16)] if icon else []
    row.append(flexible(ft.Text(label, size=14)))
    face = ft.Row(row, spacing=6, tight=True)
    style = ink_style(
        fill,
        ink,
        edge or ft.BorderSide(0, ft.Colors.TRANSPARENT),
        ft.Padding.symmetric(horizontal=14, vertical=13),
        ft.StadiumBorder(),
    )
    spoken = ft.Semantics(label=name, selected=selected, exclude_semantics=True, content=face)
    return _one_item(ft.TextButton(spoken, style=style, on_click=guarded(on_press)), key)


def filter_chip(
    label: str,
    on_press: Handler,
    *,
    selected: bool = False,
    icon: ft.IconData | None = None,
    name: str | None = None,
    key: str | None = None,
) -> ft.MergeSemantics:
    """Return a chip that chooses what is shown; the chosen one has a tick and a fill, not colour alone.

    A screen reader hears `name`, without it the label.
    """
    said = name or label
    if selected:
        colours = (ft.Colors.PRIMARY_CONTAINER, ft.Colors.ON_PRIMARY_CONTAINER)
        return _pressed_chip(
            label, said, on_press, ft.Icons.CHECK_ROUNDED, colours, ft.BorderSide(1, colours[1]), True, key
        )
    colours = (ft.Colors.SURFACE_CONTAINER_LOWEST, ft.Colors.ON_SURFACE)
    return _pressed_chip(label, said, on_press, icon, colours, ft.BorderSide(1, ft.Colors.OUTLINE), False, key)


def who_chip(
    who: Who,
    label: str,
    name: str,
    on_press: Handler | None = None,
    colours: tuple[ft.ColorValue, ft.ColorValue] | None = None,
) -> ft.Control:
    """Return who can see this, in words with an icon ("Only me", "9 people").

    `name` is what a screen reader hears ("Who can see this: only me. Change"). Without `on_press` it is a label.
    `colours` are of the strip it lies on: fill and ink.
    """
    look = WHO_LOOKS[who]
    fill, ink = colours or (look.fill, look.ink)
    if on_press is None:
        face = chip(label, look.icon, fill=fill, ink=ink)
        return ft.Semantics(label=name, container=True, exclude_semantics=True, content=face)
    return _pressed_chip(label, name, on_press, look.icon, (fill, ink))
