"""The client's calls about devices against services that talk nonsense, and what they put on the wire."""

import json

import httpx
import pytest

from companion.crypto.primitives import signing_keypair, verify
from companion.devices import device_id
from companion.errors import Offline
from services.sync.client import RelayClient
from services.sync.protocol import capability_hash, decode_octets, request_message
from tests.fakes import FakeClock
from tests.marked import marked_transport

DEVICE, CID = "ab" * 16, "ef" * 16
ABOUT = {"service": "companion-relay", "protocol_min": 1, "protocol_max": 1, "incarnation": "0" * 32, "version": "1"}
OPENING = {
    "/v1/about": ABOUT,
    "/v1/challenges": {"nonce": "A" * 43},
    "/v1/sessions": {"token": "t", "expires_ms": 1},
}


def client_of(answer, asked=None):
    private, public = signing_keypair()

    def handle(request):
        if request.url.path in OPENING:
            return httpx.Response(200, json=OPENING[request.url.path])
        if asked is not None:
            asked.append(request)
        return answer

    http = httpx.AsyncClient(transport=marked_transport(handle))
    return RelayClient("http://Relay.example", device_id(public), private, http=http, clock=FakeClock(1_000)), public


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"body": "eA"},
        {"body": "eA", "last_resort": 1},
        {"body": "?", "last_resort": False},
        {"body": 5, "last_resort": True},
    ],
)
async def test_key_package_that_is_none_counts_as_no_answer(fields):
    client, _ = client_of(httpx.Response(200, json=fields))
    with pytest.raises(Offline):
        await client.claim_key_package(DEVICE)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"items": {}},
        {"items": [5]},
        {"items": [{"seq": -1, "cid": CID, "at_ms": 1, "body": ""}]},
        {"items": [{"seq": 1, "cid": "x", "at_ms": 1, "body": ""}]},
        {"items": [{"seq": 1, "cid": CID, "at_ms": 1, "body": "?"}]},
    ],
)
async def test_inbox_that_is_none_counts_as_no_answer(fields):
    client, _ = client_of(httpx.Response(200, json=fields))
    with pytest.raises(Offline):
        await client.inbox(0)


@pytest.mark.parametrize("left", ["1", -1, None, True])
async def test_count_that_is_none_counts_as_no_answer(left):
    client, _ = client_of(httpx.Response(200, json={"left": left}))
    for call in (client.key_packages_left(), client.publish_key_packages((), None)):
        with pytest.raises(Offline):
            await call


@pytest.mark.parametrize(
    ("call", "method", "path", "body"),
    [
        (lambda c: c.revoke_device(DEVICE), "DELETE", f"/v1/devices/{DEVICE}", None),
        (lambda c: c.join_account("cd" * 32), "PUT", "/v1/me", {"account": "cd" * 32}),
    ],
)
async def test_call_is_signed_as_it_goes_out(call, method, path, body):
    asked = []
    client, public = client_of(httpx.Response(200, json={}), asked)
    await call(client)
    (request,) = asked
    said = request_message(
        origin="http://relay.example",
        method=method,
        path=path,
        device=bytes.fromhex(device_id(public)),
        nonce=decode_octets(request.headers["companion-nonce"]),
        at_ms=int(request.headers["companion-time"]),
        body=request.content,
    )
    verify(public, decode_octets(request.headers["companion-signature"]), said)
    assert (request.method, request.url.path) == (method, path)
    assert (json.loads(request.content) if body else None) == body


async def test_next_capability_itself_does_not_leave_the_device():
    asked = []
    client, _ = client_of(httpx.Response(201, json={"seq": 1, "at_ms": 1}), asked)
    following = "12" * 32
    await client.append(DEVICE, "34" * 32, CID, b"x", epoch=0, next_capability=following)
    assert asked[0].headers["companion-next-capability"] == capability_hash(bytes.fromhex(following)).hex()
    assert following not in str(asked[0].headers)


def test_bytes_that_are_signed_are_those_of_the_protocol():
    said = request_message(
        origin="https://a.example", method="PUT", path="/v1/me", device=b"d" * 16, nonce=b"n" * 32, at_ms=258, body=b""
    )
    spoken = b"companion-request-v1\0https://a.example\0PUT\0/v1/me\0"
    digest = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    assert said == spoken + b"d" * 16 + b"n" * 32 + bytes(6) + b"\x01\x02" + digest
