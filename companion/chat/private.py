"""Content for a few of a group only, inside the group's own envelopes: a secret answer, a report, a call for help.

The rest of the group sees that something private was said, by whom, and nothing else: every one is padded to the same
sizes, has the same number of wraps or a multiple of it, and names nobody it is for.
Source: docs/protocol.md, "Private content"; RFC 9180.
"""

import json

from companion.chat.parsing import Content, read_list
from companion.crypto import hpke
from companion.crypto.primitives import random_bytes
from companion.errors import CryptoError, MessageRejected
from companion.fields import refused

WRAPS = 4
"""Wraps come in fours; the missing ones are random."""
WRAPS_LIMIT = 16
PAD_BYTES = 1_024
LIMIT_BYTES = 6_144


def private_content(
    content: dict[str, object], keys: tuple[bytes, ...], *, group: str, person: str
) -> dict[str, object]:
    """Return `content` sealed to these X25519 keys, 32 bytes each. `person` is the one who says it.

    Raises: ValueError if it is longer than 6 KiB or for more than 16 keys.
    """
    plain = json.dumps(content, ensure_ascii=False).encode()
    if len(plain) > LIMIT_BYTES or not 0 < len(keys) <= WRAPS_LIMIT:
        raise ValueError("private content is too long, or for nobody")
    plain += b" " * (-len(plain) % PAD_BYTES)
    wraps = [hpke.seal(key, _info(group, person), plain) for key in keys]
    wraps += [random_bytes(len(wraps[0])) for _ in range(-len(wraps) % WRAPS)]
    return {"kind": "private", "wraps": sorted(wrap.hex() for wrap in wraps)}


@refused("private content")
def open_private(content: Content, key: bytes, *, group: str, person: str) -> dict[str, object] | None:
    """Return what is for this X25519 private key, or None if nothing is. Raises MessageRejected."""
    for wrap in read_list(content, "wraps", WRAPS_LIMIT):
        if not isinstance(wrap, str) or len(wrap) > 4 * LIMIT_BYTES:
            raise MessageRejected("wraps: not a text")
        try:
            plain = hpke.open_sealed(key, _info(group, person), bytes.fromhex(wrap))
        except (CryptoError, ValueError):
            continue
        content = json.loads(plain)
        if not isinstance(content, dict):
            raise MessageRejected("private content is not an object")
        return content
    return None


def _info(group: str, person: str) -> bytes:
    return b"companion private v1" + bytes.fromhex(group) + bytes.fromhex(person)
