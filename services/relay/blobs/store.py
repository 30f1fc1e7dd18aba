"""The ledger of blobs as the relay asks for it: which there are, whose they are, and whether an event refers to them.

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
from typing import Protocol

from services.relay.limits import DAY_MS, HOUR_MS
from services.relay.refusal import Refusal, full, other_bytes

IDLE_MS = DAY_MS  # how long a blob may stay incomplete, or without an event that refers to it
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


class BlobStore(Protocol):
    """The blobs' part of the database. Every call raises 503 if the database takes nothing."""

    async def reserve(self, upload: Upload) -> BlobEntry:
        """Enter the blob if it is new, and return its entry.

        Raises: 409 if the id has other bytes or another device uploads it, 507 over the device's space, 429 over its
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


def touched(at_ms: int) -> int:
    """Round up to the hour: all that is kept of when a blob was last touched."""
    return at_ms - at_ms % HOUR_MS + HOUR_MS


def no_blob() -> Refusal:
    return Refusal(409, "no-blob", "A blob that this refers to is not here.")


def unknown_blob() -> Refusal:
    return Refusal(404, "unknown", "There is no such blob.")


def check_same(upload: Upload, known: BlobEntry) -> BlobEntry:
    """Return what is known if it is this upload. Raises like `BlobStore.reserve`."""
    if known.state == GOING:
        raise Refusal(503, "busy", "An older blob with this id is being deleted.", retry_after_s=60)
    if (known.size, known.sha256) != (upload.size, upload.sha256):
        raise other_bytes()
    if known.state == UPLOADING and known.device != upload.device:
        raise Refusal(409, "exists", "Another device is uploading this blob.")
    return known


def over_space() -> Refusal:
    return full("This device has used all of its space for blobs, until what is old is forgotten.", 3_600)
