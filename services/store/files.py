"""Files that survive a power cut, belong to their owner alone and are what they seem, and the lock on a folder.

A folder may be anybody's to write to: a link, a pipe or a device that stands where a file of ours should be is never
followed, opened or waited for. Every error of the system becomes one of ours here.
"""

import errno
import json
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from companion.errors import StoreBusy, StoreError, Tampered

FOLDER_MODE = 0o700
FILE_MODE = 0o600
SMALL_BYTES_MAX = 65_536

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_READ = os.O_RDONLY | _NO_LINK | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | getattr(os, "O_BINARY", 0)
_NOT_WRITABLE = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})

if sys.platform == "win32":
    import msvcrt

    def _lock_file(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def sync_directory(directory: Path) -> None:
        """Windows keeps directory entries in order by itself."""

else:
    import fcntl

    def _lock_file(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def sync_directory(directory: Path) -> None:
        """Bring the names in a directory to the disk."""
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def disk_error(error: OSError) -> StoreError:
    """Return our error for one of the system's; it names no path."""
    return StoreError(f"the disk refused: {os.strerror(error.errno or 0)}")


@contextmanager
def our_errors() -> Iterator[None]:
    """Turn the system's errors of the block, or of a function that this decorates, into ours."""
    try:
        yield
    except OSError as error:
        raise disk_error(error) from None


def private_folder(path: Path) -> None:
    """Make a folder and all that is missing above it, for its owner alone; one that is there is closed to others.

    Raises: StoreError.
    """
    with our_errors():
        missing = [path, *path.parents]
        missing = missing[: next(number for number, one in enumerate(missing) if one.exists())]
        for folder in reversed(missing):
            folder.mkdir(FOLDER_MODE, exist_ok=True)  # a mode for `parents` would be the last one's alone
        if not missing:
            close_to_others(path)


def close_to_others(path: Path) -> None:
    """Take from a folder what others may do with it: release 0.1.0 left that to the system. Raises: OSError."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if sys.platform != "win32" and mode & 0o077 and path.stat().st_uid == os.geteuid():
        path.chmod(mode & FOLDER_MODE)


def make_file(path: Path) -> BinaryIO:
    """Make a file that only its owner can read, and open it for writing. Raises: OSError if the name is taken."""
    return os.fdopen(os.open(path, _MAKE, FILE_MODE), "wb")


def open_plain(path: Path, kind: str) -> BinaryIO:
    """Open a file of ours for reading.

    Raises: Tampered of this kind if it is missing or no plain file, StoreError if the disk refuses.
    """
    try:
        descriptor = os.open(path, _READ)
    except FileNotFoundError:
        raise Tampered(f"{path.name} is missing", kind) from None
    except OSError as error:
        if error.errno == errno.ELOOP or path.is_symlink():
            raise Tampered(f"{path.name} is a link", kind) from None
        raise disk_error(error) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Tampered(f"{path.name} is no plain file", kind)
    return os.fdopen(descriptor, "rb")


def require_plain(path: Path, kind: str) -> None:
    """Raise Tampered of this kind if something stands there that is no plain file, before anybody else opens it."""
    with our_errors():
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            return
    if not stat.S_ISREG(mode):
        raise Tampered(f"{path.name} is no plain file", kind)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file whole: after a crash there is the old content or the new, never a mixture. Readable by us only.

    Raises: StoreError if the disk refuses; the old content is then still there.
    """
    temporary = path.with_name(path.name + ".tmp")
    with our_errors():
        temporary.unlink(missing_ok=True)  # a crash left it, or somebody put a link there
        try:
            with make_file(temporary) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_directory(path.parent)


def read_small(file: Path) -> dict[str, object]:
    """Return the object in a small JSON file, or an empty one if there is none that can be read."""
    try:
        return require_small(file)
    except StoreError:
        return {}


def require_small(file: Path) -> dict[str, object]:
    """Return the object in a small JSON file, or an empty one if there is none, or what is there is damaged.

    Raises: StoreError if the disk refuses: what it holds is not known then, and must not be written over.
    """
    try:
        with open_plain(file, "file") as opened, our_errors():
            text = opened.read(SMALL_BYTES_MAX + 1)
        doc = json.loads(text) if len(text) <= SMALL_BYTES_MAX else None
    except (Tampered, ValueError, RecursionError):
        return {}
    return doc if isinstance(doc, dict) else {}


def write_small(file: Path, doc: dict[str, object]) -> None:
    """Replace the file whole or not at all. Raises: StoreError."""
    private_folder(file.parent)
    write_atomically(file, json.dumps(doc).encode())


class ProcessLock:
    """Holds a directory for one process; the system frees it when the process ends in whatever way.

    `is_read_only`: nothing can be written here, so that nobody has to be kept from it.
    Raises: StoreBusy if somebody else holds it, StoreError if there is no such directory.
    """

    FILE_NAME = "store.lock"

    def __init__(self, directory: Path) -> None:
        self._descriptor: int | None = None
        self.is_read_only = False
        path = directory / self.FILE_NAME
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _NO_LINK, FILE_MODE)
        except OSError as error:
            if error.errno not in _NOT_WRITABLE or not directory.is_dir():
                raise disk_error(error) from None
            self.is_read_only = True
            return
        try:
            _lock_file(self._descriptor)
        except OSError as error:
            self.release()
            if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                raise StoreBusy("another process has the store open") from None
            raise disk_error(error) from None

    def release(self) -> None:
        """Let go; a second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
