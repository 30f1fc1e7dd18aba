"""Runs what has become due in the opened core: a held message, a receipt, a poll's end. One task for each profile."""

import asyncio
import logging

from companion.app import Companion
from companion.errors import CompanionError
from companion.ports import Clock

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 60.0
LEAST_S = 0.05
WAKES = frozenset({"phase", "waiting", "standings", "seen", "my_polls", "groups"})
"""Changes after which something may be due sooner."""


class DueTimer:
    """It sleeps until something is due, and works out anew when that is whenever the core tells of a change."""

    def __init__(self, companion: Companion, clock: Clock) -> None:
        self._companion = companion
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._forget = companion.subscribe(self._hear)

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="due")

    async def stop(self) -> None:
        self._forget()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _hear(self, what: frozenset[str]) -> None:
        if what & WAKES:
            self._changed.set()

    async def _run(self) -> None:
        while True:
            delay_s = await self._step()
            try:
                async with asyncio.timeout(delay_s):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def _step(self) -> float:
        """Do what is due; return how long to sleep, in seconds."""
        self._changed.clear()
        opened = self._companion.opened
        if opened is None or opened.is_read_only:
            return LOOK_AGAIN_S
        try:
            if await opened.due.next_ms() <= self._clock.now_ms():
                await opened.due.run()
            left_ms = await opened.due.next_ms() - self._clock.now_ms()
        except CompanionError as error:  # locked meanwhile, or the disk is full: it stays due
            log.info("what is due has to wait: %s", type(error).__name__)
            return LOOK_AGAIN_S
        return min(LOOK_AGAIN_S, max(left_ms / 1_000, LEAST_S))
