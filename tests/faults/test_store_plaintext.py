"""No word of the person's, no key and no table name is in any file, log or error, at any moment."""

import logging
import shutil
import traceback
from pathlib import Path

import pytest

from companion.crypto.keyslots import KdfParameters
from companion.errors import Tampered, WrongKey
from services.store.store import SealedStore

CANARY = "kanarienvogel"
PASSPHRASE = CANARY + " passphrase"
RECOVERY = CANARY.encode().ljust(32, b"!")


def assert_sealed(directory: Path) -> None:
    for path in directory.rglob("*"):
        assert CANARY not in path.name
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes().lower()
            assert CANARY.encode("utf-16-le") not in path.read_bytes()


def test_canary_is_in_no_file_after_saving_editing_reading_deleting_and_a_crash(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("SQLITE_TMPDIR", str(temporary))
    kdf = KdfParameters(t=1, m_kib=8)
    store = SealedStore.create(tmp_path / "store", passphrase=PASSPHRASE, recovery=RECOVERY, kdf=kdf)
    table = store.table(CANARY)
    table.insert_multiple([{CANARY: f"{CANARY} {n}", "tags": [CANARY], "pad": "x" * n * 20} for n in range(200)])
    writer = store.blobs.writer(CANARY.encode())
    writer.write(CANARY.encode() * 5000)
    writer.sync()
    assert_sealed(tmp_path)
    table.update({CANARY: CANARY * 2}, doc_ids=range(1, 150))
    table.remove(doc_ids=range(50, 100))
    assert_sealed(tmp_path)
    shutil.copytree(tmp_path / "store", tmp_path / "crashed")
    store.drop_table(CANARY)
    writer.close()
    store.idle()
    store.lock()
    assert_sealed(tmp_path)
    assert CANARY not in caplog.text
    crashed = SealedStore.unlock(tmp_path / "crashed", passphrase=PASSPHRASE)
    assert len(crashed.table(CANARY)) == 150
    crashed.lock()


def store_that_fails(directory: Path, what: str) -> None:
    kdf = KdfParameters(t=1, m_kib=8)
    store = SealedStore.create(directory, passphrase=PASSPHRASE, recovery=RECOVERY, kdf=kdf)
    try:
        store.table(CANARY).insert({CANARY: CANARY})
        assert CANARY not in repr(store)
        if what == "document":
            store.table(CANARY).insert({CANARY: {CANARY: object()}})
    finally:
        store.lock()
    if what == "row":
        data = (directory / "store.db").read_bytes()
        (directory / "store.db").write_bytes(data[:-300] + bytes(300))
        store = SealedStore.unlock(directory, passphrase=PASSPHRASE)
        try:
            store.table(CANARY).all()
        finally:
            store.lock()
    SealedStore.unlock(directory, passphrase=PASSPHRASE + CANARY)


@pytest.mark.parametrize(("what", "kind"), [("passphrase", WrongKey), ("row", Tampered), ("document", TypeError)])
def test_errors_name_no_content(tmp_path, what, kind):
    with pytest.raises(kind) as caught:
        store_that_fails(tmp_path, what)
    assert CANARY not in "".join(traceback.format_exception_only(caught.value))
    assert caught.value.__cause__ is None
