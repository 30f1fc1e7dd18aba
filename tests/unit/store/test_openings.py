"""The anchor knows by which way a store came where it is: one that went on from a copy is not taken for it."""

import shutil
from dataclasses import replace

import pytest

from companion.app.device import ANCHOR, Device
from companion.crypto.keyslots import KdfParameters
from companion.errors import RolledBack
from companion.ports import Anchor, Change, Put
from services.store.beside import FILE_NAME, read_beside
from services.store.format import OPENINGS_KEPT, Root, decode_root, encode_root
from services.store.vault import SealedVault
from tests.fakes import FakeKeystore

FAST = KdfParameters(t=1, m_kib=8)
PASSPHRASE = "correct horse battery"


class Computer:
    """One computer with a copy of the folder; what it remembers of the store lies outside of it."""

    def __init__(self, folder):
        self.folder = folder
        self.anchor = None
        self.rollback = ""

    async def write(self, *texts, is_new=False, accept=False):
        """Open, write, close; return what was found on opening."""
        vault = SealedVault(self.folder, kdf=FAST)
        if is_new:
            store, _ = await vault.create(PASSPHRASE, bytes(32))
        else:
            store, _ = await vault.unlock(passphrase=PASSPHRASE, anchor=self.anchor)
        found = store.rollback
        if accept:
            await store.accept_rollback()
        try:
            for text in texts:
                await store.commit(Change(put=(Put("journal", {"_id": text}),)))
            if not store.rollback:
                self.anchor = store.anchor
            self.texts = [doc["_id"] for doc in await store.all("journal")]
        finally:
            await store.close()
        return found


@pytest.fixture
async def pair(tmp_path):
    """Two computers that went on from the same store."""
    one, two = Computer(tmp_path / "one"), Computer(tmp_path / "two")
    await one.write("together", is_new=True)
    shutil.copytree(one.folder, two.folder)
    two.anchor = one.anchor
    return one, two


def replace_store(of, by):
    shutil.copy(by.folder / "store.db", of.folder / "store.db")


@pytest.mark.parametrize("more", [0, 1, 40])
async def test_a_store_that_went_on_from_a_copy_is_asked_about_however_far_it_came(pair, more):
    one, two = pair
    await one.write("written on one")
    await two.write("written on two", *(f"more {n}" for n in range(more)))
    replace_store(one, two)
    assert await one.write() == "replaced"
    with pytest.raises(RolledBack):
        await one.write("into the wrong store")


async def test_after_the_persons_yes_it_goes_on_and_is_asked_about_no_more(pair):
    one, two = pair
    await one.write("written on one")
    await two.write("written on two")
    replace_store(one, two)
    assert await one.write("after the yes", accept=True) == "replaced"
    assert await one.write("and on") == ""
    assert one.texts == ["together", "written on two", "after the yes", "and on"]


async def test_a_store_that_went_on_by_itself_is_never_asked_about(tmp_path):
    one = Computer(tmp_path / "one")
    await one.write("first", is_new=True)
    remembered = one.anchor
    for number in range(OPENINGS_KEPT - 2):
        one.anchor = remembered  # the device did not get to remember it since
        assert await one.write(f"page {number}") == ""
    assert await one.write(*(f"line {number}" for number in range(2 * OPENINGS_KEPT))) == ""
    one.anchor = remembered
    assert await one.write() == ""


async def test_a_device_that_did_not_remember_its_store_for_very_long_asks(tmp_path):
    one = Computer(tmp_path / "one")
    await one.write("first", is_new=True)
    remembered = one.anchor
    for number in range(OPENINGS_KEPT):
        await one.write(f"page {number}")
    one.anchor = remembered
    assert await one.write() == "replaced"


async def test_opening_and_reading_alone_changes_no_name(tmp_path):
    one = Computer(tmp_path / "one")
    await one.write("first", is_new=True)
    before = one.anchor
    for _ in range(3):
        assert await one.write() == ""
    assert one.anchor == before


async def test_an_anchor_of_the_first_release_counts_commits_and_asks_nothing_else(pair):
    one, two = pair
    await one.write("written on one")
    one.anchor = Anchor(store_id=one.anchor.store_id, commit=one.anchor.commit)
    await two.write("written on two")
    replace_store(one, two)
    assert await one.write() == ""


def test_a_root_of_the_first_release_has_no_openings():
    text = encode_root(Root(commit=7, next_table=1, heads={}))
    assert decode_root(text[:16] + bytes(48)).openings == ()
    named = Root(commit=7, next_table=1, heads={})
    named = Root(commit=8, next_table=1, heads={}, openings=named.openings_with(b"12345678"))
    read = decode_root(encode_root(named))
    assert (read.opening_at(7), read.opening_at(8), read.opening_at(900)) == (b"", b"12345678", b"12345678")


# The folder's own word ---------------------------------------------------------------------------------


async def test_without_a_keystore_the_folder_tells_that_its_store_was_replaced(pair):
    one, two = pair
    await one.write("written on one")
    await two.write("written on two", "and more")
    replace_store(one, two)
    one.anchor = None
    assert await one.write() == "replaced"


async def test_without_a_keystore_the_folder_tells_that_its_store_is_older(tmp_path):
    one = Computer(tmp_path / "one")
    await one.write("first", is_new=True)
    shutil.copy(one.folder / "store.db", tmp_path / "older.db")
    await one.write("second")
    shutil.copy(tmp_path / "older.db", one.folder / "store.db")
    one.anchor = None
    assert await one.write() == "old"


async def test_the_keystore_is_believed_and_not_the_folder(pair):
    one, two = pair
    await one.write("written on one")
    await two.write("written on two", "and more")
    for name in ("store.db", FILE_NAME):
        shutil.copy(two.folder / name, one.folder / name)
    assert await one.write() == "replaced"


@pytest.mark.parametrize(
    "text", ["", "x", "1 2 3\n", f"{'a' * 32} 99999999999999999999 \n", f"{'a' * 32} -1 \n", "é" * 90]
)
async def test_a_damaged_word_of_the_folder_keeps_nobody_out(tmp_path, text):
    one = Computer(tmp_path / "one")
    await one.write("first", is_new=True)
    (one.folder / FILE_NAME).write_text(text)
    one.anchor = None
    assert await one.write("second") == ""
    assert replace(read_beside(one.folder), keys=one.anchor.keys) == one.anchor


async def test_a_rescue_copy_is_not_asked_about(tmp_path):
    one = Computer(tmp_path / "one")
    await one.write("first", is_new=True)
    store, _ = await SealedVault(one.folder, kdf=FAST).unlock(passphrase=PASSPHRASE, anchor=one.anchor)
    saved = await store.salvage()
    await store.close()
    await SealedVault(one.folder).adopt(saved.folder)
    assert await one.write("on the copy") == ""


# What the keystore holds -------------------------------------------------------------------------------


async def test_the_keystore_holds_all_of_the_anchor(tmp_path):
    one, keystore = Computer(tmp_path / "one"), FakeKeystore()
    await one.write("first", is_new=True)
    store, _ = await SealedVault(one.folder).unlock(passphrase=PASSPHRASE)
    await Device(keystore).remember(store)
    assert await Device(keystore).anchor() == store.anchor
    assert store.anchor.opening
    await store.close()


@pytest.mark.parametrize("text", ["", ":", "a", "a:", "a:b", "a:1:2:3:4:5", "a:-1"])
async def test_whatever_the_keystore_holds_is_an_anchor_or_none(text):
    keystore = FakeKeystore()
    keystore.held[ANCHOR] = text
    found = await Device(keystore).anchor()
    assert found is None or found.commit >= 0
