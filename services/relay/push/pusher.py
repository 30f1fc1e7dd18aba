"""Waking devices that have no stream open: the loop that pings.

A ping says that something came, not what, where or from whom. A device gets one for all that came in 30 to 60 s, and
none while a stream of its own is open at any node. What is still due is in the database, so that a crash delays a ping
and loses none.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from typing import Protocol

from services.relay.push.gateway import Outcome, PushGateway
from services.relay.push.store import FAR_MS, Ping, PushStore
from services.relay.refusal import Refusal
from services.relay.trouble import Trouble

log = logging.getLogger(__name__)

TICK_S = 1.0
APART_MS = (30_000, 60_000)  # between two pings of one device
RENEW_MS = 20_000
AWAKE_MS = 90_000  # a node that dies keeps its devices from being pinged for so long at most
DOUBT_MS = 30_000  # what was sent to a stream shortly before its end may not have arrived
KNOCKS_MOST = 20
UNDER_WAY_MOST = 400
FAILURES_MOST = 40
LATER_MOST_MS = 3_600_000
WAIT_MOST_MS = FAR_MS // 2


class Presence(Protocol):
    """What the hub tells the pusher."""

    def devices(self) -> frozenset[bytes]:
        """Return the devices that have a stream open at this node."""


class Pusher:
    """Remembers what came, and pings. `tell` and `arrived` cost the caller nothing but a place in memory."""

    def __init__(
        self,
        store: PushStore,
        presence: Presence,
        gateway: PushGateway,
        clock: Callable[[], int],
        apart_ms: tuple[int, int] = APART_MS,
    ) -> None:
        self.gateway = gateway
        self._store = store
        self._presence = presence
        self._now_ms = clock
        self._apart_ms = apart_ms
        self._groups: set[bytes] = set()
        self._devices: set[bytes] = set()
        self._arrived: dict[bytes, tuple[tuple[bytes, bytes], ...]] = {}
        self._present: frozenset[bytes] = frozenset()
        self._renewed_ms = 0
        self._knocks = asyncio.Semaphore(KNOCKS_MOST)
        self._under_way: set[asyncio.Task[None]] = set()

    def tell(self, group: bytes) -> None:
        """An event of this group was committed by this node."""
        self._groups.add(group)

    def tell_device(self, device: bytes) -> None:
        """Something was put into this device's inbox by this node."""
        self._devices.add(device)

    def arrived(self, device: bytes, groups: Sequence[tuple[bytes, bytes]]) -> None:
        """A stream of this device opens for these (group, capability hash)."""
        self._arrived[device] = tuple(groups)

    async def run(self) -> None:
        """Work until it is cancelled."""
        waiting = Trouble(log, "pings have to wait")
        try:
            while True:
                await asyncio.sleep(TICK_S)
                try:
                    await self.tick()
                    waiting.ends()
                except Refusal:
                    waiting.begins("the database takes nothing")
        finally:
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def tick(self) -> None:
        """Do once what `run` does every second. Raises Refusal; nothing is forgotten then."""
        at_ms = self._now_ms()
        await self._settle(at_ms)
        if len(self._under_way) < UNDER_WAY_MOST:
            for ping in await self._store.take_due(at_ms, at_ms + random.randint(*self._apart_ms)):  # noqa: S311
                if ping.registration.device not in self._presence.devices():
                    task = asyncio.create_task(self._knock(ping))
                    self._under_way.add(task)
                    task.add_done_callback(self._under_way.discard)

    async def _settle(self, at_ms: int) -> None:
        """Write down what came and who is here."""
        arrived, self._arrived = self._arrived, {}
        groups, self._groups = self._groups, set()
        devices, self._devices = self._devices, set()
        try:
            for device, wanted in arrived.items():
                await self._store.watch(device, wanted)
            if arrived:
                await self._store.awake(tuple(arrived), at_ms + AWAKE_MS, at_ms)
            if groups or devices:
                await self._store.news(tuple(groups), tuple(devices), at_ms)
            await self._tell_presence(at_ms, frozenset(arrived))
        except Refusal:
            self._arrived = {**arrived, **self._arrived}
            self._groups |= groups
            self._devices |= devices
            raise

    async def _tell_presence(self, at_ms: int, arrived: frozenset[bytes]) -> None:
        present = self._presence.devices()
        gone = (self._present | arrived) - present
        if gone:
            await self._store.awake(tuple(gone), at_ms, at_ms - DOUBT_MS)
        self._present = present
        if present and not 0 <= at_ms - self._renewed_ms < RENEW_MS:
            await self._store.awake(tuple(present), at_ms + AWAKE_MS, at_ms - DOUBT_MS)
            self._renewed_ms = at_ms

    async def _knock(self, ping: Ping) -> None:
        known = ping.registration
        async with self._knocks:
            reply = await self.gateway.wake(known)
        try:
            if reply.outcome is Outcome.SENT:
                await self._store.done(ping)
            elif reply.outcome is Outcome.GONE or ping.failures >= FAILURES_MOST:
                await self._store.drop(known.device, known.wake)
            else:
                wait_ms = min(self._apart_ms[1] << min(ping.failures, 10), LATER_MOST_MS)
                wait_ms = min(max(wait_ms, (reply.retry_after_s or 0) * 1_000), WAIT_MOST_MS)
                await self._store.failed(ping, self._now_ms() + wait_ms + random.randint(0, wait_ms // 4))  # noqa: S311
        except Refusal:
            log.warning("the outcome of a ping was not written down")  # so it goes out once more
