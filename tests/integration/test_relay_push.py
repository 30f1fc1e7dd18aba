"""Waking devices: a real relay process, a real push service on loopback, and a device that decrypts."""

import asyncio
import contextlib
import hashlib
import secrets
import stat
import time

import httpx
import pytest
from py_vapid import Vapid02

from services.sync.protocol import EPOCH_HEADER, NEXT_CAPABILITY_HEADER, encode_octets
from tests.integration.people import until
from tests.integration.push_service import PushService, Receiver
from tests.integration.raw_device import RawDevice
from tests.relay_process import RelayProcess

on_both_databases = pytest.mark.parametrize("relay", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
async def service(tmp_path):
    service = PushService(tmp_path / "push")
    await service.start()
    yield service
    await service.close()


@pytest.fixture
def relay(request, tmp_path, service):
    options = ["--push-test-authority", str(service.authority), "--push-contact", "mailto:operator@example.org"]
    if getattr(request, "param", "sqlite") == "postgres":
        options += ["--database", request.getfixturevalue("postgres").create_database(secrets.token_hex(8))]
    process = RelayProcess(tmp_path / "relay", *options)
    process.start()
    yield process
    process.close()


@pytest.fixture
async def devices(relay):
    """Make devices with open sessions."""
    async with contextlib.AsyncExitStack() as stack:

        async def make():
            device = RawDevice(relay.url)
            stack.push_async_callback(device.close)
            return await device.open_session()

        yield make


@pytest.fixture
async def group(devices):
    """A sender with a group of its own."""
    sender = await devices()
    name, capability = secrets.token_hex(16), secrets.token_hex(32)
    await sender.create_group(name, capability)
    return sender, name, capability


async def register(device, service, path, *groups, receiver=None, **changes):
    receiver = receiver or Receiver()
    fields = {
        "endpoint": service.url(path),
        "p256dh": encode_octets(receiver.p256dh),
        "auth": encode_octets(receiver.auth),
        "groups": [{"group": group, "capability": capability} for group, capability in groups],
    }
    return receiver, await device.call("PUT", "/v1/push", json={**fields, **changes})


@on_both_databases
async def test_ping_wakes_the_device_and_says_nothing_but_its_id(service, relay, devices, group):
    sender, name, capability = group
    device = await devices()
    receiver, answer = await register(device, service, "/wake/abc?x=1", (name, capability))
    assert answer.status_code == 201
    await sender.append(name, capability, b"sealed words")
    ((headers, body),) = await service.until("/wake/abc?x=1")
    assert receiver.open(body).hex() == answer.json()["wake"]
    assert headers["content-encoding"] == "aes128gcm"
    assert 0 < int(headers["ttl"]) <= 86_400
    assert len(headers["topic"]) <= 32
    everything = repr((headers, body)).encode()
    for secret in (name, capability, device.id.hex(), sender.id.hex(), "sealed words"):
        assert secret.encode() not in everything


async def test_ping_is_signed_for_this_push_service_with_the_key_that_was_announced(service, devices, group):
    sender, name, capability = group
    device = await devices()
    key = (await device.call("GET", "/v1/push")).json()["key"]
    await register(device, service, "/w", (name, capability))
    await sender.append(name, capability, b"x")
    ((headers, _),) = await service.until("/w")
    scheme, _, rest = headers["authorization"].partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert scheme == "vapid"
    assert parts["k"] == key
    assert Vapid02.verify(f"vapid t={parts['t']},k={parts['k']}")
    claims = read_claims(parts["t"])
    assert claims["aud"] == f"https://127.0.0.1:{service.port}"
    assert claims["sub"] == "mailto:operator@example.org"
    assert time.time() < claims["exp"] < time.time() + 86_400


def read_claims(token):
    import base64
    import json

    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@on_both_databases
async def test_many_events_are_one_ping_and_pings_keep_their_distance(service, devices, group):
    sender, name, capability = group
    device = await devices()
    await register(device, service, "/w", (name, capability))
    loop = asyncio.get_running_loop()
    for _ in range(20):
        await sender.append(name, capability, b"x")
    await service.until("/w")
    first = loop.time()
    while len(service.pings("/w")) < 2:  # events go on all the time
        await sender.append(name, capability, b"x")
    assert loop.time() - first > 1.5, "2 s apart under the test option, less a moment between sending and taking"


@on_both_databases
async def test_device_with_an_open_stream_gets_no_ping(service, devices, group):
    sender, name, capability = group
    reader, sleeper = await devices(), await devices()
    await register(reader, service, "/reader", (name, capability))
    await register(sleeper, service, "/sleeper", (name, capability))
    async with reader.stream((name, capability, 0)) as frames:
        assert (await anext(frames))[0] == "live"
        for count in range(1, 3):  # the second ping proves that a whole round went by
            await sender.append(name, capability, b"x")
            assert (await anext(frames))[0] == "event"
            await service.until("/sleeper", count)
        assert service.pings("/reader") == []
    await sender.append(name, capability, b"x")
    await service.until("/reader")


@on_both_databases
async def test_stream_says_what_a_device_is_woken_for(service, devices, group):
    sender, name, capability = group
    other, other_capability = secrets.token_hex(16), secrets.token_hex(32)
    await sender.create_group(other, other_capability)
    device, witness = await devices(), await devices()
    await register(device, service, "/device", (other, other_capability))
    await register(witness, service, "/witness", (other, other_capability), (name, capability))
    async with device.stream((name, capability, 0)) as frames:
        assert (await anext(frames))[0] == "live"
    for count in range(1, 3):
        await sender.append(other, other_capability, b"x")
        await service.until("/witness", count)
    assert service.pings("/device") == []
    await sender.append(name, capability, b"x")
    await service.until("/device")


@on_both_databases
async def test_group_that_the_capability_does_not_open_wakes_nobody(service, devices, group):
    sender, name, capability = group
    stranger, member = await devices(), await devices()
    await register(stranger, service, "/stranger", (name, secrets.token_hex(32)))
    await register(member, service, "/member", (name, capability))
    for count in range(1, 3):
        await sender.append(name, capability, b"x")
        await service.until("/member", count)
    assert service.pings("/stranger") == []


@on_both_databases
async def test_item_in_the_inbox_wakes_its_device(service, devices):
    sender, device = await devices(), await devices()
    receiver, answer = await register(device, service, "/w")
    posted = await sender.call(
        "POST",
        f"/v1/devices/{device.id.hex()}/inbox",
        headers={"idempotency-key": secrets.token_hex(16)},
        content=b"sealed",
    )
    assert posted.status_code == 201
    ((_, body),) = await service.until("/w")
    assert receiver.open(body).hex() == answer.json()["wake"]


@on_both_databases
async def test_former_capability_is_pinged_once_more_and_then_no_longer(service, devices, group):
    sender, name, capability = group
    following = secrets.token_hex(32)
    left_behind, member = await devices(), await devices()
    await register(left_behind, service, "/left", (name, capability))
    next_hash = hashlib.sha256(bytes.fromhex(following)).hexdigest()
    headers = {NEXT_CAPABILITY_HEADER: next_hash, EPOCH_HEADER: "0", "companion-capability": capability}
    headers["idempotency-key"] = secrets.token_hex(16)
    turned = await sender.call("POST", f"/v1/groups/{name}/events", headers=headers, content=b"commit")
    assert turned.status_code == 201, turned.text
    await register(member, service, "/member", (name, following))
    await service.until("/left")
    for count in range(1, 3):
        await sender.append(name, following, b"x")
        await service.until("/member", count)
    assert len(service.pings("/left")) == 1


@on_both_databases
@pytest.mark.parametrize("status", [404, 410])
async def test_endpoint_that_is_gone_loses_its_registration(service, devices, group, status):
    sender, name, capability = group
    device = await devices()
    service.answers["/w"] = [(status, {})]
    await register(device, service, "/w", (name, capability))
    await sender.append(name, capability, b"x")
    await service.until("/w")

    async def is_dropped():
        return (await device.call("GET", "/v1/push")).json()["wake"] is None

    await until(is_dropped, 20)


@on_both_databases
async def test_failed_ping_is_tried_again_and_survives_a_crash(service, relay, devices, group):
    sender, name, capability = group
    device = await devices()
    service.answers["/w"] = [(503, {}), (201, {})]
    receiver, answer = await register(device, service, "/w", (name, capability))
    await sender.append(name, capability, b"x")
    await service.until("/w", 1)
    relay.kill()
    relay.start()
    pings = await service.until("/w", 2)
    assert receiver.open(pings[1][1]).hex() == answer.json()["wake"]


async def test_redirect_is_not_followed(service, devices, group):
    sender, name, capability = group
    device = await devices()
    service.answers["/w"] = [(307, {"location": service.url("/elsewhere")})]
    await register(device, service, "/w", (name, capability))
    await sender.append(name, capability, b"x")
    await service.until("/w", 2)
    assert service.pings("/elsewhere") == []


async def test_endpoint_that_never_answers_holds_nobody_up(service, devices, group):
    sender, name, capability = group
    service.silent.add("/silent")
    for path in ("/silent", "/w"):
        await register(await devices(), service, path, (name, capability))
    await sender.append(name, capability, b"x")
    await service.until("/silent")
    await service.until("/w", deadline_s=4)
    assert (await sender.append(name, capability, b"x")).status_code == 201
    await service.until("/silent", 2)  # it was given up after its 5 s


@on_both_databases
async def test_deleted_registration_gets_nothing(service, devices, group):
    sender, name, capability = group
    device, witness = await devices(), await devices()
    await register(device, service, "/w", (name, capability))
    await register(witness, service, "/witness", (name, capability))
    assert (await device.call("DELETE", "/v1/push")).status_code == 200
    assert (await device.call("DELETE", "/v1/push")).status_code == 200
    assert (await device.call("GET", "/v1/push")).json()["wake"] is None
    for count in range(1, 3):
        await sender.append(name, capability, b"x")
        await service.until("/witness", count)
    assert service.pings("/w") == []


@on_both_databases
async def test_registering_again_changes_the_id_only_with_the_address(service, devices, group):
    _, name, capability = group
    device = await devices()
    receiver, first = await register(device, service, "/w", (name, capability))
    _, same = await register(device, service, "/w", receiver=receiver)
    _, other = await register(device, service, "/other", receiver=receiver)
    assert (first.status_code, same.status_code, other.status_code) == (201, 200, 200)
    assert first.json() == same.json() != other.json()
    assert (await device.call("GET", "/v1/push")).json()["wake"] == other.json()["wake"]


async def test_key_is_private_to_the_folder_and_stays_the_same(service, relay, devices):
    device = await devices()
    key = (await device.call("GET", "/v1/push")).json()["key"]
    assert stat.S_IMODE((relay.data / "push.key").stat().st_mode) == 0o600
    relay.stop()
    relay.start()
    assert (await device.call("GET", "/v1/push")).json()["key"] == key


@on_both_databases
async def test_node_with_another_key_takes_no_registrations(service, relay, devices):
    device = await devices()
    assert (await register(device, service, "/w"))[1].status_code == 201
    relay.stop()
    (relay.data / "push.key").unlink()
    relay.start()
    _, answer = await register(device, service, "/w2")
    assert answer.status_code == 503
    async with httpx.AsyncClient(trust_env=False) as http:  # the service has looked by then, so its log says it
        assert (await http.get(f"{relay.url}/readyz")).status_code == 503
    assert "push.key is not the key" in relay.stop()


@pytest.mark.parametrize("kind", ["fcm", "apns"])
async def test_vendors_need_an_account_and_the_answer_says_so(service, devices, kind):
    _, answer = await register(await devices(), service, "/w", kind=kind)
    assert (answer.status_code, answer.json()["error"]) == (409, "no-gateway")
    assert "account with the vendor" in answer.json()["message"]


async def test_malformed_registrations_are_refused(service, devices):
    device = await devices()
    for changes in (
        {"p256dh": encode_octets(bytes(65))},
        {"p256dh": encode_octets(b"\x04" + bytes(64))},
        {"p256dh": "AAAA"},
        {"auth": "AAAA"},
        {"auth": None},
        {"kind": "pigeon"},
        {"kind": 5},
        {"endpoint": ""},
        {"endpoint": 5},
        {"endpoint": "https://127.0.0.1/" + "a" * 1_000},
        {"groups": None},
        {"groups": [{"group": "x"}]},
    ):
        _, answer = await register(device, service, "/w", **changes)
        assert (answer.status_code, answer.json()["error"]) == (400, "bad-request"), changes
    assert (await device.call("GET", "/v1/push")).json()["wake"] is None


async def test_registrations_need_a_session(service, relay, devices):
    device = await devices()
    device.headers = {}
    for method in ("GET", "PUT", "DELETE"):
        assert (await device.call(method, "/v1/push")).status_code == 401


async def test_log_holds_no_address_of_a_push_service(service, relay, devices, group):
    sender, name, capability = group
    service.answers["/canary-endpoint"] = [(500, {}), (410, {})]
    await register(await devices(), service, "/canary-endpoint", (name, capability))
    await sender.append(name, capability, b"x")
    await service.until("/canary-endpoint", 2)
    assert relay.stop() == ""
