"""What the service keeps and for how long: the ledger of blobs, what refers to them, and the age of events.

The ledger is the truth about blobs. An object in the object store counts only if the ledger says that it is complete.
So an entry is made before the first byte and dropped after the last. Its states:

    uploading   bytes may be missing
    whole       complete, and no event refers to it
    kept        complete, and at least one event refers to it
    going       to be deleted; nothing leads back from here

Ids are 16 bytes; times are ms since the epoch, UTC.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from services.relay.log.store import DAY_MS
from services.relay.refusal import Refusal

IDLE_MS = DAY_MS  # how long a blob may stay incomplete, or without an event that refers to it
HOUR_MS = 3_600_000
UPLOADING, WHOLE, KEPT, GOING = "uploading", "whole", "kept", "going"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A blob as a device announces it."""

    blob: bytes
    size: int
    sha256: bytes
    device: bytes
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobEntry:
    """What the ledger says of a blob."""

    size: int
    sha256: bytes
    state: str
    device: bytes

    @property
    def is_complete(self) -> bool:
        return self.state in (WHOLE, KEPT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """How far one step of expiry came: `after` is where the next one goes on, None at the end."""

    events: int
    after: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How much the service holds. `oldest_ms` is the arrival of the oldest event that still has a body, or None."""

    groups: int
    events: int
    event_bytes: int
    devices: int
    blobs: int
    blob_bytes: int
    uploads: int
    oldest_ms: int | None


class Keeping(Protocol):
    """The part of a store that this module is about. Every call raises 503 if the database takes nothing."""

    async def reserve(self, upload: Upload) -> BlobEntry:
        """Enter the blob if it is new, and return its entry.

        Raises: 409 if the id has other bytes or another device uploads it, 413 over the device's space, 429 over its
        bytes for the day, 503 while an older blob of this id is being deleted.
        """

    async def finish(self, blob: bytes, device: bytes) -> None:
        """The bytes are in the object store and were checked. Raises 404 if the upload was given up meanwhile."""

    async def entry(self, blob: bytes) -> BlobEntry | None: ...

    async def release(self, at_ms: int, most: int) -> tuple[bytes, ...]:
        """Mark what nobody needs as going, and return up to `most` ids that are going, old ones included."""

    async def strays(self, blobs: Sequence[bytes]) -> tuple[bytes, ...]:
        """Return which of these the ledger does not know, each entered as going so that nobody uploads it now."""

    async def forget(self, blobs: Sequence[bytes]) -> None:
        """Drop the entries of blobs that are going, whose bytes are gone."""

    async def recount(self) -> None:
        """Find blobs that count as kept although nothing refers to them any more."""

    async def keep_for(self, group: bytes, capability_hash: bytes, days: int) -> None:
        """Set how long the group's events keep their bodies; 0 is for ever. Raises 404."""

    async def expire(self, at_ms: int, default_days: int, after: int) -> Expired:
        """Empty the bodies of events that are too old, in a bounded number of groups beyond `after`."""

    async def figures(self) -> Figures: ...


def touched(at_ms: int) -> int:
    """Round up to the hour: all that is kept of when a blob was last touched."""
    return at_ms - at_ms % HOUR_MS + HOUR_MS


def no_blob() -> Refusal:
    return Refusal(409, "no-blob", "A blob that this refers to is not here.")


def unknown_blob() -> Refusal:
    return Refusal(404, "unknown", "There is no such blob.")


def check_same(upload: Upload, known: BlobEntry) -> BlobEntry:
    """Return what is known if it is this upload. Raises like `Keeping.reserve`."""
    if known.state == GOING:
        raise Refusal(503, "busy", "An older blob with this id is being deleted.", retry_after_s=60)
    if (known.size, known.sha256) != (upload.size, upload.sha256):
        raise Refusal(409, "other-bytes", "This id came before with other bytes.")
    if known.state == UPLOADING and known.device != upload.device:
        raise Refusal(409, "exists", "Another device is uploading this blob.")
    return known


def over_space() -> Refusal:
    return Refusal(413, "quota", "This device has used all of its space for blobs.")


def figures_of(row: Sequence[Any]) -> Figures:
    """Read the row of a database's query for figures."""
    groups, events, event_bytes, devices, blobs, blob_bytes, uploads, oldest_ms = row
    return Figures(
        groups=groups,
        events=int(events),
        event_bytes=int(event_bytes),
        devices=devices,
        blobs=blobs,
        blob_bytes=int(blob_bytes),
        uploads=uploads,
        oldest_ms=oldest_ms,
    )
