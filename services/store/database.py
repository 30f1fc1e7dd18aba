"""The SQLite file: how it is made, opened, read and closed. It holds only sealed bytes and knows no keys.

The file may come from anybody. It is ours if its schema is ours to the letter: a trigger, a view, an index or one more
table is a program that somebody else would run here. Each commit counts what it changed.
"""

import os
import re
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from companion.errors import Tampered, TooNew
from services.store.files import make_file, require_plain, sync_directory
from services.store.format import (
    APPLICATION_ID,
    DOCUMENT_BITS,
    DOCUMENT_ID_MAX,
    FORMAT_VERSION,
    row_number,
)
from services.store.guarding import defend, disk_errors, has_log, log_of

FILE_NAME = "store.db"
CHECKPOINT_PAGES = 4_000  # 16 MB of WAL at most; `checkpoint` at idle moments keeps it far below
WAL_ROOM_BYTES = 4_000_000  # about 400 saves; `checkpoint` comes long before they are used up

_META = "CREATE TABLE meta(k TEXT PRIMARY KEY, v BLOB)"
_ROW = "CREATE TABLE row(k INTEGER PRIMARY KEY, ver INTEGER, blob BLOB)"
_KEYS = "keys"
_TABLE_ID = re.compile("[0-9]{1,7}")
_TABLES = frozenset({("table", "meta", "meta", _META), ("table", "row", "row", _ROW)})
_SCHEMA = _TABLES | {("index", "sqlite_autoindex_meta_1", "meta", None)}
StoredRow = tuple[int, int, bytes]


@dataclass(slots=True)
class Writes:
    """Everything that one commit changes in the file. `rows` and `gone`: by row number, the others by table id.

    `keys`: the digest of the key file, where it is not written down yet.
    """

    dropped: list[int]
    records: list[tuple[int, bytes]]
    gone: list[tuple[int]]
    rows: list[StoredRow]
    root: bytes
    keys: bytes | None = None


class Database:
    """One connection for one process. Not thread-safe by itself: the storage above holds the lock."""

    def __init__(self, path: Path, *, is_read_only: bool = False) -> None:
        self._path = path
        self._has_room = False
        self._copies: Path | None = None
        self.is_older = False
        """Whether the file is of an older format, which the next commit brings to ours."""
        self._is_read_only = is_read_only
        with disk_errors():
            where = self._readable(path) if is_read_only else path
            self._connection = sqlite3.connect(where, isolation_level=None, check_same_thread=False, uri=is_read_only)
        with self._abandoned_on_error():
            defend(self._connection)
            self._set("locking_mode=EXCLUSIVE", "trusted_schema=OFF", "synchronous=FULL", "fullfsync=1")
            self._set("checkpoint_fullfsync=1", "secure_delete=1", "cell_size_check=1", "temp_store=MEMORY")
            self._set(f"wal_autocheckpoint={CHECKPOINT_PAGES}")

    def _readable(self, path: Path) -> str:
        """Return the address of a file in a folder that cannot be written.

        What lies in the log belongs to it, and SQLite reads a log only where it can write: both are copied then.
        """
        log = log_of(path)
        if not has_log(path):
            return f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        self._copies = Path(tempfile.mkdtemp(prefix="companion-"))  # for the owner alone; all in it is sealed
        for file in (path, log):
            shutil.copyfile(file, self._copies / file.name)
        return (self._copies / path.name).as_uri()

    def check_schema(self, *, for_reading: bool = False) -> None:
        """Hold the file's schema against ours. `for_reading`: what stands beside our tables does not matter then.

        Raises: Tampered.
        """
        with disk_errors():
            found = self._connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
        if not (set(found) >= _TABLES if for_reading else set(found) == _SCHEMA and len(found) == len(_SCHEMA)):
            raise Tampered("the database file has another schema", "file")

    @contextmanager
    def _abandoned_on_error(self) -> Iterator[None]:
        try:
            with disk_errors():
                yield
        except BaseException:
            self.abandon()
            raise

    def _set(self, *pragmas: str) -> None:
        for pragma in pragmas:
            self._connection.execute(f"PRAGMA {pragma}").fetchall()

    @classmethod
    def create(cls, path: Path, sealed_root: bytes, keys: bytes) -> None:
        """Make a new file beside the place where it will live; `finish_creation` moves it there."""
        fresh = path.with_suffix(".new")
        with disk_errors():
            for suffix in ("", "-wal", "-journal"):
                fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)
            make_file(fresh).close()
        database = cls(fresh)
        with database._abandoned_on_error():
            database._set("journal_mode=WAL", f"application_id={APPLICATION_ID}", f"user_version={FORMAT_VERSION}")
            database._connection.execute(_META)
            database._connection.execute(_ROW)
            for record in (("root", sealed_root), (_KEYS, keys)):
                database._connection.execute("INSERT INTO meta(k, v) VALUES(?, ?)", record)
        database.close()

    @classmethod
    def finish_creation(cls, path: Path) -> None:
        """Move a newly made file to its place; does nothing if that has been done."""
        fresh = path.with_suffix(".new")
        with disk_errors():
            if not path.exists() and fresh.exists():
                fresh.replace(path)
                sync_directory(path.parent)

    @classmethod
    def open(cls, path: Path, *, is_read_only: bool = False) -> "Database":
        """Open an existing file and check that it can be ours.

        Raises: Tampered, TooNew; the file is then as it was.
        """
        held = path.with_suffix(".held")
        with disk_errors():
            if not path.exists() and held.exists():
                held.replace(path)  # a crash within `abandon`
            if not path.exists():
                raise Tampered(f"{FILE_NAME} is missing", "file")
        require_plain(path, "file")
        with disk_errors():
            is_left = has_log(path)
        database = cls(path, is_read_only=is_read_only)
        with database._abandoned_on_error():
            database.check_schema()
            version = database._number("user_version")
            database.is_older = version < FORMAT_VERSION
            if version > FORMAT_VERSION:
                raise TooNew(f"the store has format {version}; this version reads up to {FORMAT_VERSION}")
            mode = database._connection.execute("PRAGMA journal_mode").fetchone()
            is_logging = mode == ("wal",) or is_read_only
            if version < 1 or database._number("application_id") != APPLICATION_ID or not is_logging:
                raise Tampered("the database header was changed", "file")
            if is_left and (problem := database.problem()):  # a log over another file: the next save would destroy more
                raise Tampered(problem, "file")
        return database

    def _number(self, pragma: str) -> int:
        return int(self._connection.execute(f"PRAGMA {pragma}").fetchone()[0])

    def sealed_root(self) -> bytes:
        """Return the sealed root.

        Raises: Tampered if there is none.
        """
        return self._meta("root")

    def key_digest(self) -> bytes | None:
        """Return the digest of the key file that belongs to this file, None if release 0.1.0 wrote it or it is lost."""
        with disk_errors():
            found = self._connection.execute("SELECT v FROM meta WHERE k = ?", (_KEYS,)).fetchone()
        return found[0] if found is not None and isinstance(found[0], bytes) else None

    def sealed_table_record(self, table_id: int) -> bytes:
        """Return the sealed record of a table.

        Raises: Tampered if there is none.
        """
        return self._meta(f"table:{table_id}")

    def _meta(self, key: str) -> bytes:
        with disk_errors():
            found = self._connection.execute("SELECT v FROM meta WHERE k = ?", (key,)).fetchone()
        if found is None or not isinstance(found[0], bytes):
            raise Tampered(f"the record {key} is missing", "root" if key == "root" else "hidden")
        return found[0]

    def rows(self, table_id: int) -> Iterator[StoredRow]:
        """Yield (document id, version, sealed bytes) of a table in the order of the ids.

        Raises: Tampered if a row has another shape.
        """
        first = row_number(table_id, 0)
        query = "SELECT k, ver, blob FROM row WHERE k BETWEEN ? AND ? ORDER BY k"
        with disk_errors():
            for number, version, blob in self._connection.execute(query, (first, first + DOCUMENT_ID_MAX)):
                if not (isinstance(version, int) and version > 0 and isinstance(blob, bytes) and number >= first):
                    raise Tampered(f"a row of table {table_id} has another shape")
                yield number - first, version, blob

    def newest_rows(self, table_id: int, below: int, limit: int) -> list[StoredRow]:
        """Return up to `limit` rows with ids below the given one, largest id first."""
        first = row_number(table_id, 0)
        query = "SELECT k, ver, blob FROM row WHERE k >= ? AND k < ? ORDER BY k DESC LIMIT ?"
        with disk_errors():
            found = self._connection.execute(query, (first, first + below, limit)).fetchall()
        return [_row(number - first, version, blob) for number, version, blob in found]

    def readable_rows(self, table_id: int) -> Iterator[StoredRow]:
        """Yield what can still be read of a table in a damaged file, from both its ends up to the damage."""
        first, seen = row_number(table_id, 0), set()
        upwards = "SELECT k, ver, blob FROM row WHERE k BETWEEN ? AND ? ORDER BY k"
        for query in (upwards, upwards + " DESC"):
            with suppress(sqlite3.Error, UnicodeDecodeError):
                for number, version, blob in self._connection.execute(query, (first, first + DOCUMENT_ID_MAX)):
                    if number in seen:
                        break
                    seen.add(number)
                    with suppress(Tampered):
                        yield _row(number - first, version, blob)

    def readable_table_ids(self) -> list[int]:
        """Return the ids of the tables that have a record that can be read."""
        with suppress(sqlite3.Error, UnicodeDecodeError):
            keys = self._connection.execute("SELECT k FROM meta WHERE k LIKE 'table:%'").fetchall()
            return [int(key[6:]) for (key,) in keys if isinstance(key, str) and _TABLE_ID.fullmatch(key[6:])]
        return []

    def row_counts(self) -> dict[int, int]:
        """Return the number of rows by table id."""
        with disk_errors():
            return dict(self._connection.execute("SELECT k >> ?, count(*) FROM row GROUP BY 1", (DOCUMENT_BITS,)))

    def stray_records(self, table_ids: frozenset[int]) -> list[str]:
        """Return the names of records that are neither the root's nor of one of these tables."""
        known = {"root", _KEYS, *(f"table:{table_id}" for table_id in table_ids)}
        with disk_errors():
            keys = self._connection.execute("SELECT k FROM meta").fetchall()
        return [str(key) for (key,) in keys if key not in known]

    def problem(self) -> str | None:
        """Return what SQLite itself finds wrong with the file, or None."""
        try:
            with disk_errors():
                (finding,) = self._connection.execute("PRAGMA integrity_check(1)").fetchone()
        except Tampered as error:
            return str(error)
        return None if finding == "ok" else "the database file is damaged"

    def seal_of(self, table_id: int, document_id: int) -> tuple[int, bytes]:
        """Return the version of one stored row, and its nonce and tag.

        Raises: Tampered if the row is not there.
        """
        query = "SELECT ver, substr(blob, 1, 12), substr(blob, -16) FROM row WHERE k = ?"
        with disk_errors():
            found = self._connection.execute(query, (row_number(table_id, document_id),)).fetchone()
        if found is None:
            raise Tampered(f"document {document_id} of table {table_id} is missing", "missing")
        version, nonce, tag = found
        if not (isinstance(version, int) and isinstance(nonce, bytes) and isinstance(tag, bytes)):
            raise Tampered(f"document {document_id} of table {table_id} has another shape")
        return version, nonce + tag

    def commit(self, writes: Writes) -> None:
        """Write everything or nothing; when this returns, it is durable.

        Raises: Tampered if it would change more or less than it writes, StoreError if the disk refuses.
        """
        with disk_errors():
            self._begin()
            try:
                self.write(writes)
                self._connection.execute("COMMIT")
            except BaseException:
                self._undo()
                raise
        if writes.keys is not None:
            self.is_older = False

    def write(self, writes: Writes) -> None:
        """Do what `commit` says within a transaction that is open already."""
        execute, executemany = self._connection.execute, self._connection.executemany
        before, dropped = self._connection.total_changes, 0
        for table_id in writes.dropped:
            first = row_number(table_id, 0)
            dropped += execute("DELETE FROM meta WHERE k = ?", (f"table:{table_id}",)).rowcount
            rows = execute("DELETE FROM row WHERE k BETWEEN ? AND ?", (first, first + DOCUMENT_ID_MAX))
            dropped += rows.rowcount
        for table_id, record in writes.records:
            execute("INSERT OR REPLACE INTO meta(k, v) VALUES(?, ?)", (f"table:{table_id}", record))
        if writes.gone:
            executemany("DELETE FROM row WHERE k = ?", writes.gone)
        if writes.rows:
            executemany("INSERT OR REPLACE INTO row(k, ver, blob) VALUES(?, ?, ?)", writes.rows)
        wanted = dropped + len(writes.records) + len(writes.gone) + len(writes.rows) + 1
        if writes.keys is not None:
            execute("INSERT OR REPLACE INTO meta(k, v) VALUES(?, ?)", (_KEYS, writes.keys))
            execute(f"PRAGMA user_version={FORMAT_VERSION}")  # from here on an older app leaves the file alone
            wanted += 1
        if execute("UPDATE meta SET v = ? WHERE k = 'root'", (writes.root,)).rowcount != 1:
            raise Tampered("the root is missing", "root")
        if self._connection.total_changes - before != wanted:
            raise Tampered("a commit changed other rows than it wrote", "file")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything in the block durable, or nothing of it. `commit` does the same, in half the steps."""
        with disk_errors():
            self._begin()
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                self._undo()
                raise

    def _begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        if not self._has_room:
            self._make_room()

    def _undo(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def replace_records(self, records: list[tuple[int, bytes]]) -> None:
        """Write records of tables that are there already, within a transaction."""
        named = [(sealed, f"table:{table_id}") for table_id, sealed in records]
        self._connection.executemany("UPDATE meta SET v = ? WHERE k = ?", named)

    def replace_rows(self, rows: list[StoredRow]) -> None:
        """Write rows that are there already, within a transaction. Raises: Tampered if one of them is not."""
        before = self._connection.total_changes
        self._connection.executemany("UPDATE row SET ver = ?2, blob = ?3 WHERE k = ?1", rows)
        if self._connection.total_changes - before != len(rows):
            raise Tampered("rows are missing", "missing")

    def _make_room(self) -> None:
        """Set the length of the WAL beyond what the next commits write: to make a file longer costs every fsync more.

        The room is a hole that takes no space. SQLite reads a WAL up to the first frame that does not fit.
        """
        self._has_room = True
        wal = log_of(self._path)
        with suppress(OSError):  # without room a commit is slower, and nothing else
            if wal.stat().st_size < WAL_ROOM_BYTES:
                os.truncate(wal, WAL_ROOM_BYTES)

    def checkpoint(self) -> None:
        """Move the WAL into the file and empty it. Changes no content."""
        if self._is_read_only:
            return
        with disk_errors():
            self._has_room = False
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Move the WAL into the file and close it."""
        with disk_errors():
            self._connection.close()

    def abandon(self) -> None:
        """Close and leave file and WAL exactly as they are, for somebody to look at what happened to them."""
        if sys.version_info >= (3, 12):
            self._connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)
        if sys.version_info >= (3, 12) or self._is_read_only:
            self._connection.close()
            if self._copies is not None:
                shutil.rmtree(self._copies, ignore_errors=True)
            return
        held = self._path.with_suffix(".held")
        with disk_errors():
            try:
                self._path.rename(held)  # SQLite does not touch a WAL whose database file has been moved
            except OSError:
                held = self._path  # then it moves the WAL into the file, which changes nothing of what they say
            try:
                self._connection.close()
            finally:
                held.rename(self._path)


def _row(document_id: int, version: object, blob: object) -> StoredRow:
    """Return what SQLite gave. Pages that somebody moved can make it give any row, also one that was not asked for."""
    if isinstance(version, int) and version > 0 and isinstance(blob, bytes) and 0 <= document_id <= DOCUMENT_ID_MAX:
        return document_id, version, blob
    raise Tampered(f"document {document_id} has another shape")
