"""Changing keys, purging, and the commit that a device remembers."""

import shutil
import sqlite3
from unittest.mock import patch

import pytest

from companion.crypto.keyslots import KdfParameters, to_the_letter
from companion.errors import RolledBack, StoreError, Tampered, WrongKey
from companion.ports import Anchor
from services.store.keyfile import calibrated, read_key_file
from services.store.sealing import StoreSealer
from services.store.store import SealedStore

FAST = KdfParameters(t=1, m_kib=8)
PASSPHRASE = "correct horse battery"
RECOVERY = bytes(range(32))
KEYSTORE = bytes(range(100, 132))


def anchor(directory, commit: int) -> Anchor:
    return Anchor(store_id=read_key_file(directory).store_id.hex(), commit=commit)


def opens(directory, **key) -> bool:
    try:
        store = SealedStore.unlock(directory, **key)
    except WrongKey:
        return False
    content = store.table("journal").all()
    store.lock()
    return content == [{"n": 1}]


@pytest.mark.parametrize(("took_s", "passes"), [(0.1, 12), (0.2, 6), (0.4, 3), (2.0, 3), (0.0, 12)])
def test_the_cost_of_a_passphrase_fits_the_device_and_never_falls_below_the_usual(took_s, passes):
    times = iter([10.0, 10.0 + took_s])
    cost = calibrated(lambda: next(times))
    assert (cost.t, cost.m_kib, cost.p) == (passes, 65_536, 1)


@pytest.fixture
def filled(store):
    store.table("journal").insert({"n": 1})
    return store


def test_a_new_passphrase_replaces_the_old_one_and_goes_on_with_what_is_in_memory(filled, directory):
    before = filled.storage.read()
    filled.rekey(passphrase="another passphrase", kdf=KdfParameters(t=2, m_kib=16))
    assert filled.storage.read() == before
    filled.table("journal").remove(doc_ids=[filled.table("journal").insert({"n": 2})])
    filled.lock()
    assert not opens(directory, passphrase=PASSPHRASE)
    assert opens(directory, passphrase="another passphrase")
    assert opens(directory, recovery=RECOVERY)
    assert read_key_file(directory).kdf == KdfParameters(t=2, m_kib=16)


def test_a_passphrase_with_curly_marks_that_an_earlier_release_took_to_the_letter_still_opens(filled, directory):
    with patch("companion.crypto.keyslots.passphrase_key.__kwdefaults__", {"form": to_the_letter}):
        filled.rekey(passphrase="it\u2019s a long walk", kdf=FAST)
    filled.lock()
    assert opens(directory, passphrase="it\u2019s a long walk")
    assert not opens(directory, passphrase="it\u2019s a long talk")
    assert not opens(directory, passphrase="it's a long walk")


def test_keystore_and_recovery_slots_can_be_added_replaced_and_removed(filled, directory):
    assert filled.slots == {"passphrase", "recovery"}
    filled.rekey(keystore=KEYSTORE, recovery=bytes(32))
    assert filled.slots == {"passphrase", "recovery", "keystore"}
    filled.lock()
    assert opens(directory, keystore=KEYSTORE)
    assert opens(directory, recovery=bytes(32))
    assert not opens(directory, recovery=RECOVERY)
    store = SealedStore.unlock(directory, keystore=KEYSTORE)
    store.remove_slot("keystore")
    store.remove_slot("recovery")
    with pytest.raises(StoreError):
        store.remove_slot("passphrase")
    store.lock()
    assert not opens(directory, keystore=KEYSTORE)
    assert not opens(directory, recovery=bytes(32))
    assert opens(directory, passphrase=PASSPHRASE)


def test_one_slots_wrap_does_not_fit_another(filled, directory):
    filled.lock()
    text = (directory / "keys.json").read_text().replace('"kind": "recovery"', '"kind": "keystore"')
    (directory / "keys.json").write_text(text)
    with pytest.raises(WrongKey):
        read_key_file(directory).master_key(keystore=RECOVERY)
    with pytest.raises(Tampered):
        opens(directory, keystore=RECOVERY)


def test_a_locked_store_gives_no_new_keys(filled):
    filled.lock()
    with pytest.raises(StoreError):
        filled.rekey(passphrase="another passphrase")
    with pytest.raises(StoreError):
        filled.remove_slot("recovery")
    with pytest.raises(StoreError):
        filled.verify()


def test_keys_that_cannot_be_written_leave_the_old_ones(filled, directory):
    (directory / "keys.json.next.tmp").mkdir()
    with pytest.raises(StoreError):
        filled.rekey(passphrase="another passphrase")
    filled.lock()
    (directory / "keys.json.next.tmp").rmdir()
    assert opens(directory, passphrase=PASSPHRASE)


def test_purge_seals_what_is_left_under_a_key_that_old_rows_do_not_open_with(filled, directory, tmp_path):
    filled.table("journal").insert({"n": 2})
    filled.table("other").insert({"n": 3})
    filled.idle()
    shutil.copy(directory / "store.db", tmp_path / "old.db")
    filled.table("journal").remove(doc_ids=[2])
    filled.purge("journal")
    filled.purge("nothing")
    assert filled.table("journal").all() == [{"n": 1}]
    assert (directory / "store.db-wal").stat().st_size == 0
    filled.table("journal").remove(doc_ids=[filled.table("journal").insert({"n": 4})])
    filled.table("journal").update({"n": 5}, doc_ids=[1])
    filled.table("journal").update({"n": 1}, doc_ids=[1])
    filled.lock()

    master = read_key_file(directory).master_key(passphrase=PASSPHRASE)
    sealer = StoreSealer(master, read_key_file(directory).store_id)
    with sqlite3.connect(directory / "store.db") as now, sqlite3.connect(tmp_path / "old.db") as old:
        (record,) = now.execute("SELECT v FROM meta WHERE k = 'table:1'").fetchone()
        rows = old.execute("SELECT k & 0xFFFFFFFFFF, ver, blob FROM row WHERE k >> 40 = 1").fetchall()
    now.close()
    old.close()
    table = sealer.table(1, sealer.open_table_record(1, record)[0])
    assert len(rows) == 2
    for row in rows:
        with pytest.raises(Tampered):
            table.open_row(*row)
    assert opens(directory, passphrase=PASSPHRASE)


def test_a_table_whose_first_commit_failed_is_readable_after_the_second(store, reopen, monkeypatch):
    """The key of a table that was never committed must not be kept for the next table with its number."""
    with monkeypatch.context() as failing:
        failing.setattr(store.storage._database, "commit", lambda writes: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.table("journal").insert({"n": 1})
    assert store.tables() == set()
    store.table("chat").insert({"n": 2})
    assert reopen().table("chat").all() == [{"n": 2}]


class TestRolledBack:
    @pytest.fixture
    def older(self, filled, directory, tmp_path):
        """The whole folder put back from an older copy."""
        filled.idle()
        commit = filled.commit
        shutil.copytree(directory, tmp_path / "copy")
        filled.table("journal").insert({"n": 2})
        filled.lock()
        shutil.rmtree(directory)
        shutil.copytree(tmp_path / "copy", directory)
        return commit

    def test_it_opens_for_reading_and_says_so(self, older, directory):
        before = (directory / "store.db").read_bytes()
        store = SealedStore.unlock(directory, passphrase=PASSPHRASE, anchor=anchor(directory, older + 1))
        assert store.is_rolled_back
        assert store.table("journal").all() == [{"n": 1}]
        for change in (
            lambda: store.table("journal").insert({"n": 3}),
            lambda: store.drop_tables(),
            lambda: store.purge("journal"),
            lambda: store.batch().__enter__(),
        ):
            with pytest.raises(RolledBack):
                change()
        store.idle()
        store.lock()
        assert (directory / "store.db").read_bytes() == before

    def test_the_person_may_accept_it_and_numbers_go_on_above_what_was_remembered(self, older, directory):
        store = SealedStore.unlock(directory, passphrase=PASSPHRASE, anchor=anchor(directory, older + 100))
        store.accept_rollback()
        assert not store.is_rolled_back
        store.table("journal").insert({"n": 3})
        assert store.commit == older + 101
        store.lock()
        store = SealedStore.unlock(directory, passphrase=PASSPHRASE, anchor=anchor(directory, older + 101))
        assert not store.is_rolled_back
        store.lock()

    def test_a_store_at_or_after_the_anchor_is_not_rolled_back(self, older, directory):
        store = SealedStore.unlock(directory, passphrase=PASSPHRASE, anchor=anchor(directory, older))
        assert not store.is_rolled_back
        store.lock()

    def test_another_store_in_its_place_is_noticed_however_far_it_has_come(self, older, directory):
        store = SealedStore.unlock(directory, passphrase=PASSPHRASE, anchor=Anchor(store_id="00" * 16, commit=0))
        assert store.rollback == "replaced"
        with pytest.raises(RolledBack):
            store.table("journal").insert({"n": 3})
        store.accept_rollback()
        store.table("journal").insert({"n": 3})
        assert (store.rollback, store.commit) == ("", older + 2)
        store.lock()
