"""`Keeping` beside the log in SQLite."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import apsw

from services.relay.blobs.store import (
    GOING,
    IDLE_MS,
    KEPT,
    UPLOADING,
    WHOLE,
    BlobEntry,
    Expired,
    Figures,
    Upload,
    check_same,
    figures_of,
    no_blob,
    over_space,
    touched,
    unknown_blob,
)
from services.relay.log.store import DAY_MS, Quotas
from services.relay.refusal import unknown_group

STEP_GROUPS = 200
STEP_EVENTS = 1_000

# The triggers keep references true whoever empties or drops an event: expiry, or a device that deletes itself.
SCHEMA = """
create table if not exists blob(
    id blob primary key, size integer not null, sha256 blob not null, state text not null, device blob not null,
    touched_ms integer not null) without rowid;
create index if not exists blob_device on blob(device);
create index if not exists blob_idle on blob(touched_ms) where state <> 'kept';
create table if not exists blob_reference(
    blob blob not null, gnum integer not null, seq integer not null, primary key(blob, gnum, seq)) without rowid;
create index if not exists blob_reference_event on blob_reference(gnum, seq);
create trigger if not exists event_emptied after update of body on event when length(new.body) = 0 begin
    delete from blob_reference where gnum = new.gnum and seq = new.seq;
end;
create trigger if not exists event_dropped after delete on event begin
    delete from blob_reference where gnum = old.gnum and seq = old.seq;
end;
create trigger if not exists blob_reference_dropped after delete on blob_reference begin
    update blob set state = 'whole' where id = old.blob and state = 'kept'
        and not exists (select 1 from blob_reference where blob = old.blob);
end;
"""

# A device that is gone: its blobs lose their owner, and those that no other event names go with the next sweep.
DISOWN_BLOBS = "update blob set device = x'', touched_ms = 0 where device = ?"
_IDLE = """
select id from blob where state <> 'kept' and (state = 'going' or touched_ms <= ?1) limit ?2
"""
_OLD_GROUPS = """
select g.gnum, g.gid, g.expired, coalesce(g.keep_days, ?1) as days
from grp g join event e on e.gnum = g.gnum and e.seq = g.expired + 1
where g.gnum > ?2 and days > 0 and e.at_ms <= ?3 - days * 86400000 order by g.gnum limit ?4
"""
_FRESH = "select seq from event where gnum = ? and seq > ? and at_ms > ? order by seq limit 1"
_EMPTY = """
update event set body = x'', author = null, at_ms = at_ms - at_ms % ?1
where gnum = ?2 and seq > ?3 and seq <= ?4 and length(body) > 0
"""
_OLDEST = """
select min(at_ms) from (select (select at_ms from event e where e.gnum = g.gnum and e.seq > g.expired
    and length(e.body) > 0 order by e.seq limit 1) as at_ms from grp g where g.head > g.expired)
"""
FIGURES = f"""
select (select count(*) from grp), (select coalesce(sum(head), 0) from grp), (select coalesce(sum(bytes), 0) from grp),
    (select count(*) from device where not is_gone), (select count(*) from blob where state in ('whole', 'kept')),
    (select coalesce(sum(size), 0) from blob where state in ('whole', 'kept')),
    (select count(*) from blob where state = 'uploading'), ({_OLDEST})
"""  # noqa: S608  (text of our own)


class SqliteKeeping:
    """`write` runs a job of a batch, `read` one on a reading connection."""

    def __init__(self, write: Callable[..., Any], read: Callable[..., Any], quotas: Quotas) -> None:
        self._write = write
        self._read = read
        self._quotas = quotas

    async def reserve(self, upload: Upload) -> BlobEntry:
        quotas = self._quotas

        def job(batch: Any) -> BlobEntry:
            known = _entry(batch.execute(_ENTRY, upload.blob))
            if known is not None:
                check_same(upload, known)
                batch.execute("update blob set touched_ms = ? where id = ?", touched(upload.at_ms), upload.blob)
                return known
            used = batch.execute("select coalesce(sum(size), 0) from blob where device = ?", upload.device)[0][0]
            if used + upload.size > quotas.blob_bytes_kept:
                raise over_space()
            batch.take(upload.device, "blobs", quotas.blob_bytes_per_day, DAY_MS, upload.at_ms, upload.size)
            batch.execute(
                "insert into blob(id, size, sha256, state, device, touched_ms) values(?, ?, ?, ?, ?, ?)",
                *(upload.blob, upload.size, upload.sha256, UPLOADING, upload.device, touched(upload.at_ms)),
            )
            return BlobEntry(size=upload.size, sha256=upload.sha256, state=UPLOADING, device=upload.device)

        entry: BlobEntry = await self._write(job)
        return entry

    async def finish(self, blob: bytes, device: bytes) -> None:
        def job(batch: Any) -> None:
            known = _entry(batch.execute(_ENTRY, blob))
            if known is None or known.state == GOING or known.device != device:
                raise unknown_blob()
            batch.execute("update blob set state = ? where id = ? and state = ?", WHOLE, blob, UPLOADING)

        await self._write(job)

    async def entry(self, blob: bytes) -> BlobEntry | None:
        found: BlobEntry | None = await self._read(lambda c: _entry(list(c.execute(_ENTRY, (blob,)))))
        return found

    async def release(self, at_ms: int, most: int) -> tuple[bytes, ...]:
        def job(batch: Any) -> tuple[bytes, ...]:
            blobs = tuple(row[0] for row in batch.execute(_IDLE, at_ms - IDLE_MS, most))
            for blob in blobs:
                batch.execute("update blob set state = ? where id = ?", GOING, blob)
            return blobs

        going: tuple[bytes, ...] = await self._write(job)
        return going

    async def strays(self, blobs: Sequence[bytes]) -> tuple[bytes, ...]:
        sql = (
            "insert or ignore into blob(id, size, sha256, state, device, touched_ms)"
            " values(?, 0, x'', 'going', x'', 0) returning id"
        )

        def job(batch: Any) -> tuple[bytes, ...]:
            return tuple(blob for blob in blobs if batch.execute(sql, blob))

        unknown: tuple[bytes, ...] = await self._write(job)
        return unknown

    async def forget(self, blobs: Sequence[bytes]) -> None:
        def job(batch: Any) -> None:
            for blob in blobs:
                batch.execute("delete from blob where id = ? and state = ?", blob, GOING)

        await self._write(job)

    async def recount(self) -> None:
        sql = (
            "update blob set state = 'whole' where state = 'kept'"
            " and not exists (select 1 from blob_reference where blob = id)"
        )
        await self._write(lambda batch: batch.execute(sql))

    async def keep_for(self, group: bytes, capability_hash: bytes, days: int) -> None:
        def job(batch: Any) -> None:
            known = batch.group(group)
            if known is None or known.capability != capability_hash:
                raise unknown_group()
            batch.execute("update grp set keep_days = ? where gnum = ?", days, known.gnum)

        await self._write(job)

    async def expire(self, at_ms: int, default_days: int, after: int) -> Expired:
        def job(batch: Any) -> Expired:
            groups = batch.execute(_OLD_GROUPS, default_days, after, at_ms, STEP_GROUPS)
            emptied = 0
            for gnum, gid, expired, days in groups:
                emptied += _expire(batch, gid, expired, at_ms - days * DAY_MS)
                if emptied >= STEP_EVENTS:
                    return Expired(events=emptied, after=gnum - 1)
            return Expired(events=emptied, after=groups[-1][0] if len(groups) == STEP_GROUPS else None)

        done: Expired = await self._write(job)
        return done

    async def figures(self) -> Figures:
        figures: Figures = await self._read(read_figures)
        return figures


_ENTRY = "select size, sha256, state, device from blob where id = ?"


def refer(batch: Any, gnum: int, seq: int, blobs: Sequence[bytes], at_ms: int) -> None:
    """Note that an event refers to these blobs; call `check_blobs` first."""
    for blob in blobs:
        batch.execute("insert or ignore into blob_reference(blob, gnum, seq) values(?, ?, ?)", blob, gnum, seq)
        batch.execute("update blob set state = ?, touched_ms = ? where id = ?", KEPT, touched(at_ms), blob)


def check_blobs(batch: Any, blobs: Sequence[bytes]) -> None:
    """Raises 409 unless all these blobs are complete."""
    for blob in blobs:
        known = _entry(batch.execute(_ENTRY, blob))
        if known is None or not known.is_complete:
            raise no_blob()


def read_figures(connection: apsw.Connection) -> Figures:
    row = next(connection.execute(FIGURES))
    return figures_of(row)


def _expire(batch: Any, gid: bytes, expired: int, cutoff_ms: int) -> int:
    """Empty what arrived in a group up to the cutoff and return how many events that were."""
    group = batch.group(gid)
    fresh = batch.execute(_FRESH, group.gnum, expired, cutoff_ms)
    until = min(fresh[0][0] - 1 if fresh else group.head, expired + STEP_EVENTS)
    if until <= expired:
        return 0
    span = (group.gnum, expired, until)
    sql = "select count(*), coalesce(sum(length(body)), 0) from event where gnum = ? and seq > ? and seq <= ?"
    count, size = batch.execute(sql, *span)[0]
    batch.execute(_EMPTY, DAY_MS, *span)
    batch.execute("update grp set expired = ? where gnum = ?", until, group.gnum)
    batch.change(gid, replace(group, bytes=group.bytes - size))
    return int(count)


def _entry(rows: Sequence[tuple[Any, ...]]) -> BlobEntry | None:
    for size, sha256, state, device in rows:
        return BlobEntry(size=size, sha256=sha256, state=state, device=device)
    return None
