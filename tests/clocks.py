"""Clocks for tests of time: one that jumps, one of a place with a zone, and a desk with a clock of its own."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from tests.fake_relay import FakeRelay
from tests.fakes import Desk, FakeClock


class JumpingClock(FakeClock):
    """`jump` sets the clock, and nothing passes; `move` lets time pass."""

    def jump(self, ms: int) -> None:
        self.ms += ms

    def restart(self) -> None:
        """The stopwatch begins anew, as in another process."""
        self.watch_ms = 0


class OwnDesk(Desk):
    """A person whose device has a clock of its own; the service keeps its own too."""

    clock: JumpingClock

    def __init__(self, name: str = "Hazel Ford", relay: FakeRelay | None = None) -> None:
        relay = relay or FakeRelay(FakeClock())
        theirs, relay.clock = relay.clock, JumpingClock()
        super().__init__(name, relay)
        relay.clock = theirs

    def wait(self, ms: int) -> None:
        """Let time pass here and at the service."""
        self.clock.move(ms)
        self.relay.clock.move(ms)


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
