"""Months, typed days, and which part of a long list is built."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import ASSETS
from views.journal.days import months_later, parse_day, weeks_of
from views.journal.spans import NEAR, ROWS, RUNS_MAX, Span
from views.words.texts import load_texts

MONTHS = load_texts(ASSETS / "words").month_names()


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("2025-10-14", "2025-10-14"),
        ("14 10 2025", "2025-10-14"),
        ("14/10/25", "2025-10-14"),
        ("14.10.", "2026-10-14"),
        ("14 October 2025", "2025-10-14"),
        ("14th of oct", "2026-10-14"),
        ("October 14, 2025", "2025-10-14"),
        ("1 12", "2025-12-01"),
        ("29 feb", "2024-02-29"),
        ("31 feb", None),
        ("30 2 2025", None),
        ("ju 3", None),
        ("jun 3", "2026-06-03"),
        ("14", None),
        ("", None),
        ("one two three four", None),
        ("14 10 2025 1", None),
        ("99999 1 1", None),
    ],
)
def test_a_day_is_understood_as_people_write_it(typed: str, day: str | None) -> None:
    assert parse_day(typed, "2026-11-30", MONTHS) == day


@given(st.text(max_size=30))
def test_no_typing_breaks_it(typed: str) -> None:
    parse_day(typed, "2026-11-30", MONTHS)


@given(st.integers(12, 119_999 - 12), st.integers(-400, 400))
def test_months_go_both_ways(number: int, count: int) -> None:
    month = f"{number // 12:04}-{number % 12 + 1:02}"
    if 12 <= number + count < 120_000:
        assert months_later(months_later(month, count), -count) == month


def test_the_calendar_ends_with_the_first_and_the_last_year() -> None:
    assert months_later("0001-01", -1) == "0001-01"
    assert months_later("9999-12", 1) == "9999-12"


def test_a_month_has_weeks_from_monday_to_sunday() -> None:
    weeks = weeks_of("2026-11")
    assert all(len(week) == 7 for week in weeks)
    assert weeks[0] == ("",) * 6 + ("2026-11-01",)
    assert [day for week in weeks for day in week if day][-1] == "2026-11-30"


moves = st.lists(st.tuples(st.booleans(), st.integers(200, 3_000)), max_size=60)


@given(moves, st.integers(1, 12))
def test_a_list_never_builds_more_than_its_bound_once_runs_are_measured(steps, runs) -> None:
    span = Span()
    for is_down, height in steps:
        span = span.down(runs) if is_down else span.up()
        for run in range(span.first, span.last):
            span = span.measured(run, float(height))
        assert 0 <= span.first < span.last <= max(runs, 1)
        assert span.last - span.first <= RUNS_MAX
        assert span.space == sum(span.heights[: span.first])


def test_scrolling_to_the_end_and_back_builds_every_run() -> None:
    runs, screen, height = 30, 800.0, ROWS * 70.0
    span, seen, pixels = Span(), set(), 0.0
    for step in [300.0] * 200 + [-300.0] * 200:
        built = span.space + (span.last - span.first) * height
        pixels = min(max(0.0, pixels + step), max(0.0, built - screen))
        for run in range(span.first, span.last):
            span = span.measured(run, height)
        span = span.scrolled(pixels, built - screen - pixels, 0.0, runs)
        seen |= set(range(span.first, span.last))
        assert span.space <= pixels + 1 or span.first == 0, "a gap is on screen"
        assert span.last - span.first <= RUNS_MAX
    assert seen == set(range(runs))
    assert span.first == 0


def test_a_fling_builds_one_run_at_a_time() -> None:
    span = Span().measured(0, 900.0).scrolled(500.0, 0.0, 0.0, 99)
    assert span.last == 2
    assert span.scrolled(500.0, 0.0, 0.0, 99) == span
    assert span.measured(1, 900.0).scrolled(500.0, 0.0, 0.0, 99).last == 3


def test_what_is_dropped_above_is_not_wanted_again_at_once() -> None:
    height, screen = ROWS * 60.0, 2_160.0
    span = Span(first=0, last=RUNS_MAX, heights=(height,) * RUNS_MAX)
    built = RUNS_MAX * height
    pixels = built - screen - NEAR + 1
    moved = span.scrolled(pixels, NEAR - 1, 0.0, 99)
    assert moved.first == 1
    assert moved.scrolled(pixels, NEAR - 1 + height, 0.0, 99) == moved
