"""What the operator's own machines ask: is the service alive, is it ready, and its figures."""

import ipaddress
from collections.abc import Awaitable, Callable

from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.relay.operate.metrics import Metrics
from services.relay.refusal import Refusal
from services.relay.replies import answer

FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")


class OperateApi:
    """`check` raises 503 if the database does not answer."""

    def __init__(self, check: Callable[[], Awaitable[None]], metrics: Metrics) -> None:
        self._check = check
        self._metrics = metrics

    def routes(self) -> list[Route]:
        return [
            Route("/healthz", self.health, methods=["GET"]),
            Route("/readyz", self.ready, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
        ]

    async def health(self, request: Request) -> Response:
        return answer({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        await self._check()
        return answer({"status": "ok"})

    async def metrics(self, request: Request) -> Response:
        """Answer callers on this machine; to anybody else, or through a proxy, there is nothing here."""
        if not _is_local(request):
            raise Refusal(404, "unknown", "There is nothing at this address.")
        return Response(self._metrics.exposed(), media_type=CONTENT_TYPE_LATEST)


def _is_local(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
