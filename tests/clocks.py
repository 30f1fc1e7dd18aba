"""Clocks for tests of time: one that jumps while its stopwatch goes on, and one of a place with a zone."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from tests.fakes import FakeClock


class JumpingClock(FakeClock):
    """`jump` sets the clock, and nothing passes; `move` lets time pass."""

    def jump(self, ms: int) -> None:
        self.ms += ms


class ZoneClock:
    """Stands at a moment, in a place."""

    def __init__(self, zone: str, at: str) -> None:
        self.zone = ZoneInfo(zone)
        self.ms = int(datetime.fromisoformat(at).replace(tzinfo=self.zone).timestamp() * 1_000)

    def now_ms(self) -> int:
        return self.ms

    def monotonic_ms(self) -> int:
        return self.ms

    def today(self) -> str:
        return self.local(self.ms).date().isoformat()

    def local_minute(self) -> int:
        local = self.local(self.ms)
        return local.hour * 60 + local.minute

    def local_ms(self, day: str, minute: int) -> int:
        wall = datetime.combine(date.fromisoformat(day), time(*divmod(minute, 60)), self.zone)
        return int(wall.timestamp() * 1_000)

    def local(self, at_ms: int) -> datetime:
        return datetime.fromtimestamp(at_ms / 1_000, UTC).astimezone(self.zone)
