"""The way in of one sync loop: a stream, or pages where the network holds streams back, handed to the core in order.

It knows no other way of failing than to raise: whoever called decides what comes next.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from companion.errors import Offline, RelayRefused, StoreError, StreamHeld, SyncError
from companion.ports import GroupCursor, InboxItem, RelayEvent, SyncSide
from services.sync.answers import Bye, GroupRefused, Live
from services.sync.arrivals import Arrivals, Arrived
from services.sync.fork import Returns, last_in_common
from services.sync.paging import EVERY_S, Way, pages
from services.sync.signals import Signals, SyncRelay, finish

log = logging.getLogger(__name__)

FIRST_AGAIN_S = 0.5  # a guest may ask for a group before its founder has made it there
LONGEST_AGAIN_S = 60.0
ROTATED, UNKNOWN = "rotated", "unknown"
ELSEWHERE = frozenset({"ahead", "other", UNKNOWN})  # what a service may say whose log is another one than we have read


class Reader:
    """Reads from one relay, connection after connection.

    `is_live` hears when everything older is there; `part` takes a goodbye and raises.
    """

    def __init__(
        self, core: SyncSide, signals: Signals, is_live: Callable[[], None], part: Callable[[Bye], NoReturn]
    ) -> None:
        self._core = core
        self._signals = signals
        self._is_live = is_live
        self._part = part
        self._way = Way()
        self._returns = Returns()
        self.again_s = FIRST_AGAIN_S
        self.skipped = 0

    async def run(self, relay: SyncRelay) -> None:
        """Read until it is cancelled. Raises SyncError where the service has to be looked for anew."""
        while True:
            self._signals.groups.clear()
            self._signals.outbox.set()  # what waited for a new capability may have it now
            await self._follow(relay, await self._core.cursors())

    async def _follow(self, relay: SyncRelay, cursors: tuple[GroupCursor, ...]) -> None:
        """Read until the groups change, or another way of reading is due. Raises when the stream ends."""
        reading, incarnation = _Reading(cursors, await self._core.inbox_cursor()), await self._core.incarnation()
        if self._way.left_s():
            reading.is_paged = True
            stream = pages(relay, cursors, reading.inbox, incarnation, self._signals.sent)
        else:
            stream = relay.stream(cursors, inbox=reading.inbox, incarnation=incarnation)
        try:
            async with Arrivals(stream) as arrivals:
                await self._take_all(relay, arrivals, reading)
        except StreamHeld:
            log.info("this network holds streams back: pages are read for a while")
            self._way.hold()

    async def _take_all(self, relay: SyncRelay, arrivals: Arrivals, reading: "_Reading") -> None:
        wanted = set(reading.capabilities.items())
        changed = asyncio.create_task(self._signals.groups.wait())
        following = asyncio.create_task(arrivals.next())
        is_refused = False
        try:
            while True:
                done, _ = await asyncio.wait(
                    {changed, following},
                    timeout=self._patience_s(reading, is_refused),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if not done:  # the group may have been made by now, or streams may flow: ask anew for all of them
                    self.again_s = min(2 * self.again_s, LONGEST_AGAIN_S) if is_refused else self.again_s
                    return
                if changed.done():
                    self._signals.groups.clear()
                    changed = asyncio.create_task(self._signals.groups.wait())
                    if await self._wanted() != wanted:
                        return
                if following.done():
                    arrived = self._arrived(following, reading)
                    if isinstance(arrived, Live) and reading.has_gone_back:
                        return  # those groups are read first: nothing is sealed before
                    await self._take(relay, arrived, reading)
                    if isinstance(arrived, GroupRefused):
                        is_refused = True
                        if not reading.has_gone_back and await self._wanted() != wanted:
                            return
                    await self._acknowledge(relay, reading)
                    following = asyncio.create_task(arrivals.next())
        finally:
            changed.cancel()
            following.cancel()
            await asyncio.gather(changed, following, return_exceptions=True)

    def _patience_s(self, reading: "_Reading", is_refused: bool) -> float | None:
        ends = [self.again_s] if is_refused else []
        ends += [self._way.left_s()] if reading.is_paged else []
        return min(ends, default=None)

    def _arrived(self, following: asyncio.Task[Arrived], reading: "_Reading") -> Arrived:
        """Return what came. What kind of end it is shows which way of reading fits this network."""
        try:
            return following.result()
        except StreamHeld:
            raise
        except Offline as error:
            if reading.is_paged:
                self._way.moved()
            elif not reading.is_live and error.retry_after_s is None and self._way.fail():
                raise StreamHeld("streams that end before they have begun") from None
            raise

    async def _wanted(self) -> set[tuple[str, str]]:
        return {(c.group, c.capability) for c in await self._core.cursors()}

    async def _take(self, relay: SyncRelay, arrived: Arrived, reading: "_Reading") -> None:
        """Hand on what came. Raises when the stream has to be opened anew."""
        match arrived:
            case Live():
                reading.is_live = True
                if not reading.is_paged:
                    self._way.flows()
                self._core.set_sync_pace(EVERY_S if reading.is_paged else 0)
                self._is_live()
                if reading.contradiction is not None:
                    self._core.set_sync_trouble(reading.contradiction)
            case Bye():
                self._part(arrived)
            case GroupRefused():
                await self._take_refusal(relay, arrived, reading)
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

    async def _take_refusal(self, relay: SyncRelay, item: GroupRefused, reading: "_Reading") -> None:
        log.warning("the service does not open a group: %s", item.reason)
        if item.reason == "restored":  # it was restored since this connection began
            raise Offline("the log is another one")
        if item.reason in ELSEWHERE and await self._goes_back(relay, item, reading):
            return
        if item.reason == UNKNOWN:
            await finish(self._core.unknown(item.group))
            self._signals.outbox.set()
        if item.reason == ROTATED and not await self._goes_on(item.group, reading):
            await finish(self._core.removed(item.group))

    async def _goes_back(self, relay: SyncRelay, item: GroupRefused, reading: "_Reading") -> bool:
        """Go back to where the service's log parts from what was read here; return whether there was a way back.

        It is the same service by its word, so it may be a copy of it that served for a while.
        """
        if not self._returns.may(item.group):
            reading.contradiction = RelayRefused(409, item.reason)
            return False
        trail = await self._core.trail(item.group)
        if item.reason == UNKNOWN:  # where it knows a capability of before, the change of it is not in its log
            trail = tuple(place for place in trail if place.capability != reading.capabilities[item.group])
        place = await last_in_common(relay, trail) if trail else None
        if place is None:
            return False
        self._returns.note(item.group)
        log.warning("the service has another log of a group")
        await finish(self._core.restored(item.group, place if item.reason == UNKNOWN else min(place, item.head)))
        if not reading.has_gone_back:  # the numbers of the inbox are of that other log, too
            await finish(self._core.set_incarnation(await self._core.incarnation()))
        reading.has_gone_back = True
        return True

    async def _goes_on(self, group: str, reading: "_Reading") -> bool:
        """Whether we know the next capability, or are about to: a commit of our own may wait for its receipt."""
        now = {c.group: c.capability for c in await self._core.cursors()}
        if now.get(group) != reading.capabilities[group]:
            return True
        return any(i.group == group and i.next_capability is not None for i in await self._core.outbox())

    async def _is_received(self, work: Coroutine[Any, Any, None]) -> bool:
        try:
            await finish(work)
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


class _Reading:
    """How far one stream has been read."""

    def __init__(self, cursors: tuple[GroupCursor, ...], inbox: int) -> None:
        self.seen = {c.group: c.since for c in cursors}
        self.capabilities = {c.group: c.capability for c in cursors}
        self.inbox = inbox
        self.acknowledged = inbox
        self.is_live = False
        self.is_paged = False
        self.has_gone_back = False
        self.contradiction: RelayRefused | None = None
