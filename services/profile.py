"""One person's folder, and the two small files beside the vault: wrong tries in a row, and the chosen appearance.

Both are in the clear: a number of tries, a time, and the name of a colour theme.
"""

import asyncio
import os
import re
import sys
from contextlib import suppress
from pathlib import Path

from companion.errors import UsageError
from companion.unlocking import Attempts
from services.store.files import FILE_MODE, close_to_others, read_small, write_small

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
THEMES = ("system", "light", "dark", "contrast", "contrast-dark")


def data_folder(chosen: str | None) -> Path:
    """Return the folder for all profiles: the chosen one, the app's own on a phone, or the system's usual place."""
    if chosen:
        return Path(chosen).expanduser().resolve()
    bundled = os.environ.get("FLET_APP_STORAGE_DATA")
    if bundled:
        return Path(bundled) / "companion"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "Companion"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "Companion"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "companion"


def profile_folder(data: Path, name: str) -> Path:
    """Raises UsageError for a name that is no plain word: it becomes a folder."""
    if not _NAME.fullmatch(name):
        raise UsageError("a profile's name is made of a-z, 0-9, - and _")
    return data / "profiles" / name


def close_folder(folder: Path) -> None:
    """Close a profile's folder, and the small files in it, to other users: release 0.1.0 left that to the system."""
    with suppress(OSError):  # what its owner cannot change stays as it is
        if folder.is_dir():
            for file in folder.glob("*.json"):
                if not file.is_symlink():
                    file.chmod(FILE_MODE)
            close_to_others(folder)


class FileTries:
    """Wrong passphrases in a row, kept across restarts."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "tries.json"

    async def load(self) -> Attempts:
        return await asyncio.to_thread(self._load)

    async def save(self, attempts: Attempts) -> None:
        """Raises: StoreError."""
        await asyncio.to_thread(write_small, self._file, {"wrong": attempts.wrong, "last_ms": attempts.last_ms})

    def _load(self) -> Attempts:
        doc = read_small(self._file)
        wrong, last_ms = doc.get("wrong"), doc.get("last_ms")
        if isinstance(wrong, int) and isinstance(last_ms, int):
            return Attempts(wrong=max(0, wrong), last_ms=max(0, last_ms))
        return Attempts()


class Appearance:
    """The colour theme; it must be known while the store is still locked."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "appearance.json"

    def load(self) -> str:
        theme = read_small(self._file).get("theme")
        return theme if isinstance(theme, str) and theme in THEMES else THEMES[0]

    def save(self, theme: str) -> None:
        """Raises: StoreError, UsageError."""
        if theme not in THEMES:
            raise UsageError("no such theme")
        write_small(self._file, {"theme": theme})
