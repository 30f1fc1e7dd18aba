"""What the service holds of one device or one group: to look at, to block, to delete, to hand over (GDPR, 15 and 17).

The same statements serve both databases. Nothing here opens an envelope: what is handed over is sealed as it is kept.
It names devices and groups by their ids, which is all that an operator can know.
"""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.relay.database.sqlite import DATABASE_NAME, SqliteDatabase
from services.relay.database.store import Database
from services.relay.database.tables import SCHEMA_VERSION
from services.relay.hub import Hub
from services.relay.log.store import author_name
from services.relay.log.tables import OF_GROUP
from services.relay.operate.postgres import relay_in
from services.relay.operate.sqlite import open_database
from services.relay.operate.store import CannotDo, lock_folder
from services.relay.refusal import Refusal

Rows = Callable[..., Awaitable[list[tuple[Any, ...]]]]
"""Runs a statement whose parameters are $1, $2 and so on."""

SCHEMA = "select value from meta where key = 'schema'"
PEOPLE = """
select d.device, d.account, (select count(*) from inbox i where i.device = d.device and length(i.body) > 0),
    (select coalesce(sum(size), 0) from blob b where b.device = d.device),
    (select count(*) from blocked b where b.device = d.device)
from device d where not d.is_gone order by d.account, d.device
"""
GROUPS = """
select g.gid, g.head, g.bytes, (select count(*) from author a where a.gnum = g.gnum),
    (select max(at_ms) from event e where e.gnum = g.gnum and e.seq = g.head),
    (select count(*) from set_aside s where s.gnum = g.gnum), g.keeper is not null
from grp g order by g.bytes desc
"""
AUTHORS = "select a.anum, g.gid, a.name from author a join grp g on g.gnum = a.gnum"
HELD_OF_DEVICE = {
    "device": "select device, public_key, account from device where device = $1 and not is_gone",
    "sessions": "select expires_ms from session where device = $1",
    "inbox": "select seq, at_ms, body from inbox where device = $1 and length(body) > 0 order by seq",
    "key packages": "select at_ms, is_last_resort, body from key_package where device = $1 and length(body) > 0",
    "push": "select kind, endpoint from push where device = $1",
    "woken for": "select gid from push_watch where device = $1",
    "blobs": "select id, size, touched_ms from blob where device = $1",
    "counters": "select kind, used from meter where device = $1",
}
EVENTS_BY = "select seq, at_ms, body from event where author = $1 order by seq"
HELD_OF_GROUP = {
    "group": "select gid, head, epoch, bytes, keep_days, most_events, most_bytes, most_first from grp where gid = $1",
    "events": "select seq, cid, at_ms, body, erase from event where gnum = (select gnum from grp where gid = $1)"
    " order by seq",
    "erased": "select hash, seq from erased where gnum = (select gnum from grp where gid = $1)",
}
BLOCK_DEVICE = (
    "insert into blocked(device) values($1) on conflict do nothing",
    "delete from session where device = $1",
)
UNBLOCK_DEVICE = ("delete from blocked where device = $1",)
IS_BLOCKED = ("select 1 from set_aside where gnum = (select gnum from grp where gid = $1)",)
BLOCK_GROUP = (
    "insert into set_aside(gnum, capability, keeper) select gnum, capability, keeper from grp where gid = $1",
    "insert into set_aside(gnum, capability, until) select f.gnum, f.capability, f.until from former f"
    " join grp g on g.gnum = f.gnum where g.gid = $1",
    "delete from former where gnum = (select gnum from grp where gid = $1)",
    "update grp set capability = $2, keeper = case when keeper is null then keeper else $2 end where gid = $1",
)
UNBLOCK_GROUP = (
    "update grp set (capability, keeper) ="
    " (select s.capability, s.keeper from set_aside s where s.gnum = grp.gnum and s.until is null) where gid = $1",
    "insert into former select gnum, capability, until from set_aside where until is not null"
    " and gnum = (select gnum from grp where gid = $1)",
    "delete from set_aside where gnum = (select gnum from grp where gid = $1)",
)
NOBODY = bytes(32)  # the hash of no capability that anybody knows
DELETE_GROUP = (
    "delete from push_watch where gid = $1",
    *(
        f"delete from {table} where gnum = (select gnum from grp where gid = $1)"  # noqa: S608  (names of our own)
        for table in OF_GROUP
    ),
)


@asynccontextmanager
async def reading(data: Path, database: str | None) -> AsyncIterator[Rows]:
    """Lend what reads the database of a service, which may be running. Raises CannotDo."""
    if database is not None:
        async with relay_in(database) as connection:
            _check_current(int(await connection.fetchval(SCHEMA)))

            async def fetch(sql: str, *values: object) -> list[tuple[Any, ...]]:
                return [tuple(row) for row in await connection.fetch(sql, *values)]

            yield fetch
        return
    with closing(open_database(data / DATABASE_NAME)) as connection:
        _check_current(int(connection.pragma("user_version")))

        async def execute(sql: str, *values: object) -> list[tuple[Any, ...]]:
            return list(connection.execute(sql.replace("$", "?"), values))

        yield execute


def _check_current(version: int) -> None:
    """Raises CannotDo for a database that lacks what is asked about here, until a service has opened it."""
    if version < SCHEMA_VERSION:
        raise CannotDo("the database is of an older version; start the service once with this one")


@asynccontextmanager
async def changing(data: Path, database: str | None) -> AsyncIterator[Database]:
    """Lend the database of a service, which must be stopped unless it is on PostgreSQL. Raises CannotDo."""
    if database is not None:
        async with relay_in(database):
            pass
        from services.relay.database.postgres import PostgresDatabase  # an extra of its own

        opened: Database = PostgresDatabase(database)
        async with _open(opened):
            yield opened
        return
    with closing(lock_folder(data)), closing(open_database(data / DATABASE_NAME)):
        opened = SqliteDatabase(data / DATABASE_NAME)
        async with _open(opened):
            yield opened


@asynccontextmanager
async def _open(database: Database) -> AsyncIterator[None]:
    await database.open(Hub())
    try:
        yield
    except Refusal as refusal:
        raise CannotDo(f"the service says: {refusal.message}") from None
    finally:
        await database.close()


async def people(rows: Rows) -> list[str]:
    """Return a line for each device: id, account, what waits for it, bytes of its blobs, and whether it is blocked."""
    lines = []
    for device, account, waiting, blobs, blocked in await rows(PEOPLE):
        whose = bytes(account).hex()[:12] if account else "-"
        lines.append(f"{bytes(device).hex()}  {whose}  {waiting} waiting  {blobs} bytes{'  blocked' * bool(blocked)}")
    return lines


async def groups(rows: Rows) -> list[str]:
    """Return a line for each group: id, envelopes, bytes, devices that wrote, the last day, and if it is blocked.

    Who wrote to a log with a keeper is not known.
    """
    lines = []
    for gid, head, size, senders, at_ms, blocked, has_keeper in await rows(GROUPS):
        day = datetime.fromtimestamp(at_ms / 1_000, UTC).date().isoformat() if at_ms else "-"
        wrote = "unknown" if has_keeper else senders
        counts = f"{head} envelopes  {size} bytes  {wrote} devices  {day}"
        lines.append(f"{bytes(gid).hex()}  {counts}{'  blocked' * bool(blocked)}")
    return lines


async def held_of_device(rows: Rows, device: bytes) -> dict[str, object]:
    """Return everything that is held of a device. Raises CannotDo for one that is not here."""
    held: dict[str, object] = {name: _table(await rows(sql, device)) for name, sql in HELD_OF_DEVICE.items()}
    if not held["device"]:
        raise CannotDo("there is no such device")
    held["envelopes"] = [
        {"group": bytes(gid).hex(), "sent": _table(await rows(EVENTS_BY, anum))}
        for anum, gid, name in await rows(AUTHORS)
        if bytes(name) == author_name(bytes(gid), device)
    ]
    return held


async def held_of_group(rows: Rows, group: bytes) -> dict[str, object]:
    """Return everything that is held of a group. Raises CannotDo for one that is not here."""
    held: dict[str, object] = {name: _table(await rows(sql, group)) for name, sql in HELD_OF_GROUP.items()}
    if not held["group"]:
        raise CannotDo("there is no such group")
    return held


async def block_device(database: Database, device: bytes, *, is_blocked: bool) -> None:
    """Let a device open no session any more, or again; what it has here stays."""
    await database.operate(BLOCK_DEVICE if is_blocked else UNBLOCK_DEVICE, device)


async def block_group(database: Database, group: bytes, *, is_blocked: bool) -> None:
    """Let no capability open a group any more, or those again that did; what is in it stays."""
    if is_blocked != bool(await database.operate(IS_BLOCKED, group)):
        await database.operate(BLOCK_GROUP if is_blocked else UNBLOCK_GROUP, group, NOBODY)


async def delete_group(database: Database, group: bytes) -> None:
    """Drop a group with all that is in it; blobs that nothing else names go with the next sweeps."""
    await database.operate(DELETE_GROUP, group)


def _table(rows: Sequence[tuple[Any, ...]]) -> list[list[object]]:
    return [[_plain(value) for value in row] for row in rows]


def _plain(value: object) -> object:
    """Ids and hashes in hex, what is longer in base64."""
    if isinstance(value, bytes | memoryview):
        octets = bytes(value)
        return octets.hex() if len(octets) <= 32 else base64.b64encode(octets).decode()
    return value


def write_held(file: Path, held: dict[str, object]) -> None:
    """Put it into a file that is new. Raises CannotDo."""
    try:
        with file.open("x", encoding="utf-8") as out:
            file.chmod(0o600)
            json.dump(held, out, indent=1)
    except OSError as error:
        raise CannotDo(f"the file cannot be written ({error.strerror})") from None
