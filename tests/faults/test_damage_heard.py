"""A check that finds something is heard: whoever comes upon it, the app says so, and the rest goes on."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from companion.app.searching import SEARCHABLES
from companion.crypto.keyslots import KdfParameters
from companion.errors import Tampered
from companion.ports import Change, Damage, Drop, Put
from services.store.migrations import Migrations
from services.store.vault import SealedVault
from tests.faults.profile import PASSPHRASE, Profile
from tests.integration.people import until

CHAT, OTHER = "msg:aaaa", "msg:bbbb"
FAST = KdfParameters(t=1, m_kib=8)
Spoil = Callable[[sqlite3.Connection], object]


def line(number: int, text: str = "pears and apples") -> dict[str, object]:
    return {"_id": f"{number:032x}", "text": text, "at_ms": number, "group": "g", "kind": "message"}


class Box:
    """A vault with two conversations and a journal; the older copy still has a message that was deleted since."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.vault = SealedVault(folder / "vault", kdf=FAST, migrations=Migrations({"msg": (lambda doc: doc,)}))
        self.told: list[str] = []

    async def fill(self) -> None:
        self.store, _ = await SealedVault(self.folder / "vault", kdf=FAST).create(PASSPHRASE, bytes(32))
        for table in (CHAT, OTHER):
            await self.store.commit(Change(put=tuple(Put(table, line(n)) for n in range(60))))
        await self.store.commit(Change(put=(Put("journal", {"_id": "a", "text": "pears", "created_ms": 1}),)))
        await self.store.close()
        shutil.copytree(self.folder / "vault", self.folder / "older")
        self.store, _ = await SealedVault(self.folder / "vault", kdf=FAST).unlock(passphrase=PASSPHRASE)
        await self.store.commit(Change(drop=(Drop(CHAT, line(58)["_id"]),)))
        await self.store.close()

    def spoil(self, *statements: str) -> None:
        with sqlite3.connect(self.folder / "vault" / "store.db") as connection:
            connection.execute("ATTACH ? AS old", (str(self.folder / "older" / "store.db"),))
            for statement in statements:
                assert connection.execute(statement).rowcount > 0
        connection.close()

    async def open(self) -> None:
        self.store, _ = await self.vault.unlock(passphrase=PASSPHRASE)
        self.store.when_damaged(lambda: self.told.append("damage"))

    async def is_told(self) -> bool:
        return bool(self.told)


PUT_BACK = "INSERT INTO row SELECT * FROM old.row WHERE k = (1 << 40) + 59"
SPOILT = "UPDATE row SET blob = zeroblob(200) WHERE k = (1 << 40) + 3"


@pytest.fixture
async def box(tmp_path: Path):
    box = Box(tmp_path)
    await box.fill()
    yield box
    await box.store.close()


async def test_a_deleted_message_that_was_put_back_is_said_although_only_the_newest_lines_are_read(box: Box) -> None:
    box.spoil(PUT_BACK)
    await box.open()
    assert len(await box.store.newest(CHAT, 50)) == 50
    assert box.store.damages == ()  # each line opens; only the whole table gives it away
    await box.store.start_search(SEARCHABLES)
    await until(box.is_told)
    assert box.store.damages == (Damage(part="msg", kind="returned", of=CHAT.removeprefix("msg:")),)
    assert box.told == ["damage"]
    assert len(await box.store.newest(OTHER, 50)) == 50
    with pytest.raises(Tampered):
        await box.store.commit(Change(put=(Put(CHAT, line(99)),)))


@pytest.mark.parametrize("is_built", [False, True], ids=["by the scan", "by the index"])
async def test_the_search_says_what_it_comes_upon_and_finds_the_rest(box: Box, is_built: bool) -> None:
    if not is_built:
        box.spoil(SPOILT)
    await box.open()
    await box.store.start_search(SEARCHABLES)
    search = box.store._store._search
    assert search is not None
    assert await asyncio.to_thread(search.wait, 10)
    if is_built:  # damaged after it was indexed, and forgotten by memory
        box.store._store.unload()
        box.store._store.storage._database._connection.execute(SPOILT)
    else:
        search.is_ready = False
        box.told.clear()
        box.store._damaged.clear()
    hits = await box.store.search("pears", frozenset({"msg", "journal"}), 200)
    assert {hit.table for hit in hits} == {OTHER, "journal"}
    await until(box.is_told)
    assert [damage.part for damage in box.store.damages] == ["msg"]


async def test_housekeeping_says_what_it_comes_upon(box: Box) -> None:
    box.spoil(SPOILT)
    await box.open()
    while await box.store.idle():
        pass
    await until(box.is_told)
    assert box.store.damages == (Damage(part="msg", kind="changed", of=CHAT.removeprefix("msg:")),)
    assert len(await box.store.all(OTHER)) == 60


async def test_a_commit_that_meets_damage_leaves_it_said(box: Box) -> None:
    box.spoil(SPOILT)
    await box.open()
    with pytest.raises(Tampered):
        await box.store.commit(Change(put=(Put(CHAT, line(99)),)))
    await until(box.is_told)
    assert box.store.damages == (Damage(part="msg", kind="changed", of=CHAT.removeprefix("msg:")),)


async def test_damage_that_is_found_after_the_lock_troubles_nobody(box: Box) -> None:
    box.spoil(SPOILT)
    await box.open()
    await box.store.close()
    box.store._hear(CHAT, Tampered("late"))
    assert box.told == []


async def test_the_screens_are_told(tmp_path: Path) -> None:
    """From the index's own thread to whoever listens to the app."""
    profile = Profile(tmp_path / "hazel")
    await profile.create()
    await profile.opened._context.commit(Change(put=tuple(Put(CHAT, line(n)) for n in range(60))))
    head = profile.companion._store._store.storage.heads()[CHAT].id
    await profile.companion.lock()
    with sqlite3.connect(profile.folder / "vault" / "store.db") as connection:
        connection.execute("DELETE FROM row WHERE k = ?", ((head << 40) + 3,))
    connection.close()
    await profile.companion.unlock(passphrase=PASSPHRASE)
    heard: list[str] = []
    profile.companion.subscribe(heard.extend)
    await profile.opened.searching.start()

    async def is_heard() -> bool:
        return "damages" in heard

    await until(is_heard)
    assert profile.opened.security.damages == (Damage(part="msg", kind="missing", of=CHAT.removeprefix("msg:")),)
    await profile.companion.lock()
