"""What a rescue copy leaves out: keys of which no older state may be used again."""

from companion.crypto.keyslots import KdfParameters
from companion.ports import NOT_IN_COPIES, Change, Put
from services.store.vault import SealedVault


async def test_rescue_copy_holds_no_keys_of_groups(tmp_path):
    vault = SealedVault(tmp_path / "vault", kdf=KdfParameters(t=1, m_kib=64, p=1))
    store, _ = await vault.create("three kettles and a lantern", bytes(32))
    for table in ("journal", *NOT_IN_COPIES):
        await store.commit(Change(put=(Put(table, {"_id": "one", "_v": 1}),)))
    saved = await store.salvage()
    await store.close()
    copy, _ = await SealedVault(tmp_path / saved.folder.rsplit("/", 1)[-1]).unlock(recovery=bytes(32))
    assert [doc["_id"] for doc in await copy.all("journal")] == ["one"]
    assert [await copy.all(table) for table in sorted(NOT_IN_COPIES)] == [(), ()]
    await copy.close()
