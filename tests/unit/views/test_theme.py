"""The theme: its modes, its motion, its layouts, and where colours may be named."""

import pathlib
import re

import flet as ft
import pytest

from views import theme


def test_theme_of_a_mode_fills_both_slots():
    class Page:
        fonts = theme_mode = None
        theme = dark_theme = ft.Theme()

    page = Page()
    theme.apply(page, "contrast-dark")
    assert page.theme.color_scheme.surface == theme.HIGH_LIGHT.paper
    assert page.dark_theme.color_scheme.surface == theme.HIGH_DARK.paper
    assert page.theme_mode == ft.ThemeMode.DARK
    theme.apply(page, "system", high_contrast=True)
    assert page.dark_theme.color_scheme.surface == theme.HIGH_DARK.paper
    assert page.theme_mode == ft.ThemeMode.SYSTEM
    theme.apply(page, "light", high_contrast=True)
    assert page.theme.color_scheme.surface == theme.LIGHT.paper


def test_reduced_motion_stops_transitions_and_presses():
    moving, still = theme.make_theme(theme.LIGHT), theme.make_theme(theme.LIGHT, reduced_motion=True)
    assert moving.text_button_theme.style.animation_duration == theme.QUICK_MS
    assert still.text_button_theme.style.animation_duration == 0
    assert still.page_transitions.android == ft.PageTransitionTheme.NONE


@pytest.mark.parametrize(
    ("width", "scale", "layout"),
    [
        (390, 1.0, theme.Layout.PHONE),
        (599, 1.0, theme.Layout.PHONE),
        (600, 1.0, theme.Layout.TWO_PANES),
        (1023, 1.0, theme.Layout.TWO_PANES),
        (1024, 1.0, theme.Layout.THREE_PANES),
        (1440, 1.0, theme.Layout.OPEN_CONTEXT),
        (1440, 2.0, theme.Layout.THREE_PANES),
        (1024, 2.0, theme.Layout.TWO_PANES),
        (768, 1.5, theme.Layout.PHONE),
        (390, 2.0, theme.Layout.PHONE),
    ],
)
def test_layout_follows_the_width_and_steps_down_for_large_text(width: int, scale: float, layout: theme.Layout):
    assert theme.layout_for(width, 800, text_scale=scale) == layout


@pytest.mark.parametrize(
    ("width", "height", "layout"),
    [
        (844, 390, theme.Layout.PHONE),
        (932, 430, theme.Layout.PHONE),
        (640, 400, theme.Layout.PHONE),
        (800, 480, theme.Layout.TWO_PANES),
        (1024, 350, theme.Layout.THREE_PANES),
        (768, 620, theme.Layout.TWO_PANES),
    ],
)
def test_a_low_window_has_no_rail_and_a_tablet_keeps_its_layout_under_the_keyboard(
    width: int, height: int, layout: theme.Layout
):
    assert theme.layout_for(width, height) == layout


def test_hex_colours_are_named_in_the_palettes_only():
    views = pathlib.Path(theme.__file__).parent.parent
    found = [
        f"{path.relative_to(views)}: {match}"
        for path in views.rglob("*.py")
        if path.name != "palettes.py"
        for match in re.findall(r"[\"']#[0-9A-Fa-f]{6}[\"']", path.read_text())
    ]
    assert found == []
