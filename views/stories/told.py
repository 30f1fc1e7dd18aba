"""A story that is told: where it is, what was agreed, who can open it, and how it sounds."""

from collections.abc import Callable

import flet as ft

from companion.consent import Receipt
from companion.stories import Story
from views import theme
from views.mirror.context import use_frame, use_quiet_window
from views.pages import content_page
from views.parts.buttons import button
from views.parts.frame import foot
from views.parts.safe import safe
from views.parts.surfaces import card, equal, notice
from views.parts.text import heading, reading_column, soft
from views.stories.sound import Listen
from views.stories.wording import three_states, title_of


@safe
def ToldPage(
    story: Story, receipt: Receipt | None, change: Callable[[], None], tell_more: Callable[[], None] | None
) -> ft.Control:
    frame, texts = use_frame(), use_quiet_window().texts
    recorded = texts("stories.recorded", day=texts.day_of(story.created_ms), length=texts.length(story.length_ms))
    body = reading_column(
        heading(title_of(texts, story), 2, ft.TextThemeStyle.DISPLAY_LARGE),
        soft(recorded, ft.TextThemeStyle.BODY_MEDIUM),
        three_states(texts, story, receipt),
        card(Listen(story)),
        notice(ft.Icons.LOCK_ROUNDED, texts("stories.keep_sealed"), kind="stone", live=False),
        spacing=theme.PAD,
    )
    agreed = button(texts("stories.change_agreed"), change, kind="outlined")
    more = [button(texts("stories.tell_more"), tell_more, kind="outlined")] if tell_more else []
    return content_page(frame, texts("stories.where"), [body], foot=foot(equal(agreed, *more)))
