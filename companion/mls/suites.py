"""The two cipher suites in use, and the labelled operations built on them (RFC 9420 sections 5.1, 5.2 and 8).

Both suites use X25519, SHA-256 and Ed25519; they differ in the AEAD. Suites are fixed bundles: nothing is negotiated.
"""

from enum import IntEnum

from companion.crypto import primitives
from companion.crypto.hpke import ENC_BYTES, Hpke
from companion.crypto.primitives import Aead, RandomSource
from companion.errors import CryptoError
from companion.mls import codec
from companion.mls.codec import Reader

HASH_BYTES = primitives.HASH_BYTES
PUBLIC_KEY_BYTES = primitives.KEY_BYTES
ZERO_SECRET = bytes(HASH_BYTES)
VERSION_MLS10 = 1


class CipherSuite(IntEnum):
    """The suites of RFC 9420 section 17.1 that this implementation speaks."""

    X25519_AES128GCM_SHA256_ED25519 = 1
    X25519_CHACHA20POLY1305_SHA256_ED25519 = 3

    @property
    def aead(self) -> Aead:
        """The AEAD of messages and of HPKE."""
        return Aead.AES_128_GCM if self == 1 else Aead.CHACHA20_POLY1305

    @property
    def hpke(self) -> Hpke:
        """The HPKE suite."""
        return Hpke(self.aead)


def suite_from_id(number: int) -> CipherSuite:
    """Return the suite with this number.

    Raises: CryptoError if it is not one of ours.
    """
    try:
        return CipherSuite(number)
    except ValueError:
        raise CryptoError(f"cipher suite {number} is not supported") from None


def ref_hash(label: bytes, value: bytes) -> bytes:
    """RefHash (section 5.2)."""
    return primitives.sha256(codec.opaque(label) + codec.opaque(value))


def key_package_ref(encoded: bytes) -> bytes:
    """Return the reference of an encoded KeyPackage (section 5.2)."""
    return ref_hash(b"MLS 1.0 KeyPackage Reference", encoded)


def proposal_ref(encoded: bytes) -> bytes:
    """Return the reference of the encoded AuthenticatedContent that carries a proposal (section 5.2)."""
    return ref_hash(b"MLS 1.0 Proposal Reference", encoded)


def expand_with_label(secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """ExpandWithLabel (section 8)."""
    info = length.to_bytes(2, "big") + codec.opaque(b"MLS 1.0 " + label) + codec.opaque(context)
    return primitives.hkdf_expand(secret, info, length)


def derive_secret(secret: bytes, label: bytes) -> bytes:
    """DeriveSecret (section 8)."""
    return expand_with_label(secret, label, b"", HASH_BYTES)


def sign_with_label(private: bytes, label: bytes, content: bytes) -> bytes:
    """SignWithLabel (section 5.1.2)."""
    return primitives.sign(private, codec.opaque(b"MLS 1.0 " + label) + codec.opaque(content))


def verify_with_label(public: bytes, label: bytes, content: bytes, signature: bytes) -> None:
    """VerifyWithLabel (section 5.1.2).

    Raises: CryptoError if the signature does not hold.
    """
    primitives.verify(public, signature, codec.opaque(b"MLS 1.0 " + label) + codec.opaque(content))


def encrypt_with_label(
    suite: CipherSuite, public: bytes, label: bytes, context: bytes, plaintext: bytes, random: RandomSource
) -> bytes:
    """EncryptWithLabel (section 5.1.3); returns an encoded HPKECiphertext (section 7.6)."""
    info = codec.opaque(b"MLS 1.0 " + label) + codec.opaque(context)
    blob = suite.hpke.seal(public, info, plaintext, b"", random)
    return codec.opaque(blob[:ENC_BYTES]) + codec.opaque(blob[ENC_BYTES:])


def decrypt_with_label(suite: CipherSuite, private: bytes, label: bytes, context: bytes, ciphertext: bytes) -> bytes:
    """DecryptWithLabel (section 5.1.3) of an encoded HPKECiphertext.

    Raises: CryptoError if it does not open.
    """
    kem_output, sealed = codec.decode(ciphertext, lambda reader: (reader.opaque(), reader.opaque()))
    if len(kem_output) != ENC_BYTES:
        raise CryptoError("an encapsulated key has the wrong size")
    info = codec.opaque(b"MLS 1.0 " + label) + codec.opaque(context)
    return suite.hpke.open_sealed(private, info, kem_output + sealed)


def read_hpke_ciphertext(reader: Reader) -> bytes:
    """Read an HPKECiphertext (section 7.6) and return its encoding; it stays closed until somebody opens it."""
    return codec.opaque(reader.opaque()) + codec.opaque(reader.opaque())
