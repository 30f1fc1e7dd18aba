"""How a farewell is signed for one service, and which answers settle it."""

import httpx
import pytest

from companion.crypto.primitives import signing_keypair, verify
from companion.devices import device_id
from companion.errors import CryptoError, Offline, RelayRefused
from companion.farewells import ACCOUNT, DEVICE
from services.sync.client import RelayClient
from services.sync.embedded import EmbeddedRelay
from services.sync.farewells import bring_farewell, sign_farewell
from services.sync.network import RelayNetwork
from services.sync.protocol import farewell_message
from tests.marked import marked_transport

PRIVATE, PUBLIC = signing_keypair()
ID = device_id(PUBLIC)
SERVICE = "https://notes.example"
SIGNED = sign_farewell(SERVICE, SERVICE, ID, PRIVATE, DEVICE)


def said(origin=SERVICE, device=ID, scope=DEVICE):
    return farewell_message(origin=origin, device=bytes.fromhex(device), scope=scope)


def test_bytes_that_are_signed_are_those_of_the_protocol():
    head = b"companion-farewell-v1\0https://notes.example\0" + bytes.fromhex(ID)
    assert said() == head + b"\x01"
    assert said(scope=ACCOUNT) == head + b"\x02"


def test_farewell_holds_for_its_service_device_and_scope():
    verify(PUBLIC, SIGNED.signature, said())


@pytest.mark.parametrize("other", [{"origin": "https://else.example"}, {"device": "ab" * 16}, {"scope": ACCOUNT}])
def test_farewell_holds_for_nothing_else(other):
    with pytest.raises(CryptoError):
        verify(PUBLIC, SIGNED.signature, said(**other))


@pytest.mark.parametrize("address", ["https://Notes.example/", " https://notes.example", "https://notes.example./way"])
def test_farewell_is_for_the_origin_that_sessions_are_signed_for(address):
    farewell = sign_farewell(address, address, ID, PRIVATE, DEVICE)
    client = RelayClient(address, ID, PRIVATE)
    verify(PUBLIC, farewell.signature, said(client._transport.origin))


def test_token_of_an_address_is_not_kept():
    farewell = sign_farewell(
        "https://secret-token@notes.example", "https://secret-token@notes.example", ID, PRIVATE, DEVICE
    )
    assert farewell.service == SERVICE
    verify(PUBLIC, farewell.signature, said())


@pytest.mark.parametrize(
    "address", ["", "nowhere", "ftp://a.example", "https://", "http://a.example/" + "x" * 1_000, "http://[::x"]
)
def test_what_is_no_address_gets_no_farewell(address):
    with pytest.raises((ValueError, httpx.InvalidURL)):
        sign_farewell(address, address, ID, PRIVATE, DEVICE)


async def bring(answer):
    asked = []

    def handle(request):
        asked.append(request)
        return answer

    await bring_farewell(SERVICE, SIGNED, httpx.AsyncClient(transport=marked_transport(handle)))
    return asked


async def test_it_is_brought_without_a_session():
    (request,) = await bring(httpx.Response(200, json={}))
    assert (request.method, str(request.url)) == ("POST", SERVICE + "/v1/farewells")
    assert "authorization" not in request.headers


async def test_service_that_never_knew_the_device_has_nothing_of_it():
    await bring(httpx.Response(404, json={"error": "never-here"}))


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "unknown", RelayRefused),  # a service that is too old to know of farewells
        (401, "no-session", RelayRefused),
        (400, "bad-request", RelayRefused),
        (401, "never-here", RelayRefused),
        (503, "busy", Offline),
        (500, "failed", Offline),
    ],
)
async def test_no_other_answer_says_that_it_is_deleted(status, code, kind):
    with pytest.raises(kind):
        await bring(httpx.Response(status, json={"error": code}))


async def test_page_in_place_of_the_service_settles_nothing():
    http = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: httpx.Response(200, json={})))
    with pytest.raises(Offline):
        await bring_farewell(SERVICE, SIGNED, http)


async def test_network_signs_for_every_service_that_has_an_address(tmp_path):
    (tmp_path / "relay.json").write_text('{"port": 4711}')
    network = RelayNetwork("local", EmbeddedRelay(tmp_path))
    made = await network.farewells([SERVICE, "local", "nowhere"], ID, PRIVATE, ACCOUNT)
    assert [one.service for one in made] == [SERVICE, "local"]
    verify(PUBLIC, made[1].signature, said("http://127.0.0.1:4711", scope=ACCOUNT))


async def test_service_of_this_computer_that_never_ran_is_owed_nothing(tmp_path):
    for embedded in (None, EmbeddedRelay(tmp_path)):
        assert await RelayNetwork("local", embedded).farewells(["local"], ID, PRIVATE, DEVICE) == ()
