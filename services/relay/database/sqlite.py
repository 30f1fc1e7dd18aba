"""The relay's log in one SQLite file: the default for one machine.

Write-ahead log, an fsync for each commit, and deleted bytes overwritten. Reads have their own connections and never
wait for a write.
"""

import asyncio
import os
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import apsw

from services.relay.blobs.sqlite import SqliteKeeping
from services.relay.blobs.store import Keeping
from services.relay.devices.sqlite import SqliteDevices
from services.relay.devices.store import DeviceStore
from services.relay.log.sqlite import SCHEMA, Cache, SqliteBatch
from services.relay.log.store import Draft, Event, Invite, Listener, Opening, Page, Quotas, Receipt, UnknownDatabase
from services.relay.push.store import PushStore, SqlitePush
from services.relay.refusal import busy
from services.relay.writer import Writer
from services.sync.protocol import PAGE_LIMIT_BYTES

DATABASE_NAME = "relay.db"
SCHEMA_VERSION = 1  # 2026-11-23: the first
APPLICATION_ID = 0x434D504E  # "CMPN"
READERS = 2
CHALLENGES_MOST = 10_000
PAGE_BYTES = 4_096
CHECKPOINT_PAGES = 2_000

T = TypeVar("T")


class SqliteStore:
    """A `Store` in one file.

    Challenges live in memory: they last a minute and one process serves the file.
    """

    def __init__(self, path: Path, quotas: Quotas | None = None, most_bytes: int | None = None) -> None:
        self._path = path
        self._quotas = quotas or Quotas()
        self._most_bytes = most_bytes
        self._challenges: dict[bytes, tuple[bytes, int]] = {}
        self._readers: queue.SimpleQueue[apsw.Connection] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(READERS, "relay-reader")
        self._incarnation = ""
        self.devices: DeviceStore = SqliteDevices(lambda job: self._writer.run(job), self._read, self._quotas)
        self.keeping: Keeping = SqliteKeeping(lambda job: self._writer.run(job), self._read, self._quotas)
        self.push: PushStore = SqlitePush(lambda job: self._writer.run(job), self._read)

    @property
    def incarnation(self) -> str:
        return self._incarnation

    async def open(self, listener: Listener) -> None:
        self._connection = await asyncio.to_thread(self._connect)
        for _ in range(READERS):
            reader = apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READONLY)
            reader.set_busy_timeout(5_000)
            self._readers.put(reader)
        cache = Cache()
        self._writer = Writer(self._connection, lambda: SqliteBatch(self._connection, cache, self._quotas, listener))

    async def close(self) -> None:
        await self._writer.close()
        self._threads.shutdown(wait=True)
        for _ in range(READERS):
            self._readers.get().close()
        self._connection.close()

    async def put_challenge(self, nonce: bytes, device: bytes, expires_ms: int, at_ms: int) -> None:
        if len(self._challenges) >= CHALLENGES_MOST:
            self._forget_challenges(at_ms)
        if len(self._challenges) >= CHALLENGES_MOST:
            raise busy()
        self._challenges[nonce] = (device, expires_ms)

    async def take_challenge(self, nonce: bytes, device: bytes, at_ms: int) -> bool:
        known = self._challenges.pop(nonce, None)
        return known is not None and known[0] == device and known[1] > at_ms

    async def open_session(
        self, device: bytes, public_key: bytes, token_hash: bytes, expires_ms: int, at_ms: int
    ) -> None:
        await self._writer.run(lambda batch: batch.open_session(device, public_key, token_hash, expires_ms, at_ms))

    async def session(self, token_hash: bytes, at_ms: int) -> tuple[bytes, int] | None:
        def read(connection: apsw.Connection) -> tuple[bytes, int] | None:
            sql = "select device, expires_ms from session where token = ? and expires_ms > ?"
            for row in connection.execute(sql, (token_hash, at_ms)):
                return row[0], row[1]
            return None

        return await self._read(read)

    async def create_group(self, group: bytes, capability_hash: bytes, device: bytes, at_ms: int) -> bool:
        return await self._writer.run(lambda batch: batch.create_group(group, capability_hash, device, at_ms))

    async def openings(self, groups: Sequence[tuple[bytes, bytes]]) -> tuple[Opening | None, ...]:
        return await self._read(lambda connection: tuple(_open(connection, *group) for group in groups))

    async def append(self, draft: Draft) -> Receipt:
        return await self._writer.run(lambda batch: batch.append(draft))

    async def read(self, group: bytes, capability_hash: bytes, since: int, limit: int) -> Page:
        return await self._read(lambda connection: _read_page(connection, group, capability_hash, since, limit))

    async def put_invite(self, invite: bytes, body: bytes, expires_ms: int, device: bytes, at_ms: int) -> bool:
        return await self._writer.run(lambda batch: batch.put_invite(invite, body, expires_ms, device, at_ms))

    async def get_invite(self, invite: bytes) -> Invite | None:
        def read(connection: apsw.Connection) -> Invite | None:
            sql = "select body, expires_ms, used_by from invite where invite = ?"
            for row in connection.execute(sql, (invite,)):
                return Invite(body=row[0], expires_ms=row[1], used_by=row[2])
            return None

        return await self._read(read)

    async def claim_invite(self, invite: bytes, claimant: bytes, at_ms: int) -> Invite:
        return await self._writer.run(lambda batch: batch.claim_invite(invite, claimant, at_ms))

    async def sweep(self, at_ms: int) -> None:
        self._forget_challenges(at_ms)
        await self._writer.run(lambda batch: batch.sweep(at_ms))
        await self.devices.sweep(at_ms)

    async def check(self) -> None:
        await self._read(lambda connection: list(connection.execute("select 1 from meta limit 1")))

    def _forget_challenges(self, at_ms: int) -> None:
        self._challenges = {n: c for n, c in self._challenges.items() if c[1] > at_ms}

    def _connect(self) -> apsw.Connection:
        self._path.touch(mode=0o600)
        connection = apsw.Connection(str(self._path))
        connection.set_busy_timeout(5_000)
        if list(connection.execute("select 1 from sqlite_master limit 1")):
            try:
                check_ours(connection)
            except UnknownDatabase:
                connection.close()
                raise
        for name, value in (
            ("page_size", PAGE_BYTES),
            ("journal_mode", "wal"),
            ("synchronous", "full"),
            ("secure_delete", "on"),
            ("wal_autocheckpoint", CHECKPOINT_PAGES),
        ):
            connection.pragma(name, value)
        if self._most_bytes is not None:
            connection.pragma("max_page_count", max(1, self._most_bytes // PAGE_BYTES))
        with connection:
            connection.execute(SCHEMA)
            connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", SCHEMA_VERSION)
            connection.execute(
                "insert or ignore into meta(key, value) values('incarnation', ?)", (os.urandom(16).hex(),)
            )
            rows = connection.execute("select value from meta where key = 'incarnation'")
            self._incarnation = str(next(rows)[0])
            rows.close()
        return connection

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


def check_ours(connection: apsw.Connection) -> None:
    """Raises UnknownDatabase unless this version of the relay can use the database."""
    version = connection.pragma("user_version")
    if connection.pragma("application_id") != APPLICATION_ID or not 1 <= version <= SCHEMA_VERSION:
        raise UnknownDatabase(f"database version {version}")


def _open(connection: apsw.Connection, group: bytes, capability_hash: bytes) -> Opening | None:
    sql = "select gnum, head, capability from grp where gid = ?"
    for gnum, head, capability in list(connection.execute(sql, (group,))):
        if capability == capability_hash:
            return Opening(head=head, is_former=False)
        sql = "select until from former where gnum = ? and capability = ?"
        for row in list(connection.execute(sql, (gnum, capability_hash))):
            return Opening(head=row[0], is_former=True)
    return None


def _read_page(connection: apsw.Connection, group: bytes, capability_hash: bytes, since: int, limit: int) -> Page:
    page = Page(events=(), head=0)
    with connection:  # everything of the same moment
        opening = _open(connection, group, capability_hash)
        if opening is not None:
            events = _read_events(connection, group, since, opening.head, limit)
            page = Page(events=events, head=opening.head, is_former=opening.is_former)
    return page


def _read_events(connection: apsw.Connection, group: bytes, since: int, until: int, limit: int) -> tuple[Event, ...]:
    events: list[Event] = []
    size = 0
    rows = connection.execute(
        "select seq, cid, at_ms, body from event"
        " where gnum = (select gnum from grp where gid = ?) and seq > ? and seq <= ? order by seq limit ?",
        (group, since, until, limit),
    )
    for seq, cid, at_ms, body in rows:
        size += len(body)
        if events and size > PAGE_LIMIT_BYTES:
            break
        events.append(Event(seq=seq, cid=cid, at_ms=at_ms, body=body))
    rows.close()
    return tuple(events)
