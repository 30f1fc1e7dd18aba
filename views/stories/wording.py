"""A story's name, length and three states in words."""

import math

import flet as ft

from companion.consent import Receipt
from companion.stories import Story
from views.parts.rows import fact_row
from views.parts.surfaces import well
from views.texts import Texts

SILENT_DB = -55.0
QUIET_DB = -38.0
LOUD_DB = -4.0


def title_of(texts: Texts, story: Story) -> str:
    """Return the name its teller gave it, or its day."""
    return story.title or texts("stories.untitled", day=texts.day_of(story.created_ms))


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


def agreement(texts: Texts, receipt: Receipt | None) -> str:
    if receipt is None:
        return texts("stories.agreed_never")
    day = texts.day_of(receipt.given_ms)
    count = len(receipt.chosen)
    if count == 0:
        return texts("stories.agreed_none", day=day)
    return texts("stories.agreed_one" if count == 1 else "stories.agreed_many", count=count, day=day)


def work(texts: Texts, story: Story) -> str:
    return texts(f"stories.work_{story.work}")


def three_states(texts: Texts, story: Story, receipt: Receipt | None) -> ft.Container:
    """Return work, agreement and who can open it: three rows, never one progress bar."""
    return well(
        fact_row(ft.Icons.DESCRIPTION_OUTLINED, work(texts, story), texts("stories.work")),
        fact_row(ft.Icons.HANDSHAKE_OUTLINED, agreement(texts, receipt), texts("stories.agreement")),
        fact_row(ft.Icons.LOCK_ROUNDED, texts("stories.opens_you"), texts("stories.opens")),
    )
