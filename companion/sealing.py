"""Seal a group's words for each recipient device with HPKE, signed by the sender.

The first way round the group port; MLS replaces it. It gives secrecy from everybody but the recipients and proof of
the sender. It gives no forward secrecy: who steals a device's key can open what was sealed to it.

Payload: sender's Ed25519 key (32) | cid (16) | u16 count | count * (device (16) | HPKE wrap (80)) |
nonce (12) | AES-256-GCM(content key, padded content) | Ed25519 signature (64).
Source: docs/protocol.md section 3; RFC 9180.
"""

import json
import struct
from dataclasses import dataclass

from companion.crypto import hpke
from companion.crypto.primitives import aead_open, aead_seal, random_bytes, sign, verify
from companion.errors import CryptoError, MessageRejected
from companion.people import Me, Member, device_id
from companion.wire import SUITE_HPKE_FAN_OUT, format_envelope, parse_envelope

_FIXED = struct.Struct(">32s16sH")
_WRAP_BYTES = 16 + 32 + 32 + 16
_SIGNATURE_BYTES = 64
_PAD_BYTES = 64
RECIPIENT_LIMIT = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What an envelope held, and the key that signed it. Whether that sender may say this is the caller's question."""

    sender: str
    sign_key: bytes
    content: dict[str, object]


def seal(me: Me, recipients: tuple[Member, ...], content: dict[str, object], *, group: str, cid: str) -> bytes:
    """Return the envelope. Only the recipients can open it, the sender only if it is one of them."""
    content_key = random_bytes(32)
    head = _FIXED.pack(me.member.sign_key, bytes.fromhex(cid), len(recipients))
    info = _info(group, head[:48])
    for member in recipients:
        head += bytes.fromhex(member.device) + hpke.seal(member.seal_key, info, content_key)
    body = head + aead_seal(content_key, _pad(json.dumps(content, ensure_ascii=False).encode()), info + head)
    return format_envelope(SUITE_HPKE_FAN_OUT, body + sign(me.sign_private, _signed(group, body)))


def open_envelope(me: Me, envelope: bytes, *, group: str, cid: str) -> Opened | None:
    """Return the content, or None if the envelope is sound but sealed for others.

    Raises: MessageRejected if it is malformed, forged, or was taken from another group or another place.
    """
    suite, payload = parse_envelope(envelope)
    if suite != SUITE_HPKE_FAN_OUT or len(payload) < _FIXED.size + _SIGNATURE_BYTES:
        raise MessageRejected(f"suite {suite}, {len(payload)} bytes")
    sign_key, own_cid, count = _FIXED.unpack_from(payload)
    body, signature = payload[:-_SIGNATURE_BYTES], payload[-_SIGNATURE_BYTES:]
    end = _FIXED.size + count * _WRAP_BYTES
    if own_cid != bytes.fromhex(cid) or count > RECIPIENT_LIMIT or len(body) < end:
        raise MessageRejected(f"envelope for {count} devices does not fit its frame")
    try:
        verify(sign_key, signature, _signed(group, body))
        info = _info(group, payload[:48])
        wrap = _find_wrap(body[_FIXED.size : end], me.member.device)
        if wrap is None:
            return None
        content_key = hpke.open_sealed(me.seal_private, info, wrap)
        plain = _unpad(aead_open(content_key, body[end:], info + body[:end]))
    except CryptoError:
        raise MessageRejected("envelope does not verify or open") from None
    return Opened(sender=device_id(sign_key), sign_key=sign_key, content=_parse(plain))


def _find_wrap(wraps: bytes, device: str) -> bytes | None:
    wanted = bytes.fromhex(device)
    for start in range(0, len(wraps), _WRAP_BYTES):
        if wraps[start : start + 16] == wanted:
            return wraps[start + 16 : start + _WRAP_BYTES]
    return None


def _info(group: str, sender_and_cid: bytes) -> bytes:
    return b"companion fan-out v1" + bytes.fromhex(group) + sender_and_cid


def _signed(group: str, body: bytes) -> bytes:
    return b"companion envelope v1" + bytes.fromhex(group) + body


def _pad(plain: bytes) -> bytes:
    return plain + b"\x80" + b"\0" * (-(len(plain) + 1) % _PAD_BYTES)


def _unpad(padded: bytes) -> bytes:
    plain = padded.rstrip(b"\0")
    if not plain.endswith(b"\x80"):
        raise MessageRejected("padding")
    return plain[:-1]


def _parse(plain: bytes) -> dict[str, object]:
    try:
        content = json.loads(plain)
    except (ValueError, RecursionError):
        raise MessageRejected("content is not JSON") from None
    if not isinstance(content, dict):
        raise MessageRejected("content is not an object")
    return content
