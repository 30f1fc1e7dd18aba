"""`PushStore` in PostgreSQL: the same rules as `SqlitePush`, for many nodes at once."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from services.relay import newcomers
from services.relay.limits import DAY_MS
from services.relay.meters import TAKE
from services.relay.push.store import FAR_MS, PINGS_MOST, Ping, Registration

if TYPE_CHECKING:
    import asyncpg

KEY = "select value from meta where key = 'push_key'"
PUT = """
insert into push(device, kind, endpoint, p256dh, auth, wake, awake_ms, next_ms, failures)
values($1, $2, $3, $4, $5, $6, 0, 0, 0)
on conflict(device) do update set kind = excluded.kind, endpoint = excluded.endpoint, p256dh = excluded.p256dh,
    auth = excluded.auth, wake = excluded.wake, due_ms = null, awake_ms = 0, next_ms = 0, failures = 0
"""

TAKE_DUE = """
update push set next_ms = $2 where device in (
    select device from push where due_ms is not null and next_ms not between $1::bigint + 1 and $4
        and awake_ms not between $1::bigint + 1 and $4
    order by next_ms limit $3 for update skip locked)
returning device, kind, endpoint, p256dh, auth, wake, failures
"""

# Rows are locked in the order of their keys, so that nodes that speak of the same devices do not wait for each other.
NEWS = """
with woken as (
    select device from push where device = any($2::bytea[])
        or device in (select device from push_watch where gid = any($1::bytea[]))
    order by device for update)
update push set due_ms = $3 where device in (select device from woken)
"""

AWAKE = """
with here as (select device from push where device = any($1::bytea[]) order by device for update)
update push set awake_ms = $2, due_ms = case when due_ms between $3 and $4 then due_ms end
where device in (select device from here)
"""

FORGET_ROTATED = """
delete from push_watch w where w.gid = any($1::bytea[]) and not exists
    (select 1 from grp g where g.gid = w.gid and g.capability = w.capability)
"""

FIELDS = ("device", "kind", "endpoint", "p256dh", "auth", "wake")


class PostgresPush:
    """`connection` lends a connection."""

    def __init__(self, connection: Callable[[], "AbstractAsyncContextManager[asyncpg.Connection]"]) -> None:
        self._connection = connection

    async def key(self, wanted: str) -> str:
        async with self._connection() as connection:
            if (known := await connection.fetchval(KEY)) is None:
                await connection.execute("insert into meta values('push_key', $1) on conflict do nothing", wanted)
                known = await connection.fetchval(KEY)
        return str(known)

    async def put(self, registration: Registration, limit: int, at_ms: int) -> bool:
        new = registration
        async with self._connection() as connection, connection.transaction():
            known = await connection.fetchrow(
                "select kind, endpoint, p256dh, auth from push where device = $1 for update", new.device
            )
            if known is not None and tuple(known) == (new.kind, new.endpoint, new.p256dh, new.auth):
                return False
            await connection.execute(TAKE, new.device, "push", 1, limit, DAY_MS, at_ms)
            await connection.execute(newcomers.SETTLE, new.device)
            await connection.execute(PUT, new.device, new.kind, new.endpoint, new.p256dh, new.auth, new.wake)
        return known is None

    async def get(self, device: bytes) -> Registration | None:
        async with self._connection() as connection:
            row = await connection.fetchrow("select * from push where device = $1", device)
        return _registration(row) if row is not None else None

    async def drop(self, device: bytes, wake: bytes | None = None) -> bool:
        async with self._connection() as connection, connection.transaction():
            was_there = await connection.fetchval(
                "delete from push where device = $1 and ($2::bytea is null or wake = $2) returning true", device, wake
            )
            if was_there:
                await connection.execute("delete from push_watch where device = $1", device)
        return bool(was_there)

    async def watch(self, device: bytes, groups: Sequence[tuple[bytes, bytes]]) -> None:
        async with self._connection() as connection, connection.transaction():
            if await connection.fetchval("select true from push where device = $1 for update", device):
                await connection.execute("delete from push_watch where device = $1", device)
                await connection.executemany(
                    "insert into push_watch values($1, $2, $3)", [(device, *group) for group in groups]
                )

    async def awake(self, devices: Sequence[bytes], awake_ms: int, heard_ms: int) -> None:
        async with self._connection() as connection:
            await connection.execute(AWAKE, list(devices), awake_ms, heard_ms + 1, heard_ms + FAR_MS)

    async def news(self, groups: Sequence[bytes], devices: Sequence[bytes], at_ms: int) -> None:
        async with self._connection() as connection, connection.transaction():
            await connection.execute(NEWS, list(groups), list(devices), at_ms)
            await connection.execute(FORGET_ROTATED, list(groups))

    async def take_due(self, at_ms: int, next_ms: int) -> tuple[Ping, ...]:
        async with self._connection() as connection:
            rows = await connection.fetch(TAKE_DUE, at_ms, next_ms, PINGS_MOST, at_ms + FAR_MS)
        return tuple(Ping(registration=_registration(r), failures=r["failures"], taken_ms=at_ms) for r in rows)

    async def done(self, ping: Ping) -> None:
        async with self._connection() as connection:
            await connection.execute(
                "update push set failures = 0, due_ms = case when due_ms between $3 and $4 then due_ms end"
                " where device = $1 and wake = $2",
                *(ping.registration.device, ping.registration.wake, ping.taken_ms + 1, ping.taken_ms + FAR_MS),
            )

    async def failed(self, ping: Ping, next_ms: int) -> None:
        async with self._connection() as connection:
            await connection.execute(
                "update push set failures = failures + 1, next_ms = $3 where device = $1 and wake = $2",
                *(ping.registration.device, ping.registration.wake, next_ms),
            )


async def forget_device(connection: "asyncpg.Connection", device: bytes, at_ms: int) -> tuple[bytes, ...]:
    """Drop the registration of a device that is deleted."""
    await connection.execute("delete from push where device = $1", device)
    await connection.execute("delete from push_watch where device = $1", device)
    return ()


def _registration(row: "asyncpg.Record") -> Registration:
    return Registration(**{field: row[field] for field in FIELDS})
