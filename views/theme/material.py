"""Turns a palette into a Flet theme.

A wrong slot in a theme paints the whole page grey in the client without any error in Python, so a new slot is
tried in a browser before it stays (`thumb_icon` of the switch theme is one that fails in Flet 1.0.5).
"""

import asyncio
import logging
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

import flet as ft

from views.theme import palettes, pressing, tokens
from views.theme.palettes import Palette

Mode = Literal["system", "light", "dark", "contrast", "contrast-dark"]

CLIENT_TIMEOUT_S: Final = 5.0

FONTS: Final = MappingProxyType(
    {
        "Sans": "fonts/sans.woff2",
        "Sans Ext": "fonts/sans-ext.woff2",
        "Serif": "fonts/serif.woff2",
        "Serif Ext": "fonts/serif-ext.woff2",
        "Emoji": "fonts/emoji.woff2",
    }
)
"""Sans (Atkinson Hyperlegible Next) is the app speaking, Serif (Source Serif 4) is people. Ext holds accents."""

_MODES: Final = MappingProxyType(
    {
        "system": ft.ThemeMode.SYSTEM,
        "light": ft.ThemeMode.LIGHT,
        "contrast": ft.ThemeMode.LIGHT,
        "dark": ft.ThemeMode.DARK,
        "contrast-dark": ft.ThemeMode.DARK,
    }
)


def color_scheme(palette: Palette) -> ft.ColorScheme:
    """Return the palette as Material roles.

    Flet's own controls ignore the "fixed" roles, so these carry three group colours and the focus of rows.
    """
    p = palette
    return ft.ColorScheme(
        primary=p.pine,
        on_primary=p.on_pine,
        primary_container=p.pine_wash,
        on_primary_container=p.on_pine_wash,
        secondary=p.ember,
        on_secondary=p.on_ember,
        secondary_container=p.ember_wash,
        on_secondary_container=p.on_ember_wash,
        tertiary=p.honey,
        on_tertiary=p.on_honey,
        tertiary_container=p.honey_wash,
        on_tertiary_container=p.on_honey_wash,
        error=p.alert,
        on_error=p.on_alert,
        error_container=p.alert_wash,
        on_error_container=p.on_alert_wash,
        surface=p.paper,
        on_surface=p.ink,
        on_surface_variant=p.ink_soft,
        surface_container_lowest=p.card,
        surface_container_low=p.card,
        surface_container=p.sunken,
        surface_container_high=p.sunken,
        surface_container_highest=p.pressed,
        surface_bright=p.card,
        surface_dim=p.sunken,
        outline=p.edge,
        outline_variant=p.line,
        shadow=p.shadow,
        scrim=ft.Colors.BLACK,
        inverse_surface=p.inverse,
        on_inverse_surface=p.on_inverse,
        inverse_primary=p.pine_wash,
        surface_tint=ft.Colors.TRANSPARENT,
        primary_fixed=p.heather_wash,
        on_primary_fixed=p.on_heather_wash,
        secondary_fixed=p.sky_wash,
        on_secondary_fixed=p.on_sky_wash,
        tertiary_fixed=p.stone_wash,
        on_tertiary_fixed=p.on_stone_wash,
        primary_fixed_dim=p.focus_wash,
        on_primary_fixed_variant=p.focus_ring,
    )


def text_style(
    size: float, height: float, weight: ft.FontWeight, family: str = "Sans", color: ft.ColorValue | None = None
) -> ft.TextStyle:
    """Return a style whose line is `height` times `size` logical pixels tall.

    The main family is named together with its fallbacks, because with fallbacks alone digits come from the emoji
    font; letter spacing 0 undoes Material's tracking.
    """
    return ft.TextStyle(
        size=size,
        height=height,
        weight=weight,
        font_family=family,
        font_family_fallback=[f"{family} Ext", "Emoji"],
        letter_spacing=0,
        color=color,
    )


def text_theme() -> ft.TextTheme:
    """Return the type scale: display_* is serif (people's words), everything else is sans (the app)."""
    regular, medium = ft.FontWeight.W_400, ft.FontWeight.W_500
    strong, bold = ft.FontWeight.W_600, ft.FontWeight.W_700
    return ft.TextTheme(
        display_large=text_style(30, 1.2, strong, "Serif"),
        display_medium=text_style(23, 1.32, medium, "Serif"),
        display_small=text_style(19, 1.6, regular, "Serif"),
        headline_large=text_style(26, 1.2, bold),
        headline_medium=text_style(22, 1.25, bold),
        headline_small=text_style(19, 1.3, bold),
        title_large=text_style(18, 1.35, strong),
        title_medium=text_style(17, 1.35, strong),
        title_small=text_style(15, 1.35, strong),
        body_large=text_style(17, 1.45, regular),
        body_medium=text_style(16, 1.45, regular),
        body_small=text_style(14, 1.4, regular),
        label_large=text_style(16, 1.25, strong),
        label_medium=text_style(14, 1.25, strong),
        label_small=text_style(13, 1.25, strong),
    )


def make_theme(palette: Palette, *, reduced_motion: bool = False) -> ft.Theme:
    """Return the Flet theme of a palette; with `reduced_motion` pages change without a transition."""
    p = palette
    scheme = color_scheme(p)
    button = _button_shape(tokens.STILL if reduced_motion else tokens.MOVING)
    return ft.Theme(
        use_material3=True,
        color_scheme=scheme,
        font_family="Sans",
        text_theme=text_theme(),
        scaffold_bgcolor=p.paper,
        canvas_color=p.paper,
        card_bgcolor=p.card,
        divider_color=p.line,
        splash_color=ft.Colors.with_opacity(0.06, p.ink),
        hover_color=ft.Colors.with_opacity(0.05, p.ink),
        highlight_color=ft.Colors.TRANSPARENT,
        focus_color=ft.Colors.with_opacity(0.35 if p.is_dark else 0.8, p.pine if p.is_dark else palettes.FOCUS),
        visual_density=ft.VisualDensity.STANDARD,
        filled_button_theme=ft.FilledButtonTheme(button),
        outlined_button_theme=ft.OutlinedButtonTheme(button),
        text_button_theme=ft.TextButtonTheme(pressing.row_style(button, scheme)),
        icon_button_theme=ft.IconButtonTheme(pressing.icon_style(scheme)),
        switch_theme=_switch(p),
        dialog_theme=ft.DialogTheme(
            bgcolor=p.card, elevation=3, shape=ft.RoundedRectangleBorder(radius=tokens.RADIUS_SHEET)
        ),
        snackbar_theme=ft.SnackBarTheme(bgcolor=p.inverse),
        tooltip_theme=ft.TooltipTheme(wait_duration=500),
        slider_theme=ft.SliderTheme(active_track_color=p.pine, thumb_color=p.pine, inactive_track_color=p.pressed),
        scrollbar_theme=ft.ScrollbarTheme(thickness=6, radius=3, thumb_color=ft.Colors.with_opacity(0.35, p.ink)),
        page_transitions=_page_transitions(reduced_motion),
    )


def _button_shape(motion: tokens.Motion) -> ft.ButtonStyle:
    return ft.ButtonStyle(
        elevation=0,
        animation_duration=motion.quick_ms,
        shape=ft.RoundedRectangleBorder(radius=tokens.RADIUS),
        text_style=text_style(16, 1.25, ft.FontWeight.W_600),
    )


def _switch(p: Palette) -> ft.SwitchTheme:
    selected, usual = ft.ControlState.SELECTED, ft.ControlState.DEFAULT
    return ft.SwitchTheme(
        thumb_color={selected: p.on_pine, usual: p.ink_soft},
        track_color={selected: p.pine, usual: p.sunken},
        track_outline_color={selected: p.pine, usual: p.edge},
    )


def _page_transitions(reduced_motion: bool) -> ft.PageTransitionsTheme:
    if not reduced_motion:
        return ft.PageTransitionsTheme()
    none = ft.PageTransitionTheme.NONE
    return ft.PageTransitionsTheme(android=none, ios=none, linux=none, macos=none, windows=none)


def apply(page: ft.Page, mode: Mode = "system", *, reduced_motion: bool = False, high_contrast: bool = False) -> None:
    """Dress the page: fonts, both theme slots and which of them is used.

    Flet has no slot for a third theme, so high contrast replaces both. `high_contrast` is the system's wish and
    only matters while `mode` is "system".
    """
    is_high = mode in ("contrast", "contrast-dark") or (mode == "system" and high_contrast)
    light, dark = (palettes.HIGH_LIGHT, palettes.HIGH_DARK) if is_high else (palettes.LIGHT, palettes.DARK)
    page.fonts = dict(FONTS)
    page.theme = make_theme(light, reduced_motion=reduced_motion)
    page.dark_theme = make_theme(dark, reduced_motion=reduced_motion)
    page.theme_mode = _MODES[mode]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accessibility:
    """What the person asked of their device."""

    high_contrast: bool = False
    bold_text: bool = False
    reduced_motion: bool = False


async def read_accessibility() -> Accessibility:
    """Return the device's accessibility settings, or none of them if the client gives no answer within 5 s.

    Needs a current page: call it from `main`, a handler or an effect.
    """
    try:
        async with asyncio.timeout(CLIENT_TIMEOUT_S):
            features = await ft.SemanticsService().get_accessibility_features()
    except (TimeoutError, RuntimeError, TypeError, ft.FletUnsupportedPlatformException):  # TypeError: an empty answer
        logging.getLogger(__name__).info("the client does not tell its accessibility settings")
        return Accessibility()
    return Accessibility(
        high_contrast=features.high_contrast,
        bold_text=features.bold_text,
        reduced_motion=features.reduce_motion or features.disable_animations,
    )
