"""Hybrid public key encryption (RFC 9180), base mode: X25519, HKDF-SHA-256 and one of three AEADs.

Base mode does not say who sealed: sign what surrounds a sealed blob, and put everything it depends on in `info`.
A sealed blob is the sender's ephemeral public key (32 bytes), the ciphertext and its tag (16 bytes).
"""

import os
from dataclasses import dataclass

from companion.crypto import primitives
from companion.crypto.primitives import NONCE_BYTES, TAG_BYTES, Aead, RandomSource
from companion.errors import CryptoError

ENC_BYTES = 32
SECRET_BYTES = 32

_KEM_X25519 = 0x0020
_KDF_HKDF_SHA256 = 0x0001
_KEM_SUITE = b"KEM" + _KEM_X25519.to_bytes(2, "big")
_MODE_BASE = b"\x00"


def _labeled_extract(suite: bytes, salt: bytes, label: bytes, secret: bytes) -> bytes:
    """RFC 9180 section 4, LabeledExtract."""
    return primitives.hkdf_extract(salt, b"HPKE-v1" + suite + label + secret)


def _labeled_expand(suite: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """RFC 9180 section 4, LabeledExpand."""
    return primitives.hkdf_expand(key, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, length)


def _shared_secret(dh: bytes, enc: bytes, public: bytes) -> bytes:
    """RFC 9180 section 4.1, ExtractAndExpand."""
    key = _labeled_extract(_KEM_SUITE, b"", b"eae_prk", dh)
    return _labeled_expand(_KEM_SUITE, key, b"shared_secret", enc + public, SECRET_BYTES)


def derive_keypair(secret: bytes) -> tuple[bytes, bytes]:
    """Return the X25519 key pair that follows from a secret (RFC 9180 section 7.1.3, DeriveKeyPair)."""
    key = _labeled_extract(_KEM_SUITE, b"", b"dkp_prk", secret)
    private = _labeled_expand(_KEM_SUITE, key, b"sk", b"", primitives.KEY_BYTES)
    return private, primitives.dh_public(private)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Context:
    """What both ends derive: the first message's key and nonce, and the exporter (RFC 9180 section 5.1)."""

    key: bytes
    nonce: bytes
    exporter: bytes


@dataclass(frozen=True, slots=True)
class Hpke:
    """One HPKE suite; every context seals a single message."""

    aead: Aead

    @property
    def _suite(self) -> bytes:
        ids = (_KEM_X25519, _KDF_HKDF_SHA256, self.aead.value)
        return b"HPKE" + b"".join(number.to_bytes(2, "big") for number in ids)

    def _schedule(self, shared_secret: bytes, info: bytes) -> _Context:
        """RFC 9180 section 5.1, KeySchedule in base mode."""
        suite = self._suite
        psk_id_hash = _labeled_extract(suite, b"", b"psk_id_hash", b"")
        context = _MODE_BASE + psk_id_hash + _labeled_extract(suite, b"", b"info_hash", info)
        secret = _labeled_extract(suite, shared_secret, b"secret", b"")
        return _Context(
            key=_labeled_expand(suite, secret, b"key", context, self.aead.key_bytes),
            nonce=_labeled_expand(suite, secret, b"base_nonce", context, NONCE_BYTES),
            exporter=_labeled_expand(suite, secret, b"exp", context, SECRET_BYTES),
        )

    def _sender(self, public: bytes, info: bytes, random: RandomSource) -> tuple[bytes, _Context]:
        ephemeral, enc = derive_keypair(random(primitives.KEY_BYTES))
        return enc, self._schedule(_shared_secret(primitives.dh(ephemeral, public), enc, public), info)

    def _receiver(self, private: bytes, enc: bytes, info: bytes) -> _Context:
        dh = primitives.dh(private, enc)
        return self._schedule(_shared_secret(dh, enc, primitives.dh_public(private)), info)

    def seal(
        self, public: bytes, info: bytes, plaintext: bytes, aad: bytes = b"", random: RandomSource = os.urandom
    ) -> bytes:
        """Seal to a 32-byte public key; adds 48 bytes.

        Raises: CryptoError if the public key is malformed or of low order.
        """
        enc, context = self._sender(public, info, random)
        return enc + primitives.aead_encrypt(self.aead, context.key, context.nonce, plaintext, aad)

    def open_sealed(self, private: bytes, info: bytes, blob: bytes, aad: bytes = b"") -> bytes:
        """Open what `seal` made.

        Raises: CryptoError if the key, `info`, the blob or the associated data differ.
        """
        if len(blob) < ENC_BYTES + TAG_BYTES:
            raise CryptoError(f"a sealed blob of {len(blob)} bytes is too short")
        context = self._receiver(private, blob[:ENC_BYTES], info)
        return primitives.aead_decrypt(self.aead, context.key, context.nonce, blob[ENC_BYTES:], aad)

    def send_export(
        self, public: bytes, info: bytes, exporter_context: bytes, length: int, random: RandomSource = os.urandom
    ) -> tuple[bytes, bytes]:
        """Return the encapsulated key (32 bytes) and a secret that only the key's owner can derive (section 5.3)."""
        enc, context = self._sender(public, info, random)
        return enc, _labeled_expand(self._suite, context.exporter, b"sec", exporter_context, length)

    def receive_export(self, private: bytes, enc: bytes, info: bytes, exporter_context: bytes, length: int) -> bytes:
        """Return the secret that `send_export` made for this encapsulated key.

        Raises: CryptoError if the encapsulated key is malformed or of low order.
        """
        context = self._receiver(private, enc, info)
        return _labeled_expand(self._suite, context.exporter, b"sec", exporter_context, length)


def seal(public: bytes, info: bytes, plaintext: bytes, aad: bytes = b"", random: RandomSource = os.urandom) -> bytes:
    """Seal to a 32-byte X25519 public key with AES-256-GCM; adds 48 bytes.

    Raises: CryptoError if the public key is malformed or of low order.
    """
    return Hpke(Aead.AES_256_GCM).seal(public, info, plaintext, aad, random)


def open_sealed(private: bytes, info: bytes, blob: bytes, aad: bytes = b"") -> bytes:
    """Open what `seal` made.

    Raises: CryptoError if the key, `info`, the blob or the associated data differ.
    """
    return Hpke(Aead.AES_256_GCM).open_sealed(private, info, blob, aad)
