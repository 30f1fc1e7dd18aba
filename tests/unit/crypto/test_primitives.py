"""The primitives hold the rules of their docstrings."""

import pytest

from companion.crypto import primitives
from companion.crypto.primitives import Aead
from companion.errors import CryptoError

KEY = bytes(range(32))


def test_sealed_blob_opens_with_the_same_key_and_place():
    assert primitives.aead_open(KEY, primitives.aead_seal(KEY, b"text", b"place"), b"place") == b"text"


def test_two_seals_of_one_text_differ():
    assert primitives.aead_seal(KEY, b"text", b"") != primitives.aead_seal(KEY, b"text", b"")


@pytest.mark.parametrize("position", range(12 + 4 + 16))
def test_any_changed_byte_of_a_sealed_blob_is_refused(position):
    blob = bytearray(primitives.aead_seal(KEY, b"text", b"place"))
    blob[position] ^= 0x40
    with pytest.raises(CryptoError):
        primitives.aead_open(KEY, bytes(blob), b"place")


@pytest.mark.parametrize("length", range(28))
def test_short_blob_is_refused(length):
    with pytest.raises(CryptoError):
        primitives.aead_open(KEY, bytes(length), b"")


def test_another_place_is_refused():
    with pytest.raises(CryptoError):
        primitives.aead_open(KEY, primitives.aead_seal(KEY, b"text", b"place"), b"other place")


def test_key_of_the_wrong_size_is_a_programming_error():
    with pytest.raises(ValueError, match="32 bytes"):
        primitives.aead_seal(KEY[:16], b"text", b"")


@pytest.mark.parametrize("aead", list(Aead))
def test_nonce_of_the_wrong_size_is_a_programming_error(aead):
    key = bytes(aead.key_bytes)
    with pytest.raises(ValueError, match="12 bytes"):
        primitives.aead_encrypt(aead, key, bytes(11), b"text", b"")
    with pytest.raises(ValueError, match="12 bytes"):
        primitives.aead_decrypt(aead, key, bytes(11), bytes(20), b"")


@pytest.mark.parametrize("aead", list(Aead))
def test_explicit_nonce_round_trip(aead):
    key = bytes(aead.key_bytes)
    sealed = primitives.aead_encrypt(aead, key, bytes(12), b"text", b"aad")
    assert primitives.aead_decrypt(aead, key, bytes(12), sealed, b"aad") == b"text"
    with pytest.raises(CryptoError):
        primitives.aead_decrypt(aead, key, bytes(12), sealed, b"other")


def test_forged_signature_is_refused():
    private, public = primitives.signing_keypair()
    signature = primitives.sign(private, b"message")
    primitives.verify(public, signature, b"message")
    _, stranger = primitives.signing_keypair()
    for key, proof, message in (
        (public, signature, b"massage"),
        (public, bytes(64), b"message"),
        (public, signature[:63], b"message"),
        (public, b"", b"message"),
        (stranger, signature, b"message"),
        (public[:31], signature, b"message"),
        (b"", signature, b"message"),
    ):
        with pytest.raises(CryptoError):
            primitives.verify(key, proof, message)


@pytest.mark.parametrize(
    "public",
    [
        bytes(32),
        bytes([1]) + bytes(31),
        bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
        bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        bytes.fromhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        bytes.fromhex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ],
)
def test_low_order_public_key_is_refused(public):
    private, _ = primitives.dh_keypair()
    with pytest.raises(CryptoError):
        primitives.dh(private, public)


@pytest.mark.parametrize(
    "y",
    [
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    ],
)
@pytest.mark.parametrize("sign", [0x00, 0x80])
def test_a_key_that_anybody_can_sign_for_verifies_nothing(y, sign):
    """Under a key of small order R = sB holds for one message in eight at least, without any private key."""
    public = bytes.fromhex(y[:-2]) + bytes([int(y[-2:], 16) | sign])
    base_point, one = bytes.fromhex("58" + "66" * 31), (1).to_bytes(32, "little")
    for message in range(64):
        with pytest.raises(CryptoError):
            primitives.verify(public, base_point + one, bytes([message]))


def test_both_ends_of_an_exchange_agree():
    alice, alice_public = primitives.dh_keypair()
    bob, bob_public = primitives.dh_keypair()
    assert primitives.dh(alice, bob_public) == primitives.dh(bob, alice_public)


@pytest.mark.parametrize("malformed", [b"", bytes(31), bytes(33)])
def test_malformed_keys_are_refused_with_a_typed_error(malformed):
    private, public = primitives.dh_keypair()
    with pytest.raises(CryptoError):
        primitives.dh(private, malformed)
    with pytest.raises(CryptoError):
        primitives.dh(malformed, public)
    with pytest.raises(CryptoError):
        primitives.sign(malformed, b"")


def test_key_pairs_follow_the_given_random_source():
    assert primitives.signing_keypair(lambda n: bytes(n)) == primitives.signing_keypair(lambda n: bytes(n))
    assert primitives.dh_keypair(lambda n: bytes(n))[0] == bytes(32)


def test_hkdf_output_has_an_upper_bound():
    assert len(primitives.hkdf(KEY, b"", 255 * 32)) == 255 * 32
    with pytest.raises(ValueError, match="out of range"):
        primitives.hkdf(KEY, b"", 255 * 32 + 1)


def test_errors_never_hold_content():
    with pytest.raises(CryptoError) as caught:
        primitives.aead_open(KEY, primitives.aead_seal(KEY, b"secret words", b"aad"), b"")
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
