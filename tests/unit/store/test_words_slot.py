"""The recovery words open a store that was locked to their slot's public key by a device that does not know them."""

import json
import shutil

import pytest

from companion.crypto.keyslots import slot_public, words_secret
from companion.errors import CryptoError, OtherKeyNeeded, StoreError, WrongKey
from services.store.keyfile import RECOVERY
from services.store.sealing import subkey
from services.store.store import SealedStore
from tests.unit.store.test_rotation import FAST, GOLDEN, GOLDEN_PASSPHRASE, PASSPHRASE, WORDS
from tests.unit.store.test_rotation import RECOVERY as OTHER_WORDS

SLOT = slot_public(words_secret(WORDS))


def opened(directory, **key):
    SealedStore.unlock(directory, **key).lock()


@pytest.fixture
def bare(tmp_path):
    """A store that no words open, as a linked device begins with."""
    store = SealedStore.create(tmp_path / "bare", passphrase=PASSPHRASE, recovery=None, kdf=FAST)
    store.table("journal").insert({"n": 1})
    yield store
    store.lock()


def test_a_store_without_words_says_so(bare):
    assert (bare.slots, bare.words_slot) == ({"passphrase"}, b"")


def test_a_store_is_locked_to_words_that_nobody_typed_here(bare, tmp_path):
    master = bare.storage.sealer().master
    bare.lock_to_words(SLOT)
    assert (bare.slots, bare.words_slot) == ({"passphrase", "recovery"}, SLOT)
    assert bare.storage.sealer().master == master  # nothing was taken away: nothing is sealed again
    bare.lock()
    opened(tmp_path / "bare", recovery=WORDS)
    opened(tmp_path / "bare", passphrase=PASSPHRASE)


def test_the_same_words_have_the_same_slot_in_every_store(bare, store):
    bare.lock_to_words(slot_public(words_secret(OTHER_WORDS)))
    assert bare.words_slot == store.words_slot != b""


def test_words_that_another_slot_replaces_open_nothing_any_more(store, directory):
    store.lock_to_words(SLOT)
    store.lock()
    opened(directory, recovery=WORDS)
    opened(directory, passphrase=PASSPHRASE)
    with pytest.raises(WrongKey):
        opened(directory, recovery=OTHER_WORDS)


def test_a_slot_that_is_no_key_changes_nothing(store, directory):
    before = (directory / "keys.json").read_bytes()
    with pytest.raises(CryptoError):
        store.lock_to_words(bytes(32))
    assert (directory / "keys.json").read_bytes() == before


def test_a_slot_of_november_under_a_key_of_its_own_store_still_opens(store, directory):
    ring, master = store._ring, store.storage.sealer().master
    own = subkey(OTHER_WORDS, ring.file.store_id, RECOVERY.encode())
    ring._change(ring.file.with_public(RECOVERY, slot_public(own), master), master)
    store.lock()
    opened(directory, recovery=OTHER_WORDS)
    with pytest.raises(WrongKey):
        opened(directory, recovery=WORDS)


def test_a_store_of_the_first_release_needs_its_words_typed(tmp_path):
    store = SealedStore.unlock(shutil.copytree(GOLDEN, tmp_path / "store"), passphrase=GOLDEN_PASSPHRASE)
    assert store.words_slot == b""
    with pytest.raises(OtherKeyNeeded):
        store.lock_to_words(SLOT)
    store.lock()


def test_a_locked_store_is_locked_to_no_words(bare):
    bare.lock()
    with pytest.raises(StoreError):
        bare.lock_to_words(SLOT)


def test_the_key_file_holds_nothing_of_the_words_but_the_slot(bare, tmp_path):
    bare.lock_to_words(SLOT)
    bare.lock()
    content = json.loads((tmp_path / "bare" / "keys.json").read_text())
    (slot,) = [one for one in content["slots"] if one["kind"] == RECOVERY]
    assert slot["public"] == SLOT.hex()
    assert words_secret(WORDS).hex() not in json.dumps(content)
