"""`DeviceStore` beside the log in PostgreSQL: the same rules as `SqliteDevices`, held by row locks.

A device's row is locked by whatever numbers or counts something of it, so that its numbers have no gaps.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

from services.relay.blobs.postgres import DISOWN_BLOBS
from services.relay.database.hints import GONE_KEY
from services.relay.devices.sqlite import bounded
from services.relay.devices.store import (
    HOUR_MS,
    INBOX_MS,
    KEY_PACKAGE_MS,
    ORPHAN_MS,
    Item,
    Package,
    Post,
    digest,
    full_inbox,
    inbox_key,
    no_package,
    other_bytes,
    too_many_packages,
    unknown_device,
)
from services.relay.log.store import DAY_MS, MINUTE_MS, Quotas
from services.sync.protocol import INBOX_MOST_BYTES, INBOX_MOST_ITEMS, KEY_PACKAGES_MOST

if TYPE_CHECKING:
    import asyncpg

TAKE = "select relay_take($1, $2, $3, $4, $5, $6)"
LEFT = "select count(*) from key_package where device = $1 and not is_last_resort and length(body) > 0"
NEXT = """
update key_package k set body = '' from (
    select digest, body from key_package where device = $1 and not is_last_resort and length(body) > 0
    order by at_ms limit 1 for update skip locked) n
where k.device = $1 and k.digest = n.digest returning n.body
"""
LAST_RESORT = "select body from key_package where device = $1 and is_last_resort"
ACCOUNT = """
select d.device from device me join device d on d.device = me.device or d.account = me.account
where me.device = $1 and not d.is_gone order by d.device
"""
AUTHORS = """
select a.anum, a.gnum, g.gid from author a join grp g on g.gnum = a.gnum
where a.name = substr(sha256('companion-author-v1\\000'::bytea || g.gid || $1::bytea), 1, 16) order by a.gnum
"""
EMPTY = """
with emptied as (select seq, length(body) as size from event where gnum = $1 and author = $2),
done as (update event set body = '', author = null where gnum = $1 and author = $2)
select coalesce(sum(size), 0)::bigint from emptied
"""
ORPHAN = """
insert into orphan(gnum, at_ms) select $1::bigint, $2::bigint
where not exists (select 1 from author where gnum = $1) on conflict do nothing
"""
WENT_BACK = """
with gone as (select number from lineage where number >= (select min(number) from lineage where incarnation = $2))
select coalesce((select case when count(*) = (select count(*) from gone) then min(r.head) end
    from grp g join restored r on r.gnum = g.gnum where g.gid = w.gid and r.number in (select number from gone)), 0)
from unnest($1::bytea[]) with ordinality as w(gid, place) order by w.place
"""


class Tell(Protocol):
    """Says that a group or inbox has news, or that a device is gone, here and to the other nodes."""

    def __call__(self, key: bytes, device: bytes | None = None) -> None: ...


class PostgresDevices:
    """`connection` lends a connection."""

    def __init__(
        self,
        connection: Callable[[], "AbstractAsyncContextManager[asyncpg.Connection]"],
        tell: Tell,
        quotas: Quotas,
    ) -> None:
        self._connection = connection
        self._tell = tell
        self._quotas = quotas

    async def public_key(self, device: bytes) -> bytes | None:
        async with self._connection() as connection:
            key = await connection.fetchval("select public_key from device where device = $1 and not is_gone", device)
        return bytes(key) if key is not None else None

    async def post(self, post: Post) -> bool:
        async with self._connection() as connection, connection.transaction():
            is_new = await _post(connection, post, self._quotas)
        if is_new:
            self._tell(inbox_key(post.device))
        return is_new

    async def inbox(self, device: bytes, since: int, limit: int) -> tuple[Item, ...]:
        async with self._connection() as connection:
            rows = await connection.fetch(
                "select seq, cid, at_ms, body from inbox where device = $1 and seq > $2 and length(body) > 0"
                " order by seq limit $3",
                *(device, since, limit),
            )
        return bounded(Item(**row) for row in rows)

    async def acknowledge(self, device: bytes, upto: int) -> None:
        async with self._connection() as connection:
            await connection.execute(
                "update inbox set body = '', at_ms = at_ms - at_ms % $3"
                " where device = $1 and seq <= $2 and length(body) > 0",
                *(device, upto, MINUTE_MS),
            )

    async def publish(self, device: bytes, one_time: Sequence[bytes], last_resort: bytes | None, at_ms: int) -> int:
        async with self._connection() as connection, connection.transaction():
            await connection.execute("select 1 from device where device = $1 for update", device)
            rows = await connection.fetch("select digest from key_package where device = $1", device)
            known = {row["digest"] for row in rows}
            new = {digest(body): body for body in one_time if digest(body) not in known}
            left = int(await connection.fetchval(LEFT, device)) + len(new)
            if left > KEY_PACKAGES_MOST:
                raise too_many_packages()
            amount, limit = len(new) + (last_resort is not None), self._quotas.packages_per_day
            await connection.execute(TAKE, device, "packages", amount, limit, DAY_MS, at_ms)
            add = (
                "insert into key_package(device, digest, at_ms, is_last_resort, body) values($1, $2, $3, $4, $5)"
                " on conflict (device, digest) do update set is_last_resort = excluded.is_last_resort,"
                " at_ms = excluded.at_ms, body = excluded.body"
            )
            await connection.executemany(add, [(device, name, at_ms, False, body) for name, body in new.items()])
            if last_resort is not None:
                await connection.execute("delete from key_package where device = $1 and is_last_resort", device)
                await connection.execute(add, device, digest(last_resort), at_ms, True, last_resort)
        return left

    async def packages_left(self, device: bytes) -> int:
        async with self._connection() as connection:
            return int(await connection.fetchval(LEFT, device))

    async def claim(self, device: bytes, claimant: bytes, at_ms: int) -> Package:
        quotas = self._quotas
        async with self._connection() as connection, connection.transaction():
            body = await connection.fetchval(NEXT, device)
            is_last_resort = body is None
            if is_last_resort:
                body = await connection.fetchval(LAST_RESORT, device)
            if body is None:
                raise no_package()
            await connection.execute(TAKE, device, "claimed", 1, quotas.claimed_per_hour, HOUR_MS, at_ms)
            await connection.execute(TAKE, claimant, "claims", 1, quotas.claims_per_hour, HOUR_MS, at_ms)
        return Package(body=body, is_last_resort=is_last_resort)

    async def join_account(self, device: bytes, account_hash: bytes) -> None:
        async with self._connection() as connection:
            sql_text = "update device set account = $2 where device = $1 and not is_gone"
            await connection.execute(sql_text, device, account_hash)

    async def delete(self, device: bytes, by: bytes, at_ms: int) -> None:
        async with self._connection() as connection, connection.transaction():
            if device not in [row["device"] for row in await connection.fetch(ACCOUNT, by)]:
                raise unknown_device()
            groups = await _delete(connection, device, at_ms)
        self._tell_gone([device], groups)

    async def delete_account(self, device: bytes, at_ms: int) -> None:
        groups: list[bytes] = []
        async with self._connection() as connection, connection.transaction():
            devices = [row["device"] for row in await connection.fetch(ACCOUNT, device)]
            for one in devices:
                groups += await _delete(connection, one, at_ms)
        self._tell_gone(devices, groups)

    async def went_back(self, groups: Sequence[bytes], incarnation: str) -> tuple[int, ...]:
        async with self._connection() as connection:
            rows = await connection.fetch(WENT_BACK, list(groups), incarnation)
        return tuple(row[0] for row in rows)

    async def sweep(self, at_ms: int) -> None:
        async with self._connection() as connection, connection.transaction():
            await connection.execute("delete from inbox where at_ms <= $1", at_ms - INBOX_MS)
            await connection.execute("delete from key_package where at_ms <= $1", at_ms - KEY_PACKAGE_MS)
            await connection.execute("delete from orphan o where exists (select 1 from author a where a.gnum = o.gnum)")
            rows = await connection.fetch(
                "select g.gnum from orphan o join grp g on g.gnum = o.gnum where o.at_ms <= $1 for update of g",
                at_ms - ORPHAN_MS,
            )
            gone = [row["gnum"] for row in rows]
            for table in ("event", "former", "restored", "orphan", "grp"):
                await connection.execute(f"delete from {table} where gnum = any($1::bigint[])", gone)  # noqa: S608

    def _tell_gone(self, devices: Sequence[bytes], groups: Sequence[bytes]) -> None:
        for device in devices:
            self._tell(GONE_KEY + device, device)
        for group in groups:
            self._tell(group)  # what a node still holds in memory goes too


async def _post(connection: "asyncpg.Connection", post: Post, quotas: Quotas) -> bool:
    owner = await connection.fetchrow(
        "select inbox from device where device = $1 and not is_gone for update", post.device
    )
    if owner is None:
        raise unknown_device()
    name = digest(post.body)
    known = await connection.fetchval("select digest from inbox where device = $1 and cid = $2", post.device, post.cid)
    if known is not None:
        if known != name:
            raise other_bytes()
        return False
    held = await connection.fetchrow(
        "select count(*) as items, coalesce(sum(length(body)), 0) as size from inbox"
        " where device = $1 and length(body) > 0",
        post.device,
    )
    if held["items"] >= INBOX_MOST_ITEMS or held["size"] + len(post.body) > INBOX_MOST_BYTES:
        raise full_inbox()
    await connection.execute(TAKE, post.device, "posted", 1, quotas.posted_per_hour, HOUR_MS, post.at_ms)
    await connection.execute(TAKE, post.sender, "posts", 1, quotas.posts_per_hour, HOUR_MS, post.at_ms)
    seq = owner["inbox"] + 1
    await connection.execute("update device set inbox = $2 where device = $1", post.device, seq)
    await connection.execute(
        "insert into inbox(device, seq, cid, digest, at_ms, body) values($1, $2, $3, $4, $5, $6)",
        *(post.device, seq, post.cid, name, post.at_ms, post.body),
    )
    return True


async def _delete(connection: "asyncpg.Connection", device: bytes, at_ms: int) -> list[bytes]:
    """Return the groups in which something was emptied."""
    await connection.execute(
        "update device set is_gone = true, public_key = '', account = null where device = $1", device
    )
    for table in ("session", "inbox", "key_package", "push", "push_watch"):
        await connection.execute(f"delete from {table} where device = $1", device)  # noqa: S608  (names of our own)
    await connection.execute(DISOWN_BLOBS, device)
    rows = await connection.fetch(AUTHORS, device)
    for row in rows:
        await connection.execute("select 1 from grp where gnum = $1 for update", row["gnum"])
        size = await connection.fetchval(EMPTY, row["gnum"], row["anum"])
        await connection.execute("delete from author where anum = $1", row["anum"])
        await connection.execute("update grp set bytes = bytes - $2 where gnum = $1", row["gnum"], size)
        await connection.execute(ORPHAN, row["gnum"], at_ms)
    return [row["gid"] for row in rows]
