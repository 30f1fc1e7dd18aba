"""`DeviceStore` in PostgreSQL: the same rules as `SqliteDevices`, held by row locks.

A device's row is locked by whatever numbers or counts something of it, so that its numbers have no gaps.
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from services.relay import newcomers
from services.relay.devices.store import (
    INBOX_MS,
    KEY_PACKAGE_MS,
    SESSIONS_PER_DEVICE,
    Item,
    Package,
    Post,
    Waiting,
    blocked_device,
    bounded,
    check_key,
    check_room,
    digest,
    inbox_key,
    no_package,
    sender_tag,
    too_many_packages,
    unknown_device,
    wrote,
)
from services.relay.limits import DAY_MS, HOUR_MS, MINUTE_MS, Quotas
from services.relay.meters import TAKE
from services.relay.refusal import other_bytes
from services.sync.protocol import KEY_PACKAGES_MOST

if TYPE_CHECKING:
    import asyncpg

REGISTER = "insert into device(device, public_key) values($1, $2) on conflict do nothing returning true"
KNOWN = """
select exists (select 1 from acquaintance where pair = $1) or exists (
    select 1 from device a join device b on a.account = b.account where a.device = $2 and b.device = $3)
"""
WAITING = """
select count(*), coalesce(sum(length(body)), 0)::bigint, count(*) filter (where sender = $3),
    coalesce(sum(length(body)) filter (where sender = $3), 0)::bigint
from inbox where device = $1 and length(body) > 0 and is_known = $2
"""
ACQUAINT = """
insert into acquaintance as a values($1, $2) on conflict(pair) do update set at_ms = excluded.at_ms
where a.at_ms < excluded.at_ms
"""
KEEP_CHALLENGE_KEY = "insert into meta values('challenge_key', $1) on conflict do nothing"
CHALLENGE_KEY = "select value from meta where key = 'challenge_key'"
SPEND = "insert into spent values($1, $2) on conflict do nothing returning true"
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
ADD = """
insert into key_package(device, digest, at_ms, is_last_resort, body) values($1, $2, $3, $4, $5)
on conflict (device, digest) do update set is_last_resort = excluded.is_last_resort,
    at_ms = excluded.at_ms, body = excluded.body
"""

Forget = Callable[["asyncpg.Connection", bytes, int], Awaitable[Sequence[bytes]]]


class PostgresDevices:
    """`connection` lends a connection; `tell` and `lose` say what has news and who is gone, here and to other nodes.

    `forgetting` are the other parts of the database: each forgets (device, at_ms) in the transaction that deletes it,
    and returns what has news by that. `key` hides who wrote to whom.
    """

    def __init__(
        self,
        connection: Callable[[], "AbstractAsyncContextManager[asyncpg.Connection]"],
        quotas: Quotas,
        forgetting: Sequence[Forget],
        tell: Callable[[bytes], None],
        lose: Callable[[bytes], None],
        key: bytes,
    ) -> None:
        self._connection = connection
        self._quotas = quotas
        self._forgetting = forgetting
        self._tell = tell
        self._lose = lose
        self._key = key
        self._challenge_key: bytes | None = None

    async def challenge_key(self) -> bytes:
        if self._challenge_key is None:
            async with self._connection() as connection, connection.transaction():
                await connection.execute(KEEP_CHALLENGE_KEY, secrets.token_bytes(32).hex())
                self._challenge_key = bytes.fromhex(await connection.fetchval(CHALLENGE_KEY))
        return self._challenge_key

    async def spend(self, nonce: bytes, until_ms: int, at_ms: int) -> bool:
        async with self._connection() as connection:
            return bool(await connection.fetchval(SPEND, nonce, until_ms))

    async def open_session(
        self, device: bytes, public_key: bytes, token_hash: bytes, expires_ms: int, at_ms: int, *, may_register: bool
    ) -> bool:
        async with self._connection() as connection, connection.transaction():
            if await connection.fetchval("select true from blocked where device = $1", device):
                raise blocked_device()
            if may_register and await connection.fetchval(REGISTER, device, public_key):
                await connection.execute(newcomers.ENTER, device, at_ms)
            known = await connection.fetchrow(
                "select public_key, is_gone from device where device = $1 for update", device
            )
            if known is None:
                return False
            check_key(known["public_key"], known["is_gone"], public_key)
            await connection.execute(
                "delete from session where token in"
                " (select token from session where device = $1 order by expires_ms desc offset $2)",
                *(device, SESSIONS_PER_DEVICE - 1),
            )
            await connection.execute("insert into session values($1, $2, $3)", token_hash, device, expires_ms)
        return True

    async def session(self, token_hash: bytes, at_ms: int) -> tuple[bytes, int] | None:
        async with self._connection() as connection:
            row = await connection.fetchrow(
                "select device, expires_ms from session where token = $1 and expires_ms > $2", token_hash, at_ms
            )
        return (row["device"], row["expires_ms"]) if row is not None else None

    async def public_key(self, device: bytes) -> bytes | None:
        async with self._connection() as connection:
            key = await connection.fetchval("select public_key from device where device = $1 and not is_gone", device)
        return bytes(key) if key is not None else None

    async def standing(self, device: bytes) -> tuple[bytes, bool] | None:
        async with self._connection() as connection:
            row = await connection.fetchrow("select public_key, is_gone from device where device = $1", device)
        return (bytes(row["public_key"]), row["is_gone"]) if row is not None else None

    async def post(self, post: Post) -> bool:
        async with self._connection() as connection, connection.transaction():
            is_new = await _post(connection, post, self._quotas, self._key)
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
                "update inbox set body = '', sender = null, at_ms = at_ms - at_ms % $3"
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
            size = sum(map(len, new.values())) + len(last_resort or b"")
            await connection.execute(newcomers.ROOM, device, size, self._quotas.newcomer_bytes_per_day, at_ms)
            await connection.executemany(ADD, [(device, name, at_ms, False, body) for name, body in new.items()])
            if last_resort is not None:
                await connection.execute("delete from key_package where device = $1 and is_last_resort", device)
                await connection.execute(ADD, device, digest(last_resort), at_ms, True, last_resort)
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
            if not await _is_known(connection, device, claimant, self._key):
                await connection.execute(TAKE, device, "claimed", 1, quotas.claimed_per_hour, HOUR_MS, at_ms)
            await connection.execute(TAKE, claimant, "claims", 1, quotas.claims_per_hour, HOUR_MS, at_ms)
        return Package(body=body, is_last_resort=is_last_resort)

    async def join_account(self, device: bytes, account_hash: bytes) -> None:
        async with self._connection() as connection:
            sql_text = "update device set account = $2 where device = $1 and not is_gone"
            await connection.execute(sql_text, device, account_hash)
            await connection.execute(newcomers.SETTLE, device)

    async def delete(self, device: bytes, by: bytes, at_ms: int) -> None:
        async with self._connection() as connection, connection.transaction():
            if device not in [row["device"] for row in await connection.fetch(ACCOUNT, by)]:
                raise unknown_device()
            changed = await self._delete(connection, device, at_ms)
        self._tell_gone([device], changed)

    async def delete_account(self, device: bytes, at_ms: int) -> None:
        changed: list[bytes] = []
        async with self._connection() as connection, connection.transaction():
            devices = [row["device"] for row in await connection.fetch(ACCOUNT, device)]
            for one in devices:
                changed += await self._delete(connection, one, at_ms)
        self._tell_gone(devices, changed)

    async def _delete(self, connection: "asyncpg.Connection", device: bytes, at_ms: int) -> list[bytes]:
        """Return what has news by it."""
        await connection.execute(
            "update device set is_gone = true, public_key = '', account = null where device = $1", device
        )
        for table in ("session", "inbox", "key_package", "newcomer"):
            await connection.execute(f"delete from {table} where device = $1", device)  # noqa: S608  (names of our own)
        return [key for forget in self._forgetting for key in await forget(connection, device, at_ms)]

    def _tell_gone(self, devices: Sequence[bytes], changed: Sequence[bytes]) -> None:
        for device in devices:
            self._lose(device)
        for key in changed:
            self._tell(key)  # what a node still holds in memory goes too

    async def sweep(self, at_ms: int) -> None:
        async with self._connection() as connection, connection.transaction():
            await connection.execute("delete from spent where until_ms <= $1", at_ms)
            await connection.execute("delete from session where expires_ms <= $1", at_ms)
            await connection.execute("delete from inbox where at_ms <= $1", at_ms - INBOX_MS)
            await connection.execute("delete from key_package where at_ms <= $1", at_ms - KEY_PACKAGE_MS)
            await connection.execute("delete from acquaintance where at_ms <= $1", at_ms - INBOX_MS)
        async with self._connection() as connection, connection.transaction():
            rows = await connection.fetch(newcomers.IDLE, at_ms - newcomers.IDLE_MS, newcomers.IDLE_MOST)
            rows = await connection.fetch(newcomers.FORGET, [row["device"] for row in rows])
            idle = [row["device"] for row in rows]
            for table in ("session", "device"):
                await connection.execute(f"delete from {table} where device = any($1::bytea[])", idle)  # noqa: S608
            await connection.execute(newcomers.OLD, at_ms - DAY_MS)


async def _is_known(connection: "asyncpg.Connection", device: bytes, other: bytes, key: bytes) -> bool:
    """Whether this device has written to the other one, or both belong to one account."""
    return bool(await connection.fetchval(KNOWN, wrote(key, device, other), device, other))


async def _post(connection: "asyncpg.Connection", post: Post, quotas: Quotas, key: bytes) -> bool:
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
    is_known = await _is_known(connection, post.device, post.sender, key)
    tag = sender_tag(key, post.sender, post.device)
    waiting = Waiting(*await connection.fetchrow(WAITING, post.device, is_known, tag))
    check_room(waiting, len(post.body), is_known=is_known)
    if not is_known:
        await connection.execute(TAKE, post.device, "posted", 1, quotas.posted_per_hour, HOUR_MS, post.at_ms)
    await connection.execute(TAKE, post.sender, "posts", 1, quotas.posts_per_hour, HOUR_MS, post.at_ms)
    pot = quotas.newcomer_bytes_per_day
    await connection.execute(newcomers.ROOM, post.sender, len(post.body), pot, post.at_ms)
    seq = owner["inbox"] + 1
    await connection.execute("update device set inbox = $2 where device = $1", post.device, seq)
    await connection.execute(
        "insert into inbox(device, seq, cid, digest, at_ms, body, sender, is_known)"
        " values($1, $2, $3, $4, $5, $6, $7, $8)",
        *(post.device, seq, post.cid, name, post.at_ms, post.body, tag, is_known),
    )
    await connection.execute(ACQUAINT, wrote(key, post.sender, post.device), post.at_ms - post.at_ms % DAY_MS)
    return True
