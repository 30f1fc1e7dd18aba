"""Documents that each stand for one group lie apart: what is done to one of them is not done to the others."""

import sqlite3

import pytest

from companion.crypto.keyslots import KdfParameters
from companion.errors import Tampered
from companion.ports import APART, NEVER_OLDER, Change, Damage, Drop, Edit, Put
from services.store.store import SealedStore
from services.store.vault import SealedVault

FAST = KdfParameters(t=1, m_kib=8)
PASSPHRASE = "correct horse battery"
KINDS = sorted(APART)


@pytest.fixture
def vault(tmp_path):
    return SealedVault(tmp_path / "store", kdf=FAST)


def put(table, *ids, **fields):
    return Change(put=tuple(Put(table, {"_id": id, "_v": 1, **fields}) for id in ids))


async def damaged(vault, tmp_path, name):
    """Open the store after the last row of a table was taken away."""
    store = SealedStore.unlock(tmp_path / "store", passphrase=PASSPHRASE)
    first = store._storage.heads()[name].id << 40
    store.lock()
    with sqlite3.connect(tmp_path / "store" / "store.db") as connection:
        query = "DELETE FROM row WHERE k = (SELECT max(k) FROM row WHERE k BETWEEN ? AND ?)"
        assert connection.execute(query, (first, first + (1 << 40) - 1)).rowcount == 1
    connection.close()
    return (await vault.unlock(passphrase=PASSPHRASE))[0]


@pytest.fixture
async def made(vault):
    store, _ = await vault.create(PASSPHRASE, bytes(32))
    for kind in KINDS:
        await store.commit(put(kind, "one", "two"))
    await store.commit(put("journal", "one", "two"))
    await store.commit(put("verified", "one", "two"))
    await store.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_damage_to_one_document_leaves_the_others_changeable(vault, tmp_path, made, kind):
    store = await damaged(vault, tmp_path, f"{kind}:one")
    await store.commit(put(kind, "two", text="new"))
    with pytest.raises(Tampered) as found:
        await store.commit(put(kind, "one", text="new"))
    assert (found.value.part, found.value.of) == (kind, "one")
    assert [doc["_id"] for doc in await store.all(kind)] == ["two"]
    assert store.damages == (Damage(part=kind, kind="hidden", of="one"),)
    await store.close()


async def test_documents_apart_are_read_changed_and_dropped_as_any_other(vault):
    store, _ = await vault.create(PASSPHRASE, bytes(32))
    await store.commit(put("groups", "b", "a", "c"))
    await store.commit(Change(edit=(Edit("groups", "a", lambda doc: {**(doc or {}), "name": "Leads"}),)))
    await store.commit(Change(drop=(Drop("groups", "b"),)))
    assert [doc["_id"] for doc in await store.all("groups")] == ["a", "c"]
    assert (await store.get("groups", "a"))["name"] == "Leads"
    assert await store.get("groups", "b") is None
    assert await store.read("groups", lambda docs: sorted(str(doc["_id"]) for doc in docs)) == ["a", "c"]
    assert set(await store.counts()) == {"groups:a", "groups:c"}
    await store.close()


async def test_a_commit_that_fails_parts_and_changes_nothing(vault):
    store, _ = await vault.create(PASSPHRASE, bytes(32))
    await store.commit(put("groups", "a"))
    with pytest.raises(ValueError, match="_id"):
        await store.commit(put("groups", "b") + Change(put=(Put("journal", {}),)))
    assert [doc["_id"] for doc in await store.all("groups")] == ["a"]
    await store.close()


def together(tmp_path):
    """A store in which documents of a kind lie together, as 0.1.0 wrote them."""
    store = SealedStore.create(tmp_path / "store", passphrase=PASSPHRASE, recovery=bytes(32), kdf=FAST)
    for kind in ("groups", "mls"):
        store.table(kind).insert_multiple([{"_id": id, "_v": 1, "text": kind} for id in ("one", "two")])
    store.lock()


async def test_documents_of_the_first_version_are_parted_by_the_first_commit(vault, tmp_path):
    together(tmp_path)
    store, _ = await vault.unlock(passphrase=PASSPHRASE)
    assert [doc["_id"] for doc in await store.all("groups")] == ["one", "two"]
    assert (await store.get("mls", "two"))["text"] == "mls"
    await store.commit(put("groups", "two", text="new"))
    assert set(await store.counts()) == {f"{kind}:{id}" for kind in ("groups", "mls") for id in ("one", "two")}
    assert [doc["text"] for doc in await store.all("groups")] == ["groups", "new"]
    await store.close()


async def test_damaged_documents_of_the_first_version_hold_nothing_else_up(vault, tmp_path):
    together(tmp_path)
    store = await damaged(vault, tmp_path, "groups")
    await store.commit(put("journal", "one") + put("mls", "one", text="new"))
    with pytest.raises(Tampered) as found:
        await store.commit(put("groups", "one"))
    assert (found.value.part, found.value.of) == ("groups", "")
    await store.mend(store.damages)
    await store.commit(put("groups", "two"))
    assert [doc["_id"] for doc in await store.all("groups")] == ["one", "two"]
    await store.close()


async def test_mending_takes_over_what_can_be_read_and_can_be_written_again(vault, tmp_path, made):
    store = await damaged(vault, tmp_path, "journal")
    assert [doc["_id"] for doc in await store.all("journal")] == ["one"]
    await store.mend(store.damages)
    assert store.damages == ()
    await store.commit(put("journal", "three"))
    await store.close()
    store, _ = await vault.unlock(passphrase=PASSPHRASE)
    assert [doc["_id"] for doc in await store.all("journal")] == ["one", "three"]
    assert store.damages == ()
    await store.close()


@pytest.mark.parametrize("name", ["mls:one", "verified"])
async def test_mending_takes_over_nothing_that_must_never_be_older(vault, tmp_path, made, name):
    store = await damaged(vault, tmp_path, name)
    kind, _, id = name.partition(":")
    assert kind in NEVER_OLDER
    await store.get(kind, id or "one")
    await store.mend(store.damages)
    assert await store.get(kind, "one") is None
    await store.close()
