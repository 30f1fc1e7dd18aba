"""The four palettes: every colour of the app, and nothing else.

`tests/unit/views/test_contrast.py` recomputes the contrast of each pair that may meet on screen.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """One colour per role. `x` is a fill, `on_x` is text or an icon upon it; all are #RRGGBB."""

    is_dark: bool
    paper: str
    card: str
    sunken: str
    pressed: str
    ink: str
    ink_soft: str
    edge: str
    line: str
    pine: str
    on_pine: str
    pine_wash: str
    on_pine_wash: str
    ember: str
    on_ember: str
    ember_wash: str
    on_ember_wash: str
    honey: str
    on_honey: str
    honey_wash: str
    on_honey_wash: str
    alert: str
    on_alert: str
    alert_wash: str
    on_alert_wash: str
    heather_wash: str
    on_heather_wash: str
    sky_wash: str
    on_sky_wash: str
    stone_wash: str
    on_stone_wash: str
    focus_wash: str
    """Fill of a focused row or card, which keeps the colours of its own words."""
    focus_ring: str
    """Edge of a focused row, card or field."""
    shadow: str
    inverse: str
    on_inverse: str


FOCUS: Final = "#FFEB3B"
"""Fill of a focused button or chip in every theme."""
ON_FOCUS: Final = "#212B32"
"""Words and edge of a focused button or chip in every theme."""

# The help cards look the same in every theme: they must be found by people who are not at their best.
CARE_RED: Final = "#B8200F"
CARE_INK: Final = "#212B32"
ON_CARE: Final = "#FFFFFF"
CARE_LINK: Final = "#A3190B"

LIGHT: Final = Palette(
    is_dark=False,
    paper="#F7F4ED",
    card="#FFFDF9",
    sunken="#EFEAE0",
    pressed="#E6E0D3",
    ink="#212B32",
    ink_soft="#4C565B",
    edge="#7F8781",
    line="#E3DCCF",
    pine="#00604A",
    on_pine="#FFFFFF",
    pine_wash="#DCEDE4",
    on_pine_wash="#00402F",
    ember="#A8441A",
    on_ember="#FFFFFF",
    ember_wash="#FBE6D8",
    on_ember_wash="#66280A",
    honey="#7A5300",
    on_honey="#FFFFFF",
    honey_wash="#FFEFC4",
    on_honey_wash="#543A00",
    alert="#B8200F",
    on_alert="#FFFFFF",
    alert_wash="#FDE4DF",
    on_alert_wash="#7A1208",
    heather_wash="#EFE3F1",
    on_heather_wash="#4E2354",
    sky_wash="#DEE9F6",
    on_sky_wash="#0B3A75",
    stone_wash="#E3E6E1",
    on_stone_wash="#333C3D",
    focus_wash="#FFEB3B",
    focus_ring="#212B32",
    shadow="#3B3323",
    inverse="#212B32",
    on_inverse="#F7F4ED",
)

DARK: Final = Palette(
    is_dark=True,
    paper="#121615",
    card="#1C2220",
    sunken="#0C100F",
    pressed="#2A322F",
    ink="#ECE8DF",
    ink_soft="#BDC3BD",
    edge="#7C8781",
    line="#2F3834",
    pine="#7FD6B4",
    on_pine="#00382A",
    pine_wash="#173F33",
    on_pine_wash="#C9F2E1",
    ember="#FFB48C",
    on_ember="#4A1A00",
    ember_wash="#4A2614",
    on_ember_wash="#FFDCC9",
    honey="#F2C462",
    on_honey="#3F2D00",
    honey_wash="#40310C",
    on_honey_wash="#FFE6AC",
    alert="#FF9C8E",
    on_alert="#560A02",
    alert_wash="#4F1912",
    on_alert_wash="#FFD9D3",
    heather_wash="#41294A",
    on_heather_wash="#F1D9F6",
    sky_wash="#1B3350",
    on_sky_wash="#D3E5FF",
    stone_wash="#333B38",
    on_stone_wash="#E3E6E1",
    focus_wash="#35320F",
    focus_ring="#FFEB3B",
    shadow="#000000",
    inverse="#ECE8DF",
    on_inverse="#212B32",
)

HIGH_LIGHT: Final = Palette(
    is_dark=False,
    paper="#FFFFFF",
    card="#FFFFFF",
    sunken="#F2F2F2",
    pressed="#D9D9D9",
    ink="#000000",
    ink_soft="#1F2528",
    edge="#000000",
    line="#000000",
    pine="#00412F",
    on_pine="#FFFFFF",
    pine_wash="#C2EBD9",
    on_pine_wash="#001F15",
    ember="#6E2300",
    on_ember="#FFFFFF",
    ember_wash="#FFD9C2",
    on_ember_wash="#3D1200",
    honey="#4A3200",
    on_honey="#FFFFFF",
    honey_wash="#FFE38F",
    on_honey_wash="#221700",
    alert="#8A0F00",
    on_alert="#FFFFFF",
    alert_wash="#FFD3CC",
    on_alert_wash="#4A0700",
    heather_wash="#EBCFF0",
    on_heather_wash="#2C0A33",
    sky_wash="#C7DEFA",
    on_sky_wash="#001B42",
    stone_wash="#D5DAD5",
    on_stone_wash="#000000",
    focus_wash="#FFEB3B",
    focus_ring="#212B32",
    shadow="#000000",
    inverse="#000000",
    on_inverse="#FFFFFF",
)

HIGH_DARK: Final = Palette(
    is_dark=True,
    paper="#000000",
    card="#000000",
    sunken="#161616",
    pressed="#333333",
    ink="#FFFFFF",
    ink_soft="#E6E6E6",
    edge="#FFFFFF",
    line="#FFFFFF",
    pine="#9BF0CE",
    on_pine="#000000",
    pine_wash="#00402F",
    on_pine_wash="#E3FFF3",
    ember="#FFC9AB",
    on_ember="#000000",
    ember_wash="#5C2000",
    on_ember_wash="#FFF0E8",
    honey="#FFDE82",
    on_honey="#000000",
    honey_wash="#4A3500",
    on_honey_wash="#FFF6DC",
    alert="#FFB8AD",
    on_alert="#000000",
    alert_wash="#6B0D00",
    on_alert_wash="#FFF0ED",
    heather_wash="#4A1B55",
    on_heather_wash="#FCEBFF",
    sky_wash="#0A3163",
    on_sky_wash="#EBF3FF",
    stone_wash="#3A3F3C",
    on_stone_wash="#FFFFFF",
    focus_wash="#3A3600",
    focus_ring="#FFEB3B",
    shadow="#000000",
    inverse="#FFFFFF",
    on_inverse="#000000",
)
