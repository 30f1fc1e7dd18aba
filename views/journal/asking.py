"""Beside the page: how it was, a question for today, and who can read what is written."""

import flet as ft

from views import theme
from views.journal.editing import TODAY, use_editing, use_page_id
from views.journal.marks import PageMarks
from views.journal.past import PastDays
from views.mirror.context import use_frame, use_opened, use_part, use_quiet_window
from views.parts.buttons import button
from views.parts.frame import pane
from views.parts.rows import fact_row, section
from views.parts.safe import guarded, safe
from views.parts.surfaces import card, column, gap, wrapping
from views.parts.text import soft, words
from views.words.prompts import prompt_of_day


@safe
def QuestionCard(key: str = "") -> ft.Control:
    """A question, if one is wanted: to take for today's page, to swap, or to leave alone."""
    window, journal = use_quiet_window(), use_opened().journal
    texts, day = window.texts, journal.day
    taken = use_part(lambda state: state.journal_prompt)
    is_asking = use_part(lambda state: state.is_asking)
    swaps, swap = ft.use_state(0)
    question = prompt_of_day(window.prompts, day, swaps)
    if question is None:
        return gap(0)

    def take() -> None:
        window.state.journal_prompt = "" if taken == question.text else question.text

    async def turn() -> None:
        await journal.set_asking(not is_asking)

    if not is_asking:
        on = button(texts("journal.ask_again"), guarded(turn, texts.error), kind="quiet", size="slim")
        return section(texts("journal.question"), soft(texts("journal.not_asking")), wrapping(on))
    label = texts("journal.leave_question") if taken == question.text else texts("journal.use_question")
    another = button(texts("journal.another_question"), lambda: swap(swaps + 1), kind="quiet")
    off = button(texts("journal.stop_asking"), guarded(turn, texts.error), kind="quiet", size="slim")
    ask = words(question.text, ft.TextThemeStyle.DISPLAY_SMALL)
    actions = wrapping(button(label, take, kind="tonal"), another, off, spacing=theme.TIGHT)
    return section(texts("journal.question"), card(ask, actions))


@safe
def HowItWas(page_id: str, key: str = "") -> ft.Control:
    """The three scales beside an open page."""
    return PageMarks(use_editing(page_id))


@safe
def JournalContext(entry_id: str = "", key: str = "") -> ft.Control:
    texts, frame = use_quiet_window().texts, use_frame()
    page_id = use_page_id(entry_id)
    only_you = use_part(lambda state: "journal.only_you_all" if state.own.is_on else "journal.only_you")
    facts = card(
        fact_row(ft.Icons.LOCK_ROUNDED, texts(only_you)),
        fact_row(ft.Icons.SAVE_OUTLINED, texts("journal.saves_itself")),
    )
    parts: list[ft.Control] = []
    if page_id and not frame.is_phone:
        parts.append(HowItWas(page_id, key=f"how-{page_id}"))
    if entry_id in TODAY:
        parts += [QuestionCard(key="question"), PastDays(key="past")]
    parts.append(section(texts("journal.who_sees"), facts))
    return pane(column(*parts, spacing=theme.PAD))
