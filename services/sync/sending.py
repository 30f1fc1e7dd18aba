"""The way out of one sync loop: what the outbox holds goes in order, and what cannot go now holds up nothing else.

A refusal is for ever only where the service says so of this very envelope. What it has no room for, or what comes too
fast, rests with everything else for the same place, and is offered again.
"""

import asyncio
from collections.abc import Callable

from companion.errors import RelayRefused, ServiceFull
from companion.ports import Appended, OutboxItem, SyncSide
from services.sync.signals import Signals, SyncRelay, finish

FIRST_REST_S = 2.0
FULL_REST_S = 30.0
LONGEST_REST_S = 900.0  # what a service may ask for before it is asked again
NOT_NOW = frozenset({401, 408})  # refusals that the same call may not meet again
SLOW_DOWN, UNKNOWN = 429, 404
ROTATED = "rotated"


class Sender:
    """Hands the outbox to one relay, connection after connection. `moved` hears of each item that is settled."""

    def __init__(
        self, core: SyncSide, signals: Signals, spread: Callable[[float, float], float], moved: Callable[[], None]
    ) -> None:
        self._core = core
        self._signals = signals
        self._spread = spread
        self._moved = moved
        self._shut: dict[tuple[str, bool], str] = {}  # by group, commits apart: what opened nothing when last tried
        self._rests: dict[str, tuple[float, float]] = {}  # by group or device: until when, and after how long a wait

    async def run(self, relay: SyncRelay) -> None:
        """Send until it is cancelled. Raises SyncError where the service has to be looked for anew."""
        while True:
            self._signals.outbox.clear()
            self._shut.clear()
            while items := [item for item in await self._core.outbox() if not self._is_waiting(item)]:
                rested = set[str]()  # nothing overtakes what was refused a moment ago
                for item in items:
                    if _place(item) in rested or self._is_waiting(item):
                        continue
                    if not await self._send_one(relay, item):
                        rested.add(_place(item))
            await self._next()

    async def _next(self) -> None:
        now_s = asyncio.get_running_loop().time()
        ends = [until_s for until_s, _ in self._rests.values() if until_s > now_s]
        try:
            async with asyncio.timeout_at(min(ends) if ends else None):
                await self._signals.outbox.wait()
        except TimeoutError:
            pass

    def _is_waiting(self, item: OutboxItem) -> bool:
        """Whether it cannot go at present.

        Its place rests; or its capability does not open the group: another took its place and the core does not know
        that yet, or the group, or the commit that put this capability in force, has still to come there from somebody
        else's outbox. A commit is tried all the same where other things are refused: it learns that it came too late.
        """
        until_s, _ = self._rests.get(_place(item), (0.0, 0.0))
        is_resting = until_s > asyncio.get_running_loop().time()
        return is_resting or (item.device is None and self._shut.get((item.group, _is_commit(item))) == item.capability)

    async def _send_one(self, relay: SyncRelay, item: OutboxItem) -> bool:
        """Return whether the next one for the same place may follow."""
        try:
            receipt = await self._deliver(relay, item)
        except RelayRefused as refusal:
            if refusal.status in NOT_NOW:
                raise
            if refusal.status == SLOW_DOWN or isinstance(refusal, ServiceFull):
                self._rest(item, refusal)
                return False
            if item.device is None and (refusal.reason == ROTATED or refusal.status == UNKNOWN):
                self._shut[item.group, _is_commit(item)] = item.capability
                return True
            await finish(self._core.mark_refused(item.cid, refusal.status, refusal.reason))
        else:
            await finish(self._core.mark_sent(item.cid, receipt))
            self._signals.sent.set()
            if self._rests.pop(_place(item), None) is not None:
                self._core.set_sync_trouble(None)
        self._moved()
        if item.device is None and (not item.body or item.next_capability is not None):
            self._signals.groups.set()
        return True

    def _rest(self, item: OutboxItem, refusal: RelayRefused) -> None:
        """Let a place rest: as long as the service asks, or longer each time it is full."""
        least_s = float(refusal.retry_after_s or FIRST_REST_S)
        if isinstance(refusal, ServiceFull):
            _, before_s = self._rests.get(_place(item), (0.0, FULL_REST_S / 2))
            least_s = float(refusal.retry_after_s or max(FULL_REST_S, 2 * before_s))
            if item.device is None:  # the inbox of somebody else is theirs to empty
                self._core.set_sync_trouble(refusal)
        least_s = min(least_s, LONGEST_REST_S)
        for_s = self._spread(least_s, least_s + FIRST_REST_S)
        self._rests[_place(item)] = (asyncio.get_running_loop().time() + for_s, least_s)

    async def _deliver(self, relay: SyncRelay, item: OutboxItem) -> Appended:
        if item.device is not None:
            await relay.post_to_inbox(item.device, item.cid, item.body)
        elif not item.body:
            await relay.create_group(
                item.group, item.capability, keeper=item.keeper, keep_days=item.keep_days, limits=item.limits
            )
        else:
            return await relay.append(
                item.group,
                item.capability,
                item.cid,
                item.body,
                item.epoch,
                next_capability=item.next_capability,
                blobs=item.blobs,
                keeper=item.keeper,
                next_keeper=item.next_keeper,
                erase=item.erase,
            )
        return Appended(seq=0, at_ms=0)


def _is_commit(item: OutboxItem) -> bool:
    return item.epoch is not None


def _place(item: OutboxItem) -> str:
    return item.device or item.group
