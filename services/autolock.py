"""Locks the app after the chosen minutes without use, and when its last window has gone. Tidies up in quiet moments."""

import asyncio
import logging

from companion.app import Companion, Opened
from companion.errors import StoreError
from companion.ports import Clock

log = logging.getLogger(__name__)

LOOK_AGAIN_MS = 30_000
REST_AFTER_MS = 20_000
"""Without use for so long, nobody types: the store may do its housekeeping."""
ANCHOR_EVERY = 64
"""Commits after which the device's keystore hears of them also while somebody types; never with each save."""
QUESTION_MS = 5 * 60_000
"""How long the question whether a backup was restored may stand open."""
RELOAD_S = 5.0
"""A browser that loads the page anew is away for about a second."""


class AutoLock:
    """One task for each profile, however many windows show it. It sleeps until the moment could have come."""

    def __init__(self, companion: Companion, clock: Clock) -> None:
        self._companion = companion
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._seen: set[int] = set()
        self._hidden: dict[int, bool] = {}

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
            try:
                if left_ms <= 0:
                    await self._companion.lock()
                else:
                    await self._tidy()
            except StoreError as error:  # the lock has fallen all the same; the screen says what is not saved
                log.warning("a quiet moment was not used: %s", type(error).__name__)
            await asyncio.sleep(min(LOOK_AGAIN_MS, max(left_ms, 1_000)) / 1_000)

    def left_ms(self) -> int:
        """Return the time until the lock falls, in ms; what is locked already is looked at again later."""
        opened = self._companion.opened
        if not self._companion.has_keys or (opened is not None and opened.is_recording):
            return LOOK_AGAIN_MS
        if opened is not None and self._hidden and not self._seen and self._locks_hidden(opened):
            return 0  # a recording kept it open, and has ended; or the keys came when everybody had looked away
        limit_ms = QUESTION_MS if opened is None else opened.auto_lock_minutes * 60_000
        return limit_ms - self._unused_ms()

    async def hidden(self, window: object, *, by_default: bool) -> None:
        """Note that a window went out of sight; lock if that is wanted, and nothing is being recorded.

        `by_default`: what holds on this kind of device if nobody chose.
        """
        self._seen.discard(id(window))
        self._hidden[id(window)] = by_default
        opened = self._companion.opened
        is_wanted = by_default if opened is None else self._locks_hidden(opened) and not opened.is_recording
        if is_wanted:
            await self._companion.lock()

    def shown(self, window: object) -> None:
        """Note that a window is in sight. As long as one is, those that are not lock nothing more."""
        self._seen.add(id(window))
        self._hidden.pop(id(window), None)

    def gone(self, window: object) -> None:
        self._seen.discard(id(window))
        self._hidden.pop(id(window), None)

    def _locks_hidden(self, opened: Opened) -> bool:
        return any(self._hidden.values()) if opened.locks_hidden is None else opened.locks_hidden

    def _unused_ms(self) -> int:
        return self._clock.monotonic_ms() - self._companion.last_used_ms

    async def _tidy(self) -> None:
        if self._unused_ms() < REST_AFTER_MS:
            await self._companion.remember(at_least=ANCHOR_EVERY)
        has_more = True
        while has_more and self._unused_ms() >= REST_AFTER_MS:
            has_more = await self._companion.rest()


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
