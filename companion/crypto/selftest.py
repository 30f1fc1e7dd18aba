"""Known-answer checks that the app runs at first start and shows in Diagnostics.

A desktop's test run proves nothing about a phone's build of the same library; these run on the device itself and
take well under half a second.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from companion.crypto import chunked, hpke, primitives
from companion.crypto.primitives import Aead, RandomSource
from companion.errors import CryptoError


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """One check: what was tested, and whether the answer was the known one."""

    name: str
    passed: bool


def _always(value: bytes) -> RandomSource:
    """A random source that returns one value, so that a known answer can be compared."""

    def give(n: int) -> bytes:
        return value[:n]

    return give


def _aes_gcm() -> bool:
    """McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16."""
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
    nonce = bytes.fromhex("cafebabefacedbaddecaf888")
    plaintext = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    aad = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    expected = bytes.fromhex(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b"
    )
    sealed = primitives.aead_encrypt(Aead.AES_256_GCM, key, nonce, plaintext, aad)
    return sealed == expected and primitives.aead_decrypt(Aead.AES_256_GCM, key, nonce, sealed, aad) == plaintext


def _aes_gcm_refuses() -> bool:
    """A changed blob must not open."""
    key = bytes(32)
    blob = bytearray(primitives.aead_seal(key, b"text", b"place"))
    blob[-1] ^= 1
    try:
        primitives.aead_open(key, bytes(blob), b"place")
    except CryptoError:
        return True
    return False


def _hkdf() -> bool:
    """RFC 5869, appendix A.1."""
    answer = primitives.hkdf(bytes([11] * 22), bytes(range(0xF0, 0xFA)), 42, bytes(range(13)))
    return answer.hex() == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"


def _x25519() -> bool:
    """RFC 7748 section 6.1, and a key of low order, which must be refused."""
    alice = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    bob = bytes.fromhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
    shared = primitives.dh(alice, bob)
    try:
        primitives.dh(alice, bytes(32))
    except CryptoError:
        return shared.hex() == "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    return False


def _ed25519() -> bool:
    """RFC 8032 section 7.1, test 2, and a changed message, which must be refused."""
    private = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    expected = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    primitives.verify(public, expected, b"\x72")
    try:
        primitives.verify(public, expected, b"\x73")
    except CryptoError:
        return primitives.sign(private, b"\x72") == expected and primitives.signing_public(private) == public
    return False


def _argon2id() -> bool:
    """Argon2 reference implementation, src/test.c: version 1.3, 2 passes, 256 KiB, 1 lane."""
    answer = primitives.argon2id(b"password", b"somesalt", passes=2, memory_kib=256, lanes=1)
    return answer.hex() == "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"


def _hpke() -> bool:
    """RFC 9180 appendix A.1, first encryption, both ways."""
    suite = hpke.Hpke(Aead.AES_128_GCM)
    private = bytes.fromhex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8")
    info = bytes.fromhex("4f6465206f6e2061204772656369616e2055726e")
    ephemeral = bytes.fromhex("7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234")
    plaintext = bytes.fromhex("4265617574792069732074727574682c20747275746820626561757479")
    expected = bytes.fromhex(
        "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"
        "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a9"
        "6d8770ac83d07bea87e13c512a"
    )
    sealed = suite.seal(primitives.dh_public(private), info, plaintext, b"Count-0", _always(ephemeral))
    return sealed == expected and suite.open_sealed(private, info, expected, b"Count-0") == plaintext


def _chunked() -> bool:
    """A file of one full and one short chunk; its hash was confirmed with an independent implementation."""
    key, plaintext = bytes(range(32)), bytes(range(256)) * 65
    file = io.BytesIO()
    writer = chunked.ChunkedWriter(file, key, b"self-test", _always(bytes(24)))
    writer.write(plaintext)
    writer.close()
    sealed = file.getvalue()
    reader = chunked.ChunkedReader(file, len(sealed), key, b"self-test")
    is_expected = primitives.sha256(sealed).hex() == "34374a84e13727f687382e865c6c3d614e8d0ca0e79a24c6d2ddcd968714b8c5"
    return is_expected and reader.complete and reader.read_at(0, len(plaintext)) == plaintext


def _checks() -> Iterator[tuple[str, Callable[[], bool]]]:
    yield "AES-256-GCM", _aes_gcm
    yield "AES-256-GCM refuses a changed blob", _aes_gcm_refuses
    yield "HKDF-SHA-256", _hkdf
    yield "X25519", _x25519
    yield "Ed25519", _ed25519
    yield "Argon2id", _argon2id
    yield "HPKE", _hpke
    yield "Chunked files", _chunked


def run() -> tuple[SelfTest, ...]:
    """Run every check; one that cannot run on this device counts as not passed."""
    results = []
    for name, check in _checks():
        try:
            passed = check()
        except (CryptoError, ValueError, TypeError, ArithmeticError, RuntimeError, AttributeError):
            passed = False
        results.append(SelfTest(name=name, passed=passed))
    return tuple(results)


def versions() -> dict[str, str]:
    """Return the version texts of the cryptographic libraries, for Diagnostics."""
    return primitives.library_versions()
