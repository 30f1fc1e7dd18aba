"""The relay's data folder: made private, and held by one process at a time."""

import os
import secrets
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


SECRET_BYTES = 32


class FolderInUse(Exception):
    """Another relay holds the folder."""


class FolderLock:
    """Holds a folder until it is closed or the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(folder / "relay.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if sys.platform == "win32":
                msvcrt.locking(self._file, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise FolderInUse from None

    def close(self) -> None:
        os.close(self._file)


def open_secret(path: Path) -> bytes:
    """Return the 32 bytes of a secret, made at the first call. Raises OSError, and ValueError for another file."""
    if not path.exists():
        write_secret(path, secrets.token_bytes(SECRET_BYTES))
    secret = path.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise ValueError("not a secret of this service")
    return secret


def write_secret(path: Path, content: bytes) -> None:
    """Put a file that only its owner reads in its place, whole. Raises OSError."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def write_whole(path: Path, text: str) -> None:
    """Replace a small file so that a reader sees the old text or the new one."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
