"""Reading everything again while the store is open: what changed on the disk since is found, and nothing else."""

import pytest

from companion.crypto.keyslots import KdfParameters
from companion.errors import StoreError
from companion.ports import Change, Checked, Damage, Drop, Put
from services.store.vault import SealedVault

FAST = KdfParameters(t=1, m_kib=8)
PASSPHRASE, RECOVERY = "correct horse battery", bytes(range(32))
JOURNAL = "journal"


@pytest.fixture
async def opened(tmp_path):
    documents, blobs = await SealedVault(tmp_path / "vault", kdf=FAST).create(PASSPHRASE, RECOVERY)
    sound = await blobs.put(b"sound" * 10_000, b"note")
    put = tuple(Put(JOURNAL, {"_id": f"{n}", "text": f"page {n}"}) for n in range(3))
    await documents.commit(Change(put=(*put, Put("stories", {"_id": "s", "sound": sound}))))
    assert len(await documents.all(JOURNAL)) == 3  # it lies in memory from now on
    yield documents, tmp_path / "vault", sound
    await documents.close()


async def read_all(documents):
    return [checked async for checked in documents.check()]


def spoil(documents):
    """Take a row from the disk as a failing one would, while the store has its file for itself."""
    documents._store.storage._database._connection.execute("DELETE FROM row WHERE k = (SELECT min(k) FROM row)")


async def test_sound_store_is_read_to_its_end_and_nothing_is_damaged(opened):
    documents, _, _ = opened
    assert await read_all(documents) == [
        Checked(items=3),
        Checked(items=4),
        Checked(items=4, blobs=1),
    ]
    assert documents.damages == ()


async def test_row_that_went_from_the_disk_is_found_though_it_lies_in_memory(opened):
    documents, _, _ = opened
    heard = []
    documents.when_damaged(lambda: heard.append(documents.damages))
    spoil(documents)
    assert len(await documents.all(JOURNAL)) == 3
    await read_all(documents)
    assert documents.damages == (Damage(part=JOURNAL, kind="missing"),)
    await documents.all(JOURNAL)
    assert heard


async def test_changed_sound_is_found_though_nobody_listens_to_it(opened):
    documents, folder, sound = opened
    file = folder / "blobs" / sound["id"]
    content = bytearray(file.read_bytes())
    content[-20] ^= 1
    file.write_bytes(content)
    await read_all(documents)
    assert documents.damages == (Damage(part="blobs", kind="blob"),)


async def test_blob_that_is_removed_while_everything_is_read_is_no_damage(opened):
    documents, _, sound = opened
    async for checked in documents.check():
        if checked == Checked(items=4):
            await documents.commit(Change(drop=(Drop("stories", "s"),)))
            await documents.blobs.drop(sound)
    assert documents.damages == ()


async def test_saves_come_between_the_parts(opened):
    documents, _, _ = opened
    steps = documents.check()
    assert await anext(steps) == Checked(items=3)
    await documents.commit(Change(put=(Put(JOURNAL, {"_id": "3", "text": "written meanwhile"}),)))
    assert [checked async for checked in steps][-1] == Checked(items=4, blobs=1)
    assert documents.damages == ()


async def test_lock_ends_it(opened):
    documents, _, _ = opened
    steps = documents.check()
    await anext(steps)
    await documents.close()
    with pytest.raises(StoreError):
        await anext(steps)
