"""The relay's database in PostgreSQL: for many nodes in front of one.

The same rules as in SQLite, held by row locks instead of one writer. Nodes tell each other what changed by NOTIFY; that
only saves time, because each node also looks at its readers' groups every few seconds.
"""

import asyncio
import contextlib
import json
import os
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import asyncpg

from companion.times import Sure
from services.relay import meters
from services.relay.blobs import postgres as blobs
from services.relay.blobs.store import BlobStore
from services.relay.database.hints import Hints
from services.relay.database.store import Figures, UnknownDatabase, figures_of, time_of
from services.relay.database.tables import INCARNATION, NEWEST, POSTGRES, POSTGRES_FIGURES, SCHEMA_VERSION, TIME, bound
from services.relay.devices.postgres import PostgresDevices
from services.relay.devices.store import DeviceStore
from services.relay.hub import Listener, News
from services.relay.keep.postgres import PostgresKeep
from services.relay.keep.store import KeepStore
from services.relay.limits import DAY_MS, Quotas
from services.relay.log import postgres as log
from services.relay.log.store import LogStore
from services.relay.push import postgres as push
from services.relay.push.store import PushStore
from services.relay.refusal import busy

PROBE = "insert into meta values('probe', $1) on conflict(key) do update set value = excluded.value"
KEEP_SCHEMA = "insert into meta values('schema', $1) on conflict(key) do update set value = excluded.value"
CONNECTIONS = 10
CALL_S = 10
GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that broke between two steps of asyncpg's protocol
    asyncpg.CannotConnectNowError,
    OSError,
    TimeoutError,
)
LACKING = (
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
)
REFUSALS: dict[str, Callable[[str], Exception]] = {**meters.REFUSALS, **blobs.REFUSALS, **log.REFUSALS}


class PostgresDatabase:
    """A `Database` behind a `postgresql://` address. `key` hides who wrote to whom, and is the same at all nodes."""

    def __init__(self, url: str, quotas: Quotas | None = None, key: bytes | None = None) -> None:
        self._url = url
        self._incarnation = ""
        quotas = quotas or Quotas()
        forgetting = (push.forget_device, blobs.forget_device, log.forget_device)
        self.log: LogStore = log.PostgresLog(self._connection, quotas, self._publish)
        self.keep: KeepStore = PostgresKeep(self._connection, quotas, self._publish, self._tell)
        self.devices: DeviceStore = PostgresDevices(
            self._connection, quotas, forgetting, self._tell, self._lose, key or secrets.token_bytes(32)
        )
        self.blobs: BlobStore = blobs.PostgresBlobs(self._connection, quotas)
        self.push: PushStore = push.PostgresPush(self._connection)

    @property
    def incarnation(self) -> str:
        return self._incarnation

    async def open(self, listener: Listener) -> None:
        self._listener = listener
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,  # or the pool itself tries, and logs a traceback each time, while the database is away
            max_size=CONNECTIONS,
            timeout=CALL_S,
            command_timeout=CALL_S,
            server_settings={"synchronous_commit": "on", "application_name": "companion-relay"},
        )
        try:
            self._incarnation = await self._prepare()
        except BaseException:
            await self._pool.close()
            raise
        self._hints = Hints(self._url, self._pool, listener)
        self._hints.start()

    async def close(self) -> None:
        await self._hints.stop()
        try:
            async with asyncio.timeout(CALL_S):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def check(self) -> None:
        async with self._connection() as connection:
            await connection.execute("select 1")

    async def probe(self) -> None:
        async with self._connection() as connection:
            await connection.execute(PROBE, secrets.token_hex(8))

    def making_room(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    async def known_time(self) -> tuple[Sure | None, int]:
        async with self._connection() as connection:
            kept = await connection.fetchval("select value from meta where key = $1", TIME)
            return time_of(kept) if kept else None, int(await connection.fetchval(NEWEST))

    async def keep_time(self, known: Sure) -> None:
        text = json.dumps(known.to_doc(TIME))
        sql = "insert into meta values($1, $2) on conflict(key) do update set value = excluded.value"
        async with self._connection() as connection:
            await connection.execute(sql, TIME, text)

    async def operate(self, statements: Sequence[str], *values: bytes) -> int:
        async with self._connection() as connection, connection.transaction():
            return sum([len(await connection.fetch(sql, *bound(sql, values))) for sql in statements])

    async def sweep(self, at_ms: int) -> None:
        async with self._connection() as connection:
            await connection.execute(meters.SWEEP, at_ms - DAY_MS)
        await self.log.sweep(at_ms)
        await self.devices.sweep(at_ms)

    async def figures(self) -> Figures:
        async with self._connection() as connection:
            return figures_of(await connection.fetchrow(POSTGRES_FIGURES))

    def _publish(self, group: bytes, news: News) -> None:
        """Hand something new to the readers here, and let those elsewhere look."""
        self._listener.publish(group, news)
        self._hints.tell_others(group)

    def _tell(self, key: bytes) -> None:
        """Let the readers of a group or an inbox look again, here and elsewhere."""
        self._listener.hint(key)
        self._hints.tell_others(key)

    def _lose(self, device: bytes) -> None:
        """Say that a device is gone, here and elsewhere."""
        self._listener.gone(device)
        self._hints.tell_gone(device)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection. What the database says turns into Refusal, or what REFUSALS makes of it."""
        try:
            async with self._pool.acquire(timeout=CALL_S) as connection:
                yield connection
        except GONE:
            with contextlib.suppress(asyncpg.InterfaceError):
                await self._pool.expire_connections()
            raise busy() from None
        except LACKING:
            raise busy() from None
        except asyncpg.PostgresError as error:
            if (meaning := REFUSALS.get(error.sqlstate or "")) is None:
                raise
            raise meaning(str(error)) from None

    async def _prepare(self) -> str:
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("select pg_advisory_xact_lock(1129598030)")  # nodes start at the same time
            if await connection.fetchval("select to_regclass('meta') is not null"):
                version = await connection.fetchval("select value from meta where key = 'schema'")
                if version is None or int(version) > SCHEMA_VERSION:
                    raise UnknownDatabase(f"database version {version}")
            await connection.execute(POSTGRES)
            await connection.execute(KEEP_SCHEMA, str(SCHEMA_VERSION))
            await connection.execute(
                "insert into meta values('incarnation', $1) on conflict do nothing", os.urandom(16).hex()
            )
            return str(await connection.fetchval(INCARNATION))
