"""Where an address leads, and a mistake of the service's own: the caller gets an answer, the log gets no content."""

import logging
from types import SimpleNamespace

import httpx
import pytest

from services.relay.app import create_app
from services.relay.devices.admission import OPEN, Admission
from services.relay.edge import Edge
from services.relay.hub import Hub
from services.relay.operate.metrics import Metrics
from services.relay.replies import answer
from services.relay.requests import route


class Failing:
    """A part with a mistake in it, whose text says too much."""

    async def wrong(self):
        raise ValueError("the marmalade lighthouse")


STORE = SimpleNamespace(
    incarnation="00" * 16, blobs=None, keep=None, push=None, devices=None, log=SimpleNamespace(openings=None)
)


WIRED = {"origins": (), "admission": Admission(OPEN, None, None), "clock": lambda: 0, "key": b"", "lifespan": None}


async def ready(hub, method="GET", path="/readyz"):
    pusher = SimpleNamespace(gateway=SimpleNamespace(kind="web"), tell_device=None, arrived=None)
    metrics = Metrics(lambda: 0)
    app = create_app(STORE, hub, pusher, SimpleNamespace(origin=None), metrics, Failing(), **WIRED)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://relay") as http:
        return await http.request(method, path)


@pytest.mark.parametrize("call", [("GET", "/readyz"), ("GET", "/nowhere"), ("DELETE", "/healthz"), ("GET", "/healthz")])
async def test_every_answer_bears_the_mark_of_the_service(call):
    assert (await ready(Hub(), *call)).headers["companion-service"] == "companion-relay"


async def test_mistake_of_the_service_is_answered_and_logged_without_content(caplog):
    with caplog.at_level(logging.DEBUG):
        answer = await ready(Hub())
    assert (answer.status_code, answer.json()["error"]) == (500, "failed")
    assert "marmalade" not in answer.text
    assert "marmalade" not in caplog.text
    assert "ValueError in wrong" in caplog.text


async def test_mistake_in_the_middle_of_an_answer_is_logged_and_the_answer_does_not_end(caplog):
    async def broken(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("the marmalade lighthouse")

    async def stream(call):
        return broken

    sent = []

    async def send(message):
        sent.append(message["type"])

    scope = {"type": "http", "method": "GET", "path": "/v1/stream", "headers": [], "query_string": b""}
    await Edge([route("GET", "/v1/stream", stream)], lambda *_: None, None)(scope, None, send)
    assert sent == ["http.response.start"]
    assert "ValueError in broken" in caplog.text
    assert "marmalade" not in caplog.text


async def show(call):
    return answer({"id": call.id().hex()})


async def about(call):
    return answer({"about": call.number("n", 0, 9, 5)})


async def call(method, path):
    routes = [route("GET", "/v1/things/{thing}/parts", show), route("GET", "/v1/about", about)]
    transport = httpx.ASGITransport(Edge(routes, lambda *_: None, None))
    async with httpx.AsyncClient(transport=transport, base_url="http://relay") as http:
        return await http.request(method, path)


ID = "ab" * 16


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"/v1/things/{ID}/parts", 200),
        ("HEAD", f"/v1/things/{ID}/parts", 200),
        ("POST", f"/v1/things/{ID}/parts", 405),
        ("GET", "/v1/things/another/parts", 400),
        ("GET", "/v1/things//parts", 404),
        ("GET", f"/v1/things/{ID}", 404),
        ("GET", f"/v1/things/{ID}/parts/", 404),
        ("GET", f"/v1/things/{ID}/parts/more", 404),
        ("GET", "/v1/about", 200),
        ("GET", "/v1/about?n=7", 200),
        ("GET", "/v1/about?n=10", 400),
        ("GET", "/v1/about/", 404),
        ("GET", "/", 404),
    ],
)
async def test_address_and_method_lead_to_one_call_or_none(method, path, status):
    assert (await call(method, path)).status_code == status


async def test_name_and_query_reach_the_call():
    assert (await call("GET", f"/v1/things/{ID}/parts")).json() == {"id": ID}
    assert (await call("GET", "/v1/about?n=1&n=3")).json() == {"about": 3}
    assert (await call("GET", "/v1/about?m=1")).json() == {"about": 5}
