"""Blobs through a real relay, in a folder and in an S3 service: broken uploads, ranges, quotas, sweeps."""

import hashlib
import secrets

import httpx
import pytest

from companion.errors import Offline, RelayRefused
from services.sync.protocol import PART_BYTES, encode_octets
from tests.integration.relay_blobs import Source, http_of, sent
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
def other(blob_relay, device_at):
    return device_at(blob_relay.url)


@pytest.fixture
def client(blob_relay, device_at):
    return device_at(blob_relay.url)


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


async def test_device_is_stopped_at_its_bytes_of_the_day(make_relay, device_at, new_id):
    relay = make_relay("--blob-bytes-per-day", "1000")
    client, other = device_at(relay.url), device_at(relay.url)
    await sent(client, new_id, 900)
    with pytest.raises(RelayRefused, match="429 slow-down"):
        await sent(client, new_id, 101)
    await sent(other, new_id, 900)


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
