"""The loop between the core and one relay: the only place that tries again.

It sends what the outbox holds, in order, and hands the core what the stream brings. The core commits; what a crash cuts
off is sent or read again, and the cids and cursors make that harmless.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from typing import Any, Protocol, TypeVar

from companion.errors import Offline, RelayRefused, StoreError, SyncError
from companion.ports import Appended, GroupCursor, InboxItem, OutboxItem, RelayEvent, SyncSide
from services.sync.answers import About, Bye, GroupRefused, Live, StreamItem
from services.sync.arrivals import Arrivals, Arrived

log = logging.getLogger(__name__)

FIRST_DELAY_S = 2.0
LEAST_DELAY_S = 0.1
FIRST_AGAIN_S = 0.5  # a guest may ask for a group before its founder has made it there
LONGEST_DELAY_S = 60.0
LONGEST_REST_S = 900.0  # what a service may ask for before it is asked again
NOT_NOW = frozenset({401, 408})  # refusals that the same call may not meet again
SLOW_DOWN = 429
UNKNOWN = 404
ROTATED = "rotated"
IS_LOST = frozenset({"ahead", "restored", "unknown"})  # what a restored service may say of a group that we have read
CONNECTING, ONLINE, WAITING = "connecting", "online", "waiting"

T = TypeVar("T")


class SyncRelay(Protocol):
    """What the loop asks of a relay; `RelayClient` is one."""

    async def about(self) -> About: ...

    async def create_group(self, group: str, capability: str) -> None: ...

    async def append(
        self,
        group: str,
        capability: str,
        cid: str,
        body: bytes,
        epoch: int | None = None,
        *,
        next_capability: str | None = None,
        blobs: tuple[str, ...] = (),
    ) -> Appended: ...

    async def post_to_inbox(self, device: str, cid: str, body: bytes) -> None: ...

    async def acknowledge_inbox(self, upto: int) -> None: ...

    def stream(
        self, groups: tuple[GroupCursor, ...], *, inbox: int | None = None, incarnation: str = ""
    ) -> AsyncGenerator[StreamItem, None]: ...


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
        self._outbox_changed = asyncio.Event()
        self._groups_changed = asyncio.Event()
        self._try_now = asyncio.Event()
        self._longest_s = FIRST_DELAY_S
        self._asked_delay_s: float | None = None
        self._again_s = FIRST_AGAIN_S
        self._shut: dict[str, str] = {}  # by group: a capability that opened nothing when it was last tried
        self.skipped = 0
        """Events and inbox items that the core could not take and that were passed over."""

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
        self.is_trying = self.is_trying or self._asked_delay_s is None
        self._outbox_changed.set()
        self._groups_changed.set()
        self._try_now.set()

    async def _run(self) -> None:
        while True:
            self._core.set_sync_state(CONNECTING)
            self._try_now.clear()
            self.is_trying = True
            self._asked_delay_s = None
            try:
                await self._connection()
            except (SyncError, StoreError) as error:
                self._heed(error)
                log.info("sync has to wait: %s", type(error).__name__)
            except Exception as error:  # edge: sync loop
                log.error("sync failed: %s", type(error).__name__)
            self._core.set_sync_state(WAITING)
            self.is_trying = self._try_now.is_set() and self._asked_delay_s is None
            self._moved()
            await self._pause()

    async def _connection(self) -> None:
        """Send and read until one of the two cannot go on, which it says by raising."""
        relay = await self._relay_factory()
        await self._heal(relay)
        await self._core.connected()
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
        if self._asked_delay_s is not None:  # nobody wakes us before the time that the service asked for
            await asyncio.sleep(self._asked_delay_s)
            return
        delay_s = self._spread(LEAST_DELAY_S, self._longest_s)
        self._longest_s = min(2 * self._longest_s, LONGEST_DELAY_S)
        try:
            async with asyncio.timeout(delay_s):
                await self._try_now.wait()
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
            async with aclosing(relay.stream(cursors, incarnation=known)) as stream:
                while not isinstance(item := await _next(stream), Live):
                    if isinstance(item, GroupRefused) and item.reason in IS_LOST:
                        heads[item.group] = min(item.head, heads[item.group])
                    elif isinstance(item, Bye):
                        self._part(item)
            for group, head in heads.items():
                await _finish(self._core.restored(group, head))
        await _finish(self._core.set_incarnation(about.incarnation))

    # Sending

    async def _send(self, relay: SyncRelay) -> None:
        while True:
            self._outbox_changed.clear()
            self._shut.clear()
            while items := [item for item in await self._core.outbox() if not self._is_waiting(item)]:
                for item in items:
                    if not self._is_waiting(item) and not await self._send_one(relay, item):
                        break
            await self._outbox_changed.wait()

    def _is_waiting(self, item: OutboxItem) -> bool:
        """Whether the capability of this item does not open its group at present.

        Another took its place and the core does not know that yet; or the group, or the commit that put this capability
        in force, has still to come there from somebody else's outbox.
        """
        return item.device is None and self._shut.get(item.group) == item.capability

    async def _send_one(self, relay: SyncRelay, item: OutboxItem) -> bool:
        """Return whether the next one may follow."""
        try:
            receipt = await self._deliver(relay, item)
        except RelayRefused as refusal:
            if refusal.status in NOT_NOW:
                raise
            if refusal.status == SLOW_DOWN:
                wished_s = min(refusal.retry_after_s or FIRST_DELAY_S, LONGEST_REST_S)
                await asyncio.sleep(self._spread(wished_s, wished_s + FIRST_DELAY_S))
                return False
            if item.device is None and (refusal.reason == ROTATED or refusal.status == UNKNOWN):
                self._shut[item.group] = item.capability
                return True
            await _finish(self._core.mark_refused(item.cid, refusal.status, refusal.reason))
        else:
            await _finish(self._core.mark_sent(item.cid, receipt))
        self._moved()
        if item.device is None and (not item.body or item.next_capability is not None):
            self._groups_changed.set()
        return True

    async def _deliver(self, relay: SyncRelay, item: OutboxItem) -> Appended:
        if item.device is not None:
            await relay.post_to_inbox(item.device, item.cid, item.body)
        elif not item.body:
            await relay.create_group(item.group, item.capability)
        else:
            return await relay.append(
                item.group,
                item.capability,
                item.cid,
                item.body,
                item.epoch,
                next_capability=item.next_capability,
                blobs=item.blobs,
            )
        return Appended(seq=0, at_ms=0)

    # Reading

    async def _read(self, relay: SyncRelay) -> None:
        while True:
            self._groups_changed.clear()
            self._outbox_changed.set()  # what waited for a new capability may have it now
            await self._follow(relay, await self._core.cursors())

    async def _follow(self, relay: SyncRelay, cursors: tuple[GroupCursor, ...]) -> None:
        """Read one stream until the groups change. Raises when the stream ends."""
        reading = _Reading(cursors, await self._core.inbox_cursor())
        stream = relay.stream(cursors, inbox=reading.inbox, incarnation=await self._core.incarnation())
        async with Arrivals(stream) as arrivals:
            await self._take_all(relay, arrivals, reading)

    async def _take_all(self, relay: SyncRelay, arrivals: Arrivals, reading: "_Reading") -> None:
        wanted = set(reading.capabilities.items())
        changed = asyncio.create_task(self._groups_changed.wait())
        following = asyncio.create_task(arrivals.next())
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
                    if await self._wanted() != wanted:
                        return
                if following.done():
                    arrived = following.result()
                    await self._take(arrived, reading)
                    if isinstance(arrived, GroupRefused):
                        is_refused = True
                        if await self._wanted() != wanted:
                            return
                    await self._acknowledge(relay, reading)
                    following = asyncio.create_task(arrivals.next())
        finally:
            changed.cancel()
            following.cancel()
            await asyncio.gather(changed, following, return_exceptions=True)

    async def _wanted(self) -> set[tuple[str, str]]:
        return {(c.group, c.capability) for c in await self._core.cursors()}

    async def _take(self, arrived: Arrived, reading: "_Reading") -> None:
        """Hand on what came. Raises when the stream has to be opened anew."""
        match arrived:
            case Live():
                reading.is_live = True
                self._is_live()
            case Bye():
                self._part(arrived)
            case GroupRefused():
                await self._take_refusal(arrived, reading)
            case InboxItem():
                if arrived.seq > reading.inbox:
                    if not await self._is_received(self._core.receive_inbox(arrived)):
                        self.skipped += 1
                    reading.inbox = arrived.seq
            case _:
                await self._take_events(arrived, reading)

    async def _take_events(self, events: tuple[RelayEvent, ...], reading: "_Reading") -> None:
        group, new = events[0].group, list[RelayEvent]()
        seen = reading.seen[group]
        for event in events:
            if event.seq > seen + 1:
                break
            if event.seq == seen + 1:
                new.append(event)
                seen += 1
        if new and not await self._is_received(self._core.receive(tuple(new))):
            for event in new:  # one of them cannot be taken in: the others do without it
                self.skipped += not await self._is_received(self._core.receive((event,)))
        reading.seen[group] = seen
        if events[-1].seq > seen:
            raise Offline("the stream has a gap")

    async def _take_refusal(self, item: GroupRefused, reading: "_Reading") -> None:
        log.warning("the service does not open a group: %s", item.reason)
        if item.reason == "restored":  # it was restored since this connection began
            raise Offline("the log is another one")
        if item.reason == "ahead":
            await _finish(self._core.restored(item.group, item.head))
            self._outbox_changed.set()
        if item.reason == ROTATED and not await self._goes_on(item.group, reading):
            await _finish(self._core.removed(item.group))

    async def _goes_on(self, group: str, reading: "_Reading") -> bool:
        """Whether we know the next capability, or are about to: a commit of our own may wait for its receipt."""
        now = {c.group: c.capability for c in await self._core.cursors()}
        if now.get(group) != reading.capabilities[group]:
            return True
        return any(i.group == group and i.next_capability is not None for i in await self._core.outbox())

    async def _is_received(self, work: Coroutine[Any, Any, None]) -> bool:
        try:
            await _finish(work)
        except (StoreError, SyncError):  # nothing is wrong with what came: it is read again
            raise
        except Exception as error:  # edge: sync loop
            log.error("the core could not take something in: %s", type(error).__name__)
            return False
        return True

    async def _acknowledge(self, relay: SyncRelay, reading: "_Reading") -> None:
        """Let the service delete what the core has taken out of the inbox; what is older goes with the next stream."""
        if reading.is_live and reading.inbox > reading.acknowledged:
            reading.acknowledged = reading.inbox
            await relay.acknowledge_inbox(await self._core.inbox_cursor())

    def _part(self, bye: Bye) -> None:
        self._asked_delay_s = min(bye.retry_ms / 1_000, LONGEST_DELAY_S)
        raise Offline("the service says goodbye")

    def _is_live(self) -> None:
        self._longest_s = FIRST_DELAY_S
        self._core.set_sync_state(ONLINE)
        self._outbox_changed.set()  # what waited until everything older was read may go


class _Reading:
    """How far one stream has been read."""

    def __init__(self, cursors: tuple[GroupCursor, ...], inbox: int) -> None:
        self.seen = {c.group: c.since for c in cursors}
        self.capabilities = {c.group: c.capability for c in cursors}
        self.inbox = inbox
        self.acknowledged = inbox
        self.is_live = False


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
