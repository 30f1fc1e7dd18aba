"""Waking devices that have no stream open: what `PUT /v1/push` takes, and the loop that pings.

A ping says that something came, not what, where or from whom. A device gets one for all that came in 30 to 60 s, and
none while a stream of its own is open at any node. What is still due is in the database, so that a crash delays a ping
and loses none.
"""

import asyncio
import hashlib
import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.relay.log.store import Store
from services.relay.push.gateway import BadTarget, Outcome, PushGateway
from services.relay.push.store import Ping, PushStore, Registration
from services.relay.refusal import Refusal, bad_request, busy
from services.relay.replies import answer
from services.relay.requests import Fields, read_fields
from services.sync.protocol import STREAM_LIMIT_GROUPS

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
FIELDS_LIMIT_BYTES = 128 * 1_024
PUSH_PER_DAY = 200
VENDORS = ("apns", "fcm")


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
        try:
            while True:
                await asyncio.sleep(TICK_S)
                try:
                    await self.tick()
                except Refusal:
                    log.warning("pings have to wait: the database takes nothing")
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
        if present and at_ms - self._renewed_ms >= RENEW_MS:
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
                wait_ms = max(wait_ms, (reply.retry_after_s or 0) * 1_000)
                await self._store.failed(ping, self._now_ms() + wait_ms + random.randint(0, wait_ms // 4))  # noqa: S311
        except Refusal:
            log.warning("the outcome of a ping was not written down")  # so it goes out once more


class PushApi:
    """`/v1/push`."""

    def __init__(
        self,
        store: Store,
        gateway: PushGateway,
        device: Callable[[Request], Awaitable[bytes]],
        clock: Callable[[], int],
    ) -> None:
        self._store = store.push
        self._openings = store.openings
        self._gateway = gateway
        self._device = device
        self._now_ms = clock

    def routes(self) -> list[Route]:
        return [
            Route("/v1/push", self.show, methods=["GET"]),
            Route("/v1/push", self.put, methods=["PUT"]),
            Route("/v1/push", self.delete, methods=["DELETE"]),
        ]

    async def show(self, request: Request) -> Response:
        registration = await self._store.get(await self._device(request))
        wake = registration.wake.hex() if registration is not None else None
        return answer({"kind": self._gateway.kind, "key": self._gateway.key, "wake": wake})

    async def put(self, request: Request) -> Response:
        device = await self._device(request)
        fields = await read_fields(request, FIELDS_LIMIT_BYTES)
        registration = self._registration(device, fields)
        items = fields.items("groups", STREAM_LIMIT_GROUPS)
        wanted = {item.id("group"): hashlib.sha256(item.capability("capability")).digest() for item in items}
        groups = tuple(wanted.items())
        openings = await self._openings(groups)
        if await self._store.key(self._gateway.key) != self._gateway.key:
            log.error("pushes are off: the key file is not the one that this service began with")
            raise busy()
        is_new = await self._store.put(registration, PUSH_PER_DAY, self._now_ms())
        open_ones = [group for group, opening in zip(groups, openings, strict=True) if opening is not None]
        await self._store.watch(device, open_ones)
        kept = await self._store.get(device)
        return answer({"wake": (kept or registration).wake.hex()}, 201 if is_new else 200)

    async def delete(self, request: Request) -> Response:
        await self._store.drop(await self._device(request))
        return answer({})

    def _registration(self, device: bytes, fields: Fields) -> Registration:
        kind = fields.text("kind", 16, default=self._gateway.kind)
        if kind in VENDORS:
            raise Refusal(409, "no-gateway", "This service has no account with the vendor that this kind needs.")
        if kind != self._gateway.kind:
            raise bad_request("The field kind names no way to wake a device.")
        registration = Registration(
            device=device,
            kind=kind,
            endpoint=fields.text("endpoint", 1_000),
            p256dh=fields.octets("p256dh", 65),
            auth=fields.octets("auth", 16),
            wake=secrets.token_bytes(16),
        )
        try:
            self._gateway.check(registration.endpoint, registration.p256dh, registration.auth)
        except BadTarget:
            raise bad_request("Pings go to https addresses on the public internet, and this is none.") from None
        return registration
