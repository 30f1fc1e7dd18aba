"""Blob calls against services that misbehave: bounded reads, no foreign addresses, and the way round a broken store."""

import json

import httpx
import pytest

from companion.crypto.primitives import signing_keypair
from companion.devices import device_id
from companion.errors import Offline, RelayRefused
from services.sync.blobs import is_of
from services.sync.client import RelayClient
from services.sync.protocol import BLOB_LIMIT_BYTES, PART_BYTES
from services.sync.transport import Transport
from tests.marked import marked_transport

BLOB = "ab" * 16
STORE = "https://store.example"
ABOUT = {"service": "companion-relay", "protocol_min": 1, "protocol_max": 1, "incarnation": "0" * 32, "version": "1"}
DATA = bytes(range(256)) * 12_000  # three parts


class Service:
    """A relay and an object store in one, which keep what they are asked for."""

    def __init__(self, about=None, answers=None, base="https://relay.example"):
        self.about = {**ABOUT, **(about or {})}
        self.answers = answers or {}
        self.base = base
        self.asked = []

    def client(self):
        private, public = signing_keypair()
        http = httpx.AsyncClient(transport=marked_transport(self.answer))
        return RelayClient(self.base, device_id(public), private, http=http)

    def answer(self, request):
        path = request.url.path
        if path == "/v1/about":
            return httpx.Response(200, json=self.about)
        if path == "/v1/challenges":
            return httpx.Response(200, json={"nonce": "A" * 43})
        if path == "/v1/sessions":
            return httpx.Response(201, json={"token": "t", "expires_ms": 1})
        self.asked.append((request.method, request.url.host, path, "authorization" in request.headers))
        given = self.answers[request.method, path]
        return given(request) if callable(given) else given


def part_of(request):
    start, _, end = request.headers["range"].removeprefix("bytes=").partition("-")
    return httpx.Response(206, content=DATA[int(start) : int(end) + 1])


async def read(offset, length):
    return DATA[offset : offset + length]


def direct(url, **answers):
    """A service that announces STORE and gives `url` for every blob."""
    address = httpx.Response(200, json={"url": url, "expires_ms": 1})
    own = {
        ("GET", f"/v1/blobs/{BLOB}/address"): address,
        ("POST", f"/v1/blobs/{BLOB}/upload/address"): address,
        ("GET", f"/v1/blobs/{BLOB}"): part_of,
        ("PATCH", f"/v1/blobs/{BLOB}/upload"): httpx.Response(200, json={}),
        ("POST", f"/v1/blobs/{BLOB}/upload"): httpx.Response(200, json={"complete": False, "offset": 0}),
        ("POST", f"/v1/blobs/{BLOB}/complete"): httpx.Response(201, json={}),
    }
    return Service({"blobs": STORE}, {**own, **answers})


@pytest.mark.parametrize("size", [0, -1, BLOB_LIMIT_BYTES + 1])
async def test_unusable_size_is_refused_before_anything_is_sent(size):
    service = Service()
    with pytest.raises(ValueError, match="a blob has"):
        await service.client().put_blob(BLOB, size, read)
    assert service.asked == []


async def test_source_that_changes_its_length_is_not_sent():
    async def short(offset, length):
        return b"x"

    service = Service()
    with pytest.raises(ValueError, match="1 bytes were read"):
        await service.client().put_blob(BLOB, 5, short)
    assert service.asked == []


@pytest.mark.parametrize("offset", [None, -1, 5, "0", True, len(DATA) + 1, 2**70])
async def test_upload_without_a_proper_offset_counts_as_no_answer(offset):
    start = httpx.Response(200, json={"complete": False, "offset": offset})
    service = Service(answers={("POST", f"/v1/blobs/{BLOB}/upload"): start})
    with pytest.raises(Offline):
        await service.client().put_blob(BLOB, len(DATA), read)
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b"x"),
        httpx.Response(206, content=b"x" * 11),
        httpx.Response(500),
        httpx.Response(302, headers={"location": "https://elsewhere.example"}),
    ],
)
async def test_answer_that_is_not_the_range_asked_for_counts_as_no_answer(answer):
    service = Service(answers={("GET", f"/v1/blobs/{BLOB}"): answer})
    with pytest.raises(Offline):
        await service.client().get_blob(BLOB, 0, 10)


async def test_blob_that_is_gone_is_said_to_be_gone():
    gone = httpx.Response(404, json={"error": "unknown", "message": "x"})
    with pytest.raises(RelayRefused, match="404 unknown"):
        await Service(answers={("GET", f"/v1/blobs/{BLOB}"): gone}).client().get_blob(BLOB, 0, 10)


async def test_service_that_gives_no_address_any_more_carries_the_blob_itself():
    none = httpx.Response(404, json={"error": "no-direct", "message": "x"})
    service = direct("")
    service.answers["GET", f"/v1/blobs/{BLOB}/address"] = none
    service.answers["POST", f"/v1/blobs/{BLOB}/upload/address"] = none
    client = service.client()
    assert await client.get_blob(BLOB, 0, 10) == DATA[:10]
    await client.put_blob(BLOB, len(DATA), read)
    assert {host for _, host, _, _ in service.asked} == {"relay.example"}


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/x",
        "http://store.example/x",
        "https://store.example:444/x",
        "https://store.example@elsewhere.example/x",
        "https://user@store.example/x",
        "https://store.example.elsewhere.example/x",
        "https://elsewhere.example/https://store.example/",
        "//store.example/x",
        "file:///etc/passwd",
        "https://store.example" + "/x" * 3_000,
        "",
    ],
)
async def test_address_outside_the_announced_origin_is_never_called(url):
    service = direct(url)
    with pytest.raises(Offline):
        await service.client().get_blob(BLOB, 0, 10)
    assert service.asked == [("GET", "relay.example", f"/v1/blobs/{BLOB}/address", True)]


async def test_object_store_gets_no_session_and_no_part_through_the_relay():
    service = direct(f"{STORE}/x?signature=1")
    service.answers["PUT", "/x"] = httpx.Response(200)
    service.answers["GET", "/x"] = part_of
    client = service.client()
    await client.put_blob(BLOB, len(DATA), read)
    assert await client.get_blob(BLOB, 10, len(DATA)) == DATA[10:]
    at_store = [asked for asked in service.asked if asked[1] == "store.example"]
    assert [method for method, *_ in at_store] == ["PUT"] * 3 + ["GET"] * 3
    assert not any(has_session for *_, has_session in at_store)
    assert not any(method == "PATCH" for method, *_ in service.asked)


@pytest.mark.parametrize(
    "broken",
    [
        httpx.Response(403),
        httpx.Response(500),
        httpx.Response(200, content=b"<html>a captive portal"),
        httpx.Response(307, headers={"location": "https://elsewhere.example"}),
    ],
)
async def test_what_the_object_store_does_not_give_comes_through_the_relay(broken):
    service = direct(f"{STORE}/x")
    service.answers["GET", "/x"] = broken
    assert await service.client().get_blob(BLOB, 0, 100) == DATA[:100]
    assert service.asked[-1][1:3] == ("relay.example", f"/v1/blobs/{BLOB}")
    assert not any(host == "elsewhere.example" for _, host, *_ in service.asked)


async def test_part_that_the_object_store_does_not_take_goes_through_the_relay():
    service = direct(f"{STORE}/x")
    service.answers["PUT", "/x"] = httpx.Response(503)
    await service.client().put_blob(BLOB, len(DATA), read)
    assert [method for method, *_ in service.asked].count("PATCH") == 3


async def test_each_piece_is_bounded():
    sizes = []

    async def watched(offset, length):
        sizes.append(length)
        return DATA[offset : offset + length]

    service = direct("")
    del service.about["blobs"]
    await service.client().put_blob(BLOB, len(DATA), watched)
    assert max(sizes) == PART_BYTES
    assert len(sizes) == 6  # three for the digest, three to send


@pytest.mark.parametrize(
    ("base", "announced", "trusted"),
    [
        ("https://relay.example", "https://store.example", "https://store.example"),
        ("https://relay.example", "http://store.example", ""),
        ("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:2"),
        ("https://relay.example", "https://store.example/path", ""),
        ("https://relay.example", "https://user@store.example", ""),
        ("https://relay.example", "ftp://store.example", ""),
        ("https://relay.example", "store.example", ""),
        ("https://relay.example", "https://store.example:port", ""),
        ("https://relay.example", ["https://store.example"], ""),
        ("https://relay.example", None, ""),
    ],
)
async def test_origin_is_trusted_if_it_is_as_well_protected_as_the_service(base, announced, trusted):
    transport = Transport(base, None)
    assert transport.trusted_origin(announced) == trusted
    await transport.close()


def test_origin_of_an_address_is_scheme_host_and_port():
    assert is_of("https://store.example", "https://store.example:443/x?y=z")
    assert not is_of("https://store.example", "https://store.example.:443/x")
    assert not is_of("https://store.example", "https://[bad")


async def test_digest_that_is_announced_is_of_the_whole():
    import hashlib

    from services.sync.protocol import decode_octets

    seen = []

    def start(request):
        seen.append(json.loads(request.content))
        return httpx.Response(200, json={"complete": True, "offset": len(DATA)})

    service = Service(answers={("POST", f"/v1/blobs/{BLOB}/upload"): start})
    await service.client().put_blob(BLOB, len(DATA), read)
    assert seen[0]["size"] == len(DATA)
    assert decode_octets(seen[0]["sha256"]) == hashlib.sha256(DATA).digest()
    assert len(service.asked) == 1
