"""The loop between the core and one relay: the only place that tries again.

It sends what the outbox holds, in order, and hands the core what the stream brings. The core commits; what a crash cuts
off is sent or read again, and the cids and cursors make that harmless.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

from companion.errors import Offline, RelayRefused, StoreError, SyncError
from companion.ports import Appended, GroupCursor, OutboxItem, RelayEvent, SyncSide
from services.sync.client import About, Bye, GroupRefused, Live, StreamItem

log = logging.getLogger(__name__)

FIRST_DELAY_S = 2.0
LEAST_DELAY_S = 0.1
FIRST_AGAIN_S = 0.5  # a guest may ask for a group before its founder has made it there
LONGEST_DELAY_S = 60.0
NOT_NOW = frozenset({401, 408, 429})  # refusals that the same call may not meet again
CONNECTING, ONLINE, WAITING = "connecting", "online", "waiting"

T = TypeVar("T")


class SyncRelay(Protocol):
    """What the loop asks of a relay; `RelayClient` is one."""

    async def about(self) -> About: ...

    async def create_group(self, group: str, capability: str) -> None: ...

    async def append(
        self, group: str, capability: str, cid: str, body: bytes, epoch: int | None = None
    ) -> Appended: ...

    def stream(self, groups: tuple[GroupCursor, ...]) -> AsyncGenerator[StreamItem, None]: ...


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
    ) -> None:
        self._core = core
        self._relay_factory = relay_factory
        self._spread = spread
        self._task: asyncio.Task[None] | None = None
        self._outbox_changed = asyncio.Event()
        self._groups_changed = asyncio.Event()
        self._try_now = asyncio.Event()
        self._longest_s = FIRST_DELAY_S
        self._asked_delay_s: float | None = None
        self._again_s = FIRST_AGAIN_S
        self.skipped = 0
        """Events that the core could not take and that were passed over."""

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
        self._again_s = FIRST_AGAIN_S
        self._outbox_changed.set()
        self._groups_changed.set()
        self._try_now.set()

    async def _run(self) -> None:
        while True:
            self._core.set_sync_state(CONNECTING)
            self._try_now.clear()
            self._asked_delay_s = None
            try:
                await self._connection()
            except (SyncError, StoreError) as error:
                log.info("sync has to wait: %s", type(error).__name__)
            except Exception as error:  # edge: sync loop
                log.error("sync failed: %s", type(error).__name__)
            self._core.set_sync_state(WAITING)
            await self._pause()

    async def _connection(self) -> None:
        """Send and read until one of the two cannot go on, which it says by raising."""
        relay = await self._relay_factory()
        tasks = {asyncio.create_task(self._send(relay)), asyncio.create_task(self._read(relay))}
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _pause(self) -> None:
        if self._asked_delay_s is not None:
            delay_s = self._asked_delay_s
        else:
            delay_s = self._spread(LEAST_DELAY_S, self._longest_s)
            self._longest_s = min(2 * self._longest_s, LONGEST_DELAY_S)
        try:
            async with asyncio.timeout(delay_s):
                await self._try_now.wait()
        except TimeoutError:
            pass

    # Sending

    async def _send(self, relay: SyncRelay) -> None:
        while True:
            self._outbox_changed.clear()
            while items := await self._core.outbox():
                for item in items:
                    await self._send_one(relay, item)
            await self._outbox_changed.wait()

    async def _send_one(self, relay: SyncRelay, item: OutboxItem) -> None:
        try:
            if item.body:
                receipt = await relay.append(item.group, item.capability, item.cid, item.body, item.epoch)
            else:
                await relay.create_group(item.group, item.capability)
                receipt = Appended(seq=0, at_ms=0)
        except RelayRefused as refusal:
            if refusal.status in NOT_NOW:
                raise
            await _finish(self._core.mark_refused(item.cid, refusal.status, refusal.reason))
        else:
            await _finish(self._core.mark_sent(item.cid, receipt))
        if not item.body:
            self._groups_changed.set()

    # Reading

    async def _read(self, relay: SyncRelay) -> None:
        while True:
            self._groups_changed.clear()
            cursors = await self._core.cursors()
            if cursors:
                await self._follow(relay, cursors)
            else:
                await relay.about()
                self._is_live()
                await self._groups_changed.wait()

    async def _follow(self, relay: SyncRelay, cursors: tuple[GroupCursor, ...]) -> None:
        """Read one stream until the groups change. Raises when the stream ends."""
        wanted = {(c.group, c.capability) for c in cursors}
        seen = {c.group: c.since for c in cursors}
        stream = relay.stream(cursors)
        changed = asyncio.create_task(self._groups_changed.wait())
        following = asyncio.create_task(_next(stream))
        is_refused = False
        try:
            while True:
                patience_s = self._again_s if is_refused else None
                done, _ = await asyncio.wait(
                    {changed, following}, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED
                )
                if not done:  # the group may have been made by now: ask anew for all of them
                    self._again_s = min(2 * self._again_s, LONGEST_DELAY_S)
                    return
                if changed.done():
                    self._groups_changed.clear()
                    changed = asyncio.create_task(self._groups_changed.wait())
                    if {(c.group, c.capability) for c in await self._core.cursors()} != wanted:
                        return
                if following.done():
                    is_refused = is_refused or isinstance(following.result(), GroupRefused)
                    await self._take(following.result(), seen)
                    following = asyncio.create_task(_next(stream))
        finally:
            changed.cancel()
            following.cancel()
            await asyncio.gather(changed, following, return_exceptions=True)
            await stream.aclose()

    async def _take(self, item: StreamItem, seen: dict[str, int]) -> None:
        """Hand one item on. Raises when the stream has to be opened anew."""
        if isinstance(item, Live):
            self._is_live()
        elif isinstance(item, Bye):
            self._asked_delay_s = min(item.retry_ms / 1_000, LONGEST_DELAY_S)
            raise Offline("the service says goodbye")
        elif isinstance(item, GroupRefused):
            log.warning("the service does not open a group: %s", item.reason)
        elif item.seq > seen[item.group]:
            if item.seq != seen[item.group] + 1:
                raise Offline("the stream has a gap")
            await self._receive(item)
            seen[item.group] = item.seq

    async def _receive(self, event: RelayEvent) -> None:
        try:
            await _finish(self._core.receive(event))
        except (StoreError, SyncError):  # nothing is wrong with the event: it is read again
            raise
        except Exception as error:  # edge: sync loop
            self.skipped += 1
            log.error("an event was passed over: %s", type(error).__name__)

    def _is_live(self) -> None:
        self._longest_s = FIRST_DELAY_S
        self._core.set_sync_state(ONLINE)


async def _next(stream: AsyncGenerator[StreamItem, None]) -> StreamItem:
    try:
        return await anext(stream)
    except StopAsyncIteration:
        raise Offline("the stream has ended") from None


async def _finish(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` to its end, also when this task is cancelled meanwhile: half a commit helps nobody."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
