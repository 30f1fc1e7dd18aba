"""A disk of a few megabytes that a test can fill, in a mount namespace of its own. Needs the right to mount."""

import subprocess
from contextlib import suppress
from pathlib import Path


class CannotMount(Exception):
    """This machine lets no test have a disk of its own."""


class SmallDisk:
    """`within` runs a command where the disk is mounted at `folder`; `seen` is that folder from here."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        folder.mkdir()
        self.folder = folder
        mounting = f"mount -t tmpfs -o size={megabytes}m tmpfs {folder} && echo mounted && exec sleep 600"
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", mounting],  # noqa: S607  (wherever the system has it)
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "mounted\n":
            self.close()
            raise CannotMount
        self.within = ("nsenter", "--target", str(self._holder.pid), "--mount")
        self.seen = Path(f"/proc/{self._holder.pid}/root{folder}")

    def fill(self) -> None:
        """Take the last byte."""
        with (self.seen / "filler").open("ab", buffering=0) as file:
            for size in (65_536, 4_096, 512, 1):
                with suppress(OSError):
                    while file.write(b"x" * size) == size:
                        pass

    def empty(self) -> None:
        (self.seen / "filler").unlink()

    def close(self) -> None:
        self._holder.kill()
        self._holder.communicate()
