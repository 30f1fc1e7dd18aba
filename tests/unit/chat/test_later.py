import pytest

from companion.chat.later import offers
from companion.times import HOUR_MS, MINUTE_MS
from tests.clocks import ZoneClock
from tests.fakes import FakeClock

NOW = 1_796_000_000_000


def test_times_are_whole_minutes_of_the_local_day() -> None:
    found = {
        one.name: one.at_ms for one in offers(NOW, 10 * 60, "2026-11-25", FakeClock(day="2026-11-25").local_ms)
    }  # a Wednesday, ten o'clock
    minute = NOW - NOW % MINUTE_MS
    assert found == {
        "hour": NOW + HOUR_MS,
        "evening": minute + 8 * HOUR_MS,
        "morning": minute + 22 * HOUR_MS,
        "monday": minute + (4 * 24 + 22) * HOUR_MS,
    }


def test_an_evening_that_is_nearly_here_is_not_offered() -> None:
    assert [one.name for one in offers(NOW, 17 * 60 + 30, "2026-11-25", FakeClock().local_ms)] == [
        "hour",
        "morning",
        "monday",
    ]


def test_on_a_sunday_tomorrow_is_monday() -> None:
    assert [one.name for one in offers(NOW, 10 * 60, "2026-11-29", FakeClock().local_ms)] == [
        "hour",
        "evening",
        "morning",
    ]


@pytest.mark.parametrize(
    ("zone", "at"),
    [
        ("Europe/London", "2026-10-24T20:00"),
        ("Europe/London", "2026-10-23T17:00"),
        ("Europe/London", "2027-03-27T20:00"),
        ("America/New_York", "2026-10-31T12:00"),
        ("Australia/Lord_Howe", "2026-10-03T12:00"),
        ("Pacific/Apia", "2026-11-24T20:00"),
    ],
)
def test_a_time_of_the_clock_stays_it_across_a_change_of_clocks(zone: str, at: str) -> None:
    clock = ZoneClock(zone, at)
    found = offers(clock.now_ms(), clock.local_minute(), clock.today(), clock.local_ms)
    walls = {one.name: f"{clock.local(one.at_ms):%H:%M}" for one in found if one.name != "hour"}
    assert walls == {name: "18:00" if name == "evening" else "08:00" for name in walls}
