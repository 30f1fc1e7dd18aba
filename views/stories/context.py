"""Beside a story: exactly what was agreed."""

import flet as ft

from companion.consent import Receipt
from views import theme
from views.mirror.context import use_opened, use_part, use_quiet_window
from views.mirror.effects import use_task
from views.parts.frame import pane
from views.parts.rows import fact_row, section
from views.parts.safe import safe
from views.parts.surfaces import card, column, gap
from views.parts.text import soft
from views.stories.wording import agreement


@safe
def StoryContext(story_id: str = "", key: str = "") -> ft.Control:
    stories, texts = use_opened().stories, use_quiet_window().texts
    story = use_part(lambda state: next((one for one in state.stories if one.id == story_id), None))
    none: tuple[Receipt, ...] = ()
    receipts, set_receipts = ft.use_state(none)

    async def load() -> None:
        receipt = await stories.receipt(story) if story else None
        set_receipts((receipt,) if receipt else ())

    use_task(load, [story.receipt if story else None])
    if story is None:
        return pane(gap(0))
    parts: list[ft.Control] = [soft(agreement(texts, receipts[0] if receipts else None))]
    for receipt in receipts:
        parts += [
            fact_row(
                ft.Icons.CHECK_ROUNDED if use.id in receipt.chosen else ft.Icons.REMOVE_ROUNDED,
                texts("stories.use_on" if use.id in receipt.chosen else "stories.use_off", use=use.title),
            )
            for use in receipt.uses
        ]
    sealed = card(fact_row(ft.Icons.LOCK_ROUNDED, texts("stories.keep_sealed")))
    return pane(
        column(
            section(texts("stories.who_sees"), sealed),
            section(texts("stories.agreement"), card(*parts)),
            spacing=theme.PAD,
        )
    )
