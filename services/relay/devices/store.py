"""Devices as the relay asks for them: keys, sessions, inboxes, key packages, accounts, and that one was deleted.

Ids are 16 bytes, digests and account hashes 32; times are ms since the epoch, UTC. Every method that writes is durable
when it returns, or raises Refusal and has changed nothing; every call raises 503 if the database takes nothing.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.relay.limits import DAY_MS
from services.relay.refusal import Refusal, full
from services.sync.protocol import INBOX_MOST_BYTES, INBOX_MOST_ITEMS, PAGE_LIMIT_BYTES, encode_octets

INBOX_MS = 30 * DAY_MS
KEY_PACKAGE_MS = 100 * DAY_MS  # no key package may be valid for longer
INBOX_KEY = b"inbox\0"
SESSIONS_PER_DEVICE = 8
KNOWN_SHARE, STRANGER_SHARE = 2, 8  # of how many senders it takes to fill their half of an inbox


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

    def fields(self) -> dict[str, object]:
        """Return it as a JSON answer carries it."""
        return {"seq": self.seq, "cid": self.cid.hex(), "at_ms": self.at_ms, "body": encode_octets(self.body)}

    def frame(self) -> bytes:
        """Return it as streams carry it."""
        return b"event: inbox\ndata: %s\n\n" % json.dumps(self.fields()).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A key package as it is handed out."""

    body: bytes
    is_last_resort: bool


class DeviceStore(Protocol):
    """The devices' part of the database."""

    async def challenge_key(self) -> bytes:
        """Return the key that nonces are minted with: the same at all nodes. It lives as long as `spend` remembers."""

    async def spend(self, nonce: bytes, until_ms: int, at_ms: int) -> bool:
        """Note until then that this nonce was used, and return whether that is the first time."""

    async def open_session(
        self, device: bytes, public_key: bytes, token_hash: bytes, expires_ms: int, at_ms: int, *, may_register: bool
    ) -> bool:
        """Keep the session, and register the device if it is new and may; return whether the device is known now.

        Raises 403 for another key or a deleted device.
        """

    async def session(self, token_hash: bytes, at_ms: int) -> tuple[bytes, int] | None:
        """Return (device, expires_ms) of an open session."""

    async def public_key(self, device: bytes) -> bytes | None:
        """Return the key of a device that is not deleted."""

    async def standing(self, device: bytes) -> tuple[bytes, bool] | None:
        """Return (key, whether it is deleted) of a device, blocked ones included; None for one that was never here."""

    async def post(self, post: Post) -> bool:
        """Return whether it is new. Raises 404, 409 for other bytes, 429, and 507 for a full inbox."""

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

    async def sweep(self, at_ms: int) -> None:
        """Forget sessions that are over, and inbox items and key packages that are too old."""


def digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


def inbox_key(device: bytes) -> bytes:
    """Return what the readers of an inbox listen for; no group id has this length."""
    return INBOX_KEY + device


def unknown_device() -> Refusal:
    return Refusal(404, "unknown", "There is no such device.")


def blocked_device() -> Refusal:
    return Refusal(403, "blocked", "The operator of this service has blocked this device.")


def no_package() -> Refusal:
    return Refusal(404, "unknown", "This device has no key package here.")


def wrote(key: bytes, device: bytes, other: bytes) -> bytes:
    """Return what is kept of the fact that a device has written to another one."""
    return hmac.digest(key, b"companion-wrote-v1\0" + device + other, hashlib.sha256)[:16]


def sender_tag(key: bytes, sender: bytes, device: bytes) -> bytes:
    """Return what is kept of who sent an item, as long as it waits: another value in each inbox."""
    return hmac.digest(key, b"companion-sender-v1\0" + sender + device, hashlib.sha256)[:16]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in one half of an inbox, and how much of that comes from one sender."""

    items: int
    size: int
    sender_items: int
    sender_size: int


def check_room(waiting: Waiting, size: int, *, is_known: bool) -> None:
    """Raises 507 unless so many bytes more fit into this half of the inbox.

    Those whom the device wrote to itself have one half, everybody else the other; and no sender fills a half alone.
    """
    share = KNOWN_SHARE if is_known else STRANGER_SHARE
    has_room = waiting.items < INBOX_MOST_ITEMS and waiting.size + size <= INBOX_MOST_BYTES
    if not has_room or waiting.sender_items >= INBOX_MOST_ITEMS // share:
        raise full_inbox()
    if waiting.sender_size + size > INBOX_MOST_BYTES // share:
        raise full_inbox()


def full_inbox() -> Refusal:
    return full("That inbox has no room for more from this device until its owner has taken what waits there.", 60)


def too_many_packages() -> Refusal:
    return Refusal(413, "quota", "This device has too many key packages here.")


def bounded(items: Iterable[Item]) -> tuple[Item, ...]:
    """Return what fits into one page, and at least one."""
    kept: list[Item] = []
    size = 0
    for item in items:
        size += len(item.body)
        if kept and size > PAGE_LIMIT_BYTES:
            break
        kept.append(item)
    return tuple(kept)


def check_key(known: bytes, is_gone: bool, public_key: bytes) -> None:
    """Raises 403 unless this is the key of a device that is still here."""
    if is_gone:
        raise Refusal(403, "revoked", "This device was deleted.")
    if known != public_key:
        raise Refusal(403, "wrong-key", "This device is known with another key.")
