"""Figures for the operator's own monitoring, about nobody: no group, device or address."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.relay.database.store import Figures
from services.relay.operate.sweeper import Swept

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
STREAMING = frozenset({"stream", "events"})  # they last as long as the caller likes


class Metrics:
    """The counters of one process, in a registry of their own."""

    def __init__(self, readers: Callable[[], int], clock_s: Callable[[], float]) -> None:
        self._registry = CollectorRegistry()
        self._clock_s = clock_s
        ProcessCollector(registry=self._registry)
        self._requests = Counter("relay_requests", "Calls answered.", ("call", "status"), registry=self._registry)
        self._seconds = Histogram(
            "relay_request_seconds", "Time to an answer.", buckets=BUCKETS_S, registry=self._registry
        )
        self._swept = Counter("relay_swept", "Things forgotten.", ("kind",), registry=self._registry)
        self._held = Gauge("relay_held", "Things held.", ("kind",), registry=self._registry)
        self._held_bytes = Gauge("relay_held_bytes", "Bytes held.", ("kind",), registry=self._registry)
        Gauge("relay_readers", "Streams and waiting calls open now.", registry=self._registry).set_function(readers)

    def exposed(self) -> bytes:
        """Return all figures as Prometheus reads them."""
        return generate_latest(self._registry)

    def swept(self, swept: Swept, figures: Figures | None) -> None:
        self._swept.labels("event").inc(swept.events)
        self._swept.labels("blob").inc(swept.blobs)
        self._swept.labels("stray").inc(swept.strays)
        if figures is not None:
            for kind in ("groups", "events", "devices", "blobs", "uploads"):
                self._held.labels(kind).set(getattr(figures, kind))
            self._held_bytes.labels("events").set(figures.event_bytes)
            self._held_bytes.labels("blobs").set(figures.blob_bytes)

    def counted(self, app: ASGIApp) -> ASGIApp:
        """Return the app with its answers counted, by the name of the call and not by what it was about."""

        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            status = 0
            begun_s = self._clock_s()

            async def watched(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await app(scope, receive, watched)
            finally:
                name = getattr(scope.get("endpoint"), "__name__", "none")
                self._requests.labels(name, str(status or "none")).inc()
                if name not in STREAMING:
                    self._seconds.observe(self._clock_s() - begun_s)

        return call
