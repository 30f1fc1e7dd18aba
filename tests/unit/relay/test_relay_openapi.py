"""The OpenAPI file names every address and method there is, and no other."""

import json
from importlib.resources import files
from types import SimpleNamespace

from services.relay.app import Api
from services.relay.hub import Hub
from services.relay.operate.metrics import Metrics
from services.sync import protocol

PUSHER = SimpleNamespace(gateway=SimpleNamespace(kind="web"), tell_device=None, arrived=None)


def document():
    return json.loads(files("services.relay").joinpath("openapi.json").read_text(encoding="utf-8"))


def test_every_route_is_described_and_every_description_is_a_route():
    described = {
        (path, method.upper())
        for path, item in document()["paths"].items()
        for method in item
        if method != "parameters"
    }
    log = SimpleNamespace(openings=None)
    database = SimpleNamespace(log=log, devices=None, blobs=None, keep=None, push=None)
    metrics = Metrics(lambda: 0)
    api = Api(database, Hub(), sessions=None, pusher=PUSHER, objects=None, metrics=metrics, clock=lambda: 0, wrong=None)
    routed = {(route.path, method) for route in api.routes() for method in route.methods - {"HEAD"}}
    assert described == routed


def test_limits_are_those_of_the_protocol():
    paths = document()["paths"]
    query = {p["name"]: p["schema"] for p in paths["/v1/groups/{group}/events"]["get"]["parameters"]}
    assert query["limit"]["maximum"] == protocol.PAGE_LIMIT_EVENTS
    assert query["wait"]["maximum"] == protocol.WAIT_LIMIT_S
    assert query["since"]["maximum"] == protocol.SEQ_LIMIT
    body = paths["/v1/stream"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["groups"]["maxItems"] == protocol.STREAM_LIMIT_GROUPS
