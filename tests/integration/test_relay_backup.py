"""Copies of a relay: backup while it runs, restore, and the move to PostgreSQL and S3."""

import asyncio
import contextlib
import secrets

import pytest

from companion.errors import RelayRefused
from companion.ports import GroupCursor, Limits
from companion.wire import format_notice
from services.sync.answers import Live
from services.sync.protocol import erase_hash
from tests.integration.relay_operator import BIG, gets, lines, operate, reader, run_sql, with_blobs


async def test_backup_of_a_busy_relay_restores_to_a_prefix_with_a_new_incarnation(
    relay, filled, make_relay, device_at, new_id, tmp_path
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
    again = device_at(make_relay(data=tmp_path / "new").url)
    assert (await again.about()).incarnation != before
    kept = await again.events(group, capability, 0)
    assert 20 <= len(kept) < last
    assert [(e.seq, e.body) for e in kept[:20]] == [(n + 1, b"sealed %d" % n) for n in range(20)]
    with pytest.raises(RelayRefused, match="409 ahead"):
        await again.events(group, capability, last)
    assert (await again.append(group, capability, new_id(), b"goes on")).seq == len(kept) + 1


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


async def test_move_to_postgres_keeps_every_cursor(relay, filled, make_relay, device_at, new_id, tmp_path, request):
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
    again = device_at(make_relay("--database", database, data=tmp_path / "node").url)
    assert await again.about() == about
    assert await again.events(group, capability, 0) == sent
    assert (await again.append(group, capability, new_id(), b"goes on")).seq == 21
    second = new_id()
    await again.create_group(second, capability)
    assert (await again.append(second, capability, new_id(), b"x")).seq == 1


async def test_folder_that_was_moved_away_serves_no_more(relay, filled, make_relay, device_at, tmp_path, request):
    database = request.getfixturevalue("postgres").create_database(secrets.token_hex(8))
    client, group, capability = filled
    sent = await client.events(group, capability, 0)
    relay.stop()
    operate("migrate", "--data", relay.data, "--database", "postgresql://127.0.0.1:1/x")
    relay.start()  # a move that failed leaves everything as it was
    relay.stop()
    assert operate("migrate", "--data", relay.data, "--database", database).returncode == 0
    for _ in range(2):
        with pytest.raises(AssertionError, match="its log was moved to PostgreSQL"):
            relay.start()
        operate("migrate", "--data", relay.data, "--database", database)  # that database is not empty: no way back
    assert "moved to PostgreSQL" in operate("sweep", "--data", relay.data).stderr
    assert lines(operate("status", "--data", relay.data))["events"] == "20"
    operate("backup", "--data", relay.data, tmp_path / "backup")
    assert operate("restore", "--data", tmp_path / "new", tmp_path / "backup").returncode == 0
    again = device_at(make_relay(data=tmp_path / "new").url)
    assert await again.events(group, capability, 0) == sent


async def test_backup_brings_the_blobs_and_leaves_out_the_damaged(
    relay, filled, make_relay, device_at, new_id, tmp_path
):
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
    again = device_at(make_relay(data=tmp_path / "new").url)
    assert await gets(again, blobs) == set(blobs) - {damaged}
    with pytest.raises(RelayRefused, match="409 no-blob"):
        await again.append(group, capability, new_id(), b"x", blobs=(damaged,))
    await again.put_blob(damaged, BIG, reader(blobs[damaged]))  # whoever has it may bring it back
    assert await gets(again, blobs) == set(blobs)
    await again.put_blob(half, 5, reader(b"12345"))  # nothing of the unfinished upload came along


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
    relay, filled, make_relay, device_at, objects, new_id, tmp_path, request
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
    again = device_at(make_relay(*options, data=tmp_path / "node", environment=objects.environment).url)
    assert await again.events(group, capability, 0) == sent
    assert await gets(again, blobs) == set(blobs)
    figures = lines(operate("status", "--data", tmp_path / "node", "--database", database))
    assert (figures["events"], figures["blobs"], figures["blob bytes"]) == ("21", "3", str(BIG + 510))
    assert figures["incarnation"] == (await again.about()).incarnation


async def test_database_that_was_restored_by_its_own_means_gets_a_new_incarnation(
    make_relay, device_at, new_id, new_capability, request
):
    database = request.getfixturevalue("postgres").create_database(secrets.token_hex(8))
    nothing = operate("renew", "--database", database)
    assert "holds no relay" in nothing.stderr
    relay = make_relay("--database", database)
    client = device_at(relay.url)
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


async def until_live(stream):
    async with contextlib.aclosing(stream):
        async for item in stream:
            if isinstance(item, Live):
                return
            yield item


async def test_copies_bring_keepers_limits_and_what_was_erased_and_turns_are_offered_again(
    relay, device, make_relay, new_id, new_capability, tmp_path, request
):
    client, group, secret, other = device(), new_id(), secrets.token_bytes(32), secrets.token_bytes(32)
    capabilities, keepers = [[new_capability() for _ in range(3)] for _ in range(2)]
    limits = Limits(events=9, bytes=0, first=0)
    await client.create_group(group, capabilities[0], keeper=keepers[0], keep_days=0, limits=limits)

    def turn(at, number):
        """The turn from this place on: its cid, bytes and headers are the same each time."""
        following = {"next_capability": capabilities[number + 1], "next_keeper": keepers[number + 1]}
        given = {"epoch": number, "keeper": keepers[number], **following}
        return at.append(group, capabilities[number], f"{number:032x}", b"turn %d" % number, **given)

    def say(at, number, by=secret):
        return at.append(group, capabilities[number], new_id(), b"mine", erase=erase_hash(by).hex())

    await say(client, 0)
    await turn(client, 0)
    await client.erase(group, secret)
    assert operate("backup", "--data", relay.data, tmp_path / "backup").returncode == 0
    incarnation = (await client.about()).incarnation
    await turn(client, 1)
    await say(client, 2, other)
    await client.erase(group, other)
    await asyncio.to_thread(relay.kill)
    assert operate("restore", "--data", tmp_path / "new", tmp_path / "backup").returncode == 0

    restored = make_relay(data=tmp_path / "new")
    again = device(restored.url, client._key)
    cursors = (GroupCursor(group=group, capability=capabilities[1], since=6),)
    refusals = [item async for item in until_live(again.stream(cursors, incarnation=incarnation))]
    assert [(item.reason, item.head) for item in refusals] == [("restored", 3)]
    with pytest.raises(RelayRefused, match="410 erased"):
        await say(again, 1)
    await again.erase(group, other, capabilities[1])  # repeated before the lost envelope is offered again
    assert (await turn(again, 1)).seq == 5
    with pytest.raises(RelayRefused, match="410 erased"):
        await say(again, 2, other)
    notices = [format_notice(by) for by in (secret, other)]
    bodies = [b"", b"turn 0", notices[0], notices[1], b"turn 1"]
    assert [e.body for e in await again.events(group, capabilities[2], 0)] == bodies

    restored.stop()
    database = request.getfixturevalue("postgres").create_database(secrets.token_hex(8))
    moved = operate("migrate", "--data", tmp_path / "new", "--database", database)
    assert moved.returncode == 0, moved.stderr
    node = device(make_relay("--database", database, data=tmp_path / "node").url, client._key)
    assert [e.body for e in await node.events(group, capabilities[2], 0)] == bodies
    with pytest.raises(RelayRefused, match="410 erased"):
        await say(node, 2, other)
    with pytest.raises(RelayRefused, match="403 keeper"):
        await node.append(group, capabilities[2], new_id(), b"x", 2, keeper=keepers[1])
    await node.empty(group, capabilities[2], keepers[2], (5,))
    for _ in range(9):  # counters begin anew; the limits came along
        await node.append(group, capabilities[2], new_id(), b"x")
    with pytest.raises(RelayRefused, match="429"):
        await node.append(group, capabilities[2], new_id(), b"x")
