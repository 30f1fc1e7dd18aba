"""A caller says which event its cursor stands on: the relay says whether that is the one, and claims nothing else."""

import asyncio
import secrets

import pytest

from companion.errors import RelayRefused
from companion.ports import GroupCursor, InboxItem
from services.relay.limits import DAY_MS
from services.relay.log.store import Draft, Known
from services.sync.answers import GroupRefused, Live
from tests.integration.raw_device import RawDevice

GROUP, CAPABILITY, NEXT = b"g" * 16, b"c" * 32, b"n" * 32
DEVICE, AT_MS = b"d" * 16, 1_800_000_012_345


@pytest.fixture
def relay(either_relay):
    return either_relay


@pytest.fixture
async def log(make_store):
    """A store with three events of one group, of which the second replaced the capability."""
    store = await make_store()
    await store.devices.open_session(DEVICE, DEVICE * 2, DEVICE * 2, AT_MS + DAY_MS, AT_MS, may_register=True)
    await store.log.create_group(GROUP, CAPABILITY, DEVICE, AT_MS)
    for n in range(3):
        draft = Draft(
            group=GROUP,
            capability_hash=CAPABILITY if n < 2 else NEXT,
            device=DEVICE,
            cid=bytes([n + 1]) * 16,
            body=b"sealed",
            at_ms=AT_MS + n,
            epoch=0 if n == 1 else None,
            next_capability=NEXT if n == 1 else None,
        )
        await store.log.append(draft)
    return store


async def said(store, since, cid, at_ms=0, capability=NEXT):
    (opening,) = await store.log.openings([(GROUP, capability)], [since])
    return opening.refuses(since, Known(cid=bytes([cid]) * 16, at_ms=at_ms))


async def test_event_that_stands_there_is_the_one_and_any_other_is_not(log):
    assert [await said(log, 3, cid) for cid in (3, 2, 9)] == [None, "other", "other"]
    assert [await said(log, 3, 3, at_ms) for at_ms in (AT_MS + 2, AT_MS + 3)] == [None, "other"]


async def test_time_that_was_rounded_since_is_no_other_event(log):
    await log.log.sweep(AT_MS + 3 * DAY_MS)
    assert await said(log, 3, 3, AT_MS + 2) is None
    assert await said(log, 3, 3, AT_MS + DAY_MS) == "other"
    await log.log.expire(AT_MS + 200 * DAY_MS, 90, 0)
    assert (await log.log.read(GROUP, NEXT, 2, 1)).events[0].body == b""
    assert await said(log, 3, 3, AT_MS + 2) is None
    assert await said(log, 3, 2, AT_MS + 2) == "other"


async def test_event_of_a_deleted_device_keeps_its_place(log):
    await log.devices.delete_account(DEVICE, AT_MS)
    assert [await said(log, 3, cid, AT_MS + 2) for cid in (3, 2)] == [None, "other"]


async def test_place_beyond_what_a_capability_reads_says_nothing_of_what_stands_there(log):
    assert [await said(log, 3, cid, capability=CAPABILITY) for cid in (3, 9)] == ["ahead", "ahead"]
    assert [await said(log, 2, cid, capability=CAPABILITY) for cid in (2, 9)] == ["rotated", "other"]
    (opening,) = await log.log.openings([(GROUP, CAPABILITY)], [3])
    assert (opening.cid, opening.at_ms) == (None, 0)


async def test_event_that_the_relay_does_not_have_is_no_reason_to_claim_another_log(log, tmp_path):
    assert await said(log, 0, 9) is None
    (opening,) = await log.log.openings([(GROUP, NEXT)])
    assert opening.refuses(3, Known(cid=b"?" * 16)) is None


async def test_caller_from_another_log_is_told_nothing_of_its_inbox_and_loses_nothing_there(filled, device, new_id):
    client, group, capability = filled
    sender = device()
    for _ in range(3):
        await sender.post_to_inbox(client._device, new_id(), b"letter")
    for place in ({"since": 20, "cid": new_id()}, {"since": 21}):
        cursor = GroupCursor(group=group, capability=capability, **place)
        items = await until_live(client.stream((cursor,), inbox=2))
        assert items == [GroupRefused(group=group, reason="other" if "cid" in place else "ahead", head=20), Live()]
    lost = GroupCursor(group=group, capability=secrets.token_hex(32), since=20)
    items = await until_live(client.stream((lost,), inbox=2))
    assert [item.seq for item in items if isinstance(item, InboxItem)] == [3]
    assert [item.seq for item in await client.inbox(0)] == [1, 2, 3]
    await until_live(client.stream((), inbox=2))
    assert [item.seq for item in await client.inbox(0)] == [3]


async def until_live(stream):
    items = []
    async with asyncio.timeout(20):
        async for item in stream:
            items.append(item)
            if isinstance(item, Live):
                break
    await stream.aclose()
    return items


async def test_caller_who_names_no_event_is_heard_as_before(filled):
    client, group, capability = filled
    cursor = GroupCursor(group=group, capability=capability, since=20)
    assert await until_live(client.stream((cursor,))) == [Live()]
    assert await client.events(group, capability, 20) == ()
    with pytest.raises(RelayRefused, match="409 ahead"):
        await client.events(group, capability, 21)


@pytest.mark.parametrize(
    "known", [{"cid": 7}, {"cid": "AB" * 16}, {"cid": None}, {"cid": "ab"}, {"cid": "ab" * 16, "at_ms": -1}]
)
async def test_what_is_no_event_is_a_bad_request(relay, known):
    device = await RawDevice(relay.url).open_session()
    await device.create_group("ab" * 16, "cd" * 32)
    group = {"group": "ab" * 16, "capability": "cd" * 32, "since": 0, **known}
    answer = await device.call("POST", "/v1/stream", json={"groups": [group]})
    assert (answer.status_code, answer.json()["error"]) == (400, "bad-request")
    query = "&".join(f"{name}={value}" for name, value in known.items())
    headers = {"companion-capability": "cd" * 32}
    answer = await device.call("GET", f"/v1/groups/{'ab' * 16}/events?since=0&{query}", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "bad-request")
    await device.close()
