"""Taking one profile from the disk. The keys go first: without them every other file is noise.

A marker lies there from before the first file goes until after the last: what a crash cuts short is completed at the
next start. Flash memory may keep old blocks; what they hold is sealed, and its keys were only ever there wrapped.
"""

import asyncio
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from services.store.files import our_errors, sync_directory, write_atomically
from services.store.keyfile import FILE_NAME

MARKER = "erasing"


class ProfileEraser:
    """Erases one profile's folder, copies and damaged stores beside the vault included."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def is_unfinished(self) -> bool:
        """Return whether a crash ended an erasure. Raises: StoreError if the folder cannot be looked into."""
        return await asyncio.to_thread(self._is_unfinished)

    def _is_unfinished(self) -> bool:
        with our_errors():
            return (self._folder / MARKER).exists()

    async def erase(self) -> None:
        """Erase everything. Raises: StoreError if the disk refuses; what was reached by then is gone."""
        await asyncio.to_thread(erase_folder, self._folder)


def erase_folder(folder: Path) -> None:
    """Erase a profile's folder: marker, keys, everything else, marker. Raises: StoreError."""
    with our_errors():
        if not folder.exists():
            return
        write_atomically(folder / MARKER, b"")
        for keys in sorted(folder.rglob(FILE_NAME + "*")):
            _destroy(keys)
        for path in folder.iterdir():
            if path.name != MARKER:
                _remove(path)
        sync_directory(folder)
        (folder / MARKER).unlink()
        sync_directory(folder)
        with suppress(OSError):  # something of somebody else's lies in it
            folder.rmdir()


def _destroy(path: Path) -> None:
    """Write zeros over a small file, then take its name away, each step on the disk before the next.

    A link that somebody put there loses its name only: what it leads to is not ours.
    """
    if stat.S_ISREG(path.lstat().st_mode):
        with path.open("r+b") as file:
            file.write(bytes(os.fstat(file.fileno()).st_size))
            file.flush()
            os.fsync(file.fileno())
    elif path.is_dir() and not path.is_symlink():
        return
    path.unlink()
    sync_directory(path.parent)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
