"""Times and loudness of sound in figures and words."""

import math

SILENT_DB = -55.0
QUIET_DB = -38.0
LOUD_DB = -4.0


def clock(length_ms: int) -> str:
    """Return 12:47, with hours only where there are any: 1:02:03."""
    minutes, seconds = divmod(length_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def decibels(level: float) -> float:
    """Return a loudness from 0.0 to 1.0 against full scale."""
    return 20 * math.log10(max(level, 1e-5))


def height_of(level: float) -> float:
    """Return how much of a bar a loudness fills, 0.0 to 1.0: as ears hear it, not as figures say it."""
    return min(1.0, max(0.0, 1 + decibels(level) / -SILENT_DB))


def level_word(level: float) -> str:
    """Return the key of the word for a loudness."""
    heard = decibels(level)
    if heard < SILENT_DB:
        return "stories.level_none"
    if heard < QUIET_DB:
        return "stories.level_quiet"
    return "stories.level_good" if heard < LOUD_DB else "stories.level_loud"
