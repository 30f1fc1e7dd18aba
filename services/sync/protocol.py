"""What the client and the relay must agree on: versions, limits, encodings and the bytes a device signs.

Source: docs/protocol.md section 2. Nothing here does IO, and nothing here may import httpx or Starlette: both sides
use it.
"""

import base64
import binascii
import re

from companion.crypto.primitives import sha256

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
CLOCK_TOLERANCE_MS = 600_000
KEEPALIVE_S = 15
SEQ_LIMIT = 2**62

CAPABILITY_HEADER = "companion-capability"
EXPIRES_HEADER = "companion-expires"
CID_HEADER = "idempotency-key"
EPOCH_HEADER = "if-epoch"

_ID = re.compile(r"[0-9a-f]{32}")
_CAPABILITY = re.compile(r"[0-9a-f]{64}")
_NUMBER = re.compile(r"[0-9]{1,18}")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


def parse_id(text: object) -> bytes:
    """Return the 16 bytes of an id. Raises ValueError for anything but 32 lower-case hex characters."""
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise ValueError("not an id")
    return bytes.fromhex(text)


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


def device_id(public_key: bytes) -> bytes:
    """Return the 16-byte id that belongs to an Ed25519 public key."""
    return sha256(public_key)[:16]


def session_message(*, origin: str, device: bytes, nonce: bytes, at_ms: int) -> bytes:
    """Return what a device signs to open a session. The origin keeps one service from using it at another."""
    return b"companion-session-v1\0" + origin.encode() + b"\0" + device + nonce + at_ms.to_bytes(8, "big")
