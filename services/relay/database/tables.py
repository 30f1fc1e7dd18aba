"""All tables of the relay in both databases, in the order in which they need each other, and how much is in them."""

from services.relay import meters, newcomers
from services.relay.blobs import tables as blobs
from services.relay.devices import tables as devices
from services.relay.keep import tables as keep
from services.relay.log import tables as log
from services.relay.push import tables as push

SCHEMA_VERSION = 2  # 2026-11-28: keepers and erasing, which a relay of before would pass over; 1, 2026-11-23: the first

_PARTS = (meters, newcomers, devices, log, keep, blobs, push)
LATER = {**devices.LATER, **log.LATER}

SQLITE = "\n".join(
    (
        "create table if not exists meta(key text primary key, value text not null) without rowid;",
        *(part.SQLITE for part in _PARTS),
    )
)
POSTGRES = "\n".join(
    (
        "create table if not exists meta(key text primary key, value text not null);",
        *(part.POSTGRES for part in _PARTS),
    )
)

TIME = "time"
MOVED = "moved"  # a key of `meta`, where the log was moved away
NEWEST = """
select coalesce(max((select at_ms from event e where e.gnum = g.gnum and e.seq = g.head)), 0) from grp g
"""
INCARNATION = "select value from meta where key = 'incarnation'"

_FIGURES = """
select (select count(*) from grp), (select coalesce(sum(head), 0) from grp), (select coalesce(sum(bytes), 0) from grp),
    (select count(*) from device where not is_gone), (select count(*) from blob where state in ('whole', 'kept')),
    (select coalesce(sum(size), 0) from blob where state in ('whole', 'kept')),
    (select count(*) from blob where state = 'uploading'), ({oldest})
"""
SQLITE_FIGURES = _FIGURES.format(
    oldest="""select min(at_ms) from (select (select at_ms from event e where e.gnum = g.gnum and e.seq > g.expired
    and length(e.body) > 0 order by e.seq limit 1) as at_ms from grp g where g.head > g.expired)"""
)
POSTGRES_FIGURES = _FIGURES.format(
    oldest="""select min(o.at_ms) from grp g cross join lateral (select at_ms from event e where e.gnum = g.gnum
    and e.seq > g.expired and length(e.body) > 0 order by e.seq limit 1) o where g.head > g.expired"""
)


def bound(sql: str, values: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Return those values that a statement with $1 and $2 in it names."""
    return values[: max((number for number in (1, 2) if f"${number}" in sql), default=0)]
