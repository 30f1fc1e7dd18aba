"""The service's time: what it stamps, and how late it is for certain, by which it forgets.

A clock that was wrong once must cost nothing. One that is ahead makes nothing forgotten; one that is behind stamps
nothing with a time that is long over.
"""

from companion.times import SLACK_MS, Sure, Watches
from services.clock import SystemClock


class ServiceClock:
    """One process's clock. The database keeps what is certain, for the next process."""

    def __init__(self, watches: Watches | None = None) -> None:
        self._watches = watches or SystemClock()
        self._known: Sure | None = None
        self._watch_ms: int | None = None

    def now_ms(self) -> int:
        """Return the time to stamp with, never well behind what is certain."""
        now_ms = self._watches.now_ms()
        if self._known is None or self._watch_ms is None:
            return now_ms
        certain_ms = self._known.sure_ms + self._watches.monotonic_ms() - self._watch_ms
        return now_ms if now_ms >= certain_ms - SLACK_MS else certain_ms

    def look(self, kept: Sure | None, newest_ms: int) -> Sure:
        """Look at the clock and return what is certain now.

        `kept` is what a process kept last, `newest_ms` the newest stamp of the log: they serve at the first look only.
        """
        watch_ms, known = self._watches.monotonic_ms(), self._known
        if known is None or self._watch_ms is None:
            known, watched_ms = kept or Sure(sure_ms=newest_ms), None
            self._known, self._watch_ms = known, watch_ms
        else:
            watched_ms = watch_ms - self._watch_ms
        self._known = known.looked(self.now_ms(), watched_ms)
        self._watch_ms = watch_ms
        return self._known
