"""Key slots open with their own key only."""

import pytest

from companion.crypto import keyslots
from companion.crypto.keyslots import KdfParameters
from companion.errors import WrongKey

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


@pytest.mark.parametrize("values", [{"t": 0}, {"t": 65}, {"m_kib": 7}, {"m_kib": 2**31}, {"p": 2}, {"p": 0}])
def test_forged_costs_are_refused(values):
    with pytest.raises(ValueError, match="must be"):
        KdfParameters(**values)


def test_short_salt_and_short_master_are_programming_errors():
    with pytest.raises(ValueError, match="salt"):
        keyslots.passphrase_key("words", bytes(15), FAST)
    with pytest.raises(ValueError, match="master"):
        keyslots.wrap(bytes(32), bytes(31), b"")


def test_default_cost_is_64_mib():
    assert KdfParameters() == KdfParameters(t=3, m_kib=65_536, p=1)
