"""Step one: a moment before anything is asked."""

import flet as ft

from views import theme
from views.mirror.context import use_frame, use_opened, use_quiet_window
from views.pages import content_page
from views.parts.buttons import button
from views.parts.frame import foot
from views.parts.rows import fact_row
from views.parts.safe import guarded, safe
from views.parts.surfaces import card, equal
from views.parts.text import heading, reading_column, soft
from views.stories.steps import steps


@safe
def SettlePage() -> ft.Control:
    stories, frame, texts = use_opened().stories, use_frame(), use_quiet_window().texts

    async def begin() -> None:
        story = await stories.begin("")
        frame.go(f"/stories/{story.id}")

    facts = card(
        fact_row(ft.Icons.CHAIR_OUTLINED, texts("stories.settle_place")),
        fact_row(ft.Icons.PAUSE_CIRCLE_OUTLINED, texts("stories.settle_pause")),
        fact_row(ft.Icons.LOCK_ROUNDED, texts("stories.settle_sealed")),
        fact_row(ft.Icons.PEOPLE_OUTLINED, texts("stories.settle_others")),
        spacing=theme.GAP,
    )
    body = reading_column(
        steps(texts, "settle"),
        heading(texts("stories.settle"), 2, ft.TextThemeStyle.DISPLAY_LARGE),
        soft(texts("stories.settle_about"), ft.TextThemeStyle.BODY_LARGE),
        facts,
        spacing=theme.PAD,
    )
    answers = foot(
        equal(
            button(texts("stories.not_now"), lambda: frame.go("/stories"), kind="outlined"),
            button(texts("stories.ready"), guarded(begin, texts.error), kind="ember"),
        )
    )
    return content_page(frame, texts("stories.record_mine"), [body], foot=answers)
