# ruff: noqa: S608 - the thief's own SQL
"""Somebody with the files but without the keys changes them: every attack is noticed when the table is read.

The thief works on the SQLite file directly, knows the format, and has old copies of it.
"""

import hashlib
import random
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from companion.crypto.keyslots import KdfParameters
from companion.errors import StoreError, Tampered
from services.store.checking import salvage
from services.store.store import SealedStore

PASSPHRASE = "correct horse battery"
FAST = KdfParameters(t=1, m_kib=8)


class Thief:
    """SQL on the closed file. `old` is a copy from before the last changes."""

    def __init__(self, directory: Path, old: Path) -> None:
        self.directory = directory
        self.connection = sqlite3.connect(directory / "store.db")
        self.connection.execute("ATTACH ? AS old", (str(old / "store.db"),))

    def run(self, *statements: str) -> None:
        for statement in statements:
            assert self.connection.execute(statement).rowcount != 0
        self.connection.commit()

    def key(self, table: int, document: int) -> int:
        return table << 40 | document


JOURNAL, CHAT = 1 << 40, 2 << 40

ATTACKS = {
    "flip a bit of a row": [
        f"UPDATE row SET blob = substr(blob, 1, 40) || x'00' || substr(blob, 42) WHERE k = {JOURNAL + 3}",
        f"UPDATE row SET blob = CAST(blob AS BLOB) WHERE k = {JOURNAL + 3}",
    ],
    "delete a row": [f"DELETE FROM row WHERE k = {JOURNAL + 3}"],
    "swap two rows": [
        f"CREATE TEMP TABLE was AS SELECT * FROM row WHERE k IN ({JOURNAL + 3}, {JOURNAL + 4})",
        f"UPDATE row SET blob = (SELECT blob FROM was WHERE was.k = {2 * JOURNAL + 7} - row.k)"
        f" WHERE k IN ({JOURNAL + 3}, {JOURNAL + 4})",
    ],
    "copy a row": [f"INSERT INTO row SELECT {JOURNAL + 99}, ver, blob FROM row WHERE k = {JOURNAL + 3}"],
    "copy a row into another table": [
        f"INSERT INTO row SELECT {CHAT + 99}, ver, blob FROM row WHERE k = {JOURNAL + 3}"
    ],
    "renumber a row": [f"UPDATE row SET k = {JOURNAL + 99} WHERE k = {JOURNAL + 3}"],
    "resurrect a deleted row": [f"INSERT INTO row SELECT * FROM old.row WHERE k = {JOURNAL + 2}"],
    "roll one row back": [f"INSERT OR REPLACE INTO row SELECT * FROM old.row WHERE k = {JOURNAL + 1}"],
    "roll one table back": [
        f"DELETE FROM row WHERE k BETWEEN {JOURNAL} AND {CHAT - 1}",
        f"INSERT INTO row SELECT * FROM old.row WHERE k BETWEEN {JOURNAL} AND {CHAT - 1}",
    ],
    "raise a row's version": [f"UPDATE row SET ver = ver + 1 WHERE k = {JOURNAL + 3}"],
    "give a row an impossible version": [f"UPDATE row SET ver = -1 WHERE k = {JOURNAL + 3}"],
    "empty a row": [f"UPDATE row SET blob = NULL WHERE k = {JOURNAL + 3}"],
    "shorten a row": [f"UPDATE row SET blob = x'00' WHERE k = {JOURNAL + 3}"],
    "remove the root": ["DELETE FROM meta"],
    "empty the root": ["UPDATE meta SET v = NULL"],
    "put the old root back": ["UPDATE meta SET v = (SELECT v FROM old.meta WHERE k = 'root') WHERE k = 'root'"],
    "hide a table": [f"DELETE FROM row WHERE k >= {CHAT}"],
    "remove a table's key": ["DELETE FROM meta WHERE k = 'table:1'"],
    "swap two tables' keys": [
        "UPDATE meta SET k = CASE k WHEN 'table:1' THEN 'x' ELSE 'table:1' END WHERE k LIKE 'table:%'",
        "UPDATE meta SET k = 'table:2' WHERE k = 'x'",
    ],
    "drop the rows": ["DROP TABLE row"],
}

PROGRAMS = {
    "make saves vanish": ["CREATE TRIGGER t AFTER INSERT ON row BEGIN DELETE FROM row WHERE k = new.k; END"],
    "keep the root from being replaced": [
        "CREATE TRIGGER t BEFORE UPDATE ON meta BEGIN SELECT raise(ignore); END",
    ],
    "an index with a function of its own": ["CREATE INDEX i ON row(length(blob))"],
    "an index": ["CREATE INDEX i ON row(ver)"],
    "a view": ["CREATE VIEW v AS SELECT * FROM row"],
    "one more table": ["CREATE TABLE t(a)"],
    "a table that SQLite reads plans from": ["ANALYZE"],
    "a view in the place of a table": ["ALTER TABLE row RENAME TO r", "CREATE VIEW row AS SELECT * FROM r"],
    "a column more": ["ALTER TABLE row ADD COLUMN extra"],
    "a check": [
        "PRAGMA writable_schema=ON",
        "UPDATE sqlite_master SET sql = replace(sql, 'ver INTEGER', 'ver INTEGER CHECK(ver < 2)') WHERE name = 'row'",
    ],
    "a default that is computed": [
        "PRAGMA writable_schema=ON",
        "UPDATE sqlite_master SET sql = replace(sql, 'INTEGER, b', 'INTEGER DEFAULT (random()), b') WHERE name = 'row'",
    ],
}
"""What a container can hold beside data."""


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> tuple[Path, Path]:
    """The store now, and as it was when document 1 was younger and document 2 was still there."""
    directory, old = tmp_path_factory.mktemp("now") / "store", tmp_path_factory.mktemp("old") / "store"
    store = SealedStore.create(directory, passphrase=PASSPHRASE, recovery=bytes(32), kdf=FAST)
    store.table("journal").insert_multiple([{"n": n, "text": "words " * 20} for n in range(10)])
    store.table("chat").insert_multiple([{"n": n} for n in range(10)])
    store.lock()
    shutil.copytree(directory, old)
    store = SealedStore.unlock(directory, passphrase=PASSPHRASE)
    store.table("journal").update({"n": 100}, doc_ids=[1])
    store.table("journal").remove(doc_ids=[2])
    store.table("journal").insert({"n": 11})  # as many documents as before: only the sum gives a rollback away
    store.table("chat").insert({"n": 10})
    store.lock()
    return directory, old


def read_everything(directory: Path) -> dict[str, dict[str, dict[str, object]]]:
    store = SealedStore.unlock(directory, passphrase=PASSPHRASE)
    try:
        return store.storage.read()
    finally:
        store.lock()


def digests(directory: Path) -> dict[str, str]:
    files = [path for path in directory.rglob("*") if path.is_file() and path.stat().st_size]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def attacked(images, tmp_path) -> Path:
    return Path(shutil.copytree(images[0], tmp_path / "store"))


def test_without_an_attack_everything_is_there(attacked):
    content = read_everything(attacked)
    assert {name: len(table) for name, table in content.items()} == {"journal": 10, "chat": 11}


@pytest.mark.parametrize("statements", ATTACKS.values(), ids=ATTACKS.keys())
def test_attack_is_noticed_and_the_files_stay_as_they_are(images, attacked, statements):
    thief = Thief(attacked, images[1])
    thief.run(*statements)
    thief.connection.close()
    before = digests(attacked)
    with pytest.raises(Tampered):
        read_everything(attacked)
    assert digests(attacked) == before


@pytest.mark.parametrize("statements", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_a_program_in_the_file_is_refused_before_anything_is_read(images, attacked, statements):
    thief = Thief(attacked, images[1])
    for statement in statements:
        thief.connection.execute(statement)
    thief.connection.commit()
    thief.connection.close()
    before = digests(attacked)
    with pytest.raises(Tampered) as caught:
        SealedStore.unlock(attacked, passphrase=PASSPHRASE)
    assert caught.value.kind == "file"
    assert digests(attacked) == before


@pytest.mark.parametrize(
    "name", ["make saves vanish", "one more table", "a view", "a table that SQLite reads plans from"]
)
def test_what_is_ours_in_a_file_with_programs_can_be_copied_out(images, attacked, tmp_path, name):
    thief = Thief(attacked, images[1])
    for statement in PROGRAMS[name]:
        thief.connection.execute(statement)
    thief.connection.commit()
    thief.connection.close()
    report = salvage(attacked, tmp_path / "saved", passphrase=PASSPHRASE)
    assert {table.name: table.readable for table in report.tables} == {"journal": 10, "chat": 11}
    assert {name: len(table) for name, table in read_everything(tmp_path / "saved").items()} == {
        "journal": 10,
        "chat": 11,
    }


def test_a_view_in_the_place_of_a_table_is_not_even_copied_from(images, attacked, tmp_path):
    thief = Thief(attacked, images[1])
    thief.run(*PROGRAMS["a view in the place of a table"])
    thief.connection.close()
    with pytest.raises(Tampered):
        salvage(attacked, tmp_path / "saved", passphrase=PASSPHRASE)


@pytest.mark.parametrize("when", ["INSERT", "UPDATE"])
def test_a_commit_that_changes_more_than_it_writes_is_undone(images, attacked, when):
    """Two walls stand before this one. Without them: a trigger that came while the file was open."""
    store = SealedStore.unlock(attacked, passphrase=PASSPHRASE)
    expected, connection = store.storage.read(), store.storage._database._connection
    connection.set_authorizer(None)
    table = "row" if when == "INSERT" else "meta"
    connection.execute(
        f"CREATE TEMP TRIGGER t AFTER {when} ON main.{table} BEGIN DELETE FROM row WHERE k = {CHAT + 1}; END"
    )
    with pytest.raises(Tampered, match="other rows"):
        store.table("journal").insert({"n": 1})
    assert store.storage.read() == expected
    store.lock()
    assert read_everything(attacked) == expected


def test_nothing_that_sqlite_is_asked_for_can_make_a_program_run(images, attacked):
    store = SealedStore.unlock(attacked, passphrase=PASSPHRASE)
    connection = store.storage._database._connection
    connection.execute("CREATE TEMP TRIGGER t AFTER INSERT ON main.row BEGIN DELETE FROM row; END")
    if sys.version_info < (3, 12):  # from 3.12 on SQLite itself is told to leave triggers out
        with pytest.raises(StoreError):
            store.table("journal").insert({"n": 1})
    connection.execute("DROP TRIGGER t")
    with pytest.raises(sqlite3.DatabaseError):
        connection.executescript("PRAGMA writable_schema=ON; UPDATE sqlite_master SET sql = ''")
    store.lock()


def test_a_damaged_table_cannot_be_written_and_the_others_can_be_used(images, attacked):
    thief = Thief(attacked, images[1])
    thief.run(*ATTACKS["delete a row"])
    thief.connection.close()
    store = SealedStore.unlock(attacked, passphrase=PASSPHRASE)
    for change in (lambda: store.table("journal").insert({"n": 1}), lambda: store.table("journal").truncate()):
        with pytest.raises(Tampered):
            change()
    assert len(store.table("chat")) == 11
    store.lock()


def test_a_row_that_vanishes_while_the_store_is_open_is_noticed_when_it_is_changed(images, attacked):
    store = SealedStore.unlock(attacked, passphrase=PASSPHRASE)
    table = store.table("journal")
    assert len(table) == 10
    store.storage._database._connection.execute(f"DELETE FROM row WHERE k = {JOURNAL + 3}")
    with pytest.raises(Tampered):
        table.update({"n": 1}, doc_ids=[3])
    store.lock()


def test_another_stores_rows_and_root_are_noticed(attacked, tmp_path):
    other = SealedStore.create(tmp_path / "other", passphrase=PASSPHRASE, recovery=bytes(32), kdf=FAST)
    other.table("journal").insert({"n": 1})
    other.lock()
    (attacked / "store.db").write_bytes((tmp_path / "other" / "store.db").read_bytes())
    with pytest.raises(Tampered):
        read_everything(attacked)


def test_any_changed_byte_of_the_file_is_noticed_or_changes_nothing(images, tmp_path):
    expected, chance = read_everything(shutil.copytree(images[0], tmp_path / "expected")), random.Random(8)
    original = (images[0] / "store.db").read_bytes()
    noticed = 0
    for number in range(250):
        place = chance.randrange(200) if number % 5 == 0 else chance.randrange(len(original))
        directory = Path(shutil.copytree(images[0], tmp_path / str(number)))
        data = bytearray(original)
        data[place] ^= 1 << chance.randrange(8)
        (directory / "store.db").write_bytes(data)
        try:
            assert read_everything(directory) == expected, f"byte {place} changed the content unnoticed"
        except StoreError:
            noticed += 1
        shutil.rmtree(directory)
    assert noticed > 20
