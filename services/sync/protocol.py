"""What the client and the relay must agree on: versions, limits, encodings and the bytes a device signs.

Source: docs/protocol.md section 2. Nothing here does IO, and nothing here may import httpx or Starlette: both sides
use it.
"""

import base64
import binascii
import re
from collections.abc import Callable

from companion.crypto.primitives import sha256
from companion.farewells import ACCOUNT, DEVICE
from companion.times import DAY_MS, MINUTE_MS

SERVICE = "companion-relay"
PROTOCOL_MIN = 1  # 2026-11-23: the first version
PROTOCOL_MAX = 1

EVENT_LIMIT_BYTES = 65_536
PAGE_LIMIT_BYTES = 1_048_576
PAGE_LIMIT_EVENTS = 500
WAIT_LIMIT_S = 30
INVITE_LIMIT_BYTES = 8_192
INVITE_LIMIT_MS = 7 * 24 * 3_600_000
STREAM_LIMIT_GROUPS = 512
KEEPALIVE_S = 15
BLOB_LIMIT_BYTES = 256 * 1_048_576
PART_BYTES = 1_048_576  # every part of an upload but the last has exactly this size
BLOBS_LIMIT_PER_EVENT = 16
KEEP_LIMIT_DAYS = 3_650
SEQ_LIMIT = 2**62
EMPTY_LIMIT_EVENTS = 500
KEY_PACKAGE_LIMIT_BYTES = 4_096
KEY_PACKAGES_MOST = 100
INBOX_LIMIT_BYTES = 131_072
INBOX_MOST_ITEMS = 500
INBOX_MOST_BYTES = 8 * 1_048_576

MARK_HEADER = "companion-service"  # with SERVICE on every answer: what does not bear it is not the service's
CAPABILITY_HEADER = "companion-capability"
EXPIRES_HEADER = "companion-expires"
CID_HEADER = "idempotency-key"
EPOCH_HEADER = "if-epoch"
NEXT_CAPABILITY_HEADER = "companion-next-capability"  # the SHA-256 of the capability: the relay need not see it yet
KEEPER_HEADER = "companion-keeper"
NEXT_KEEPER_HEADER = "companion-next-keeper"  # the SHA-256 of the keeper
ERASE_HEADER = "companion-erase"  # the SHA-256 of the secret that erases this envelope
SIGNATURE_HEADER = "companion-signature"
NONCE_HEADER = "companion-nonce"
TIME_HEADER = "companion-time"
BLOBS_HEADER = "companion-blobs"
OFFSET_HEADER = "upload-offset"

NEVER_HERE = "never-here"  # with 404: the service knows no such device, and so has nothing to delete
FAREWELL_SCOPES = {DEVICE: 1, ACCOUNT: 2}

_ID = re.compile(r"[0-9a-f]{32}")
_CAPABILITY = re.compile(r"[0-9a-f]{64}")
_NUMBER = re.compile(r"[0-9]{1,18}")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


def parse_id(text: object) -> bytes:
    """Return the 16 bytes of an id. Raises ValueError for anything but 32 lower-case hex characters."""
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise ValueError("not an id")
    return bytes.fromhex(text)


def parse_ids(text: object) -> tuple[bytes, ...]:
    """Return the ids of a list with commas, each once. Raises ValueError, also for more than 16."""
    ids = tuple(parse_id(name) for name in text.split(",")) if isinstance(text, str) else ()
    if not 0 < len(set(ids)) == len(ids) <= BLOBS_LIMIT_PER_EVENT:
        raise ValueError("not a list of ids")
    return ids


def parse_capability(text: object) -> bytes:
    """Return the 32 bytes of a capability. Raises ValueError."""
    if not isinstance(text, str) or not _CAPABILITY.fullmatch(text):
        raise ValueError("not a capability")
    return bytes.fromhex(text)


def parse_number(text: object) -> int:
    """Return a number of at most 18 decimal digits. Raises ValueError."""
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise ValueError("not a number")
    return int(text)


def encode_octets(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_octets(text: object) -> bytes:
    """Read base64url without padding. Raises ValueError."""
    if not isinstance(text, str) or not _BASE64URL.fullmatch(text):
        raise ValueError("not base64url")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise ValueError("not base64url") from None


def parse_octets(length: int) -> Callable[[object], bytes]:
    """Return a parser of base64url with exactly `length` bytes in it. The parser raises ValueError."""

    def parse(text: object) -> bytes:
        octets = decode_octets(text)
        if len(octets) != length:
            raise ValueError("another length")
        return octets

    return parse


def is_same_arrival(known_ms: int, at_ms: int) -> bool:
    """Whether an event that was handed out with `known_ms` may be the one that now stands there with `at_ms`.

    The relay rounds down what is old: to the minute, and to the day where it keeps no body. 0 is not known.
    """
    return known_ms == 0 or at_ms in (known_ms, known_ms - known_ms % MINUTE_MS, known_ms - known_ms % DAY_MS)


def capability_hash(capability: bytes) -> bytes:
    """Return what the relay keeps of a capability."""
    return sha256(capability)


def erase_hash(secret: bytes) -> bytes:
    """Return what an envelope names, so that whoever knows the secret can erase it."""
    return sha256(secret)


def request_message(
    *, origin: str, method: str, path: str, device: bytes, nonce: bytes, at_ms: int, body: bytes
) -> bytes:
    """Return what a device signs for one sensitive call. `path` is without a query; the nonce is the relay's."""
    spoken = b"\0".join(part.encode() for part in (origin, method, path))
    return b"companion-request-v1\0" + spoken + b"\0" + device + nonce + at_ms.to_bytes(8, "big") + sha256(body)


def session_message(*, origin: str, device: bytes, nonce: bytes, at_ms: int) -> bytes:
    """Return what a device signs to open a session. The origin keeps one service from using it at another."""
    return b"companion-session-v1\0" + origin.encode() + b"\0" + device + nonce + at_ms.to_bytes(8, "big")


def farewell_message(*, origin: str, device: bytes, scope: str) -> bytes:
    """Return what a device signs so that it can be deleted later, without it. Nothing in it runs out: what it deletes
    never comes back, so it does nothing a second time.
    """
    return b"companion-farewell-v1\0" + origin.encode() + b"\0" + device + bytes([FAREWELL_SCOPES[scope]])
