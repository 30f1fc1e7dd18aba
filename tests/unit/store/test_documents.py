import asyncio
from dataclasses import replace

import pytest

from companion.crypto.keyslots import KdfParameters
from companion.errors import RolledBack, StoreError, WrongKey
from companion.ports import Change, Drop, Put, Searchable
from services.store.vault import SealedVault

FAST = KdfParameters(t=1, m_kib=8)
PASSPHRASE = "correct horse battery"
RECOVERY = bytes(range(32))


def change(*puts, drop=()):
    return Change(put=tuple(Put(table, doc) for table, doc in puts), drop=tuple(Drop(table, id) for table, id in drop))


@pytest.fixture
def vault(tmp_path):
    return SealedVault(tmp_path / "store", kdf=FAST)


@pytest.fixture
async def opened(vault):
    store, blobs = await vault.create(PASSPHRASE, RECOVERY)
    yield store, blobs
    await store.close()


@pytest.fixture
def documents(opened):
    return opened[0]


@pytest.fixture
def blobs(opened):
    return opened[1]


async def test_put_inserts_and_then_replaces_whole(documents):
    await documents.commit(change(("journal", {"_id": "a", "n": 1, "old": 1}), ("journal", {"_id": "b"})))
    await documents.commit(change(("journal", {"_id": "a", "n": 2})))
    assert await documents.get("journal", "a") == {"_id": "a", "n": 2}
    assert await documents.get("journal", "c") is None
    assert await documents.get("nothing", "a") is None


async def test_order_is_that_of_the_first_commit(documents):
    for id in "cab":
        await documents.commit(change(("t", {"_id": id})))
    await documents.commit(change(("t", {"_id": "a", "n": 2})))
    assert [doc["_id"] for doc in await documents.all("t")] == ["c", "a", "b"]


async def test_newest_pages_backwards(documents):
    await documents.commit(change(*(("t", {"_id": str(n)}) for n in range(10))))
    assert [doc["_id"] for doc in await documents.newest("t", 3)] == ["9", "8", "7"]
    assert [doc["_id"] for doc in await documents.newest("t", 2, before="7")] == ["6", "5"]
    assert await documents.newest("t", 2, before="0") == ()
    assert await documents.newest("t", 2, before="unknown") == ()
    assert await documents.newest("nothing", 2) == ()


async def test_drop_removes_and_ignores_the_unknown(documents):
    await documents.commit(change(("t", {"_id": "a"}), ("t", {"_id": "b"})))
    await documents.commit(change(drop=[("t", "a"), ("t", "a"), ("t", "zzz"), ("nothing", "a")]))
    assert await documents.all("t") == ({"_id": "b"},)
    await documents.commit(change(("t", {"_id": "a"})))
    assert [doc["_id"] for doc in await documents.all("t")] == ["b", "a"]


async def test_one_change_may_put_a_document_twice_and_drop_it(documents):
    await documents.commit(change(("t", {"_id": "a", "n": 1}), ("t", {"_id": "a", "n": 2})))
    assert await documents.all("t") == ({"_id": "a", "n": 2},)
    await documents.commit(change(("t", {"_id": "b"}), drop=[("t", "b")]))
    assert await documents.get("t", "b") is None


@pytest.mark.parametrize("bad", [{"n": 1}, {"_id": ""}, {"_id": 5}, {"_id": "x", "n": object()}])
async def test_a_change_with_a_bad_document_changes_nothing(documents, bad):
    await documents.commit(change(("t", {"_id": "a", "n": 1})))
    with pytest.raises((ValueError, TypeError)):
        await documents.commit(change(("t", {"_id": "a", "n": 2}), ("t", {"_id": "b"}), ("t", bad), drop=[("t", "a")]))
    assert await documents.all("t") == ({"_id": "a", "n": 1},)
    assert await documents.get("t", "b") is None
    await documents.commit(change(("t", {"_id": "b", "n": 3})))
    assert len(await documents.all("t")) == 2


async def test_results_never_alias(documents):
    await documents.commit(change(("t", {"_id": "a", "list": []})))
    for doc in (await documents.get("t", "a"), (await documents.all("t"))[0], (await documents.newest("t", 1))[0]):
        doc["list"].append(1)
    assert await documents.get("t", "a") == {"_id": "a", "list": []}


async def test_commits_made_together_take_effect_in_their_order(documents):
    await asyncio.gather(*(documents.commit(change(("t", {"_id": "a", "n": n}))) for n in range(50)))
    assert (await documents.get("t", "a"))["n"] == 49


async def test_what_lies_in_memory_is_read_without_a_change_of_threads(documents, monkeypatch):
    await documents.commit(change(("notes", {"_id": "a", "n": 1})))
    await documents.get("notes", "a")
    monkeypatch.setattr(documents._worker, "run", None)
    assert await documents.get("notes", "a") == {"_id": "a", "n": 1}
    assert await documents.get("notes", "b") is None


async def test_read_comes_after_a_commit_that_was_given_before_it(documents):
    await documents.commit(change(("notes", {"_id": "a", "n": 0})))
    for number in range(1, 20):
        committing = asyncio.create_task(documents.commit(change(("notes", {"_id": "a", "n": number}))))
        await asyncio.sleep(0)
        assert await documents.get("notes", "a") == {"_id": "a", "n": number}
        await committing


async def test_table_that_left_memory_is_read_again_from_the_disk_by_the_worker(documents, opened):
    await documents.commit(change(("notes", {"_id": "a", "n": 1})))
    await documents.get("notes", "a")
    store = documents._store
    store.unload()
    assert not store.is_at_hand("notes")
    assert await documents.get("notes", "a") == {"_id": "a", "n": 1}


async def test_a_caller_that_gives_up_does_not_tear_a_commit(documents):
    task = asyncio.ensure_future(documents.commit(change(*(("t", {"_id": str(n)}) for n in range(200)))))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(await documents.all("t")) in (0, 200)


async def test_documents_are_there_after_closing_and_unlocking(vault):
    assert not await vault.exists()
    documents, _ = await vault.create(PASSPHRASE, RECOVERY)
    await documents.commit(change(("t", {"_id": "a", "n": 1})))
    await documents.close()
    await documents.close()
    with pytest.raises(StoreError):
        await documents.get("t", "a")
    assert await vault.exists()
    with pytest.raises(WrongKey):
        await vault.unlock(passphrase="wrong")
    for key in ({"passphrase": PASSPHRASE}, {"recovery": RECOVERY}):
        documents, _ = await vault.unlock(**key)
        assert await documents.get("t", "a") == {"_id": "a", "n": 1}
        await documents.close()


async def test_a_recording_is_readable_up_to_its_last_whole_chunk_while_it_runs(blobs):
    recording = await blobs.start(b"story|1")
    await recording.write(b"a" * 40_000)
    assert await blobs.length(recording.reference) == 32_768
    await recording.close()
    assert await blobs.length(recording.reference) == 40_000
    assert await blobs.read(recording.reference, 39_990, 100) == b"a" * 10
    assert recording.reference["size"] == 40_000


async def test_a_reference_from_before_the_recording_opens_it_afterwards(blobs):
    recording = await blobs.start(b"story|1")
    reference = recording.reference
    await recording.write(b"abc")
    await recording.close()
    assert await blobs.read(reference, 0, 10) == b"abc"
    await blobs.drop(reference)
    picture = await blobs.put(b"picture", b"entry|1")
    assert await blobs.read(picture, 0, 10) == b"picture"


async def test_keys_anchor_and_rollback_through_the_vault(vault):
    documents, _ = await vault.create(PASSPHRASE, RECOVERY)
    await documents.commit(change(("t", {"_id": "a"})))
    await documents.rekey(keystore=bytes(32), passphrase="another passphrase")
    await documents.remove_slot("recovery")
    anchor = documents.anchor
    assert anchor.commit == 3  # a change of keys is a commit
    await documents.close()
    for wrong in ({"passphrase": PASSPHRASE}, {"recovery": RECOVERY}):
        with pytest.raises(WrongKey):
            await vault.unlock(**wrong)
    documents, _ = await vault.unlock(keystore=bytes(32), anchor=replace(anchor, commit=anchor.commit + 1))
    assert documents.rollback == "old"
    with pytest.raises(RolledBack):
        await documents.commit(change(("t", {"_id": "b"})))
    assert len(await documents.all("t")) == 1
    await documents.accept_rollback()
    await documents.commit(change(("t", {"_id": "b"})))
    assert documents.anchor.commit > anchor.commit + 1
    assert [checked.items async for checked in documents.check()] == [2]
    assert documents.damages == ()
    await documents.purge("t")
    assert len(await documents.all("t")) == 2
    await documents.close()


async def test_search_through_the_documents(documents):
    await documents.start_search([Searchable(kind="journal", fields=("text",), time_field="created_ms")])
    await documents.commit(change(("journal", {"_id": "a", "text": "a quiet morning", "created_ms": 1})))
    assert [hit.id for hit in await documents.search("morn", frozenset({"journal"}), 50)] == ["a"]
    while await documents.idle():
        pass
