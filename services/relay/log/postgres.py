"""The relay's log in PostgreSQL: for many nodes in front of one database.

The same rules as `sqlite_batch`, held by row locks instead of one writer. Nodes tell each other what changed by NOTIFY;
that only saves time, because each node also looks at its readers' groups every few seconds.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from services.relay.blobs.postgres import PostgresKeeping
from services.relay.blobs.store import Keeping, no_blob, touched
from services.relay.database.hints import Hints
from services.relay.devices.postgres import PostgresDevices
from services.relay.devices.store import DeviceStore, author_name
from services.relay.log import tables as sql
from services.relay.log.frames import event_fields
from services.relay.log.store import (
    DAY_MS,
    INVITE_MEMORY_MS,
    MINUTE_MS,
    SESSIONS_PER_DEVICE,
    Draft,
    Event,
    Invite,
    Listener,
    Opening,
    Page,
    Quotas,
    Receipt,
    UnknownDatabase,
)
from services.relay.push.postgres import PostgresPush
from services.relay.push.store import PushStore
from services.relay.refusal import Refusal, busy, no_session, rotated, slow_down, unknown_group, unknown_invite
from services.sync.protocol import PAGE_LIMIT_BYTES

log = logging.getLogger(__name__)

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


class PostgresStore:
    """A `Store` behind a `postgresql://` address."""

    def __init__(self, url: str, quotas: Quotas | None = None) -> None:
        self._url = url
        self._quotas = quotas or Quotas()
        self._incarnation = ""
        self.devices: DeviceStore = PostgresDevices(self._connection, self._tell, self._quotas)
        self.keeping: Keeping = PostgresKeeping(self._connection, self._quotas)
        self.push: PushStore = PostgresPush(self._connection)

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

    async def put_challenge(self, nonce: bytes, device: bytes, expires_ms: int, at_ms: int) -> None:
        async with self._connection() as connection:
            await connection.execute("insert into challenge values($1, $2, $3)", nonce, device, expires_ms)

    async def take_challenge(self, nonce: bytes, device: bytes, at_ms: int) -> bool:
        async with self._connection() as connection:
            row = await connection.fetchrow(
                "delete from challenge where nonce = $1 returning device, expires_ms", nonce
            )
        return row is not None and row["device"] == device and row["expires_ms"] > at_ms

    async def open_session(
        self, device: bytes, public_key: bytes, token_hash: bytes, expires_ms: int, at_ms: int
    ) -> None:
        async with self._connection() as connection, connection.transaction():
            is_new = await connection.fetchval(
                "insert into device(device, public_key) values($1, $2) on conflict do nothing returning true",
                *(device, public_key),
            )
            known = await connection.fetchrow(
                "select public_key, is_gone from device where device = $1 for update", device
            )
            if known["is_gone"]:
                raise Refusal(403, "revoked", "This device was deleted.")
            if known["public_key"] != public_key:
                raise Refusal(403, "wrong-key", "This device is known with another key.")
            await connection.execute(
                "delete from session where token in"
                " (select token from session where device = $1 order by expires_ms desc offset $2)",
                device,
                SESSIONS_PER_DEVICE - 1,
            )
            await connection.execute("insert into session values($1, $2, $3)", token_hash, device, expires_ms)
            if is_new:
                limit = self._quotas.devices_per_minute
                await connection.execute(sql.TAKE, b"", "devices", limit, MINUTE_MS, at_ms)

    async def session(self, token_hash: bytes, at_ms: int) -> tuple[bytes, int] | None:
        async with self._connection() as connection:
            row = await connection.fetchrow(
                "select device, expires_ms from session where token = $1 and expires_ms > $2", token_hash, at_ms
            )
        return (row["device"], row["expires_ms"]) if row is not None else None

    async def create_group(self, group: bytes, capability_hash: bytes, device: bytes, at_ms: int) -> bool:
        async with self._connection() as connection, connection.transaction():
            is_new = await connection.fetchval(
                "insert into grp(gid, capability, head, epoch, bytes, rounded) values($1, $2, 0, 0, 0, 0)"
                " on conflict do nothing returning true",
                group,
                capability_hash,
            )
            if is_new:
                await connection.execute(sql.TAKE, device, "groups", self._quotas.groups_per_day, DAY_MS, at_ms)
                await connection.execute(sql.AUTHOR, group, author_name(group, device), device)
            elif await connection.fetchval("select capability from grp where gid = $1", group) != capability_hash:
                raise Refusal(409, "exists", "A group with this id exists already.")
        return bool(is_new)

    async def openings(self, groups: Sequence[tuple[bytes, bytes]]) -> tuple[Opening | None, ...]:
        async with self._connection() as connection:
            rows = await connection.fetch(sql.OPENINGS, [group for group, _ in groups], [key for _, key in groups])
        return tuple(Opening(**row) if row["head"] is not None else None for row in rows)

    async def append(self, draft: Draft) -> Receipt:
        quotas = self._quotas
        try:
            async with self._connection() as connection:
                row = await connection.fetchrow(
                    sql.APPEND,
                    *(draft.group, draft.capability_hash, draft.cid, draft.body, draft.epoch, draft.at_ms),
                    *(draft.device, quotas.group_bytes, quotas.events_per_minute, quotas.event_bytes_per_day),
                    *(list(draft.blobs), touched(draft.at_ms)),
                    *(draft.next_capability, author_name(draft.group, draft.device)),
                )
        except _LostEpoch:
            raise await self._lost_epoch(draft) from None
        receipt = Receipt(seq=row["o_seq"], at_ms=row["o_at"], is_new=row["o_new"])
        if receipt.is_new:
            is_last = draft.next_capability not in (None, draft.capability_hash)
            ended = draft.capability_hash if is_last else None
            event = Event(seq=receipt.seq, cid=draft.cid, at_ms=receipt.at_ms, body=draft.body, ended=ended)
            self._listener.publish(draft.group, event)
            self._hints.tell_others(draft.group)
        return receipt

    async def read(self, group: bytes, capability_hash: bytes, since: int, limit: int) -> Page:
        async with self._connection() as connection:
            rows = await connection.fetch(sql.PAGE, group, since, limit, PAGE_LIMIT_BYTES, capability_hash)
        if not rows:
            return Page(events=(), head=0)
        events = tuple(
            Event(seq=r["seq"], cid=r["cid"], at_ms=r["at_ms"], body=r["body"]) for r in rows if r["seq"] is not None
        )
        return Page(events=events, head=rows[0]["head"], is_former=rows[0]["is_former"])

    async def put_invite(self, invite: bytes, body: bytes, expires_ms: int, device: bytes, at_ms: int) -> bool:
        async with self._connection() as connection, connection.transaction():
            is_new = await connection.fetchval(
                "insert into invite values($1, $2, $3) on conflict do nothing returning true",
                invite,
                body,
                expires_ms,
            )
            if is_new:
                await connection.execute(sql.TAKE, device, "invites", self._quotas.invites_per_day, DAY_MS, at_ms)
            elif await connection.fetchval("select body from invite where invite = $1", invite) != body:
                raise Refusal(409, "exists", "An invite with this id exists already.")
        return bool(is_new)

    async def get_invite(self, invite: bytes) -> Invite | None:
        async with self._connection() as connection:
            row = await connection.fetchrow("select body, expires_ms, used_by from invite where invite = $1", invite)
        return Invite(**row) if row is not None else None

    async def claim_invite(self, invite: bytes, claimant: bytes, at_ms: int) -> Invite:
        async with self._connection() as connection, connection.transaction():
            row = await connection.fetchrow(
                "select body, expires_ms, used_by from invite where invite = $1 for update", invite
            )
            if row is None:
                raise unknown_invite()
            if row["used_by"] not in (None, claimant):
                raise Refusal(410, "used", "Somebody has used this invite already.")
            if row["expires_ms"] <= at_ms:
                raise Refusal(410, "expired", "This invite is too old.")
            await connection.execute("update invite set used_by = $2 where invite = $1", invite, claimant)
        return Invite(body=row["body"], expires_ms=row["expires_ms"], used_by=claimant)

    async def sweep(self, at_ms: int) -> None:
        async with self._connection() as connection, connection.transaction():
            await connection.execute("delete from challenge where expires_ms <= $1", at_ms)
            await connection.execute("delete from session where expires_ms <= $1", at_ms)
            await connection.execute("delete from invite where expires_ms <= $1", at_ms - INVITE_MEMORY_MS)
            await connection.execute("update invite set body = '' where expires_ms <= $1 and body <> ''", at_ms)
            await connection.execute("delete from meter where start_ms < $1", at_ms - DAY_MS)
            await connection.execute(sql.ROUND_ARRIVALS, at_ms - DAY_MS)
        await self.devices.sweep(at_ms)

    def _tell(self, key: bytes, device: bytes | None = None) -> None:
        """Let the readers of a group or an inbox look again, here and elsewhere; or say that a device is gone."""
        self._hints.tell_others(key)
        if device is None:
            self._listener.hint(key)
        else:
            self._listener.gone(device)

    async def check(self) -> None:
        async with self._connection() as connection:
            await connection.execute("select 1")

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection. What the database says turns into Refusal."""
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
            raise _refusal(error) from None

    async def _lost_epoch(self, draft: Draft) -> Refusal:
        async with self._connection() as connection:
            row = await connection.fetchrow(sql.WINNER, draft.group, draft.epoch, draft.capability_hash)
        winner = None
        if row["seq"] is not None:
            winner = event_fields(Event(seq=row["seq"], cid=row["cid"], at_ms=row["at_ms"], body=row["body"]))
        details = {"epoch": row["epoch"], "head": row["head"], "winner": winner}
        return Refusal(409, "epoch", "Another commit came first.", details=details)

    async def _prepare(self) -> str:
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("select pg_advisory_xact_lock(1129598030)")  # nodes start at the same time
            if await connection.fetchval("select to_regclass('meta') is not null"):
                version = await connection.fetchval("select value from meta where key = 'schema'")
                if version is None or int(version) > sql.SCHEMA_VERSION:
                    raise UnknownDatabase(f"database version {version}")
            await connection.execute(sql.SCHEMA)
            await connection.executemany(
                "insert into meta values($1, $2) on conflict do nothing",
                [("schema", str(sql.SCHEMA_VERSION)), ("incarnation", os.urandom(16).hex())],
            )
            return str(await connection.fetchval("select value from meta where key = 'incarnation'"))


class _LostEpoch(Exception):
    """The append came too late for its epoch."""


def _refusal(error: asyncpg.PostgresError) -> Exception:
    match error.sqlstate:
        case sql.SLOW_DOWN:
            return slow_down(int(str(error)))
        case sql.UNKNOWN:
            return unknown_group()
        case sql.OTHER_BYTES:
            return Refusal(409, "other-bytes", "This id came before with other bytes.")
        case sql.LOST_EPOCH:
            return _LostEpoch()
        case sql.ROTATED:
            return rotated(int(str(error)))
        case sql.GONE:
            return no_session()
        case sql.NO_BLOB:
            return no_blob()
        case sql.GROUP_FULL:
            return Refusal(413, "quota", "This group has used all of its space.")
    unexpected: Exception = error
    return unexpected
