"""Taking one profile from the disk. The keys go first: without them every other file is noise.

A marker lies there from before the first file goes until after the last: what a crash cuts short is completed at the
next start. In it stand the farewells of the profile, so that both are decided by one write; they end in a small file
beside the folder, once nothing else is left of the profile, and stay there until they are settled. Flash memory may
keep old blocks; what they hold is sealed, and its keys were only ever there wrapped.
"""

import asyncio
import json
import os
import shutil
import stat
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from companion.farewells import Farewell, from_docs, merged, to_docs
from services.store.files import our_errors, read_small, require_small, sync_directory, write_atomically, write_small
from services.store.keyfile import FILE_NAME

MARKER = "erasing"
OWED = ".farewells"
"""Ends the name of the file beside the folder. No profile's name has a point in it."""


class ProfileEraser:
    """Erases one profile's folder, copies and damaged stores beside the vault included."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._owed = threading.Lock()

    async def is_unfinished(self) -> bool:
        """Return whether a crash ended an erasure. Raises: StoreError if the folder cannot be looked into."""
        return await asyncio.to_thread(self._is_unfinished)

    def _is_unfinished(self) -> bool:
        with our_errors():
            return (self._folder / MARKER).exists()

    async def erase(self, farewells: Iterable[Farewell] = ()) -> None:
        """Erase everything. Raises: StoreError if the disk refuses; what was reached by then is gone."""
        await asyncio.to_thread(self._erase, tuple(farewells))

    def _erase(self, farewells: tuple[Farewell, ...]) -> None:
        with self._owed:
            erase_folder(self._folder, farewells)

    async def owed(self) -> tuple[Farewell, ...]:
        return from_docs(await asyncio.to_thread(read_small, owed_file(self._folder)))

    async def settle(self, farewells: Iterable[Farewell], state: str = "") -> None:
        """Forget these; with a state, keep it for those of them that are still there instead. Raises: StoreError."""
        await asyncio.to_thread(self._settle, tuple(farewells), state)

    def _settle(self, settled: tuple[Farewell, ...], state: str) -> None:
        file = owed_file(self._folder)
        with self._owed:
            known = _read(file)
            others = [one for one in known if one not in settled]
            _write(file, (*others, *(replace(one, state=state) for one in known if one in settled and state)))


def owed_file(folder: Path) -> Path:
    """Return the file that holds what is owed for a profile that was in this folder."""
    return folder.with_name(folder.name + OWED)


def erase_folder(folder: Path, farewells: tuple[Farewell, ...] = ()) -> None:
    """Erase a profile's folder: marker, keys, everything else, marker. Raises: StoreError."""
    with our_errors():
        if not folder.exists():
            return
        owed = merged(_read(folder / MARKER), farewells)
        write_atomically(folder / MARKER, json.dumps(to_docs(owed)).encode() if owed else b"")
        for keys in sorted(folder.rglob(FILE_NAME + "*")):
            _destroy(keys)
        for path in folder.iterdir():
            if path.name != MARKER:
                _remove(path)
        sync_directory(folder)
        if owed:  # first there, then no longer here: a crash between the two says it twice
            _write(owed_file(folder), merged(_read(owed_file(folder)), owed))
        (folder / MARKER).unlink()
        sync_directory(folder)
        with suppress(OSError):  # something of somebody else's lies in it
            folder.rmdir()


def _read(file: Path) -> tuple[Farewell, ...]:
    """Raises: StoreError if the disk refuses. What it holds would be lost if it was taken for nothing."""
    return from_docs(require_small(file))


def _write(file: Path, farewells: tuple[Farewell, ...]) -> None:
    """Keep these and no others; without any there is no file. Raises: StoreError."""
    if farewells:
        write_small(file, to_docs(farewells))
        return
    with our_errors():
        file.unlink(missing_ok=True)
        if file.parent.exists():
            sync_directory(file.parent)


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
