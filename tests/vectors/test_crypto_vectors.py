"""Known answers of the standards, from `tests/vectors/crypto`."""

import json
from pathlib import Path

import pytest

from companion.crypto import hpke, primitives, words
from companion.crypto.primitives import Aead
from companion.errors import CryptoError, WrongWords

FOLDER = Path(__file__).parent / "crypto"


def cases(name):
    loaded = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert loaded, "a file of which nothing runs is a failure"
    return [pytest.param(case, id=case["source"]) for case in loaded]


def raw(case, field):
    return bytes.fromhex(case[field])


@pytest.mark.parametrize("case", cases("hpke"))
def test_hpke(case):
    suite = hpke.Hpke(Aead(case["aead_id"]))
    private, public = hpke.derive_keypair(raw(case, "ikmR"))
    assert (private, public) == (raw(case, "skRm"), raw(case, "pkRm"))
    blob = suite.seal(public, raw(case, "info"), raw(case, "pt"), raw(case, "aad"), lambda n: raw(case, "ikmE"))
    assert blob == raw(case, "enc") + raw(case, "ct")
    assert suite.open_sealed(private, raw(case, "info"), blob, raw(case, "aad")) == raw(case, "pt")
    for export in case["exports"]:
        secret = suite.receive_export(
            private, raw(case, "enc"), raw(case, "info"), raw(export, "context"), export["length"]
        )
        assert secret == raw(export, "value")


@pytest.mark.parametrize("case", cases("hkdf"))
def test_hkdf(case):
    assert primitives.hkdf(raw(case, "ikm"), raw(case, "info"), case["length"], raw(case, "salt")) == raw(case, "okm")


@pytest.mark.parametrize("case", cases("ed25519"))
def test_ed25519(case):
    assert primitives.signing_public(raw(case, "private")) == raw(case, "public")
    assert primitives.sign(raw(case, "private"), raw(case, "message")) == raw(case, "signature")
    primitives.verify(raw(case, "public"), raw(case, "signature"), raw(case, "message"))


@pytest.mark.parametrize("case", cases("x25519"))
def test_x25519(case):
    if case["error"] == "low order":
        with pytest.raises(CryptoError):
            primitives.dh(raw(case, "private"), raw(case, "public"))
    else:
        assert primitives.dh(raw(case, "private"), raw(case, "public")) == raw(case, "shared")


@pytest.mark.parametrize("case", cases("aead"))
def test_aead(case):
    aead = Aead[case["aead"]]
    key, nonce, aad = raw(case, "key"), raw(case, "nonce"), raw(case, "aad")
    assert primitives.aead_encrypt(aead, key, nonce, raw(case, "plaintext"), aad) == raw(case, "sealed")
    assert primitives.aead_decrypt(aead, key, nonce, raw(case, "sealed"), aad) == raw(case, "plaintext")


@pytest.mark.parametrize("case", cases("argon2id"))
def test_argon2id(case):
    answer = primitives.argon2id(
        raw(case, "password"), raw(case, "salt"), passes=case["t"], memory_kib=case["m_kib"], lanes=case["p"]
    )
    assert answer == raw(case, "hash")


@pytest.mark.parametrize("case", cases("bip39"))
def test_bip39(case):
    if case["error"] == "wrong words":
        with pytest.raises(WrongWords):
            words.key_from_words(case["words"])
    else:
        assert " ".join(words.words_from_key(raw(case, "entropy"))) == case["words"]
        assert words.key_from_words(case["words"]) == raw(case, "entropy")
