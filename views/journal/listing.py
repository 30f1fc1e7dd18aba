"""The journal's first screen: today's page on a phone, the month, and every page by day.

However long the journal is, only a few runs of rows are built: see `spans`.
"""

from collections.abc import Callable, Collection, Sequence
from itertools import groupby
from typing import Any

import flet as ft

from companion.journal_index import Head, JournalIndex
from views import theme
from views.journal.asking import QuestionCard
from views.journal.calendar import MonthCard, said_marks
from views.journal.past import PastDays
from views.journal.spans import ROWS, Span
from views.journal.writing import TodayPage
from views.mirror.context import Frame, use_frame, use_opened, use_part, use_quiet_window
from views.mirror.effects import use_kept
from views.pages import list_page
from views.parts.buttons import button, filter_chip
from views.parts.calendar import level_bar
from views.parts.frame import tray
from views.parts.rows import list_row, section
from views.parts.safe import remembered, safe
from views.parts.surfaces import column, notice, wrapping
from views.parts.text import soft
from views.words.texts import Texts

SHOWS = ("list", "month", "on_this_day")
NEWEST = "9999-12-31"
"""The day from which a list begins with the newest page."""
SOFT = ft.Colors.ON_SURFACE_VARIANT


@safe
def JournalList(key: str = "") -> ft.Control:
    """Every entry by day; on a phone under today's page, elsewhere under the month."""
    frame, texts = use_frame(), use_quiet_window().texts
    chosen, choose = ft.use_state("")
    show, set_show = ft.use_state("list")
    scroll = use_kept(Scroll)
    over = _over(frame, texts, show, set_show, chosen, choose)
    body: list[ft.Control] = [ft.Container(column(*over, spacing=theme.GAP), on_size_change=scroll.measure)]
    begin = chosen if not frame.is_phone or show == "month" else ""
    if not frame.is_phone or show != "on_this_day":
        body.append(Pages(begin, choose, scroll, show == "list", key=f"pages-{show}-{begin}"))
    foot = None if frame.is_phone and show == "list" else _write(frame, texts, set_show)
    return list_page(frame, texts("journal.title"), body, foot=foot, on_scroll=scroll.note)


class Scroll:
    """Where the list stands: who wants to know, and how tall what stands over it is."""

    def __init__(self) -> None:
        self.above = 0.0
        self.hear: Callable[[float, float], None] = lambda pixels, to_end: None

    def note(self, event: ft.OnScrollEvent) -> None:
        self.hear(event.pixels, event.max_scroll_extent - event.pixels)

    def measure(self, event: ft.LayoutSizeChangeEvent[ft.LayoutControl]) -> None:
        self.above = event.height


def _over(
    frame: Frame,
    texts: Texts,
    show: str,
    set_show: Callable[[str], Any],
    chosen: str,
    choose: Callable[[str], Any],
) -> list[ft.Control]:
    """Return what stands over the pages."""
    month = MonthCard(chosen, choose, key="month")
    if not frame.is_phone:
        return [month]
    if show == "month":
        return [_shows(texts, show, set_show), month]
    if show == "on_this_day":
        return [_shows(texts, show, set_show), PastDays(True, key="past-alone")]
    return [
        _shows(texts, show, set_show),
        TodayPage(key="today"),
        PastDays(key="past"),
        QuestionCard(key="question"),
    ]


def _shows(texts: Texts, show: str, set_show: Callable[[str], Any]) -> ft.Control:
    def press(one: str) -> Callable[[], Any]:
        return lambda: set_show(one)

    chips = [
        filter_chip(texts(f"timeline.{one}"), press(one), selected=one == show, key=f"show-{one}") for one in SHOWS
    ]
    return wrapping(*chips)


def _write(frame: Frame, texts: Texts, set_show: Callable[[str], Any]) -> ft.Control:
    def write() -> None:
        set_show("list")
        frame.go("/journal")

    return tray(button(texts("journal.write_today"), write, icon=ft.Icons.EDIT_ROUNDED))


# The pages by day --------------------------------------------------------------------------------------


@safe
def Pages(begin: str, choose: Callable[[str], Any], scroll: Scroll, is_under_today: bool, key: str = "") -> ft.Control:
    """The entries from the day `begin` on, newest first; from the newest one if it is empty.

    On a phone today's newest entry is left out where the list `is_under_today`'s page.
    """
    texts, frame, today = use_quiet_window().texts, use_frame(), use_opened().journal.day
    index, parted = use_part(lambda state: (state.journal, state.parted))
    is_read, fault = use_part(lambda state: (state.is_journal_read, state.journal_fault))
    span, set_span = ft.use_state(Span())
    measured = use_kept(lambda: lambda run, height: set_span(lambda now: now.measured(run, height)))
    if fault is not None:
        return notice(ft.Icons.ERROR_OUTLINE_ROUNDED, texts.error(fault), kind="alert")
    if not is_read:
        return soft(texts("timeline.reading"))
    start = index.position(begin or NEWEST)
    if frame.is_phone and is_under_today and index.of_day(today):
        start = index.position(today) + 1
    runs = -(-max(0, len(index) - start) // ROWS)
    scroll.hear = lambda pixels, to_end: set_span(lambda now: now.scrolled(pixels, to_end, scroll.above, runs))
    rows = _before_runs(texts, index, begin, start, choose)
    if span.space:
        rows.append(ft.Container(height=span.space, key="space"))
    for run in range(span.first, min(span.last, runs)):
        first = start + run * ROWS
        heads = index.page(first, ROWS)
        over = index.page(first - 1, 1)[0].day if run else ""
        chosen = frame.item if any(head.id == frame.item for head in heads) else ""
        apart = tuple(head.id for head in heads if head.id in parted)
        rows.append(Run(heads, over, chosen, apart, today, run, measured, key=f"run-{run}"))
    if span.last < runs:
        rows.append(button(texts("timeline.older"), lambda: set_span(lambda now: now.down(runs)), kind="outlined"))
    return column(*rows, spacing=0)


def _before_runs(
    texts: Texts, index: JournalIndex, begin: str, start: int, choose: Callable[[str], Any]
) -> list[ft.Control]:
    """Return the way to newer pages, and what is to be said of an empty day or journal."""
    rows: list[ft.Control] = []
    if begin and start:
        earlier = index.page(max(0, start - ROWS), 1)[0].day
        newer = button(texts("timeline.newer"), lambda: choose(earlier if start > ROWS else ""), kind="outlined")
        rows.append(newer)
    if begin and not index.of_day(begin):
        rows.append(soft(texts("timeline.nothing_on", day=texts.date(begin))))
    if not len(index):
        rows.append(soft(texts("timeline.empty")))
    return rows


def _run(
    heads: Sequence[Head],
    over: str,
    chosen: str,
    apart: Collection[str],
    today: str,
    number: int,
    measured: Callable[[int, float], None],
    key: str = "",
) -> ft.Control:
    """Some rows under the headings of their days; that of `over` stands in the run before. `apart` are pages with more
    than one version.
    """
    texts = use_quiet_window().texts
    parts: list[ft.Control] = []
    for day, of_day in groupby(heads, key=lambda head: head.day):
        rows = [EntryRow(head, head.id == chosen, head.id in apart, key=head.id) for head in of_day]
        label = texts("timeline.today") if day == today else texts.date(day)
        parts.append(column(*rows, spacing=0) if day == over else section(label, *rows, spacing=0))
    return ft.Container(column(*parts, spacing=0), on_size_change=lambda event: measured(number, event.height))


@safe
def EntryRow(head: Head, is_chosen: bool, is_parted: bool, key: str = "") -> ft.Control:
    """An entry in a list: how it begins, when it was changed, how it was."""
    texts, frame = use_quiet_window().texts, use_frame()
    title, when = head.title or texts("timeline.no_words"), texts.time(head.changed_ms)
    marks = said_marks(texts, head.mood, head.energy, head.connection)
    more = [f"#{tag}" for tag in head.tags]
    if is_parted:
        more.insert(0, texts("journal.parted_mark"))
    if head.has_attachments:
        more.append(texts("timeline.attachments"))
    lead = level_bar(head.mood, 2) if head.mood else ft.Icon(ft.Icons.NOTES_ROUNDED, size=22, color=SOFT)
    return list_row(
        ft.Container(lead, width=24, alignment=ft.Alignment.CENTER),
        title,
        lambda: frame.go(f"/journal/{head.id}"),
        line=head.line or None,
        time=when,
        mark=soft(" ".join(more)) if more else None,
        name=", ".join(part for part in (title, when, head.line, marks, *more) if part),
        selected=is_chosen,
        key=f"entry-{head.id}",
    )


Run = remembered(_run)
