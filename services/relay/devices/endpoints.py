"""The calls that concern devices rather than groups: sessions, inbox, key packages, account, deletion.

Source: docs/protocol.md section 2. What cannot be taken back, or speaks for a device to others, is signed call by call.
"""

import hashlib
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.relay.devices.sessions import Proof, Sessions, SignedCall
from services.relay.devices.store import DeviceStore, Post, inbox_key
from services.relay.hub import Hub
from services.relay.refusal import Refusal, bad_request
from services.relay.replies import answer
from services.relay.requests import Fields, parse_fields, path_id, read_body, read_fields, read_header, read_query
from services.sync.protocol import (
    CID_HEADER,
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


class DeviceApi:
    """`device` finds out who is calling; `tell` hears of each device whose inbox this node put something into."""

    def __init__(
        self,
        store: DeviceStore,
        hub: Hub,
        sessions: Sessions,
        device: Callable[[Request], Awaitable[bytes]],
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
            Route("/v1/challenges", self.challenge, methods=["POST"]),
            Route("/v1/sessions", self.open_session, methods=["POST"]),
            Route("/v1/inbox", self.read_inbox, methods=["GET"]),
            Route("/v1/inbox", self.acknowledge, methods=["DELETE"]),
            Route("/v1/devices/{device}/inbox", self.post, methods=["POST"]),
            Route("/v1/devices/{device}/key-packages", self.publish, methods=["POST"]),
            Route("/v1/devices/{device}/key-packages", self.packages_left, methods=["GET"]),
            Route("/v1/devices/{device}/key-packages/claim", self.claim, methods=["POST"]),
            Route("/v1/devices/{device}", self.delete_device, methods=["DELETE"]),
            Route("/v1/me", self.join_account, methods=["PUT"]),
            Route("/v1/me", self.delete_account, methods=["DELETE"]),
        ]

    async def challenge(self, request: Request) -> Response:
        fields = await read_fields(request)
        return answer({"nonce": encode_octets(await self._sessions.challenge(fields.id("device")))})

    async def open_session(self, request: Request) -> Response:
        fields = await read_fields(request)
        proof = Proof(
            device=fields.id("device"),
            public_key=fields.octets("public_key", 32),
            nonce=fields.octets("nonce", 32),
            at_ms=fields.number("at_ms", SEQ_LIMIT),
            signature=fields.octets("signature", 64),
        )
        token, expires_ms = await self._sessions.open(proof, _origin(request))
        return answer({"token": token, "expires_ms": expires_ms}, 201)

    async def post(self, request: Request) -> Response:
        sender = await self._device(request)
        post = Post(
            device=path_id(request, "device"),
            cid=read_header(request, CID_HEADER, parse_id),
            body=await read_body(request, INBOX_LIMIT_BYTES),
            sender=sender,
            at_ms=self._now_ms(),
        )
        if not post.body:
            raise bad_request("An inbox item has at least one byte.")
        is_new = await self._store.post(post)
        if is_new:
            self._tell(post.device)
        return answer({}, 201 if is_new else 200)

    async def read_inbox(self, request: Request) -> Response:
        device = await self._device(request)
        since = read_query(request, "since", 0, SEQ_LIMIT, 0)
        limit = read_query(request, "limit", 1, PAGE_LIMIT_EVENTS, PAGE_LIMIT_EVENTS)
        wait_s = read_query(request, "wait", 0, WAIT_LIMIT_S, 0)
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

    async def acknowledge(self, request: Request) -> Response:
        device = await self._device(request)
        await self._store.acknowledge(device, read_query(request, "upto", 0, SEQ_LIMIT, 0))
        return answer({})

    async def publish(self, request: Request) -> Response:
        device, fields = await self._signed(request, PACKAGES_LIMIT_BYTES)
        if path_id(request, "device") != device:
            raise Refusal(403, "forbidden", "A device publishes key packages for itself only.")
        one_time = fields.many_octets("one_time", KEY_PACKAGES_MOST, KEY_PACKAGE_LIMIT_BYTES)
        last_resort = fields.optional_octets("last_resort", KEY_PACKAGE_LIMIT_BYTES)
        return answer({"left": await self._store.publish(device, one_time, last_resort, self._now_ms())})

    async def packages_left(self, request: Request) -> Response:
        device = await self._device(request)
        if path_id(request, "device") != device:
            raise Refusal(403, "forbidden", "A device counts its own key packages only.")
        return answer({"left": await self._store.packages_left(device)})

    async def claim(self, request: Request) -> Response:
        claimant = await self._device(request)
        await read_body(request, 0)
        package = await self._store.claim(path_id(request, "device"), claimant, self._now_ms())
        return answer({"body": encode_octets(package.body), "last_resort": package.is_last_resort})

    async def join_account(self, request: Request) -> Response:
        device, fields = await self._signed(request, ACCOUNT_LIMIT_BYTES)
        account = hashlib.sha256(b"companion-account-v1\0" + fields.capability("account")).digest()
        await self._store.join_account(device, account)
        return answer({})

    async def delete_device(self, request: Request) -> Response:
        device, _ = await self._signed(request, 0)
        await self._store.delete(path_id(request, "device"), device, self._now_ms())
        return answer({})

    async def delete_account(self, request: Request) -> Response:
        device, _ = await self._signed(request, 0)
        await self._store.delete_account(device, self._now_ms())
        return answer({})

    async def _signed(self, request: Request, limit: int) -> tuple[bytes, Fields]:
        """Return who is calling and the fields of the body, of a call that its device signed. Raises 401."""
        device = await self._device(request)
        body = await read_body(request, limit)
        call = SignedCall(
            device=device,
            method=request.method,
            path=request.url.path,
            body=body,
            nonce=read_header(request, NONCE_HEADER, parse_octets(32)),
            at_ms=read_header(request, TIME_HEADER, parse_number),
            signature=read_header(request, SIGNATURE_HEADER, parse_octets(64)),
        )
        await self._sessions.check_signed(call, _origin(request))
        return device, parse_fields(body) if limit else Fields({})


def _origin(request: Request) -> str:
    """Return what the caller addressed."""
    return f"{request.scope['scheme']}://{request.headers.get('host', '')}".lower()
