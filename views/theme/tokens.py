"""Sizes, widths and durations that every part shares."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

# Space, corners and targets in logical pixels. A name says the use, not the number.
HAIR: Final = 2
TIGHT: Final = 4
SMALL: Final = 8
GAP: Final = 12
PAD: Final = 16
ROOMY: Final = 24
BREATH: Final = 40
RADIUS_SMALL: Final = 8
RADIUS: Final = 14
RADIUS_CARD: Final = 20
RADIUS_SHEET: Final = 28
ROUND: Final = 999
TARGET: Final = 48
TARGET_FLOOR: Final = 44
KEY_TARGET: Final = 76
PAUSE_TARGET: Final = 88
FOCUS_WIDTH: Final = 3
LINE_LENGTH: Final = 640
"""Width of a reading column: about 75 characters."""
RAIL_WIDTH: Final = 96
LIST_WIDTH: Final = 336
CONTEXT_WIDTH: Final = 288

# Widths in logical pixels at which the layout changes.
PHONE_BELOW: Final = 600
LOW_BELOW: Final = (960, 480)
PANES_FROM: Final = 1024
OPEN_CONTEXT_FROM: Final = 1440

QUICK_MS: Final = 120
CALM_MS: Final = 240
CLIENT_TIMEOUT_S: Final = 5.0


class Layout(IntEnum):
    """How many panes stand side by side; a larger one shows all that a smaller one shows."""

    PHONE = 0
    TWO_PANES = 1
    THREE_PANES = 2
    OPEN_CONTEXT = 3


def layout_for(width: float, height: float, *, text_scale: float = 1.0) -> Layout:
    """Return the layout for a window of this size in logical pixels.

    Text at 150 % or more goes down one step, because words then need the room of a pane. A low window has no room for a
    rail.
    """
    if is_low(width, height):
        return Layout.PHONE
    steps = sum(width >= limit for limit in (PHONE_BELOW, PANES_FROM, OPEN_CONTEXT_FROM))
    return Layout(max(0, steps - 1) if text_scale >= 1.5 else steps)


def is_low(width: float, height: float) -> bool:
    """Return whether this is a phone on its side, or a page at twice its size.

    A tablet whose keyboard is up is wider: it must not change its layout under what is being typed.
    """
    return PHONE_BELOW <= width < LOW_BELOW[0] and height < LOW_BELOW[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """Durations in milliseconds, and how often a growing waveform is redrawn."""

    quick_ms: int = QUICK_MS
    calm_ms: int = CALM_MS
    wave_step_ms: int = 100


MOVING: Final = Motion()
STILL: Final = Motion(quick_ms=0, calm_ms=0, wave_step_ms=1000)
