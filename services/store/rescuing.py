"""Folders beside the store's own: rescue copies of a damaged store, and putting one in its place.

Nothing is ever deleted here. The damaged store stays, under another name, after its copy has taken its place.
"""

from collections.abc import Callable
from pathlib import Path

from companion.errors import StoreError
from companion.ports import Rescue, SavedPart
from services.store.checking import Report
from services.store.files import our_errors, sync_directory
from services.store.migrations import kind_of

SAVED, NEXT, DAMAGED = "saved", "next", "damaged"


@our_errors()
def rescue(directory: Path, salvage: Callable[[Path], Report]) -> Rescue:
    """Salvage into a new folder beside the store's, and say what came along."""
    destination = _free(directory, SAVED)
    report = salvage(destination)
    readable: dict[str, int] = {}
    promised: dict[str, int | None] = {}
    for table in report.tables:
        part = kind_of(table.name)
        known = promised.get(part, 0)
        readable[part] = readable.get(part, 0) + table.readable
        promised[part] = None if known is None or table.promised is None else known + table.promised
    parts = tuple(SavedPart(part=part, readable=readable[part], promised=promised[part]) for part in readable)
    if report.blobs:
        readable_blobs = report.blobs - len(report.blob_problems)
        parts += (SavedPart(part="blobs", readable=readable_blobs, promised=report.blobs),)
    return Rescue(folder=str(destination), parts=parts)


@our_errors()
def adopt(directory: Path, saved: Path) -> None:
    """Put a rescue copy in the place of the store, which keeps everything under another name.

    A crash on the way is mended by `finish`. Raises: StoreError if that folder is no rescue copy, or the disk refuses.
    """
    if saved.parent != directory.parent or not saved.name.startswith(f"{directory.name}-{SAVED}-"):
        raise StoreError("not a rescue copy of this store")
    if _next(directory).exists():  # a crash between the two names, before this folder was moved away
        _next(directory).rename(_free(directory, SAVED))
    saved.rename(_next(directory))
    sync_directory(directory.parent)
    directory.rename(_free(directory, DAMAGED))
    finish(directory)


@our_errors()
def finish(directory: Path) -> None:
    """Complete what a crash within `adopt` left half done. Raises: StoreError."""
    if not directory.exists() and _next(directory).exists():
        _next(directory).rename(directory)
        sync_directory(directory.parent)


def _next(directory: Path) -> Path:
    return directory.with_name(f"{directory.name}-{NEXT}")


def _free(directory: Path, word: str) -> Path:
    number = 1
    while (found := directory.with_name(f"{directory.name}-{word}-{number}")).exists():
        number += 1
    return found
