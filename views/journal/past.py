"""This day in earlier years: offered, never pushed, and gone for good if that is wanted."""

from collections.abc import Callable
from typing import Any

import flet as ft

from companion.journal_index import Head
from views import theme
from views.mirror.context import use_frame, use_opened, use_part, use_quiet_window
from views.parts.buttons import button
from views.parts.rows import section
from views.parts.safe import safe
from views.parts.surfaces import card, column, gap, wrapping
from views.parts.text import soft, text
from views.words.texts import Texts

ALL_MAX = 20


@safe
def PastDays(is_alone: bool = False, key: str = "") -> ft.Control:
    """A card for the newest entry of this day in earlier years, or for all of them where it `is_alone`."""
    texts, frame, opened = use_quiet_window().texts, use_frame(), use_opened()
    day = opened.journal.day
    past = use_part(lambda state: state.journal.past_years(day)[: ALL_MAX if is_alone else 1])
    hidden, set_hidden = ft.use_state("")

    def hide(head: Head) -> Callable[[], Any]:
        async def run() -> None:
            await opened.timeline.hide_past(head.id)
            set_hidden(head.id)

        return run

    async def undo() -> None:
        set_hidden("")
        await opened.timeline.hide_past(hidden, is_hidden=False)

    def open_(head: Head) -> Callable[[], Any]:
        return lambda: frame.go(f"/journal/{head.id}")

    cards: list[ft.Control] = [_card(texts, day, head, open_(head), hide(head)) for head in past]
    if hidden:
        said = column(soft(texts("timeline.past_hidden")), button(texts("timeline.past_undo"), undo, kind="quiet"))
        cards.append(ft.Semantics(content=card(said), live_region=True, container=True))
    if not cards and is_alone:
        cards.append(soft(texts("timeline.past_none")))
    return section(texts("timeline.past_title"), *cards) if cards else gap(0)


def _card(texts: Texts, today: str, head: Head, open_: Callable[[], Any], hide: Callable[[], Any]) -> ft.Control:
    """Say that there is something and not what: it may be a hard day."""
    year = int(head.day[:4])
    years = int(today[:4]) - year
    said = texts("timeline.past_one") if years == 1 else texts("timeline.past_many", years=years)
    mark = ft.Icon(ft.Icons.HISTORY_ROUNDED, size=24, color=ft.Colors.SECONDARY)
    actions = wrapping(
        button(texts("timeline.past_open", year=year), open_, kind="outlined", size="slim"),
        button(texts("timeline.past_hide", year=year), hide, kind="outlined", size="slim"),
    )
    words = column(
        text(said, ft.TextThemeStyle.BODY_MEDIUM), soft(texts.date(head.day)), spacing=theme.HAIR, expand=True
    )
    return card(ft.Row([mark, words], spacing=theme.GAP), actions)
