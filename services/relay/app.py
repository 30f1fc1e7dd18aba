"""The relay over HTTP: what concerns the whole service, and how its parts' calls are put together.

Source: docs/protocol.md section 2. No call leaves a trace in a log, and no error text repeats what was sent.
"""

from collections.abc import Awaitable, Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files

from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from services.relay.blobs.endpoints import BlobApi
from services.relay.blobs.objects import ObjectStore
from services.relay.database.store import Database
from services.relay.devices.admission import OPEN, Admission
from services.relay.devices.endpoints import DeviceApi
from services.relay.devices.sessions import Sessions
from services.relay.edge import Close, Edge
from services.relay.hub import Hub
from services.relay.keep.endpoints import KeepApi
from services.relay.log.endpoints import LogApi
from services.relay.operate.endpoints import OperateApi
from services.relay.operate.health import Health
from services.relay.operate.metrics import Metrics
from services.relay.push.endpoints import PushApi
from services.relay.push.pusher import Pusher
from services.relay.replies import answer
from services.relay.requests import Call, route
from services.sync.protocol import PROTOCOL_MAX, PROTOCOL_MIN, SERVICE


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
        wrong: Callable[..., Awaitable[tuple[str, ...]]],
        admission: str = OPEN,
    ) -> None:
        self._database = database
        self._admission = admission
        self._hub = hub
        self._pusher = pusher
        self._objects = objects
        self._metrics = metrics
        self._wrong = wrong
        self._sessions = sessions
        self._now_ms = clock
        self._openapi = files("services.relay").joinpath("openapi.json").read_bytes()

    def routes(self) -> list[Route]:
        data, hub, pusher = self._database, self._hub, self._pusher
        device, clock = self._device, self._now_ms
        return [
            *LogApi(data.log, data.devices, hub, self._incarnation, device, pusher.arrived, clock).routes(),
            *KeepApi(data.keep, device, clock).routes(),
            *DeviceApi(data.devices, hub, self._sessions, device, pusher.tell_device, clock).routes(),
            *BlobApi(data.blobs, self._objects, device, clock).routes(),
            *PushApi(data.push, data.log, pusher.gateway, device, clock).routes(),
            *OperateApi(self._wrong, self._metrics).routes(),
            route("GET", "/v1/about", self.about),
            route("GET", "/v1/openapi.json", self.openapi),
        ]

    async def about(self, call: Call) -> ASGIApp:
        return answer(
            {
                "service": SERVICE,
                "protocol_min": PROTOCOL_MIN,
                "protocol_max": PROTOCOL_MAX,
                "incarnation": self._database.incarnation,
                "version": _version(),
                "admission": self._admission,
                "spaces": True,  # logs with keepers, and erasing
                **({"blobs": self._objects.origin} if self._objects.origin else {}),
            }
        )

    async def openapi(self, call: Call) -> ASGIApp:
        return Response(self._openapi, media_type="application/json")

    def _incarnation(self) -> str:
        return self._database.incarnation

    async def _device(self, call: Call) -> bytes:
        return await self._sessions.device(call.header("authorization"))


def create_app(
    database: Database,
    hub: Hub,
    pusher: Pusher,
    objects: ObjectStore,
    metrics: Metrics,
    health: Health,
    *,
    origins: tuple[str, ...],
    admission: Admission,
    clock: Callable[[], int],
    key: bytes,
    lifespan: Callable[[], Awaitable[Close]],
) -> Edge:
    """Wire the calls. `lifespan` opens what the app needs and returns what closes it again."""
    sessions = Sessions(database.devices, origins, admission, clock, key)
    hub.lost_by(sessions.forget)
    api = Api(database, hub, sessions, pusher, objects, metrics, clock, health.wrong, admission.way)
    return Edge(api.routes(), metrics.answered, lifespan)


def _version() -> str:
    try:
        return version("companion")
    except PackageNotFoundError:
        return "0"
