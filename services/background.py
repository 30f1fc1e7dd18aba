"""A task that one profile runs beside everything else, however many windows show it: begun once, and ended with it.

Must not know what the task does, or how long it rests between.
"""

import asyncio
from abc import ABC, abstractmethod

from companion.app import Companion


class Background(ABC):
    """`wakes`: changes of the core that end a rest."""

    def __init__(self, companion: Companion, name: str, wakes: frozenset[str] = frozenset()) -> None:
        self._companion = companion
        self._name = name
        self._wakes = wakes
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._forget = companion.subscribe(self._hear)

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        self._forget()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _hear(self, what: frozenset[str]) -> None:
        if what & self._wakes:
            self._changed.set()

    @abstractmethod
    async def _run(self) -> None:
        """Go on until the task is cancelled."""

    async def _rest(self, seconds: float | None) -> bool:
        """Return whether a change ended it. Without an end it takes one."""
        try:
            async with asyncio.timeout(seconds):
                return await self._changed.wait()
        except TimeoutError:
            return False
