"""The relay's database in one SQLite file: the default for one machine.

Write-ahead log, an fsync for each commit, and deleted bytes overwritten. Reads have their own connections and never
wait for a write.
"""

import asyncio
import json
import os
import queue
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import apsw

from companion.times import Sure
from services.relay.blobs import sqlite as blobs
from services.relay.blobs.store import BlobStore
from services.relay.database.store import Figures, MovedDatabase, UnknownDatabase, figures_of, time_of
from services.relay.database.tables import (
    INCARNATION,
    LATER,
    MOVED,
    NEWEST,
    SCHEMA_VERSION,
    SQLITE,
    SQLITE_FIGURES,
    TIME,
    bound,
)
from services.relay.devices.sqlite import SqliteDevices
from services.relay.devices.store import DeviceStore
from services.relay.hub import Listener
from services.relay.keep.sqlite import SqliteKeep
from services.relay.keep.store import KeepStore
from services.relay.limits import Quotas
from services.relay.log.sqlite import SqliteLog
from services.relay.log.store import LogStore
from services.relay.push import sqlite as push
from services.relay.push.store import PushStore
from services.relay.refusal import busy
from services.relay.room import Room
from services.relay.writer import Batch, Writer

DATABASE_NAME = "relay.db"
APPLICATION_ID = 0x434D504E  # "CMPN"
READERS = 2
PAGE_BYTES = 4_096
CHECKPOINT_PAGES = 1_000

T = TypeVar("T")


class SqliteDatabase:
    """A `Database` in one file, served by one process. `key` hides who wrote to whom; without one it is forgotten."""

    def __init__(
        self, path: Path, quotas: Quotas | None = None, most_bytes: int | None = None, key: bytes | None = None
    ) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._room = Room(path.parent)
        self._readers: queue.SimpleQueue[apsw.Connection] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(READERS, "relay-reader")
        self._incarnation = ""
        quotas = quotas or Quotas()
        log = SqliteLog(self._write, self._read, quotas)
        self._rows = log.rows
        forgetting = (push.forget_device, blobs.forget_device, log.forget_device)
        self.log: LogStore = log
        self.keep: KeepStore = SqliteKeep(self._write, log.rows, quotas)
        self.devices: DeviceStore = SqliteDevices(
            self._write, self._read, quotas, forgetting, key or secrets.token_bytes(32)
        )
        self.blobs: BlobStore = blobs.SqliteBlobs(self._write, self._read, quotas)
        self.push: PushStore = push.SqlitePush(self._write, self._read)

    @property
    def incarnation(self) -> str:
        return self._incarnation

    async def open(self, listener: Listener) -> None:
        self._connection = await asyncio.to_thread(self._connect_with_reserve)
        for _ in range(READERS):
            reader = apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READONLY)
            reader.set_busy_timeout(5_000)
            self._readers.put(reader)
        self._writer = Writer(self._connection, listener, [self._rows], self._room.is_short)

    async def close(self) -> None:
        await self._writer.close()
        self._threads.shutdown(wait=True)
        for _ in range(READERS):
            self._readers.get().close()
        self._connection.close()

    async def check(self) -> None:
        await self._read(lambda connection: list(connection.execute("select 1 from meta limit 1")))

    async def known_time(self) -> tuple[Sure | None, int]:
        def job(connection: apsw.Connection) -> tuple[Sure | None, int]:
            kept = list(connection.execute("select value from meta where key = ?", (TIME,)))
            return time_of(kept[0][0]) if kept else None, int(next(connection.execute(NEWEST))[0])

        return await self._read(job)

    async def keep_time(self, known: Sure) -> None:
        text = json.dumps(known.to_doc(TIME))
        sql = "insert or replace into meta(key, value) values(?, ?)"
        await self._write(lambda batch: batch.execute(sql, TIME, text), frees=True)

    @contextmanager
    def making_room(self) -> Iterator[None]:
        with self._room.spent():
            yield
        self._room.keep()

    async def probe(self) -> None:
        def job(batch: Batch) -> None:
            batch.execute("insert or replace into meta(key, value) values('probe', ?)", secrets.token_hex(8))

        await self._write(job)

    async def operate(self, statements: Sequence[str], *values: bytes) -> int:
        def job(batch: Batch) -> int:
            return sum(len(batch.execute(sql.replace("$", "?"), *bound(sql, values))) for sql in statements)

        return await self._write(job, frees=True)

    async def sweep(self, at_ms: int) -> None:
        await self._writer.sweep(at_ms)
        await self.log.sweep(at_ms)
        await self.devices.sweep(at_ms)

    async def figures(self) -> Figures:
        return await self._read(read_figures)

    async def _write(self, work: Callable[[Batch], T], *, frees: bool = False) -> T:
        return await self._writer.run(work, frees=frees)

    async def _read(self, work: Callable[[apsw.Connection], T]) -> T:
        def with_reader() -> T:
            reader = self._readers.get()
            try:
                return work(reader)
            finally:
                self._readers.put(reader)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, with_reader)
        except (apsw.BusyError, apsw.IOError, apsw.CantOpenError):
            raise busy() from None

    def _connect_with_reserve(self) -> apsw.Connection:
        with self._room.spent():
            return self._connect()

    def _connect(self) -> apsw.Connection:
        self._path.touch(mode=0o600)
        connection = apsw.Connection(str(self._path))
        connection.set_busy_timeout(5_000)
        if list(connection.execute("select 1 from sqlite_master limit 1")):
            try:
                check_ours(connection)
                check_here(connection)
            except UnknownDatabase:
                connection.close()
                raise
        for name, value in (
            ("page_size", PAGE_BYTES),
            ("journal_mode", "wal"),
            ("synchronous", "full"),
            ("secure_delete", "on"),
            ("wal_autocheckpoint", CHECKPOINT_PAGES),
            ("journal_size_limit", CHECKPOINT_PAGES * PAGE_BYTES),
        ):
            connection.pragma(name, value)
        if self._most_bytes is not None:
            connection.pragma("max_page_count", max(1, self._most_bytes // PAGE_BYTES))
        with connection:
            _add_columns(connection)  # first: an index may need them
            connection.execute(SQLITE)
            connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", SCHEMA_VERSION)
            connection.execute(
                "insert or ignore into meta(key, value) values('incarnation', ?)", (os.urandom(16).hex(),)
            )
            rows = connection.execute(INCARNATION)
            self._incarnation = str(next(rows)[0])
            rows.close()
        return connection


def _add_columns(connection: apsw.Connection) -> None:
    for table, columns in LATER.items():
        known = {row[0] for row in connection.execute("select name from pragma_table_info(?)", (table,))}
        for column in columns:
            if known and column.split()[0] not in known:
                connection.execute(f"alter table {table} add column {column}")


def check_ours(connection: apsw.Connection) -> None:
    """Raises UnknownDatabase unless this version of the relay can use the database."""
    version = connection.pragma("user_version")
    if connection.pragma("application_id") != APPLICATION_ID or not 1 <= version <= SCHEMA_VERSION:
        raise UnknownDatabase(f"database version {version}")


def check_here(connection: apsw.Connection) -> None:
    """Raises MovedDatabase if the log goes on somewhere else."""
    if list(connection.execute("select 1 from meta where key = ?", (MOVED,))):
        raise MovedDatabase("its log was moved to PostgreSQL and goes on there")


def read_figures(connection: apsw.Connection) -> Figures:
    return figures_of(next(connection.execute(SQLITE_FIGURES)))
