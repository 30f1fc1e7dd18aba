"""Safety codes: what two people compare in person to know that nobody stands between them.

Each identity key becomes 30 digits: 5,200 rounds of SHA-512 over the last hash and the key, beginning with the
version and the key; of the result, six groups of 5 octets as numbers modulo 100,000. The two, in the order of the
keys, are the 12 groups of 5 digits. The QR form holds version and both keys.
Source: e2ee guide section 6; the construction follows Signal's numeric fingerprint, version 2.
"""

import base64
import binascii

from companion.crypto.primitives import same_bytes, sha512
from companion.errors import UsageError
from companion.fields import as_id, whole

VERIFIED = "verified"
ROUNDS = 5_200
VERSION = (1).to_bytes(2, "big")
QR_PREFIX = "CMPN-SAFETY-1:"
_GROUPS, _GROUP_BYTES = 6, 5


def safety_code(one: bytes, other: bytes) -> tuple[str, ...]:
    """Return 12 groups of 5 digits, the same for both people. `one` and `other`: identity keys, 32 bytes each."""
    first, second = sorted((one, other))
    return (*_digits(first), *_digits(second))


def safety_qr(mine: bytes, theirs: bytes) -> str:
    """Return the text of my QR code for one other person: their app scans it and compares."""
    return QR_PREFIX + base64.urlsafe_b64encode(mine + theirs).decode()


def as_verified(doc: dict[str, object]) -> dict[str, object]:
    """Return the mark of a compared code as this version keeps it. Raises ValueError, KeyError."""
    return {"_id": as_id(doc["_id"]), "_v": 1, "at_ms": whole(doc["at_ms"])}


def is_match(scanned: str, mine: bytes, theirs: bytes) -> bool:
    """Tell whether a scanned code, made by the other person, names the same two keys.

    Raises: UsageError if it is no safety code at all.
    """
    if not scanned.startswith(QR_PREFIX):
        raise UsageError("not a safety code")
    try:
        held = base64.b64decode(scanned.removeprefix(QR_PREFIX), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise UsageError("not a safety code") from None
    return same_bytes(held, theirs + mine)


def _digits(key: bytes) -> list[str]:
    digest = sha512(VERSION + key + key)
    for _ in range(ROUNDS - 1):
        digest = sha512(digest + key)
    places = range(0, _GROUPS * _GROUP_BYTES, _GROUP_BYTES)
    return [f"{int.from_bytes(digest[i : i + _GROUP_BYTES], 'big') % 100_000:05d}" for i in places]
