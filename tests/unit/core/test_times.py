"""What is believed of time: timers by the stopwatch, and a certain time that no wrong clock hurries."""

import pytest

from companion.errors import MessageRejected
from companion.times import DAY_MS, HOUR_MS, MINUTE_MS, OFF_MS, SLACK_MS, Sure, Timers, Told, age_ms, newest_ms
from tests.clocks import JumpingClock

NOW = 1_796_000_000_000
YEAR_MS = 365 * DAY_MS


def watched(sure: Sure, now_ms: int, *steps: tuple[int, int | None]) -> Sure:
    """Look after each step: how far the clock goes on, and how much of it was watched."""
    for step_ms, watched_ms in steps:
        now_ms += step_ms
        sure = sure.looked(now_ms, watched_ms)
    return sure


def test_the_units_are_those_of_a_clock() -> None:
    assert (MINUTE_MS, HOUR_MS, DAY_MS) == (60_000, 3_600_000, 86_400_000)
    assert (OFF_MS, SLACK_MS) == (120_000, 3_600_000)


def test_what_lies_ahead_was_now() -> None:
    assert age_ms(NOW + YEAR_MS, NOW) == 0


def test_a_stamp_of_a_wrong_clock_says_nothing() -> None:
    assert newest_ms((NOW - 5, NOW + YEAR_MS), NOW) == NOW - 5
    assert newest_ms((NOW + SLACK_MS,), NOW) == NOW + SLACK_MS
    assert newest_ms((NOW + SLACK_MS + 1,), NOW) is None


def test_a_timer_takes_the_clocks_word_once() -> None:
    clock = JumpingClock()
    timers = Timers(clock)
    assert timers.left_ms("a", clock.ms - 40, clock.ms + 60) == 60
    start = clock.ms
    clock.jump(-YEAR_MS)
    clock.move(50)
    assert timers.left_ms("a", start - 40, start + 60) == 10


def test_a_timer_with_other_stamps_begins_anew() -> None:
    clock = JumpingClock()
    timers = Timers(clock)
    timers.left_ms("a", clock.ms, clock.ms + 60)
    clock.move(60)
    assert timers.left_ms("a", clock.ms, clock.ms + 60) == 60


def test_a_timer_that_is_over_stays_over_until_it_is_forgotten() -> None:
    clock = JumpingClock()
    timers, start = Timers(clock), clock.ms
    timers.left_ms("a", start, start + 60)
    clock.move(70)
    clock.jump(-70)
    assert (timers.has("a"), timers.left_ms("a", start, start + 60)) == (True, 0)
    timers.forget("a")
    assert (timers.has("a"), timers.left_ms("a", start, start + 60)) == (False, 60)


def test_time_under_our_eyes_is_certain() -> None:
    assert watched(Sure(sure_ms=NOW), NOW, (YEAR_MS, YEAR_MS)).sure_ms == NOW + YEAR_MS


def test_a_jump_under_our_eyes_is_not_certain_for_a_day() -> None:
    begun = Sure(sure_ms=NOW).looked(NOW, None)
    assert (
        watched(begun, NOW, (2 * DAY_MS + HOUR_MS, HOUR_MS), (22 * HOUR_MS, 22 * HOUR_MS)).sure_ms == NOW + 23 * HOUR_MS
    )


def test_time_while_the_app_was_closed_is_certain_at_the_second_sighting_a_day_later() -> None:
    begun = Sure(sure_ms=NOW).looked(NOW, None)
    assert watched(begun, NOW, (7 * DAY_MS, None)).sure_ms == NOW
    assert watched(begun, NOW, (7 * DAY_MS, None), (DAY_MS - 1, None)).sure_ms == NOW
    assert watched(begun, NOW, (7 * DAY_MS, None), (DAY_MS, None)).sure_ms == NOW + 7 * DAY_MS


def test_a_clock_that_runs_on_evenly_under_our_eyes_is_believed_after_a_day() -> None:
    ahead_ms, hour = NOW + 7 * DAY_MS, (HOUR_MS, HOUR_MS)
    begun = Sure(sure_ms=NOW).looked(ahead_ms, None)
    assert watched(begun, ahead_ms, *[hour] * 23).sure_ms == NOW + 23 * HOUR_MS
    assert watched(begun, ahead_ms, *[hour] * 24).sure_ms == ahead_ms + 23 * HOUR_MS


def test_a_jump_under_our_eyes_adds_nothing_to_how_long_a_clock_has_gone_on() -> None:
    ahead_ms = NOW + 7 * DAY_MS
    begun = Sure(sure_ms=NOW).looked(ahead_ms, None)
    steps = ((12 * HOUR_MS, 12 * HOUR_MS), (20 * DAY_MS, MINUTE_MS))
    assert watched(begun, ahead_ms, *steps).sure_ms == NOW + 12 * HOUR_MS + MINUTE_MS


@pytest.mark.parametrize(
    ("drift_ms", "is_believed"),
    [(MINUTE_MS, True), (-MINUTE_MS, True), (MINUTE_MS + 1, False), (-MINUTE_MS - 1, False)],
)
def test_a_clock_that_is_set_by_a_minute_has_gone_on_and_by_more_it_begins_anew(
    drift_ms: int, is_believed: bool
) -> None:
    ahead_ms, hour = NOW + 7 * DAY_MS, (HOUR_MS, HOUR_MS)
    begun = Sure(sure_ms=NOW).looked(ahead_ms, None)
    steps = ((HOUR_MS + drift_ms, HOUR_MS), *[hour] * 23, (HOUR_MS // 2, HOUR_MS // 2))
    assert (watched(begun, ahead_ms, *steps).sure_ms > ahead_ms) is is_believed


def test_where_a_clock_was_first_seen_ahead_is_noted_and_a_little_back_takes_nothing_away() -> None:
    begun = Sure(sure_ms=NOW).looked(NOW, None)
    assert begun == Sure(sure_ms=NOW, last_ms=NOW)
    ahead = begun.looked(NOW + HOUR_MS, None)
    assert ahead == Sure(sure_ms=NOW, seen_ms=NOW + HOUR_MS, last_ms=NOW + HOUR_MS)
    assert ahead.looked(NOW + HOUR_MS - 30_000, None).steady_ms == 0


def test_who_opens_the_app_once_a_week_is_two_weeks_behind_and_no_more() -> None:
    sure, at_ms = Sure(sure_ms=NOW), NOW
    for _ in range(100):
        at_ms += 7 * DAY_MS
        sure = sure.looked(at_ms, None)
    assert at_ms - sure.sure_ms <= 14 * DAY_MS


def test_a_year_at_once_takes_six_weeks_to_believe() -> None:
    sure = Sure(sure_ms=NOW).looked(NOW, None)
    at_ms = NOW + YEAR_MS
    days = 0
    while sure.sure_ms == NOW:
        sure = sure.looked(at_ms, None)
        at_ms, days = at_ms + DAY_MS, days + 1
    assert days - 1 == 46


def test_a_second_jump_does_not_confirm_the_first() -> None:
    begun = Sure(sure_ms=NOW).looked(NOW, None)
    assert watched(begun, NOW, (YEAR_MS, None), (60 * DAY_MS, None)).sure_ms == NOW
    assert (
        watched(begun, NOW, (YEAR_MS, HOUR_MS), (60 * DAY_MS, HOUR_MS), (HOUR_MS, HOUR_MS)).sure_ms == NOW + 3 * HOUR_MS
    )


def test_a_clock_that_comes_back_begins_anew() -> None:
    begun = Sure(sure_ms=NOW).looked(NOW, None)
    back = watched(begun, NOW, (10 * DAY_MS, None), (-9 * DAY_MS, None))
    assert (back.sure_ms, back.seen_ms) == (NOW, NOW + DAY_MS)


def test_the_certain_time_is_never_ahead_of_the_clock() -> None:
    begun = Sure(sure_ms=NOW).looked(NOW, None)
    assert watched(begun, NOW, (-YEAR_MS, None)).sure_ms == NOW - YEAR_MS


def test_what_comes_to_be_believed_is_neither_ahead_of_the_clock_nor_behind_what_was_certain() -> None:
    last_ms = NOW + 9 * DAY_MS
    nearly = Sure(sure_ms=NOW, seen_ms=NOW + 8 * DAY_MS + 400_000, last_ms=last_ms, steady_ms=DAY_MS + 45_000)
    assert nearly.looked(last_ms - 5_000, 50_000).sure_ms == last_ms - 5_000
    begun = Sure(sure_ms=NOW).looked(NOW + 10 * MINUTE_MS, None)
    assert watched(begun, NOW + 10 * MINUTE_MS, *[(HOUR_MS, HOUR_MS)] * 24).sure_ms == NOW + DAY_MS


def test_what_is_believed_survives_the_store() -> None:
    known = Sure(sure_ms=1, seen_ms=2, last_ms=3, steady_ms=4)
    assert Sure.from_doc(known.to_doc("sure")) == known


@pytest.mark.parametrize("doc", [{}, {"sure_ms": 1, "seen_ms": 2, "last_ms": 3, "steady_ms": -4}])
def test_what_cannot_be_believed_of_the_time_is_refused(doc: dict[str, object]) -> None:
    with pytest.raises(MessageRejected):
        Sure.from_doc(doc)


def test_the_time_of_a_service_is_not_moved_by_our_clock() -> None:
    clock = JumpingClock()
    told = Told(clock)
    told.hear("a", NOW)
    clock.jump(YEAR_MS)
    clock.move(5)
    assert told.now_ms("a") == NOW + 5
    assert told.here_ms("a", NOW + 5) == clock.ms


def test_a_service_that_was_not_heard_has_our_time() -> None:
    clock = JumpingClock()
    told = Told(clock)
    told.hear("a", None)
    assert (told.has("a"), told.now_ms("a"), told.ahead_ms("a")) == (False, clock.ms, 0)
