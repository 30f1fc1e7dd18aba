"""Turns: another key for a space, for everybody who belongs and for nobody else.

A turn stands in the book, appended with `If-Epoch: n` and the next capability and keeper. Suite 5: as an item, and
after the salt, for whoever has the next key, the former one sealed under it (60 bytes). What is signed, after
"companion space turn v1" | log id | n | that sealed key: `JSON length (u32 BE) | JSON | boxes`. Each box is the id of
whom it is for (16 bytes) and the next key, sealed to them with HPKE (80 bytes). Source: docs/protocol.md section 8.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from companion.crypto import hpke
from companion.crypto.primitives import RandomSource, random_bytes, same_bytes, sha256
from companion.errors import CryptoError, MessageRejected
from companion.fields import refused, whole
from companion.space.items import OPEN_AT, open_signed, read_said, seal_signed, signed, verified
from companion.space.keys import ID_BYTES, KEY_BYTES, open_past, seal_past
from companion.wire import SUITE_TURN, parse_envelope

BOXES_LIMIT = 500
_SEALED_BYTES = KEY_BYTES + 48  # HPKE adds the encapsulated key and a tag
_BOX_BYTES = ID_BYTES + _SEALED_BYTES
_PAST_BYTES = KEY_BYTES + 28  # a nonce and a tag
_LENGTH = struct.Struct(">I")
_LABEL = b"companion space turn v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A turn from key `n` to the next. `at` is the number in the book up to which it goes by who belongs.

    `digest` is the SHA-256 of the next key; `boxes` are sealed, by the id of whom they are for.
    """

    n: int
    signer: bytes
    at: int
    digest: bytes
    boxes: Mapping[bytes, bytes]
    content: dict[str, object]


def seal_turn(
    key: bytes,
    n: int,
    following: bytes,
    *,
    space: bytes,
    log: bytes,
    sign_private: bytes,
    at: int,
    boxes: Mapping[bytes, bytes],
    more: Mapping[str, object] | None = None,
    random: RandomSource = random_bytes,
) -> bytes:
    """Return the envelope that turns from `key`, number `n`, to `following`.

    `boxes`: the X25519 keys of those it is for, by their ids. `more` is said beside it, to those who could read before.
    Raises: ValueError for more than 500 boxes.
    """
    if len(boxes) > BOXES_LIMIT:
        raise ValueError(f"{len(boxes)} boxes")
    said = {**(more or {}), "kind": "turn", "at": at, "digest": sha256(following).hex()}
    encoded = json.dumps(said, ensure_ascii=False).encode()
    sealed = b"".join(
        id + hpke.seal(public, _box_info(space, n + 1, id), following, random=random)
        for id, public in sorted(boxes.items())
    )
    past = seal_past(key, following, space, random)
    body = _LENGTH.pack(len(encoded)) + encoded + sealed
    return seal_signed(SUITE_TURN, key, n, log, signed(sign_private, _label(log, n, past), body), past, random)


@refused("a turn")
def open_turn(key: bytes, log: bytes, envelope: bytes) -> Turn:
    """Return a turn as those see it who have the former key. Raises: MessageRejected."""
    n, past, inner = open_signed(SUITE_TURN, key, log, envelope, _PAST_BYTES)
    signer, body = verified(inner, _label(log, n, past))
    (length,) = _LENGTH.unpack_from(body)
    if len(body) < _LENGTH.size + length:
        raise MessageRejected("a turn that was cut")
    content = read_said(body[_LENGTH.size : _LENGTH.size + length])
    digest = bytes.fromhex(str(content["digest"]))
    if len(digest) != KEY_BYTES:
        raise MessageRejected("a turn to nothing")
    boxes = _read_boxes(body[_LENGTH.size + length :])
    return Turn(n=n, signer=signer, at=whole(content["at"]), digest=digest, boxes=boxes, content=content)


@refused("a turn")
def key_before(following: bytes, space: bytes, envelope: bytes) -> bytes:
    """Return the key that a turn turned from, for somebody who has the one it turned to. Raises: MessageRejected."""
    suite, payload = parse_envelope(envelope)
    if suite != SUITE_TURN:
        raise MessageRejected(f"suite {suite} is no turn")
    try:
        return open_past(following, space, payload[OPEN_AT : OPEN_AT + _PAST_BYTES])
    except CryptoError:
        raise MessageRejected("a turn to another key") from None


@refused("a turn's box")
def open_box(turn: Turn, space: bytes, id: bytes, private: bytes) -> bytes:
    """Return the next key out of the box of this id. Raises: MessageRejected without one, or for another key."""
    try:
        key = hpke.open_sealed(private, _box_info(space, turn.n + 1, id), turn.boxes[id])
    except CryptoError:
        raise MessageRejected("a box does not open") from None
    if not is_next(turn, key):
        raise MessageRejected("a box with another key")
    return key


def is_next(turn: Turn, key: bytes) -> bool:
    """Tell whether this is the key that a turn turns to."""
    return same_bytes(sha256(key), turn.digest)


def _read_boxes(data: bytes) -> dict[bytes, bytes]:
    if len(data) > BOXES_LIMIT * _BOX_BYTES:
        raise MessageRejected(f"boxes of {len(data)} bytes")
    starts = range(0, len(data), _BOX_BYTES)
    boxes = {data[i : i + ID_BYTES]: data[i + ID_BYTES : i + _BOX_BYTES] for i in starts}
    if len(boxes) * _BOX_BYTES != len(data):
        raise MessageRejected("two boxes for one, or half a box")
    return boxes


def _box_info(space: bytes, n: int, id: bytes) -> bytes:
    return b"companion turn box v1|" + space + n.to_bytes(4, "big") + id


def _label(log: bytes, n: int, past: bytes) -> bytes:
    return _LABEL + log + n.to_bytes(4, "big") + past
