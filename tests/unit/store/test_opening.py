"""Making, opening and locking a store, and the three errors that leave every file as it was."""

import hashlib
import json
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

from companion.crypto.keyslots import KdfParameters, slot_public
from companion.errors import StoreBusy, StoreError, Tampered, TooNew, WrongKey
from services.store.keyfile import read_key_file
from services.store.store import SealedStore

FAST = KdfParameters(t=1, m_kib=8)
PASSPHRASE = "correct horse battery"
RECOVERY = bytes(range(32))


def fingerprints(directory: Path) -> dict[str, str]:
    files = [path for path in directory.rglob("*") if path.is_file() and path.stat().st_size]
    return {str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def locked(store, directory: Path) -> Path:
    store.table("journal").insert_multiple([{"n": n} for n in range(20)])
    store.lock()
    return directory


def refused(directory: Path, error: type[Exception], passphrase: str = PASSPHRASE) -> None:
    before = fingerprints(directory)
    with pytest.raises(error):
        SealedStore.unlock(directory, passphrase=passphrase)
    assert fingerprints(directory) == before


def test_a_store_exists_once_it_was_made(directory):
    assert not SealedStore.exists(directory)
    SealedStore.create(directory, passphrase=PASSPHRASE, recovery=RECOVERY, kdf=FAST).lock()
    assert SealedStore.exists(directory)


def test_a_store_is_never_made_over_another(locked):
    before = fingerprints(locked)
    with pytest.raises(StoreError):
        SealedStore.create(locked, passphrase="another one", recovery=RECOVERY, kdf=FAST)
    (locked / "keys.json").unlink()
    with pytest.raises(StoreError):
        SealedStore.create(locked, passphrase="another one", recovery=RECOVERY, kdf=FAST)
    before.pop("keys.json")
    assert fingerprints(locked) == before


def test_recovery_secret_opens_too(locked):
    store = SealedStore.unlock(locked, recovery=RECOVERY)
    assert len(store.table("journal")) == 20
    store.lock()


def test_wrong_keys_are_refused(locked):
    refused(locked, WrongKey, passphrase="correct horse batterx")
    with pytest.raises(WrongKey):
        SealedStore.unlock(locked, recovery=bytes(32))
    with pytest.raises(WrongKey):
        SealedStore.unlock(locked, recovery=b"short")
    with pytest.raises(WrongKey):
        SealedStore.unlock(locked)


def test_a_passphrase_is_the_same_however_its_letters_are_composed(directory):
    SealedStore.create(directory, passphrase="caf\u00e9 au lait", recovery=RECOVERY, kdf=FAST).lock()
    SealedStore.unlock(directory, passphrase="cafe\u0301 au lait").lock()


def test_locking_drops_keys_documents_and_files(store, directory):
    table = store.table("journal")
    table.insert({"n": 1})
    writer = store.blobs.writer(b"sound")
    sealer = weakref.ref(store.storage._stored._sealer)
    store.lock()
    assert store.is_locked
    assert sealer() is None
    for use in (
        lambda: table.all(),
        lambda: table.insert({"n": 2}),
        lambda: store.tables(),
        lambda: store.blobs.writer(b""),
        lambda: writer.write(b"x"),
        lambda: store.window("journal"),
        lambda: store.batch().__enter__(),
    ):
        with pytest.raises(StoreError):
            use()
    assert not store._storage._stored._loaded
    assert not store._storage._stored._sealers
    store.lock()
    SealedStore.unlock(directory, passphrase=PASSPHRASE).lock()


def test_a_second_opening_is_refused_until_the_first_is_locked(store, directory):
    with pytest.raises(StoreBusy):
        SealedStore.unlock(directory, passphrase=PASSPHRASE)
    store.lock()
    SealedStore.unlock(directory, passphrase=PASSPHRASE).lock()


def test_a_second_process_is_refused(store, directory):
    script = (
        "import sys; from pathlib import Path; from services.store.store import SealedStore\n"
        "SealedStore.unlock(Path(sys.argv[1]), passphrase=sys.argv[2])"
    )
    child = subprocess.run(
        [sys.executable, "-c", script, str(directory), PASSPHRASE], capture_output=True, text=True, timeout=60
    )
    assert "StoreBusy" in child.stderr


def test_unlocking_where_nothing_is_raises_our_error_and_makes_nothing(tmp_path):
    with pytest.raises(StoreError):
        SealedStore.unlock(tmp_path / "nowhere", passphrase=PASSPHRASE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["keys.json", "store.db"])
def test_a_missing_file_is_damage(locked, name):
    (locked / name).unlink()
    assert SealedStore.exists(locked)
    refused(locked, Tampered)


def test_newer_key_file_is_refused(locked):
    content = json.loads((locked / "keys.json").read_text())
    (locked / "keys.json").write_text(json.dumps({**content, "v": 3}))
    refused(locked, TooNew)


def test_newer_database_is_refused(locked):
    data = bytearray((locked / "store.db").read_bytes())
    data[60:64] = (3).to_bytes(4, "big")  # SQLite's user_version
    (locked / "store.db").write_bytes(data)
    refused(locked, TooNew)


def test_a_root_that_does_not_open_is_refused_with_a_wal_left_by_a_crash(locked, tmp_path):
    store = SealedStore.unlock(locked, passphrase=PASSPHRASE)
    store.table("journal").insert({"n": 20})
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for name in ("keys.json", "store.db", "store.db-wal"):
        (crashed / name).write_bytes((locked / name).read_bytes())
    store.lock()
    keys = (crashed / "keys.json").read_bytes()
    other = SealedStore.create(tmp_path / "other", passphrase=PASSPHRASE, recovery=RECOVERY, kdf=FAST)
    other.lock()
    (crashed / "keys.json").write_bytes((tmp_path / "other" / "keys.json").read_bytes())
    assert (crashed / "store.db-wal").stat().st_size > 0
    refused(crashed, Tampered)
    (crashed / "keys.json").write_bytes(keys)
    store = SealedStore.unlock(crashed, passphrase=PASSPHRASE)
    assert len(store.table("journal")) == 21
    store.lock()


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.pop("slots"),
        lambda content: content["slots"][0].pop("public"),
        lambda content: content["slots"][0].update(public="00"),
        lambda content: content["kdf"].update(t=17),
        lambda content: content["kdf"].update(t=1e999),
        lambda content: content["kdf"].update(m=8.5),
        lambda content: content["kdf"].update(p=True),
        lambda content: content["kdf"].update(t="1"),
        lambda content: content["kdf"].update(m=262_145),
        lambda content: content["kdf"].update(t=16, m=65_537),
        lambda content: content.pop("v"),
        lambda content: content.update(v="1"),
        lambda content: content.update(v=0),
        lambda content: content.update(store_id="00"),
        lambda content: content["kdf"].update(m=2**40),
        lambda content: content["kdf"].update(t=0),
        lambda content: content["kdf"].update(salt="zz"),
        lambda content: content["kdf"].update(salt=""),
        lambda content: content["slots"].append("text"),
    ],
)
def test_a_key_file_that_makes_no_sense_is_refused(locked, change):
    content = json.loads((locked / "keys.json").read_text())
    change(content)
    (locked / "keys.json").write_text(json.dumps(content))
    refused(locked, Tampered)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 60_000, b" " * 70_000])
def test_a_key_file_that_does_not_parse_is_refused(locked, text):
    (locked / "keys.json").write_bytes(text)
    refused(locked, Tampered)


def test_cheaper_key_derivation_written_into_the_file_opens_nothing(locked):
    content = json.loads((locked / "keys.json").read_text())
    content["kdf"]["t"] = 2
    (locked / "keys.json").write_text(json.dumps(content))
    with pytest.raises(WrongKey):
        read_key_file(locked).master_key(passphrase=PASSPHRASE)
    refused(locked, Tampered)


def test_slots_of_other_kinds_are_kept_when_the_keys_change(store, locked):
    store = SealedStore.unlock(locked, passphrase=PASSPHRASE)
    master = store.storage.sealer().master
    store._ring._change(store._ring.file.with_slot("later", bytes(32), master), master)
    store.rekey(passphrase="another one", kdf=FAST)
    assert store.slots == {"passphrase", "recovery", "later"}
    master = store.storage.sealer().master
    store.lock()
    file = read_key_file(locked)
    assert file.master_key(recovery=RECOVERY) == master
    assert file.slots["later"][:32] == slot_public(file._slot_keys("later", bytes(32))[0])


def test_an_interrupted_creation_is_finished_at_the_next_unlocking(locked):
    (locked / "store.db").rename(locked / "store.new")  # the crash came just before the last rename
    store = SealedStore.unlock(locked, passphrase=PASSPHRASE)
    assert len(store.table("journal")) == 20
    store.lock()


def test_files_are_readable_by_their_owner_only(locked):
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in locked.iterdir() if path.is_file()} == {
        "keys.json": "0o600",
        "store.db": "0o600",
        "store.lock": "0o600",
    }


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),  # FULL: kill -9 cannot show the difference, only a power cut can
        ("fullfsync", 1),
        ("checkpoint_fullfsync", 1),
        ("secure_delete", 1),
        ("cell_size_check", 1),
        ("temp_store", 2),  # in memory
        ("trusted_schema", 0),
        ("locking_mode", "exclusive"),
        ("wal_autocheckpoint", 4000),
    ],
)
def test_sqlite_is_set_for_power_cuts_and_against_leaks(store, pragma, value):
    assert store.storage._database._connection.execute(f"PRAGMA {pragma}").fetchone() == (value,)


def test_locking_within_a_batch_is_refused_and_keeps_the_store_whole(store, directory):
    with store.batch():
        store.table("journal").insert({"n": 1})
        with pytest.raises(StoreError):
            store.lock()
        with pytest.raises(StoreBusy):
            SealedStore.unlock(directory, passphrase=PASSPHRASE)
    assert len(store.table("journal")) == 1
