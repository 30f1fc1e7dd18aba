"""Key packages and inboxes at the relay, on both databases."""

import asyncio
from contextlib import AsyncExitStack, aclosing

import pytest

from companion.errors import Offline, RelayRefused
from companion.ports import InboxItem, RelayEvent
from services.sync.answers import Bye, Live
from tests.integration.devices import DEADLINE_S, cursor, device_of, raw, read_until


@pytest.fixture
def relay(either_relay):
    return either_relay


# Key packages


async def test_each_key_package_is_handed_out_once_however_many_ask(device):
    owner = device()
    packages = tuple(b"package %d" % n for n in range(20))
    assert await owner.publish_key_packages(packages, b"last resort") == 20
    claimers = [device() for _ in range(5)]

    async def claim(client):
        return [await client.claim_key_package(device_of(owner)) for _ in range(6)]

    claimed = [c for of_one in await asyncio.gather(*map(claim, claimers)) for c in of_one]
    assert sorted(c.body for c in claimed if not c.is_last_resort) == sorted(packages)
    assert [c.body for c in claimed if c.is_last_resort] == [b"last resort"] * 10
    assert await owner.key_packages_left() == 0


async def test_package_that_was_handed_out_never_comes_back(device):
    owner, guest = device(), device()
    await owner.publish_key_packages((b"one", b"two"), None)
    first = await guest.claim_key_package(device_of(owner))
    assert await owner.publish_key_packages((b"one", b"two", b"three"), None) == 2
    rest = {(await guest.claim_key_package(device_of(owner))).body for _ in range(2)}
    assert rest | {first.body} == {b"one", b"two", b"three"}
    with pytest.raises(RelayRefused, match="404 unknown"):
        await guest.claim_key_package(device_of(owner))


async def test_last_resort_is_replaced(device):
    owner, guest = device(), device()
    await owner.publish_key_packages((), b"old")
    await owner.publish_key_packages((), b"new")
    assert (await guest.claim_key_package(device_of(owner))).body == b"new"


async def test_too_many_and_too_large_packages_are_refused_whole(device):
    owner = device()
    most = tuple(b"%d" % n for n in range(100))
    assert await owner.publish_key_packages(most, b"last") == 100
    for refused, status in (
        (((b"one more",), None), 413),
        (((bytes(4_097),), None), 400),
        (((b"",), None), 400),
        ((tuple(b"x%d" % n for n in range(101)), None), 400),
        (((), bytes(4_097)), 400),
    ):
        with pytest.raises(RelayRefused) as refusal:
            await owner.publish_key_packages(*refused)
        assert refusal.value.status == status
    assert await owner.key_packages_left() == 100
    assert await owner.publish_key_packages((), bytes(4_096)) == 100


async def test_nobody_publishes_or_counts_for_another_device(device):
    owner, other = device(), device()
    await owner.publish_key_packages((b"mine",), None)
    path, body = f"/v1/devices/{device_of(owner)}/key-packages", b'{"one_time":["AAAA"]}'
    assert (await raw(other, "GET", path)).status_code == 403
    signed = await other._signature("POST", path, body)
    assert (await raw(other, "POST", path, signed, body)).status_code == 403
    assert (await raw(owner, "POST", path, {}, body)).status_code == 400
    assert await owner.key_packages_left() == 1


# Inbox


async def test_inbox_and_groups_come_in_one_stream(group, device, new_id):
    client, name, capability = group
    guest = device()
    await guest.about()
    await guest.key_packages_left()  # now the service knows it
    await client.post_to_inbox(device_of(guest), new_id(), b"first")
    got = []
    async with asyncio.timeout(DEADLINE_S):
        async for item in guest.stream((cursor(name, capability),), inbox=0):
            got.append(item)
            if isinstance(item, Live):
                await client.append(name, capability, new_id(), b"event")
                await client.post_to_inbox(device_of(guest), new_id(), b"second")
            if sum(isinstance(i, InboxItem | RelayEvent) for i in got) == 3:
                break
    assert [(i.seq, i.body) for i in got if isinstance(i, InboxItem)] == [(1, b"first"), (2, b"second")]
    assert [i.body for i in got if isinstance(i, RelayEvent)] == [b"event"]


async def test_same_item_again_comes_once_also_after_it_was_taken(device, new_id):
    client, guest, cid = device(), device(), new_id()
    await guest.key_packages_left()
    for _ in range(2):
        await client.post_to_inbox(device_of(guest), cid, b"welcome")
    with pytest.raises(RelayRefused, match="409 other-bytes"):
        await client.post_to_inbox(device_of(guest), cid, b"something else")
    assert [i.body for i in await guest.inbox(0)] == [b"welcome"]
    await guest.acknowledge_inbox(1)
    await client.post_to_inbox(device_of(guest), cid, b"welcome")
    assert await guest.inbox(0) == ()
    await client.post_to_inbox(device_of(guest), new_id(), b"later")
    assert [(i.seq, i.body) for i in await guest.inbox(0)] == [(2, b"later")]


async def test_what_a_stream_names_as_read_is_deleted(device, new_id):
    client, guest = device(), device()
    await guest.key_packages_left()
    for body in (b"one", b"two", b"three"):
        await client.post_to_inbox(device_of(guest), new_id(), body)
    items = await read_until(guest, lambda i: isinstance(i, Live), inbox=2)
    assert [i.body for i in items if isinstance(i, InboxItem)] == [b"three"]
    assert [i.body for i in await guest.inbox(0)] == [b"three"]


async def test_long_poll_of_the_inbox_returns_at_the_first_item(device, new_id):
    client, guest = device(), device()
    await guest.key_packages_left()
    waiting = asyncio.create_task(guest.inbox(0, wait_s=30))
    await client.post_to_inbox(device_of(guest), new_id(), b"here")
    async with asyncio.timeout(DEADLINE_S):
        assert [i.body for i in await waiting] == [b"here"]


async def test_inbox_takes_nothing_for_nobody_nothing_empty_and_nothing_too_large(device, new_id):
    client, guest = device(), device()
    await guest.key_packages_left()
    for target, body, status in (
        (new_id(), b"x", 404),
        (device_of(guest), b"", 400),
        (device_of(guest), bytes(131_073), 413),
    ):
        with pytest.raises(RelayRefused) as refusal:
            await client.post_to_inbox(target, new_id(), body)
        assert refusal.value.status == status
    await client.post_to_inbox(device_of(guest), new_id(), bytes(131_072))
    assert [len(i.body) for i in await guest.inbox(0)] == [131_072]


async def test_third_stream_sends_the_first_away(device):
    client = device()
    async with asyncio.timeout(DEADLINE_S), AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(aclosing(client.stream((), inbox=0))) for _ in range(3)]
        assert [await anext(stream) for stream in streams] == [Live()] * 3
        assert [type(item) async for item in streams[0]] == [Bye]


async def test_offline_service_is_not_a_refusal(device, relay):
    client = device()
    await client.key_packages_left()
    await asyncio.to_thread(relay.stop)
    with pytest.raises(Offline):
        await client.claim_key_package(device_of(client))
