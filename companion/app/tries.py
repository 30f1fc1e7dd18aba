"""Wrong keys in a row, whoever asks for one: the lock screen, or a change that needs a proof."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from companion.errors import StoreError, WrongKey
from companion.ports import Clock, TryCounter
from companion.times import Timers
from companion.unlocking import Attempts, wait_ms

log = logging.getLogger(__name__)
_WAIT = "wait"


class Tries:
    """Counts across restarts, and makes a person wait after too many.

    A disk that takes no more must neither let a wrong key pass for a fault of the disk nor keep the right one out: then
    they are counted until the app ends.
    """

    def __init__(self, counter: TryCounter, clock: Clock) -> None:
        self._counter = counter
        self._clock = clock
        self._timers = Timers(clock)
        self._unsaved: Attempts | None = None

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Count a WrongKey of the block; forget all of them when it ends well. Raises: WrongKey if it is too soon."""
        attempts = await self._load()
        if self._left_ms(attempts):
            raise WrongKey("too soon after the last wrong try")
        try:
            yield
        except WrongKey:
            counted = replace(attempts, wrong=attempts.wrong + 1, last_ms=self._clock.now_ms())
            await self._save(counted)
            self._timers.forget(_WAIT)
            self._left_ms(counted)
            raise
        if attempts.wrong:
            await self._save(replace(attempts, wrong=0, last_ms=0))

    async def so_far(self) -> tuple[int, int]:
        """Return how many in a row were wrong, and how many ms have to pass until the next one is taken."""
        attempts = await self._load()
        return attempts.wrong, self._left_ms(attempts)

    async def _load(self) -> Attempts:
        """Return what is kept. A last try that lies ahead was counted under a wrong clock: it was now."""
        attempts, now_ms = self._unsaved or await self._counter.load(), self._clock.now_ms()
        if attempts.last_ms > now_ms and not self._timers.has(_WAIT):
            attempts = replace(attempts, last_ms=now_ms)
            await self._save(attempts)
        return attempts

    async def _save(self, attempts: Attempts) -> None:
        try:
            await self._counter.save(attempts)
            self._unsaved = None
        except (StoreError, OSError) as error:
            log.warning("wrong tries are counted in memory only: %s", type(error).__name__)
            self._unsaved = attempts

    def _left_ms(self, attempts: Attempts) -> int:
        return self._timers.left_ms(_WAIT, attempts.last_ms, attempts.last_ms + wait_ms(attempts.wrong))
