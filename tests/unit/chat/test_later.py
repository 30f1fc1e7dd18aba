from companion.chat.later import MINUTE_MS, offers

NOW = 1_796_000_000_000
HOUR_MS = 60 * MINUTE_MS


def test_times_are_whole_minutes_of_the_local_day() -> None:
    found = {one.name: one.at_ms for one in offers(NOW, 10 * 60, "2026-11-25")}  # a Wednesday, ten o'clock
    minute = NOW - NOW % MINUTE_MS
    assert found == {
        "hour": NOW + HOUR_MS,
        "evening": minute + 8 * HOUR_MS,
        "morning": minute + 22 * HOUR_MS,
        "monday": minute + (4 * 24 + 22) * HOUR_MS,
    }


def test_an_evening_that_is_nearly_here_is_not_offered() -> None:
    assert [one.name for one in offers(NOW, 17 * 60 + 30, "2026-11-25")] == ["hour", "morning", "monday"]


def test_on_a_sunday_tomorrow_is_monday() -> None:
    assert [one.name for one in offers(NOW, 10 * 60, "2026-11-29")] == ["hour", "evening", "morning"]
