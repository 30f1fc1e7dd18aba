"""Wrong keys in a row, whoever asks for one: the lock screen, or a change that needs a proof."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from companion.errors import WrongKey
from companion.ports import Clock, TryCounter
from companion.unlocking import next_try_ms


class Tries:
    """Counts across restarts, and makes a person wait after too many."""

    def __init__(self, counter: TryCounter, clock: Clock) -> None:
        self._counter = counter
        self._clock = clock

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Count a WrongKey of the block; forget all of them when it ends well. Raises: WrongKey if it is too soon."""
        attempts = await self._counter.load()
        if self._clock.now_ms() < next_try_ms(attempts):
            raise WrongKey("too soon after the last wrong try")
        try:
            yield
        except WrongKey:
            counted = replace(attempts, wrong=attempts.wrong + 1, last_ms=self._clock.now_ms())
            await self._counter.save(counted)
            raise
        if attempts.wrong:
            await self._counter.save(replace(attempts, wrong=0, last_ms=0))

    async def so_far(self) -> tuple[int, int]:
        """Return how many in a row were wrong, and how many ms have to pass until the next one is taken."""
        attempts = await self._counter.load()
        return attempts.wrong, max(0, next_try_ms(attempts) - self._clock.now_ms())
