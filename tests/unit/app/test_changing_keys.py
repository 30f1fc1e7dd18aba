"""Changing a key: what the device remembers follows, its own key goes on, an old store asks for both keys."""

import pytest

from companion.app.device import ANCHOR, KEY
from companion.crypto.words import words_from_key
from companion.errors import KeystoreUnavailable, OtherKeyNeeded
from companion.ports import Anchor
from tests.fakes import PASSPHRASE, Desk

NEW = "another chair by the door"


class FirstRelease:
    """Changes keys as a store of release 0.1.0 does: with both keys at hand, and without the device's."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.proofs = desk, list[object]()
        self.keys = desk.vault.store.keys

    async def rekey(self, *, proof: object = None, **new: object) -> None:
        self.proofs.append(proof)
        kinds = {kind for kind, key in new.items() if key is not None}
        if kinds == {"passphrase"} and isinstance(proof, str):
            raise OtherKeyNeeded("the words too")
        if "keystore" not in kinds:
            self.keys.pop("keystore", None)
        self.keys.update({kind: key for kind, key in new.items() if key is not None})


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = await Desk().set_up()
    assert desk.companion.opened is not None
    await desk.companion.opened.security.use_device(PASSPHRASE)
    return desk


def words(desk: Desk) -> str:
    recovery = desk.vault.store.keys["recovery"]
    assert isinstance(recovery, bytes)
    return " ".join(words_from_key(recovery))


async def test_an_old_store_asks_for_the_other_key_and_keeps_what_it_has(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = FirstRelease(desk)
    monkeypatch.setattr(desk.vault.store, "rekey", old.rekey)
    security = desk.companion.opened.security
    with pytest.raises(OtherKeyNeeded):
        await security.change_passphrase(PASSPHRASE, NEW)
    assert desk.vault.store.keys["passphrase"] == PASSPHRASE
    assert (await desk.companion.wrong_tries())[0] == 0
    await security.change_passphrase(words(desk), NEW)
    assert old.proofs[1] == desk.vault.store.keys["recovery"]
    assert desk.vault.store.keys["passphrase"] == NEW


async def test_the_devices_own_key_is_made_anew_where_it_was_lost_on_the_way(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = desk.keystore.held[KEY]
    monkeypatch.setattr(desk.vault.store, "rekey", FirstRelease(desk).rekey)
    security = desk.companion.opened.security
    await security.change_passphrase(words(desk), NEW)
    assert "keystore" in desk.vault.store.slots
    assert desk.keystore.held[KEY] != before
    await desk.companion.lock()
    await desk.companion.unlock_with_device("Open")
    assert await desk.companion.phase() == "open"


async def test_a_keystore_that_does_not_answer_then_undoes_no_change(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(name: str, value: str) -> None:
        if name == KEY:
            raise KeystoreUnavailable("no answer")

    monkeypatch.setattr(desk.vault.store, "rekey", FirstRelease(desk).rekey)
    monkeypatch.setattr(desk.keystore, "save", silent)
    await desk.companion.opened.security.change_passphrase(words(desk), NEW)
    assert desk.vault.store.keys["passphrase"] == NEW


async def test_what_the_device_remembers_follows_each_change_of_a_key(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    anchors = iter(range(1_000, 1_100))
    anchor = property(lambda self: Anchor(store_id="5a" * 16, commit=next(anchors), keys="ab" * 32))
    monkeypatch.setattr(type(desk.vault.store), "anchor", anchor)
    security = desk.companion.opened.security
    for change in (
        lambda: security.change_passphrase(PASSPHRASE, NEW),
        lambda: desk.companion.opened.recovery.renew(NEW, bytes(32)),
        lambda: security.stop_device(),
        lambda: security.use_device(NEW),
    ):
        desk.keystore.held.pop(ANCHOR, None)
        await change()
        assert desk.keystore.held[ANCHOR].endswith(":" + "ab" * 32)


@pytest.mark.parametrize("text", ["5a:7", "5a:7:", "5a:7:cd", "5a:7:cd:later"])
async def test_what_the_device_remembers_is_read_whatever_version_wrote_it(text: str) -> None:
    desk = await Desk().set_up()
    desk.keystore.held[ANCHOR] = text
    found = await desk.companion._device.anchor()
    assert found is not None
    assert (found.store_id, found.commit, found.keys) == ("5a", 7, "cd" if "cd" in text else "")


async def test_a_number_without_end_is_no_anchor() -> None:
    desk = await Desk().set_up()
    desk.keystore.held[ANCHOR] = "5a:" + "9" * 5_000
    assert await desk.companion._device.anchor() is None
