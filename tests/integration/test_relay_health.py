"""`readyz` tells the truth about what does not work, and the log says it once."""

import asyncio
import contextlib
import select
from http.client import HTTPConnection

import httpx
import psutil
import pytest

from services.relay.operate.health import FRESH_S, SENTENCES
from tests.integration.people import until
from tests.integration.test_deploy import free_port


async def ready(relay, reading=0):
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        answer = await http.get(f"{relay.url}/readyz?reading={reading}")
    return answer.status_code, answer.json()["wrong"]


async def wrong_three_times(relay):
    """Ask so that it looks anew each time."""
    seen = []
    for _ in range(3):
        await asyncio.sleep(FRESH_S + 0.1)
        seen.append(await ready(relay))
    assert seen == [seen[0]] * 3
    return seen[0]


async def check_said_once(relay, name):
    assert await wrong_three_times(relay) == (503, [name])
    assert (await ready(relay, reading=1)) == (200, [name])
    said = await asyncio.to_thread(relay.stop)
    assert said.count(SENTENCES[name]) == 1, said


async def test_all_is_well_and_nothing_is_said(relay):
    assert await ready(relay) == (200, [])
    assert await asyncio.to_thread(relay.stop) == ""


async def test_dead_object_store(make_relay, objects):
    place = f"s3://bucket?endpoint=http://127.0.0.1:{free_port()}"
    await check_said_once(make_relay("--blobs", place, environment=objects.environment), "blobs")


async def test_mistyped_object_store(make_relay, objects):
    place = "s3://bucket?endpoint=http://no-such-host.invalid"
    await check_said_once(make_relay("--blobs", place, environment=objects.environment), "blobs")


async def test_object_store_with_other_keys(make_relay, objects):
    place = objects.place()
    environment = {**objects.environment, "AWS_SECRET_ACCESS_KEY": "another"}
    await check_said_once(make_relay("--blobs", place, environment=environment), "blobs")


async def test_place_for_blobs_that_went_away(relay):
    assert await ready(relay) == (200, [])
    (relay.data / "blobs").rmdir()
    (relay.data / "blobs").write_text("a file")
    await check_said_once(relay, "blobs")


async def test_lost_push_key(relay):
    assert await ready(relay) == (200, [])
    relay.stop()
    (relay.data / "push.key").unlink()
    relay.start()
    await check_said_once(relay, "pushes")


async def test_no_descriptors_left(relay):
    assert await ready(relay) == (200, [])
    process = psutil.Process(relay.process.pid)
    process.rlimit(psutil.RLIMIT_NOFILE, (process.num_fds() + 10, process.rlimit(psutil.RLIMIT_NOFILE)[1]))
    await check_said_once(relay, "descriptors")


@pytest.fixture
def narrow(tmp_path):
    from tests.relay_process import RelayProcess

    process = RelayProcess(tmp_path / "narrow", within=("prlimit", "--nofile=200:200"))
    process.start()
    yield process
    process.close()


@pytest.fixture
def connect(narrow):
    """Open connections that end with the test."""
    with contextlib.ExitStack() as stack:

        def connect():
            connection = HTTPConnection("127.0.0.1", narrow.port, timeout=20)
            connection.connect()
            stack.callback(connection.close)
            return connection

        yield connect


def ask(connection):
    connection.request("GET", "/healthz")
    with connection.getresponse() as answer:
        return answer.status, len(answer.read())


def is_let_go(connection):
    """All that was asked is answered, so nothing but an end can come."""
    return bool(select.select([connection.sock], [], [], 0)[0])


async def let_go(connections, count):
    """Wait until so many are closed, and return which are."""

    async def are_so_many():
        return sum(map(is_let_go, connections)) >= count

    await until(are_so_many)
    return [is_let_go(one) for one in connections]


async def test_many_connections_leave_room_for_those_who_are_here(narrow, device_at, connect, new_id, new_capability):
    member = device_at(narrow.url)
    group, capability = new_id(), new_capability()
    await member.create_group(group, capability)
    for _ in range(150):
        connect()
    blob = new_id()

    async def read(offset, length):
        return bytes(length)

    await member.append(group, capability, new_id(), b"still here")
    await member.put_blob(blob, 100, read)
    assert await member.get_blob(blob, 0, 100) == bytes(100)
    assert await asyncio.to_thread(narrow.stop) == ""


async def test_who_has_asked_something_is_kept_when_room_runs_short(connect):
    here = connect()
    first = ask(here)
    await let_go([connect() for _ in range(150)], 50)
    assert ask(here) == first


async def test_of_those_who_have_asked_the_quietest_are_let_go(connect):
    here = [connect() for _ in range(95)]
    for one in here:
        ask(one)
    for _ in range(30):
        connect()
    gone = await let_go(here, 8)
    assert (sum(gone), any(gone[48:])) == (8, False), "the loop's clock knows milliseconds, in which several ask"
