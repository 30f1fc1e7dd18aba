"""Runs what has become due in the opened core: a held message, a receipt, a poll's end. One task for each profile."""

import logging

from companion.app import Companion
from companion.errors import CompanionError
from companion.ports import Clock
from services.background import Background

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 60.0
LEAST_S = 0.05
WAKES = frozenset({"phase", "waiting", "standings", "seen", "my_polls", "groups"}) | {
    "own_changed",
    "own_wanted",
    "own_followed",
    "sayings",
    "spaces",
    "sync",
    "statements",
    "moves",
    "pins",
    "shelf_gone",
    "own_secrets",
    "me",
}
"""Changes after which something may be due sooner."""


class DueTimer(Background):
    """It sleeps until something is due, and works out anew when that is whenever the core tells of a change."""

    def __init__(self, companion: Companion, clock: Clock) -> None:
        super().__init__(companion, "due", WAKES)
        self._clock = clock

    async def _run(self) -> None:
        while True:
            await self._rest(await self._step())

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
