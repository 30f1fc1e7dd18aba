"""The words on screen, read from `assets/words/*.json`, and local dates and times in words.

A key is "file.name", as in `texts("journal.empty")`; values in braces are filled in by name.
"""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path

from companion.errors import CompanionError, RelayRefused
from companion.times import DAY_MS, HOUR_MS, MINUTE_MS


class Texts:
    """Every sentence of the interface, in one language. `zone` is the person's; None is the computer's own."""

    def __init__(self, words: Mapping[str, str], zone: tzinfo | None = None) -> None:
        self._words = dict(words)
        self._zone = zone

    def __call__(self, key: str, **values: object) -> str:
        """Return the sentence. Raises KeyError for a key that no file holds."""
        return self._words[key].format(**values) if values else self._words[key]

    def error(self, error: BaseException) -> str:
        """Return the sentence for an error: of its code, its own class, or the nearest class above that has one."""
        if isinstance(error, RelayRefused) and (key := f"errors.refused_{error.reason}") in self._words:
            return self._words[key]
        for kind in type(error).__mro__:
            key = f"errors.{kind.__name__}"
            if key in self._words:
                return self(key, **(error.told if isinstance(error, CompanionError) else {}))
        return self._words["errors.other"]

    def keys(self) -> frozenset[str]:
        return frozenset(self._words)

    def time(self, at_ms: int) -> str:
        """21:04"""
        return self._local(at_ms).strftime("%H:%M")

    def date(self, day: str | date) -> str:
        """Tuesday 14 October; the year follows if it is not this one."""
        day = date.fromisoformat(day) if isinstance(day, str) else day
        year = "" if day.year == datetime.now(self._zone).year else f" {day.year}"
        return f"{day:%A} {day.day} {day:%B}{year}"

    def month(self, month: str) -> str:
        """October 2025, of 2025-10."""
        return f"{date.fromisoformat(month + '-01'):%B %Y}"

    def month_names(self) -> tuple[str, ...]:
        """January to December."""
        return tuple(f"{date(2001, month, 1):%B}" for month in range(1, 13))

    def weekday_names(self) -> tuple[str, ...]:
        """Mon to Sun; 1 January 2001 was a Monday."""
        return tuple(f"{date(2001, 1, day):%a}" for day in range(1, 8))

    def day_of(self, at_ms: int) -> str:
        return self.date(self._local(at_ms).date())

    def when(self, at_ms: int) -> str:
        """The time for today, else the short day: 21:04, Sun, 3 October."""
        local, now = (
            self._local(at_ms),
            datetime.now(self._zone or UTC).astimezone(self._zone),
        )
        days = (now.date() - local.date()).days
        if days <= 0:
            return f"{local:%H:%M}"
        return f"{local:%a}" if days < 7 else f"{local.day} {local:%B}"

    def greeting(self, minute: int) -> str:
        """`minute` is minutes since local midnight."""
        part = "morning" if 4 * 60 <= minute < 12 * 60 else "afternoon" if minute < 17 * 60 else "evening"
        return self(f"today.good_{part}") if minute >= 4 * 60 else self("today.good_evening")

    def length(self, length_ms: int) -> str:
        """12 min 47 s"""
        seconds = length_ms // 1000
        return f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"

    def amount(self, length_ms: int) -> str:
        """15 minutes, 3 hours, 100 days: about so long, from two minutes up."""
        unit = next((one for one in (DAY_MS, HOUR_MS) if length_ms >= 2 * one), MINUTE_MS)
        name = {DAY_MS: "common.days", HOUR_MS: "common.hours", MINUTE_MS: "common.minutes"}[unit]
        return self(name, count=max(2, round(length_ms / unit)))

    def size(self, count: int) -> str:
        """12 KB, 3.4 MB, of a number of bytes."""
        if count < 1_000_000:
            return self("account.size_kb", count=-(-count // 1_000))
        return self("account.size_mb", count=f"{count / 1_000_000:.1f}")

    def minute_now(self) -> int:
        """Minutes since local midnight, 0 to 1439."""
        now = datetime.now(self._zone or UTC).astimezone(self._zone)
        return now.hour * 60 + now.minute

    def today(self) -> str:
        """The local date, ISO 8601."""
        return datetime.now(self._zone or UTC).astimezone(self._zone).date().isoformat()

    def _local(self, at_ms: int) -> datetime:
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self._zone)


def load_texts(folder: Path, zone: tzinfo | None = None) -> Texts:
    """Read every JSON file of the folder; the file's name is the first part of its keys."""
    words: dict[str, str] = {}
    for file in sorted(folder.glob("*.json")):
        for key, value in json.loads(file.read_text("utf-8")).items():
            words[f"{file.stem}.{key}"] = value
    return Texts(words, zone)
