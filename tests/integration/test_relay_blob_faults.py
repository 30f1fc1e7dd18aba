"""Blobs on bad days: cut connections, killed relays, strays, and a place that does not answer."""

import asyncio
import contextlib
import hashlib
import os
import secrets
import time

import pytest

from companion.errors import Offline
from services.relay.blobs.objects import ObjectStore, open_objects
from services.relay.clock import ServiceClock
from services.sync.protocol import PART_BYTES
from tests.fakes import FakeClock
from tests.integration.relay_blobs import Source, http_of, sent
from tests.object_server import ObjectServer

BIG = 3 * PART_BYTES + 12_345


async def test_connection_that_is_cut_in_the_middle_costs_one_part(make_relay, device_at, new_id):
    """A proxy between client and relay that goes away while bytes are on their way, each time a little later."""
    async with Breaking() as client_side:
        client_side.to = make_relay("--origin", f"http://127.0.0.1:{client_side.port}").port
        client = device_at(f"http://127.0.0.1:{client_side.port}")
        blob, source = new_id(), Source(BIG)
        tries = 0
        while True:
            client_side.budget = PART_BYTES * 3 // 2  # each connection dies in the middle of its second part
            tries += 1
            try:
                await client.put_blob(blob, BIG, source.read)
                break
            except Offline:
                assert tries < 20
        assert tries >= 3
        client_side.budget = 10**9
        assert await client.get_blob(blob, 0, BIG) == source.data


class Breaking:
    """Forwards bytes to a relay until its budget is used up; then it cuts every connection."""

    def __init__(self):
        self.port = self.to = 0
        self.budget = 0
        self._writers = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._cut()
        self._server.close()
        await self._server.wait_closed()

    def _cut(self):
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _take(self, reader, writer):
        theirs, ours = await asyncio.open_connection("127.0.0.1", self.to)
        self._writers |= {writer, ours}
        await asyncio.gather(self._pass(reader, ours, True), self._pass(theirs, writer, False))

    async def _pass(self, reader, writer, counts):
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                if counts:
                    self.budget -= len(data)
                if self.budget < 0:
                    self._cut()
                    return
                writer.write(data)
                await writer.drain()


async def test_killed_relay_keeps_the_parts_it_had(make_relay, device_at, new_id):
    relay = make_relay()
    client = device_at(relay.url)
    blob, source = new_id(), Source(BIG)

    async def read_and_kill(offset, length):
        if len(source.reads) == 6:  # four for the digest, two parts sent
            await asyncio.to_thread(relay.kill)
        return await source.read(offset, length)

    with pytest.raises(Offline):
        await client.put_blob(blob, BIG, read_and_kill)
    relay.start()
    source.reads.clear()
    await client.put_blob(blob, BIG, source.read)
    assert [offset for offset, _ in source.reads[4:]] == [2 * PART_BYTES, 3 * PART_BYTES]
    assert await client.get_blob(blob, 0, BIG) == source.data


@pytest.fixture(params=["folder", "s3"])
async def blobs(request, tmp_path, monkeypatch) -> ObjectStore:
    """The place for blobs itself, without a relay."""
    if request.param == "folder":
        return open_objects(None, tmp_path)
    objects = request.getfixturevalue("objects")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, objects.environment[name])
    return open_objects(objects.place(), tmp_path)


async def everything(blobs):
    from datetime import timedelta

    return {blob async for bunch in blobs.untouched(timedelta(hours=-1)) for blob in bunch}


async def test_sweep_drops_what_nobody_refers_to_and_strays_and_nothing_else(blobs, tmp_path):
    from services.relay.blobs.store import IDLE_MS, Upload
    from services.relay.database.sqlite import SqliteDatabase
    from services.relay.hub import Hub
    from services.relay.limits import HOUR_MS
    from services.relay.log.store import Draft
    from services.relay.operate.sweeper import Sweeper

    now_ms = time.time_ns() // 1_000_000
    store = SqliteDatabase(tmp_path / "relay.db")
    await store.open(Hub())
    await store.log.create_group(b"g" * 16, b"c" * 32, b"d" * 16, now_ms)

    async def put(at_ms):
        blob, data = secrets.token_bytes(16), secrets.token_bytes(50)
        upload = Upload(blob=blob, size=50, sha256=hashlib.sha256(data).digest(), device=b"d" * 16, at_ms=at_ms)
        await store.blobs.reserve(upload)
        await blobs.put(blob, data)
        await store.blobs.finish(blob, b"d" * 16)
        return blob

    old = now_ms - IDLE_MS - HOUR_MS
    kept, idle, new = await put(old), await put(old), await put(now_ms)
    await store.log.append(
        Draft(
            group=b"g" * 16,
            capability_hash=b"c" * 32,
            device=b"d" * 16,
            cid=b"1" * 16,
            body=b"x",
            at_ms=now_ms,  # the newest arrival, from which on the time is certain
            blobs=(kept,),
        )
    )
    stray, crashed = secrets.token_bytes(16), await put(old)
    await blobs.put(stray, b"nobody knows this")
    await blobs.put_part(secrets.token_bytes(16), 0, b"nor this")
    assert set(await store.blobs.release(now_ms, 10)) == {idle, crashed}
    await blobs.drop(crashed)  # the sweep ended here, before it told the ledger
    young = Sweeper(store, blobs, ServiceClock(FakeClock(now_ms)), 90)
    assert (await young.once()).strays == 0  # they may be of an upload that is under way
    assert await everything(blobs) >= {kept, new, stray}
    given = blobs.untouched
    blobs.untouched = lambda age: given(-age)  # as if all of it were old
    swept = await Sweeper(store, blobs, ServiceClock(FakeClock(now_ms)), 90).once()
    blobs.untouched = given
    assert (swept.strays, swept.blobs) == (2, 2)
    assert await everything(blobs) == {kept, new}
    assert (await store.figures()).blobs == 2
    await store.close()


async def test_files_that_a_crash_left_half_written_are_found(tmp_path):
    from datetime import timedelta

    blobs = open_objects(None, tmp_path)
    await blobs.put(b"1" * 16, b"x")
    left = tmp_path / "blobs" / "whole" / ("ab" * 16 + "#1")
    left.write_bytes(b"half")
    blobs.drop_unfinished_files(timedelta(hours=1))
    assert left.exists()
    os.utime(left, (1, 1))
    blobs.drop_unfinished_files(timedelta(hours=1))
    assert not left.exists()
    assert await blobs.size(b"1" * 16) == 1


async def test_place_that_does_not_answer_means_busy_and_recovers(make_relay, device_at, new_id):
    server = ObjectServer()
    try:
        relay = make_relay("--blobs", server.place(), environment=server.environment)
        client = device_at(relay.url)
        blob, data = await sent(client, new_id, 1_000)
        await asyncio.to_thread(server.kill)
        async with http_of(client) as http:
            answer = await http.put(f"/v1/blobs/{new_id()}", content=b"x")
            assert (answer.status_code, answer.json()["error"]) == (503, "busy")
            assert int(answer.headers["retry-after"]) > 0
            assert (await http.get(f"/v1/blobs/{blob}")).status_code == 503
        await asyncio.to_thread(server.start)
        deadline = time.monotonic() + 60
        while True:
            try:
                assert await client.get_blob(blob, 0, 1_000) == data
                break
            except Offline:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.1)
    finally:
        server.close()
