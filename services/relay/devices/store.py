"""What the relay keeps of devices beside their keys: inboxes, key packages, accounts, and that a device was deleted.

Ids are 16 bytes, digests and account hashes 32; times are ms since the epoch, UTC.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.relay.log.store import DAY_MS
from services.relay.refusal import Refusal

INBOX_MS = 30 * DAY_MS
KEY_PACKAGE_MS = 100 * DAY_MS  # no key package may be valid for longer
ORPHAN_MS = 30 * DAY_MS  # how long a group stays that nobody who is still here has ever sent anything to
INBOX_KEY = b"inbox\0"
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Something on its way into a device's inbox. `sender` is counted and not kept."""

    device: bytes
    cid: bytes
    body: bytes
    sender: bytes
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something in an inbox."""

    seq: int
    cid: bytes
    at_ms: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A key package as it is handed out."""

    body: bytes
    is_last_resort: bool


class DeviceStore(Protocol):
    """The part of a store that this module is about. Every call raises 503 if the database takes nothing."""

    async def public_key(self, device: bytes) -> bytes | None:
        """Return the key of a device that is not deleted."""

    async def post(self, post: Post) -> bool:
        """Return whether it is new. Raises 404, 409 for other bytes, 413 for a full inbox and 429."""

    async def inbox(self, device: bytes, since: int, limit: int) -> tuple[Item, ...]:
        """Return what comes after `since`: at most `limit` items and 1 MiB, but at least one if there is one."""

    async def acknowledge(self, device: bytes, upto: int) -> None:
        """Empty the inbox up to and including this number. What came in is still known by its id for 30 days."""

    async def publish(self, device: bytes, one_time: Sequence[bytes], last_resort: bytes | None, at_ms: int) -> int:
        """Add key packages and return how many one-time ones are there. Raises 413 beyond the most."""

    async def packages_left(self, device: bytes) -> int: ...

    async def claim(self, device: bytes, claimant: bytes, at_ms: int) -> Package:
        """Hand out a one-time package for good, or the last resort. Raises 404 without either and 429."""

    async def join_account(self, device: bytes, account_hash: bytes) -> None: ...

    async def delete(self, device: bytes, by: bytes, at_ms: int) -> None:
        """Delete a device for one that is the same or belongs to the same account. Raises 404."""

    async def delete_account(self, device: bytes, at_ms: int) -> None:
        """Delete this device and all others of its account."""

    async def went_back(self, groups: Sequence[bytes], incarnation: str) -> tuple[int, ...]:
        """Return where each group's log stopped being the one of this former incarnation: its head at the restore.

        It is 0 for a group that was made since, and for an incarnation that is not among this log's forebears.
        """

    async def sweep(self, at_ms: int) -> None:
        """Forget inbox items and key packages that are too old, and groups that nobody is left in."""


def author_name(group: bytes, device: bytes) -> bytes:
    """Return what a device is called within one group: another name in each."""
    return hashlib.sha256(b"companion-author-v1\0" + group + device).digest()[:16]


def digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


def inbox_key(device: bytes) -> bytes:
    """Return what the readers of an inbox listen for; no group id has this length."""
    return INBOX_KEY + device


def unknown_device() -> Refusal:
    return Refusal(404, "unknown", "There is no such device.")


def no_package() -> Refusal:
    return Refusal(404, "unknown", "This device has no key package here.")


def full_inbox() -> Refusal:
    return Refusal(413, "quota", "This inbox is full.")


def too_many_packages() -> Refusal:
    return Refusal(413, "quota", "This device has too many key packages here.")


def other_bytes() -> Refusal:
    return Refusal(409, "other-bytes", "This id came before with other bytes.")
