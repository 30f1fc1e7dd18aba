"""The figures are for callers on the relay's own machine, and count calls by their names."""

import httpx
import pytest

from services.relay.database.store import Figures
from services.relay.edge import Edge
from services.relay.operate.endpoints import OperateApi
from services.relay.operate.metrics import Metrics
from services.relay.operate.sweeper import Swept
from services.relay.replies import answer
from services.relay.requests import route


async def hello(call):
    return answer({})


def caller(metrics, address):
    routes = [*OperateApi(None, metrics).routes(), route("GET", "/v1/hello/{name}", hello)]
    transport = httpx.ASGITransport(Edge(routes, metrics.answered, None), client=(address, 5_000))
    return httpx.AsyncClient(transport=transport, base_url="http://relay.example")


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("127.0.0.1", 200),
        ("127.9.9.9", 200),
        ("::1", 200),
        ("192.0.2.7", 404),
        ("10.0.0.1", 404),
        ("2001:db8::1", 404),
        ("testclient", 404),
    ],
)
async def test_figures_are_only_for_this_machine(address, status):
    async with caller(Metrics(lambda: 0), address) as http:
        assert (await http.get("/metrics")).status_code == status


async def test_calls_are_counted_by_name_and_status_and_not_by_what_they_were_about():
    async with caller(Metrics(lambda: 3), "127.0.0.1") as http:
        await http.get("/v1/hello/secret")
        await http.get("/nothing/secret")
        text = (await http.get("/metrics")).text
    assert 'relay_requests_total{call="hello",status="200"} 1.0' in text
    assert 'relay_requests_total{call="none",status="404"} 1.0' in text
    assert "relay_request_seconds_count 2.0" in text
    assert "relay_readers 3.0" in text
    assert "secret" not in text


async def test_time_to_an_answer_is_counted_except_for_streams():
    metrics = Metrics(lambda: 0)
    metrics.answered("append", 201, 0.2)
    metrics.answered("stream", 200, 3_600.0)
    text = metrics.exposed().decode()
    assert 'relay_request_seconds_bucket{le="0.1"} 0.0' in text
    assert 'relay_request_seconds_bucket{le="0.25"} 1.0' in text
    assert "relay_request_seconds_count 1.0" in text


async def test_sweeps_add_up_and_figures_replace_each_other():
    metrics = Metrics(lambda: 0)
    figures = Figures(groups=1, events=2, event_bytes=3, devices=4, blobs=5, blob_bytes=6, uploads=7, oldest_ms=None)
    for _ in range(2):
        metrics.swept(Swept(events=10, blobs=1), figures)
    metrics.swept(Swept(events=1), None)
    async with caller(metrics, "127.0.0.1") as http:
        text = (await http.get("/metrics")).text
    assert 'relay_swept_total{kind="event"} 21.0' in text
    assert 'relay_held{kind="blobs"} 5.0' in text
    assert 'relay_held_bytes{kind="events"} 3.0' in text


async def test_processes_count_apart():
    first, second = Metrics(lambda: 1), Metrics(lambda: 2)
    async with caller(first, "127.0.0.1") as one, caller(second, "127.0.0.1") as two:
        assert "relay_readers 1.0" in (await one.get("/metrics")).text
        assert "relay_readers 2.0" in (await two.get("/metrics")).text
