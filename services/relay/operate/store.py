"""What the operator's commands have in common, whichever database they work on."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from services.relay.blobs.objects import ObjectStore, OtherBytes, UnusableObjects, open_objects
from services.relay.clock import ServiceClock
from services.relay.database.store import Database, Figures, MovedDatabase, UnknownDatabase
from services.relay.folder import FolderInUse, FolderLock
from services.relay.hub import Hub
from services.relay.operate.sweeper import Sweeper, Swept
from services.relay.refusal import Refusal

COMPLETE = "select id, size, sha256 from blob where state in ('whole', 'kept')"


class CannotDo(Exception):
    """The operator has to change something first; the text says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """How many blobs came along. What is `lost` was forgotten meanwhile or is damaged, and was left out."""

    blobs: int
    lost: tuple[bytes, ...] = ()


def lock_folder(data: Path) -> FolderLock:
    try:
        return FolderLock(data)
    except FolderInUse:
        raise CannotDo("a relay is using this folder; stop it first") from None


def describe(figures: Figures) -> dict[str, str]:
    """Return figures as an operator reads them."""
    oldest = "none"
    if figures.oldest_ms is not None:
        oldest = datetime.fromtimestamp(figures.oldest_ms / 1_000, UTC).date().isoformat()
    return {
        "groups": str(figures.groups),
        "events": str(figures.events),
        "event bytes": str(figures.event_bytes),
        "oldest event": oldest,
        "devices": str(figures.devices),
        "blobs": str(figures.blobs),
        "blob bytes": str(figures.blob_bytes),
        "uploads under way": str(figures.uploads),
    }


async def copy_blobs(held: Iterable[tuple[bytes, int, bytes]], source: ObjectStore, target: ObjectStore) -> Copied:
    """Copy these (id, size, sha256), each checked on the way. Raises CannotDo if a place does not answer."""
    count, lost = 0, []
    for blob, _, sha256 in held:
        try:
            await target.copy_from(source, blob, sha256)
            count += 1
        except (FileNotFoundError, OtherBytes):
            lost.append(blob)
        except Refusal:
            raise CannotDo("a place for blobs does not answer, or has no room") from None
    return Copied(blobs=count, lost=tuple(lost))


def objects_at(place: str | None, data: Path) -> ObjectStore:
    try:
        return open_objects(place, data)
    except UnusableObjects as error:
        raise CannotDo(f"a place for blobs cannot be used ({error})") from None


async def sweep_now(database: Database, objects: ObjectStore, keep_days: int, clock: ServiceClock) -> Swept:
    """Open a database, sweep it once and close it. Raises CannotDo."""
    try:
        await database.open(Hub())
    except MovedDatabase as error:
        raise CannotDo(str(error)) from None
    except UnknownDatabase as error:
        raise CannotDo(f"the database was not made by this version of the relay: {error}") from None
    try:
        return await Sweeper(database, objects, clock, keep_days).once()
    except Refusal:
        raise CannotDo("the database or the place for blobs takes nothing") from None
    finally:
        await database.close()
