"""Every pair of colours that may meet on screen, in all four palettes.

WCAG 2.2: text needs 4.5 (7.0 where the person asked for high contrast), edges and marks need 3.0.
"""

import dataclasses
import re

import pytest

from views import theme

PALETTES = {
    "light": theme.LIGHT,
    "dark": theme.DARK,
    "high light": theme.HIGH_LIGHT,
    "high dark": theme.HIGH_DARK,
}
SURFACES = ("paper", "card", "sunken")
WASHES = ("pine_wash", "ember_wash", "honey_wash", "alert_wash", "heather_wash", "sky_wash", "stone_wash")
ACCENTS = ("pine", "ember", "honey", "alert")
TEXT_PAIRS = (
    *((ink, surface) for ink in ("ink", "ink_soft", *ACCENTS) for surface in SURFACES),
    *((ink, "focus_wash") for ink in ("ink", "ink_soft", *ACCENTS)),  # a focused row keeps the colours of its words
    *((f"on_{fill}", fill) for fill in (*ACCENTS, *WASHES, "inverse")),
    ("ink", "pressed"),
    ("ink_soft", "pressed"),  # the second line of the selected row
    ("ink", "pine_wash"),
    ("ink_soft", "pine_wash"),  # time and state in your own bubble
    ("on_pine_wash", "focus_wash"),  # the current place, while it has the focus
)
EDGE_PAIRS = (
    *(("edge", surface) for surface in SURFACES),
    *(("focus_ring", surface) for surface in (*SURFACES, "pressed", "pine_wash", "focus_wash")),
    ("pine", "pine_wash"),  # tick and circles of the chosen answer, bar of a quote
    ("ink_soft", "sunken"),  # thumb of a switch that is off
    ("on_pine", "pine"),
)


def luminance(colour: str) -> float:
    """Return the relative luminance of #RRGGBB, from 0 to 1 (WCAG 2.2)."""
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_computed_as_wcag_does():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)
    assert contrast("#FFFFFF", "#777777") == contrast("#777777", "#FFFFFF")


@pytest.mark.parametrize("name", PALETTES)
@pytest.mark.parametrize(("ink", "fill"), TEXT_PAIRS)
def test_text_can_be_read(name: str, ink: str, fill: str):
    palette = PALETTES[name]
    needed = 7.0 if name.startswith("high") and fill != "focus_wash" else 4.5
    assert contrast(getattr(palette, ink), getattr(palette, fill)) >= needed


@pytest.mark.parametrize("name", PALETTES)
@pytest.mark.parametrize(("mark", "fill"), EDGE_PAIRS)
def test_edge_can_be_seen(name: str, mark: str, fill: str):
    palette = PALETTES[name]
    assert contrast(getattr(palette, mark), getattr(palette, fill)) >= 3.0


@pytest.mark.parametrize("name", ["high light", "high dark"])
@pytest.mark.parametrize("surface", SURFACES)
def test_high_contrast_draws_quiet_lines_that_can_be_seen(name: str, surface: str):
    assert contrast(PALETTES[name].line, getattr(PALETTES[name], surface)) >= 3.0


@pytest.mark.parametrize(
    ("ink", "fill"),
    [
        (theme.ON_FOCUS, theme.FOCUS),
        (theme.ON_CARE, theme.CARE_RED),
        (theme.ON_CARE, theme.CARE_INK),
        (theme.CARE_LINK, theme.ON_CARE),
    ],
)
def test_colours_that_are_the_same_in_every_theme_can_be_read(ink: str, fill: str):
    assert contrast(ink, fill) >= 4.5


@pytest.mark.parametrize("name", PALETTES)
@pytest.mark.parametrize("surface", SURFACES)
def test_focused_button_stands_out_by_its_fill_or_by_its_edge(name: str, surface: str):
    ground = getattr(PALETTES[name], surface)
    assert max(contrast(theme.FOCUS, ground), contrast(theme.ON_FOCUS, ground)) >= 3.0


def test_every_colour_of_a_palette_is_in_the_tables_above():
    """A new role must be given the fills it may meet."""
    met = {role for pair in (*TEXT_PAIRS, *EDGE_PAIRS) for role in pair}
    roles = {field.name for field in dataclasses.fields(theme.Palette)}
    assert roles - met == {"is_dark", "line", "shadow"}


@pytest.mark.parametrize("name", PALETTES)
def test_palette_says_truly_whether_it_is_dark(name: str):
    palette = PALETTES[name]
    assert palette.is_dark == (luminance(palette.paper) < luminance(palette.ink))


@pytest.mark.parametrize("name", PALETTES)
def test_scheme_pairs_each_fill_with_the_text_made_for_it(name: str):
    """A swapped role in the scheme would pass every test of the palette and still be unreadable."""
    scheme = theme.color_scheme(PALETTES[name])
    roles = (
        *("primary", "secondary", "tertiary", "error", "surface"),
        *("primary_container", "secondary_container", "tertiary_container", "error_container"),
        *("primary_fixed", "secondary_fixed", "tertiary_fixed"),
    )
    pairs = [(getattr(scheme, f"on_{role}"), getattr(scheme, role)) for role in roles]
    pairs.append((scheme.on_inverse_surface, scheme.inverse_surface))
    pairs.append((scheme.on_surface_variant, scheme.surface_container_highest))
    assert all(re.fullmatch("#[0-9A-F]{6}", colour) for pair in pairs for colour in pair)
    assert [pair for pair in pairs if contrast(*pair) < 4.5] == []
