"""The rules of the log as SQLite runs them: one `SqliteBatch` is one transaction of many jobs.

A group's row and a device's counters are read once, changed in memory and written once a transaction, which is what
keeps an append cheap. Nothing else writes to the database, so what the last commit left is kept as a cache.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import apsw

from services.relay.blobs import sqlite as blobs_sqlite
from services.relay.blobs.sqlite import check_blobs, refer
from services.relay.devices import tables as devices_tables
from services.relay.devices.store import author_name
from services.relay.log.frames import event_fields
from services.relay.log.store import (
    DAY_MS,
    FRESH_MS,
    INVITE_MEMORY_MS,
    MINUTE_MS,
    SESSIONS_PER_DEVICE,
    Draft,
    Event,
    Invite,
    Listener,
    Quotas,
    Receipt,
)
from services.relay.push import tables as push_tables
from services.relay.refusal import Refusal, no_session, rotated, slow_down, unknown_group, unknown_invite

CACHE_MOST = 8_192

# Tables with long rows keep their rowid: without it SQLite gives each row above 1 kB a page of its own.
LOG_TABLES = """
create table if not exists meta(key text primary key, value text not null) without rowid;
create table if not exists grp(
    gnum integer primary key, gid blob not null unique, capability blob not null, head integer not null,
    epoch integer not null, bytes integer not null, rounded integer not null, expired integer not null default 0,
    keep_days integer);
create table if not exists event(
    gnum integer not null, seq integer not null, cid blob not null, at_ms integer not null, epoch integer,
    author integer, body blob not null, primary key(gnum, seq));
create unique index if not exists event_cid on event(gnum, cid);
create index if not exists event_epoch on event(gnum, epoch) where epoch is not null;
create table if not exists session(
    token blob primary key, device blob not null, expires_ms integer not null) without rowid;
create index if not exists session_device on session(device, expires_ms);
create table if not exists invite(
    invite blob primary key, body blob not null, expires_ms integer not null, used_by blob);
create table if not exists meter(
    device blob not null, kind text not null, window integer not null, used integer not null,
    primary key(device, kind)) without rowid;
"""

SCHEMA = "\n".join((LOG_TABLES, devices_tables.SQLITE, push_tables.SQLITE, blobs_sqlite.SCHEMA))


@dataclass(frozen=True, slots=True)
class GroupRow:
    gnum: int
    capability: bytes
    head: int
    epoch: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Cost:
    """So much of a quota that counts per `window_ms`."""

    kind: str
    amount: int
    limit: int
    window_ms: int


@dataclass(slots=True)
class Cache:
    """What the last commit left, so that the next batch need not read it again."""

    groups: dict[bytes, GroupRow] = field(default_factory=dict)
    authors: dict[tuple[int, bytes], int] = field(default_factory=dict)
    meters: dict[tuple[bytes, str], tuple[int, int]] = field(default_factory=dict)

    def trim(self) -> None:
        if len(self.groups) > CACHE_MOST:
            self.groups.clear()
        if len(self.authors) > CACHE_MOST:
            self.authors.clear()
        if len(self.meters) > CACHE_MOST:
            self.meters.clear()


class SqliteBatch:
    """One transaction. Each public method is a job: it raises Refusal before it changes anything."""

    def __init__(self, connection: apsw.Connection, cache: Cache, quotas: Quotas, listener: Listener) -> None:
        self._connection = connection
        self._cache = cache
        self._quotas = quotas
        self._listener = listener
        self._groups: dict[bytes, GroupRow] = {}
        self._authors: dict[tuple[int, bytes], int] = {}
        self._gone: set[bytes] = set()
        self._hints: list[bytes] = []
        self._meters: dict[tuple[bytes, str], tuple[int, int]] = {}
        self._news: list[tuple[bytes, Event]] = []

    def append(self, draft: Draft) -> Receipt:
        group = self._group(draft.group)
        if group is None:
            raise unknown_group()
        until = self._until(group, draft.capability_hash)
        head = group.head if until is None else until
        known = self._row("select seq, at_ms, body from event where gnum = ? and cid = ?", group.gnum, draft.cid)
        if known is not None and known[0] <= head:
            if known[2] not in (draft.body, b""):  # an emptied event takes any bytes for its own
                raise Refusal(409, "other-bytes", "This id came before with other bytes.")
            return Receipt(seq=known[0], at_ms=known[1], is_new=False)
        if draft.epoch is not None and draft.epoch != group.epoch:
            raise self._lost_epoch(group, draft.epoch, head)
        if until is not None:
            raise rotated(until)
        check_blobs(self, draft.blobs)
        size = len(draft.body)
        if group.bytes + size > self._quotas.group_bytes:
            raise Refusal(413, "quota", "This group has used all of its space.")
        self._take(
            draft.device,
            draft.at_ms,
            Cost("events", 1, self._quotas.events_per_minute, MINUTE_MS),
            Cost("bytes", size, self._quotas.event_bytes_per_day, DAY_MS),
        )
        seq = group.head + 1
        author = self.author(draft.group, group.gnum, draft.device)
        self._connection.execute(
            "insert into event(gnum, seq, cid, at_ms, epoch, author, body) values(?, ?, ?, ?, ?, ?, ?)",
            (group.gnum, seq, draft.cid, draft.at_ms, draft.epoch, author, draft.body),
        )
        following = draft.next_capability if draft.next_capability != group.capability else None
        if following is not None:
            self._replace_capability(group, seq, following)
        refer(self, group.gnum, seq, draft.blobs, draft.at_ms)
        self._groups[draft.group] = replace(
            group,
            capability=following or group.capability,
            head=seq,
            epoch=group.epoch + (draft.epoch is not None),
            bytes=group.bytes + size,
        )
        ended = group.capability if following is not None else None
        event = Event(seq=seq, cid=draft.cid, at_ms=draft.at_ms, body=draft.body, ended=ended)
        self._news.append((draft.group, event))
        return Receipt(seq=seq, at_ms=draft.at_ms, is_new=True)

    def create_group(self, gid: bytes, capability_hash: bytes, device: bytes, at_ms: int) -> bool:
        known = self._group(gid)
        if known is not None:
            if known.capability != capability_hash:
                raise Refusal(409, "exists", "A group with this id exists already.")
            return False
        self._take(device, at_ms, Cost("groups", 1, self._quotas.groups_per_day, DAY_MS))
        self._connection.execute(
            "insert into grp(gid, capability, head, epoch, bytes, rounded) values(?, ?, 0, 0, 0, 0)",
            (gid, capability_hash),
        )
        gnum = self._connection.last_insert_rowid()
        self.author(gid, gnum, device)  # a group without any is dropped in the end
        self._groups[gid] = GroupRow(gnum=gnum, capability=capability_hash, head=0, epoch=0, bytes=0)
        return True

    def open_session(self, device: bytes, public_key: bytes, token_hash: bytes, expires_ms: int, at_ms: int) -> None:
        known = self._row("select public_key, is_gone from device where device = ?", device)
        if known is None:
            self._take(b"", at_ms, Cost("devices", 1, self._quotas.devices_per_minute, MINUTE_MS))
            self._connection.execute("insert into device(device, public_key) values(?, ?)", (device, public_key))
        elif known[1]:
            raise Refusal(403, "revoked", "This device was deleted.")
        elif known[0] != public_key:
            raise Refusal(403, "wrong-key", "This device is known with another key.")
        self._connection.execute(
            "delete from session where token in"
            " (select token from session where device = ? order by expires_ms desc limit -1 offset ?)",
            (device, SESSIONS_PER_DEVICE - 1),
        )
        self._connection.execute(
            "insert into session(token, device, expires_ms) values(?, ?, ?)", (token_hash, device, expires_ms)
        )

    def put_invite(self, invite: bytes, body: bytes, expires_ms: int, device: bytes, at_ms: int) -> bool:
        known = self._row("select body from invite where invite = ?", invite)
        if known is not None:
            if known[0] != body:
                raise Refusal(409, "exists", "An invite with this id exists already.")
            return False
        self._take(device, at_ms, Cost("invites", 1, self._quotas.invites_per_day, DAY_MS))
        self._connection.execute(
            "insert into invite(invite, body, expires_ms) values(?, ?, ?)", (invite, body, expires_ms)
        )
        return True

    def claim_invite(self, invite: bytes, claimant: bytes, at_ms: int) -> Invite:
        row = self._row("select body, expires_ms, used_by from invite where invite = ?", invite)
        if row is None:
            raise unknown_invite()
        body, expires_ms, used_by = row
        if used_by is not None and used_by != claimant:
            raise Refusal(410, "used", "Somebody has used this invite already.")
        if expires_ms <= at_ms:
            raise Refusal(410, "expired", "This invite is too old.")
        self._connection.execute("update invite set used_by = ? where invite = ?", (claimant, invite))
        return Invite(body=body, expires_ms=expires_ms, used_by=claimant)

    def sweep(self, at_ms: int) -> None:
        execute = self._connection.execute
        execute("delete from session where expires_ms <= ?", (at_ms,))
        execute("delete from invite where expires_ms <= ?", (at_ms - INVITE_MEMORY_MS,))
        execute("update invite set body = x'' where expires_ms <= ? and body <> x''", (at_ms,))
        execute("delete from meter where window < ?", (at_ms - DAY_MS,))
        old = at_ms - FRESH_MS
        stale = list(
            execute(
                "select gnum, (select max(seq) from event e where e.gnum = g.gnum and e.at_ms <= ?)"
                " from grp g where head > rounded",
                (old,),
            )
        )
        for gnum, seq in stale:
            if seq is not None:
                execute(
                    "update event set at_ms = at_ms - at_ms % ?"
                    " where gnum = ? and seq > (select rounded from grp where gnum = ?) and seq <= ?",
                    (MINUTE_MS, gnum, gnum, seq),
                )
                execute("update grp set rounded = ? where gnum = ?", (seq, gnum))

    def execute(self, sql: str, *values: bytes | str | int | None) -> list[tuple[Any, ...]]:
        """Run one statement for a part of the store that lives in a module of its own."""
        return list(self._connection.execute(sql, values))

    def take(self, device: bytes, kind: str, limit: int, window_ms: int, at_ms: int, amount: int = 1) -> None:
        """Count so much of a quota. Raises 429 and counts nothing if it is used up."""
        self._take(device, at_ms, Cost(kind, amount, limit, window_ms))

    def flush(self) -> None:
        if self._groups:
            self._connection.executemany(
                "update grp set head = ?, epoch = ?, bytes = ? where gnum = ?",
                [(g.head, g.epoch, g.bytes, g.gnum) for g in self._groups.values()],
            )
        if self._meters:
            self._connection.executemany(
                "insert or replace into meter(device, kind, window, used) values(?, ?, ?, ?)",
                [(*key, *value) for key, value in self._meters.items()],
            )

    def committed(self) -> None:
        self._cache.groups.update(self._groups)
        self._cache.authors.update(self._authors)
        self._cache.meters.update(self._meters)
        self._cache.trim()

    def announce(self) -> None:
        for group, event in self._news:
            self._listener.publish(group, event)
        for key in self._hints:
            self._listener.hint(key)
        for device in self._gone:
            self._listener.gone(device)

    def _group(self, gid: bytes) -> GroupRow | None:
        group = self._groups.get(gid) or self._cache.groups.get(gid)
        if group is None:
            row = self._row("select gnum, capability, head, epoch, bytes from grp where gid = ?", gid)
            if row is not None:
                group = GroupRow(*row)
        return group

    def _take(self, device: bytes, at_ms: int, *costs: Cost) -> None:
        """Count all the costs, or none and raise 429."""
        after: dict[tuple[bytes, str], tuple[int, int]] = {}
        for cost in costs:
            key = (device, cost.kind)
            start = at_ms - at_ms % cost.window_ms
            meter = self._meters.get(key) or self._cache.meters.get(key)
            if meter is None:
                row = self._row("select window, used from meter where device = ? and kind = ?", *key)
                meter = (row[0], row[1]) if row is not None else (start, 0)
            used = meter[1] if meter[0] == start else 0
            if used + cost.amount > cost.limit:
                raise slow_down(1 + (start + cost.window_ms - at_ms) // 1_000)
            after[key] = (start, used + cost.amount)
        self._meters.update(after)

    def author(self, gid: bytes, gnum: int, device: bytes) -> int:
        """Return the number of a sender in one group. Raises 401 if the device was deleted meanwhile."""
        key = (gnum, device)
        number = self._authors.get(key) or self._cache.authors.get(key)
        if number is None:
            row = self._row("select is_gone from device where device = ?", device)
            if row is not None and row[0]:
                raise no_session()
            name = author_name(gid, device)
            row = self._row("select anum from author where gnum = ? and name = ?", gnum, name)
            if row is None:
                self._connection.execute("insert into author(gnum, name) values(?, ?)", (gnum, name))
            number = self._connection.last_insert_rowid() if row is None else int(row[0])
            self._authors[key] = number
        return number

    def tell(self, key: bytes) -> None:
        """Let the readers of a group or an inbox look again after the commit."""
        self._hints.append(key)

    def lose(self, device: bytes) -> None:
        """Let everybody know after the commit that a device is gone."""
        self._gone.add(device)
        self._authors.clear()
        self._cache.authors.clear()

    def drop(self, gid: bytes) -> None:
        """Forget a group whose rows were deleted."""
        self._groups.pop(gid, None)
        self._cache.groups.pop(gid, None)

    def _until(self, group: GroupRow, capability_hash: bytes) -> int | None:
        """Return up to where a former capability reads, or None for the present one. Raises 404."""
        if group.capability == capability_hash:
            return None
        row = self._row("select until from former where gnum = ? and capability = ?", group.gnum, capability_hash)
        if row is None:
            raise unknown_group()
        return int(row[0])

    def _replace_capability(self, group: GroupRow, seq: int, capability_hash: bytes) -> None:
        self._connection.execute(
            "insert or replace into former(gnum, capability, until) values(?, ?, ?)",
            (group.gnum, group.capability, seq),
        )
        self._connection.execute("delete from former where gnum = ? and capability = ?", (group.gnum, capability_hash))
        self._connection.execute("update grp set capability = ? where gnum = ?", (capability_hash, group.gnum))

    def _lost_epoch(self, group: GroupRow, epoch: int, head: int) -> Refusal:
        row = self._row("select seq, cid, at_ms, body from event where gnum = ? and epoch = ?", group.gnum, epoch)
        winner = None
        if row is not None and row[0] <= head:
            winner = Event(seq=row[0], cid=row[1], at_ms=row[2], body=row[3])
        return Refusal(
            409,
            "epoch",
            "Another commit came first.",
            details={
                "epoch": group.epoch,
                "head": head,
                "winner": event_fields(winner) if winner is not None else None,
            },
        )

    def group(self, gid: bytes) -> GroupRow | None:
        """Return a group as this transaction sees it."""
        return self._group(gid)

    def change(self, gid: bytes, group: GroupRow) -> None:
        """Replace a group's row: its numbers are kept in memory and written at the end of the transaction."""
        self._groups[gid] = group

    def _row(self, sql: str, *values: bytes | str | int) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
        return row
