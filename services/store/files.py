"""Files that survive a power cut, and the lock that keeps a second process out."""

import os
import sys
from pathlib import Path

from companion.errors import StoreBusy, StoreError

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


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file whole: after a crash there is the old content or the new, never a mixture. Readable by us only.

    Raises: StoreError if the disk refuses; the old content is then still there.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        raise disk_error(error) from None


def disk_error(error: OSError) -> StoreError:
    """Return our error for one of the system's; it names no path."""
    return StoreError(f"the disk refused: {os.strerror(error.errno or 0)}")


class ProcessLock:
    """Holds a directory for one process; the system frees it when the process ends in whatever way.

    Raises: StoreBusy if somebody else holds it, StoreError if there is no such directory or it cannot be written.
    """

    FILE_NAME = "store.lock"

    def __init__(self, directory: Path) -> None:
        self._descriptor: int | None = None
        try:
            self._descriptor = os.open(directory / self.FILE_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise disk_error(error) from None
        try:
            _lock_file(self._descriptor)
        except OSError:
            self.release()
            raise StoreBusy("another process has the store open") from None

    def release(self) -> None:
        """Let go; a second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
