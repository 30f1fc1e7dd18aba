"""The relay's interface over HTTP: it reads and checks what was sent, asks the store, and answers.

Source: docs/protocol.md section 2. No call leaves a trace in a log, and no error text repeats what was sent.
"""

import hashlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from services.relay.blobs.endpoints import BlobApi
from services.relay.blobs.objects import BlobStore
from services.relay.devices.endpoints import DeviceApi
from services.relay.devices.sessions import Proof, Sessions
from services.relay.hub import Hub
from services.relay.log.endpoints import StreamApi
from services.relay.log.store import Draft, Store
from services.relay.operate.metrics import Metrics
from services.relay.push.pusher import PushApi, Pusher
from services.relay.refusal import Refusal, bad_request, unknown_invite
from services.relay.replies import answer, octets
from services.relay.requests import path_id, read_body, read_capability, read_fields, read_header
from services.sync.protocol import (
    BLOBS_HEADER,
    CID_HEADER,
    EPOCH_HEADER,
    EVENT_LIMIT_BYTES,
    EXPIRES_HEADER,
    INVITE_LIMIT_BYTES,
    INVITE_LIMIT_MS,
    KEEP_LIMIT_DAYS,
    NEXT_CAPABILITY_HEADER,
    PROTOCOL_MAX,
    PROTOCOL_MIN,
    SEQ_LIMIT,
    SERVICE,
    encode_octets,
    parse_capability,
    parse_id,
    parse_ids,
    parse_number,
)

log = logging.getLogger(__name__)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Api:
    """The endpoints. Holds nothing of its own beyond what it was given."""

    def __init__(
        self,
        store: Store,
        hub: Hub,
        sessions: Sessions,
        pusher: Pusher,
        blobs: BlobStore,
        metrics: Metrics,
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._hub = hub
        self._pusher = pusher
        self._blobs = blobs
        self._metrics = metrics
        self._sessions = sessions
        self._now_ms = clock
        self._openapi = files("services.relay").joinpath("openapi.json").read_bytes()

    def routes(self) -> list[Route]:
        return [
            Route("/v1/about", self.about, methods=["GET"]),
            Route("/v1/openapi.json", self.openapi, methods=["GET"]),
            Route("/v1/challenges", self.challenge, methods=["POST"]),
            Route("/v1/sessions", self.open_session, methods=["POST"]),
            Route("/v1/groups", self.create_group, methods=["POST"]),
            Route("/v1/groups/{group}/events", self.append, methods=["POST"]),
            Route("/v1/invites/{invite}", self.put_invite, methods=["PUT"]),
            Route("/v1/invites/{invite}", self.get_invite, methods=["GET"]),
            Route("/v1/invites/{invite}/claim", self.claim_invite, methods=["POST"]),
            Route("/healthz", self.health, methods=["GET"]),
            Route("/readyz", self.ready, methods=["GET"]),
            *StreamApi(self._store, self._hub, self._pusher, self._device).routes(),
            *DeviceApi(
                self._store, self._hub, self._sessions, self._device, self._pusher.tell_device, self._now_ms
            ).routes(),
            *BlobApi(self._store.keeping, self._blobs, self._device, self._now_ms).routes(),
            *self._metrics.routes(),
            *PushApi(self._store, self._pusher.gateway, self._device, self._now_ms).routes(),
        ]

    async def about(self, request: Request) -> Response:
        return answer(
            {
                "service": SERVICE,
                "protocol_min": PROTOCOL_MIN,
                "protocol_max": PROTOCOL_MAX,
                "incarnation": self._store.incarnation,
                "version": _version(),
                **({"blobs": self._blobs.origin} if self._blobs.origin else {}),
            }
        )

    async def openapi(self, request: Request) -> Response:
        return Response(self._openapi, media_type="application/json")

    async def health(self, request: Request) -> Response:
        return answer({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        await self._store.check()
        return answer({"status": "ok"})

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
        origin = f"{request.scope['scheme']}://{request.headers.get('host', '')}".lower()
        token, expires_ms = await self._sessions.open(proof, origin)
        return answer({"token": token, "expires_ms": expires_ms}, 201)

    async def create_group(self, request: Request) -> Response:
        device = await self._device(request)
        fields = await read_fields(request)
        group = fields.id("group")
        capability = fields.capability("capability")
        keep_days = fields.number("keep_days", KEEP_LIMIT_DAYS, default=-1)
        is_new = await self._store.create_group(group, _hash(capability), device, self._now_ms())
        if keep_days >= 0:
            await self._store.keeping.keep_for(group, _hash(capability), keep_days)
        return answer({}, 201 if is_new else 200)

    async def append(self, request: Request) -> Response:
        device = await self._device(request)
        draft = Draft(
            group=path_id(request, "group"),
            capability_hash=read_capability(request),
            device=device,
            cid=read_header(request, CID_HEADER, parse_id),
            epoch=read_header(request, EPOCH_HEADER, parse_number) if EPOCH_HEADER in request.headers else None,
            next_capability=_next_capability(request),
            blobs=read_header(request, BLOBS_HEADER, parse_ids) if BLOBS_HEADER in request.headers else (),
            body=await read_body(request, EVENT_LIMIT_BYTES),
            at_ms=self._now_ms(),
        )
        if not draft.body:
            raise bad_request("An envelope has at least one byte.")
        if draft.next_capability is not None and draft.epoch is None:
            raise bad_request("Only a commit, which names its epoch, can replace the capability.")
        receipt = await self._store.append(draft)
        return answer({"seq": receipt.seq, "at_ms": receipt.at_ms}, 201 if receipt.is_new else 200)

    async def put_invite(self, request: Request) -> Response:
        device = await self._device(request)
        invite = path_id(request, "invite")
        expires_ms = read_header(request, EXPIRES_HEADER, parse_number)
        body = await read_body(request, INVITE_LIMIT_BYTES)
        at_ms = self._now_ms()
        if not body:
            raise bad_request("An invite has at least one byte.")
        if not at_ms < expires_ms <= at_ms + INVITE_LIMIT_MS:
            raise bad_request("An invite lasts for seven days at most.")
        is_new = await self._store.put_invite(invite, body, expires_ms, device, at_ms)
        return answer({}, 201 if is_new else 200)

    async def get_invite(self, request: Request) -> Response:
        device = await self._device(request)
        name = path_id(request, "invite")
        invite = await self._store.get_invite(name)
        if invite is None:
            raise unknown_invite()
        if invite.used_by is not None and invite.used_by != _claimant(name, device):
            raise Refusal(410, "used", "Somebody has used this invite already.")
        if invite.expires_ms <= self._now_ms():
            raise Refusal(410, "expired", "This invite is too old.")
        return octets(invite.body)

    async def claim_invite(self, request: Request) -> Response:
        device = await self._device(request)
        name = path_id(request, "invite")
        await read_body(request, 0)
        invite = await self._store.claim_invite(name, _claimant(name, device), self._now_ms())
        return octets(invite.body)

    async def _device(self, request: Request) -> bytes:
        return await self._sessions.device(request.headers.get("authorization"))


class Edge:
    """The outermost layer: whatever goes wrong inside is logged without content. The caller has `_on_mistake`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:
            return
        except Exception as error:  # edge: relay request
            where = error.__traceback__
            while where is not None and where.tb_next is not None:
                where = where.tb_next
            place = f"{where.tb_frame.f_code.co_name}:{where.tb_lineno}" if where is not None else "?"
            log.error("request failed: %s in %s", type(error).__name__, place)


def create_app(
    store: Store,
    hub: Hub,
    pusher: Pusher,
    blobs: BlobStore,
    metrics: Metrics,
    *,
    origins: tuple[str, ...] = (),
    clock: Callable[[], int] = now_ms,
    lifespan: Callable[[], Awaitable[Callable[[], Awaitable[None]]]],
) -> ASGIApp:
    """Wire the endpoints. `lifespan` opens what the app needs and returns what closes it again."""

    @asynccontextmanager
    async def live(app: Starlette) -> AsyncIterator[None]:
        close = await lifespan()
        try:
            yield
        finally:
            await close()

    sessions = Sessions(store, origins, clock)
    hub.lost_by(sessions.forget)
    api = Api(store, hub, sessions, pusher, blobs, metrics, clock)
    app = Starlette(
        routes=api.routes(),
        lifespan=live,
        exception_handlers={Refusal: _on_refusal, HTTPException: _on_http, Exception: _on_mistake},
    )
    return Edge(metrics.counted(app))


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101  (Starlette dispatches by type)
    return _refuse(error)


async def _on_mistake(request: Request, error: Exception) -> Response:
    return _refuse(Refusal(500, "failed", "The service made a mistake."))


async def _on_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 405:
        return _refuse(Refusal(405, "bad-request", "This address does not take that method."))
    return _refuse(Refusal(404, "unknown", "There is nothing at this address."))


def _refuse(refusal: Refusal) -> Response:
    response = answer({"error": refusal.code, "message": refusal.message, **refusal.details}, refusal.status)
    if refusal.retry_after_s is not None:
        response.headers["retry-after"] = str(refusal.retry_after_s)
    return response


def _hash(capability: bytes) -> bytes:
    return hashlib.sha256(capability).digest()


def _next_capability(request: Request) -> bytes | None:
    is_given = NEXT_CAPABILITY_HEADER in request.headers
    return read_header(request, NEXT_CAPABILITY_HEADER, parse_capability) if is_given else None


def _claimant(invite: bytes, device: bytes) -> bytes:
    """Who used an invite, in a form that does not name the device."""
    return hashlib.sha256(b"companion-claim-v1\0" + invite + device).digest()[:16]


def _version() -> str:
    try:
        return version("companion")
    except PackageNotFoundError:
        return "0"
