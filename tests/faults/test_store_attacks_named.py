"""The twelve attacks of the store's design on a real profile: noticed, named in plain words, and nothing is touched.

Ten are done to the files while the app is locked; two put back the whole folder, which the device's memory gives away.
"""

import asyncio
import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from companion.attachments import IN_WORK, Attachment, InWork
from companion.errors import RolledBack, StoreBusy, StoreError, Tampered, TooNew, WrongKey
from companion.ports import Change, Drop, Put
from services.store.keyfile import read_key_file
from services.store.sealing import StoreSealer
from tests.fakes import ASSETS
from tests.faults.profile import PASSPHRASE, Profile
from views.gate.rescuing import damage_sentence
from views.words.texts import load_texts

TEXTS = load_texts(ASSETS / "words")
NOTES, OTHERS = "journal", "checkins"

Attack = Callable[[sqlite3.Connection, int, int], None]
"""Gets the closed store, with an older copy attached as `old`, and the first row numbers of the two tables."""


def sql(*statements: str) -> Attack:
    def attack(connection: sqlite3.Connection, a: int, b: int) -> None:
        for statement in statements:
            done = connection.execute(statement.format(a=a, b=b, a1=a + 1, a2=a + 2, a3=a + 3, a4=a + 4, a99=a + 99))
            assert done.rowcount != 0

    return attack


@dataclass(frozen=True)
class Named:
    """One attack, and the kind under which it has to be named."""

    attack: Attack
    kind: str


ATTACKS = {
    "a flipped bit": Named(
        sql("UPDATE row SET blob = CAST(substr(blob, 1, 40) || x'00' || substr(blob, 42) AS BLOB) WHERE k = {a3}"),
        "changed",
    ),
    "a deleted row": Named(sql("DELETE FROM row WHERE k = {a3}"), "missing"),
    "two swapped rows": Named(
        sql(
            "CREATE TEMP TABLE was AS SELECT * FROM row WHERE k IN ({a3}, {a4})",
            "UPDATE row SET blob = (SELECT blob FROM was WHERE was.k = {a3} + {a4} - row.k) WHERE k IN ({a3}, {a4})",
        ),
        "swapped",
    ),
    "a copied row": Named(sql("INSERT INTO row SELECT {a99}, ver, blob FROM row WHERE k = {a3}"), "copied"),
    "a renumbered row": Named(sql("UPDATE row SET k = {a99} WHERE k = {a3}"), "moved"),
    "a resurrected row": Named(sql("INSERT INTO row SELECT * FROM old.row WHERE k = {a2}"), "returned"),
    "one row rolled back": Named(sql("INSERT OR REPLACE INTO row SELECT * FROM old.row WHERE k = {a1}"), "old"),
    "one table rolled back": Named(
        sql(
            "DELETE FROM row WHERE k BETWEEN {a} AND {a} + (1 << 40) - 1",
            "INSERT INTO row SELECT * FROM old.row WHERE k BETWEEN {a} AND {a} + (1 << 40) - 1",
        ),
        "old",
    ),
    "a hidden table": Named(sql("DELETE FROM row WHERE k BETWEEN {a} AND {a} + (1 << 40) - 1"), "hidden"),
    "the root removed": Named(sql("DELETE FROM meta WHERE k = 'root'"), "root"),
}
MORE = {
    "a row copied from another table": Named(
        sql("INSERT INTO row SELECT {a99}, ver, blob FROM row WHERE k = {b} + 1"), "copied"
    ),
    "whole rows swapped": Named(
        sql(
            "UPDATE row SET k = -1 WHERE k = {a1}",
            "UPDATE row SET k = {a1} WHERE k = {a3}",
            "UPDATE row SET k = {a3} WHERE k = -1",
        ),
        "swapped",
    ),
    "a table's key removed": Named(sql("DELETE FROM meta WHERE k = 'table:' || ({a} >> 40)"), "hidden"),
    "the root of an older time": Named(
        sql("UPDATE meta SET v = (SELECT v FROM old.meta WHERE k = 'root') WHERE k = 'root'"), "old"
    ),
    "the rows dropped": Named(sql("DROP TABLE row"), "file"),
}


class Journal(Profile):
    """Two tables with a history, so that there is something older to put back."""

    async def begin(self) -> None:
        """Ten documents in each of two tables, an older copy, then changes that keep the number of documents."""
        await self.create()
        for table in (NOTES, OTHERS):
            await self.write(table, range(10))
        await self.companion.lock()
        shutil.copytree(self.folder / "vault", self.folder / "older")
        await self.companion.unlock(passphrase=PASSPHRASE)
        await self.write(NOTES, [0], "new")
        await self.write(NOTES, [], drop=1)
        await self.write(NOTES, [10])
        await self.write(OTHERS, [11])
        await self.companion.lock()

    async def write(self, table: str, numbers: Iterable[int], text: str = "words", drop: int | None = None) -> None:
        store = self.companion._store
        assert store is not None
        for number in numbers:
            await store.commit(Change(put=(Put(table, {"_id": str(number), "text": text * 20}),)))
        if drop is not None:
            await store.commit(Change(drop=(Drop(table, str(drop)),)))

    def first_rows(self) -> tuple[int, int]:
        """Return where the rows of the two tables begin; tables are numbered in the order of their making."""
        keys = read_key_file(self.folder / "vault")
        sealer = StoreSealer(keys.master_key(passphrase=PASSPHRASE), keys.store_id)
        with sqlite3.connect(self.folder / "vault" / "store.db") as connection:
            (sealed,) = connection.execute("SELECT v FROM meta WHERE k = 'root'").fetchone()
        connection.close()
        heads = sealer.open_root(sealed).heads
        return heads[NOTES].id << 40, heads[OTHERS].id << 40


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image") / "hazel"
    asyncio.run(Journal(folder).begin())
    return folder


def digests(folder: Path) -> dict[str, str]:
    files = [path for path in (folder / "vault").rglob("*") if path.is_file() and path.stat().st_size]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


async def noticed(profile: Journal) -> list[str]:
    """Open the app and read both tables as the screens do; return the kinds that would be shown."""
    try:
        await profile.companion.unlock(passphrase=PASSPHRASE)
    except Tampered as error:
        return [error.kind]
    await profile.companion.answer_restored(was_me=False)  # an older root is asked about before anything is read
    opened = profile.companion.opened
    assert opened is not None
    store = opened._context.store
    for table in (NOTES, OTHERS):
        await store.all(table)
    kinds = [damage.kind for damage in opened.security.damages if damage.part in (NOTES, OTHERS)]
    await profile.companion.lock()
    return kinds


@pytest.mark.parametrize("name", [*ATTACKS, *MORE])
async def test_attack_is_noticed_named_and_undoes_nothing(image: Path, tmp_path: Path, name: str) -> None:
    named = (ATTACKS | MORE)[name]
    profile = Journal(Path(shutil.copytree(image, tmp_path / "hazel")))
    with sqlite3.connect(profile.folder / "vault" / "store.db") as connection:
        connection.execute("ATTACH ? AS old", (str(profile.folder / "older" / "store.db"),))
        named.attack(connection, *profile.first_rows())
    connection.close()
    before = digests(profile.folder)
    kinds = await noticed(profile)
    assert kinds[:1] == [named.kind]
    assert damage_sentence(TEXTS, named.kind) == TEXTS(f"errors.damage_{named.kind}")
    assert digests(profile.folder) == before


async def test_without_an_attack_nothing_is_said(image: Path, tmp_path: Path) -> None:
    assert await noticed(Journal(Path(shutil.copytree(image, tmp_path / "hazel")))) == []


async def test_the_whole_store_rolled_back_is_asked_about(tmp_path: Path) -> None:
    """The eleventh attack. The device's keystore remembers how far the store had come."""
    profile = Journal(tmp_path / "hazel")
    await profile.begin()
    shutil.rmtree(profile.folder / "vault")
    shutil.copytree(profile.folder / "older", profile.folder / "vault")
    before = digests(profile.folder)
    await profile.companion.unlock(passphrase=PASSPHRASE)
    assert await profile.companion.phase() == "restored"
    await profile.companion.answer_restored(False)
    assert profile.companion.opened is not None
    assert len(await profile.companion.opened._context.store.all(NOTES)) == 10
    with pytest.raises(RolledBack) as caught:
        await profile.companion.opened.set_auto_lock(2)
    assert TEXTS.error(caught.value) == TEXTS("errors.RolledBack")
    await profile.companion.lock()
    assert digests(profile.folder) == before
    await profile.companion.unlock(passphrase=PASSPHRASE)
    await profile.companion.answer_restored(True)
    await profile.companion.opened.set_auto_lock(2)
    await profile.companion.lock()
    await profile.companion.unlock(passphrase=PASSPHRASE)
    assert await profile.companion.phase() == "open"
    await profile.companion.lock()


async def test_the_whole_store_replaced_is_asked_about(tmp_path: Path) -> None:
    """The twelfth attack: another store that the same passphrase opens, and that has come further."""
    profile, other = Journal(tmp_path / "hazel"), Journal(tmp_path / "other")
    await profile.begin()
    await other.begin()
    shutil.rmtree(profile.folder / "vault")
    shutil.copytree(other.folder / "vault", profile.folder / "vault")
    await profile.companion.unlock(passphrase=PASSPHRASE)
    assert await profile.companion.phase() == "restored"
    await profile.companion.lock()


async def test_only_the_file_of_another_store_is_named(tmp_path: Path) -> None:
    profile, other = Journal(tmp_path / "hazel"), Journal(tmp_path / "other")
    await profile.begin()
    await other.begin()
    shutil.copy(other.folder / "vault" / "store.db", profile.folder / "vault" / "store.db")
    assert await noticed(profile) == ["oldkeys"]


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (lambda vault: (vault / "keys.json").unlink(), "keys"),
        (lambda vault: (vault / "keys.json").write_text("{"), "keys"),
        (lambda vault: (vault / "keys.json").write_text((vault / "keys.json").read_text() + "\n"), "oldkeys"),
        (lambda vault: (vault / "store.db").unlink(), "file"),
        (lambda vault: (vault / "store.db").write_bytes(b"x" * 9000), "file"),
    ],
)
async def test_missing_and_spoilt_files_are_named(
    image: Path, tmp_path: Path, spoil: Callable[[Path], object], kind: str
) -> None:
    profile = Journal(Path(shutil.copytree(image, tmp_path / "hazel")))
    spoil(profile.folder / "vault")
    assert await noticed(profile) == [kind]


def newer(vault: Path) -> None:
    data = bytearray((vault / "store.db").read_bytes())
    data[60:64] = (3).to_bytes(4, "big")  # SQLite's user_version
    (vault / "store.db").write_bytes(data)


async def test_wrong_key_newer_format_and_another_process_have_words_of_their_own(image: Path, tmp_path: Path) -> None:
    said: dict[type[StoreError], str] = {}
    profile = Journal(Path(shutil.copytree(image, tmp_path / "hazel")))
    with pytest.raises(WrongKey) as wrong:
        await profile.companion.unlock(passphrase="not this one")
    said[WrongKey] = TEXTS.error(wrong.value)
    await profile.companion.unlock(passphrase=PASSPHRASE)
    with pytest.raises(StoreBusy) as busy:
        await Journal(profile.folder).companion.unlock(passphrase=PASSPHRASE)
    said[StoreBusy] = TEXTS.error(busy.value)
    await profile.companion.lock()
    newer(profile.folder / "vault")
    with pytest.raises(TooNew) as too_new:
        await profile.companion.unlock(passphrase=PASSPHRASE)
    said[TooNew] = TEXTS.error(too_new.value)
    assert said == {kind: TEXTS(f"errors.{kind.__name__}") for kind in said}
    assert len(set(said.values())) == 3


async def test_a_damaged_part_can_be_read_not_changed_and_the_rest_goes_on(image: Path, tmp_path: Path) -> None:
    profile = Journal(Path(shutil.copytree(image, tmp_path / "hazel")))
    with sqlite3.connect(profile.folder / "vault" / "store.db") as connection:
        sql("DELETE FROM row WHERE k = {a3}")(connection, *profile.first_rows())
    connection.close()
    await profile.companion.unlock(passphrase=PASSPHRASE)
    opened = profile.companion.opened
    assert opened is not None
    store = opened._context.store
    assert len(await store.all(NOTES)) == 9
    assert await store.get(NOTES, "4") == {"_id": "4", "text": "words" * 20}
    assert [doc["_id"] for doc in await store.newest(NOTES, 2)] == ["10", "9"]
    assert [doc["_id"] for doc in await store.newest(NOTES, 2, before="9")] == ["8", "7"]
    with pytest.raises(Tampered):
        await store.commit(Change(put=(Put(NOTES, {"_id": "12"}),)))
    await store.commit(Change(put=(Put(OTHERS, {"_id": "12"}),)))
    await opened.set_auto_lock(2)
    rescue = await opened.security.rescue()
    assert {part.part: (part.readable, part.promised) for part in rescue.parts}[NOTES] == (9, 10)
    await profile.companion.adopt(rescue)
    await profile.companion.unlock(passphrase=PASSPHRASE)
    assert profile.companion.opened is not None
    assert len(await profile.companion.opened._context.store.all(NOTES)) == 9
    assert profile.companion.opened.security.damages == ()
    await profile.companion.lock()
    assert (profile.folder / "vault-damaged-1" / "store.db").exists()


async def test_a_list_that_was_put_back_never_decides_which_recordings_go(tmp_path: Path) -> None:
    """Tidying up deletes what the list of unfinished blobs names; an older list names blobs that are in use now."""
    profile = Journal(tmp_path / "hazel")
    await profile.create()
    blobs, store = profile.opened._context.blobs, profile.opened._context.store
    recording = await blobs.start(b"note")
    await recording.write(b"words" * 10_000)
    await recording.close()
    attachment = Attachment(
        id="a1", kind="picture", media_type="image/png", blob=recording.reference, size_bytes=50_000, at_ms=1
    )
    await store.commit(Change(put=(Put(IN_WORK, InWork(attachment=attachment).to_doc()),)))
    await store.commit(Change(put=(Put(IN_WORK, {"_id": "b"}),)))
    head = {name: one.id for name, one in store._store.storage.heads().items()}[IN_WORK]
    await profile.companion.lock()
    with sqlite3.connect(profile.folder / "vault" / "store.db") as connection:
        connection.execute("DELETE FROM row WHERE k = ?", ((head << 40) + 2,))
    connection.close()
    await profile.companion.unlock(passphrase=PASSPHRASE)
    assert await profile.opened._context.blobs.read(recording.reference, 0, 5) == b"words"
    await profile.companion.lock()
