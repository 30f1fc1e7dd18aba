"""What SQLite may do with a file that may come from anybody, and how its errors become ours."""

import sqlite3
import sys
from pathlib import Path

from companion.errors import StoreError, Tampered
from services.store.files import disk_error

_DAMAGE_CODES = frozenset(
    {
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_AUTH,  # a program in the file asked for something
    }
)


class disk_errors:
    """Turn SQLite's errors into ours: Tampered for a damaged file, StoreError for a disk that fails or is full.

    The system's errors too: what SQLite does not raise comes from a file that was made, moved or measured.
    """

    __slots__ = ()

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.Error):
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
            if code & 0xFF in _DAMAGE_CODES:
                raise Tampered(f"the database file is damaged (SQLite code {code})", "file") from None
            raise StoreError(f"the disk refused (SQLite code {code})") from None
        if isinstance(error, UnicodeDecodeError):  # Python reads SQLite's message, which quotes what is in the file
            raise Tampered("the database file is damaged", "file") from None
        if isinstance(error, OSError):
            raise disk_error(error) from None


def defend(connection: sqlite3.Connection) -> None:
    """Let no program in the file run, and no statement change the schema behind SQLite's back."""
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_TRIGGER, False)
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_VIEW, False)
    else:
        connection.set_authorizer(_authorized)


def _authorized(action: int, first: str | None, second: str | None, schema: str | None, program: str | None) -> int:
    """Refuse what is asked for by a trigger or a view, and by a change of the schema that SQLite does not check."""
    is_writable_schema = action == sqlite3.SQLITE_PRAGMA and first == "writable_schema"
    return sqlite3.SQLITE_DENY if program is not None or is_writable_schema else sqlite3.SQLITE_OK


def log_of(path: Path) -> Path:
    """Return where SQLite keeps the log of a database file."""
    return path.with_name(path.name + "-wal")


def has_log(path: Path) -> bool:
    """Return whether a crash has left something in the log. Raises: OSError."""
    log = log_of(path)
    return log.exists() and log.stat().st_size > 0
