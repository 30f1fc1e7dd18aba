"""`/v1/push`: how a device wants to be woken, and for which groups.

Source: docs/protocol.md section 2.
"""

import secrets
from collections.abc import Awaitable, Callable

from starlette.routing import Route
from starlette.types import ASGIApp

from services.relay.log.store import LogStore
from services.relay.push.gateway import BadTarget, PushGateway
from services.relay.push.store import PushStore, Registration
from services.relay.refusal import Refusal, bad_request, busy
from services.relay.replies import answer
from services.relay.requests import Call, Fields, route
from services.sync.protocol import STREAM_LIMIT_GROUPS, capability_hash

FIELDS_LIMIT_BYTES = 128 * 1_024
PUSH_PER_DAY = 200
VENDORS = ("apns", "fcm")


class PushApi:
    """`/v1/push`."""

    def __init__(
        self,
        store: PushStore,
        log: LogStore,
        gateway: PushGateway,
        device: Callable[[Call], Awaitable[bytes]],
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._openings = log.openings
        self._gateway = gateway
        self._device = device
        self._now_ms = clock

    def routes(self) -> list[Route]:
        return [
            route("GET", "/v1/push", self.show),
            route("PUT", "/v1/push", self.put),
            route("DELETE", "/v1/push", self.delete),
        ]

    async def show(self, call: Call) -> ASGIApp:
        registration = await self._store.get(await self._device(call))
        wake = registration.wake.hex() if registration is not None else None
        return answer({"kind": self._gateway.kind, "key": self._gateway.key, "wake": wake})

    async def put(self, call: Call) -> ASGIApp:
        device = await self._device(call)
        fields = await call.fields(FIELDS_LIMIT_BYTES)
        registration = self._registration(device, fields)
        items = fields.items("groups", STREAM_LIMIT_GROUPS)
        wanted = {item.id("group"): capability_hash(item.capability("capability")) for item in items}
        groups = tuple(wanted.items())
        openings = await self._openings(groups)
        if await self._store.key(self._gateway.key) != self._gateway.key:
            raise busy()  # which the log has said by itself
        is_new = await self._store.put(registration, PUSH_PER_DAY, self._now_ms())
        open_ones = [
            group
            for group, opening in zip(groups, openings, strict=True)
            if opening is not None and not opening.has_keeper
        ]
        await self._store.watch(device, open_ones)
        kept = await self._store.get(device)
        return answer({"wake": (kept or registration).wake.hex()}, 201 if is_new else 200)

    async def delete(self, call: Call) -> ASGIApp:
        await self._store.drop(await self._device(call))
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
