"""`DeviceStore` in SQLite. Used nonces live in memory, like the key that they are minted with: one process serves the
file.
"""

import secrets
from collections.abc import Callable, Sequence
from typing import Any

import apsw

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
from services.relay.meters import Cost
from services.relay.refusal import other_bytes
from services.relay.writer import Batch, Read, Write
from services.sync.protocol import KEY_PACKAGES_MOST

_LEFT = "select count(*) from key_package where device = ? and not is_last_resort and length(body) > 0"
_NEXT = (
    "select digest, body, is_last_resort from key_package where device = ? and length(body) > 0"
    " order by is_last_resort, at_ms limit 1"
)
_ADD = "insert or replace into key_package(device, digest, at_ms, is_last_resort, body) values(?, ?, ?, ?, ?)"


_ADD_ITEM = "insert into inbox(device, seq, cid, digest, at_ms, body, sender, is_known) values(?, ?, ?, ?, ?, ?, ?, ?)"
_KNOWN = """
select 1 from acquaintance where pair = ?1
union all select 1 from device a join device b on a.account = b.account where a.device = ?2 and b.device = ?3 limit 1
"""
_WAITING = """
select count(*), coalesce(sum(length(body)), 0), count(*) filter (where sender = ?3),
    coalesce(sum(length(body)) filter (where sender = ?3), 0)
from inbox where device = ?1 and length(body) > 0 and is_known = ?2
"""
_ACQUAINT = "insert into acquaintance(pair, at_ms) values(?1, ?2) on conflict do update set at_ms = max(at_ms, ?2)"

Forget = Callable[[Batch, bytes, int], None]


class SqliteDevices:
    """`write` runs a job of a batch, `read` one on a reading connection.

    `forgetting` are the other parts of the database: each forgets (device, at_ms) in the batch that deletes it. `key`
    hides who wrote to whom.
    """

    def __init__(self, write: Write, read: Read, quotas: Quotas, forgetting: Sequence[Forget], key: bytes) -> None:
        self._write = write
        self._read = read
        self._quotas = quotas
        self._forgetting = forgetting
        self._key = key
        self._challenge_key = secrets.token_bytes(32)
        self._spent: dict[bytes, int] = {}

    async def challenge_key(self) -> bytes:
        return self._challenge_key

    async def spend(self, nonce: bytes, until_ms: int, at_ms: int) -> bool:
        if nonce in self._spent:
            return False
        self._spent[nonce] = until_ms
        return True

    async def open_session(
        self, device: bytes, public_key: bytes, token_hash: bytes, expires_ms: int, at_ms: int, *, may_register: bool
    ) -> bool:
        def job(batch: Batch) -> bool:
            if batch.row("select 1 from blocked where device = ?", device) is not None:
                raise blocked_device()
            known = batch.row("select public_key, is_gone from device where device = ?", device)
            if known is None:
                if not may_register:
                    return False
                batch.execute("insert into device(device, public_key) values(?, ?)", device, public_key)
                newcomers.enter(batch, device, at_ms)
            else:
                check_key(known[0], known[1], public_key)
            batch.execute(
                "delete from session where token in"
                " (select token from session where device = ? order by expires_ms desc limit -1 offset ?)",
                *(device, SESSIONS_PER_DEVICE - 1),
            )
            sql = "insert into session(token, device, expires_ms) values(?, ?, ?)"
            batch.execute(sql, token_hash, device, expires_ms)
            return True

        return await self._write(job)

    async def session(self, token_hash: bytes, at_ms: int) -> tuple[bytes, int] | None:
        sql = "select device, expires_ms from session where token = ? and expires_ms > ?"
        rows = await self._rows(sql, token_hash, at_ms)
        return rows[0] if rows else None

    async def public_key(self, device: bytes) -> bytes | None:
        rows = await self._rows("select public_key from device where device = ? and not is_gone", device)
        return rows[0][0] if rows else None

    async def standing(self, device: bytes) -> tuple[bytes, bool] | None:
        rows = await self._rows("select public_key, is_gone from device where device = ?", device)
        return (rows[0][0], bool(rows[0][1])) if rows else None

    async def post(self, post: Post) -> bool:
        return await self._write(lambda batch: _post(batch, post, self._quotas, self._key))

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
        sql = "update inbox set body = x'', sender = null, at_ms = at_ms - at_ms % ? where device = ? and seq <= ?"
        await self._write(lambda batch: batch.execute(sql, MINUTE_MS, device, upto), frees=True)

    async def publish(self, device: bytes, one_time: Sequence[bytes], last_resort: bytes | None, at_ms: int) -> int:
        def job(batch: Batch) -> int:
            known = {row[0] for row in batch.execute("select digest from key_package where device = ?", device)}
            new = {digest(body): body for body in one_time if digest(body) not in known}
            left = int(batch.execute(_LEFT, device)[0][0]) + len(new)
            if left > KEY_PACKAGES_MOST:
                raise too_many_packages()
            amount = len(new) + (last_resort is not None)
            size = sum(map(len, new.values())) + len(last_resort or b"")
            cost = Cost(device, "packages", amount, self._quotas.packages_per_day, DAY_MS)
            newcomers.take(batch, at_ms, device, size, self._quotas, cost)
            for name, body in new.items():
                batch.execute(_ADD, device, name, at_ms, 0, body)
            if last_resort is not None:
                batch.execute("delete from key_package where device = ? and is_last_resort", device)
                batch.execute(_ADD, device, digest(last_resort), at_ms, 1, last_resort)
            return left

        return await self._write(job)

    async def packages_left(self, device: bytes) -> int:
        return int((await self._rows(_LEFT, device))[0][0])

    async def claim(self, device: bytes, claimant: bytes, at_ms: int) -> Package:
        quotas = self._quotas

        def job(batch: Batch) -> Package:
            rows = batch.execute(_NEXT, device)
            if not rows:
                raise no_package()
            name, body, is_last_resort = rows[0]
            costs = [Cost(claimant, "claims", 1, quotas.claims_per_hour, HOUR_MS)]
            if not _is_known(batch, device, claimant, self._key):
                costs.append(Cost(device, "claimed", 1, quotas.claimed_per_hour, HOUR_MS))
            batch.take(at_ms, *costs)
            if not is_last_resort:
                batch.execute("update key_package set body = x'' where device = ? and digest = ?", device, name)
            return Package(body=body, is_last_resort=bool(is_last_resort))

        return await self._write(job)

    async def join_account(self, device: bytes, account_hash: bytes) -> None:
        def job(batch: Batch) -> None:
            batch.execute("update device set account = ? where device = ? and not is_gone", account_hash, device)
            newcomers.settle(batch, device)

        await self._write(job)

    async def delete(self, device: bytes, by: bytes, at_ms: int) -> None:
        def job(batch: Batch) -> None:
            if device not in _of_account(batch, by):
                raise unknown_device()
            self._delete(batch, device, at_ms)

        await self._write(job, frees=True)

    async def delete_account(self, device: bytes, at_ms: int) -> None:
        def job(batch: Batch) -> None:
            for one in _of_account(batch, device):
                self._delete(batch, one, at_ms)

        await self._write(job, frees=True)

    def _delete(self, batch: Batch, device: bytes, at_ms: int) -> None:
        batch.execute("update device set is_gone = 1, public_key = x'', account = null where device = ?", device)
        for table in ("session", "inbox", "key_package", "newcomer"):
            batch.execute(f"delete from {table} where device = ?", device)  # noqa: S608  (names of our own)
        for forget in self._forgetting:
            forget(batch, device, at_ms)
        batch.lose(device)

    async def sweep(self, at_ms: int) -> None:
        def job(batch: Batch) -> None:
            batch.execute("delete from session where expires_ms <= ?", at_ms)
            batch.execute("delete from inbox where at_ms <= ?", at_ms - INBOX_MS)
            batch.execute("delete from key_package where at_ms <= ?", at_ms - KEY_PACKAGE_MS)
            batch.execute("delete from acquaintance where at_ms <= ?", at_ms - INBOX_MS)
            for device in newcomers.sweep(batch, at_ms):
                batch.execute("delete from session where device = ?", device)
                batch.execute("delete from device where device = ?", device)

        self._spent = {nonce: until_ms for nonce, until_ms in self._spent.items() if until_ms > at_ms}
        await self._write(job, frees=True)

    async def _rows(self, sql: str, *values: bytes | str | int) -> list[tuple[Any, ...]]:
        def job(connection: apsw.Connection) -> list[tuple[Any, ...]]:
            return list(connection.execute(sql, values))

        return await self._read(job)


def _is_known(batch: Batch, device: bytes, other: bytes, key: bytes) -> bool:
    """Whether this device has written to the other one, or both belong to one account."""
    return batch.row(_KNOWN, wrote(key, device, other), device, other) is not None


def _post(batch: Batch, post: Post, quotas: Quotas, key: bytes) -> bool:
    owner = batch.execute("select inbox from device where device = ? and not is_gone", post.device)
    if not owner:
        raise unknown_device()
    known = batch.execute("select digest from inbox where device = ? and cid = ?", post.device, post.cid)
    if known:
        if known[0][0] != digest(post.body):
            raise other_bytes()
        return False
    is_known, tag = _is_known(batch, post.device, post.sender, key), sender_tag(key, post.sender, post.device)
    check_room(Waiting(*batch.execute(_WAITING, post.device, is_known, tag)[0]), len(post.body), is_known=is_known)
    costs = [Cost(post.sender, "posts", 1, quotas.posts_per_hour, HOUR_MS)]
    if not is_known:
        costs.append(Cost(post.device, "posted", 1, quotas.posted_per_hour, HOUR_MS))
    newcomers.take(batch, post.at_ms, post.sender, len(post.body), quotas, *costs)
    seq = owner[0][0] + 1
    batch.execute("update device set inbox = ? where device = ?", seq, post.device)
    batch.execute(_ADD_ITEM, post.device, seq, post.cid, digest(post.body), post.at_ms, post.body, tag, is_known)
    batch.execute(_ACQUAINT, wrote(key, post.sender, post.device), post.at_ms - post.at_ms % DAY_MS)
    batch.tell(inbox_key(post.device))
    return True


def _of_account(batch: Batch, device: bytes) -> set[bytes]:
    rows = batch.execute(
        "select d.device from device me join device d on d.device = me.device or d.account = me.account"
        " where me.device = ? and not d.is_gone",
        device,
    )
    return {row[0] for row in rows}
