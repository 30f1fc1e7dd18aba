"""A story's name, length and three states in words."""

import flet as ft

from companion.consent import Receipt
from companion.stories import Story
from views.parts.rows import fact_row
from views.parts.surfaces import well
from views.words.texts import Texts


def title_of(texts: Texts, story: Story) -> str:
    """Return the name its teller gave it, or its day."""
    return story.title or texts("stories.untitled", day=texts.day_of(story.created_ms))


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
