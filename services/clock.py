"""The computer's clock and a stopwatch. Nothing else reads the clock, but for the words of `views/words/texts.py`."""

import time
from datetime import UTC, date, datetime
from datetime import time as minutes

_STOPWATCH = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))
"""It goes on while the device sleeps: on Linux only the time since boot does, elsewhere the monotonic one."""


class SystemClock:
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        return (time.monotonic_ns() if _STOPWATCH is None else time.clock_gettime_ns(_STOPWATCH)) // 1_000_000

    def today(self) -> str:
        return self._local().date().isoformat()

    def local_minute(self) -> int:
        local = self._local()
        return local.hour * 60 + local.minute

    def local_ms(self, day: str, minute: int) -> int:
        wall = datetime.combine(date.fromisoformat(day), minutes(*divmod(minute, 60)))
        return int(wall.timestamp() * 1_000)

    def _local(self) -> datetime:
        return datetime.now(UTC).astimezone()
