"""A device whose clock is off talks to the service in the service's time, and takes nothing else from it."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from companion.crypto.primitives import signing_keypair
from companion.devices import device_id
from services.sync.client import RelayClient
from services.sync.protocol import EXPIRES_HEADER, TIME_HEADER
from tests.fakes import FakeClock
from tests.marked import marked_transport

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1_000)
ABOUT = {"service": "companion-relay", "protocol_min": 1, "protocol_max": 1, "incarnation": "0" * 32, "version": "1"}
OFF = [timedelta(minutes=15), timedelta(days=400), -timedelta(days=400)]


class Service:
    """Answers with `date`, and keeps what it was sent."""

    def __init__(self, date: str) -> None:
        self.date, self.asked = date, {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked[request.url.path] = request
        fields = {
            "/v1/about": ABOUT,
            "/v1/challenges": {"nonce": "A" * 43},
            "/v1/sessions": {"token": "t", "expires_ms": 1},
        }.get(request.url.path, {"left": 1})
        return httpx.Response(200, json=fields, headers={"date": self.date})


def client_of(service: Service, clock: FakeClock) -> RelayClient:
    private, public = signing_keypair()
    http = httpx.AsyncClient(transport=marked_transport(service))
    return RelayClient("http://relay.example", device_id(public), private, http=http, clock=clock)


def clock_off(by: timedelta) -> FakeClock:
    return FakeClock(NOW_MS + int(by.total_seconds() * 1_000))


@pytest.fixture
def service() -> Service:
    return Service(format_datetime(NOW, usegmt=True))


@pytest.mark.parametrize("off", OFF)
async def test_a_session_is_opened_in_the_time_of_the_service(service: Service, off: timedelta) -> None:
    await client_of(service, clock_off(off)).key_packages_left()
    assert json.loads(service.asked["/v1/sessions"].content)["at_ms"] == NOW_MS


@pytest.mark.parametrize("off", OFF)
async def test_a_call_is_signed_in_the_time_of_the_service(service: Service, off: timedelta) -> None:
    client = client_of(service, clock_off(off))
    await client.publish_key_packages((b"x",), None)
    signed = next(request for request in service.asked.values() if TIME_HEADER in request.headers)
    assert int(signed.headers[TIME_HEADER]) == NOW_MS


@pytest.mark.parametrize("off", OFF)
async def test_an_invite_lasts_as_long_at_the_service_as_here(service: Service, off: timedelta) -> None:
    clock = clock_off(off)
    await client_of(service, clock).put_invite("ab" * 16, b"sealed", clock.now_ms() + 5_000)
    assert int(service.asked[f"/v1/invites/{'ab' * 16}"].headers[EXPIRES_HEADER]) == NOW_MS + 5_000


async def test_the_time_of_the_service_goes_on_by_the_stopwatch(service: Service) -> None:
    clock = clock_off(timedelta(hours=3))
    client = client_of(service, clock)
    await client.key_packages_left()
    clock.move(60_000)
    await client.put_invite("ab" * 16, b"sealed", clock.now_ms())
    assert int(service.asked[f"/v1/invites/{'ab' * 16}"].headers[EXPIRES_HEADER]) == NOW_MS + 60_000


@pytest.mark.parametrize("date", ["", "yesterday", "Fri, 99 Nov 2026 12:00:00 GMT", "Fri, 01 Jan 1960 12:00:00 -0000"])
async def test_without_a_date_the_own_clock_counts(date: str) -> None:
    service, clock = Service(date), clock_off(timedelta())
    client = client_of(service, clock)
    await client.key_packages_left()
    assert client.time_ms() is None
    assert json.loads(service.asked["/v1/sessions"].content)["at_ms"] == NOW_MS


async def test_the_service_says_what_time_it_is(service: Service) -> None:
    client = client_of(service, clock_off(timedelta(days=3)))
    await client.key_packages_left()
    assert client.time_ms() == NOW_MS
