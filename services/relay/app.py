"""The relay over HTTP: what concerns the whole service, and how its parts' calls are put together.

Source: docs/protocol.md section 2. No call leaves a trace in a log, and no error text repeats what was sent.
"""

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
from services.relay.blobs.objects import ObjectStore
from services.relay.database.store import Database
from services.relay.devices.endpoints import DeviceApi
from services.relay.devices.sessions import Sessions
from services.relay.hub import Hub
from services.relay.log.endpoints import LogApi
from services.relay.operate.endpoints import OperateApi
from services.relay.operate.metrics import Metrics
from services.relay.push.endpoints import PushApi
from services.relay.push.pusher import Pusher
from services.relay.refusal import Refusal
from services.relay.replies import answer
from services.sync.protocol import PROTOCOL_MAX, PROTOCOL_MIN, SERVICE

log = logging.getLogger(__name__)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Api:
    """All calls. Those about the whole service are its own."""

    def __init__(
        self,
        database: Database,
        hub: Hub,
        sessions: Sessions,
        pusher: Pusher,
        objects: ObjectStore,
        metrics: Metrics,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._hub = hub
        self._pusher = pusher
        self._objects = objects
        self._metrics = metrics
        self._sessions = sessions
        self._now_ms = clock
        self._openapi = files("services.relay").joinpath("openapi.json").read_bytes()

    def routes(self) -> list[Route]:
        data, hub, pusher = self._database, self._hub, self._pusher
        device, clock = self._device, self._now_ms
        return [
            *LogApi(data.log, data.devices, hub, self._incarnation, device, pusher.arrived, clock).routes(),
            *DeviceApi(data.devices, hub, self._sessions, device, pusher.tell_device, clock).routes(),
            *BlobApi(data.blobs, self._objects, device, clock).routes(),
            *PushApi(data.push, data.log, pusher.gateway, device, clock).routes(),
            *OperateApi(data.check, self._metrics).routes(),
            Route("/v1/about", self.about, methods=["GET"]),
            Route("/v1/openapi.json", self.openapi, methods=["GET"]),
        ]

    async def about(self, request: Request) -> Response:
        return answer(
            {
                "service": SERVICE,
                "protocol_min": PROTOCOL_MIN,
                "protocol_max": PROTOCOL_MAX,
                "incarnation": self._database.incarnation,
                "version": _version(),
                **({"blobs": self._objects.origin} if self._objects.origin else {}),
            }
        )

    async def openapi(self, request: Request) -> Response:
        return Response(self._openapi, media_type="application/json")

    def _incarnation(self) -> str:
        return self._database.incarnation

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
    database: Database,
    hub: Hub,
    pusher: Pusher,
    objects: ObjectStore,
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

    sessions = Sessions(database.devices, origins, clock)
    hub.lost_by(sessions.forget)
    api = Api(database, hub, sessions, pusher, objects, metrics, clock)
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


def _version() -> str:
    try:
        return version("companion")
    except PackageNotFoundError:
        return "0"
