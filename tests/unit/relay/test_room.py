"""What is held back of a disk, and what may still be written where it is as good as full."""

from types import SimpleNamespace

import pytest

from services.relay import room
from services.relay.database.sqlite import SqliteDatabase
from services.relay.devices.store import Post
from services.relay.hub import Hub
from services.relay.refusal import Refusal
from services.relay.room import LEAST_BYTES, RESERVE_BYTES, RESERVE_NAME, Room

NOW_MS = 1_800_000_000_000
GROUP, CAPABILITY, ALICE, BOB = b"g" * 16, b"c" * 32, b"a" * 16, b"b" * 16


@pytest.fixture
def free(monkeypatch):
    """The free bytes of the disk, as the system says."""
    disk = SimpleNamespace(free=10 * RESERVE_BYTES)
    monkeypatch.setattr(room.shutil, "disk_usage", lambda folder: disk)
    return disk


def test_reserve_counts_as_room_and_is_no_room_while_it_is_spent(tmp_path, free):
    held = Room(tmp_path)
    held.keep()
    assert (tmp_path / RESERVE_NAME).stat().st_size == RESERVE_BYTES
    free.free = LEAST_BYTES
    assert not held.is_short()
    free.free = LEAST_BYTES - 1
    assert held.is_short()
    with held.spent():
        assert not (tmp_path / RESERVE_NAME).exists()
        free.free += RESERVE_BYTES
        assert held.is_short(), "what the sweep may use is not there for others"
        free.free -= RESERVE_BYTES
    assert (tmp_path / RESERVE_NAME).stat().st_size == RESERVE_BYTES


def test_reserve_is_left_alone_where_there_is_room(tmp_path, free):
    held = Room(tmp_path)
    held.keep()
    with held.spent():
        assert (tmp_path / RESERVE_NAME).exists()


async def test_short_room_refuses_what_grows_and_takes_what_frees(tmp_path, free, draft):
    store = SqliteDatabase(tmp_path / "relay.db")
    await store.open(Hub())
    for device in (ALICE, BOB):
        await store.devices.open_session(device, device * 2, device * 2, NOW_MS + 9, NOW_MS, may_register=True)
    await store.log.create_group(GROUP, CAPABILITY, ALICE, NOW_MS)
    await store.log.append(draft(GROUP, device=ALICE, capability_hash=CAPABILITY))
    letter = Post(device=BOB, cid=b"1" * 16, body=b"x", sender=ALICE, at_ms=NOW_MS)
    await store.devices.post(letter)
    free.free = 0
    for grows in (
        store.log.append(draft(GROUP, device=ALICE, capability_hash=CAPABILITY)),
        store.log.create_group(b"h" * 16, CAPABILITY, ALICE, NOW_MS),
        store.log.put_invite(b"i" * 16, b"x", NOW_MS + 9, ALICE, NOW_MS),
        store.devices.open_session(b"n" * 16, b"n" * 32, b"n" * 32, NOW_MS + 9, NOW_MS, may_register=True),
        store.probe(),
    ):
        with pytest.raises(Refusal, match="503 busy"):
            await grows
    await store.devices.acknowledge(BOB, 1)
    assert (await store.log.expire(NOW_MS + 91 * 86_400_000, 90, 0)).events == 1
    await store.sweep(NOW_MS)
    await store.devices.delete(BOB, BOB, NOW_MS)
    assert await store.devices.public_key(BOB) is None
    await store.close()
