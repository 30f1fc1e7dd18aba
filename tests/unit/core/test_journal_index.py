"""The journal's index: the order of days, windows, calendar, past years; and that it follows every commit."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.journal import Entry, by_day
from companion.journal_index import DayMarks, JournalIndex, from_words, head_of


def entry(number: int, day: str, text: str = "words", **more) -> Entry:
    return Entry(id=f"{number:032x}", day=day, text=text, created_ms=number, changed_ms=number, **more)


def index_of(*entries: Entry) -> JournalIndex:
    return JournalIndex.of_docs(one.to_doc() for one in entries)


def ids(heads) -> list[int]:
    return [int(head.id, 16) for head in heads]


MANY = tuple(entry(n, (datetime.date(2025, 1, 1) + datetime.timedelta(days=n // 2)).isoformat()) for n in range(40))


def test_a_head_says_how_an_entry_begins_and_holds_no_whole_text() -> None:
    text = "\n  A hard day \n\nWren   stayed.\n" + "and so on " * 200
    head = head_of(entry(1, "2026-11-30", text, mood=2, tags=("rota",)).to_doc())
    assert head.title == "A hard day"
    assert head.line.startswith("Wren stayed. and so on")
    assert len(head.line) <= 120
    assert (head.mood, head.energy, head.tags) == (2, None, ("rota",))


@pytest.mark.parametrize(
    ("text", "title", "line"),
    [
        ("", "", ""),
        ("  \n", "", ""),
        ("\n\n a\nb", "a", "b"),
        ("# A hard day\n\n- Wren stayed", "A hard day", "Wren stayed"),
        ("**Tired**, and\n> more", "Tired**, and", "more"),
        ("---\n***\n\u2026 and then it rained", "and then it rained", ""),
        ("- [ ] call Bob\n- [x] write to Jay", "call Bob", "write to Jay"),
        ("\u2022 one\n\u25aa two", "one", "two"),
        ("\u201cI cannot go on,\u201d she said", "I cannot go on,\u201d she said", ""),
        ("<b>Late</b> again", "Late</b> again", ""),
        ("<3 is not a tag", "3 is not a tag", ""),
        ("1. first\n2. second", "1. first", "2. second"),
        ("\u00a350 for cake", "\u00a350 for cake", ""),
        ("\U0001f642 good day", "\U0001f642 good day", ""),
        ("\u2026", "\u2026", ""),
        ("\u4eca\u65e5\u306f\n\u3001\u96e8", "\u4eca\u65e5\u306f", "\u96e8"),
        ("x" * 100 + " y", "x" * 80, "x" * 20 + " y"),
        ("word " * 15 + "remember, and more", ("word " * 15).strip(), "remember, and more"),
        ("w" * 79 + ", and more\n", "w" * 79 + ",", "and more"),
        ("\n" * 500 + "late words", "late words", ""),
    ],
)
def test_a_preview_begins_with_words(text: str, title: str, line: str) -> None:
    head = head_of(entry(1, "2026-11-30", text).to_doc())
    assert (head.title, head.line) == (title, line)


@given(st.text(max_size=600))
def test_a_preview_keeps_its_bounds_and_begins_with_words_if_the_text_has_any(text: str) -> None:
    head = head_of(entry(1, "2026-11-30", text.encode("utf-8", "ignore").decode()).to_doc())
    assert len(head.title) <= 80
    assert len(head.line) <= 120
    assert head.line == from_words(head.line)
    if any(letter.isalnum() for letter in head.title):
        assert head.title == from_words(head.title)


def test_pages_go_from_the_newest_to_the_oldest() -> None:
    index = index_of(*reversed(MANY))
    assert ids(index.page(0, 3)) == [39, 38, 37]
    assert ids(index.page(38, 5)) == [1, 0]
    assert index.page(40, 5) == ()
    assert ids(index.heads) == list(range(40))


def test_windows_lie_before_and_after_a_day() -> None:
    index = index_of(*MANY)
    assert ids(index.before("2025-01-03", 3)) == [3, 2, 1]
    assert ids(index.after("2025-01-03", 3)) == [8, 7, 6]
    assert ids(index.of_day("2025-01-03")) == [5, 4]
    assert ids(index.page(index.position("2025-01-03"), 1)) == [5]


def test_the_position_of_a_day_without_entries_is_that_of_the_day_before_it() -> None:
    index = index_of(entry(1, "2024-05-01"), entry(2, "2026-05-01"))
    assert index.position("2025-01-01") == 1
    assert index.position("2027-01-01") == 0
    assert index.position("2023-01-01") == 2


def test_a_month_says_count_and_mean_marks_of_each_day() -> None:
    index = index_of(
        entry(1, "2026-10-31", mood=5),
        entry(2, "2026-11-01", mood=2, energy=1),
        entry(3, "2026-11-01", mood=3),
        entry(4, "2026-11-30"),
        entry(5, "2026-12-01", mood=5),
    )
    assert index.month("2026-11") == {
        "2026-11-01": DayMarks(count=2, mood=3, energy=1),
        "2026-11-30": DayMarks(count=1),
    }
    assert index.month("2026-09") == {}


def test_this_day_in_past_years_leaves_out_hidden_entries_and_this_year() -> None:
    index = index_of(
        entry(1, "2023-11-30"),
        entry(2, "2024-11-30", is_past_hidden=True),
        entry(3, "2025-11-30"),
        entry(4, "2025-11-29"),
        entry(5, "2026-11-30"),
    )
    assert ids(index.past_years("2026-11-30")) == [3, 1]
    assert JournalIndex().past_years("2026-11-30") == ()


def test_tags_come_most_used_first_and_find_their_entries() -> None:
    index = index_of(
        entry(1, "2026-01-01", tags=("rota", "rest")), entry(2, "2026-01-02", tags=("rest",)), entry(3, "2026-01-03")
    )
    assert index.tags() == ("rest", "rota")
    assert ids(index.tagged("rest", 5)) == [2, 1]
    assert ids(index.tagged("rest", 1)) == [2]


def test_an_index_never_changes() -> None:
    before = index_of(*MANY[:3])
    after = before.changed([head_of(entry(1, "2030-01-01").to_doc())], [f"{0:032x}"])
    assert ids(before.heads) == [0, 1, 2]
    assert ids(after.heads) == [2, 1]
    assert after.by_id[f"{1:032x}"].day == "2030-01-01"


days = st.dates(datetime.date(2020, 1, 1), datetime.date(2020, 3, 1)).map(datetime.date.isoformat)
steps = st.lists(st.tuples(st.integers(0, 9), st.none() | days), max_size=30)


@given(first=st.dictionaries(st.integers(0, 9), days), steps=steps)
def test_following_commits_equals_reading_everything_again(first, steps) -> None:
    kept = {number: entry(number, day) for number, day in first.items()}
    index = index_of(*kept.values())
    for number, day in steps:
        if day is None:
            kept.pop(number, None)
            index = index.changed([], [f"{number:032x}"])
        else:
            kept[number] = entry(number, day)
            index = index.changed([head_of(kept[number].to_doc())])
    fresh = index_of(*kept.values())
    assert index.heads == fresh.heads
    assert dict(index.by_id) == dict(fresh.by_id)
    assert [head.id for head in index.page(0, 100)] == [one.id for one in by_day(tuple(kept.values()))]


@pytest.mark.parametrize(
    ("day", "is_offered"),
    [("2026-02-28", True), ("2026-03-01", False), ("2028-02-28", False), ("2028-02-29", True), ("2100-02-28", True)],
)
def test_a_leap_day_is_offered_on_one_day_of_each_year(day: str, is_offered: bool) -> None:
    index = JournalIndex.of_docs([entry(1, "2024-02-29").to_doc()])
    assert bool(index.past_years(day)) == is_offered
