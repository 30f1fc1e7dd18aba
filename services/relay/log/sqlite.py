"""`LogStore` in SQLite. Its jobs run one after the other on the writer's thread, so they need no locks."""

from collections.abc import Sequence
from typing import Any

import apsw

from services.relay import newcomers
from services.relay.blobs.sqlite import check_blobs, refer
from services.relay.limits import DAY_MS, MINUTE_MS, Quotas
from services.relay.log.pages import open_group, read_page
from services.relay.log.rows import Group, Rows, check_device
from services.relay.log.store import (
    ADMITS_PER_DAY,
    FRESH_MS,
    GROUP_BYTES,
    INVITE_MEMORY_MS,
    ORPHAN_MS,
    USUAL,
    Draft,
    Event,
    Expired,
    Invite,
    Limits,
    Opening,
    Page,
    Receipt,
    author_name,
    check_keeper,
    claimable,
    erased,
    group_exists,
    group_full,
    invite_exists,
    lost_epoch,
    rotated,
    unknown_group,
)
from services.relay.log.tables import OF_GROUP
from services.relay.meters import Cost
from services.relay.refusal import Refusal, other_bytes
from services.relay.writer import Batch, Read, Write

STEP_GROUPS = 200
STEP_EVENTS = 1_000
STEP_BYTES = 2 * 1_048_576  # bodies are overwritten, so that a step goes through SQLite's log as a whole

_INVITE = "select body, expires_ms, used_by from invite where invite = ?"
_WENT_BACK = """
select count(*), min(r.head) from grp g join restored r on r.gnum = g.gnum where g.gid = ? and r.number >= ?
"""
_STALE = """
select gnum, (select max(seq) from event e where e.gnum = g.gnum and e.at_ms <= ?) from grp g where head > rounded
"""
_OLD_GROUPS = """
select g.gnum, g.gid, g.expired, coalesce(g.keep_days, ?1) as days
from grp g join event e on e.gnum = g.gnum and e.seq = g.expired + 1
where g.gnum > ?2 and days > 0 and e.at_ms <= ?3 - days * 86400000 order by g.gnum limit ?4
"""
_FRESH = "select seq from event where gnum = ? and seq > ? and at_ms > ? order by seq limit 1"
_BEYOND = """
select seq from (select seq, sum(length(body)) over (order by seq) as total from event
    where gnum = ?1 and seq > ?2 and seq <= ?3) where total > ?4 order by seq limit 1
"""
_EMPTY = """
update event set body = x'', author = null, at_ms = at_ms - at_ms % ?1
where gnum = ?2 and seq > ?3 and seq <= ?4 and length(body) > 0
    and seq not in (select n.seq from erased n where n.gnum = ?2)
"""
_FREED = """
select count(*), coalesce(sum(length(body)), 0) from event
where gnum = ?1 and seq > ?2 and seq <= ?3 and seq not in (select n.seq from erased n where n.gnum = ?1)
"""
_MAKE = """
insert into grp(gid, capability, head, epoch, bytes, rounded, keep_days, keeper, most_events, most_bytes, most_first)
values(?1, ?2, 0, 0, 0, 0, ?3, ?4, ?5, ?6, ?7)
"""


class SqliteLog:
    """`write` runs a job of a batch, `read` one on a reading connection. The writer flushes `rows` with each batch."""

    def __init__(self, write: Write, read: Read, quotas: Quotas) -> None:
        self._write = write
        self._read = read
        self._quotas = quotas
        self.rows = Rows()

    async def create_group(
        self,
        group: bytes,
        capability_hash: bytes,
        device: bytes,
        at_ms: int,
        *,
        keep_days: int | None = None,
        keeper: bytes | None = None,
        limits: Limits = USUAL,
    ) -> bool:
        def job(batch: Batch) -> bool:
            known = self.rows.group(batch, group)
            if known is not None:
                if (known.capability, known.keeper) != (capability_hash, keeper):
                    raise group_exists()
                return False
            check_device(batch, device)
            cost = Cost(device, "groups", 1, self._quotas.groups_per_day, DAY_MS)
            newcomers.take(batch, at_ms, device, GROUP_BYTES, self._quotas, cost)
            kept = (limits.events, limits.bytes, limits.first) if keeper is not None else (None, None, None)
            batch.execute(_MAKE, group, capability_hash, keep_days, keeper, *kept)
            if keeper is None:
                self.rows.author(batch, group, batch.connection.last_insert_rowid(), device)
            return True

        return await self._write(job)

    async def openings(
        self, groups: Sequence[tuple[bytes, bytes]], places: Sequence[int] = ()
    ) -> tuple[Opening | None, ...]:
        asked = list(zip(groups, places or [0] * len(groups), strict=True))
        return await self._read(
            lambda connection: tuple(open_group(connection, *group, place) for group, place in asked)
        )

    async def went_back(self, groups: Sequence[bytes], incarnation: str) -> tuple[int, ...]:
        def job(connection: apsw.Connection) -> tuple[int, ...]:
            former = "select min(number) from lineage where incarnation = ?"
            number = next(connection.execute(former, (incarnation,)))[0]
            if number is None:
                return tuple(0 for _ in groups)
            total = next(connection.execute("select count(*) from lineage where number >= ?", (number,)))[0]
            found = [next(connection.execute(_WENT_BACK, (group, number))) for group in groups]
            return tuple(head if count == total else 0 for count, head in found)

        return await self._read(job)

    async def append(self, draft: Draft) -> Receipt:
        return await self._write(lambda batch: self._append(batch, draft))

    def _append(self, batch: Batch, draft: Draft) -> Receipt:
        group = self.rows.group(batch, draft.group)
        if group is None:
            raise unknown_group()
        until = _until(batch, group, draft.capability_hash)
        head = group.head if until is None else until
        known = batch.row("select seq, at_ms, body, erase from event where gnum = ? and cid = ?", group.gnum, draft.cid)
        if known is not None and known[0] <= head:
            return _again(batch, group, draft, *known)
        if draft.epoch is not None and draft.epoch != group.epoch:
            raise _lost_epoch(batch, group, draft.epoch, head)
        if until is not None:
            raise rotated(until)
        check_keeper(draft, group.keeper)
        _check_erased(batch, group, draft.erase)
        check_blobs(batch, draft.blobs)
        size = len(draft.body)
        if group.bytes + size > self._quotas.group_bytes:
            raise group_full()
        if group.keeper is not None:
            check_device(batch, draft.device)
        costs = _costs(batch, group, draft, self._quotas)
        newcomers.take(batch, draft.at_ms, draft.device, size, self._quotas, *costs)
        author = self.rows.author(batch, draft.group, group.gnum, draft.device) if group.keeper is None else None
        group.head += 1
        group.bytes += size
        group.epoch += draft.epoch is not None
        self.rows.change(group)
        batch.execute(
            "insert into event(gnum, seq, cid, at_ms, epoch, author, body, erase) values(?, ?, ?, ?, ?, ?, ?, ?)",
            *(group.gnum, group.head, draft.cid, draft.at_ms, draft.epoch, author, draft.body, draft.erase),
        )
        refer(batch, group.gnum, group.head, draft.blobs, draft.at_ms)
        ended = _replace_capability(batch, group, draft.next_capability)
        if draft.next_keeper is not None:
            batch.execute("update grp set keeper = ? where gnum = ?", draft.next_keeper, group.gnum)
            group.keeper = draft.next_keeper
        event = Event(seq=group.head, cid=draft.cid, at_ms=draft.at_ms, body=draft.body, ended=ended)
        batch.publish(draft.group, event)
        return Receipt(seq=group.head, at_ms=draft.at_ms, is_new=True)

    async def read(self, group: bytes, capability_hash: bytes, since: int, limit: int) -> Page:
        return await self._read(lambda connection: read_page(connection, group, capability_hash, since, limit))

    async def expire(self, at_ms: int, default_days: int, after: int) -> Expired:
        def job(batch: Batch) -> Expired:
            groups = batch.execute(_OLD_GROUPS, default_days, after, at_ms, STEP_GROUPS)
            emptied = freed = 0
            for gnum, gid, expired, days in groups:
                count, size, is_done = self._expire(batch, gid, expired, at_ms - days * DAY_MS)
                emptied, freed = emptied + count, freed + size
                if not is_done or emptied >= STEP_EVENTS or freed >= STEP_BYTES:
                    return Expired(events=emptied, after=gnum if is_done else gnum - 1)
            return Expired(events=emptied, after=groups[-1][0] if len(groups) == STEP_GROUPS else None)

        return await self._write(job, frees=True)

    def _expire(self, batch: Batch, gid: bytes, expired: int, cutoff_ms: int) -> tuple[int, int, bool]:
        """Empty what arrived up to the cutoff, or a step of it; return the events, their bytes, and if that is all."""
        group = self.rows.group(batch, gid)
        assert group is not None  # noqa: S101  (the query named it)
        fresh = batch.row(_FRESH, group.gnum, expired, cutoff_ms)
        end = fresh[0] - 1 if fresh else group.head
        until = min(end, expired + STEP_EVENTS)
        if until <= expired:
            return 0, 0, True
        beyond = batch.row(_BEYOND, group.gnum, expired, until, STEP_BYTES)
        until = max(expired + 1, beyond[0] - 1) if beyond is not None else until
        span = (group.gnum, expired, until)
        ((count, size),) = batch.execute(_FREED, *span)
        batch.execute(_EMPTY, DAY_MS, *span)
        batch.execute("update grp set expired = ? where gnum = ?", until, group.gnum)
        group.bytes -= size
        self.rows.change(group)
        return int(count), int(size), until == end

    async def put_invite(self, invite: bytes, body: bytes, expires_ms: int, device: bytes, at_ms: int) -> bool:
        def job(batch: Batch) -> bool:
            known = batch.row("select body from invite where invite = ?", invite)
            if known is not None:
                if known[0] != body:
                    raise invite_exists()
                return False
            cost = Cost(device, "invites", 1, self._quotas.invites_per_day, DAY_MS)
            newcomers.take(batch, at_ms, device, len(body), self._quotas, cost)
            batch.execute("insert into invite(invite, body, expires_ms) values(?, ?, ?)", invite, body, expires_ms)
            return True

        return await self._write(job)

    async def get_invite(self, invite: bytes) -> Invite | None:
        return await self._read(lambda connection: _invite(list(connection.execute(_INVITE, (invite,)))))

    async def vouches(self, invite: bytes, at_ms: int) -> bool:
        def job(batch: Batch) -> bool:
            known = _invite(batch.execute(_INVITE, invite))
            if known is None or known.expires_ms <= at_ms:
                return False
            batch.take(at_ms, Cost(invite, "admits", 1, ADMITS_PER_DAY, DAY_MS))
            return True

        return await self._write(job)

    async def claim_invite(self, invite: bytes, claimant: bytes, at_ms: int) -> Invite:
        def job(batch: Batch) -> Invite:
            known = claimable(_invite(batch.execute(_INVITE, invite)), claimant, at_ms)
            batch.execute("update invite set used_by = ? where invite = ?", claimant, invite)
            return known

        return await self._write(job)

    async def sweep(self, at_ms: int) -> None:
        def job(batch: Batch) -> None:
            batch.execute("delete from invite where expires_ms <= ?", at_ms - INVITE_MEMORY_MS)
            batch.execute("update invite set body = x'', used_by = null where expires_ms <= ? and body <> x''", at_ms)
            for gnum, seq in batch.execute(_STALE, at_ms - FRESH_MS):
                if seq is not None:
                    batch.execute(
                        "update event set at_ms = at_ms - at_ms % ?1"
                        " where gnum = ?2 and seq > (select rounded from grp where gnum = ?2) and seq <= ?3",
                        *(MINUTE_MS, gnum, seq),
                    )
                    batch.execute("update grp set rounded = ? where gnum = ?", seq, gnum)
            self._drop_orphans(batch, at_ms)

        await self._write(job, frees=True)

    def _drop_orphans(self, batch: Batch, at_ms: int) -> None:
        batch.execute("delete from orphan where exists (select 1 from author a where a.gnum = orphan.gnum)")
        sql = "select o.gnum, g.gid from orphan o join grp g on g.gnum = o.gnum where o.at_ms <= ?"
        for gnum, gid in batch.execute(sql, at_ms - ORPHAN_MS):
            for table in OF_GROUP:
                batch.execute(f"delete from {table} where gnum = ?", gnum)  # noqa: S608  (names of our own)
            self.rows.drop(gid)

    def forget_device(self, batch: Batch, device: bytes, at_ms: int) -> None:
        """Empty all events of a device that is deleted; their numbers stay."""
        self.rows.forget_authors()
        authors = batch.execute("select a.anum, a.gnum, g.gid, a.name from author a join grp g on g.gnum = a.gnum")
        for anum, gnum, gid, name in authors:
            if name == author_name(gid, device):
                self._empty_events(batch, anum, gnum, gid)
                batch.execute(
                    "insert or ignore into orphan(gnum, at_ms) select ?1, ?2"
                    " where not exists (select 1 from author where gnum = ?1)",
                    *(gnum, at_ms),
                )
                batch.tell(gid)  # what a node still holds in memory goes too

    def _empty_events(self, batch: Batch, anum: int, gnum: int, gid: bytes) -> None:
        sql = "select coalesce(sum(length(body)), 0) from event where gnum = ? and author = ?"
        ((size,),) = batch.execute(sql, gnum, anum)
        batch.execute("update event set body = x'', author = null where gnum = ? and author = ?", gnum, anum)
        batch.execute("delete from author where anum = ?", anum)
        group = self.rows.group(batch, gid)
        if group is not None:
            group.bytes -= size
            self.rows.change(group)


def _again(batch: Batch, group: Group, draft: Draft, seq: int, at_ms: int, body: bytes, erase: bytes | None) -> Receipt:
    """Return the first receipt of an envelope that came before. An emptied one takes any bytes for its own."""
    if not body:
        _check_erased(batch, group, erase)
    elif body != draft.body:
        raise other_bytes()
    return Receipt(seq=seq, at_ms=at_ms, is_new=False)


def _check_erased(batch: Batch, group: Group, erase: bytes | None) -> None:
    """Raises 410 for what names something that was erased."""
    if erase is not None and batch.row("select 1 from erased where gnum = ? and hash = ?", group.gnum, erase):
        raise erased()


def _costs(batch: Batch, group: Group, draft: Draft, quotas: Quotas) -> list[Cost]:
    """Return what an append counts. What all logs with limits take is counted together, and so names none of them."""
    device, size = draft.device, len(draft.body)
    costs = [
        Cost(device, "events", 1, quotas.events_per_minute, MINUTE_MS),
        Cost(device, "bytes", size, quotas.event_bytes_per_day, DAY_MS),
    ]
    if group.keeper is None:
        return costs
    most_events = group.limits.most_events(is_newcomer=newcomers.is_one(batch, device))
    if most_events:
        costs.append(Cost(device, "kept", 1, most_events, DAY_MS))
    if group.limits.bytes:
        costs.append(Cost(device, "kept_bytes", size, group.limits.bytes, DAY_MS))
    return costs


def _until(batch: Batch, group: Group, capability_hash: bytes) -> int | None:
    """Return up to where a former capability reads, or None for the present one. Raises 404."""
    if group.capability == capability_hash:
        return None
    row = batch.row("select until from former where gnum = ? and capability = ?", group.gnum, capability_hash)
    if row is None:
        raise unknown_group()
    return int(row[0])


def _replace_capability(batch: Batch, group: Group, following: bytes | None) -> bytes | None:
    """Let another capability open the group from its head on, and return the one that this ended."""
    former = group.capability
    if following is None or following == former:
        return None
    batch.execute(
        "insert or replace into former(gnum, capability, until) values(?, ?, ?)", group.gnum, former, group.head
    )
    batch.execute("delete from former where gnum = ? and capability = ?", group.gnum, following)
    batch.execute("update grp set capability = ? where gnum = ?", following, group.gnum)
    group.capability = following
    return former


def _lost_epoch(batch: Batch, group: Group, epoch: int, head: int) -> Refusal:
    row = batch.row("select seq, cid, at_ms, body from event where gnum = ? and epoch = ?", group.gnum, epoch)
    winner = None
    if row is not None and row[0] <= head:
        winner = Event(seq=row[0], cid=row[1], at_ms=row[2], body=row[3])
    return lost_epoch(group.epoch, head, winner)


def _invite(rows: Sequence[tuple[Any, ...]]) -> Invite | None:
    for body, expires_ms, used_by in rows:
        return Invite(body=body, expires_ms=expires_ms, used_by=used_by)
    return None
