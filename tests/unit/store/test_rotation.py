"""The key file is covered by the store, and a key that was changed or taken away opens nothing any more."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from companion.crypto.keyslots import KdfParameters, slot_public, words_secret
from companion.errors import OtherKeyNeeded, StoreError, Tampered, WrongKey
from companion.ports import Anchor
from services.store.blobs import BlobRef
from services.store.checking import salvage
from services.store.keyfile import NEXT_NAME, read_key_file
from services.store.sealing import StoreSealer
from services.store.storage import SealedStorage
from services.store.store import SealedStore

FAST = KdfParameters(t=1, m_kib=8)
PASSPHRASE, NEW = "correct horse battery", "three kettles and a lantern"
RECOVERY, WORDS = bytes(range(32)), bytes(range(50, 82))
KEYSTORE = bytes(range(100, 132))
GOLDEN = Path(__file__).parents[2] / "data" / "store_v1"
GOLDEN_PASSPHRASE = "golden passphrase é"


@pytest.fixture
def filled(store):
    store.table("journal").insert_multiple([{"n": n, "text": "words " * 20} for n in range(1_200)])
    store.table("journal").remove(doc_ids=[7, 600])
    store.table("journal").update({"n": -1}, doc_ids=[5])
    store.table("chat").insert({"sound": store.blobs.put(b"sound" * 9_000).to_doc()})
    store.table("empty").insert({})
    store.table("empty").truncate()
    return store


BY_PASSPHRASE, BY_WORDS, BY_DEVICE = {"passphrase": PASSPHRASE}, {"recovery": RECOVERY}, {"keystore": KEYSTORE}
CHANGES = {
    "passphrase": (
        lambda store: store.rekey(passphrase=NEW, kdf=FAST),
        BY_PASSPHRASE,
        [{"passphrase": NEW}, BY_WORDS, BY_DEVICE],
    ),
    "recovery": (
        lambda store: store.rekey(recovery=WORDS),
        BY_WORDS,
        [{"recovery": WORDS}, BY_PASSPHRASE, BY_DEVICE],
    ),
    "other words by their slot": (
        lambda store: store.lock_to_words(slot_public(words_secret(WORDS))),
        BY_WORDS,
        [{"recovery": WORDS}, BY_PASSPHRASE, BY_DEVICE],
    ),
    "keystore": (
        lambda store: store.rekey(keystore=WORDS),
        BY_DEVICE,
        [{"keystore": WORDS}, BY_PASSPHRASE, BY_WORDS],
    ),
    "keystore removed": (lambda store: store.remove_slot("keystore"), BY_DEVICE, [BY_PASSPHRASE, BY_WORDS]),
    "recovery removed": (lambda store: store.remove_slot("recovery"), BY_WORDS, [BY_PASSPHRASE, BY_DEVICE]),
}
"""What is changed, what opened the store before, and what opens it afterwards."""


@pytest.mark.parametrize(("change", "old", "left"), CHANGES.values(), ids=CHANGES.keys())
def test_what_a_changed_key_opened_it_opens_no_more_whatever_is_put_back(
    filled, directory, tmp_path, change, old, left
):
    filled.rekey(keystore=KEYSTORE)
    before = filled.storage.read()
    filled.idle()
    shutil.copytree(directory, tmp_path / "older")
    master = read_key_file(directory).master_key(**old)
    change(filled)
    assert filled.storage.read() == before
    filled.lock()
    with pytest.raises(WrongKey):
        SealedStore.unlock(directory, **old)
    now = (directory / "keys.json").read_bytes()
    shutil.copy(tmp_path / "older" / "keys.json", directory / "keys.json")
    with pytest.raises(Tampered) as caught:
        SealedStore.unlock(directory, **old)
    assert caught.value.kind == "oldkeys"
    with pytest.raises(Tampered):
        SealedStore.unlock(directory, passphrase=NEW)  # not "wrong passphrase": the file is
    sealer = StoreSealer(master, read_key_file(directory).store_id)
    with sqlite3.connect(directory / "store.db") as connection:
        records = dict(connection.execute("SELECT k, v FROM meta"))
        rows = connection.execute("SELECT k >> 40, k & 0xFFFFFFFFFF, ver, blob FROM row").fetchall()
    connection.close()
    with pytest.raises(Tampered):
        sealer.open_root(records["root"])
    for name, record in records.items():
        if name.startswith("table:"):
            with pytest.raises(Tampered):
                sealer.open_table_record(int(name[6:]), record)
    with sqlite3.connect(tmp_path / "older" / "store.db") as connection:
        old_records = dict(connection.execute("SELECT k, v FROM meta WHERE k LIKE 'table:%'"))
    connection.close()
    for table_id, number, version, blob in rows:
        secret = sealer.open_table_record(table_id, old_records[f"table:{table_id}"])[0]
        with pytest.raises(Tampered):
            sealer.table(table_id, secret).open_row(number, version, blob)
    assert len(rows) == 1_199
    (directory / "keys.json").write_bytes(now)
    for key in left:
        store = SealedStore.unlock(directory, **key)
        assert store.storage.read() == before
        assert store.verify().is_sound
        store.lock()


def test_adding_a_key_seals_nothing_again(filled, directory):
    filled.idle()
    rows = sqlite_rows(directory)
    filled.rekey(keystore=KEYSTORE)
    filled.idle()
    assert sqlite_rows(directory) == rows
    filled.lock()
    SealedStore.unlock(directory, keystore=KEYSTORE).lock()


def sqlite_rows(directory: Path) -> list[tuple[int, int, bytes]]:
    """Read beside the store: it holds the file, so a copy is looked at."""
    copy = shutil.copy(directory / "store.db", directory.parent / "copy.db")
    with sqlite3.connect(copy) as connection:
        rows = connection.execute("SELECT k, ver, blob FROM row").fetchall()
    connection.close()
    return rows


def test_no_row_of_before_is_left_in_any_file(filled, directory):
    filled.idle()
    blobs = [blob for _, _, blob in sqlite_rows(directory)]
    filled.rekey(passphrase=NEW, kdf=FAST)
    for file in ("store.db", "store.db-wal"):
        content = (directory / file).read_bytes()
        assert not any(blob[:40] in content for blob in blobs)


def planted(text: str) -> str:
    """A slot that somebody added."""
    content = json.loads(text)
    content["slots"].append({"kind": "keystore", "public": "11" * 32, "locked": "22" * 80})
    return json.dumps(content)


def swapped(text: str) -> str:
    """Somebody's own public key in the place of mine: the next change of keys would lock everything to it."""
    content = json.loads(text)
    content["slots"][1]["public"] = "33" * 32
    return json.dumps(content)


@pytest.mark.parametrize("change", [planted, swapped, lambda text: text + " ", lambda text: text.replace("1", "2", 1)])
def test_a_key_file_that_was_changed_is_named(filled, directory, change):
    filled.lock()
    (directory / "keys.json").write_text(change((directory / "keys.json").read_text()))
    with pytest.raises(Tampered) as caught:
        SealedStore.unlock(directory, passphrase=PASSPHRASE)
    assert caught.value.kind in ("oldkeys", "keys")


def test_a_rescue_copy_takes_no_slot_along_that_the_root_does_not_know(filled, directory, tmp_path):
    filled.lock()
    (directory / "keys.json").write_text(swapped((directory / "keys.json").read_text()))
    salvage(directory, tmp_path / "saved", passphrase=PASSPHRASE)
    store = SealedStore.unlock(tmp_path / "saved", passphrase=PASSPHRASE)
    assert store.slots == {"passphrase"}
    assert len(store.table("journal")) == 1_198
    assert store.verify().is_sound
    store.lock()


def test_a_rescue_copy_of_a_sound_key_file_keeps_every_slot(filled, directory, tmp_path):
    filled.lock()
    salvage(directory, tmp_path / "saved", passphrase=PASSPHRASE)
    SealedStore.unlock(tmp_path / "saved", recovery=RECOVERY).lock()


def test_a_damaged_part_is_not_sealed_anew_and_the_old_keys_hold(filled, directory):
    filled.lock()
    with sqlite3.connect(directory / "store.db") as connection:
        connection.execute("DELETE FROM row WHERE k = ?", ((1 << 40) + 9,))
    connection.close()
    store = SealedStore.unlock(directory, passphrase=PASSPHRASE)
    with pytest.raises(Tampered) as caught:
        store.rekey(passphrase=NEW, kdf=FAST)
    assert caught.value.part == "journal"
    assert not (directory / NEXT_NAME).exists()
    store.table("chat").insert({"n": 2})
    store.lock()
    store = SealedStore.unlock(directory, passphrase=PASSPHRASE)
    assert len(store.table("chat")) == 2
    store.lock()


class TestCrash:
    @pytest.fixture
    def stages(self, filled, directory, tmp_path, monkeypatch) -> dict[str, Path]:
        """The folder as a crash leaves it at each step of a change of the passphrase."""
        filled.idle()
        stages = {"before the commit": tmp_path / "1", "after the commit": tmp_path / "2"}
        real = SealedStorage.take_keys

        def slowly(storage, sealer, keys):
            shutil.copytree(directory, stages["before the commit"])
            real(storage, sealer, keys)
            shutil.copytree(directory, stages["after the commit"])

        monkeypatch.setattr(SealedStorage, "take_keys", slowly)
        filled.rekey(passphrase=NEW, kdf=FAST)
        filled.lock()
        return stages

    @pytest.mark.parametrize(
        ("stage", "holds", "gone"),
        [("before the commit", PASSPHRASE, NEW), ("after the commit", NEW, PASSPHRASE)],
    )
    def test_either_the_old_keys_hold_or_the_new_ones(self, stages, stage, holds, gone):
        assert (stages[stage] / NEXT_NAME).exists()
        with pytest.raises(WrongKey):
            SealedStore.unlock(stages[stage], passphrase=gone)
        assert not (stages[stage] / NEXT_NAME).exists()
        store = SealedStore.unlock(stages[stage], passphrase=holds)
        assert len(store.table("journal")) == 1_198
        assert store.verify().is_sound
        store.lock()
        SealedStore.unlock(stages[stage], recovery=RECOVERY).lock()

    @pytest.mark.parametrize(("stage", "holds"), [("before the commit", PASSPHRASE), ("after the commit", NEW)])
    def test_a_rescue_copy_is_made_with_the_keys_that_hold(self, stages, tmp_path, stage, holds):
        salvage(stages[stage], tmp_path / "saved", passphrase=holds)
        store = SealedStore.unlock(tmp_path / "saved", passphrase=holds)
        assert (len(store.table("journal")), store.slots) == (1_198, {"passphrase", "recovery"})
        store.lock()

    def test_a_file_that_cannot_take_its_place_does_so_later(self, filled, directory, monkeypatch):
        real = Path.replace

        def refuse(self, target):
            if self.name == NEXT_NAME:
                raise OSError(5, "broken")
            return real(self, target)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", refuse)
            filled.rekey(passphrase=NEW, kdf=FAST)
        filled.table("journal").insert({"n": 1})
        filled.lock()
        store = SealedStore.unlock(directory, passphrase=NEW)
        assert len(store.table("journal")) == 1_199
        store.lock()


class TestAnchor:
    def anchor(self, store: SealedStore) -> Anchor:
        return Anchor(store_id=store.store_id, commit=store.commit, keys=store.anchor.keys)

    def test_keys_that_changed_since_are_no_question(self, filled, directory):
        anchor = self.anchor(filled)
        filled.rekey(passphrase=NEW, kdf=FAST)
        filled.lock()
        store = SealedStore.unlock(directory, passphrase=NEW, anchor=anchor)
        assert store.rollback == ""
        assert self.anchor(store).keys != anchor.keys
        store.lock()

    def test_an_older_copy_that_went_on_under_the_old_passphrase_is_asked_about(self, filled, directory, tmp_path):
        """Its number is larger than what is remembered; only the keys give it away."""
        filled.idle()
        shutil.copytree(directory, tmp_path / "older")
        filled.rekey(passphrase=NEW, kdf=FAST)
        anchor = self.anchor(filled)
        filled.lock()
        older = SealedStore.unlock(tmp_path / "older", passphrase=PASSPHRASE)
        for n in range(5):
            older.table("journal").insert({"n": n})
        older.lock()
        store = SealedStore.unlock(tmp_path / "older", passphrase=PASSPHRASE, anchor=anchor)
        assert store.rollback == "replaced"
        store.accept_rollback()
        store.table("journal").insert({"n": 6})
        again = self.anchor(store)
        store.lock()
        store = SealedStore.unlock(tmp_path / "older", passphrase=PASSPHRASE, anchor=again)
        assert store.rollback == ""
        store.lock()


class TestFirstRelease:
    """A store of 0.1.0: its slots hold the master key under the secret itself."""

    @pytest.fixture
    def directory(self, tmp_path) -> Path:
        return Path(shutil.copytree(GOLDEN, tmp_path / "store"))

    def test_its_key_file_is_covered_from_the_first_commit_on(self, directory):
        store = SealedStore.unlock(directory, passphrase=GOLDEN_PASSPHRASE)
        store.table("journal").insert({"_id": "new"})
        store.lock()
        text = (directory / "keys.json").read_text()
        (directory / "keys.json").write_text(text + " ")
        with pytest.raises(Tampered) as caught:
            SealedStore.unlock(directory, passphrase=GOLDEN_PASSPHRASE)
        assert caught.value.kind == "oldkeys"
        (directory / "keys.json").write_text(text)
        store = SealedStore.unlock(directory, recovery=bytes(range(32)))
        assert store.verify().is_sound
        store.lock()
        data = (directory / "store.db").read_bytes()
        assert int.from_bytes(data[60:64], "big") == 2  # release 0.1.0 leaves it alone

    @pytest.mark.parametrize(
        ("change", "proof", "left"),
        [
            ({"passphrase": NEW}, bytes(range(32)), {"recovery": bytes(range(32))}),
            ({"recovery": WORDS}, GOLDEN_PASSPHRASE, {"passphrase": GOLDEN_PASSPHRASE}),
        ],
    )
    def test_a_changed_key_locks_everything_anew(self, directory, change, proof, left):
        old_keys = (directory / "keys.json").read_bytes()
        store = SealedStore.unlock(directory, passphrase=GOLDEN_PASSPHRASE)
        before = store.storage.read()
        store.rekey(**change, proof=proof, kdf=FAST)
        assert store.slots == {"passphrase", "recovery"}  # the device's key has to be made anew
        store.lock()
        for key in (change, left):
            store = SealedStore.unlock(directory, **key)
            assert store.storage.read() == before
            store.lock()
        (directory / "keys.json").write_bytes(old_keys)
        for old in (
            {"passphrase": GOLDEN_PASSPHRASE},
            {"recovery": bytes(range(32))},
            {"keystore": bytes(range(100, 132))},
        ):
            with pytest.raises(Tampered):
                SealedStore.unlock(directory, **old)

    @pytest.mark.parametrize(
        ("change", "proof", "error"),
        [
            ({"passphrase": NEW}, GOLDEN_PASSPHRASE, OtherKeyNeeded),
            ({"passphrase": NEW}, None, OtherKeyNeeded),
            ({"recovery": WORDS}, bytes(range(32)), OtherKeyNeeded),
            ({"passphrase": NEW}, WORDS, WrongKey),
        ],
    )
    def test_without_the_other_key_nothing_changes(self, directory, change, proof, error):
        before = (directory / "keys.json").read_bytes()
        store = SealedStore.unlock(directory, passphrase=GOLDEN_PASSPHRASE)
        with pytest.raises(error):
            store.rekey(**change, proof=proof, kdf=FAST)
        store.lock()
        assert (directory / "keys.json").read_bytes() == before

    def test_its_blobs_are_read_after_a_change_of_keys(self, directory):
        store = SealedStore.unlock(directory, passphrase=GOLDEN_PASSPHRASE)
        store.rekey(recovery=WORDS, proof=GOLDEN_PASSPHRASE, kdf=FAST)
        ref = BlobRef.from_doc(store.table("stories").all()[0]["sound"])
        with store.blobs.reader(ref) as blob:
            assert blob.read_at(0, 100_000) == b"sound" * 8000
        store.lock()

    def test_the_devices_key_is_added_and_taken_away_as_before(self, directory):
        store = SealedStore.unlock(directory, passphrase=GOLDEN_PASSPHRASE)
        store.remove_slot("keystore")
        store.rekey(keystore=KEYSTORE)
        store.lock()
        SealedStore.unlock(directory, keystore=KEYSTORE).lock()


def test_the_last_key_stays(store):
    store.remove_slot("recovery")
    with pytest.raises(StoreError):
        store.remove_slot("passphrase")
