"""Locks the app after the chosen minutes without use, and when its last window has gone."""

import asyncio

from companion.app import Companion
from companion.ports import Clock

LOOK_AGAIN_MS = 30_000
RELOAD_S = 5.0
"""A browser that loads the page anew is away for about a second."""


class AutoLock:
    """One task for each profile, however many windows show it. It sleeps until the moment could have come."""

    def __init__(self, companion: Companion, clock: Clock) -> None:
        self._companion = companion
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="auto-lock")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            left_ms = self.left_ms()
            if left_ms <= 0:
                await self._companion.lock()
            await asyncio.sleep(min(LOOK_AGAIN_MS, max(left_ms, 1_000)) / 1_000)

    def left_ms(self) -> int:
        """Return the time until the lock falls, in ms; what is locked already is looked at again later."""
        opened = self._companion.opened
        if opened is None or opened.stories.is_recording:
            return LOOK_AGAIN_MS
        return opened.auto_lock_minutes * 60_000 - (self._clock.now_ms() - self._companion.last_used_ms)


class OpenWindows:
    """Which windows show this profile. A closed window is a hidden app: the keys go."""

    def __init__(self, companion: Companion, reload_s: float = RELOAD_S) -> None:
        self._companion = companion
        self._reload_s = reload_s
        self._windows: set[int] = set()

    def come(self, window: object) -> None:
        self._windows.add(id(window))

    async def go(self, window: object) -> None:
        """Note that a window has gone; lock unless one is there again soon."""
        self._windows.discard(id(window))
        if self._windows:
            return
        try:
            await asyncio.sleep(self._reload_s)
        except asyncio.CancelledError:  # the whole app is closing, and locks by itself
            return
        if not self._windows:
            await self._companion.lock()
