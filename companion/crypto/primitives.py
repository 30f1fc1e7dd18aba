"""The only module that touches a cryptographic library.

Owns the calls that exist on every platform the app ships to: AES-GCM, ChaCha20-Poly1305, HKDF over HMAC, Ed25519,
X25519 and Argon2id. Nothing newer (GCM-SIV, HPKE and Cobblestone of recent desktop builds) may be called here,
because the phone builds carry an older OpenSSL. It knows nothing about files, messages or groups.

Keys and public keys are raw bytes. Whatever does not open, verify or parse raises `CryptoError` with no content.
"""

import hashlib
import hmac
import os
from collections.abc import Callable
from enum import Enum

import cryptography
from argon2.exceptions import HashingError
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.backends.openssl import backend
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from companion.errors import CryptoError, LowMemory

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
HASH_BYTES = 32
SIGNATURE_BYTES = 64

_SMALL_ORDER = frozenset(
    bytes.fromhex(y)
    for y in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)
"""Each way to write the y of the eight points of Ed25519 whose order divides 8, without the sign of x."""

RandomSource = Callable[[int], bytes]


class Aead(Enum):
    """An AEAD with a 12-byte nonce and a 16-byte tag; the value is its HPKE identifier (RFC 9180 section 7.3)."""

    AES_128_GCM = 1
    AES_256_GCM = 2
    CHACHA20_POLY1305 = 3

    @property
    def key_bytes(self) -> int:
        """Key size in bytes."""
        return 16 if self is Aead.AES_128_GCM else 32


def random_bytes(n: int) -> bytes:
    """Return n bytes from the operating system's random source."""
    return os.urandom(n)


def same_bytes(left: bytes, right: bytes) -> bool:
    """Compare in a time that does not depend on where the first difference is."""
    return hmac.compare_digest(left, right)


def sha256(data: bytes) -> bytes:
    """Return the 32-byte SHA-256 hash."""
    return hashlib.sha256(data).digest()


def fingerprint(public_key: bytes) -> str:
    """Return the id that a key gives its owner, 32 hex digits: nobody can offer another key under the same id."""
    return sha256(public_key)[:16].hex()


def sha512(data: bytes) -> bytes:
    """Return the 64-byte SHA-512 hash."""
    return hashlib.sha512(data).digest()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """Return the 32-byte HMAC-SHA-256."""
    return hmac.digest(key, data, "sha256")


def hkdf_extract(salt: bytes, secret: bytes) -> bytes:
    """HKDF-Extract with SHA-256 (RFC 5869 section 2.2); an empty salt means 32 zero bytes."""
    return hmac.digest(salt or bytes(HASH_BYTES), secret, "sha256")


def hkdf_expand(key: bytes, info: bytes, length: int, digest: str = "sha256") -> bytes:
    """HKDF-Expand (RFC 5869 section 2.3), at most 255 hash lengths of output."""
    size = hashlib.new(digest).digest_size if digest != "sha256" else HASH_BYTES
    if not 0 <= length <= 255 * size:
        raise ValueError("output length out of range")
    output = block = b""
    counter = 1
    while len(output) < length:
        block = hmac.digest(key, block + info + bytes([counter]), digest)
        output += block
        counter += 1
    return output[:length]


def hkdf(key: bytes, info: bytes, length: int = 32, salt: bytes = b"") -> bytes:
    """HKDF-SHA-256, extract and expand in one (RFC 5869)."""
    return hkdf_expand(hkdf_extract(salt, key), info, length)


def _cipher(aead: Aead, key: bytes) -> AESGCM | ChaCha20Poly1305:
    if len(key) != aead.key_bytes:
        raise ValueError(f"the key must have {aead.key_bytes} bytes, not {len(key)}")
    return ChaCha20Poly1305(key) if aead is Aead.CHACHA20_POLY1305 else AESGCM(key)


def aead_encrypt(aead: Aead, key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Encrypt with a nonce of the caller's choosing, which must never repeat under this key; appends the tag."""
    if len(nonce) != NONCE_BYTES:
        raise ValueError("the nonce must have 12 bytes")
    return _cipher(aead, key).encrypt(nonce, plaintext, aad)


def aead_decrypt(aead: Aead, key: bytes, nonce: bytes, ciphertext: bytes, aad: bytes) -> bytes:
    """Open what `aead_encrypt` made.

    Raises: CryptoError if anything differs from what was sealed.
    """
    if len(nonce) != NONCE_BYTES:
        raise ValueError("the nonce must have 12 bytes")
    try:
        return _cipher(aead, key).decrypt(nonce, ciphertext, aad)
    except InvalidTag:
        raise CryptoError("the ciphertext does not open") from None


class SealingKey:
    """A 32-byte AES-256-GCM key made ready once, for whoever seals or opens many things under it.

    One key may seal at most 2**32 times (NIST SP 800-38D section 8.3).
    """

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"the key must have {KEY_BYTES} bytes, not {len(key)}")
        self._cipher = AESGCM(key)

    def seal(self, plaintext: bytes, aad: bytes, random: RandomSource = os.urandom) -> bytes:
        """Return a random nonce (12 bytes), the ciphertext and its tag (16 bytes)."""
        nonce = random(NONCE_BYTES)
        if len(nonce) != NONCE_BYTES:
            raise ValueError("the nonce must have 12 bytes")
        return nonce + self._cipher.encrypt(nonce, plaintext, aad)

    def open(self, blob: bytes, aad: bytes) -> bytes:
        """Open what `seal` made.

        Raises: CryptoError if the key, the blob or the associated data differ.
        """
        if len(blob) < NONCE_BYTES + TAG_BYTES:
            raise CryptoError(f"a sealed blob of {len(blob)} bytes is too short")
        try:
            return self._cipher.decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], aad)
        except InvalidTag:
            raise CryptoError("the ciphertext does not open") from None


def aead_seal(key: bytes, plaintext: bytes, aad: bytes, random: RandomSource = os.urandom) -> bytes:
    """Seal one thing under a 32-byte key; see `SealingKey`."""
    return SealingKey(key).seal(plaintext, aad, random)


def aead_open(key: bytes, blob: bytes, aad: bytes) -> bytes:
    """Open what `aead_seal` made. Raises: CryptoError; see `SealingKey`."""
    return SealingKey(key).open(blob, aad)


def signing_keypair(random: RandomSource = os.urandom) -> tuple[bytes, bytes]:
    """Return a new Ed25519 key pair: private seed and public key, 32 bytes each (RFC 8032)."""
    seed = random(KEY_BYTES)
    return seed, signing_public(seed)


def signing_public(private: bytes) -> bytes:
    """Return the Ed25519 public key of a 32-byte private seed."""
    return _signing_key(private).public_key().public_bytes_raw()


def _signing_key(private: bytes) -> Ed25519PrivateKey:
    try:
        return Ed25519PrivateKey.from_private_bytes(private)
    except ValueError:
        raise CryptoError("not an Ed25519 private key") from None


def sign(private: bytes, message: bytes) -> bytes:
    """Return the 64-byte Ed25519 signature."""
    return _signing_key(private).sign(message)


def verify(public: bytes, signature: bytes, message: bytes) -> None:
    """Check an Ed25519 signature.

    Raises: CryptoError if it does not hold, or under a key of small order: anybody can sign anything for that.
    """
    try:
        key = Ed25519PublicKey.from_public_bytes(public)
        if public[:-1] + bytes([public[-1] & 0x7F]) in _SMALL_ORDER:
            raise ValueError("a key of small order")
        key.verify(signature, message)
    except (InvalidSignature, ValueError):
        raise CryptoError("the signature does not hold") from None


def dh_keypair(random: RandomSource = os.urandom) -> tuple[bytes, bytes]:
    """Return a new X25519 key pair: private and public key, 32 bytes each (RFC 7748)."""
    private = random(KEY_BYTES)
    return private, dh_public(private)


def dh_public(private: bytes) -> bytes:
    """Return the X25519 public key of a 32-byte private key."""
    return _dh_key(private).public_key().public_bytes_raw()


def _dh_key(private: bytes) -> X25519PrivateKey:
    try:
        return X25519PrivateKey.from_private_bytes(private)
    except ValueError:
        raise CryptoError("not an X25519 private key") from None


def dh(private: bytes, public: bytes) -> bytes:
    """Return the 32-byte X25519 shared secret.

    Raises: CryptoError for a public key of low order, whose result would be all zero (RFC 7748 section 6.1).
    """
    try:
        shared = _dh_key(private).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        raise CryptoError("not a usable X25519 public key") from None
    if same_bytes(shared, bytes(KEY_BYTES)):
        raise CryptoError("not a usable X25519 public key")
    return shared


def argon2id(secret: bytes, salt: bytes, *, passes: int, memory_kib: int, lanes: int, length: int = 32) -> bytes:
    """Return the Argon2id hash, version 1.3 (RFC 9106). Blocks for a tenth of a second or more: keep it off the UI.

    Raises: LowMemory if there is no room for `memory_kib`.
    """
    try:
        return hash_secret_raw(secret, salt, passes, memory_kib, lanes, length, Type.ID)
    except (HashingError, MemoryError):  # with these parameters nothing else can go wrong
        raise LowMemory(f"no {memory_kib} KiB for a key derivation") from None


def library_versions() -> dict[str, str]:
    """Return the version texts of the cryptographic libraries in use."""
    return {"cryptography": cryptography.__version__, "OpenSSL": backend.openssl_version_text()}
