"""Days as the calendar and the field for a date need them. Pure.

Days are local dates, ISO 8601; months the same, as in 2026-11.
"""

import calendar
import re
from datetime import date

_PARTS = re.compile(r"\d+|[^\W\d_]+")
_ORDINAL = frozenset({"st", "nd", "rd", "th", "of"})
CENTURY = 2000


def month_of(day: str) -> str:
    return day[:7]


def months_later(month: str, count: int) -> str:
    """Return the month `count` months later; the calendar ends with the years 1 and 9999."""
    number = int(month[:4]) * 12 + int(month[5:]) - 1 + count
    year, index = divmod(min(max(number, 12), 9999 * 12 + 11), 12)
    return f"{year:04}-{index + 1:02}"


def weeks_of(month: str) -> tuple[tuple[str, ...], ...]:
    """Return the weeks from Monday to Sunday; empty where another month's day would stand."""
    year, number = int(month[:4]), int(month[5:])
    weeks = calendar.Calendar().monthdayscalendar(year, number)
    return tuple(tuple(f"{month}-{day:02}" if day else "" for day in week) for week in weeks)


def parse_day(typed: str, today: str, names: tuple[str, ...]) -> str | None:
    """Return the day that somebody typed: "2025-10-14", "14/10/25", "14 October 2025", "14 Oct"; None if it is none.

    `names` are the months' names. Without a year it is the latest such day that is not after `today`.
    """
    parts = [part for part in _PARTS.findall(typed.lower()) if part not in _ORDINAL]
    numbers = [_number(part, names) for part in parts]
    if len(parts) not in (2, 3) or None in numbers:
        return None
    one, two, *rest = (number for number in numbers if number is not None)
    if len(parts[0]) == 4 and rest:
        return _day(one, two, rest[0])
    if not parts[0].isascii() or not parts[0].isdigit():  # October 14
        one, two = two, one
    if rest:
        return _day(rest[0] if len(parts[2]) > 2 else CENTURY + rest[0], two, one)
    year = int(today[:4])
    past = (_day(year - back, two, one) for back in range(9))  # 29 February is up to eight years away
    return next((day for day in past if day and day <= today), None)


def _number(part: str, names: tuple[str, ...]) -> int | None:
    if part.isascii() and part.isdigit():
        return int(part) if len(part) <= 4 else None
    fits = [index for index, name in enumerate(names, 1) if len(part) >= 3 and name.lower().startswith(part)]
    return fits[0] if len(fits) == 1 else None


def _day(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
