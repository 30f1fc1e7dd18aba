"""Step two: each use has its own switch, and none of these is as easy as any."""

from collections.abc import Callable

import flet as ft

from companion.consent import Receipt
from companion.stories import Story
from views import theme
from views.mirror.context import use_frame, use_opened, use_quiet_window
from views.pages import content_page
from views.parts.buttons import button
from views.parts.choices import consent_row
from views.parts.frame import foot
from views.parts.safe import guarded, safe
from views.parts.surfaces import card, equal, notice, ruled
from views.parts.text import heading, reading_column, soft, words
from views.stories.steps import steps


@safe
def AgreePage(story: Story, receipt: Receipt | None, done: Callable[[], None]) -> ft.Control:
    """Everything starts off. What was agreed before is shown only under the wording it was agreed to."""
    stories, frame, texts = use_opened().stories, use_frame(), use_quiet_window().texts
    wording = stories.wording
    is_new_wording = receipt is not None and receipt.version != wording.version
    before = receipt.chosen if receipt is not None and not is_new_wording else frozenset[str]()
    chosen, choose = ft.use_state(before)

    async def agree(uses: frozenset[str]) -> None:
        await stories.agree(story.id, uses)
        done()

    def switch(use: str) -> Callable[[bool], None]:
        return lambda on: choose(chosen | {use} if on else chosen - {use})

    rows = [consent_row(u.title, u.detail, switch(u.id), on=u.id in chosen, key=f"use-{u.id}") for u in wording.uses]
    parts: list[ft.Control] = [
        steps(texts, "agree"),
        heading(texts("stories.agree_head"), 2, ft.TextThemeStyle.DISPLAY_LARGE),
        soft(texts("stories.agree_about"), ft.TextThemeStyle.BODY_LARGE),
    ]
    if is_new_wording:
        parts.append(notice(ft.Icons.INFO_OUTLINE_ROUNDED, texts("stories.new_wording"), kind="stone"))
    parts.append(card(*ruled(rows), pad=theme.TIGHT, spacing=0))
    answers = foot(
        equal(
            button(texts("stories.none"), guarded(lambda: agree(frozenset()), texts.error), kind="outlined"),
            button(
                texts("stories.agree_to", count=len(chosen)),
                guarded(lambda: agree(chosen), texts.error),
                kind="ember",
                disabled=not chosen,
            ),
        ),
        soft(texts("stories.wording", version=wording.version), align=ft.TextAlign.CENTER),
    )
    title = texts("stories.record_mine") if story.work != "recorded" else texts("stories.change_agreed")
    return content_page(frame, title, [reading_column(*parts, spacing=theme.PAD)], foot=answers)


@safe
def NotAgreedPage(receipt: Receipt | None, change: Callable[[], None]) -> ft.Control:
    """The microphone stays off, and that is a whole answer."""
    frame, texts = use_frame(), use_quiet_window().texts
    has_some = receipt is not None and bool(receipt.chosen)
    body = reading_column(
        steps(texts, "agree"),
        words(texts("stories.not_agreed_head"), ft.TextThemeStyle.DISPLAY_LARGE),
        soft(texts("stories.not_recording" if has_some else "stories.agreed_nothing"), ft.TextThemeStyle.BODY_LARGE),
        spacing=theme.PAD,
    )
    answers = foot(
        equal(
            button(texts("stories.change_agreed"), change, kind="outlined"),
            button(texts("stories.leave_it"), lambda: frame.go("/stories")),
        )
    )
    return content_page(frame, texts("stories.record_mine"), [body], foot=answers)
