"""Brings what is owed to the services of erased profiles by itself: at once, at each start, with growing pauses."""

import logging

from companion.app import Companion
from companion.app.companion import ERASED
from companion.errors import CompanionError
from services.background import Background

log = logging.getLogger(__name__)

FIRST_S, MOST_S = 30.0, 3_600.0


class FarewellTimer(Background):
    """It sleeps by the stopwatch, and until an erasure where nothing is owed."""

    def __init__(self, companion: Companion, first_s: float = FIRST_S) -> None:
        super().__init__(companion, "farewells", frozenset({ERASED}))
        self._first_s = first_s

    async def _run(self) -> None:
        pause_s = self._first_s
        while True:
            is_owing = await self._deliver()
            is_new = await self._rest(pause_s if is_owing else None)
            pause_s = self._first_s if is_new else min(2 * pause_s, MOST_S)

    async def _deliver(self) -> bool:
        self._changed.clear()
        try:
            return await self._companion.farewells.deliver()
        except CompanionError as error:  # the disk is full: it stays owed
            log.info("what is owed has to wait: %s", type(error).__name__)
            return True
