"""A mistake of the service's own: the caller gets an answer, and the log gets no content."""

import logging
from types import SimpleNamespace

import httpx

from services.relay.app import create_app
from services.relay.hub import Hub
from services.relay.operate.metrics import Metrics


class Failing:
    """A store with a mistake in it, whose text says too much."""

    incarnation = "00" * 16
    blobs = push = devices = None
    log = SimpleNamespace(openings=None)

    async def check(self):
        raise ValueError("the marmalade lighthouse")


async def ready(hub):
    pusher = SimpleNamespace(gateway=SimpleNamespace(kind="web"), tell_device=None, arrived=None)
    metrics = Metrics(lambda: 0, lambda: 0.0)
    app = create_app(Failing(), hub, pusher, SimpleNamespace(origin=None), metrics, lifespan=None)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://relay") as http:
        return await http.get("/readyz")


async def test_mistake_of_the_service_is_answered_and_logged_without_content(caplog):
    with caplog.at_level(logging.DEBUG):
        answer = await ready(Hub())
    assert (answer.status_code, answer.json()["error"]) == (500, "failed")
    assert "marmalade" not in answer.text
    assert "marmalade" not in caplog.text
    assert "ValueError in check" in caplog.text
