"""What the app believes of time. A clock that was wrong once must cost nothing.

1. Within a process a duration goes by the stopwatch, which no change of the clock moves (`Timers`).
2. What is kept as past cannot lie ahead: it is cut to now (`age_ms`), or it says nothing (`newest_ms`).
3. Nothing is destroyed before the time is sure (`Sure`): what is over is hidden first.
4. A time on the wall ("8:00 tomorrow") goes by its place's zone (`Clock.local_ms`), never by minutes added to now.
5. What the sync service says of the time is its own time (`Told`). It serves for what the service stamps and judges,
   and to say that a clock is off; it lengthens or ends nothing else.

It reads no clock by itself, and knows nothing of what the times are of.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from companion.fields import refused, whole

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
SLACK_MS = HOUR_MS
"""Two clocks of people who keep time, and one clock before and after it was set right, differ by less."""
OFF_MS = 2 * MINUTE_MS
"""A clock that differs from the service's by more is said to be off."""


class Watches(Protocol):
    """The device's clock, which may be wrong and may jump, and a stopwatch, which only goes on."""

    def now_ms(self) -> int: ...

    def monotonic_ms(self) -> int: ...


def age_ms(stamp_ms: int, now_ms: int) -> int:
    """Return how long ago something was; what lies ahead was now."""
    return max(0, now_ms - stamp_ms)


def is_past(stamp_ms: int, now_ms: int) -> bool:
    """Return whether something can have been then. A stamp well ahead is of a wrong clock and says nothing."""
    return stamp_ms <= now_ms + SLACK_MS


def newest_ms(stamps: Iterable[int], now_ms: int) -> int | None:
    """Return the newest of the stamps that can be, or None."""
    return max((stamp for stamp in stamps if is_past(stamp, now_ms)), default=None)


class Timers:
    """What runs for a time, by the stopwatch from the moment it is first seen in this process.

    Only that first look takes the clock's word for how much of it is over. Each has a name and is of one time: other
    stamps under its name begin anew.
    """

    def __init__(self, watches: Watches) -> None:
        self._watches = watches
        self._ends: dict[str, tuple[int, int, int]] = {}

    def left_ms(self, name: str, since_ms: int, until_ms: int) -> int:
        """Return how much of it is left, 0 when it is over."""
        watch_ms = self._watches.monotonic_ms()
        known = self._ends.get(name)
        if known is None or known[:2] != (since_ms, until_ms):
            over_ms = age_ms(since_ms, self._watches.now_ms())
            known = self._ends[name] = (since_ms, until_ms, watch_ms + until_ms - since_ms - over_ms)
        return max(0, known[2] - watch_ms)

    def has(self, name: str) -> bool:
        """Return whether it was seen in this process."""
        return name in self._ends

    def forget(self, name: str) -> None:
        self._ends.pop(name, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sure:
    """How late it is at least, for certain: by this nothing is taken away too early.

    Time that passes under our eyes is certain. How much passed while the app was closed only the clock says, so it is
    believed when it has gone on from there for a day, and for an eighth of the way it went at once: a year ahead has
    to last six weeks. Then it is certain up to the look before. A clock that goes back takes the certain time along.

    `seen_ms` is where the clock was first seen ahead of it, 0 if nowhere; `last_ms` where it was at the last look;
    `steady_ms` how long it has gone on since, at most a day for each look.
    """

    sure_ms: int
    seen_ms: int = 0
    last_ms: int = 0
    steady_ms: int = 0

    def looked(self, now_ms: int, watched_ms: int | None) -> "Sure":
        """Return what is known after another look.

        `watched_ms` is the time since the last one by the stopwatch, None at the first of a process.
        """
        sure_ms = min(self.sure_ms + (watched_ms or 0), now_ms)
        expected_ms = self.last_ms + (watched_ms or 0)
        jumped = now_ms < expected_ms - MINUTE_MS or (watched_ms is not None and now_ms > expected_ms + MINUTE_MS)
        if now_ms == sure_ms:
            return Sure(sure_ms=sure_ms, last_ms=now_ms)
        if not self.seen_ms or jumped:
            return Sure(sure_ms=sure_ms, seen_ms=now_ms, last_ms=now_ms)
        steady_ms = self.steady_ms + min(max(0, now_ms - self.last_ms), DAY_MS)
        if steady_ms >= max(DAY_MS, (self.seen_ms - sure_ms) // 8):
            return Sure(sure_ms=min(max(sure_ms, self.last_ms), now_ms), seen_ms=now_ms, last_ms=now_ms)
        return replace(self, sure_ms=sure_ms, last_ms=now_ms, steady_ms=steady_ms)

    def to_doc(self, id: str) -> dict[str, object]:
        stamps = {"sure_ms": self.sure_ms, "seen_ms": self.seen_ms, "last_ms": self.last_ms}
        return {"_id": id, "_v": 1, **stamps, "steady_ms": self.steady_ms}

    @classmethod
    @refused("what is known of the time")
    def from_doc(cls, doc: dict[str, object]) -> "Sure":
        names = ("sure_ms", "seen_ms", "last_ms", "steady_ms")
        return cls(**{name: whole(doc[name]) for name in names})


class Told:
    """What time each sync service says it is: by it go what it stamps and what the others judge by its stamps."""

    def __init__(self, watches: Watches) -> None:
        self._watches = watches
        self._heard: dict[str, int] = {}

    def hear(self, service: str, at_ms: int | None) -> None:
        """The service says that it is `at_ms` now, or None and nothing of it."""
        if at_ms is not None:
            self._heard[service] = at_ms - self._watches.monotonic_ms()

    def has(self, service: str) -> bool:
        return service in self._heard

    def now_ms(self, service: str) -> int:
        """Return the time there; this device's own before the service was heard."""
        start_ms = self._heard.get(service)
        return self._watches.now_ms() if start_ms is None else start_ms + self._watches.monotonic_ms()

    def here_ms(self, service: str, at_ms: int) -> int:
        """Return what this device's clock said, or will say, at that moment of the service."""
        return at_ms + self.ahead_ms(service)

    def ahead_ms(self, service: str) -> int:
        """Return by how much this device's clock is ahead of it, below 0 if it is behind."""
        return self._watches.now_ms() - self.now_ms(service)
