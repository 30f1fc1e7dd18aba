"""`DeviceStore` beside the log in SQLite."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import apsw

from services.relay.blobs.sqlite import DISOWN_BLOBS
from services.relay.devices.store import (
    HOUR_MS,
    INBOX_MS,
    KEY_PACKAGE_MS,
    ORPHAN_MS,
    Item,
    Package,
    Post,
    author_name,
    digest,
    full_inbox,
    inbox_key,
    no_package,
    other_bytes,
    too_many_packages,
    unknown_device,
)
from services.relay.log.store import DAY_MS, MINUTE_MS, Quotas
from services.sync.protocol import INBOX_MOST_BYTES, INBOX_MOST_ITEMS, KEY_PACKAGES_MOST, PAGE_LIMIT_BYTES

_LEFT = "select count(*) from key_package where device = ? and not is_last_resort and length(body) > 0"
_NEXT = (
    "select digest, body, is_last_resort from key_package where device = ? and length(body) > 0"
    " order by is_last_resort, at_ms limit 1"
)
_ADD = "insert or replace into key_package(device, digest, at_ms, is_last_resort, body) values(?, ?, ?, ?, ?)"
_FORMER = "select min(number) from lineage where incarnation = ?"
_WENT_BACK = """
select count(*), min(r.head) from grp g join restored r on r.gnum = g.gnum where g.gid = ? and r.number >= ?
"""


class SqliteDevices:
    """`write` runs a job of a batch, `read` one on a reading connection."""

    def __init__(self, write: Callable[..., Any], read: Callable[..., Any], quotas: Quotas) -> None:
        self._write = write
        self._read = read
        self._quotas = quotas

    async def public_key(self, device: bytes) -> bytes | None:
        rows = await self._rows("select public_key from device where device = ? and not is_gone", device)
        return rows[0][0] if rows else None

    async def post(self, post: Post) -> bool:
        return bool(await self._write(lambda batch: _post(batch, post, self._quotas)))

    async def inbox(self, device: bytes, since: int, limit: int) -> tuple[Item, ...]:
        rows = await self._rows(
            "select seq, cid, at_ms, body from inbox where device = ? and seq > ? and length(body) > 0"
            " order by seq limit ?",
            *(device, since, limit),
        )
        return bounded(Item(seq=r[0], cid=r[1], at_ms=r[2], body=r[3]) for r in rows)

    async def acknowledge(self, device: bytes, upto: int) -> None:
        find = "select 1 from inbox where device = ? and seq <= ? and length(body) > 0 limit 1"
        if not await self._rows(find, device, upto):  # a read is cheap, a commit is not
            return
        sql = "update inbox set body = x'', at_ms = at_ms - at_ms % ? where device = ? and seq <= ?"
        await self._write(lambda batch: batch.execute(sql, MINUTE_MS, device, upto))

    async def publish(self, device: bytes, one_time: Sequence[bytes], last_resort: bytes | None, at_ms: int) -> int:
        def job(batch: Any) -> int:
            known = {row[0] for row in batch.execute("select digest from key_package where device = ?", device)}
            new = {digest(body): body for body in one_time if digest(body) not in known}
            left = int(batch.execute(_LEFT, device)[0][0]) + len(new)
            if left > KEY_PACKAGES_MOST:
                raise too_many_packages()
            amount = len(new) + (last_resort is not None)
            batch.take(device, "packages", self._quotas.packages_per_day, DAY_MS, at_ms, amount)
            sql = (
                "insert or replace into key_package(device, digest, at_ms, is_last_resort, body) values(?, ?, ?, ?, ?)"
            )
            for name, body in new.items():
                batch.execute(sql, device, name, at_ms, 0, body)
            if last_resort is not None:
                batch.execute("delete from key_package where device = ? and is_last_resort", device)
                batch.execute(sql, device, digest(last_resort), at_ms, 1, last_resort)
            return left

        return int(await self._write(job))

    async def packages_left(self, device: bytes) -> int:
        return int((await self._rows(_LEFT, device))[0][0])

    async def claim(self, device: bytes, claimant: bytes, at_ms: int) -> Package:
        quotas = self._quotas

        def job(batch: Any) -> Package:
            rows = batch.execute(_NEXT, device)
            if not rows:
                raise no_package()
            name, body, is_last_resort = rows[0]
            batch.take(device, "claimed", quotas.claimed_per_hour, HOUR_MS, at_ms)
            batch.take(claimant, "claims", quotas.claims_per_hour, HOUR_MS, at_ms)
            if not is_last_resort:
                batch.execute("update key_package set body = x'' where device = ? and digest = ?", device, name)
            return Package(body=body, is_last_resort=bool(is_last_resort))

        package: Package = await self._write(job)
        return package

    async def join_account(self, device: bytes, account_hash: bytes) -> None:
        sql = "update device set account = ? where device = ? and not is_gone"
        await self._write(lambda batch: batch.execute(sql, account_hash, device))

    async def delete(self, device: bytes, by: bytes, at_ms: int) -> None:
        def job(batch: Any) -> None:
            if device not in _of_account(batch, by):
                raise unknown_device()
            _delete(batch, device, at_ms)

        await self._write(job)

    async def delete_account(self, device: bytes, at_ms: int) -> None:
        def job(batch: Any) -> None:
            for one in _of_account(batch, device):
                _delete(batch, one, at_ms)

        await self._write(job)

    async def went_back(self, groups: Sequence[bytes], incarnation: str) -> tuple[int, ...]:
        def read(connection: apsw.Connection) -> tuple[int, ...]:
            number = next(connection.execute("select min(number) from lineage where incarnation = ?", (incarnation,)))[
                0
            ]
            if number is None:
                return tuple(0 for _ in groups)
            total = next(connection.execute("select count(*) from lineage where number >= ?", (number,)))[0]
            found = [next(connection.execute(_WENT_BACK, (group, number))) for group in groups]
            return tuple(head if count == total else 0 for count, head in found)

        heads: tuple[int, ...] = await self._read(read)
        return heads

    async def sweep(self, at_ms: int) -> None:
        def job(batch: Any) -> None:
            batch.execute("delete from inbox where at_ms <= ?", at_ms - INBOX_MS)
            batch.execute("delete from key_package where at_ms <= ?", at_ms - KEY_PACKAGE_MS)
            batch.execute("delete from orphan where exists (select 1 from author a where a.gnum = orphan.gnum)")
            sql = "select o.gnum, g.gid from orphan o join grp g on g.gnum = o.gnum where o.at_ms <= ?"
            for gnum, gid in batch.execute(sql, at_ms - ORPHAN_MS):
                for table in ("event", "former", "restored", "orphan", "grp"):
                    batch.execute(f"delete from {table} where gnum = ?", gnum)  # noqa: S608  (names of our own)
                batch.drop(gid)

        await self._write(job)

    async def _rows(self, sql: str, *values: bytes | str | int) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = await self._read(lambda connection: list(connection.execute(sql, values)))
        return rows


def bounded(items: Iterable[Item]) -> tuple[Item, ...]:
    """Return what fits into one page, and at least one."""
    kept: list[Item] = []
    size = 0
    for item in items:
        size += len(item.body)
        if kept and size > PAGE_LIMIT_BYTES:
            break
        kept.append(item)
    return tuple(kept)


def _post(batch: Any, post: Post, quotas: Quotas) -> bool:
    owner = batch.execute("select inbox from device where device = ? and not is_gone", post.device)
    if not owner:
        raise unknown_device()
    known = batch.execute("select digest from inbox where device = ? and cid = ?", post.device, post.cid)
    if known:
        if known[0][0] != digest(post.body):
            raise other_bytes()
        return False
    sql = "select count(*), coalesce(sum(length(body)), 0) from inbox where device = ? and length(body) > 0"
    count, size = batch.execute(sql, post.device)[0]
    if count >= INBOX_MOST_ITEMS or size + len(post.body) > INBOX_MOST_BYTES:
        raise full_inbox()
    batch.take(post.device, "posted", quotas.posted_per_hour, HOUR_MS, post.at_ms)
    batch.take(post.sender, "posts", quotas.posts_per_hour, HOUR_MS, post.at_ms)
    seq = owner[0][0] + 1
    batch.execute("update device set inbox = ? where device = ?", seq, post.device)
    batch.execute(
        "insert into inbox(device, seq, cid, digest, at_ms, body) values(?, ?, ?, ?, ?, ?)",
        *(post.device, seq, post.cid, digest(post.body), post.at_ms, post.body),
    )
    batch.tell(inbox_key(post.device))
    return True


def _of_account(batch: Any, device: bytes) -> set[bytes]:
    rows = batch.execute(
        "select d.device from device me join device d on d.device = me.device or d.account = me.account"
        " where me.device = ? and not d.is_gone",
        device,
    )
    return {row[0] for row in rows}


def _delete(batch: Any, device: bytes, at_ms: int) -> None:
    batch.execute("update device set is_gone = 1, public_key = x'', account = null where device = ?", device)
    for table in ("session", "inbox", "key_package", "push", "push_watch"):
        batch.execute(f"delete from {table} where device = ?", device)  # noqa: S608  (names of our own)
    batch.execute(DISOWN_BLOBS, device)
    batch.lose(device)
    authors = batch.execute("select a.anum, a.gnum, g.gid, a.name from author a join grp g on g.gnum = a.gnum")
    for anum, gnum, gid, name in authors:
        if name == author_name(gid, device):
            _empty_events(batch, anum, gnum, gid, at_ms)


def _empty_events(batch: Any, anum: int, gnum: int, gid: bytes, at_ms: int) -> None:
    sql = "select coalesce(sum(length(body)), 0) from event where gnum = ? and author = ?"
    size = batch.execute(sql, gnum, anum)[0][0]
    batch.execute("update event set body = x'', author = null where gnum = ? and author = ?", gnum, anum)
    batch.execute("delete from author where anum = ?", anum)
    group = batch.group(gid)
    batch.change(gid, replace(group, bytes=group.bytes - size))
    batch.execute(
        "insert or ignore into orphan(gnum, at_ms) select ?1, ?2"
        " where not exists (select 1 from author where gnum = ?1)",
        *(gnum, at_ms),
    )
    batch.tell(gid)  # what a node still holds in memory goes too
