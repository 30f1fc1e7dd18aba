"""`KeepStore` in PostgreSQL: the same rules as `SqliteKeep`, held by the lock on the group's row."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

from services.relay import newcomers
from services.relay.keep.store import Erasure, Shown
from services.relay.limits import DAY_MS, Quotas
from services.relay.log.store import Event, Limits, ahead, unknown_group
from services.relay.log.tables import OF_GROUP
from services.relay.meters import TAKE
from services.relay.refusal import other_bytes

if TYPE_CHECKING:
    import asyncpg

GROUP = "select gnum, capability, head, keeper from grp where gid = $1 for update"
EMPTY = """
with gone as (
    select seq, length(body) as size from event where gnum = $1 and {0} and length(body) > 0),
emptied as (
    update event e set body = '', author = null, at_ms = at_ms - at_ms % 86400000 from gone g
    where e.gnum = $1 and e.seq = g.seq)
update grp set bytes = bytes - (select coalesce(sum(size), 0) from gone) where gnum = $1
"""
EMPTY_NUMBERED = EMPTY.format("seq = any($2::bigint[]) and seq not in (select n.seq from erased n where n.gnum = $1)")
EMPTY_NAMING = EMPTY.format("erase = $2")
STANDING = "select seq, body from event where gnum = $1 and cid = $2"
NOTIFY = "insert into event(gnum, seq, cid, at_ms, body) values($1, $2, $3, $4, $5)"

Connect = Callable[[], "AbstractAsyncContextManager[asyncpg.Connection]"]


class PostgresKeep:
    """`connect` lends a connection; `publish` hands a new event to the readers everywhere, `tell` lets them look."""

    def __init__(
        self, connect: Connect, quotas: Quotas, publish: Callable[[bytes, Event], None], tell: Callable[[bytes], None]
    ) -> None:
        self._connect = connect
        self._quotas = quotas
        self._publish = publish
        self._tell = tell

    async def keep_for(self, shown: Shown, days: int) -> None:
        async with self._locked(shown.group) as (connection, group):
            shown.check(group["capability"], group["keeper"])
            await connection.execute("update grp set keep_days = $2 where gnum = $1", group["gnum"], days)

    async def set_limits(self, shown: Shown, limits: Limits) -> None:
        async with self._locked(shown.group) as (connection, group):
            shown.check_kept(group["capability"], group["keeper"])
            await connection.execute(
                "update grp set most_events = $2, most_bytes = $3, most_first = $4 where gnum = $1",
                *(group["gnum"], limits.events, limits.bytes, limits.first),
            )

    async def empty(self, shown: Shown, seqs: Sequence[int]) -> None:
        async with self._locked(shown.group) as (connection, group):
            shown.check_kept(group["capability"], group["keeper"])
            if max(seqs) > group["head"]:
                raise ahead(group["head"])
            await connection.execute(EMPTY_NUMBERED, group["gnum"], list(seqs))
        self._tell(shown.group)  # what a node still holds in memory goes too

    async def drop(self, shown: Shown) -> None:
        async with self._locked(shown.group) as (connection, group):
            shown.check_kept(group["capability"], group["keeper"])
            for table in OF_GROUP:
                await connection.execute(f"delete from {table} where gnum = $1", group["gnum"])  # noqa: S608  (ours)
        self._tell(shown.group)

    async def erase(self, erasure: Erasure) -> None:
        event = None
        async with self._locked(erasure.group) as (connection, group):
            gnum, name = group["gnum"], erasure.hash
            if await connection.fetchval("select true from erased where gnum = $1 and hash = $2", gnum, name):
                return
            known = await connection.fetchrow(STANDING, gnum, erasure.cid)
            if known is not None and known["body"] != erasure.notice:
                raise other_bytes()
            is_named = await connection.fetchval(
                "select exists (select 1 from event where gnum = $1 and erase = $2)", gnum, name
            )
            if not is_named and erasure.capability_hash != group["capability"]:
                raise unknown_group()
            await connection.execute(EMPTY_NAMING, gnum, name)
            seq = group["head"] + 1 if known is None else known["seq"]
            if known is None:
                event = await self._notify(connection, gnum, seq, erasure)
            await connection.execute("insert into erased(gnum, hash, seq) values($1, $2, $3)", gnum, name, seq)
            if not is_named:
                await self._count(connection, erasure)
        if event is not None:
            self._publish(erasure.group, event)
        self._tell(erasure.group)

    async def _notify(self, connection: "asyncpg.Connection", gnum: int, seq: int, erasure: Erasure) -> Event:
        """Put the notice into the log."""
        event = Event(seq=seq, cid=erasure.cid, at_ms=erasure.at_ms, body=erasure.notice)
        await connection.execute(NOTIFY, gnum, seq, event.cid, event.at_ms, event.body)
        size = len(event.body)
        await connection.execute("update grp set head = $2, bytes = bytes + $3 where gnum = $1", gnum, seq, size)
        return event

    async def _count(self, connection: "asyncpg.Connection", erasure: Erasure) -> None:
        """Nothing names this: a member may have it remembered all the same, so many a day. Counters come last."""
        quotas, at_ms = self._quotas, erasure.at_ms
        await connection.execute(TAKE, erasure.device, "erased", 1, quotas.erased_per_day, DAY_MS, at_ms)
        pot = quotas.newcomer_bytes_per_day
        await connection.execute(newcomers.ROOM, erasure.device, len(erasure.notice), pot, at_ms)

    @asynccontextmanager
    async def _locked(self, gid: bytes) -> "AsyncIterator[tuple[asyncpg.Connection, asyncpg.Record]]":
        """Lend a connection within a transaction that holds the group's row. Raises 404."""
        async with self._connect() as connection, connection.transaction():
            group = await connection.fetchrow(GROUP, gid)
            if group is None:
                raise unknown_group()
            yield connection, group
