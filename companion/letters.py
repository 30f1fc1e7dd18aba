"""Letters: what one device seals for one other, through its inbox. The service sees the device it is for, and a size.

Payload: HPKE (RFC 9180 base mode, X25519, HKDF-SHA256, AES-256-GCM) over
`sender's Ed25519 key (32) | signature (64) | content | 0x80 | zeros to a multiple of 256`.
`info` is "companion letter v1" | the device it is for (16) | cid (16); the signature covers info and content.
Source: docs/protocol.md section 3; RFC 9180.
"""

import json
from dataclasses import dataclass

from companion.crypto import hpke
from companion.crypto.primitives import sign, signing_public, verify
from companion.devices import Device, device_id
from companion.errors import CryptoError, MessageRejected
from companion.fields import refused
from companion.wire import LETTER_LIMIT_BYTES, SUITE_LETTER, format_envelope, parse_envelope

_KEY_BYTES = 32
_SIGNATURE_BYTES = 64
_PAD_BYTES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What a letter said, and the key that signed it. Whether that device may say this is the caller's question."""

    sign_key: bytes
    content: dict[str, object]

    @property
    def sender(self) -> str:
        """The id of the device that wrote it."""
        return device_id(self.sign_key)


def seal_letter(sign_private: bytes, to: Device, content: dict[str, object], *, cid: str) -> bytes:
    """Return the envelope. Only the device it is for can open it, not even its sender."""
    info = _info(to.id, cid)
    said = json.dumps(content, ensure_ascii=False).encode()
    inner = signing_public(sign_private) + sign(sign_private, info + said) + _pad(said)
    return format_envelope(SUITE_LETTER, hpke.seal(to.seal_key, info, inner))


@refused("a letter")
def open_letter(seal_private: bytes, device: str, envelope: bytes, *, cid: str) -> Letter:
    """Return what the letter said. Raises MessageRejected if it is malformed, forged, or not for this place."""
    suite, payload = parse_envelope(envelope, LETTER_LIMIT_BYTES)
    if suite != SUITE_LETTER:
        raise MessageRejected(f"a letter of suite {suite}")
    info = _info(device, cid)
    try:
        inner = hpke.open_sealed(seal_private, info, payload)
        sign_key = inner[:_KEY_BYTES]
        said = _unpad(inner[_KEY_BYTES + _SIGNATURE_BYTES :])
        verify(sign_key, inner[_KEY_BYTES : _KEY_BYTES + _SIGNATURE_BYTES], info + said)
    except CryptoError:
        raise MessageRejected("a letter does not open or verify") from None
    return Letter(sign_key=sign_key, content=parse_content(said))


@refused("a content")
def parse_content(said: bytes) -> dict[str, object]:
    """Return the JSON object in a content. Raises MessageRejected."""
    content = json.loads(said)
    if not isinstance(content, dict):
        raise MessageRejected("content is not an object")
    return content


def _info(device: str, cid: str) -> bytes:
    return b"companion letter v1" + bytes.fromhex(device) + bytes.fromhex(cid)


def _pad(plain: bytes) -> bytes:
    return plain + b"\x80" + bytes(-(len(plain) + 1) % _PAD_BYTES)


def _unpad(padded: bytes) -> bytes:
    plain = padded.rstrip(b"\0")
    if not plain.endswith(b"\x80"):
        raise MessageRejected("padding")
    return plain[:-1]
