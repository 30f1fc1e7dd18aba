"""The self-test passes here, is quick, and notices a broken primitive."""

import time

import pytest

from companion.crypto import primitives, selftest
from companion.errors import CryptoError


def test_every_check_passes_quickly():
    started = time.process_time()
    results = selftest.run()
    assert time.process_time() - started < 0.5
    assert len(results) == 8
    assert all(result.passed for result in results)


@pytest.mark.parametrize(
    ("broken", "noticed"),
    [
        ("aead_encrypt", "AES-256-GCM"),
        ("hkdf", "HKDF-SHA-256"),
        ("dh", "X25519"),
        ("sign", "Ed25519"),
        ("argon2id", "Argon2id"),
        ("hkdf_extract", "HPKE"),
        ("hkdf_expand", "Chunked files"),
    ],
)
def test_broken_primitive_is_noticed(monkeypatch, broken, noticed):
    right = getattr(primitives, broken)
    monkeypatch.setattr(primitives, broken, lambda *args, **kwargs: bytes(len(right(*args, **kwargs))))
    assert {result.name: result.passed for result in selftest.run()}[noticed] is False


@pytest.mark.parametrize("unchecked", ["aead_open", "verify"])
def test_primitive_that_accepts_everything_is_noticed(monkeypatch, unchecked):
    monkeypatch.setattr(primitives, unchecked, lambda *args: b"")
    assert not all(result.passed for result in selftest.run())


def test_primitive_that_this_device_lacks_is_not_passed(monkeypatch):
    def missing(*args):
        raise CryptoError("not here")

    monkeypatch.setattr(primitives, "dh", missing)
    assert {result.name: result.passed for result in selftest.run()}["X25519"] is False


def test_versions_name_both_libraries():
    versions = selftest.versions()
    assert set(versions) == {"cryptography", "OpenSSL"}
    assert "OpenSSL" in versions["OpenSSL"]
