"""Nonces that prove themselves: asking for one leaves nothing behind, so a flood of askers stands in nobody's way.

A nonce is its time (6 bytes), 10 random ones, and 16 of a keyed hash over both and the device. That one serves once is
noted when it is used, and only a signature that holds uses one.
"""

import hashlib
import hmac
import secrets

CHALLENGE_MS = 60_000
SPENT_MS = 3 * CHALLENGE_MS
"""How long a used nonce is remembered: beyond its life at a node whose clock is a minute off either way."""

TIME_BYTES, RANDOM_BYTES, MARK_BYTES = 6, 10, 16


def mint(key: bytes, device: bytes, at_ms: int) -> bytes:
    """Return a fresh nonce of 32 bytes for this device."""
    said = at_ms.to_bytes(TIME_BYTES, "big") + secrets.token_bytes(RANDOM_BYTES)
    return said + _mark(key, device, said)


def is_fresh(key: bytes, device: bytes, nonce: bytes, at_ms: int) -> bool:
    """Whether this nonce was minted with this key, for this device, within a minute of now.

    Nodes of one service share the key and not the clock, so a nonce may seem to come from the next minute.
    """
    said, mark = nonce[:-MARK_BYTES], nonce[-MARK_BYTES:]
    minted_ms = int.from_bytes(said[:TIME_BYTES], "big")
    return hmac.compare_digest(mark, _mark(key, device, said)) and abs(at_ms - minted_ms) < CHALLENGE_MS


def _mark(key: bytes, device: bytes, said: bytes) -> bytes:
    return hmac.digest(key, b"companion-challenge-v1\0" + device + said, hashlib.sha256)[:MARK_BYTES]
