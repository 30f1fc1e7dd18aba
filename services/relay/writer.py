"""SQLite's one writer: a thread that owns the writing connection and commits many jobs at once.

A commit costs one fsync however many jobs it carries, so jobs that arrive while one commit runs share the next. Results
and news reach the event loop only after the commit, in the order of the jobs. It knows no table but the counters.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import apsw

from services.relay.hub import Listener, News
from services.relay.meters import Cost, Meters
from services.relay.refusal import Refusal, busy

BATCH_MOST = 256
WAITING_MOST = 1_024
LOG_MOST_BYTES = 16 * 1_048_576

T = TypeVar("T")
Value = bytes | str | int | None


class Batch:
    """One transaction of many jobs. A job raises Refusal before it changes anything."""

    def __init__(self, connection: apsw.Connection, meters: Meters) -> None:
        self.connection = connection
        self._meters = meters
        self._news: list[tuple[bytes, News]] = []
        self._hints: list[bytes] = []
        self._lost: list[bytes] = []

    def execute(self, sql: str, *values: Value) -> list[tuple[Any, ...]]:
        return list(self.connection.execute(sql, values))

    def row(self, sql: str, *values: Value) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self.connection.execute(sql, values).fetchone()
        return row

    def take(self, at_ms: int, *costs: Cost) -> None:
        """Count all the costs, or none and raise 429."""
        self._meters.take(self.connection, at_ms, *costs)

    def publish(self, key: bytes, news: News) -> None:
        """Hand this to the readers of a group after the commit."""
        self._news.append((key, news))

    def tell(self, key: bytes) -> None:
        """Let the readers of a group or an inbox look again after the commit."""
        self._hints.append(key)

    def lose(self, device: bytes) -> None:
        """Let everybody know after the commit that a device is gone."""
        self._lost.append(device)

    def announce(self, listener: Listener) -> None:
        for key, news in self._news:
            listener.publish(key, news)
        for key in self._hints:
            listener.hint(key)
        for device in self._lost:
            listener.gone(device)


class Kept(Protocol):
    """Rows that stay in memory between transactions, which is right because nobody else writes to the database."""

    def flush(self, connection: apsw.Connection) -> None:
        """Write what changed. Runs inside the transaction."""

    def forget(self) -> None:
        """The transaction was rolled back: what is in memory may never have been."""


class Write(Protocol):
    """Runs a job in the next transaction. Raises what it raises, and 503 if the database takes nothing.

    A job that `frees` room, or takes none to speak of, may go also where the disk is as good as full.
    """

    async def __call__(self, work: Callable[[Batch], T], *, frees: bool = False) -> T: ...


class Read(Protocol):
    """Runs a job on a reading connection, which never waits for a write."""

    async def __call__(self, work: Callable[[apsw.Connection], T]) -> T: ...


@dataclass(slots=True)
class _Job:
    work: Callable[[Batch], object]
    future: asyncio.Future[Any]
    frees: bool
    result: object = None
    problem: Exception | None = None


class Writer:
    """Runs jobs one after the other in shared transactions."""

    def __init__(
        self, connection: apsw.Connection, listener: Listener, kept: Sequence[Kept], is_short: Callable[[], bool]
    ) -> None:
        self._connection = connection
        self._listener = listener
        self._is_short = is_short
        self._meters = Meters()
        self._kept = (self._meters, *kept)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._waiting = 0
        self._is_closed = False
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name="relay-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[Batch], T], *, frees: bool = False) -> T:
        """Run `work(batch)` in the next transaction and return its result once that is on the disk.

        A job that raises Refusal must not have changed anything. Raises Refusal 503 if too many jobs wait or the
        database cannot take the batch.
        """
        if self._is_closed or self._waiting >= WAITING_MOST:
            raise busy()
        self._waiting += 1
        job = _Job(work, self._loop.create_future(), frees)
        self._jobs.put(job)
        result: T = await job.future
        return result

    async def sweep(self, at_ms: int) -> None:
        """Forget the counters whose time is over."""
        await self.run(lambda batch: self._meters.sweep(batch.connection, at_ms), frees=True)

    async def close(self) -> None:
        """Finish what waits, then end the thread."""
        self._is_closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        is_open = True
        while is_open:
            jobs: list[_Job] = []
            first = self._jobs.get()
            while first is not None:
                jobs.append(first)
                if len(jobs) == BATCH_MOST or self._jobs.empty():
                    break
                first = self._jobs.get()
            is_open = first is not None
            if jobs:
                batch = self._commit(jobs)
                self._loop.call_soon_threadsafe(self._deliver, jobs, batch)

    def _commit(self, jobs: list[_Job]) -> Batch | None:
        batch = Batch(self._connection, self._meters)
        is_short = self._is_short()
        try:
            self._connection.execute("begin immediate")
            for job in jobs:
                if is_short and not job.frees:
                    job.problem = busy()
                    continue
                try:
                    job.result = job.work(batch)
                except Refusal as refusal:
                    job.problem = refusal
            for rows in self._kept:
                rows.flush(self._connection)
            self._connection.execute("commit")
            self._trim()
        except Exception as error:  # edge: whatever one batch does, the thread lives on
            self._roll_back()
            is_lack = isinstance(error, apsw.FullError | apsw.IOError | apsw.BusyError | apsw.CantOpenError)
            for job in jobs:
                job.problem = busy() if is_lack else error
            return None
        return batch

    def _trim(self) -> None:
        """Bring the log that SQLite writes ahead into the database where it has grown, and cut it off."""
        log = Path(self._connection.filename_wal)
        if log.exists() and log.stat().st_size > LOG_MOST_BYTES:
            with contextlib.suppress(apsw.BusyError, apsw.LockedError):  # somebody reads in it: after the next commit
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def _roll_back(self) -> None:
        for rows in self._kept:
            rows.forget()
        if self._connection.in_transaction:  # SQLite has rolled back by itself after some errors
            self._connection.execute("rollback")

    def _deliver(self, jobs: list[_Job], batch: Batch | None) -> None:
        self._waiting -= len(jobs)
        for job in jobs:  # before the news: who waits for a receipt goes on while the readers are served
            if job.future.done():
                continue
            if job.problem is not None:
                job.future.set_exception(job.problem)
            else:
                job.future.set_result(job.result)
        if batch is not None:
            batch.announce(self._listener)
