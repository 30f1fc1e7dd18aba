"""HPKE agrees with an independent implementation in both directions and refuses what is not meant for the key."""

import pytest
from pyhpke import AEADId, CipherSuite, KDFId, KEMId

from companion.crypto import hpke, primitives
from companion.crypto.primitives import Aead
from companion.errors import CryptoError

OTHER_IDS = {
    Aead.AES_128_GCM: AEADId.AES128_GCM,
    Aead.AES_256_GCM: AEADId.AES256_GCM,
    Aead.CHACHA20_POLY1305: AEADId.CHACHA20_POLY1305,
}


def other(aead):
    return CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, OTHER_IDS[aead])


@pytest.mark.parametrize("aead", list(Aead))
def test_other_implementation_opens_ours(aead):
    private, public = primitives.dh_keypair()
    blob = hpke.Hpke(aead).seal(public, b"info", b"text", b"aad")
    suite = other(aead)
    context = suite.create_recipient_context(blob[:32], suite.kem.deserialize_private_key(private), b"info")
    assert context.open(blob[32:], b"aad") == b"text"


@pytest.mark.parametrize("aead", list(Aead))
def test_ours_opens_the_other_implementation(aead):
    private, public = primitives.dh_keypair()
    suite = other(aead)
    enc, context = suite.create_sender_context(suite.kem.deserialize_public_key(public), b"info")
    assert hpke.Hpke(aead).open_sealed(private, b"info", enc + context.seal(b"text", b"aad"), b"aad") == b"text"


@pytest.mark.parametrize("aead", list(Aead))
def test_exported_secret_agrees_with_the_other_implementation(aead):
    private, public = primitives.dh_keypair()
    enc, secret = hpke.Hpke(aead).send_export(public, b"info", b"context", 32)
    suite = other(aead)
    context = suite.create_recipient_context(enc, suite.kem.deserialize_private_key(private), b"info")
    assert context.export(b"context", 32) == secret
    assert hpke.Hpke(aead).receive_export(private, enc, b"info", b"context", 32) == secret


def test_default_suite_is_aes_256_gcm():
    private, public = primitives.dh_keypair()
    blob = hpke.seal(public, b"info", b"text", b"aad")
    assert len(blob) == 32 + 4 + 16
    assert hpke.Hpke(Aead.AES_256_GCM).open_sealed(private, b"info", blob, b"aad") == b"text"
    assert hpke.open_sealed(private, b"info", blob, b"aad") == b"text"


def test_other_recipients_key_other_info_and_other_data_are_refused():
    private, public = primitives.dh_keypair()
    stranger, _ = primitives.dh_keypair()
    blob = hpke.seal(public, b"info", b"text", b"aad")
    for key, info, aad in ((stranger, b"info", b"aad"), (private, b"other", b"aad"), (private, b"info", b"other")):
        with pytest.raises(CryptoError):
            hpke.open_sealed(key, info, blob, aad)


@pytest.mark.parametrize("position", [0, 31, 32, 35, 36, 51])
def test_changed_blob_is_refused(position):
    private, public = primitives.dh_keypair()
    blob = bytearray(hpke.seal(public, b"info", b"text"))
    blob[position] ^= 1
    with pytest.raises(CryptoError):
        hpke.open_sealed(private, b"info", bytes(blob))


@pytest.mark.parametrize("length", [0, 31, 32, 47])
def test_short_blob_is_refused(length):
    private, _ = primitives.dh_keypair()
    with pytest.raises(CryptoError):
        hpke.open_sealed(private, b"", bytes(length))


def test_low_order_keys_are_refused_on_both_ends():
    private, _ = primitives.dh_keypair()
    with pytest.raises(CryptoError):
        hpke.seal(bytes(32), b"", b"text")
    with pytest.raises(CryptoError):
        hpke.open_sealed(private, b"", bytes(48))
