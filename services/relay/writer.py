"""One thread that owns the writing connection and commits many jobs at once.

A commit costs one fsync however many jobs it carries, so jobs that arrive while one commit runs share the next. Results
reach the event loop only after the commit, in the order of the jobs.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import apsw

from services.relay.refusal import Refusal, busy

BATCH_MOST = 256
WAITING_MOST = 1_024

T = TypeVar("T")


class Batch(Protocol):
    """The state of one transaction beyond what SQLite holds: rows read once, written once."""

    def flush(self) -> None:
        """Write what the jobs changed; runs inside the transaction."""

    def committed(self) -> None:
        """Take the changes over; runs on the writer thread after the commit."""

    def announce(self) -> None:
        """Tell the readers; runs on the event loop after the commit."""


@dataclass(slots=True)
class _Job:
    work: Callable[[Any], object]
    future: asyncio.Future[Any]
    result: object = None
    problem: Exception | None = None


class Writer:
    """Runs jobs one after the other in shared transactions."""

    def __init__(self, connection: apsw.Connection, new_batch: Callable[[], Batch]) -> None:
        self._connection = connection
        self._new_batch = new_batch
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._waiting = 0
        self._is_closed = False
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name="relay-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[Any], T]) -> T:
        """Run `work(batch)` in the next transaction and return its result once that is on the disk.

        A job that raises Refusal must not have changed anything. Raises Refusal 503 if too many jobs wait or the
        database cannot take the batch.
        """
        if self._is_closed or self._waiting >= WAITING_MOST:
            raise busy()
        self._waiting += 1
        job = _Job(work, self._loop.create_future())
        self._jobs.put(job)
        result: T = await job.future
        return result

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
        batch = self._new_batch()
        try:
            self._connection.execute("begin immediate")
            for job in jobs:
                try:
                    job.result = job.work(batch)
                except Refusal as refusal:
                    job.problem = refusal
            batch.flush()
            self._connection.execute("commit")
        except Exception as error:  # edge: whatever one batch does, the thread lives on
            self._roll_back()
            is_lack = isinstance(error, apsw.FullError | apsw.IOError | apsw.BusyError | apsw.CantOpenError)
            for job in jobs:
                job.problem = busy() if is_lack else error
            return None
        batch.committed()
        return batch

    def _roll_back(self) -> None:
        if self._connection.in_transaction:  # SQLite has rolled back by itself after some errors
            self._connection.execute("rollback")

    def _deliver(self, jobs: list[_Job], batch: Batch | None) -> None:
        self._waiting -= len(jobs)
        if batch is not None:
            batch.announce()
        for job in jobs:
            if job.future.done():
                continue
            if job.problem is not None:
                job.future.set_exception(job.problem)
            else:
                job.future.set_result(job.result)
