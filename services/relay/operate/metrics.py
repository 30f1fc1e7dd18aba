"""Figures for the operator's own monitoring, about nobody: no group, device or address."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import generate_latest

from services.relay.database.store import Figures
from services.relay.operate.sweeper import Swept

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
STREAMING = frozenset({"stream", "events"})  # they last as long as the caller likes


class Metrics:
    """The counters of one process, in a registry of their own."""

    def __init__(self, readers: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self._answered: dict[tuple[str, int], Counter] = {}
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

    def answered(self, call: str, status: int, seconds: float) -> None:
        """Count one call, by its name and not by what it was about. The status is 0 for one that got no answer."""
        counter = self._answered.get((call, status))
        if counter is None:
            counter = self._answered[call, status] = self._requests.labels(call, str(status or "none"))
        counter.inc()
        if call not in STREAMING:
            self._seconds.observe(seconds)
