"""One timer for many waits that come one after the other.

A stream waits for news and bounds each send, a thousand times a minute when a group is busy. A timer for each of these
would cost more than they do, so the one there is goes off, looks when the present wait is over, and waits again.
"""

import asyncio
from collections.abc import Callable


class Deadline:
    """Calls `late` when a wait that `within` began was not followed by another in time."""

    __slots__ = ("_due_s", "_late", "_timer")

    def __init__(self, late: Callable[[], None]) -> None:
        self._late = late
        self._due_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def within(self, seconds: float) -> None:
        """A wait begins, in place of the one before it."""
        loop = asyncio.get_running_loop()
        self._due_s = loop.time() + seconds
        if self._timer is None or self._timer.when() > self._due_s:
            self._arm(loop)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        self.close()
        self._timer = loop.call_at(self._due_s, self._go_off, loop)

    def _go_off(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._due_s > loop.time():
            self._arm(loop)
        else:
            self._late()
