"""How buttons look by themselves. The theme holds it, so that a screen sends only what differs from it."""

import flet as ft

from views.theme import tokens
from views.theme.palettes import FOCUS, ON_FOCUS

FOCUSED, USUAL, DISABLED = (ft.ControlState.FOCUSED, ft.ControlState.DEFAULT, ft.ControlState.DISABLED)
HOVERED, PRESSED = ft.ControlState.HOVERED, ft.ControlState.PRESSED


def veil(ink: ft.ColorValue) -> dict[ft.ControlState, ft.ColorValue]:
    """Return the veil of hover and press; focus has a fill of its own."""
    return {
        PRESSED: ft.Colors.with_opacity(0.12, ink),
        HOVERED: ft.Colors.with_opacity(0.06, ink),
        FOCUSED: ft.Colors.TRANSPARENT,
        USUAL: ft.Colors.TRANSPARENT,
    }


def wash(
    fill: ft.ColorValue = ft.Colors.TRANSPARENT, focus: ft.ColorValue = ft.Colors.PRIMARY_FIXED_DIM
) -> dict[ft.ControlState, ft.ColorValue]:
    """Return the fills of rows, cards and cells, whose words keep their colours when they have the focus."""
    return {FOCUSED: focus, USUAL: fill}


def ring(
    edge: ft.BorderSide | None = None, focus: ft.ColorValue = ft.Colors.ON_PRIMARY_FIXED_VARIANT
) -> dict[ft.ControlState, ft.BorderSide]:
    """Return the edges of the same."""
    return {
        FOCUSED: ft.BorderSide(tokens.FOCUS_WIDTH, focus),
        USUAL: edge or ft.BorderSide(0, ft.Colors.TRANSPARENT),
    }


def ink_style(
    fill: ft.ColorValue,
    ink: ft.ColorValue,
    edge: ft.BorderSide,
    padding: ft.PaddingValue,
    shape: ft.OutlinedBorder | None = None,
) -> ft.ButtonStyle:
    """Return the style of a button whose one colour of words follows the yellow focus."""
    is_clear = fill == ft.Colors.TRANSPARENT
    colours: dict[ft.ControlState, ft.ColorValue] = {
        FOCUSED: ON_FOCUS,
        DISABLED: ft.Colors.OUTLINE if is_clear else ft.Colors.ON_SURFACE_VARIANT,
        USUAL: ink,
    }
    return ft.ButtonStyle(
        bgcolor={FOCUSED: FOCUS, DISABLED: fill if is_clear else ft.Colors.SURFACE_CONTAINER, USUAL: fill},
        color=colours,
        icon_color=dict(colours),
        side={FOCUSED: ft.BorderSide(tokens.FOCUS_WIDTH, ON_FOCUS), USUAL: edge},
        overlay_color=veil(ink),
        padding=padding,
        shape=shape,
    )


def row_style(shape: ft.ButtonStyle, scheme: ft.ColorScheme) -> ft.ButtonStyle:
    """Return what a text button is where nothing else is said: a row, a card or a cell, with that shape.

    Within a theme, roles are not those of its own scheme: colours are named by their values.
    """
    return shape.copy(
        bgcolor=wash(focus=scheme.primary_fixed_dim or FOCUS),
        side=ring(focus=scheme.on_primary_fixed_variant or ON_FOCUS),
        overlay_color=veil(scheme.on_surface or ON_FOCUS),
        visual_density=ft.VisualDensity.STANDARD,
    )


def icon_style(scheme: ft.ColorScheme) -> ft.ButtonStyle:
    """Return what an icon button is where nothing else is said: clear, in the colour of words."""
    ink, clear = scheme.on_surface or ON_FOCUS, ft.Colors.TRANSPARENT
    colours = {FOCUSED: ON_FOCUS, DISABLED: scheme.outline or ink, USUAL: ink}
    usual = ink_style(clear, ink, ft.BorderSide(0, clear), 0)
    return usual.copy(color=colours, icon_color=dict(colours), icon_size=24, visual_density=ft.VisualDensity.STANDARD)
