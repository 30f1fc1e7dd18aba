"""What an operator does beside serving: backup, restore, move to PostgreSQL, and a look at the figures.

Copies are made whole or not at all. A restored log gets a new incarnation, so that clients notice that it may end
earlier than what they have seen; a moved log keeps its own, because every cursor stays true.
"""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from services.relay import postgres_schema
from services.relay.folder import FolderInUse, FolderLock
from services.relay.sqlite import DATABASE_NAME, check_ours
from services.relay.store import UnknownDatabase

if TYPE_CHECKING:
    import asyncpg

CALL_S = 10
TABLES = {
    "grp": ("gnum", "gid", "capability", "head", "epoch", "bytes", "rounded"),
    "event": ("gnum", "seq", "cid", "at_ms", "epoch", "body"),
    "device": ("device", "public_key"),
    "session": ("token", "device", "expires_ms"),
    "invite": ("invite", "body", "expires_ms", "used_by"),
}
FIGURES = {
    "groups": "select count(*) from grp",
    "events": "select coalesce(sum(head), 0) from grp",
    "event bytes": "select coalesce(sum(bytes), 0) from grp",
    "devices": "select count(*) from device",
    "open invites": "select count(*) from invite where used_by is null and length(body) > 0",
    "incarnation": "select value from meta where key = 'incarnation'",
}


class CannotDo(Exception):
    """The operator has to change something first; the text says what."""


def backup(data: Path, target: Path) -> None:
    """Copy the database of a relay, which may be running, into one new file. Raises CannotDo."""
    if target.exists():
        raise CannotDo("the backup file exists already")
    with closing(_open(data / DATABASE_NAME)) as source:
        _copy(source, target)


def restore(data: Path, source: Path) -> None:
    """Make a relay's folder from a backup, with a new incarnation and no open sessions. Raises CannotDo."""
    with closing(_open(source)) as connection, closing(_lock(data)):
        target = data / DATABASE_NAME
        if target.exists():
            raise CannotDo("the folder holds a database already")
        _copy(connection, target, is_restored=True)


def status(data: Path) -> dict[str, str]:
    """Return the figures of a relay, which may be running. Raises CannotDo."""
    with closing(_open(data / DATABASE_NAME)) as connection:
        return {name: str(next(connection.execute(sql))[0]) for name, sql in FIGURES.items()}


async def migrate(data: Path, database: str) -> None:
    """Copy a relay that is not running into an empty PostgreSQL database; numbers and cursors stay. Raises CannotDo."""
    try:
        import asyncpg  # an extra of its own
    except ModuleNotFoundError:
        raise CannotDo("the package asyncpg is not installed") from None
    with closing(_lock(data)), closing(_open(data / DATABASE_NAME)) as source:
        try:
            connection = await asyncpg.connect(database, timeout=CALL_S)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
            raise CannotDo(f"PostgreSQL cannot be reached ({type(error).__name__})") from None
        try:
            async with connection.transaction():
                await _fill(connection, source)
        finally:
            await connection.close()


async def _fill(connection: "asyncpg.Connection", source: apsw.Connection) -> None:
    if await connection.fetchval("select to_regclass('meta') is not null"):
        raise CannotDo("the PostgreSQL database is not empty")
    await connection.execute(postgres_schema.SCHEMA)
    for table, columns in TABLES.items():
        rows = _rows(source, table, columns)
        await connection.copy_records_to_table(table, columns=columns, records=rows)
    await connection.execute("select setval('grp_gnum_seq', (select coalesce(max(gnum), 0) + 1 from grp), false)")
    version, incarnation = str(postgres_schema.SCHEMA_VERSION), str(next(source.execute(FIGURES["incarnation"]))[0])
    await connection.execute("insert into meta values('schema', $1), ('incarnation', $2)", version, incarnation)


def _rows(source: apsw.Connection, table: str, columns: tuple[str, ...]) -> Iterator[tuple[object, ...]]:
    yield from source.execute(f"select {', '.join(columns)} from {table}")  # noqa: S608  (names of our own)


def _open(path: Path) -> apsw.Connection:
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        check_ours(connection)
    except apsw.Error as error:
        raise CannotDo(f"there is no database of a relay that can be read ({type(error).__name__})") from None
    except UnknownDatabase as error:
        raise CannotDo(f"the database was not made by this version of the relay: {error}") from None
    return connection


def _lock(data: Path) -> FolderLock:
    try:
        return FolderLock(data)
    except FolderInUse:
        raise CannotDo("a relay is using this folder; stop it first") from None


def _copy(source: apsw.Connection, target: Path, *, is_restored: bool = False) -> None:
    """Copy page by page into a file beside the target, check it, and only then give it its name."""
    fresh = target.with_name(target.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    try:
        with closing(apsw.Connection(str(fresh))) as connection:
            with connection.backup("main", source, "main") as copy:
                copy.step(-1)
            connection.pragma("journal_mode", "delete")  # one file, nothing beside it
            if is_restored:
                connection.execute("update meta set value = ? where key = 'incarnation'", (os.urandom(16).hex(),))
                connection.execute("delete from session")
            if connection.pragma("integrity_check") != "ok":
                raise CannotDo("the database is damaged")
        with fresh.open("rb+") as file:
            os.fsync(file.fileno())
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
