"""Room on the disk of a relay's folder: some is held back, so that a full disk stops neither reading nor forgetting.

What makes the database grow is refused before the disk is really full. A file in the folder holds more room for what
still has to be written then: the files that SQLite needs to open a database, and what a sweep writes to make room.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

RESERVE_NAME = "relay.reserve"
RESERVE_BYTES = 8 * 1_048_576
LEAST_BYTES = 4 * 1_048_576
PIECE_BYTES = 262_144


class Room:
    """The room of one folder. Nothing here raises: what cannot be held back is simply not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / RESERVE_NAME

    def is_short(self) -> bool:
        """Whether nothing may grow any more, whatever of the reserve is spent at present."""
        try:
            return shutil.disk_usage(self._folder).free + self._held() < LEAST_BYTES + RESERVE_BYTES
        except OSError:
            return False

    def keep(self) -> None:
        """Hold the reserve, or what there is room for of it."""
        held = self._held()
        if held >= RESERVE_BYTES:
            return
        with suppress(OSError), self._file.open("ab", buffering=0) as file:
            self._file.chmod(0o600)
            try:
                while file.tell() < RESERVE_BYTES:
                    file.write(bytes(PIECE_BYTES))
            except OSError:
                file.truncate(max(0, file.tell() - PIECE_BYTES))

    @contextmanager
    def spent(self) -> Iterator[None]:
        """Let what runs inside use the reserve, if there is no other room."""
        is_short = self.is_short()
        if is_short:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)
        try:
            yield
        finally:
            if is_short:
                self.keep()

    def _held(self) -> int:
        try:
            return self._file.stat().st_size
        except OSError:
            return 0
