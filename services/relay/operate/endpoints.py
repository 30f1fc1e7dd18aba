"""What the operator's own machines ask: is the service alive, is it ready, and its figures."""

import ipaddress
from collections.abc import Awaitable, Callable

from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from services.relay.operate.metrics import Metrics
from services.relay.refusal import Refusal
from services.relay.replies import answer
from services.relay.requests import Call, route

FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")


class OperateApi:
    """`check` raises 503 if the database does not answer."""

    def __init__(self, check: Callable[[], Awaitable[None]], metrics: Metrics) -> None:
        self._check = check
        self._metrics = metrics

    def routes(self) -> list[Route]:
        return [
            route("GET", "/healthz", self.health),
            route("GET", "/readyz", self.ready),
            route("GET", "/metrics", self.metrics),
        ]

    async def health(self, call: Call) -> ASGIApp:
        return answer({"status": "ok"})

    async def ready(self, call: Call) -> ASGIApp:
        await self._check()
        return answer({"status": "ok"})

    async def metrics(self, call: Call) -> ASGIApp:
        """Answer callers on this machine; to anybody else, or through a proxy, there is nothing here."""
        if not _is_local(call):
            raise Refusal(404, "unknown", "There is nothing at this address.")
        return Response(self._metrics.exposed(), headers={"content-type": CONTENT_TYPE_LATEST})


def _is_local(call: Call) -> bool:
    if any(call.header(name) is not None for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(call.caller).is_loopback
    except ValueError:
        return False
