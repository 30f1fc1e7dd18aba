"""Readers and senders of a relay with many nodes, and the wires between, which break on command.

Nothing here is the app's own client: a reader believes only what the stream says, notes every event it is given, and
complains at once if a number is missing, repeated or out of order.
"""

import asyncio
import contextlib
import itertools
import math
import random
import secrets
from dataclasses import dataclass, field

import httpx

from companion.crypto.primitives import sha256
from companion.wire import format_notice
from services.sync.protocol import encode_octets, erase_hash
from tests.integration.raw_device import RawDevice

PAUSE_S = (0.05, 0.3)  # between two tries
BETWEEN_S = (0.02, 0.15)  # between two messages of one sender
COPIES = 10
LOST = (httpx.HTTPError, OSError)


class Wire:
    """A TCP proxy before one node. It can drop every connection, swallow the answers, or stand still within one."""

    def __init__(self) -> None:
        self.port = 0
        """The node's, as soon as it has one."""
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self.is_swallowing = False
        self.most_bytes = math.inf
        """How much a connection carries back before it stands still until it is cut."""
        self._is_cut = asyncio.Event()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._serving)

    def cut(self) -> None:
        self._is_cut.set()
        self._is_cut = asyncio.Event()
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._join(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            there, far = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            writer.transport.abort()
            self._open.discard(writer)
            return
        self._open.add(far)
        back = asyncio.create_task(self._carry(there, writer, is_answer=True))
        await self._carry(reader, far, is_answer=False)
        await back
        self._open -= {writer, far}

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, is_answer: bool) -> None:
        is_cut, carried = self._is_cut, 0
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                if is_answer and self.is_swallowing:
                    break  # what was asked has been done by now, and nobody hears of it
                target.write(data)
                await target.drain()
                carried += len(data)
                if is_answer and carried > self.most_bytes:
                    await is_cut.wait()
        target.transport.abort()


@dataclass(slots=True)
class Ledger:
    """What everybody saw. Times are of the one loop, in seconds."""

    tried: dict[str, float] = field(default_factory=dict)
    accepted: dict[str, tuple[str, int, float]] = field(default_factory=dict)
    erased: dict[str, tuple[str, int]] = field(default_factory=dict)
    """By the cid of each notice that the service says is there: its group, and a head that it is not beyond."""
    away: list[tuple[float, float]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    copies: int = 0
    refusals: int = 0
    losses: int = 0

    def take_receipt(self, cid: str, group: str, seq: int, at_s: float) -> None:
        known = self.accepted.setdefault(cid, (group, seq, at_s))
        if known[:2] != (group, seq):
            self.wrong.append("two receipts of one message differ")

    def delay_s(self, cid: str, received_s: float) -> float:
        """From the first receipt that the sender held until a reader had the event, less the database's absence."""
        accepted_s = self.accepted[cid][2]
        away = sum(max(0.0, min(received_s, end) - max(accepted_s, start)) for start, end in self.away)
        return max(0.0, received_s - accepted_s - away)


class Person:
    """A device that goes to the next node whenever something goes wrong."""

    def __init__(self, device: RawDevice, urls: list[str], ledger: Ledger, first: int) -> None:
        self.device = device
        self.ledger = ledger
        self._turns = itertools.cycle([*urls[first:], *urls[:first]])
        self.device.url = next(self._turns)

    async def turn(self) -> None:
        self.device.url = next(self._turns)
        await asyncio.sleep(random.uniform(*PAUSE_S))


class Sender(Person):
    """Sends one message after the other, each until there is a receipt."""

    body_bytes = 256
    erase: str | None = None

    async def send(self, groups: dict[str, str], is_over: asyncio.Event) -> None:
        while not is_over.is_set():
            group = random.choice(list(groups))
            await self.send_one(group, groups[group], secrets.token_hex(16))
            await asyncio.sleep(random.uniform(*BETWEEN_S))

    async def send_one(self, group: str, capability: str, cid: str) -> None:
        loop = asyncio.get_running_loop()
        self.ledger.tried[cid] = loop.time()
        while True:
            try:
                body = cid.encode() * (self.body_bytes // 32)
                answer = await self.device.append(group, capability, body, cid, self.erase)
            except LOST:
                self.ledger.losses += 1
            else:
                if answer.status_code in (200, 201):
                    self.ledger.take_receipt(cid, group, answer.json()["seq"], loop.time())
                    return
                self.ledger.refusals += 1
                if answer.status_code != 503:
                    self.ledger.wrong.append(f"an append got {answer.status_code}")
                    return
            await self.turn()

    async def storm(self, groups: dict[str, str]) -> None:
        """Post the same message many times at once, while it is new."""
        group = random.choice(list(groups))
        cid = secrets.token_hex(16)
        await asyncio.gather(*(self.send_one(group, groups[group], cid) for _ in range(COPIES)))
        self.ledger.copies += COPIES - 1


class Eraser(Sender):
    """Sends messages that can be erased, and erases each as soon as it has its receipt."""

    async def send_one(self, group: str, capability: str, cid: str) -> None:
        secret = secrets.token_bytes(32)
        self.erase = erase_hash(secret).hex()
        await super().send_one(group, capability, cid)
        notice = sha256(format_notice(secret)).hex()[:32]
        self.ledger.tried[notice] = asyncio.get_running_loop().time()
        path, content = f"/v1/groups/{group}", {"secret": encode_octets(secret)}
        while True:
            try:
                answer = await self.device.call("POST", f"{path}/erase", json=content)
                if answer.status_code == 200:
                    shows = {"companion-capability": capability}
                    answer = await self.device.call("GET", f"{path}/events?limit=1", headers=shows)
            except LOST:
                self.ledger.losses += 1
            else:
                if answer.status_code == 200:
                    self.ledger.erased[notice] = (group, answer.json()["head"])
                    return
                if answer.status_code != 503:
                    self.ledger.wrong.append(f"an erasure got {answer.status_code}")
                    return
            await self.turn()


class Reader(Person):
    """Follows groups and keeps (cid, time) of each event at its number's place."""

    def __init__(self, device: RawDevice, urls: list[str], ledger: Ledger, first: int, groups: dict[str, str]) -> None:
        super().__init__(device, urls, ledger, first)
        self._groups = groups
        self.log: dict[str, list[tuple[str, float]]] = {group: [] for group in groups}
        self.changed = asyncio.Event()

    async def read(self) -> None:
        while True:
            cursors = [(group, capability, len(self.log[group])) for group, capability in self._groups.items()]
            try:
                async with self.device.stream(*cursors) as frames:
                    async for kind, fields in frames:
                        if kind == "event":
                            self._take(fields)
                        elif kind == "refused":
                            self.ledger.wrong.append(f"a reader was refused: {fields['error']}")
            except LOST:
                self.ledger.losses += 1
            await self.turn()

    def _take(self, fields: dict) -> None:
        log = self.log[fields["group"]]
        if fields["seq"] != len(log) + 1:
            self.ledger.wrong.append(f"event {fields['seq']} after {len(log)}")
        log.append((fields["cid"], asyncio.get_running_loop().time()))
        self.changed.set()

    async def until(self, heads: dict[str, int], deadline_s: float) -> None:
        """Wait until the reader has this much of each group."""
        async with asyncio.timeout(deadline_s):
            while any(len(self.log[group]) < head for group, head in heads.items()):
                self.changed.clear()
                await self.changed.wait()


def judge(readers: list[Reader], ledger: Ledger, groups: dict[str, str]) -> dict[str, object]:
    """Check that all saw the same, once and in order, and return the figures."""
    assert ledger.wrong == []
    for group in groups:
        logs = [[cid for cid, _ in reader.log[group]] for reader in readers]
        assert all(log == logs[0] for log in logs), "readers saw different logs"
        assert len(set(logs[0])) == len(logs[0]), "an event came twice"
        assert set(logs[0]) <= ledger.tried.keys(), "an event that nobody sent"
        assert {cid for cid, (where, _) in ledger.erased.items() if where == group} <= set(logs[0]), "a notice is lost"
        for cid, (where, seq, _) in ledger.accepted.items():
            if where == group:
                assert logs[0][seq - 1] == cid, "a receipt does not match the log"
    delays = sorted(
        ledger.delay_s(cid, at_s) for reader in readers for log in reader.log.values() for cid, at_s in log
        if cid in ledger.accepted
    )  # fmt: skip
    return {
        "messages": len(ledger.accepted),
        "deliveries": len(delays),
        "copies": ledger.copies,
        "erased": len(ledger.erased),
        "lost_connections": ledger.losses,
        "refusals_503": ledger.refusals,
        "database_away_s": round(sum(end - start for start, end in ledger.away), 1),
        "delay_p50_ms": round(1e3 * delays[len(delays) // 2]),
        "delay_p99_ms": round(1e3 * delays[int(len(delays) * 0.99)]),
        "delay_worst_ms": round(1e3 * delays[-1]),
    }
