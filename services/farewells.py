"""Brings what is owed to the services of erased profiles by itself: at once, at each start, with growing pauses."""

import asyncio
import logging

from companion.app import Companion
from companion.app.companion import ERASED
from companion.errors import CompanionError

log = logging.getLogger(__name__)

FIRST_S, MOST_S = 30.0, 3_600.0


class FarewellTimer:
    """One task for each profile. It sleeps by the stopwatch, and until an erasure where nothing is owed."""

    def __init__(self, companion: Companion, first_s: float = FIRST_S) -> None:
        self._companion = companion
        self._first_s = first_s
        self._task: asyncio.Task[None] | None = None
        self._erased = asyncio.Event()
        self._forget = companion.subscribe(self._hear)

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="farewells")

    async def stop(self) -> None:
        self._forget()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _hear(self, what: frozenset[str]) -> None:
        if ERASED in what:
            self._erased.set()

    async def _run(self) -> None:
        pause_s = self._first_s
        while True:
            is_owing = await self._deliver()
            is_new = await self._wait(pause_s if is_owing else None)
            pause_s = self._first_s if is_new else min(2 * pause_s, MOST_S)

    async def _deliver(self) -> bool:
        self._erased.clear()
        try:
            return await self._companion.farewells.deliver()
        except CompanionError as error:  # the disk is full: it stays owed
            log.info("what is owed has to wait: %s", type(error).__name__)
            return True

    async def _wait(self, pause_s: float | None) -> bool:
        """Return whether something was erased before the pause was over."""
        try:
            async with asyncio.timeout(pause_s):
                return await self._erased.wait()
        except TimeoutError:
            return False
