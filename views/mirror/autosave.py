"""Typing reaches the disk by itself: soon after the last key, and in any case soon after the first."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from companion.errors import CompanionError

QUIET_S = 0.8
AT_MOST_S = 1.5
"""The promise is two seconds after the first unsaved key; the rest is for the commit."""
RETRY_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """What is true now about the words on the screen."""

    state: Literal["untouched", "saving", "saved", "failed"] = "untouched"
    error: CompanionError | None = None


class Autosave:
    """One field's saver. `show` is told the truth: "saved" only after `save` has returned."""

    def __init__(
        self,
        save: Callable[[], Awaitable[None]],
        show: Callable[[Saving], None],
        spawn: Callable[[Callable[[], Awaitable[None]]], object],
    ) -> None:
        self._save = save
        self._show = show
        self._spawn = spawn
        self._is_dirty = False
        self._is_running = False
        self._first_s = 0.0
        self._last_s = 0.0

    def typed(self) -> None:
        """A key was pressed, and the core has the new text."""
        self._last_s = time.monotonic()
        if not self._is_dirty:
            self._first_s, self._is_dirty = self._last_s, True
            self._show(Saving(state="saving"))
        if not self._is_running:
            self._is_running = True
            self._spawn(self._run)

    async def flush(self) -> None:
        """Save now what is not saved yet: the field is leaving the screen."""
        if self._is_dirty:
            await self._save_now()

    async def _run(self) -> None:
        try:
            while self._is_dirty:
                wait_s = min(self._last_s + QUIET_S, self._first_s + AT_MOST_S) - time.monotonic()
                if wait_s > 0:
                    await asyncio.sleep(min(wait_s, QUIET_S))  # new keys may make it due sooner than a retry
                else:
                    await self._save_now()
        finally:
            self._is_running = False

    async def _save_now(self) -> None:
        self._is_dirty = False
        try:
            await self._save()
        except CompanionError as error:
            self._is_dirty = True
            self._first_s = self._last_s = time.monotonic() + RETRY_S
            self._show(Saving(state="failed", error=error))
            return
        if not self._is_dirty:  # otherwise newer words wait already, and nothing is said about them
            self._show(Saving(state="saved"))
