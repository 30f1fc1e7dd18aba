"""The month: how each day was, and the way to any day."""

from collections.abc import Callable, Mapping
from typing import Any

import flet as ft

from companion.journal_index import DayMarks
from views import theme
from views.journal.days import month_of, months_later, parse_day, weeks_of
from views.journal.marks import mark_name
from views.mirror.context import use_frame, use_opened, use_part, use_quiet_window
from views.mirror.effects import Box, use_kept
from views.mirror.typed import live
from views.parts.buttons import button, filter_chip, icon_button, pressable
from views.parts.calendar import day_cell, month_grid
from views.parts.fields import field
from views.parts.safe import safe
from views.parts.surfaces import card, column, wrapping
from views.parts.text import flexible, soft, text
from views.words.texts import Texts

MEASURES = ("mood", "energy", "connection")
Choose = Callable[[str], Any]


def said_marks(texts: Texts, mood: int | None, energy: int | None, connection: int | None) -> str:
    """Mood: Steady, Energy: Low; empty without marks."""
    levels = {"mood": mood, "energy": energy, "connection": connection}
    return ", ".join(mark_name(texts, name, level) for name, level in levels.items() if level)


def said_day(texts: Texts, day: str, marks: DayMarks | None) -> str:
    """Tuesday 14 October, 2 pages, Mood: Steady"""
    if marks is None:
        return f"{texts.date(day)}, {texts('timeline.pages_none')}"
    key = "timeline.pages_one" if marks.count == 1 else "timeline.pages_many"
    how = said_marks(texts, marks.mood, marks.energy, marks.connection)
    return ", ".join(part for part in (texts.date(day), texts(key, count=marks.count), how) if part)


@safe
def MonthCard(chosen: str, choose: Choose, key: str = "") -> ft.Control:
    """The calendar. `chosen` is the day that the list begins with, or empty; `choose` gets another."""
    texts, frame, today = use_quiet_window().texts, use_frame(), use_opened().journal.day
    month, show_month = ft.use_state(month_of(chosen or today))
    measure, show_measure = ft.use_state("mood")
    is_picking, pick = ft.use_state(False)
    days = use_part(lambda state: state.journal.month(month))

    def take(picked: str) -> None:
        show_month(picked)
        pick(False)

    def go(day: str) -> None:
        take(month_of(day))
        choose(day)

    parts: list[ft.Control] = [_head(texts, month, show_month, lambda: pick(not is_picking))]
    if is_picking:
        parts.append(Picker(month, take, go, key="picker"))
    else:
        parts += _days(texts, month, days, measure, chosen, today, go, in_words=frame.is_large_text)
        parts.append(_measures(texts, measure, show_measure))
    return card(*parts, pad=theme.SMALL) if frame.is_phone else column(*parts)


def _head(texts: Texts, month: str, show: Choose, pick: Callable[[], Any]) -> ft.Control:
    before, after, name = months_later(month, -1), months_later(month, 1), texts.month(month)
    back = texts("timeline.month_before", month=texts.month(before))
    on = texts("timeline.month_after", month=texts.month(after))
    face = ft.Row(
        [flexible(text(name, ft.TextThemeStyle.TITLE_MEDIUM)), ft.Icon(ft.Icons.ARROW_DROP_DOWN_ROUNDED, size=24)],
        spacing=0,
        tight=True,
    )
    title = pressable(face, texts("timeline.choose_month", month=name), pick, pad=theme.SMALL, in_middle=True)
    return ft.Row(
        [
            icon_button(ft.Icons.CHEVRON_LEFT_ROUNDED, back, lambda: show(before), target=theme.TARGET_FLOOR),
            ft.Container(title, expand=True, alignment=ft.Alignment.CENTER),
            icon_button(ft.Icons.CHEVRON_RIGHT_ROUNDED, on, lambda: show(after), target=theme.TARGET_FLOOR),
        ],
        spacing=0,
    )


def _days(
    texts: Texts,
    month: str,
    days: Mapping[str, DayMarks],
    measure: str,
    chosen: str,
    today: str,
    go: Choose,
    *,
    in_words: bool,
) -> list[ft.Control]:
    """Return the grid; with large text, where seven columns do not fit, the days that have pages in words."""
    if in_words:
        return [
            button(said_day(texts, day, marks), _with(go, day), kind="tonal" if day == chosen else "outlined")
            for day, marks in days.items()
        ]

    def cell(day: str) -> ft.Control | None:
        if not day:
            return None
        marks = days.get(day)
        return day_cell(
            str(int(day[8:])),
            said_day(texts, day, marks),
            _with(go, day),
            has_entry=marks is not None,
            level=getattr(marks, measure) if marks else None,
            selected=day == chosen,
            is_today=day == today,
        )

    grid = month_grid(texts.weekday_names(), [[cell(day) for day in week] for week in weeks_of(month)])
    return [grid, soft(texts(f"timeline.about_{measure}"), align=ft.TextAlign.CENTER)]


def _measures(texts: Texts, measure: str, show: Choose) -> ft.Control:
    chips = [
        filter_chip(texts(f"timeline.{one}"), _with(show, one), selected=one == measure, key=f"show-{one}")
        for one in MEASURES
    ]
    return wrapping(*chips, spacing=theme.TIGHT)


def _with(do: Callable[[Any], Any], value: object) -> Callable[[], Any]:
    return lambda: do(value)


@safe
def Picker(month: str, take: Choose, go: Choose, key: str = "") -> ft.Control:
    """Another month by two presses, or any day by typing it."""
    texts, today = use_quiet_window().texts, use_opened().journal.day
    year, show_year = ft.use_state(int(month[:4]))
    problem, show_problem = ft.use_state("")
    typed, box = use_kept(lambda: Box("")), use_kept(ft.Ref[ft.TextField])
    names = texts.month_names()

    def type_day(value: str) -> None:
        typed.value = value

    def jump() -> None:
        day = parse_day(typed.value, today, names)
        if day is None:
            show_problem(texts("timeline.go_to_problem"))
        else:
            go(day)

    years = ft.Row(
        [
            _year_button(texts, "timeline.year_before", year - 1, show_year, ft.Icons.CHEVRON_LEFT_ROUNDED),
            ft.Container(soft(str(year), ft.TextThemeStyle.TITLE_MEDIUM), expand=True, alignment=ft.Alignment.CENTER),
            _year_button(texts, "timeline.year_after", year + 1, show_year, ft.Icons.CHEVRON_RIGHT_ROUNDED),
        ],
        spacing=0,
    )
    months = [f"{year:04}-{number:02}" for number in range(1, 13)]
    chips = [
        filter_chip(names[index], _with(take, one), selected=one == month, key=f"month-{index}")
        for index, one in enumerate(months)
    ]
    entry = field(
        texts("timeline.go_to"),
        type_day,
        value=live(box, ""),
        on_submit=jump,
        helper=texts("timeline.go_to_help"),
        error=problem or None,
        autofocus=True,
        ref=box,
        key="go-to-day",
    )
    return column(entry, years, wrapping(*chips, spacing=theme.TIGHT), spacing=theme.GAP)


def _year_button(texts: Texts, key: str, year: int, show: Callable[[int], Any], icon: ft.IconData) -> ft.Control:
    is_known = 1 <= year <= 9999
    name = texts(key, year=year)
    return icon_button(icon, name, lambda: show(year), target=theme.TARGET_FLOOR, disabled=not is_known)
