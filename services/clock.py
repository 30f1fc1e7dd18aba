"""The computer's clock."""

import time
from datetime import UTC, datetime


class SystemClock:
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def today(self) -> str:
        return self._local().date().isoformat()

    def local_minute(self) -> int:
        local = self._local()
        return local.hour * 60 + local.minute

    def _local(self) -> datetime:
        return datetime.now(UTC).astimezone()
