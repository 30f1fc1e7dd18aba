"""Key slots open with their own key only."""

import pytest
from argon2.exceptions import HashingError

from companion.crypto import keyslots
from companion.crypto.keyslots import KdfParameters
from companion.errors import LowMemory, WrongKey

FAST = KdfParameters(t=1, m_kib=64, p=1)
SALT = bytes(range(16))
MASTER = bytes(range(32))


def test_slot_opens_with_its_passphrase():
    slot = keyslots.wrap(keyslots.passphrase_key("a long walk", SALT, FAST), MASTER, b"vault|1")
    assert keyslots.unwrap(keyslots.passphrase_key("a long walk", SALT, FAST), slot, b"vault|1") == MASTER


def test_wrong_passphrase_is_a_wrong_key():
    slot = keyslots.wrap(keyslots.passphrase_key("a long walk", SALT, FAST), MASTER, b"")
    with pytest.raises(WrongKey):
        keyslots.unwrap(keyslots.passphrase_key("a long talk", SALT, FAST), slot, b"")


def test_slot_of_another_vault_is_a_wrong_key():
    slot = keyslots.wrap(bytes(32), MASTER, b"vault|1")
    with pytest.raises(WrongKey):
        keyslots.unwrap(bytes(32), slot, b"vault|2")


def test_truncated_slot_is_a_wrong_key():
    slot = keyslots.wrap(bytes(32), MASTER, b"")
    for length in range(len(slot)):
        with pytest.raises(WrongKey):
            keyslots.unwrap(bytes(32), slot[:length], b"")


def test_composed_and_decomposed_letters_are_one_passphrase():
    assert keyslots.passphrase_key("caf\u00e9", SALT, FAST) == keyslots.passphrase_key("cafe\u0301", SALT, FAST)


@pytest.mark.parametrize(
    ("typed", "changed"),
    [
        ("it's a long walk", "it\u2019s a long walk"),
        ('say "hello" twice', "say \u201chello\u201d twice"),
        ("one -- two three", "one \u2014 two three"),
        ("three kettles", "three kettles "),
        ("three kettles", "three\u00a0\u200bkettles"),
    ],
    ids=["apostrophe", "quotes", "dash", "space at the end", "spaces"],
)
def test_what_a_keyboard_changes_by_itself_leaves_the_passphrase_what_it_is(typed, changed):
    assert keyslots.passphrase_key(typed, SALT, FAST) == keyslots.passphrase_key(changed, SALT, FAST)


@pytest.mark.parametrize("other", ["Three kettles", "threekettles", "three kettles!", "thr\u00e9e kettles"])
def test_what_a_person_changes_makes_another_passphrase(other):
    assert keyslots.passphrase_key("three kettles", SALT, FAST) != keyslots.passphrase_key(other, SALT, FAST)


def test_every_parameter_and_the_salt_change_the_key():
    keys = {
        keyslots.passphrase_key("words", salt, parameters)
        for salt, parameters in (
            (SALT, FAST),
            (bytes(16), FAST),
            (SALT, KdfParameters(t=2, m_kib=64)),
            (SALT, KdfParameters(t=1, m_kib=72)),
        )
    }
    assert len(keys) == 4


FORGED = [
    *({"t": 0}, {"t": 17}, {"m_kib": 7}, {"m_kib": 262_145}, {"m_kib": 2**31}, {"p": 2}, {"p": 0}),
    *({"t": 16, "m_kib": 65_537}, {"t": 5, "m_kib": 262_144}),
]


@pytest.mark.parametrize("values", FORGED)
def test_forged_costs_are_refused(values):
    with pytest.raises(ValueError, match="must be"):
        KdfParameters(**values)


def test_the_dearest_cost_that_is_taken_is_one_that_a_device_can_pay():
    assert KdfParameters(t=16, m_kib=65_536).t == 16
    assert KdfParameters(t=4, m_kib=262_144).m_kib == 262_144


def test_another_master_key_is_locked_to_a_slot_without_its_secret():
    secret, other = bytes(range(32)), bytes(range(32, 64))
    public = keyslots.slot_public(secret)
    locked = keyslots.lock(public, MASTER, b"vault|1")
    assert keyslots.unlock(secret, locked, b"vault|1") == MASTER
    assert keyslots.unlock(secret, keyslots.lock(public, other, b"vault|1"), b"vault|1") == other
    for wrong in ((other, locked, b"vault|1"), (secret, locked, b"vault|2"), (secret, locked[:-1], b"vault|1")):
        with pytest.raises(WrongKey):
            keyslots.unlock(*wrong)


def test_no_room_for_the_memory_is_an_error_of_its_own_and_no_wrong_key(monkeypatch):
    def no_room(*_: object) -> bytes:
        raise HashingError("Memory allocation error")

    monkeypatch.setattr("companion.crypto.primitives.hash_secret_raw", no_room)
    with pytest.raises(LowMemory):
        keyslots.passphrase_key("words", SALT, FAST)


def test_short_salt_and_short_master_are_programming_errors():
    with pytest.raises(ValueError, match="salt"):
        keyslots.passphrase_key("words", bytes(15), FAST)
    with pytest.raises(ValueError, match="master"):
        keyslots.wrap(bytes(32), bytes(31), b"")


def test_default_cost_is_64_mib():
    assert KdfParameters() == KdfParameters(t=3, m_kib=65_536, p=1)
