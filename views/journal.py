"""The journal: today's page ready for typing, every earlier page below it or beside it."""

import time
from dataclasses import dataclass
from itertools import groupby

import flet as ft

from companion.app.journalling import Journalling
from companion.journal import Entry
from views import theme
from views.autosave import Autosave, Saving
from views.context import use_frame, use_opened, use_part, use_quiet_window
from views.effects import Box, use_kept, use_leave
from views.pages import content_page, list_page
from views.parts.buttons import button, who_chip
from views.parts.fields import bare_field, live
from views.parts.frame import pane, tray
from views.parts.rows import fact_row, list_row, section, state_mark
from views.parts.safe import safe
from views.parts.surfaces import card, column, empty_state, gap, notice, spread, wrapping
from views.parts.text import reading_column, soft, words
from views.prompts import prompt_of_day
from views.texts import Texts

TODAY = ("", "today")
ROWS_AT_ONCE = 120


def entry_of_today(journal: Journalling, entries: tuple[Entry, ...]) -> str:
    """Return the id of today's entry, also of one that is not on the disk yet; empty if nothing was written."""
    kept = next((e.id for e in entries if e.day == journal.day), "")
    typed = journal.unsaved_today()
    is_new = typed is not None and all(e.id != typed for e in entries)
    return kept or (typed if typed and is_new else "")


def status_line(texts: Texts, saving: Saving, entry: Entry | None) -> str:
    """Return in words where the text is; empty while there is none."""
    if saving.state == "saving":
        return texts("journal.saving")
    if saving.state == "failed" and saving.error is not None:
        return texts("journal.not_saved", reason=texts.error(saving.error))
    at_ms = saving.at_ms or (entry.changed_ms if entry else 0)
    if not at_ms:
        return ""
    is_today = texts.day_of(at_ms) == texts.day_of(time.time_ns() // 1_000_000)
    return (
        texts("journal.saved", time=texts.time(at_ms))
        if is_today
        else texts("journal.saved_earlier", day=texts.day_of(at_ms))
    )


# The page that is being written -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """The parts of an open page."""

    day: str
    field: ft.Control
    status: str
    is_failed: bool
    prompt: ft.Control | None


def use_writing(entry_id: str, lines: int) -> Writing:
    """A hook: the page of this entry, or of today. Keys go to the core at once and to the disk by themselves."""
    window = use_quiet_window()
    journal, texts, page = use_opened().journal, window.texts, ft.context.page
    is_today = entry_id in TODAY
    known = use_kept(lambda: Box(entry_of_today(journal, window.state.entries) if is_today else entry_id))
    entry = use_part(lambda state: next((e for e in state.entries if e.id == known.value), None))
    taken = use_part(lambda state: state.journal_prompt)
    saving, show = ft.use_state(Saving())
    saver = use_kept(lambda: Autosave(journal.save_drafts, show, page.run_task))
    box = use_kept(ft.Ref[ft.TextField])
    first = use_kept(lambda: _first_text(journal.unsaved(known.value), entry))
    use_leave(saver.flush)

    def typed(value: str) -> None:
        prompt = (window.state.journal_prompt or None) if is_today else None
        known.value = journal.draft(known.value or None, value, prompt=prompt)
        saver.typed()

    field = bare_field(
        texts("journal.page_name"),
        texts("journal.empty"),
        live(box, first),
        typed,
        serif=True,
        lines=(lines, None),
        autofocus=is_today,
        ref=box,
        key=f"page-{'today' if is_today else entry_id}",
    )
    asked = (entry.prompt if entry and entry.prompt else "") or (taken if is_today else "")
    return Writing(
        day=texts.date(entry.day if entry else journal.day),
        field=field,
        status=status_line(texts, saving, entry),
        is_failed=saving.state == "failed",
        prompt=_quote(asked) if asked else None,
    )


def _first_text(unsaved: str | None, entry: Entry | None) -> str:
    """Return what the page opens with: newer words that are not on the disk yet come before older ones that are."""
    return unsaved if unsaved is not None else entry.text if entry else ""


def _quote(question: str) -> ft.Container:
    return ft.Container(
        words(question, color=ft.Colors.ON_SURFACE_VARIANT),
        padding=ft.Padding.only(left=theme.PAD, top=theme.TIGHT, bottom=theme.TIGHT),
        border=ft.Border.only(left=ft.BorderSide(3, ft.Colors.SECONDARY)),
    )


def _status(writing: Writing) -> ft.Control:
    """Return the quiet line; what went wrong is no quiet line."""
    if writing.is_failed:
        return notice(ft.Icons.ERROR_OUTLINE_ROUNDED, writing.status, kind="alert")
    mark = state_mark("saved", writing.status) if writing.status else gap(theme.SMALL)
    return ft.Semantics(content=mark, container=True)


def _only_me(texts: Texts) -> ft.Control:
    return who_chip("me", texts("common.only_me"), texts("journal.who_name"))


@safe
def TodayPage(key: str = "") -> ft.Control:
    """Today's page at the top of a phone's journal."""
    writing, texts = use_writing("today", 7), use_quiet_window().texts
    parts: list[ft.Control] = [spread(soft(writing.day, ft.TextThemeStyle.TITLE_SMALL), _only_me(texts))]
    if writing.prompt:
        parts.append(writing.prompt)
    return card(*parts, writing.field, _status(writing), spacing=theme.GAP)


@safe
def OpenPage(entry_id: str, key: str = "") -> ft.Control:
    """One entry, whole."""
    frame, texts = use_frame(), use_quiet_window().texts
    writing = use_writing(entry_id, 12 if frame.is_phone else 16)
    parts = [*([writing.prompt] if writing.prompt else []), writing.field]
    if frame.is_phone:
        body = [wrapping(_only_me(texts), _status(writing)), *parts]
        done = tray(button(texts("journal.done"), lambda: frame.go("/journal"), icon=ft.Icons.CHECK_ROUNDED))
        return content_page(frame, writing.day, body, foot=done)
    middle = reading_column(*parts, spacing=theme.PAD)
    marks = wrapping(_only_me(texts), _status(writing))
    fill = ft.Colors.SURFACE_CONTAINER_LOWEST
    return content_page(frame, writing.day, [marks, gap(theme.GAP), middle], fill=fill)


@safe
def JournalContent(entry_id: str = "", key: str = "") -> ft.Control:
    """The page of an entry; today's when none was chosen."""
    entries, texts, frame = use_part(lambda state: state.entries), use_quiet_window().texts, use_frame()
    if entry_id in TODAY or any(e.id == entry_id for e in entries):
        return OpenPage(entry_id, key=f"open-{entry_id or 'today'}")
    missing = empty_state(texts("journal.missing"))
    return content_page(frame, texts("journal.title"), [missing])


# The list ---------------------------------------------------------------------------------------------


@safe
def JournalList(key: str = "") -> ft.Control:
    """Every entry by day; on a phone under today's page."""
    window, frame = use_quiet_window(), use_frame()
    texts, day = window.texts, use_opened().journal.day
    entries = use_part(lambda state: state.entries)
    shown, show = ft.use_state(ROWS_AT_ONCE)
    rows = _days(texts, [e for e in entries if not (frame.is_phone and e.day == day)][:shown], frame.item, day)
    if len(entries) > shown:
        rows.append(button(texts("journal.older"), lambda: show(shown + ROWS_AT_ONCE), kind="outlined"))
    if frame.is_phone:
        return list_page(frame, texts("journal.title"), [TodayPage(key="today"), QuestionCard(key="question"), *rows])
    write = button(texts("journal.write_today"), lambda: frame.go("/journal"), icon=ft.Icons.EDIT_ROUNDED)
    return list_page(frame, texts("journal.title"), rows or [soft(texts("journal.list_empty"))], foot=tray(write))


def _days(texts: Texts, entries: list[Entry], chosen: str, today: str) -> list[ft.Control]:
    """Return a heading for each day and a row for each of its entries."""
    parts: list[ft.Control] = []
    for day, of_day in groupby(entries, key=lambda e: e.day):
        label = texts("journal.today") if day == today else texts.date(day)
        parts.append(section(label, *(EntryRow(e, e.id == chosen, key=e.id) for e in of_day), spacing=0))
    return parts


@safe
def EntryRow(entry: Entry, is_chosen: bool, key: str = "") -> ft.Control:
    texts, frame = use_quiet_window().texts, use_frame()
    title, when = entry.title or texts("journal.no_words"), texts.time(entry.changed_ms)
    rest = " ".join(entry.text.strip().removeprefix(entry.title).split())
    return list_row(
        ft.Icon(ft.Icons.NOTES_ROUNDED, size=22, color=ft.Colors.ON_SURFACE_VARIANT),
        title,
        lambda: frame.go(f"/journal/{entry.id}"),
        line=rest[:120] or None,
        time=when,
        name=", ".join(part for part in (title, when, rest[:120]) if part),
        selected=is_chosen,
        key=f"entry-{entry.id}",
    )


# Beside the page --------------------------------------------------------------------------------------


@safe
def QuestionCard(key: str = "") -> ft.Control:
    """A question, if one is wanted: to take for today's page, to swap, or to leave alone."""
    window = use_quiet_window()
    texts, day = window.texts, use_opened().journal.day
    taken = use_part(lambda state: state.journal_prompt)
    swaps, swap = ft.use_state(0)
    question = prompt_of_day(window.prompts, day, swaps)
    if question is None:
        return gap(0)

    def take() -> None:
        window.state.journal_prompt = "" if taken == question.text else question.text

    label = texts("journal.leave_question") if taken == question.text else texts("journal.use_question")
    another = button(texts("journal.another_question"), lambda: swap(swaps + 1), kind="quiet")
    ask = words(question.text, ft.TextThemeStyle.DISPLAY_SMALL)
    actions = wrapping(button(label, take, kind="tonal"), another, spacing=theme.TIGHT)
    return section(texts("journal.question"), card(ask, actions))


@safe
def JournalContext(entry_id: str = "", key: str = "") -> ft.Control:
    texts = use_quiet_window().texts
    facts = card(
        fact_row(ft.Icons.LOCK_ROUNDED, texts("journal.only_you")),
        fact_row(ft.Icons.SAVE_OUTLINED, texts("journal.saves_itself")),
    )
    parts: list[ft.Control] = [section(texts("journal.who_sees"), facts)]
    if entry_id in TODAY:
        parts.insert(0, QuestionCard(key="question"))
    return pane(column(*parts, spacing=theme.PAD))
