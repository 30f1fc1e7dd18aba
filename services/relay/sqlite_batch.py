"""The rules of the log as SQLite runs them: one `SqliteBatch` is one transaction of many jobs.

A group's row and a device's counters are read once, changed in memory and written once a transaction, which is what
keeps an append cheap. Nothing else writes to the database, so what the last commit left is kept as a cache.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import apsw

from services.relay.frames import event_fields
from services.relay.refusal import Refusal, slow_down, unknown_group, unknown_invite
from services.relay.store import (
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

CACHE_MOST = 8_192

SCHEMA = """
create table if not exists meta(key text primary key, value text not null) without rowid;
create table if not exists grp(
    gnum integer primary key, gid blob not null unique, capability blob not null, head integer not null,
    epoch integer not null, bytes integer not null, rounded integer not null);
create table if not exists event(
    gnum integer not null, seq integer not null, cid blob not null, at_ms integer not null, epoch integer,
    body blob not null, primary key(gnum, seq)) without rowid;
create unique index if not exists event_cid on event(gnum, cid);
create index if not exists event_epoch on event(gnum, epoch) where epoch is not null;
create table if not exists device(device blob primary key, public_key blob not null) without rowid;
create table if not exists session(
    token blob primary key, device blob not null, expires_ms integer not null) without rowid;
create index if not exists session_device on session(device, expires_ms);
create table if not exists invite(
    invite blob primary key, body blob not null, expires_ms integer not null, used_by blob) without rowid;
create table if not exists meter(
    device blob not null, kind text not null, window integer not null, used integer not null,
    primary key(device, kind)) without rowid;
"""


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
    meters: dict[tuple[bytes, str], tuple[int, int]] = field(default_factory=dict)

    def trim(self) -> None:
        if len(self.groups) > CACHE_MOST:
            self.groups.clear()
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
        self._meters: dict[tuple[bytes, str], tuple[int, int]] = {}
        self._news: list[tuple[bytes, Event]] = []

    def append(self, draft: Draft) -> Receipt:
        group = self._group(draft.group)
        if group is None or group.capability != draft.capability_hash:
            raise unknown_group()
        known = self._row("select seq, at_ms, body from event where gnum = ? and cid = ?", group.gnum, draft.cid)
        if known is not None:
            if known[2] != draft.body:
                raise Refusal(409, "other-bytes", "This id came before with other bytes.")
            return Receipt(seq=known[0], at_ms=known[1], is_new=False)
        if draft.epoch is not None and draft.epoch != group.epoch:
            raise self._lost_epoch(group, draft.epoch)
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
        self._connection.execute(
            "insert into event(gnum, seq, cid, at_ms, epoch, body) values(?, ?, ?, ?, ?, ?)",
            (group.gnum, seq, draft.cid, draft.at_ms, draft.epoch, draft.body),
        )
        self._groups[draft.group] = replace(
            group,
            head=seq,
            epoch=group.epoch + (draft.epoch is not None),
            bytes=group.bytes + size,
        )
        self._news.append((draft.group, Event(seq=seq, cid=draft.cid, at_ms=draft.at_ms, body=draft.body)))
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
        self._groups[gid] = GroupRow(gnum=gnum, capability=capability_hash, head=0, epoch=0, bytes=0)
        return True

    def open_session(self, device: bytes, public_key: bytes, token_hash: bytes, expires_ms: int, at_ms: int) -> None:
        known = self._row("select public_key from device where device = ?", device)
        if known is None:
            self._take(b"", at_ms, Cost("devices", 1, self._quotas.devices_per_minute, MINUTE_MS))
            self._connection.execute("insert into device(device, public_key) values(?, ?)", (device, public_key))
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
        self._cache.meters.update(self._meters)
        self._cache.trim()

    def announce(self) -> None:
        for group, event in self._news:
            self._listener.publish(group, event)

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

    def _lost_epoch(self, group: GroupRow, epoch: int) -> Refusal:
        row = self._row("select seq, cid, at_ms, body from event where gnum = ? and epoch = ?", group.gnum, epoch)
        winner = Event(seq=row[0], cid=row[1], at_ms=row[2], body=row[3]) if row is not None else None
        return Refusal(
            409,
            "epoch",
            "Another commit came first.",
            details={
                "epoch": group.epoch,
                "head": group.head,
                "winner": event_fields(winner) if winner is not None else None,
            },
        )

    def _row(self, sql: str, *values: bytes | str | int) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
        return row
