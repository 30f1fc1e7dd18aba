"""The regular forgetting: sessions, old bodies, and blobs that nobody needs.

Every step is safe to repeat and to cut off anywhere, on any number of nodes at once: an entry of the ledger is marked
as going before the bytes are deleted, and dropped after it. All of it goes by the time that is certain: a clock that is
ahead makes nothing forgotten.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from companion.times import SLACK_MS
from services.relay.blobs.objects import ObjectStore
from services.relay.blobs.store import IDLE_MS
from services.relay.clock import ServiceClock
from services.relay.database.store import Database, Figures
from services.relay.refusal import Refusal
from services.relay.trouble import Trouble

log = logging.getLogger(__name__)

OFTEN_S = 60.0
SELDOM_S = 600.0
DAILY_S = 24 * 3_600.0
SPREAD = (0.5, 1.5)
BLOBS_AT_ONCE = 100
DEFAULT_KEEP_DAYS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What one sweep did."""

    events: int = 0
    blobs: int = 0
    strays: int = 0


class Sweeper:
    """Sweeps one service. `keep_days` holds for groups that named no time of their own; 0 is for ever."""

    def __init__(self, database: Database, objects: ObjectStore, clock: ServiceClock, keep_days: int) -> None:
        self._database = database
        self._blobs = database.blobs
        self._objects = objects
        self._clock = clock
        self._ahead = Trouble(log, "less is forgotten, as the clock is in doubt")
        self._keep_days = keep_days
        self._told: Callable[[Swept, Figures | None], None] = lambda swept, figures: None

    def tell(self, told: Callable[[Swept, Figures | None], None]) -> None:
        """Let somebody know what each sweep did."""
        self._told = told

    async def run(self) -> None:
        """Sweep until it is cancelled: most things every minute or so, the rest more seldom."""
        loop = asyncio.get_running_loop()
        seldom = daily = loop.time()
        waiting = Trouble(log, "the sweep has to wait")
        while True:
            try:
                is_seldom, is_daily = loop.time() >= seldom, loop.time() >= daily
                swept = await self.once(is_seldom=is_seldom, is_daily=is_daily)
                self._told(swept, await self._database.figures() if is_seldom else None)
                seldom = loop.time() + _spread(SELDOM_S) if is_seldom else seldom
                daily = loop.time() + _spread(DAILY_S) if is_daily else daily
                waiting.ends()
            except Refusal:
                waiting.begins("the database or the place for blobs takes nothing")
            await asyncio.sleep(_spread(OFTEN_S))

    async def once(self, *, is_seldom: bool = True, is_daily: bool = True) -> Swept:
        """Sweep now. Raises 503; what is done by then stays done."""
        with self._database.making_room():
            return await self._sweep(is_seldom, is_daily)

    async def _sweep(self, is_seldom: bool, is_daily: bool) -> Swept:
        at_ms, now_ms = await self.look(keeps=is_seldom), self._clock.now_ms()
        if now_ms - at_ms > SLACK_MS:
            self._ahead.begins(f"{(now_ms - at_ms) // 1_000} s ahead of what is certain")
        else:
            self._ahead.ends()
        await self._database.sweep(at_ms)
        events = await self._expire(at_ms) if is_seldom else 0
        strays = 0
        if is_daily and now_ms - at_ms < IDLE_MS:  # the ages of files go by the clock
            await self._blobs.recount()
            strays = await self._find_strays()
            await asyncio.to_thread(self._objects.drop_unfinished_files, timedelta(milliseconds=IDLE_MS))
        return Swept(events=events, blobs=await self._drop_blobs(at_ms), strays=strays)

    async def look(self, *, keeps: bool = True) -> int:
        """Return the time that is certain now, and keep it for the next process. Raises 503."""
        kept, newest_ms = await self._database.known_time()
        known = self._clock.look(kept, newest_ms or self._clock.now_ms())
        if keeps:
            await self._database.keep_time(known)
        return known.sure_ms

    async def _expire(self, at_ms: int) -> int:
        emptied, after = 0, 0
        while True:
            step = await self._database.log.expire(at_ms, self._keep_days, after)
            emptied += step.events
            if step.after is None:
                return emptied
            after = step.after

    async def _drop_blobs(self, at_ms: int) -> int:
        dropped = 0
        while going := await self._blobs.release(at_ms, BLOBS_AT_ONCE):
            for blob in going:
                await self._objects.drop(blob)
            await self._blobs.forget(going)
            dropped += len(going)
        return dropped

    async def _find_strays(self) -> int:
        """Enter what lies in the object store and not in the ledger as going; it is dropped like the rest."""
        found = 0
        async for blobs in self._objects.untouched(timedelta(milliseconds=IDLE_MS)):
            found += len(await self._blobs.strays(blobs))
        return found


def _spread(about_s: float) -> float:
    return about_s * random.uniform(*SPREAD)  # noqa: S311  (spreads the nodes, protects nothing)
