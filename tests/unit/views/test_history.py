"""Undo and redo of typing."""

from hypothesis import given
from hypothesis import strategies as st

from views.journal.history import STEP_S, History


def typed(history: History, *texts: str, every_s: float = 0.1, from_s: float = 0.0) -> None:
    for number, text in enumerate(texts):
        history.typed(text, from_s + number * every_s)


def test_keys_in_quick_succession_are_one_step() -> None:
    history = History("")
    typed(history, "a", "ab", "abc")
    assert history.undo() == ""
    assert history.redo() == "abc"


def test_a_pause_begins_a_new_step() -> None:
    history = History("")
    typed(history, "one", "one two", every_s=STEP_S + 0.1)
    assert history.undo() == "one"
    assert history.undo() == ""
    assert not history.can_undo
    assert history.undo() == ""


def test_erasing_and_a_new_line_are_steps_of_their_own() -> None:
    history = History("")
    typed(history, "ab", "abc", "ab", "a", "a\n", "a\nb")
    assert [history.undo() for _ in range(4)] == ["a\n", "a", "abc", ""]


def test_typing_after_undo_forgets_what_was_undone() -> None:
    history = History("x")
    typed(history, "xy")
    history.undo()
    typed(history, "xz", from_s=9)
    assert not history.can_redo
    assert history.undo() == "x"


def test_what_was_put_is_one_step_however_soon_typing_follows() -> None:
    history = History("a")
    history.put("a template")
    history.typed("a template!", 0.0)
    assert history.undo() == "a template"
    assert history.undo() == "a"


def test_a_long_life_stays_within_bounds() -> None:
    history = History("")
    for number in range(1_000):
        history.typed("x" * (20_000 + number), number * 10.0)
    assert sum(map(len, history._past)) <= 2_100_000
    assert history.can_undo


@given(st.lists(st.one_of(st.text(max_size=5), st.just(None)), max_size=30))
def test_undo_to_the_end_and_redo_comes_back(moves: list[str | None]) -> None:
    history = History("")
    for number, move in enumerate(moves):
        history.undo() if move is None else history.typed(move, number * 0.7)
    while history.can_redo:
        history.redo()
    last = history.text
    while history.can_undo:
        history.undo()
    assert history.text == ""
    while history.can_redo:
        history.redo()
    assert history.text == last
