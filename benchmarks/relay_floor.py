"""The least that appends durably, in order, and streams live: what `benchmarks.relay` measures our relay against.

No sessions, capabilities, quotas, limits or restarts. It shows what this machine allows and is not a service.
"""

import asyncio
import base64
import queue
import socket
import sqlite3
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

BATCH_MOST = 256
TAIL_FRAMES = 256


class Floor:
    """One table, one writer thread with group commit, one tail and one wake-up for each group."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._jobs: queue.SimpleQueue[tuple[str, str, bytes, asyncio.Future[int]]] = queue.SimpleQueue()
        self._heads: dict[str, int] = {}
        self._tails: dict[str, deque[tuple[int, bytes]]] = {}
        self._wakes: dict[str, asyncio.Future[None]] = {}

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._write, daemon=True).start()
        yield

    def _write(self) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute("create table event(gid, seq, cid, body, primary key(gid, seq)) without rowid")
        connection.execute("create unique index event_cid on event(gid, cid)")
        while True:
            jobs = [self._jobs.get()]
            while len(jobs) < BATCH_MOST and not self._jobs.empty():
                jobs.append(self._jobs.get())
            done = []
            connection.execute("begin immediate")
            for gid, cid, body, future in jobs:
                seq = self._heads[gid] = self._heads.get(gid, 0) + 1
                connection.execute("insert into event values(?, ?, ?, ?)", (gid, seq, cid, body))
                done.append((gid, seq, body, future))
            connection.execute("commit")
            self._loop.call_soon_threadsafe(self._deliver, done)

    def _deliver(self, done: list[tuple[str, int, bytes, asyncio.Future[int]]]) -> None:
        for gid, seq, body, future in done:
            frame = b"id: %d\ndata: %s\n\n" % (seq, base64.b64encode(body))
            self._tails.setdefault(gid, deque(maxlen=TAIL_FRAMES)).append((seq, frame))
            future.set_result(seq)
        for gid in {gid for gid, *_ in done}:
            if wake := self._wakes.pop(gid, None):
                wake.set_result(None)

    async def append(self, request: Request) -> Response:
        future: asyncio.Future[int] = self._loop.create_future()
        gid, cid = request.path_params["gid"], request.headers["idempotency-key"]
        self._jobs.put((gid, cid, await request.body(), future))
        return Response(b'{"seq":%d}' % await future, 201, media_type="application/json")

    async def stream(self, request: Request) -> StreamingResponse:
        gid = request.path_params["gid"]

        async def frames() -> AsyncIterator[bytes]:
            yield b": open\n\n"
            last = 0
            while True:
                fresh = [frame for frame in self._tails.get(gid, ()) if frame[0] > last]
                if fresh:
                    last = fresh[-1][0]
                    yield b"".join(frame for _, frame in fresh)
                    continue
                wake = self._wakes.setdefault(gid, self._loop.create_future())
                done, _ = await asyncio.wait([wake], timeout=15)
                if not done:
                    yield b": keep\n\n"

        return StreamingResponse(frames(), media_type="text/event-stream")


def main() -> None:
    floor = Floor(sys.argv[1])
    listener = socket.create_server(("127.0.0.1", 0), backlog=2_048)
    app = Starlette(
        routes=[
            Route("/g/{gid}/events", floor.append, methods=["POST"]),
            Route("/g/{gid}/stream", floor.stream, methods=["POST"]),
        ],
        lifespan=floor.lifespan,
    )
    print(f"Listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(app, log_level="error", access_log=False, ws="none", timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
