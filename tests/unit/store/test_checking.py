# ruff: noqa: S608 - SQL that damages a file on purpose
"""Verifying a store, and saving what is left of a damaged one."""

import hashlib
import os
import sqlite3

import pytest

from companion.errors import StoreError, WrongKey
from services.store.blobs import BlobRef
from services.store.checking import salvage
from services.store.store import SealedStore

PASSPHRASE = "correct horse battery"
PAGE = 4096


@pytest.fixture
def filled(store):
    store.table("journal").insert_multiple([{"n": n, "text": "words " * 100} for n in range(200)])
    store.table("chat").insert_multiple([{"n": n} for n in range(10)])
    store.table("sound").insert(store.blobs.put(b"sound" * 10_000, b"story").to_doc())
    store.idle()
    return store


def sql(directory, *statements):
    with sqlite3.connect(directory / "store.db") as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def digests(directory):
    files = [path for path in directory.rglob("*") if path.is_file() and path.stat().st_size]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def reports(report):
    return {table.name: (table.readable, table.promised, table.problem is None) for table in report.tables}


def test_a_sound_store_is_sound(filled):
    report = filled.verify()
    assert report.is_sound
    assert reports(report) == {"journal": (200, 200, True), "chat": (10, 10, True), "sound": (1, 1, True)}


def test_what_is_wrong_is_found_and_named(filled, directory):
    filled.lock()
    sql(
        directory,
        f"DELETE FROM row WHERE k = {(1 << 40) + 3}",
        f"INSERT INTO row SELECT {9 << 40}, ver, blob FROM row WHERE k = {(1 << 40) + 4}",
    )
    store = SealedStore.unlock(directory, passphrase=PASSPHRASE)
    report = store.verify()
    store.lock()
    assert not report.is_sound
    assert report.stray_rows == 1
    assert reports(report) == {"journal": (199, 200, False), "chat": (10, 10, True), "sound": (1, 1, True)}


@pytest.mark.parametrize(
    ("statement", "strays", "problem"),
    [
        ("INSERT INTO meta VALUES('table:99', x'00')", 1, None),
        ("INSERT INTO meta VALUES('later', x'00')", 1, None),
        ("UPDATE meta SET v = zeroblob(32) WHERE k = 'keys'", 0, "the record of the key file was changed"),
        ("DELETE FROM meta WHERE k = 'keys'", 0, "the record of the key file was changed"),
    ],
)
def test_records_that_nothing_reads_are_found(filled, directory, statement, strays, problem):
    filled.lock()
    sql(directory, statement)
    store = SealedStore.unlock(directory, passphrase=PASSPHRASE)
    report = store.verify()
    store.lock()
    assert (report.is_sound, report.stray_rows, report.problem) == (False, strays, problem)


def salvaged(directory, tmp_path):
    """Salvage, check that the damaged store stays as it was, and return the report and the new store."""
    before = digests(directory)
    report = salvage(directory, tmp_path / "new", passphrase=PASSPHRASE)
    assert digests(directory) == before
    return report, SealedStore.unlock(tmp_path / "new", passphrase=PASSPHRASE)


def test_what_still_opens_is_saved_with_its_blobs(filled, directory, tmp_path):
    filled.lock()
    sql(directory, f"UPDATE row SET blob = randomblob(100) WHERE k = {(1 << 40) + 3}")
    report, store = salvaged(directory, tmp_path)
    assert reports(report)["journal"] == (199, 200, False)
    assert len(store.table("journal")) == 199
    assert store.table("journal").get(doc_id=4)["n"] == 3
    assert store.commit >= 3
    with store.blobs.reader(BlobRef.from_doc(store.table("sound").all()[0])) as blob:
        assert blob.read_at(0, 5) == b"sound"
    assert store.verify().is_sound
    store.lock()


def test_documents_are_saved_when_the_root_is_lost(filled, directory, tmp_path):
    filled.lock()
    sql(directory, "UPDATE meta SET v = randomblob(100) WHERE k = 'root'")
    report, store = salvaged(directory, tmp_path)
    assert report.problem is not None
    assert {table.name: table.readable for table in report.tables} == {"journal": 200, "chat": 10, "sound": 1}
    assert len(store.table("journal")) == 200
    store.lock()


def test_documents_around_a_destroyed_page_are_saved(filled, directory, tmp_path):
    filled.lock()
    data = (directory / "store.db").read_bytes()
    middle = len(data) // PAGE // 2 * PAGE
    (directory / "store.db").write_bytes(data[:middle] + os.urandom(PAGE) + data[middle + PAGE :])
    report, store = salvaged(directory, tmp_path)
    readable, promised, is_sound = reports(report)["journal"]
    assert (promised, is_sound) == (200, False)
    assert 150 < readable < 200
    assert len(store.table("journal")) == readable
    store.lock()


def test_a_lost_table_key_is_reported(filled, directory, tmp_path):
    filled.lock()
    sql(directory, "DELETE FROM meta WHERE k = 'table:1'")
    report, store = salvaged(directory, tmp_path)
    assert reports(report)["journal"] == (0, 200, False)
    assert len(store.table("chat")) == 10
    store.lock()


def test_salvage_needs_a_key_and_an_empty_place(filled, directory, tmp_path):
    filled.lock()
    with pytest.raises(WrongKey):
        salvage(directory, tmp_path / "new", passphrase="wrong")
    with pytest.raises(StoreError):
        salvage(directory, directory / "blobs", passphrase=PASSPHRASE)
