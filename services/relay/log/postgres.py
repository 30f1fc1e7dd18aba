"""`LogStore` in PostgreSQL, for many nodes: the same rules as `SqliteLog`, held by row locks instead of one writer."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from services.relay import newcomers
from services.relay.blobs.store import touched
from services.relay.limits import DAY_MS, Quotas
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
    claimable,
    erased,
    group_exists,
    group_full,
    half_turn,
    invite_exists,
    lost_epoch,
    rotated,
    unknown_group,
    without_keeper,
    wrong_keeper,
)
from services.relay.log.tables import OF_GROUP
from services.relay.meters import TAKE
from services.relay.refusal import Refusal, no_session, other_bytes
from services.sync.protocol import PAGE_LIMIT_BYTES

if TYPE_CHECKING:
    import asyncpg

STEP_GROUPS = 200
STEP_EVENTS = 1_000

APPEND = "select * from relay_append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"

AUTHOR = "select relay_author(gnum, $2, $3) from grp where gid = $1"

_OPENING = """
    select g.head as head, false as is_former where g.capability = {0}
    union all select f.until, true from former f where f.gnum = g.gnum and f.capability = {0} and g.capability <> {0}
"""

OPENINGS = f"""
select o.head, o.is_former, e.cid, coalesce(e.at_ms, 0) as at_ms, g.keeper is not null as has_keeper
from unnest($1::bytea[], $2::bytea[], $3::bigint[]) with ordinality as w(gid, capability, place, number)
left join grp g on g.gid = w.gid left join lateral ({_OPENING.format("w.capability")}) o on true
left join event e on e.gnum = g.gnum and e.seq = w.place and e.seq <= o.head order by w.number
"""  # noqa: S608  (text of our own)

PAGE = f"""
select o.head, o.is_former, e.seq, e.cid, e.at_ms, e.body from grp g
cross join lateral ({_OPENING.format("$5")}) o left join lateral (
    select * from (
        select seq, cid, at_ms, body, sum(octet_length(body)) over (order by seq) as total
        from event where gnum = g.gnum and seq > $2 and seq <= o.head order by seq limit $3) t
    where total <= $4 or seq = $2 + 1) e on true
where g.gid = $1 order by e.seq
"""  # noqa: S608  (text of our own)

WINNER = f"""
select g.epoch, o.head, e.seq, e.cid, e.at_ms, e.body
from grp g cross join lateral ({_OPENING.format("$3")}) o
left join event e on e.gnum = g.gnum and e.epoch = $2 and e.seq <= o.head where g.gid = $1
"""  # noqa: S608  (text of our own)

ROUND_ARRIVALS = """
with stale as (
    select gnum, rounded, (select max(seq) from event e where e.gnum = g.gnum and e.at_ms <= $1) as upto
    from grp g where head > rounded for update skip locked),
rounded as (
    update event e set at_ms = at_ms - at_ms % 60000 from stale s
    where e.gnum = s.gnum and e.seq > s.rounded and e.seq <= s.upto)
update grp g set rounded = s.upto from stale s where g.gnum = s.gnum and s.upto is not null
"""
INVITE = "select body, expires_ms, used_by from invite where invite = $1"
WENT_BACK = """
with gone as (select number from lineage where number >= (select min(number) from lineage where incarnation = $2))
select coalesce((select case when count(*) = (select count(*) from gone) then min(r.head) end
    from grp g join restored r on r.gnum = g.gnum where g.gid = w.gid and r.number in (select number from gone)), 0)
from unnest($1::bytea[]) with ordinality as w(gid, place) order by w.place
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
    from event e join span s on e.gnum = s.gnum and e.seq > s.expired and e.seq <= s.until
    where e.seq not in (select n.seq from erased n where n.gnum = $1)),
emptied as (
    update event e set body = '', author = null, at_ms = at_ms - at_ms % 86400000 from span s
    where e.gnum = s.gnum and e.seq > s.expired and e.seq <= s.until and length(e.body) > 0
        and e.seq not in (select n.seq from erased n where n.gnum = $1)),
counted as (
    update grp g set expired = s.until, bytes = g.bytes - f.size from span s, freed f where g.gnum = s.gnum)
select events from freed
"""
MAKE = """
insert into grp(gid, capability, head, epoch, bytes, rounded, keep_days, keeper, most_events, most_bytes, most_first)
values($1, $2, 0, 0, 0, 0, $3, $4, $5, $6, $7) on conflict do nothing returning true
"""


class _LostEpoch(Exception):
    """The append came too late for its epoch."""


REFUSALS: dict[str, Callable[[str], Exception]] = {
    "CMP01": lambda text: no_session(),
    "CMP03": lambda text: rotated(int(text)),
    "CMP04": lambda text: unknown_group(),
    "CMP08": lambda text: other_bytes(),
    "CMP09": lambda text: _LostEpoch(),
    "CMP10": lambda text: erased(),
    "CMP13": lambda text: group_full(),
    "CMP33": lambda text: wrong_keeper(),
    "CMP40": lambda text: without_keeper(),
    "CMP41": lambda text: half_turn(),
}


class PostgresLog:
    """`connection` lends a connection and raises REFUSALS; `publish` hands a new event to the readers everywhere."""

    def __init__(
        self,
        connection: Callable[[], "AbstractAsyncContextManager[asyncpg.Connection]"],
        quotas: Quotas,
        publish: Callable[[bytes, Event], None],
    ) -> None:
        self._connection = connection
        self._quotas = quotas
        self._publish = publish

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
        kept = (limits.events, limits.bytes, limits.first) if keeper is not None else (None, None, None)
        async with self._connection() as connection, connection.transaction():
            is_new = await connection.fetchval(MAKE, group, capability_hash, keep_days, keeper, *kept)
            if is_new:
                await connection.execute(TAKE, device, "groups", 1, self._quotas.groups_per_day, DAY_MS, at_ms)
                pot = self._quotas.newcomer_bytes_per_day
                await connection.execute(newcomers.ROOM, device, GROUP_BYTES, pot, at_ms)
                if keeper is None:
                    await connection.execute(AUTHOR, group, author_name(group, device), device)
            else:
                known = await connection.fetchrow("select capability, keeper from grp where gid = $1", group)
                if known is None or tuple(known) != (capability_hash, keeper):
                    raise group_exists()
        return bool(is_new)

    async def openings(
        self, groups: Sequence[tuple[bytes, bytes]], places: Sequence[int] = ()
    ) -> tuple[Opening | None, ...]:
        names, keys = [group for group, _ in groups], [key for _, key in groups]
        async with self._connection() as connection:
            rows = await connection.fetch(OPENINGS, names, keys, list(places) or [0] * len(groups))
        return tuple(Opening(**row) if row["head"] is not None else None for row in rows)

    async def went_back(self, groups: Sequence[bytes], incarnation: str) -> tuple[int, ...]:
        async with self._connection() as connection:
            rows = await connection.fetch(WENT_BACK, list(groups), incarnation)
        return tuple(row[0] for row in rows)

    async def append(self, draft: Draft) -> Receipt:
        quotas = self._quotas
        try:
            async with self._connection() as connection:
                row = await connection.fetchrow(
                    APPEND,
                    *(draft.group, draft.capability_hash, draft.cid, draft.body, draft.epoch, draft.at_ms),
                    *(draft.device, quotas.group_bytes, quotas.events_per_minute, quotas.event_bytes_per_day),
                    *(list(draft.blobs), touched(draft.at_ms)),
                    *(draft.next_capability, author_name(draft.group, draft.device)),
                    *(quotas.newcomer_bytes_per_day, draft.keeper, draft.next_keeper, draft.erase),
                )
        except _LostEpoch:
            raise await self._lost_epoch(draft) from None
        receipt = Receipt(seq=row["o_seq"], at_ms=row["o_at"], is_new=row["o_new"])
        if receipt.is_new:
            is_last = draft.next_capability not in (None, draft.capability_hash)
            ended = draft.capability_hash if is_last else None
            event = Event(seq=receipt.seq, cid=draft.cid, at_ms=receipt.at_ms, body=draft.body, ended=ended)
            self._publish(draft.group, event)
        return receipt

    async def _lost_epoch(self, draft: Draft) -> Refusal:
        async with self._connection() as connection:
            row = await connection.fetchrow(WINNER, draft.group, draft.epoch, draft.capability_hash)
        winner = None
        if row["seq"] is not None:
            winner = Event(seq=row["seq"], cid=row["cid"], at_ms=row["at_ms"], body=row["body"])
        return lost_epoch(row["epoch"], row["head"], winner)

    async def read(self, group: bytes, capability_hash: bytes, since: int, limit: int) -> Page:
        async with self._connection() as connection:
            rows = await connection.fetch(PAGE, group, since, limit, PAGE_LIMIT_BYTES, capability_hash)
        if not rows:
            return Page(events=(), head=0)
        events = tuple(
            Event(seq=r["seq"], cid=r["cid"], at_ms=r["at_ms"], body=r["body"]) for r in rows if r["seq"] is not None
        )
        return Page(events=events, head=rows[0]["head"], is_former=rows[0]["is_former"])

    async def expire(self, at_ms: int, default_days: int, after: int) -> Expired:
        emptied = 0
        async with self._connection() as connection:
            groups = await connection.fetch(OLD_GROUPS, default_days, after, at_ms, STEP_GROUPS)
            for gnum, days in groups:
                async with connection.transaction():
                    await connection.execute("select 1 from grp where gnum = $1 for update", gnum)
                    emptied += await connection.fetchval(EXPIRE, gnum, at_ms - days * DAY_MS, STEP_EVENTS)
                if emptied >= STEP_EVENTS:
                    return Expired(events=emptied, after=gnum - 1)
        return Expired(events=emptied, after=groups[-1]["gnum"] if len(groups) == STEP_GROUPS else None)

    async def put_invite(self, invite: bytes, body: bytes, expires_ms: int, device: bytes, at_ms: int) -> bool:
        async with self._connection() as connection, connection.transaction():
            is_new = await connection.fetchval(
                "insert into invite values($1, $2, $3) on conflict do nothing returning true",
                invite,
                body,
                expires_ms,
            )
            if is_new:
                await connection.execute(TAKE, device, "invites", 1, self._quotas.invites_per_day, DAY_MS, at_ms)
                pot = self._quotas.newcomer_bytes_per_day
                await connection.execute(newcomers.ROOM, device, len(body), pot, at_ms)
            elif await connection.fetchval("select body from invite where invite = $1", invite) != body:
                raise invite_exists()
        return bool(is_new)

    async def get_invite(self, invite: bytes) -> Invite | None:
        async with self._connection() as connection:
            row = await connection.fetchrow(INVITE, invite)
        return Invite(**row) if row is not None else None

    async def vouches(self, invite: bytes, at_ms: int) -> bool:
        async with self._connection() as connection, connection.transaction():
            row = await connection.fetchrow(INVITE, invite)
            if row is None or row["expires_ms"] <= at_ms:
                return False
            await connection.execute(TAKE, invite, "admits", 1, ADMITS_PER_DAY, DAY_MS, at_ms)
        return True

    async def claim_invite(self, invite: bytes, claimant: bytes, at_ms: int) -> Invite:
        async with self._connection() as connection, connection.transaction():
            row = await connection.fetchrow(f"{INVITE} for update", invite)
            known = claimable(Invite(**row) if row is not None else None, claimant, at_ms)
            await connection.execute("update invite set used_by = $2 where invite = $1", invite, claimant)
        return known

    async def sweep(self, at_ms: int) -> None:
        async with self._connection() as connection, connection.transaction():
            await connection.execute("delete from invite where expires_ms <= $1", at_ms - INVITE_MEMORY_MS)
            await connection.execute(
                "update invite set body = '', used_by = null where expires_ms <= $1 and body <> ''", at_ms
            )
            await connection.execute(ROUND_ARRIVALS, at_ms - FRESH_MS)
        async with self._connection() as connection, connection.transaction():
            await connection.execute("delete from orphan o where exists (select 1 from author a where a.gnum = o.gnum)")
            rows = await connection.fetch(
                "select g.gnum from orphan o join grp g on g.gnum = o.gnum where o.at_ms <= $1 for update of g",
                at_ms - ORPHAN_MS,
            )
            gone = [row["gnum"] for row in rows]
            for table in OF_GROUP:
                await connection.execute(f"delete from {table} where gnum = any($1::bigint[])", gone)  # noqa: S608


async def forget_device(connection: "asyncpg.Connection", device: bytes, at_ms: int) -> list[bytes]:
    """Empty all events of a device that is deleted, and return the groups they are in; their numbers stay."""
    rows = await connection.fetch(AUTHORS, device)
    for row in rows:
        await connection.execute("select 1 from grp where gnum = $1 for update", row["gnum"])
        size = await connection.fetchval(EMPTY, row["gnum"], row["anum"])
        await connection.execute("delete from author where anum = $1", row["anum"])
        await connection.execute("update grp set bytes = bytes - $2 where gnum = $1", row["gnum"], size)
        await connection.execute(ORPHAN, row["gnum"], at_ms)
    return [row["gid"] for row in rows]
