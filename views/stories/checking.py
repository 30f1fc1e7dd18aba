"""Step four: hear it, name it, keep it sealed."""

from collections.abc import Callable

import flet as ft

from companion.stories import Story
from views import theme
from views.mirror.context import use_frame, use_opened, use_quiet_window
from views.mirror.typed import use_field
from views.pages import content_page
from views.parts.buttons import button
from views.parts.fields import field
from views.parts.frame import foot
from views.parts.rows import fact_row
from views.parts.safe import guarded, safe
from views.parts.surfaces import card, equal, notice
from views.parts.text import heading, reading_column, soft
from views.stories.sound import Listen
from views.stories.steps import steps
from views.stories.wording import title_of

TITLE_LIMIT = 80


@safe
def CheckPage(story: Story, may_record: bool, go_on: Callable[[], None]) -> ft.Control:
    """Also where a story arrives whose telling was cut short: what was saved is here."""
    stories, frame, texts = use_opened().stories, use_frame(), use_quiet_window().texts
    name = use_field(lambda typed: None)

    async def keep() -> None:
        await stories.rename(story.id, name.text.strip() or title_of(texts, story))

    entry = field(
        texts("stories.name"),
        name.typed,
        value=name.value(),
        ref=name.box,
        hint=title_of(texts, story),
        helper=texts("stories.name_help"),
        max_length=TITLE_LIMIT,
        on_submit=guarded(keep, texts.error),
        key="story-name",
    )
    sealed = notice(ft.Icons.LOCK_ROUNDED, texts("stories.keep_sealed"), kind="stone", live=False)
    length = texts("stories.safe_here", length=texts.length(story.length_ms))
    body = reading_column(
        steps(texts, "check"),
        heading(texts("stories.check"), 2, ft.TextThemeStyle.DISPLAY_LARGE),
        soft(length, ft.TextThemeStyle.BODY_LARGE),
        card(Listen(story), fact_row(ft.Icons.HEARING_ROUNDED, texts("stories.listen_first"))),
        entry,
        sealed,
        spacing=theme.PAD,
    )
    keep_it = button(texts("stories.keep"), guarded(keep, texts.error))
    more = button(texts("stories.tell_more"), go_on, kind="outlined")
    answers = foot(equal(more, keep_it) if may_record else keep_it)
    return content_page(frame, texts("stories.record_mine"), [body], foot=answers)
