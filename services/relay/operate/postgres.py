"""The operator's commands where a PostgreSQL database is involved: the move to it, a new incarnation, its figures.

A moved log keeps its incarnation, because every cursor stays true.
"""

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from services.relay.clock import ServiceClock
from services.relay.database.sqlite import DATABASE_NAME
from services.relay.database.store import figures_of
from services.relay.database.tables import INCARNATION, MOVED, POSTGRES, POSTGRES_FIGURES, SCHEMA_VERSION
from services.relay.operate.sqlite import open_database
from services.relay.operate.store import (
    COMPLETE,
    CannotDo,
    Copied,
    copy_blobs,
    describe,
    lock_folder,
    objects_at,
    sweep_now,
)
from services.relay.operate.sweeper import Swept

if TYPE_CHECKING:
    import asyncpg

CALL_S = 10
# Counters begin anew, and pushes stay behind: the key that signs them is in the old folder.
LEFT_BEHIND = frozenset({"meta", "meter", "push", "push_watch"})
TABLES = "select name from sqlite_master where type = 'table' and name not like 'sqlite%' order by name"
COLUMNS = "select name from pragma_table_info(?)"
BOOLEANS = """
select column_name from information_schema.columns
where table_schema = current_schema() and table_name = $1 and data_type = 'boolean'
"""
IN_USE = """
select exists (select 1 from pg_stat_activity
    where datname = current_database() and application_name = 'companion-relay')
"""
BEGIN_ANEW = (
    "insert into lineage(number, incarnation) select 1 + coalesce((select max(number) from lineage), 0), value"
    " from meta where key = 'incarnation'",
    "insert into restored(gnum, number, head) select gnum, (select max(number) from lineage), head from grp",
    "delete from session",
    "delete from push",
    "delete from push_watch",
    "delete from meta where key = 'push_key'",
)
NUMBERED = """
select table_name, column_name from information_schema.columns
where table_schema = current_schema() and column_default like 'nextval%'
"""


async def migrate(data: Path, database: str, place: str | None = None) -> Copied:
    """Move a relay that is not running into an empty PostgreSQL database; numbers and cursors stay.

    With a `place` the blobs are copied from the folder to there, otherwise they stay where they are. The folder's own
    database is marked and serves no more; where the move failed it can be tried again. Raises CannotDo.
    """
    with closing(lock_folder(data)), closing(open_database(data / DATABASE_NAME)) as source:
        was_moved = bool(list(source.execute("select 1 from meta where key = ?", (MOVED,))))
        connection = await _connect(database)
        try:
            async with connection.transaction():
                await _fill(connection, source)
                copied = Copied(blobs=0)
                if place is not None:
                    held = list(source.execute(COMPLETE))
                    copied = await copy_blobs(held, objects_at(None, data), objects_at(place, data))
                _mark(data, is_moved=True)  # first: two that serve one log would be worse than none
        except BaseException:
            if not was_moved:
                _mark(data, is_moved=False)
            raise
        finally:
            await connection.close()
        return copied


def _mark(data: Path, *, is_moved: bool) -> None:
    with closing(apsw.Connection(str(data / DATABASE_NAME), flags=apsw.SQLITE_OPEN_READWRITE)) as database:
        if is_moved:
            database.execute("insert or replace into meta(key, value) values(?, 'to PostgreSQL')", (MOVED,))
        else:
            database.execute("delete from meta where key = ?", (MOVED,))


async def renew(database: str) -> None:
    """Give a database that was restored by PostgreSQL's own means a new incarnation, as `restore` does for a folder.

    Raises CannotDo, also while a relay uses the database.
    """
    async with relay_in(database) as connection:
        if await connection.fetchval(IN_USE):
            raise CannotDo("a relay is using this database; stop it first")
        async with connection.transaction():
            for statement in BEGIN_ANEW:
                await connection.execute(statement)
            await connection.execute("update meta set value = $1 where key = 'incarnation'", os.urandom(16).hex())


async def status_of(database: str) -> dict[str, str]:
    """Return the figures of a relay on PostgreSQL. Raises CannotDo."""
    async with relay_in(database) as connection:
        figures = describe(figures_of(await connection.fetchrow(POSTGRES_FIGURES)))
        size = await connection.fetchval("select pg_database_size(current_database())")
        return {**figures, "database bytes": str(size), "incarnation": str(await connection.fetchval(INCARNATION))}


async def sweep_of(database: str, data: Path, place: str | None, keep_days: int, clock: ServiceClock) -> Swept:
    """Forget now what a relay on PostgreSQL forgets by and by; it may be running. Raises CannotDo."""
    async with relay_in(database):
        pass
    from services.relay.database.postgres import PostgresDatabase  # an extra of its own

    return await sweep_now(PostgresDatabase(database), objects_at(place, data), keep_days, clock)


@asynccontextmanager
async def relay_in(database: str) -> "AsyncIterator[asyncpg.Connection]":
    """Lend a connection to a database that a relay has made. Raises CannotDo."""
    connection = await _connect(database)
    try:
        if not await _is_ours(connection):
            raise CannotDo("the PostgreSQL database holds no relay")
        yield connection
    finally:
        await connection.close()


async def _connect(database: str) -> "asyncpg.Connection":
    try:
        import asyncpg  # an extra of its own
    except ModuleNotFoundError:
        raise CannotDo("the package asyncpg is not installed") from None
    try:
        return await asyncpg.connect(database, timeout=CALL_S)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
        raise CannotDo(f"PostgreSQL cannot be reached ({type(error).__name__})") from None


async def _is_ours(connection: "asyncpg.Connection") -> bool:
    return bool(await connection.fetchval("select to_regclass('meta') is not null"))


async def _fill(connection: "asyncpg.Connection", source: apsw.Connection) -> None:
    if await _is_ours(connection):
        raise CannotDo("the PostgreSQL database is not empty")
    await connection.execute(POSTGRES)
    for (table,) in list(source.execute(TABLES)):
        if table not in LEFT_BEHIND:
            columns = [name for (name,) in source.execute(COLUMNS, (table,))]
            booleans = {row["column_name"] for row in await connection.fetch(BOOLEANS, table)}
            rows = _rows(source, table, columns, [name in booleans for name in columns])
            await connection.copy_records_to_table(table, columns=columns, records=rows)
    await connection.execute("delete from blob where state not in ('whole', 'kept')")
    for table, column in await connection.fetch(NUMBERED):
        await connection.execute(
            f"select setval(pg_get_serial_sequence('{table}', '{column}'),"  # noqa: S608  (names of our own)
            f" (select coalesce(max({column}), 0) + 1 from {table}), false)"
        )
    version, incarnation = str(SCHEMA_VERSION), str(next(source.execute(INCARNATION))[0])
    await connection.execute("insert into meta values('schema', $1), ('incarnation', $2)", version, incarnation)


def _rows(
    source: apsw.Connection, table: str, columns: Sequence[str], is_boolean: Sequence[bool]
) -> Iterator[tuple[object, ...]]:
    for row in source.execute(f"select {', '.join(columns)} from {table}"):  # noqa: S608  (names of our own)
        yield tuple(bool(value) if yes else value for value, yes in zip(row, is_boolean, strict=True))
