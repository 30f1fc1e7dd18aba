"""What the operator's own machines ask: is the service alive, is it ready, and its figures."""

import ipaddress
from collections.abc import Awaitable, Callable

from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from services.relay.operate.health import LEAVING, READING
from services.relay.operate.metrics import Metrics
from services.relay.refusal import Refusal
from services.relay.replies import answer
from services.relay.requests import Call, route

AGAIN_S = 10
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")


class OperateApi:
    """`wrong` returns the names of what does not work at present, after trying what it is asked to, or everything."""

    def __init__(self, wrong: Callable[..., Awaitable[tuple[str, ...]]], metrics: Metrics) -> None:
        self._wrong = wrong
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
        """Answer 503 where anything does not work; for a proxy that asks for `reading`, where nothing can be read."""
        only_reading = call.number("reading", 0, 1, 0)
        wrong = await self._wrong(READING) if only_reading else await self._wrong()
        if not {READING, LEAVING}.isdisjoint(wrong) or (wrong and not only_reading):
            raise Refusal(
                503, "busy", f"Not ready: {', '.join(wrong)}.", retry_after_s=AGAIN_S, details={"wrong": list(wrong)}
            )
        return answer({"status": "ok", "wrong": list(wrong)})

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
