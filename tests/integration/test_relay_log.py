"""The log as clients meet it, over the wire, from a real relay process."""

import asyncio
import secrets

import pytest

from companion.errors import Offline, RelayRefused, VersionMismatch
from companion.ports import GroupCursor, RelayEvent
from services.sync.answers import Bye, GroupRefused, Live

DEADLINE_S = 20


@pytest.fixture
def relay(either_relay):
    return either_relay


async def read_until_live(client, group, capability, since=0):
    items = []
    async with asyncio.timeout(DEADLINE_S):
        async for item in client.stream((GroupCursor(group=group, capability=capability, since=since),)):
            items.append(item)
            if isinstance(item, Live):
                break
    return items


async def test_numbers_start_at_one_and_have_no_gaps(group, new_id):
    client, name, capability = group
    receipts = [await client.append(name, capability, new_id(), b"sealed %d" % i) for i in range(5)]
    assert [r.seq for r in receipts] == [1, 2, 3, 4, 5]
    events = await client.events(name, capability, 0)
    assert [(e.seq, e.body) for e in events] == [(i + 1, b"sealed %d" % i) for i in range(5)]


async def test_many_senders_at_once_make_one_order(group, device, new_id):
    client, name, capability = group
    senders = [device() for _ in range(6)]

    async def send(sender):
        return [(await sender.append(name, capability, new_id(), secrets.token_bytes(300))).seq for _ in range(20)]

    numbers = await asyncio.gather(*map(send, senders))
    assert sorted(n for of_one in numbers for n in of_one) == list(range(1, 121))
    assert [e.seq for e in await client.events(name, capability, 0)] == list(range(1, 121))


async def test_same_envelope_again_gets_the_first_receipt(group, new_id):
    client, name, capability = group
    cid = new_id()
    first = await client.append(name, capability, cid, b"once")
    assert await client.append(name, capability, cid, b"once") == first
    assert len(await client.events(name, capability, 0)) == 1


async def test_same_id_with_other_bytes_is_refused(group, new_id):
    client, name, capability = group
    cid = new_id()
    await client.append(name, capability, cid, b"once")
    with pytest.raises(RelayRefused) as refusal:
        await client.append(name, capability, cid, b"twice")
    assert (refusal.value.status, refusal.value.reason) == (409, "other-bytes")


async def test_only_the_first_commit_of_an_epoch_wins(group, device, new_id):
    client, name, capability = group
    rivals = [device() for _ in range(4)]
    results = await asyncio.gather(
        *(r.append(name, capability, new_id(), b"commit", epoch=0) for r in rivals), return_exceptions=True
    )
    assert sorted(type(r).__name__ for r in results) == ["Appended", "RelayRefused", "RelayRefused", "RelayRefused"]
    assert all(r.reason == "epoch" for r in results if isinstance(r, RelayRefused))
    assert (await client.append(name, capability, new_id(), b"next", epoch=1)).seq == 2


async def test_group_exists_with_another_capability(group, new_capability):
    client, name, capability = group
    await client.create_group(name, capability)
    with pytest.raises(RelayRefused, match="409 exists"):
        await client.create_group(name, new_capability())


async def test_reader_without_capability_learns_nothing(group, device, new_id, new_capability):
    client, name, capability = group
    await client.append(name, capability, new_id(), b"sealed")
    stranger = device()
    for group_id in (name, new_id()):
        with pytest.raises(RelayRefused, match="404 unknown"):
            await stranger.events(group_id, new_capability(), 0)
        with pytest.raises(RelayRefused, match="404 unknown"):
            await stranger.append(group_id, new_capability(), new_id(), b"x")
    items = await read_until_live(stranger, name, new_capability())
    assert items == [GroupRefused(group=name, reason="unknown"), Live()]


async def test_stream_gives_the_past_then_live_then_the_new(group, new_id):
    client, name, capability = group
    for i in range(3):
        await client.append(name, capability, new_id(), b"%d" % i)
    kinds = []
    async with asyncio.timeout(DEADLINE_S):
        async for item in client.stream((GroupCursor(group=name, capability=capability, since=1),)):
            kinds.append(item.seq if isinstance(item, RelayEvent) else type(item).__name__)
            if isinstance(item, Live):
                await client.append(name, capability, new_id(), b"new")
            if kinds[-1] == 4:
                break
    assert kinds == [2, 3, "Live", 4]


async def test_stream_carries_several_groups(device, new_id, new_capability):
    client = device()
    groups = [(new_id(), new_capability()) for _ in range(5)]
    for name, capability in groups:
        await client.create_group(name, capability)
        await client.append(name, capability, new_id(), name.encode())
    cursors = tuple(GroupCursor(group=g, capability=c, since=0) for g, c in groups)
    got = {}
    async with asyncio.timeout(DEADLINE_S):
        async for item in client.stream(cursors):
            if isinstance(item, Live):
                break
            got[item.group] = item.body.decode()
    assert got == {g: g for g, _ in groups}


async def test_reader_far_behind_catches_up_in_order(group, device, new_id):
    client, name, capability = group
    for _ in range(12):  # one client has so many connections, and does not wait for one for long
        await asyncio.gather(*(client.append(name, capability, new_id(), secrets.token_bytes(20)) for _ in range(50)))
    items = await read_until_live(device(), name, capability)
    assert [i.seq for i in items[:-1]] == list(range(1, 601))


async def test_reader_ahead_of_the_log_is_told(group, new_id):
    client, name, capability = group
    await client.append(name, capability, new_id(), b"x")
    items = await read_until_live(client, name, capability, since=7)
    assert items[0] == GroupRefused(group=name, reason="ahead", head=1)
    with pytest.raises(RelayRefused, match="409 ahead"):
        await client.events(name, capability, 7)


async def test_long_poll_returns_when_something_comes(group, device, new_id):
    client, name, capability = group
    waiting = asyncio.create_task(device().events(name, capability, 0, wait_s=20))
    await client.append(name, capability, new_id(), b"here")
    async with asyncio.timeout(DEADLINE_S):
        assert [e.body for e in await waiting] == [b"here"]


async def test_page_stays_below_one_mebibyte(group, new_id):
    client, name, capability = group
    for _ in range(20):
        await client.append(name, capability, new_id(), secrets.token_bytes(65_536))
    assert len(await client.events(name, capability, 0)) == 16
    assert [e.seq for e in await client.events(name, capability, 16, limit=2)] == [17, 18]


async def test_stop_says_goodbye_and_restart_goes_on(relay, group, device, new_id):
    client, name, capability = group
    await client.append(name, capability, new_id(), b"before")
    items = []
    async with asyncio.timeout(DEADLINE_S):
        async for item in device().stream((GroupCursor(group=name, capability=capability, since=0),)):
            items.append(item)
            if isinstance(item, Live):
                errors = await asyncio.to_thread(relay.stop)
    assert isinstance(items[-1], Bye)
    assert 100 <= items[-1].retry_ms <= 2_000
    assert errors == ""
    with pytest.raises(Offline):
        await client.append(name, capability, new_id(), b"while away")
    relay.start()
    assert (await client.append(name, capability, new_id(), b"after")).seq == 2


async def test_kill_keeps_every_accepted_event(relay, group, device, new_id):
    client, name, capability = group
    accepted = {}
    enough = asyncio.Event()

    async def send(sender):
        while True:
            cid, body = new_id(), secrets.token_bytes(500)
            try:
                receipt = await sender.append(name, capability, cid, body)
            except Offline:
                return
            accepted[receipt.seq] = (cid, body)
            if len(accepted) >= 100:
                enough.set()

    senders = [asyncio.create_task(send(device())) for _ in range(4)]
    async with asyncio.timeout(DEADLINE_S):
        await enough.wait()
        await asyncio.to_thread(relay.kill)
        await asyncio.gather(*senders)
    relay.start()
    kept = {}
    while page := await client.events(name, capability, len(kept)):
        kept.update({e.seq: (e.cid, e.body) for e in page})
    assert list(kept) == list(range(1, len(kept) + 1))
    assert accepted.items() <= kept.items()


async def test_oldest_of_three_streams_of_a_device_has_to_go(group):
    client, name, capability = group
    cursor = (GroupCursor(group=name, capability=capability, since=0),)
    streams = [client.stream(cursor) for _ in range(3)]
    async with asyncio.timeout(DEADLINE_S):
        for stream in streams:
            assert isinstance(await anext(stream), Live)
        assert isinstance(await anext(streams[0]), Bye)
    for stream in streams:
        await stream.aclose()


async def test_session_survives_a_restart(relay, group, new_id):
    client, name, capability = group
    token = client._token
    relay.stop()
    relay.start()
    await client.append(name, capability, new_id(), b"x")
    assert client._token == token


async def test_lost_session_is_opened_again(relay, group, new_id):
    client, name, capability = group
    client._token = "A" * 43
    assert (await client.append(name, capability, new_id(), b"x")).seq == 1


async def test_service_of_another_version_is_refused(relay, group, monkeypatch):
    client, _, _ = group
    monkeypatch.setattr("services.sync.client.PROTOCOL_MIN", 2)
    monkeypatch.setattr("services.sync.client.PROTOCOL_MAX", 3)
    with pytest.raises(VersionMismatch):
        await client.about()
