"""The loop between the core and one relay: the only place that tries again.

It sends what the outbox holds, in order, and hands the core what the stream brings. The core commits; what a crash cuts
off is sent or read again, and the cids and cursors make that harmless.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import NoReturn

from companion.errors import Offline, RelayRefused, StoreError, SyncError
from companion.ports import SyncSide
from services.sync.answers import Bye, GroupRefused, Live, StreamItem
from services.sync.reading import FIRST_AGAIN_S, Reader
from services.sync.sending import Sender
from services.sync.signals import Signals, SyncRelay, finish

log = logging.getLogger(__name__)

FIRST_DELAY_S = 2.0
LEAST_DELAY_S = 0.1
LONGEST_DELAY_S = 60.0
IS_LOST = frozenset({"ahead", "restored", "unknown"})  # what a restored service may say of a group that we have read
CONNECTING, ONLINE, WAITING = "connecting", "online", "waiting"


class SyncLoop:
    """Keeps one core and one relay in step until it is stopped.

    `relay_factory` is asked for the relay at each new connection; whoever made the relay closes it.
    """

    def __init__(
        self,
        core: SyncSide,
        relay_factory: Callable[[], Awaitable[SyncRelay]],
        *,
        spread: Callable[[float, float], float] = random.uniform,
        moved: Callable[[], None] = lambda: None,
    ) -> None:
        self._core = core
        self._relay_factory = relay_factory
        self._spread = spread
        self._moved = moved
        self.is_trying = True  # it has a connection or tries to get one; False while it waits after a failure
        self._task: asyncio.Task[None] | None = None
        self._signals = Signals()
        self._sender = Sender(core, self._signals, spread, moved)
        self._reader = Reader(core, self._signals, self._is_live, self._part)
        self._longest_s = FIRST_DELAY_S
        self._asked_delay_s: float | None = None

    @property
    def skipped(self) -> int:
        """Events and inbox items that the core could not take and that were passed over."""
        return self._reader.skipped

    def start(self) -> None:
        """Begin. Call it once, with a running event loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="sync-loop")

    async def stop(self) -> None:
        """End, after the commit that is under way."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    def wake(self) -> None:
        """Something is in the outbox, or the groups are others: act on it at once."""
        self._reader.again_s = FIRST_AGAIN_S
        self.is_trying = self.is_trying or self._asked_delay_s is None
        self._signals.outbox.set()
        self._signals.groups.set()
        self._signals.try_now.set()

    async def _run(self) -> None:
        while True:
            self._core.set_sync_state(CONNECTING)
            self._signals.try_now.clear()
            self.is_trying = True
            self._asked_delay_s = None
            try:
                await self._connection()
            except (SyncError, StoreError) as error:
                self._heed(error)
                if isinstance(error, SyncError):
                    self._core.set_sync_trouble(error)
                log.info("sync has to wait: %s", type(error).__name__)
            except Exception as error:  # edge: sync loop
                log.error("sync failed: %s", type(error).__name__)
            self._core.set_sync_state(WAITING)
            self.is_trying = self._signals.try_now.is_set() and self._asked_delay_s is None
            self._moved()
            await self._pause()

    async def _connection(self) -> None:
        """Send and read until one of the two cannot go on, which it says by raising."""
        relay = await self._relay_factory()
        await self._heal(relay)
        await self._core.connected()
        tasks = {asyncio.create_task(self._sender.run(relay)), asyncio.create_task(self._reader.run(relay))}
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _pause(self) -> None:
        if self._asked_delay_s is not None:  # nobody wakes us before the time that the service asked for
            await asyncio.sleep(self._asked_delay_s)
            return
        delay_s = self._spread(LEAST_DELAY_S, self._longest_s)
        self._longest_s = min(2 * self._longest_s, LONGEST_DELAY_S)
        try:
            async with asyncio.timeout(delay_s):
                await self._signals.try_now.wait()
        except TimeoutError:
            pass

    def _heed(self, error: SyncError | StoreError) -> None:
        """Take a wish of the service for a pause to heart, unless it said goodbye with one."""
        wished_s = error.retry_after_s if isinstance(error, Offline | RelayRefused) else None
        if wished_s is not None and self._asked_delay_s is None:
            least_s = min(wished_s, LONGEST_DELAY_S)
            self._asked_delay_s = self._spread(least_s, least_s + FIRST_DELAY_S)

    async def _heal(self, relay: SyncRelay) -> None:
        """Go back to where the service is, if it was restored from a backup; before anything is sent.

        The core offers again what it has beyond that, and only then do the cursors belong to the new log.
        """
        about, known = await relay.about(), await self._core.incarnation()
        if about.incarnation == known:
            return
        cursors = await self._core.cursors() if known else ()
        if cursors:
            log.warning("the service was restored from a backup")
            heads = {c.group: c.since for c in cursors}
            async with aclosing(relay.stream(cursors, incarnation=known, is_brief=True)) as stream:
                while not isinstance(item := await _next(stream), Live):
                    if isinstance(item, GroupRefused) and item.reason in IS_LOST:
                        heads[item.group] = min(item.head, heads[item.group])
                    elif isinstance(item, Bye):
                        self._part(item)
            for group, head in heads.items():
                await finish(self._core.restored(group, head))
        await finish(self._core.set_incarnation(about.incarnation))

    def _part(self, bye: Bye) -> NoReturn:
        self._asked_delay_s = min(bye.retry_ms / 1_000, LONGEST_DELAY_S)
        raise Offline("the service says goodbye")

    def _is_live(self) -> None:
        self._longest_s = FIRST_DELAY_S
        self._core.set_sync_trouble(None)
        self._core.set_sync_state(ONLINE)
        self._signals.outbox.set()  # what waited until everything older was read may go


async def _next(stream: AsyncGenerator[StreamItem, None]) -> StreamItem:
    try:
        return await anext(stream)
    except StopAsyncIteration:
        raise Offline("the stream has ended") from None
