"""Devices that are deleted at the relay, and the calls that a device signs one by one."""

import asyncio
import json
import secrets
from contextlib import aclosing

import pytest

from companion.crypto.primitives import sign
from companion.errors import RelayRefused
from companion.ports import RelayEvent
from services.sync.answers import Bye, Live
from services.sync.protocol import encode_octets, request_message
from tests.integration.devices import DEADLINE_S, cursor, device_of, raw, read_until


@pytest.fixture
def relay(either_relay):
    return either_relay


async def test_deleted_device_leaves_numbers_and_nothing_else(group, device, new_id):
    client, name, capability = group
    leaver = device()
    for body in (b"mine", b"canary of the leaver", b"mine too"):
        sender = leaver if b"leaver" in body else client
        await sender.append(name, capability, new_id(), body)
    await leaver.publish_key_packages((b"package",), None)
    await client.post_to_inbox(device_of(leaver), new_id(), b"canary for the leaver")
    gone = device_of(leaver)
    await leaver.revoke_device(gone)
    events = await client.events(name, capability, 0)
    assert [(e.seq, e.body) for e in events] == [(1, b"mine"), (2, b""), (3, b"mine too")]
    for call in (client.claim_key_package(gone), client.post_to_inbox(gone, new_id(), b"x")):
        with pytest.raises(RelayRefused, match="404 unknown"):
            await call
    with pytest.raises(RelayRefused, match="403 revoked"):
        await leaver.append(name, capability, new_id(), b"back again")
    assert (await client.append(name, capability, new_id(), b"goes on")).seq == 4


async def test_stream_of_a_deleted_device_ends_and_open_readers_lose_the_bodies(group, device, new_id):
    client, name, capability = group
    lost = device()
    account = secrets.token_hex(32)
    await client.join_account(account)
    await lost.join_account(account)
    ended = asyncio.Event()

    async def read():
        async with aclosing(lost.stream((cursor(name, capability),), inbox=0)) as stream:
            items = [item async for item in stream]
        ended.set()
        return items

    reading = asyncio.create_task(read())
    await lost.append(name, capability, new_id(), b"said")
    reader = device()
    async with asyncio.timeout(DEADLINE_S), aclosing(reader.stream((cursor(name, capability),))) as stream:
        assert isinstance(await anext(stream), RelayEvent)
        assert isinstance(await anext(stream), Live)
        await lost.append(name, capability, new_id(), b"said while somebody reads")
        assert isinstance(await anext(stream), RelayEvent)
        await client.revoke_device(device_of(lost))
        await ended.wait()
        assert isinstance((await reading)[-1], Bye)
        items = await read_until(client, lambda i: isinstance(i, Live), cursor(name, capability, 1))
    assert [i.body for i in items if isinstance(i, RelayEvent)] == [b""]


async def test_nobody_deletes_a_device_of_another_account(device):
    phone, stranger = device(), device()
    for one in (phone, stranger):
        await one.join_account(secrets.token_hex(32))
    with pytest.raises(RelayRefused, match="404 unknown"):
        await stranger.revoke_device(device_of(phone))
    await phone.key_packages_left()


async def test_signature_serves_once_for_one_call_of_one_device(device):
    client, other = device(), device()
    await other.key_packages_left()
    mine = f"/v1/devices/{device_of(client)}"
    body = json.dumps({"account": "ab" * 32}).encode()
    signed = await client._signature("PUT", "/v1/me", body)
    assert (await raw(client, "PUT", "/v1/me", signed, body)).status_code == 200
    assert (await raw(client, "PUT", "/v1/me", signed, body)).status_code == 401
    for method, path, content in (
        ("DELETE", mine, b""),
        ("PUT", "/v1/me", json.dumps({"account": "cd" * 32}).encode()),
    ):
        signed = await client._signature("PUT", "/v1/me", body)
        assert (await raw(client, method, path, signed, content)).status_code == 401
    signed = await client._signature("DELETE", mine, b"")
    assert (await raw(other, "DELETE", mine, signed)).status_code == 401
    for missing in ("companion-signature", "companion-nonce", "companion-time"):
        signed = {k: v for k, v in (await client._signature("DELETE", mine, b"")).items() if k != missing}
        assert (await raw(client, "DELETE", mine, signed)).status_code == 400
    await client.key_packages_left()


async def test_signed_call_of_a_device_whose_clock_is_off_counts(device):
    client = device()
    await client.key_packages_left()
    mine = f"/v1/devices/{device_of(client)}"
    assert (await raw(client, "DELETE", mine, await signed_at(client, mine, 0))).status_code == 200
    with pytest.raises(RelayRefused, match="403 revoked"):
        await client.key_packages_left()


async def signed_at(client, path, at_ms):
    nonce = await client._challenge()
    said = {"method": "DELETE", "path": path, "body": b"", "nonce": nonce, "at_ms": at_ms}
    message = request_message(origin=client._transport.origin, device=bytes.fromhex(device_of(client)), **said)
    return {
        "companion-nonce": encode_octets(nonce),
        "companion-time": str(at_ms),
        "companion-signature": encode_octets(sign(client._key, message)),
    }


async def test_deletion_at_one_node_is_heard_at_the_others(request, make_relay, device, new_id, new_capability):
    database = request.getfixturevalue("postgres").create_database(secrets.token_hex(8))
    first, second = (make_relay("--database", database) for _ in range(2))
    client = device(first.url)
    elsewhere = device(second.url, client._key)
    elsewhere._device = device_of(client)
    await elsewhere.key_packages_left()
    ending = asyncio.create_task(read_until(elsewhere, lambda i: isinstance(i, Bye), inbox=0))
    await client.revoke_device(device_of(client))
    async with asyncio.timeout(DEADLINE_S):
        await ending
    assert (await raw(elsewhere, "GET", "/v1/inbox")).status_code == 401
