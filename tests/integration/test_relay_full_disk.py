"""A disk that is really full: people log in and read, the service starts, the sweep makes room, and it is said."""

import asyncio
import subprocess
import sys

import httpx
import pytest

from companion.errors import Offline
from services.relay.operate.health import FRESH_S
from services.relay.room import RESERVE_BYTES, RESERVE_NAME
from tests.relay_process import RelayProcess
from tests.small_disk import CannotMount, SmallDisk

BODY = bytes(60_000)


@pytest.fixture
def disk(tmp_path):
    try:
        disk = SmallDisk(tmp_path / "disk", 40)
    except CannotMount:
        pytest.skip("this machine lets no test mount a disk")
    yield disk
    disk.close()


@pytest.fixture
def relay(disk):
    process = RelayProcess(disk.folder / "relay", within=disk.within)
    process.start()
    yield process
    process.close()


@pytest.fixture
async def member(relay, device_at, new_id, new_capability):
    """A device that has written to a group."""
    client = device_at(relay.url)
    group, capability = new_id(), new_capability()
    await client.create_group(group, capability)
    for _ in range(40):
        await client.append(group, capability, new_id(), BODY)
    return client, group, capability


async def ready(relay, reading=0):
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
        answer = await http.get(f"{relay.url}/readyz?reading={reading}")
    return answer.status_code, answer.json()["wrong"]


async def wait_for(condition):
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110  (it is another process that changes)
            await asyncio.sleep(0.1)


def grow_old(disk):
    """SQLite opens a file by its place in the namespace of the disk only."""
    work = (
        f"from tests.integration.relay_operator import make_old; make_old({str(disk.folder / 'relay/relay.db')!r}, 91)"
    )
    subprocess.run([*disk.within, sys.executable, "-c", work], check=True, timeout=60)


async def held(disk):
    file = disk.seen / "relay" / RESERVE_NAME
    return file.exists() and file.stat().st_size == RESERVE_BYTES


@pytest.fixture
def again(relay, device_at, member):
    """The same device, as after a restart of its app."""
    return lambda: device_at(relay.url, member[0]._key)


async def test_full_disk_lets_people_log_in_and_read_and_says_so_once(disk, relay, device_at, member, again, new_id):
    client, group, capability = member
    await wait_for(lambda: held(disk))
    assert await ready(relay) == (200, [])
    disk.fill()
    with pytest.raises(Offline, match="503"):
        await client.append(group, capability, new_id(), BODY)
    other = again()
    assert len(await other.events(group, capability, 30)) == 10
    assert len(await other.inbox(0)) == 0
    stranger = device_at(relay.url)
    with pytest.raises(Offline, match="503"):
        await stranger.inbox(0)
    for _ in range(3):
        await asyncio.sleep(FRESH_S + 0.1)
        status, wrong = await ready(relay)
        assert (status, "writing" in wrong, "reading" in wrong) == (503, True, False)
    assert (await ready(relay, reading=1))[0] == 200
    disk.empty()
    await wait_for(lambda: is_ready(relay))
    assert (await client.append(group, capability, new_id(), BODY)).seq == 41
    said = await asyncio.to_thread(relay.stop)
    assert said.count("the database takes nothing new") == 2, said  # that it began, and that it is over


async def is_ready(relay):
    return (await ready(relay))[0] == 200


async def test_service_starts_on_a_full_disk_and_the_sweep_makes_room(disk, relay, member, again):
    _, group, capability = member
    await wait_for(lambda: held(disk))
    relay.stop()
    grow_old(disk)
    disk.fill()
    relay.options = ("--keep-days", "0")
    relay.start()
    other = again()
    assert [len(e.body) for e in await other.events(group, capability, 38)] == [60_000] * 2
    await asyncio.to_thread(relay.stop)
    relay.options = ()
    relay.start()

    async def is_swept():
        return {len(e.body) for e in await other.events(group, capability, 0)} == {0}

    await wait_for(is_swept)
    assert len(await again().events(group, capability, 0)) == 40


async def test_sweep_leaves_no_log_behind_that_is_as_large_as_what_it_forgot(disk, relay, member, new_id):
    client, group, capability = member
    for _ in range(200):
        await client.append(group, capability, new_id(), BODY)
    relay.stop()
    grow_old(disk)
    largest = 0
    relay.start()

    async def is_swept():
        nonlocal largest
        log = disk.seen / "relay" / "relay.db-wal"
        largest = max(largest, log.stat().st_size if log.exists() else 0)
        return not any(len(e.body) for e in await client.events(group, capability, 200))

    await wait_for(is_swept)
    assert largest < 6 * 1_048_576
