"""The calls that concern devices rather than groups: sessions, inbox, key packages, account, deletion, farewells.

Source: docs/protocol.md section 2. What cannot be taken back, or speaks for a device to others, is signed call by call.
"""

import hashlib
from collections.abc import Awaitable, Callable

from starlette.routing import Route
from starlette.types import ASGIApp

from companion.farewells import ACCOUNT
from services.relay.devices.admission import TOKEN_LIMIT, Introduction
from services.relay.devices.sessions import Proof, Sessions, SignedCall
from services.relay.devices.store import DeviceStore, Post, inbox_key
from services.relay.hub import Hub
from services.relay.refusal import Refusal, bad_request
from services.relay.replies import answer
from services.relay.requests import Call, Fields, parse_fields, route
from services.sync.protocol import (
    CID_HEADER,
    FAREWELL_SCOPES,
    INBOX_LIMIT_BYTES,
    KEY_PACKAGE_LIMIT_BYTES,
    KEY_PACKAGES_MOST,
    NONCE_HEADER,
    PAGE_LIMIT_EVENTS,
    SEQ_LIMIT,
    SIGNATURE_HEADER,
    TIME_HEADER,
    WAIT_LIMIT_S,
    encode_octets,
    parse_id,
    parse_number,
    parse_octets,
)

PACKAGES_LIMIT_BYTES = 640 * 1_024  # a hundred and one packages in base64
ACCOUNT_LIMIT_BYTES = 1_024
SCOPE_LIMIT = 16


class DeviceApi:
    """`device` finds out who is calling; `tell` hears of each device whose inbox this node put something into."""

    def __init__(
        self,
        store: DeviceStore,
        hub: Hub,
        sessions: Sessions,
        device: Callable[[Call], Awaitable[bytes]],
        tell: Callable[[bytes], None],
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._hub = hub
        self._sessions = sessions
        self._device = device
        self._tell = tell
        self._now_ms = clock

    def routes(self) -> list[Route]:
        return [
            route("POST", "/v1/challenges", self.challenge),
            route("POST", "/v1/sessions", self.open_session),
            route("GET", "/v1/inbox", self.read_inbox),
            route("DELETE", "/v1/inbox", self.acknowledge),
            route("POST", "/v1/devices/{device}/inbox", self.post),
            route("POST", "/v1/devices/{device}/key-packages", self.publish),
            route("GET", "/v1/devices/{device}/key-packages", self.packages_left),
            route("POST", "/v1/devices/{device}/key-packages/claim", self.claim),
            route("DELETE", "/v1/devices/{device}", self.delete_device),
            route("PUT", "/v1/me", self.join_account),
            route("POST", "/v1/farewells", self.farewell),
        ]

    async def challenge(self, call: Call) -> ASGIApp:
        fields = await call.fields()
        return answer({"nonce": encode_octets(await self._sessions.challenge(fields.id("device")))})

    async def open_session(self, call: Call) -> ASGIApp:
        fields = await call.fields()
        proof = Proof(
            device=fields.id("device"),
            public_key=fields.octets("public_key", 32),
            nonce=fields.octets("nonce", 32),
            at_ms=fields.number("at_ms", SEQ_LIMIT),
            signature=fields.octets("signature", 64),
        )
        shown = Introduction(
            token=fields.text("token", TOKEN_LIMIT) if fields.has("token") else "",
            invite=fields.id("invite") if fields.has("invite") else None,
        )
        token, expires_ms = await self._sessions.open(proof, shown)
        return answer({"token": token, "expires_ms": expires_ms}, 201)

    async def post(self, call: Call) -> ASGIApp:
        sender = await self._device(call)
        post = Post(
            device=call.id(),
            cid=call.parsed(CID_HEADER, parse_id),
            body=await call.body(INBOX_LIMIT_BYTES),
            sender=sender,
            at_ms=self._now_ms(),
        )
        if not post.body:
            raise bad_request("An inbox item has at least one byte.")
        is_new = await self._store.post(post)
        if is_new:
            self._tell(post.device)
        return answer({}, 201 if is_new else 200)

    async def read_inbox(self, call: Call) -> ASGIApp:
        device = await self._device(call)
        since = call.number("since", 0, SEQ_LIMIT, 0)
        limit = call.number("limit", 1, PAGE_LIMIT_EVENTS, PAGE_LIMIT_EVENTS)
        wait_s = call.number("wait", 0, WAIT_LIMIT_S, 0)
        items = await self._store.inbox(device, since, limit)
        if not items and wait_s:
            reader = self._hub.join([inbox_key(device)])
            try:
                items = await self._store.inbox(device, since, limit)
                if not items:
                    await reader.wait(wait_s)
                    items = await self._store.inbox(device, since, limit)
            finally:
                self._hub.leave(reader)
        return answer({"items": [item.fields() for item in items]})

    async def acknowledge(self, call: Call) -> ASGIApp:
        device = await self._device(call)
        await self._store.acknowledge(device, call.number("upto", 0, SEQ_LIMIT, 0))
        return answer({})

    async def publish(self, call: Call) -> ASGIApp:
        device, fields = await self._signed(call, PACKAGES_LIMIT_BYTES)
        if call.id() != device:
            raise Refusal(403, "forbidden", "A device publishes key packages for itself only.")
        one_time = fields.many_octets("one_time", KEY_PACKAGES_MOST, KEY_PACKAGE_LIMIT_BYTES)
        last_resort = fields.optional_octets("last_resort", KEY_PACKAGE_LIMIT_BYTES)
        return answer({"left": await self._store.publish(device, one_time, last_resort, self._now_ms())})

    async def packages_left(self, call: Call) -> ASGIApp:
        device = await self._device(call)
        if call.id() != device:
            raise Refusal(403, "forbidden", "A device counts its own key packages only.")
        return answer({"left": await self._store.packages_left(device)})

    async def claim(self, call: Call) -> ASGIApp:
        claimant = await self._device(call)
        await call.body(0)
        package = await self._store.claim(call.id(), claimant, self._now_ms())
        return answer({"body": encode_octets(package.body), "last_resort": package.is_last_resort})

    async def join_account(self, call: Call) -> ASGIApp:
        device, fields = await self._signed(call, ACCOUNT_LIMIT_BYTES)
        account = hashlib.sha256(b"companion-account-v1\0" + fields.capability("account")).digest()
        await self._store.join_account(device, account)
        return answer({})

    async def delete_device(self, call: Call) -> ASGIApp:
        device, _ = await self._signed(call, 0)
        await self._store.delete(call.id(), device, self._now_ms())
        return answer({})

    async def farewell(self, call: Call) -> ASGIApp:
        """Delete on a word that was signed ahead. It needs no session, and no device that still has its keys."""
        fields = await call.fields()
        device, scope = fields.id("device"), fields.text("scope", SCOPE_LIMIT)
        if scope not in FAREWELL_SCOPES:
            raise bad_request("The field scope is device or account.")
        if await self._sessions.check_farewell(device, scope, fields.octets("signature", 64)):
            if scope == ACCOUNT:
                await self._store.delete_account(device, self._now_ms())
            else:
                await self._store.delete(device, device, self._now_ms())
        return answer({})

    async def _signed(self, call: Call, limit: int) -> tuple[bytes, Fields]:
        """Return who is calling and the fields of the body, of a call that its device signed. Raises 401."""
        device = await self._device(call)
        body = await call.body(limit)
        signed = SignedCall(
            device=device,
            method=call.method,
            path=call.path,
            body=body,
            nonce=call.parsed(NONCE_HEADER, parse_octets(32)),
            at_ms=call.parsed(TIME_HEADER, parse_number),
            signature=call.parsed(SIGNATURE_HEADER, parse_octets(64)),
        )
        await self._sessions.check_signed(signed)
        return device, parse_fields(body) if limit else Fields({})
