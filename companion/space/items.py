"""Items: what is said in a space, sealed for those who have its key, signed by whoever says it.

Envelope of suite 4: `n (u32 BE) | salt (32) | AES-256-GCM`, with everything before the ciphertext as associated data.
Inside: `signer (32) | signature (64) | JSON | 0x80 | zeros to the padded length`. The signature covers
"companion space item v1" | log id | the JSON as it came. Source: docs/protocol.md section 8.
"""

import json
import struct
from dataclasses import dataclass

from companion.crypto.padding import padded_length
from companion.crypto.primitives import (
    KEY_BYTES,
    NONCE_BYTES,
    SIGNATURE_BYTES,
    Aead,
    RandomSource,
    aead_decrypt,
    aead_encrypt,
    random_bytes,
    sha256,
    sign,
    signing_public,
    verify,
)
from companion.errors import CryptoError, MessageRejected
from companion.fields import as_id, as_object, refused
from companion.space.keys import ID_BYTES, item_key
from companion.strings import mended
from companion.wire import ENVELOPE_LIMIT_BYTES, SUITE_ITEM, SUITE_TURN, format_envelope, parse_envelope

SALT_BYTES = 32
CID_BYTES = 16
_N = struct.Struct(">I")
OPEN_AT = _N.size + SALT_BYTES
_NONCE = bytes(NONCE_BYTES)
_SIGNED_BYTES = KEY_BYTES + SIGNATURE_BYTES
_LABEL = b"companion space item v1"
CONTENT_LIMIT_BYTES = 57_344
"""So many bytes of JSON fit an envelope, padding included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item as it was opened. `n` is the number of the key it was sealed under, `signer` an Ed25519 key.

    Of all with the same `id` and signer the first in its log counts: whoever has the key can seal again what is signed.
    """

    n: int
    id: str
    signer: bytes
    content: dict[str, object]


def cid_of(envelope: bytes) -> str:
    """Return the id under which an envelope of a space has to stand in its log."""
    return sha256(envelope)[:CID_BYTES].hex()


def seal_item(
    key: bytes,
    n: int,
    log: bytes,
    sign_private: bytes,
    content: dict[str, object],
    random: RandomSource = random_bytes,
) -> bytes:
    """Return the envelope of an item. One that names no id gets a new one.

    Raises: ValueError if the content does not fit an envelope.
    """
    said = json.dumps({"id": random(ID_BYTES).hex()} | content, ensure_ascii=False).encode()
    if len(said) > CONTENT_LIMIT_BYTES:
        raise ValueError(f"an item of {len(said)} bytes")
    return seal_signed(SUITE_ITEM, key, n, log, signed(sign_private, _LABEL + log, said), b"", random)


@refused("an item")
def open_item(key: bytes, log: bytes, envelope: bytes) -> Item:
    """Return what an item says. Who may say it is for the kind to judge.

    Raises: MessageRejected if it is malformed, does not open in this log, or its signature does not hold.
    """
    n, _, inner = open_signed(SUITE_ITEM, key, log, envelope, 0)
    signer, said = verified(inner, _LABEL + log)
    content = read_said(said)
    return Item(n=n, id=as_id(content["id"]), signer=signer, content=content)


@refused("what is said in a space")
def read_said(said: bytes) -> dict[str, object]:
    """Return a JSON object that every program reads alike: no name twice, whole characters, numbers that have an end.

    Raises: MessageRejected.
    """
    content = as_object(json.loads(said.decode(), object_pairs_hook=_each_once))
    if mended(content) is not content:
        raise MessageRejected("half a character in a space")
    return content


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


@refused("an envelope of a space")
def key_number(envelope: bytes) -> tuple[int, bool]:
    """Return the number of the key that an item or turn is sealed under, and whether it is a turn.

    Raises: MessageRejected if it is neither.
    """
    suite, payload = parse_envelope(envelope)
    if suite not in (SUITE_ITEM, SUITE_TURN):
        raise MessageRejected(f"suite {suite} in a space")
    return _N.unpack_from(payload)[0], suite == SUITE_TURN


# What items and turns have in common ------------------------------------------------------------------


def signed(sign_private: bytes, label: bytes, said: bytes) -> bytes:
    return signing_public(sign_private) + sign(sign_private, label + said) + said


def verified(inner: bytes, label: bytes) -> tuple[bytes, bytes]:
    """Return (signer, what was said). Raises: MessageRejected if the signature does not hold."""
    signer, signature, said = inner[:KEY_BYTES], inner[KEY_BYTES:_SIGNED_BYTES], inner[_SIGNED_BYTES:]
    try:
        verify(signer, signature, label + said)
    except CryptoError:
        raise MessageRejected("a signature in a space does not hold") from None
    return signer, said


def seal_signed(
    suite: int, key: bytes, n: int, log: bytes, inner: bytes, open_part: bytes, random: RandomSource
) -> bytes:
    """Seal what was signed. `open_part` stands after the salt for those who cannot open the rest, bound to it."""
    salt = random(SALT_BYTES)
    head = format_envelope(suite, _N.pack(n) + salt + open_part)
    plain = inner + b"\x80"
    plain += bytes(padded_length(len(plain)) - len(plain))
    envelope = head + aead_encrypt(Aead.AES_256_GCM, item_key(key, log, salt), _NONCE, plain, head)
    if len(envelope) > ENVELOPE_LIMIT_BYTES:
        raise ValueError(f"an envelope of {len(envelope)} bytes")
    return envelope


def open_signed(suite: int, key: bytes, log: bytes, envelope: bytes, open_bytes: int) -> tuple[int, bytes, bytes]:
    """Return (n, the open part, what was signed). Raises: MessageRejected if it does not open."""
    found, payload = parse_envelope(envelope)
    body_at = OPEN_AT + open_bytes
    if found != suite:
        raise MessageRejected(f"suite {found} with {len(payload)} bytes in a space")
    head, salt = envelope[: len(envelope) - len(payload) + body_at], payload[_N.size : OPEN_AT]
    try:
        plain = aead_decrypt(Aead.AES_256_GCM, item_key(key, log, salt), _NONCE, payload[body_at:], head)
    except CryptoError:
        raise MessageRejected("an envelope of a space does not open") from None
    inner = plain.rstrip(b"\0")
    if not inner.endswith(b"\x80") or len(plain) != padded_length(len(inner)):
        raise MessageRejected("an envelope of a space is not padded as it should be")
    return _N.unpack_from(payload)[0], payload[OPEN_AT:body_at], inner[:-1]
