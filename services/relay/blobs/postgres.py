"""`Keeping` beside the log in PostgreSQL.

An append touches the rows of the blobs that it refers to, and the sweep asks for untouched rows with their locks held;
so whichever comes second sees the other.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from services.relay.blobs.store import (
    GOING,
    IDLE_MS,
    UPLOADING,
    WHOLE,
    BlobEntry,
    Expired,
    Figures,
    Upload,
    check_same,
    figures_of,
    over_space,
    touched,
    unknown_blob,
)
from services.relay.log.store import DAY_MS, Quotas
from services.relay.refusal import busy, unknown_group

if TYPE_CHECKING:
    import asyncpg

STEP_GROUPS = 200
STEP_EVENTS = 1_000

SCHEMA = """
create table if not exists blob(
    id bytea primary key, size bigint not null, sha256 bytea not null, state text not null, device bytea not null,
    touched_ms bigint not null);
create index if not exists blob_device on blob(device);
create index if not exists blob_idle on blob(touched_ms) where state <> 'kept';
create table if not exists blob_reference(
    blob bytea not null, gnum bigint not null, seq bigint not null, primary key(blob, gnum, seq));
create index if not exists blob_reference_event on blob_reference(gnum, seq);

create or replace function relay_unrefer() returns trigger language plpgsql as $$
begin
    delete from blob_reference where gnum = old.gnum and seq = old.seq;
    return null;
end $$;
create or replace trigger event_emptied after update of body on event for each row
    when (length(new.body) = 0) execute function relay_unrefer();
create or replace trigger event_dropped after delete on event for each row execute function relay_unrefer();

create or replace function relay_unkeep() returns trigger language plpgsql as $$
begin
    update blob set state = 'whole' where id = old.blob and state = 'kept'
        and not exists (select 1 from blob_reference where blob = old.blob);
    return null;
end $$;
create or replace trigger blob_reference_dropped after delete on blob_reference for each row
    execute function relay_unkeep();

create or replace function relay_refer(p_gnum bigint, p_seq bigint, p_blobs bytea[], p_touched bigint) returns void
language plpgsql as $$
declare
    v_known bigint;
begin
    update blob set state = 'kept', touched_ms = p_touched
        where id = any(p_blobs) and state in ('whole', 'kept');
    get diagnostics v_known = row_count;
    if v_known <> cardinality(p_blobs) then
        raise exception using errcode = 'CMP07';
    end if;
    insert into blob_reference(blob, gnum, seq) select unnest(p_blobs), p_gnum, p_seq;
end $$;
"""

# A device that is gone: its blobs lose their owner, and those that no other event names go with the next sweep.
DISOWN_BLOBS = "update blob set device = '', touched_ms = 0 where device = $1"
ENTRY = "select size, sha256, state, device from blob where id = $1"
RELEASE = """
update blob set state = 'going' where id in (
    select id from blob b where state <> 'kept' and (state = 'going' or (touched_ms <= $1
        and (state = 'uploading' or not exists (select 1 from blob_reference where blob = b.id))))
    limit $2 for update skip locked)
returning id
"""
STRAYS = """
insert into blob(id, size, sha256, state, device, touched_ms)
select unnest($1::bytea[]), 0, '', 'going', '', 0 on conflict do nothing returning id
"""
RECOUNT = """
update blob set state = 'whole' where state = 'kept' and not exists (select 1 from blob_reference where blob = id)
"""
OLD_GROUPS = """
select g.gnum, coalesce(g.keep_days, $1) as days from grp g join event e on e.gnum = g.gnum and e.seq = g.expired + 1
where g.gnum > $2 and coalesce(g.keep_days, $1) > 0 and e.at_ms <= $3 - coalesce(g.keep_days, $1) * 86400000
order by g.gnum limit $4
"""
EXPIRE = """
with part as (
    select gnum, expired, least(expired + $3, coalesce(
        (select seq - 1 from event where gnum = $1 and seq > g.expired and at_ms > $2 order by seq limit 1),
        head)) as until
    from grp g where gnum = $1),
span as (select * from part where until > expired),
freed as (
    select count(*) as events, coalesce(sum(length(body)), 0) as size
    from event e join span s on e.gnum = s.gnum and e.seq > s.expired and e.seq <= s.until),
emptied as (
    update event e set body = '', author = null, at_ms = at_ms - at_ms % 86400000 from span s
    where e.gnum = s.gnum and e.seq > s.expired and e.seq <= s.until and length(e.body) > 0),
counted as (
    update grp g set expired = s.until, bytes = g.bytes - f.size from span s, freed f where g.gnum = s.gnum)
select events from freed
"""
FIGURES = """
select (select count(*) from grp), (select coalesce(sum(head), 0) from grp), (select coalesce(sum(bytes), 0) from grp),
    (select count(*) from device where not is_gone), (select count(*) from blob where state in ('whole', 'kept')),
    (select coalesce(sum(size), 0) from blob where state in ('whole', 'kept')),
    (select count(*) from blob where state = 'uploading'),
    (select min(o.at_ms) from grp g cross join lateral (select at_ms from event e where e.gnum = g.gnum
        and e.seq > g.expired and length(e.body) > 0 order by e.seq limit 1) o where g.head > g.expired)
"""

Connect = Callable[[], "AbstractAsyncContextManager[asyncpg.Connection]"]


class PostgresKeeping:
    """`connect` lends a connection and turns what the database says into Refusal."""

    def __init__(self, connect: Connect, quotas: Quotas) -> None:
        self._connect = connect
        self._quotas = quotas

    async def reserve(self, upload: Upload) -> BlobEntry:
        async with self._connect() as connection, connection.transaction():
            is_new = await connection.fetchval(
                "insert into blob(id, size, sha256, state, device, touched_ms) values($1, $2, $3, $4, $5, $6)"
                " on conflict do nothing returning true",
                *(upload.blob, upload.size, upload.sha256, UPLOADING, upload.device, touched(upload.at_ms)),
            )
            known = _entry(await connection.fetchrow(f"{ENTRY} for update", upload.blob))
            if known is None:  # swept between the two statements
                raise busy()
            if is_new:
                await self._take(connection, upload)
                return known
            check_same(upload, known)
            await connection.execute(
                "update blob set touched_ms = $2 where id = $1", upload.blob, touched(upload.at_ms)
            )
            return known

    async def _take(self, connection: "asyncpg.Connection", upload: Upload) -> None:
        """Count the upload; whatever is over its limit raises and undoes the entry. The counter's lock comes first."""
        day_bytes = self._quotas.blob_bytes_per_day
        await connection.execute(
            "select relay_take($1, 'blobs', $2, $3, $4, $5)",
            *(upload.device, upload.size, day_bytes, DAY_MS, upload.at_ms),
        )
        used = await connection.fetchval("select sum(size)::bigint from blob where device = $1", upload.device)
        if used > self._quotas.blob_bytes_kept:
            raise over_space()

    async def finish(self, blob: bytes, device: bytes) -> None:
        async with self._connect() as connection, connection.transaction():
            known = _entry(await connection.fetchrow(f"{ENTRY} for update", blob))
            if known is None or known.state == GOING or known.device != device:
                raise unknown_blob()
            if known.state == UPLOADING:
                await connection.execute("update blob set state = $2 where id = $1", blob, WHOLE)

    async def entry(self, blob: bytes) -> BlobEntry | None:
        async with self._connect() as connection:
            return _entry(await connection.fetchrow(ENTRY, blob))

    async def release(self, at_ms: int, most: int) -> tuple[bytes, ...]:
        async with self._connect() as connection:
            rows = await connection.fetch(RELEASE, at_ms - IDLE_MS, most)
        return tuple(row["id"] for row in rows)

    async def strays(self, blobs: Sequence[bytes]) -> tuple[bytes, ...]:
        async with self._connect() as connection:
            rows = await connection.fetch(STRAYS, list(blobs))
        return tuple(row["id"] for row in rows)

    async def forget(self, blobs: Sequence[bytes]) -> None:
        async with self._connect() as connection:
            await connection.execute("delete from blob where id = any($1::bytea[]) and state = $2", list(blobs), GOING)

    async def recount(self) -> None:
        async with self._connect() as connection:
            await connection.execute(RECOUNT)

    async def keep_for(self, group: bytes, capability_hash: bytes, days: int) -> None:
        async with self._connect() as connection:
            is_known = await connection.fetchval(
                "update grp set keep_days = $3 where gid = $1 and capability = $2 returning true",
                *(group, capability_hash, days),
            )
        if not is_known:
            raise unknown_group()

    async def expire(self, at_ms: int, default_days: int, after: int) -> Expired:
        emptied = 0
        async with self._connect() as connection:
            groups = await connection.fetch(OLD_GROUPS, default_days, after, at_ms, STEP_GROUPS)
            for gnum, days in groups:
                async with connection.transaction():
                    await connection.execute("select 1 from grp where gnum = $1 for update", gnum)
                    emptied += await connection.fetchval(EXPIRE, gnum, at_ms - days * DAY_MS, STEP_EVENTS)
                if emptied >= STEP_EVENTS:
                    return Expired(events=emptied, after=gnum - 1)
        return Expired(events=emptied, after=groups[-1]["gnum"] if len(groups) == STEP_GROUPS else None)

    async def figures(self) -> Figures:
        async with self._connect() as connection:
            return figures_of(await connection.fetchrow(FIGURES))


def _entry(row: "asyncpg.Record | None") -> BlobEntry | None:
    return BlobEntry(**row) if row is not None else None
