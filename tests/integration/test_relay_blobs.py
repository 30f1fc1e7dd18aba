"""Blobs through a real relay, in a folder and in an S3 service: broken uploads, ranges, quotas, sweeps."""

import asyncio
import contextlib
import hashlib
import os
import secrets
import time

import httpx
import pytest

from companion.errors import Offline, RelayRefused
from services.relay.blobs.objects import ObjectStore, open_objects
from services.sync.protocol import PART_BYTES, encode_octets
from tests.integration.conftest import new_client
from tests.object_server import ObjectServer
from tests.relay_process import RelayProcess

BIG = 3 * PART_BYTES + 12_345


@pytest.fixture(scope="module", params=["folder", "s3", "s3-direct"])
def place(request):
    """Options of a relay for each place that blobs can be in, and the environment with its keys."""
    if request.param == "folder":
        return (), None
    objects = request.getfixturevalue("objects")
    direct = ("--blobs-direct",) if request.param == "s3-direct" else ()
    return ("--blobs", objects.place(), *direct), objects.environment


@pytest.fixture(scope="module")
def blob_relay(place, tmp_path_factory):
    options, environment = place
    process = RelayProcess(tmp_path_factory.mktemp("relay"), *options, environment=environment)
    process.start()
    yield process
    process.close()


@pytest.fixture
async def other(blob_relay):
    other = new_client(blob_relay.url)
    yield other
    await other.close()


@pytest.fixture
async def client(blob_relay):
    client = new_client(blob_relay.url)
    yield client
    await client.close()


class Source:
    """Bytes to upload, and how much of them was read."""

    def __init__(self, size):
        self.data = secrets.token_bytes(size)
        self.reads = []

    async def read(self, offset, length):
        self.reads.append((offset, length))
        return self.data[offset : offset + length]


@contextlib.asynccontextmanager
async def http_of(client):
    """Calls of our own making in the client's session."""
    token = await client._session()
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=client.base_url, headers=headers, trust_env=False, timeout=20) as http:
        yield http


async def sent(client, new_id, size):
    blob, source = new_id(), Source(size)
    await client.put_blob(blob, size, source.read)
    return blob, source.data


@pytest.mark.parametrize("size", [1, PART_BYTES, PART_BYTES + 1, BIG])
async def test_blob_comes_back_as_it_was_sent(client, new_id, size):
    blob, data = await sent(client, new_id, size)
    assert await client.get_blob(blob, 0, size + 10) == data
    middle = size // 2
    assert await client.get_blob(blob, middle, 100) == data[middle : middle + 100]
    assert await client.get_blob(blob, size, 5) == b""


async def test_blob_that_is_there_stays_as_it_is(client, new_id):
    for size in (100, BIG):
        blob, data = await sent(client, new_id, size)
        again = Source(size)
        with pytest.raises(RelayRefused, match="409 other-bytes"):
            await client.put_blob(blob, size, again.read)
        again.data = data
        await client.put_blob(blob, size, again.read)
        assert await client.get_blob(blob, 0, size) == data


async def test_upload_goes_on_where_it_broke_and_reads_in_parts(client, new_id):
    blob, source = new_id(), Source(BIG)
    calls = []

    async def read_and_break(offset, length):
        calls.append(offset)
        if calls.count(2 * PART_BYTES) == 2:  # the first time is for the digest
            raise Offline("the network went")
        return await source.read(offset, length)

    with pytest.raises(Offline):
        await client.put_blob(blob, BIG, read_and_break)
    with pytest.raises(RelayRefused, match="404"):
        await client.get_blob(blob, 0, 10)
    source.reads.clear()
    await client.put_blob(blob, BIG, source.read)
    assert max(length for _, length in source.reads) == PART_BYTES
    assert [offset for offset, _ in source.reads[4:]] == [2 * PART_BYTES, 3 * PART_BYTES]
    assert await client.get_blob(blob, 0, BIG) == source.data


async def test_single_range_is_served_and_one_outside_is_refused(client, new_id):
    blob, data = await sent(client, new_id, 1_000)
    async with http_of(client) as http:
        for given, expected in (
            ("bytes=0-9", (206, "bytes 0-9/1000", data[:10])),
            ("bytes=990-5000", (206, "bytes 990-999/1000", data[990:])),
            ("bytes=500-", (206, "bytes 500-999/1000", data[500:])),
            ("bytes=-7", (206, "bytes 993-999/1000", data[-7:])),
            ("bytes=-5000", (206, "bytes 0-999/1000", data)),
            ("bytes=0-1,4-5", (200, None, data)),
            ("bytes=5-1", (200, None, data)),
            ("lines=1-2", (200, None, data)),
        ):
            answer = await http.get(f"/v1/blobs/{blob}", headers={"range": given})
            assert (answer.status_code, answer.headers.get("content-range"), answer.content) == expected, given
        for given in ("bytes=1000-", "bytes=5000-6000", "bytes=-0"):
            answer = await http.get(f"/v1/blobs/{blob}", headers={"range": given})
            assert (answer.status_code, answer.json()["error"], answer.json()["size"]) == (416, "bad-range", 1_000)
        head = await http.head(f"/v1/blobs/{blob}")
        assert (head.status_code, head.headers["content-length"], head.content) == (200, "1000", b"")
        assert head.headers["accept-ranges"] == "bytes"


async def test_parts_are_bounded_and_checked(client, new_id):
    blob, data = new_id(), secrets.token_bytes(PART_BYTES + 10)
    start = {"size": len(data), "sha256": encode_octets(hashlib.sha256(data).digest())}
    path = f"/v1/blobs/{blob}/upload"
    async with http_of(client) as http:

        async def part(offset, body):
            return (await http.patch(path, headers={"upload-offset": str(offset)}, content=body)).status_code

        assert await part(0, data[:PART_BYTES]) == 404  # nobody has said what comes
        assert (await http.post(path, json=start)).json() == {"complete": False, "offset": 0, "part_bytes": PART_BYTES}
        assert await part(0, data[:100]) == 400
        assert await part(5, data[:100]) == 400
        assert await part(2 * PART_BYTES, data[:10]) == 400
        assert await part(PART_BYTES, data[PART_BYTES:] + b"x") == 413
        assert await part(PART_BYTES, data[PART_BYTES:]) == 200
        assert (await http.post(path, json=start)).json()["offset"] == 0
        missing = await http.post(f"/v1/blobs/{blob}/complete")
        assert (missing.status_code, missing.json()["error"]) == (409, "incomplete")
        assert await part(0, bytes(PART_BYTES)) == 200
        wrong = await http.post(f"/v1/blobs/{blob}/complete")
        assert (wrong.status_code, wrong.json()["error"]) == (409, "other-bytes")
        assert (await http.get(f"/v1/blobs/{blob}")).status_code == 404
        assert (await http.post(path, json=start)).json()["offset"] == 0  # the wrong parts are gone
        for size in (0, 256 * 1_048_576 + 1):
            assert (await http.post(path, json={**start, "size": size})).status_code == 400
        assert (await http.put(f"/v1/blobs/{new_id()}", content=b"")).status_code == 400
        assert (await http.put(f"/v1/blobs/{new_id()}", content=bytes(PART_BYTES + 1))).status_code == 413


async def test_other_devices_read_a_blob_and_do_not_write_it(client, other, new_id):
    blob, data = await sent(client, new_id, BIG)
    assert await other.get_blob(blob, 5, 5) == data[5:10]
    half, source = new_id(), Source(BIG)
    digest = encode_octets(hashlib.sha256(source.data).digest())
    async with http_of(client) as http:
        await http.post(f"/v1/blobs/{half}/upload", json={"size": BIG, "sha256": digest})
    with pytest.raises(RelayRefused, match="409 exists"):
        await other.put_blob(half, BIG, source.read)
    async with http_of(other) as http:
        answer = await http.patch(
            f"/v1/blobs/{half}/upload", headers={"upload-offset": "0"}, content=source.data[:PART_BYTES]
        )
        assert answer.status_code == 404
        assert (await http.post(f"/v1/blobs/{half}/complete")).status_code == 404
    async with httpx.AsyncClient(base_url=client.base_url, trust_env=False) as stranger:
        assert (await stranger.get(f"/v1/blobs/{blob}")).status_code == 401


async def test_event_may_refer_to_blobs_that_are_here(client, new_id, new_capability):
    group, capability = new_id(), new_capability()
    await client.create_group(group, capability)
    blob, _ = await sent(client, new_id, 100)
    with pytest.raises(RelayRefused, match="409 no-blob"):
        await client.append(group, capability, new_id(), b"x", blobs=(blob, new_id()))
    cid = new_id()
    first = await client.append(group, capability, cid, b"x", blobs=(blob,))
    assert await client.append(group, capability, cid, b"x", blobs=(blob,)) == first
    for names in ("", "x", f"{blob},{blob}", ",".join([new_id() for _ in range(17)])):
        async with http_of(client) as http:
            answer = await http.post(
                f"/v1/groups/{group}/events",
                headers={"companion-capability": capability, "idempotency-key": new_id(), "companion-blobs": names},
                content=b"x",
            )
            assert answer.status_code == 400


async def test_connection_that_is_cut_in_the_middle_costs_one_part(relay, new_id):
    """A proxy between client and relay that goes away while bytes are on their way, each time a little later."""
    client_side = Breaking(relay.port)
    await client_side.start()
    client = new_client(f"http://127.0.0.1:{client_side.port}")
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
    await client.close()
    await client_side.close()


class Breaking:
    """Forwards bytes to a relay until its budget is used up; then it cuts every connection."""

    def __init__(self, port):
        self._to = port
        self.port = 0
        self.budget = 0
        self._writers = set()

    async def start(self):
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self):
        self._cut()
        self._server.close()
        await self._server.wait_closed()

    def _cut(self):
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _take(self, reader, writer):
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._to)
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


async def test_killed_relay_keeps_the_parts_it_had(make_relay, new_id):
    relay = make_relay()
    client = new_client(relay.url)
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
    await client.close()


async def test_device_is_stopped_at_its_bytes_of_the_day(make_relay, new_id):
    relay = make_relay("--blob-bytes-per-day", "1000")
    client, other = new_client(relay.url), new_client(relay.url)
    await sent(client, new_id, 900)
    with pytest.raises(RelayRefused, match="429 slow-down"):
        await sent(client, new_id, 101)
    await sent(other, new_id, 900)
    await client.close()
    await other.close()


async def test_direct_addresses_are_given_only_where_they_were_announced(client, place, objects, new_id):
    blob, data = await sent(client, new_id, 2_000)
    async with http_of(client) as http:
        about = (await http.get("/v1/about")).json()
        answer = await http.get(f"/v1/blobs/{blob}/address")
        if "--blobs-direct" not in place[0]:
            assert "blobs" not in about
            assert (answer.status_code, answer.json()["error"]) == (404, "no-direct")
            return
        assert about["blobs"] == objects.endpoint
        url = answer.json()["url"]
        assert url.startswith(objects.endpoint + "/")
        assert (await http.get(f"/v1/blobs/{new_id()}/address")).status_code == 404
        assert (await http.post(f"/v1/blobs/{blob}/upload/address", json={"offset": PART_BYTES})).status_code == 400
    async with httpx.AsyncClient(trust_env=False) as anybody:
        assert (await anybody.get(url)).content == data
        assert (await anybody.put(url, content=b"other")).status_code == 403  # it was given to read
        assert (await anybody.get(url.partition("?")[0])).status_code == 403


@pytest.mark.parametrize("place", ["s3-direct"], indirect=True)
async def test_bytes_go_straight_to_the_object_store_that_was_announced(client, new_id):
    ways = []
    fetch, call = client._blobs._direct, client._blobs._call

    async def noted(method, url, **values):
        ways.append(("direct", method))
        return await fetch(method, url, **values)

    async def called(method, path, **values):
        ways.append(("relay", method))
        return await call(method, path, **values)

    client._blobs._direct, client._blobs._call = noted, called
    blob, data = await sent(client, new_id, BIG)
    assert ways.count(("direct", "PUT")) == 4
    assert ("relay", "PATCH") not in ways
    assert await client.get_blob(blob, 0, BIG) == data
    assert ways.count(("direct", "GET")) == 4


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
            at_ms=old,
            blobs=(kept,),
        )
    )
    stray, crashed = secrets.token_bytes(16), await put(old)
    await blobs.put(stray, b"nobody knows this")
    await blobs.put_part(secrets.token_bytes(16), 0, b"nor this")
    assert set(await store.blobs.release(now_ms, 10)) == {idle, crashed}
    await blobs.drop(crashed)  # the sweep ended here, before it told the ledger
    young = Sweeper(store, blobs, lambda: now_ms, 90)
    assert (await young.once()).strays == 0  # they may be of an upload that is under way
    assert await everything(blobs) >= {kept, new, stray}
    given = blobs.untouched
    blobs.untouched = lambda age: given(-age)  # as if all of it were old
    swept = await Sweeper(store, blobs, lambda: now_ms, 90).once()
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


async def test_place_that_does_not_answer_means_busy_and_recovers(make_relay, new_id):
    server = ObjectServer()
    try:
        relay = make_relay("--blobs", server.place(), environment=server.environment)
        client = new_client(relay.url)
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
        await client.close()
    finally:
        server.close()
