"""The operator's commands for a relay in a folder: backup, restore, a sweep, and a look at the figures.

Copies are made whole or not at all. A restored log gets a new incarnation, so that clients notice that it may end
earlier than what they have seen. A backup is one file with the database, and a folder beside it with the blobs.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw

from services.relay.clock import ServiceClock
from services.relay.database.sqlite import DATABASE_NAME, SqliteDatabase, check_ours, read_figures
from services.relay.database.store import UnknownDatabase
from services.relay.database.tables import INCARNATION, MOVED
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


async def backup(data: Path, target: Path, place: str | None = None) -> Copied:
    """Copy the database and the blobs of a relay, which may be running. Raises CannotDo.

    `place` is where its blobs are, as it was told by `--blobs`.
    """
    folder = _blobs_beside(target)
    _check_free(target, folder)
    source = objects_at(place, data)
    try:
        with closing(open_database(data / DATABASE_NAME)) as database, _fresh_copy(database, target) as copy:
            return await copy_blobs(copy.execute(COMPLETE), source, objects_at(str(folder), data))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


async def restore(data: Path, source: Path, place: str | None = None) -> Copied:
    """Make a relay's folder from a backup, with a new incarnation and no open sessions. Raises CannotDo.

    The blobs go to `place`, as the relay will be told by `--blobs`.
    """
    with closing(open_database(source)) as database, closing(lock_folder(data)):
        target = data / DATABASE_NAME
        _check_free(target)
        with _fresh_copy(database, target) as copy:
            _begin_anew(copy)
            held = list(copy.execute(COMPLETE))
            copied = await copy_blobs(held, objects_at(str(_blobs_beside(source)), data), objects_at(place, data))
            copy.execute("delete from blob where state not in ('whole', 'kept')")
            for blob in copied.lost:
                copy.execute("delete from blob_reference where blob = ?", (blob,))
                copy.execute("delete from blob where id = ?", (blob,))
        return copied


def status(data: Path) -> dict[str, str]:
    """Return the figures of a relay in a folder, which may be running. Raises CannotDo."""
    path = data / DATABASE_NAME
    with closing(open_database(path)) as connection:
        figures = describe(read_figures(connection))
        size = sum(file.stat().st_size for file in data.glob(f"{DATABASE_NAME}*"))
        return {**figures, "database bytes": str(size), "incarnation": str(next(connection.execute(INCARNATION))[0])}


async def sweep(data: Path, place: str | None, keep_days: int, clock: ServiceClock) -> Swept:
    """Forget now what a relay in a folder forgets by and by; it must not be running. Raises CannotDo."""
    path = data / DATABASE_NAME
    with closing(lock_folder(data)), closing(open_database(path)):
        return await sweep_now(SqliteDatabase(path), objects_at(place, data), keep_days, clock)


def open_database(path: Path) -> apsw.Connection:
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        check_ours(connection)
    except apsw.Error as error:
        raise CannotDo(f"there is no database of a relay that can be read ({type(error).__name__})") from None
    except UnknownDatabase as error:
        raise CannotDo(f"the database was not made by this version of the relay: {error}") from None
    return connection


def _check_free(*paths: Path) -> None:
    for path in paths:
        if path.exists():
            raise CannotDo(f"{path.name} exists already")


def _blobs_beside(file: Path) -> Path:
    return file.with_name(file.name + ".blobs")


def _begin_anew(copy: apsw.Connection) -> None:
    """Make a copied log one of its own, which knows where it parted from the one it comes from."""
    copy.execute("insert into lineage(incarnation) select value from meta where key = 'incarnation'")
    copy.execute("insert into restored(gnum, number, head) select gnum, last_insert_rowid(), head from grp")
    copy.execute("update meta set value = ? where key = 'incarnation'", (os.urandom(16).hex(),))
    copy.execute("delete from session")
    copy.execute("delete from push")  # their key stays with the old folder
    copy.execute("delete from push_watch")
    copy.execute("delete from meta where key in ('push_key', ?)", (MOVED,))


@contextmanager
def _fresh_copy(source: apsw.Connection, target: Path) -> Iterator[apsw.Connection]:
    """Copy page by page into a file beside the target, lend it, check it, and only then give it its name."""
    fresh = target.with_name(target.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    try:
        with closing(apsw.Connection(str(fresh))) as connection:
            try:
                with connection.backup("main", source, "main") as copy:
                    copy.step(-1)
                connection.pragma("journal_mode", "delete")  # one file, nothing beside it
                if connection.pragma("integrity_check") != "ok":
                    raise CannotDo("the database is damaged")
            except (apsw.CorruptError, apsw.NotADBError):
                raise CannotDo("the database is damaged") from None
            yield connection
        with fresh.open("rb+") as file:
            os.fsync(file.fileno())
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
