"""Times that are offered for sending later, from this device's clock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from companion.times import HOUR_MS

MORNING_MINUTE, EVENING_MINUTE = 8 * 60, 18 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """One offer: `name` is "hour", "evening", "morning" or "monday"; `at_ms` in ms since the epoch, UTC."""

    name: str
    at_ms: int


def offers(now_ms: int, local_minute: int, today: str, local_ms: Callable[[str, int], int]) -> tuple[Later, ...]:
    """Return when a message may go, soonest first.

    `local_minute` is since local midnight, `today` ISO 8601; `local_ms` says when it is a minute of a day here.
    """
    day = date.fromisoformat(today)

    def at(days: int, minute: int) -> int:
        return local_ms((day + timedelta(days=days)).isoformat(), minute)

    days_to_monday = 7 - day.weekday()
    found = [Later(name="hour", at_ms=now_ms + HOUR_MS)]
    if local_minute < EVENING_MINUTE - 60:
        found.append(Later(name="evening", at_ms=at(0, EVENING_MINUTE)))
    found.append(Later(name="morning", at_ms=at(1, MORNING_MINUTE)))
    if days_to_monday > 1:
        found.append(Later(name="monday", at_ms=at(days_to_monday, MORNING_MINUTE)))
    return tuple(found)
