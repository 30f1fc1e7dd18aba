"""Key slots: independent ways to open the one master key (32 random bytes).

A slot locks the master key to a public key that follows from the passphrase, the keystore's secret or the recovery
words. Another master key can so be locked to every slot without anybody's secret: whatever is changed or taken away,
what the old one opened opens nothing any more. Release 0.1.0 wrapped the master key under the secret itself.

Owns the locking only; where slots are kept is the store's concern.
"""

import os
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from companion.crypto import hpke, primitives
from companion.crypto.primitives import RandomSource
from companion.errors import CryptoError, WrongKey
from companion.likeness import plainly_marked

SALT_BYTES = 16
MEMORY_KIB_MAX = 262_144
PASSES_MAX = 16
WORK_MAX = 1_048_576
"""KiB times passes: less than two seconds here, and 16 passes of the usual memory."""
_DASHES = re.compile("-+")


@dataclass(frozen=True, slots=True, kw_only=True)
class KdfParameters:
    """Argon2id cost: passes, memory in KiB, lanes. Kept in the slot, so that it can be raised later.

    Lanes stay at 1: not every implementation can do more. The upper bounds stop a forged slot from using up the
    device: its memory, and its time.
    """

    t: int = 3
    m_kib: int = 65_536
    p: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.t <= PASSES_MAX:
            raise ValueError(f"passes must be 1 to {PASSES_MAX}")
        if self.p != 1:
            raise ValueError("lanes must be 1")
        if not 8 <= self.m_kib <= MEMORY_KIB_MAX:
            raise ValueError(f"memory must be 8 to {MEMORY_KIB_MAX} KiB")
        if self.t * self.m_kib > WORK_MAX:
            raise ValueError(f"passes times memory must be at most {WORK_MAX} KiB")


def as_meant(passphrase: str) -> str:
    """Return the passphrase without what keyboards make of it by themselves.

    Curly quotes, dashes for hyphens, spaces at the ends, characters that show nothing: some put them in, some do not.
    """
    plain = unicodedata.normalize("NFKC", plainly_marked(passphrase))
    return _DASHES.sub("-", " ".join(plain.split()))


def to_the_letter(passphrase: str) -> str:
    """Return the passphrase as release 0.1.0 took it: only how letters are composed does not matter."""
    return unicodedata.normalize("NFKC", passphrase)


def passphrase_key(
    passphrase: str, salt: bytes, parameters: KdfParameters, *, form: Callable[[str], str] = as_meant
) -> bytes:
    """Return the 32-byte key of a passphrase (UTF-8, Argon2id) and a random salt of 16 bytes or more.

    `form`: what is taken for one and the same passphrase. Takes 0.1 s or more: keep it off the UI thread.
    Raises: LowMemory. Source: RFC 9106.
    """
    if len(salt) < SALT_BYTES:
        raise ValueError("the salt must have 16 bytes or more")
    secret = form(passphrase).encode("utf-8", "surrogatepass")
    return primitives.argon2id(secret, salt, passes=parameters.t, memory_kib=parameters.m_kib, lanes=parameters.p)


def words_secret(recovery: bytes) -> bytes:
    """Return the secret of the recovery words' slot. It is the same in every store, so that another device of the same
    person can lock its own store to the words by their slot's public key, without knowing the words.
    """
    return primitives.hkdf(recovery, b"companion words slot v1")


def slot_public(secret: bytes) -> bytes:
    """Return the public key of a slot that this 32-byte secret opens."""
    return hpke.derive_keypair(secret)[1]


def lock(public: bytes, master: bytes, info: bytes, random: RandomSource = os.urandom) -> bytes:
    """Lock the 32-byte master key to a slot: 80 bytes. `info` names the vault, the slot and its parameters.

    Raises: CryptoError for a public key that is none.
    """
    if len(master) != primitives.KEY_BYTES:
        raise ValueError("a master key must have 32 bytes")
    return hpke.seal(public, info, master, random=random)


def unlock(secret: bytes, locked: bytes, info: bytes) -> bytes:
    """Return the master key.

    Raises: WrongKey if the secret is not the slot's, or the slot was changed.
    """
    try:
        return hpke.open_sealed(hpke.derive_keypair(secret)[0], info, locked)
    except CryptoError:
        raise WrongKey("the key does not open this slot") from None


def wrap(key: bytes, master: bytes, aad: bytes, random: RandomSource = os.urandom) -> bytes:
    """Wrap the 32-byte master key: 60 bytes. `aad` names the vault, the slot and its parameters."""
    if len(master) != primitives.KEY_BYTES:
        raise ValueError("a master key must have 32 bytes")
    return primitives.aead_seal(key, master, aad, random)


def unwrap(key: bytes, blob: bytes, aad: bytes) -> bytes:
    """Return the master key.

    Raises: WrongKey if the key is not the slot's, or the slot was changed.
    """
    try:
        return primitives.aead_open(key, blob, aad)
    except CryptoError:
        raise WrongKey("the key does not open this slot") from None
