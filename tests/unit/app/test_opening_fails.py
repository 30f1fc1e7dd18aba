"""What fails on the way in leaves nothing open: the next try finds the store locked, as the screen says."""

import asyncio

import pytest

from companion.errors import MessageRejected, StoreError, Tampered, WrongKey
from tests.fakes import PASSPHRASE, Desk


async def locked() -> Desk:
    desk = await Desk().set_up()
    desk.companion._tries._counter = desk.tries
    await desk.companion.lock()
    return desk


class FullDisk:
    """A counter of wrong tries that cannot be kept any more."""

    def __init__(self, desk: Desk, error: Exception) -> None:
        self.desk, self.error = desk, error
        desk.companion._tries._counter = self

    async def load(self) -> object:
        return await self.desk.tries.load()

    async def save(self, attempts: object) -> None:
        raise self.error


@pytest.mark.parametrize("error", [StoreError("full"), OSError(28, "full")])
async def test_a_full_disk_after_a_wrong_try_keeps_nobody_out(error: Exception) -> None:
    desk = await locked()
    with pytest.raises(WrongKey):
        await desk.companion.unlock(passphrase="wrong")
    FullDisk(desk, error)
    await desk.companion.unlock(passphrase=PASSPHRASE)
    assert await desk.companion.phase() == "open"


async def test_wrong_tries_count_on_a_full_disk_too_and_make_one_wait() -> None:
    desk = await locked()
    FullDisk(desk, StoreError("full"))
    for _ in range(3):
        with pytest.raises(WrongKey):
            await desk.companion.unlock(passphrase="wrong")
    wrong, wait_ms = await desk.companion.wrong_tries()
    assert (wrong, wait_ms > 0) == (3, True)
    with pytest.raises(WrongKey, match="too soon"):
        await desk.companion.unlock(passphrase=PASSPHRASE)
    desk.clock.move(wait_ms)
    await desk.companion.unlock(passphrase=PASSPHRASE)
    assert (await desk.companion.wrong_tries())[0] == 0


async def failing(*_: object, **__: object) -> None:
    raise StoreError("the disk refused")


async def cancelled(*_: object) -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize("fault", [failing, cancelled], ids=["refused", "cancelled"])
@pytest.mark.parametrize("step", ["get", "network", "tries"])
async def test_a_store_that_was_opened_in_vain_is_closed(
    monkeypatch: pytest.MonkeyPatch, fault: object, step: str
) -> None:
    desk = await locked()
    with pytest.raises(WrongKey):
        await desk.companion.unlock(passphrase="wrong")
    target, name = {
        "get": (desk.vault.store, "get"),
        "network": (desk.network, "open"),
        "tries": (desk.tries, "save"),
    }[step]
    with monkeypatch.context() as patched:
        patched.setattr(target, name, fault)
        try:
            await desk.companion.unlock(passphrase=PASSPHRASE)
        except (StoreError, asyncio.CancelledError):
            assert not desk.vault.store.is_open
            assert not desk.companion.has_keys
            assert await desk.companion.phase() == "locked"
        else:
            assert (step, fault) == ("tries", failing)  # which nobody has to hear of
    await desk.companion.unlock(passphrase=PASSPHRASE)
    assert await desk.companion.phase() == "open"


async def test_a_network_that_was_opened_in_vain_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = await locked()
    monkeypatch.setattr("companion.app.opened.Opened.start", failing)
    closed = desk.calls.count("network closed")
    with pytest.raises(StoreError):
        await desk.companion.unlock(passphrase=PASSPHRASE)
    assert desk.calls.count("network closed") == closed + 1
    assert not desk.vault.store.is_open


async def test_an_owner_that_cannot_be_read_closes_the_store() -> None:
    desk = await locked()
    desk.vault.store.tables["me"]["me"] = {"_id": "me"}
    with pytest.raises(MessageRejected):
        await desk.companion.unlock(passphrase=PASSPHRASE)
    assert not desk.vault.store.is_open
    desk.vault.store.tables["me"].clear()
    with pytest.raises(Tampered):
        await desk.companion.unlock(passphrase=PASSPHRASE)
    assert not desk.vault.store.is_open


async def test_a_first_start_that_fails_closes_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    monkeypatch.setattr(desk.network, "open", failing)
    with pytest.raises(StoreError):
        await desk.set_up()
    assert not desk.vault.store.is_open


async def test_a_restored_store_that_does_not_open_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = await locked()
    desk.keystore.held["anchor"] = f"{'5a' * 16}:999"
    desk.companion._device._written = None
    await desk.companion.unlock(passphrase=PASSPHRASE)
    monkeypatch.setattr(desk.network, "open", failing)
    with pytest.raises(StoreError):
        await desk.companion.answer_restored(True)
    assert not desk.vault.store.is_open
    assert await desk.companion.phase() == "locked"


async def test_a_folder_that_cannot_be_written_is_opened_for_reading_and_said() -> None:
    desk = await locked()
    desk.vault.store.is_read_only = True
    networks = desk.calls.count("network opened")
    await desk.companion.unlock(passphrase=PASSPHRASE)
    assert desk.companion.opened is not None
    assert (desk.companion.opened.is_read_only, desk.companion.opened.why_read_only) == (True, "folder")
    assert desk.calls.count("network opened") == networks
    with pytest.raises(StoreError):
        await desk.companion.opened.set_auto_lock(2)
    await desk.companion.lock()
