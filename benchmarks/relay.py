"""Our relay against the least that keeps the same promise, on the same machine in the same run.

    uv run python -m benchmarks.relay [--quick]

The promise: a message is on the disk before its sender hears so, and each member of the group gets it live, in order.
The floor (`relay_floor.py`) keeps no more than that; ours also checks sessions and capabilities, and counts quotas and
rates. Short runs of the two take turns and one line of JSON at the end gives the ratios: messages a second with 8
senders that wait for each receipt (`closed_vs_floor`), the 99th percentile of the delivery time at a steady rate, and
the server's processor time a message; then memory with 50 live members, and memory of each of 5,000 idle streams.
`missing` and `double` count deliveries to every reader of every run of ours.
"""

import argparse
import asyncio
import json
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from companion.crypto.primitives import sign, signing_keypair
from companion.devices import device_id
from services.sync.protocol import decode_octets, encode_octets, session_message

SENDERS = 8
MEMBERS = 12
LIVE_MEMBERS = 50
BODY_BYTES = 700
PACED_PER_S = 20
START_S = 30
SETTLE_S = 30
MARK = 16  # letters of base64 that tell one message from all others


class Connection:
    """One HTTP connection, kept open. As little as possible, so that the load costs less than the server."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**20)

    async def send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> int:
        """Send a request, read the head of the answer, and return its status."""
        lines = [f"{method} {path} HTTP/1.1", f"host: 127.0.0.1:{self.port}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        self.head = await self.reader.readuntil(b"\r\n\r\n")
        return int(self.head[9:12])

    async def call(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        status = await self.send(method, path, headers, body)
        length = re.search(rb"content-length: (\d+)", self.head)
        answer = await self.reader.readexactly(int(length[1]) if length else 0)
        if status not in (200, 201):
            raise SystemExit(f"{path} answered {status}: {answer[:200]!r}")
        return answer

    def close(self) -> None:
        self.writer.close()


@dataclass(slots=True)
class Run:
    """What one run of one load told."""

    accepted: dict[bytes, float] = field(default_factory=dict)
    sent: dict[bytes, float] = field(default_factory=dict)
    seen: list[list[bytes]] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    seconds: float = 0
    cpu_s: float = 0

    @property
    def missing(self) -> int:
        return sum(len(self.sent.keys() - set(seen)) for seen in self.seen)

    @property
    def double(self) -> int:
        return sum(len(seen) - len(set(seen)) for seen in self.seen)


class Server:
    """A server process under test; the subclasses know how to speak to it."""

    mark: re.Pattern[bytes]

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        self.process = subprocess.Popen(self.command(), stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])
        self.watched = psutil.Process(self.process.pid)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(START_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def cpu_s(self) -> float:
        times = self.watched.cpu_times()
        return float(times.user + times.system)

    def rss_bytes(self) -> int:
        return int(self.watched.memory_info().rss)

    async def make_group(self) -> None: ...

    async def member(self) -> dict[str, str]:
        """Return the headers of a new member."""
        return {}

    def stream_request(self) -> tuple[str, bytes]:
        raise NotImplementedError

    def append_path(self) -> str:
        raise NotImplementedError


class FloorServer(Server):
    mark = re.compile(rb"data: (.{%d})" % MARK)

    def command(self) -> list[str]:
        return [sys.executable, "-m", "benchmarks.relay_floor", str(self.folder / "floor.db")]

    async def make_group(self) -> None:
        self.group = secrets.token_hex(16)

    def stream_request(self) -> tuple[str, bytes]:
        return f"/g/{self.group}/stream", b""

    def append_path(self) -> str:
        return f"/g/{self.group}/events"


class RelayServer(Server):
    mark = re.compile(rb'"body":"(.{%d})' % MARK)

    def command(self) -> list[str]:
        options = ["--port", "0", "--data", str(self.folder / "relay")]
        options += ["--events-per-minute", "1000000", "--newcomer-bytes-per-day", str(2**50)]
        return [sys.executable, "-m", "services.relay", "serve", *options]

    async def make_group(self) -> None:
        self.group, self.capability = secrets.token_hex(16), secrets.token_hex(32)
        headers = await self.member()
        body = json.dumps({"group": self.group, "capability": self.capability}).encode()
        connection = Connection(self.port)
        await connection.open()
        await connection.call("POST", "/v1/groups", headers, body)
        connection.close()

    async def member(self) -> dict[str, str]:
        private, public = signing_keypair()
        device = bytes.fromhex(device_id(public))
        connection = Connection(self.port)
        await connection.open()
        answer = await connection.call("POST", "/v1/challenges", {}, json.dumps({"device": device.hex()}).encode())
        nonce = json.loads(answer)["nonce"]
        at_ms = time.time_ns() // 1_000_000
        origin = f"http://127.0.0.1:{self.port}"
        message = session_message(origin=origin, device=device, nonce=decode_octets(nonce), at_ms=at_ms)
        proof = {
            "device": device.hex(),
            "public_key": encode_octets(public),
            "nonce": nonce,
            "at_ms": at_ms,
            "signature": encode_octets(sign(private, message)),
        }
        answer = await connection.call("POST", "/v1/sessions", {}, json.dumps(proof).encode())
        connection.close()
        return {
            "authorization": "Bearer " + json.loads(answer)["token"],
            "companion-capability": self.capability,
        }

    def stream_request(self) -> tuple[str, bytes]:
        group = {"group": self.group, "capability": self.capability, "since": 0}
        return "/v1/stream", json.dumps({"groups": [group]}).encode()

    def append_path(self) -> str:
        return f"/v1/groups/{self.group}/events"


async def open_stream(server: Server, headers: dict[str, str]) -> Connection:
    connection = Connection(server.port)
    await connection.open()
    path, body = server.stream_request()
    if await connection.send("POST", path, headers, body) != 200:
        raise SystemExit("a stream was refused")
    return connection


async def read(server: Server, stream: Connection, run: Run, seen: list[bytes]) -> None:
    rest = b""
    while chunk := await stream.reader.read(2**16):
        now = time.perf_counter()
        whole, end, rest = (rest + chunk).rpartition(b"\n\n")
        for mark in server.mark.findall(whole + end):
            seen.append(mark)
            run.delays.append(now - run.sent[mark])


async def send_one(server: Server, connection: Connection, headers: dict[str, str], run: Run) -> None:
    body = secrets.token_bytes(BODY_BYTES)
    mark = encode_octets(body[:12]).encode()
    if isinstance(server, FloorServer):
        mark = mark.replace(b"-", b"+").replace(b"_", b"/")
    run.sent[mark] = time.perf_counter()
    await connection.call("POST", server.append_path(), {**headers, "idempotency-key": secrets.token_hex(16)}, body)
    run.accepted[mark] = time.perf_counter()


async def closed(server: Server, senders: list[tuple[Connection, dict[str, str]]], run: Run, seconds: float) -> None:
    end = time.perf_counter() + seconds

    async def one(connection: Connection, headers: dict[str, str]) -> None:
        while time.perf_counter() < end:
            await send_one(server, connection, headers, run)

    await asyncio.gather(*(one(*sender) for sender in senders))


async def paced(server: Server, senders: list[tuple[Connection, dict[str, str]]], run: Run, seconds: float) -> None:
    start = time.perf_counter()
    tasks = []
    for number in range(int(seconds * PACED_PER_S)):
        await asyncio.sleep(max(0, start + number / PACED_PER_S - time.perf_counter()))
        tasks.append(asyncio.create_task(send_one(server, *senders[number % len(senders)], run)))
        if number >= len(senders):
            await tasks[number - len(senders)]  # a connection carries one request at a time
    await asyncio.gather(*tasks)


Load = Callable[[Server, list[tuple[Connection, dict[str, str]]], Run, float], Awaitable[None]]


async def measure(server: Server, load: Load, seconds: float, members: int) -> Run:
    """Run one load with `members` live readers and wait until all of them have everything."""
    await server.make_group()
    run = Run()
    headers = [await server.member() for _ in range(members)]
    streams = [await open_stream(server, h) for h in headers]
    run.seen = [[] for _ in streams]
    readers = [
        asyncio.create_task(read(server, stream, run, seen)) for stream, seen in zip(streams, run.seen, strict=True)
    ]
    senders = []
    for index in range(SENDERS):
        connection = Connection(server.port)
        await connection.open()
        senders.append((connection, headers[index]))
    cpu_s, start = server.cpu_s(), time.perf_counter()
    await load(server, senders, run, seconds)
    run.seconds = time.perf_counter() - start
    deadline = time.perf_counter() + SETTLE_S
    # An event would have to be set for each delivery, and cost more than this look.
    while any(len(seen) < len(run.sent) for seen in run.seen) and time.perf_counter() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    run.cpu_s = server.cpu_s() - cpu_s
    for task in readers:
        task.cancel()
    for connection in [*streams, *(connection for connection, _ in senders)]:
        connection.close()
    await asyncio.gather(*readers, return_exceptions=True)
    return run


@asynccontextmanager
async def running(kind: type[Server]) -> AsyncIterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        server = kind(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


async def compare(rounds: int, seconds: float) -> tuple[dict[str, float], list[Run]]:
    """Load both servers in turn, round after round, and return the ratios and the runs of ours.

    Both run all the time and the order changes each round, so that other work on the machine meets both alike.
    """
    runs: dict[tuple[type[Server], Load], list[Run]] = {}
    async with running(FloorServer) as floor, running(RelayServer) as ours:
        for server in (floor, ours):
            await measure(server, closed, 0.5, MEMBERS)
        for number in range(rounds):
            for load in (closed, paced):
                for server in (floor, ours) if number % 2 else (ours, floor):
                    run = await measure(server, load, seconds, MEMBERS)
                    runs.setdefault((type(server), load), []).append(run)
    rates, costs, p99s = {}, {}, {}
    for kind in (FloorServer, RelayServer):
        rates[kind] = [len(run.accepted) / run.seconds for run in runs[kind, closed]]
        costs[kind] = [run.cpu_s / len(run.accepted) for run in runs[kind, closed]]
        delays = [delay for run in runs[kind, paced] for delay in run.delays]
        p99s[kind] = statistics.quantiles(delays, n=100)[98]
        print(
            f"{kind.__name__:12} {statistics.median(rates[kind]):7.0f} messages/s   "
            f"delivery p99 {p99s[kind] * 1e3:6.1f} ms   {statistics.median(costs[kind]) * 1e6:5.0f} us CPU a message"
        )
    ratios = {
        "closed_vs_floor": median_ratio(rates[RelayServer], rates[FloorServer]),
        "deliver_p99_vs_floor": p99s[RelayServer] / p99s[FloorServer],
        "cpu_per_message_vs_floor": median_ratio(costs[RelayServer], costs[FloorServer]),
    }
    return ratios, runs[RelayServer, closed] + runs[RelayServer, paced]


def median_ratio(ours: list[float], floor: list[float]) -> float:
    return statistics.median(mine / least for mine, least in zip(ours, floor, strict=True))


async def memory(idle: int) -> tuple[dict[str, float], Run]:
    async with running(RelayServer) as server:
        run = await measure(server, paced, 2, LIVE_MEMBERS)
        rss = server.rss_bytes()
        await server.make_group()  # an empty one: these streams have nothing to read
        members = []
        for _ in range(0, idle // 2, 50):
            members += await asyncio.gather(*(server.member() for _ in range(50)))
        before = server.rss_bytes()
        streams = []
        for start in range(0, len(members), 50):
            some = members[start : start + 50]
            streams += await asyncio.gather(*(open_stream(server, h) for h in (*some, *some)))
        each = (server.rss_bytes() - before) / len(streams) / 1024
        for stream in streams:
            stream.close()
    return {"rss_mb": rss / 2**20, "idle_kb_per_connection": each}, run


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="shorter runs and fewer of them")
    is_quick = parser.parse_args().quick
    ratios, runs = asyncio.run(compare(*((6, 2.0) if is_quick else (15, 6.0))))
    remembered, run = asyncio.run(memory(5_000))
    runs.append(run)
    result = {name: round(value, 2) for name, value in ratios.items()}
    result |= {name: round(value, 1) for name, value in remembered.items()}
    result |= {"missing": sum(r.missing for r in runs), "double": sum(r.double for r in runs)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
