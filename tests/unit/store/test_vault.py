"""The box: what is made whole or not at all, and what nobody waits for any more is not left open."""

import asyncio
import threading

import pytest

from companion.crypto.keyslots import KdfParameters
from companion.errors import StoreError
from companion.ports import Change, Put
from services.store.store import SealedStore
from services.store.vault import SealedVault

PASSPHRASE = "correct horse battery"
FIRST = Change(put=(Put("me", {"_id": "me"}),))


@pytest.fixture
def vault(tmp_path) -> SealedVault:
    return SealedVault(tmp_path / "vault", kdf=KdfParameters(t=1, m_kib=8))


async def test_a_box_holds_its_first_documents_from_the_start(vault):
    store, _ = await vault.create(PASSPHRASE, bytes(32), FIRST)
    assert await store.get("me", "me") == {"_id": "me"}
    await store.close()


async def test_a_box_whose_first_documents_cannot_be_kept_is_not_there(vault, monkeypatch, tmp_path):
    def full(*_: object) -> None:
        raise StoreError("the disk refused")

    with monkeypatch.context() as patched:
        patched.setattr("services.store.database.Database.commit", full)
        with pytest.raises(StoreError):
            await vault.create(PASSPHRASE, bytes(32), FIRST)
    assert not await vault.exists()
    store, _ = await vault.create(PASSPHRASE, bytes(32), FIRST)
    await store.close()


async def test_a_box_that_is_opened_when_nobody_waits_any_more_is_closed_again(vault, monkeypatch):
    store, _ = await vault.create(PASSPHRASE, bytes(32), FIRST)
    await store.close()
    began, may_open, real = threading.Event(), threading.Event(), SealedStore.unlock

    def slowly(*arguments: object, **named: object) -> SealedStore:
        began.set()
        assert may_open.wait(10)
        return real(*arguments, **named)

    monkeypatch.setattr(SealedStore, "unlock", slowly)
    opening = asyncio.create_task(vault.unlock(passphrase=PASSPHRASE))
    assert await asyncio.to_thread(began.wait, 10)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    may_open.set()
    store = None
    for _ in range(200):
        try:
            store, _ = await vault.unlock(passphrase=PASSPHRASE)
            break
        except StoreError:
            await asyncio.sleep(0.02)
    assert store is not None, "it stays open behind the lock screen"
    assert await store.get("me", "me") == {"_id": "me"}
    await store.close()
