"""The client against services that are slow, broken or talk nonsense: a typed error each time, never a surprise."""

import json

import httpx
import pytest

from companion.crypto.primitives import signing_keypair
from companion.devices import device_id
from companion.errors import Offline, RelayRefused, VersionMismatch
from companion.ports import GroupCursor
from services.sync.client import RelayClient
from tests.marked import marked_transport

GROUP, CAPABILITY, CID = "ab" * 16, "cd" * 32, "ef" * 16
ABOUT = {"service": "companion-relay", "protocol_min": 1, "protocol_max": 1, "incarnation": "0" * 32, "version": "1"}
CURSORS = (GroupCursor(group=GROUP, capability=CAPABILITY, since=0),)


def client_of(answer, about=ABOUT):
    """A client of a service that opens sessions properly and gives `answer` to everything else."""

    def handle(request):
        if request.url.path == "/v1/about":
            return httpx.Response(200, json=about)
        if request.url.path == "/v1/challenges":
            return httpx.Response(200, json={"nonce": "A" * 43})
        if request.url.path == "/v1/sessions":
            return httpx.Response(201, json={"token": "t", "expires_ms": 1})
        return answer(request) if callable(answer) else answer

    private, public = signing_keypair()
    http = httpx.AsyncClient(transport=marked_transport(handle))
    return RelayClient("http://relay.example", device_id(public), private, http=http)


def append(client):
    return client.append(GROUP, CAPABILITY, CID, b"x")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(503, json={"error": "busy"}),
        httpx.Response(302, headers={"location": "http://elsewhere.example"}),
        httpx.Response(200, content=b"<html>hello"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"seq": "1", "at_ms": 1}),
        httpx.Response(200, json={"seq": -1, "at_ms": 1}),
        httpx.Response(200, json={"seq": True, "at_ms": 1}),
        httpx.Response(200, json={"seq": 2**70, "at_ms": 1}),
        httpx.Response(200, content=b"[" * 100_000),
        httpx.Response(200, content=bytes(4_000_000)),
        httpx.Response(404, content=b"a proxy says no"),
        httpx.Response(403, json={"detail": "captive portal"}),
    ],
)
async def test_nonsense_counts_as_no_answer(answer):
    with pytest.raises(Offline):
        await append(client_of(answer))


@pytest.mark.parametrize("problem", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")])
async def test_failing_connection_counts_as_no_answer(problem):
    def fail(request):
        raise problem

    with pytest.raises(Offline):
        await append(client_of(fail))


async def test_refusal_keeps_status_and_code():
    with pytest.raises(RelayRefused) as refusal:
        await append(client_of(httpx.Response(413, json={"error": "quota", "message": "x"})))
    assert (refusal.value.status, refusal.value.reason) == (413, "quota")


@pytest.mark.parametrize("versions", [(2, 3), (0, 0)])
async def test_service_of_another_version_is_named(versions):
    about = {**ABOUT, "protocol_min": versions[0], "protocol_max": versions[1]}
    with pytest.raises(VersionMismatch):
        await append(client_of(httpx.Response(200), about))


async def test_other_program_at_the_address_is_not_the_service():
    with pytest.raises(Offline):
        await append(client_of(httpx.Response(200), {**ABOUT, "service": "printer"}))


async def test_session_is_opened_again_once_and_not_for_ever():
    tokens = []

    def refuse(request):
        tokens.append(request.headers["authorization"])
        return httpx.Response(401, json={"error": "no-session"})

    with pytest.raises(RelayRefused, match="401"):
        await append(client_of(refuse))
    assert len(tokens) == 2


def stream_of(*frames):
    content = b"".join(frames)
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=content)


def frame(name, **fields):
    return f"event: {name}\ndata: {json.dumps(fields)}\n\n".encode()


GOOD = {"group": GROUP, "seq": 1, "cid": CID, "at_ms": 5, "body": "eA"}


async def test_unknown_frames_are_left_alone():
    client = client_of(stream_of(frame("news", x=1), b": comment\n\n", frame("event", **GOOD)))
    items = [item async for item in client.stream(CURSORS)]
    assert [item.body for item in items] == [b"x"]


@pytest.mark.parametrize(
    "content",
    [
        frame("event", **{**GOOD, "seq": "1"}),
        frame("event", **{**GOOD, "body": "?"}),
        frame("event", **{**GOOD, "body": 5}),
        frame("event", **{**GOOD, "cid": "x"}),
        frame("event", **{**GOOD, "group": "00" * 16}),
        b"event: event\ndata: {\n\n",
        b"event: bye\ndata: {}\n\n",
        b"data: " + b"x" * 300_000,
    ],
)
async def test_nonsense_in_a_stream_counts_as_no_answer(content):
    with pytest.raises(Offline):
        [item async for item in client_of(stream_of(content)).stream(CURSORS)]


async def test_answer_that_is_no_stream_counts_as_no_answer():
    with pytest.raises(Offline):
        [item async for item in client_of(httpx.Response(200, json={})).stream(CURSORS)]


async def test_no_error_text_holds_an_id_a_capability_or_a_body():
    answers = [httpx.Response(200, json={"seq": GROUP}), httpx.Response(409, json={"error": "exists"})]
    for answer in answers:
        with pytest.raises((Offline, RelayRefused)) as error:
            await append(client_of(answer))
        assert not any(secret in repr(error.value) for secret in (GROUP, CAPABILITY, CID))
