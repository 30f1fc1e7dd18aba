"""Farewells at the relay: a word that was signed ahead deletes its device, or its account, and does nothing else."""

import asyncio
import json
import secrets

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from companion.crypto.primitives import sign, signing_keypair
from companion.errors import RelayRefused
from companion.farewells import ACCOUNT, DEVICE
from services.sync.farewells import bring_farewell, sign_farewell
from services.sync.protocol import encode_octets, farewell_message
from tests.integration.devices import device_of
from tests.integration.relay_operator import operate


@pytest.fixture
def relay(either_relay):
    return either_relay


def farewell_of(client, scope=DEVICE, address=None):
    address = address or client.base_url
    return sign_farewell(address, address, device_of(client), client._key, scope)


async def ask(relay, **fields):
    """Send these fields and return (status, code)."""
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(relay.url + "/v1/farewells", json=fields)
    return answer.status_code, answer.json().get("error", "")


def fields_of(client, scope=DEVICE, *, origin=None, said_scope=None, key=None, device=None):
    device = device or device_of(client)
    said = {"origin": origin or client._transport.origin, "device": bytes.fromhex(device), "scope": said_scope or scope}
    return {
        "device": device,
        "scope": scope,
        "signature": encode_octets(sign(key or client._key, farewell_message(**said))),
    }


async def test_farewell_leaves_numbers_of_its_device_and_nothing_else(relay, group, device, new_id):
    client, name, capability = group
    leaver = device()
    for sender, body in ((client, b"mine"), (leaver, b"of the leaver"), (client, b"mine too")):
        await sender.append(name, capability, new_id(), body)
    await leaver.publish_key_packages((b"package",), None)
    await client.post_to_inbox(device_of(leaver), new_id(), b"for the leaver")
    await bring_farewell(relay.url, farewell_of(leaver))
    assert [(e.seq, e.body) for e in await client.events(name, capability, 0)] == [
        (1, b"mine"),
        (2, b""),
        (3, b"mine too"),
    ]
    with pytest.raises(RelayRefused, match="404 unknown"):
        await client.claim_key_package(device_of(leaver))
    with pytest.raises(RelayRefused, match="403 revoked"):
        await leaver.key_packages_left()
    assert await client.key_packages_left() == 0


async def test_account_goes_with_all_of_its_devices_and_no_others(relay, group, device, new_id):
    client, name, capability = group
    phone, tablet, stranger = device(), device(), device()
    account = secrets.token_hex(32)
    for own in (phone, tablet):
        await own.join_account(account)
    await stranger.join_account(secrets.token_hex(32))
    for sender in (phone, tablet, stranger):
        await sender.append(name, capability, new_id(), b"said")
    await bring_farewell(relay.url, farewell_of(tablet, ACCOUNT))
    assert [e.body for e in await client.events(name, capability, 0)] == [b"", b"", b"said"]
    for own in (phone, tablet):
        with pytest.raises(RelayRefused, match="403 revoked"):
            await own.key_packages_left()
    await stranger.key_packages_left()


async def test_farewell_of_one_device_leaves_the_others_of_its_account(relay, device):
    phone, tablet = device(), device()
    account = secrets.token_hex(32)
    for own in (phone, tablet):
        await own.join_account(account)
    await bring_farewell(relay.url, farewell_of(tablet))
    await phone.key_packages_left()


async def test_farewell_does_nothing_a_second_time(relay, device):
    client = device()
    await client.key_packages_left()
    fields = fields_of(client)
    assert await ask(relay, **fields) == (200, "")
    assert await ask(relay, **fields) == (200, "")
    assert await ask(relay, **{**fields, "signature": encode_octets(bytes(64))}) == (200, "")  # to anybody


async def test_device_that_was_never_here_has_nothing_here(relay, device):
    client = device()
    assert await ask(relay, **fields_of(client)) == (404, "never-here")
    await bring_farewell(relay.url, farewell_of(client))  # and so it is settled


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "https://elsewhere.example"},
        {"scope": ACCOUNT, "said_scope": DEVICE},
        {"scope": DEVICE, "said_scope": ACCOUNT},
        {"key": signing_keypair()[0]},
    ],
    ids=["another service's", "widened", "narrowed", "another key's"],
)
async def test_farewell_that_was_not_signed_for_this_deletes_nothing(relay, device, change):
    client = device()
    await client.key_packages_left()
    assert await ask(relay, **fields_of(client, **change)) == (401, "no-session")
    await client.key_packages_left()


async def test_farewell_names_no_device_but_its_own(relay, device):
    client, other = device(), device()
    for one in (client, other):
        await one.key_packages_left()
    fields = fields_of(client)
    assert await ask(relay, **{**fields, "device": device_of(other)}) == (401, "no-session")
    for one in (client, other):
        await one.key_packages_left()


@pytest.mark.parametrize(
    "odd",
    [
        {"scope": "all"},
        {"scope": ""},
        {"scope": "Device"},
        {"scope": 1},
        {"signature": encode_octets(bytes(63))},
        {"signature": "?"},
        {"device": ("AB" * 16)},
    ],
)
async def test_farewell_that_is_malformed_is_a_bad_request(relay, device, odd):
    client = device()
    await client.key_packages_left()
    assert await ask(relay, **{**fields_of(client), **odd}) == (400, "bad-request")
    await client.key_packages_left()


async def test_proof_of_a_session_is_no_farewell(relay, device):
    client = device()
    await client.key_packages_left()
    signed = await client._signature("POST", "/v1/farewells", b"")
    fields = {"device": device_of(client), "scope": DEVICE, "signature": signed["companion-signature"]}
    assert await ask(relay, **fields) == (401, "no-session")


async def test_blocked_device_may_still_say_farewell(relay, device):
    client = device()
    await client.key_packages_left()
    at = ("--data", relay.data, *(relay.options[:2] if "--database" in relay.options else ()))
    await asyncio.to_thread(relay.stop)
    assert operate("people", *at, "block", device_of(client)).returncode == 0
    await asyncio.to_thread(relay.start)
    assert await ask(relay, **fields_of(client)) == (200, "")
    assert device_of(client) not in operate("people", *at, "list").stdout


ODD = st.none() | st.booleans() | st.integers() | st.text(max_size=90) | st.lists(st.text(max_size=3), max_size=2)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    body=st.binary(max_size=60)
    | st.dictionaries(st.sampled_from(["device", "scope", "signature", "x"]), ODD).map(lambda d: json.dumps(d).encode())
    | st.fixed_dictionaries(
        {
            "device": st.sampled_from(["ab" * 16, "AB" * 16, ""]),
            "scope": st.sampled_from([DEVICE, ACCOUNT, "all", "\ud83d"]),
            "signature": st.binary(min_size=60, max_size=66).map(encode_octets) | ODD,
        }
    ).map(lambda d: json.dumps(d).encode())
)
def test_whatever_is_sent_is_refused_and_deletes_nothing(standing_relay, body):
    answer = httpx.post(standing_relay.url + "/v1/farewells", content=body, trust_env=False)
    assert (answer.status_code, answer.json()["error"]) in {(400, "bad-request"), (404, "never-here")}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(signature=st.binary(min_size=64, max_size=64), scope=st.sampled_from([DEVICE, ACCOUNT]))
def test_no_signature_but_the_devices_own_deletes_it(standing_relay, known, signature, scope):
    fields = {"device": known, "scope": scope, "signature": encode_octets(signature)}
    answer = httpx.post(standing_relay.url + "/v1/farewells", json=fields, trust_env=False)
    assert (answer.status_code, answer.json()["error"]) == (401, "no-session")


@pytest.fixture(scope="module")
def known(standing_relay):
    """The id of a device that is there."""
    from tests.integration.conftest import new_client

    async def register():
        client = new_client(standing_relay.url)
        await client.key_packages_left()
        await client.close()
        return device_of(client)

    return asyncio.run(register())
