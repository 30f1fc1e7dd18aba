"""What follows from a space's key, a person's own secret and a group's key: by HKDF, with a label for each use.

Ids of spaces and logs are 16 bytes, everything else 32.
"""

from companion.crypto.primitives import (
    RandomSource,
    aead_open,
    aead_seal,
    dh_public,
    hkdf,
    random_bytes,
    signing_public,
)

KEY_BYTES = 32
ID_BYTES = 16
BOOK, SHELF, FEED, SLIPS, REST = "book", "shelf", "feed", "slips", "rest"
KEEP_DAYS = {BOOK: 0, SHELF: 0, FEED: 365, SLIPS: 90, REST: 1}
"""The logs that a space may have, and for how many days the service keeps what is in them; 0 is for ever."""


def log_id(space: bytes, name: str) -> bytes:
    """Return the id under which the service knows one log of a space."""
    return hkdf(space, b"companion log v1|" + name.encode(), ID_BYTES)


def capability(key: bytes, log: bytes) -> bytes:
    """Return what reads and appends in a log while `key` is in force there."""
    return hkdf(key, b"companion space capability v1|" + log)


def keeper(secret: bytes, log: bytes) -> bytes:
    """Return what turns, empties and drops a log. `secret` is the stewards'; in a person's own space, its key."""
    return hkdf(secret, b"companion keeper v1|" + log)


def steward_key(secret: bytes, space: bytes) -> tuple[bytes, bytes]:
    """Return the Ed25519 key, (private, public), of all who look after a group, in the group's own space."""
    private = hkdf(secret, b"companion steward key v1|" + space)
    return private, signing_public(private)


def circle_stewards(group_key: bytes, space: bytes) -> bytes:
    """Return the secret from which the keepers of a circle follow: of the stewards' group, as its own space has it."""
    return hkdf(group_key, b"companion circle stewards v1|" + space)


def item_key(key: bytes, log: bytes, salt: bytes) -> bytes:
    """Return the key of one item: its salt is its own, so its nonce may be zero."""
    return hkdf(key, b"companion item v1|" + log + salt)


def seal_past(former: bytes, key: bytes, space: bytes, random: RandomSource = random_bytes) -> bytes:
    """Seal the former key under its follower, 60 bytes: so the newest key opens the whole past."""
    return aead_seal(_past_key(key, space), former, b"", random)


def open_past(key: bytes, space: bytes, sealed: bytes) -> bytes:
    """Return the key that came before this one. Raises: CryptoError."""
    return aead_open(_past_key(key, space), sealed, b"")


def _past_key(key: bytes, space: bytes) -> bytes:
    return hkdf(key, b"companion past v1|" + space)


def group_box(group_key: bytes) -> tuple[bytes, bytes]:
    """Return the box of a group, (private, public): what is sealed to it opens for all who know the group's key."""
    private = hkdf(group_key, b"companion box v1")
    return private, dh_public(private)


def member_key(own_secret: bytes, space: bytes) -> tuple[bytes, bytes]:
    """Return the Ed25519 key, (private, public), under which a person signs in one space and in no other."""
    private = hkdf(own_secret, b"companion member key v1|" + space)
    return private, signing_public(private)


def member_box(own_secret: bytes, space: bytes) -> tuple[bytes, bytes]:
    """Return the X25519 key, (private, public), to which a space's members seal what is for one person alone."""
    private = hkdf(own_secret, b"companion member box v1|" + space)
    return private, dh_public(private)


def erase_secret(own_secret: bytes, log: bytes, item: bytes) -> bytes:
    """Return what erases an item of one's own: whoever knows it needs neither membership nor capability."""
    return hkdf(own_secret, b"companion erase v1|" + log + item)
