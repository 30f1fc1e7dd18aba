"""An operator's life: backup while it runs, restore, the move to PostgreSQL, and a look at the figures."""

import asyncio
import secrets
import subprocess
import sys

import pytest

from companion.errors import RelayRefused
from tests.integration.conftest import new_client


def operate(*words):
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
    assert "holds a database already" in refused.stderr


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
    shown = operate("status", "--data", relay.data)
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
