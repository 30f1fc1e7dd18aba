"""Unlocking, the device's memory of the store, proofs, hiding and erasing."""

import pytest

from companion.app.device import ANCHOR, KEY
from companion.crypto.words import words_from_key
from companion.errors import RolledBack, StoreError, Tampered, WeakPassphrase, WrongKey
from companion.ports import Change, Damage, Put
from tests.fakes import PASSPHRASE, Desk

NEW = "another chair by the door"


async def locked() -> Desk:
    desk = await Desk().set_up()
    await desk.companion.lock()
    return desk


async def reopened(desk: Desk) -> Desk:
    await desk.companion.lock()
    await desk.companion.unlock(passphrase=PASSPHRASE)
    return desk


class TestAnchor:
    async def test_it_is_kept_on_lock_and_at_rest_and_not_with_each_save(self) -> None:
        desk = await locked()
        first = desk.keystore.held[ANCHOR]
        await desk.companion.unlock(passphrase=PASSPHRASE)
        for _ in range(3):
            await desk.vault.store.commit(Change(put=(Put("t", {"_id": "a"}),)))
            await desk.companion.remember(at_least=64)
        assert desk.keystore.held[ANCHOR] == first
        await desk.companion.rest()
        assert desk.keystore.held[ANCHOR] != first
        assert desk.keystore.held[ANCHOR] == f"{desk.vault.store.anchor.store_id}:{desk.vault.store.anchor.commit}"

    async def test_it_is_kept_after_64_commits_while_somebody_types(self) -> None:
        desk = await Desk().set_up()
        await desk.companion.remember()
        first = desk.keystore.held[ANCHOR]
        for count in range(1, 65):
            await desk.vault.store.commit(Change(put=(Put("t", {"_id": "a"}),)))
            await desk.companion.remember(at_least=64)
            assert (desk.keystore.held[ANCHOR] != first) is (count == 64)

    async def test_without_a_keystore_nothing_is_kept_and_everything_works(self) -> None:
        desk = Desk()
        desk.keystore.is_there = False
        await reopened(await desk.set_up())
        assert desk.keystore.held == {}
        assert await desk.companion.phase() == "open"

    async def test_a_new_store_forgets_what_an_older_one_left_in_the_keystore(self) -> None:
        desk = Desk()
        desk.keystore.held = {ANCHOR: "00:99", KEY: "AAAA"}
        await desk.set_up()
        assert desk.keystore.held == {}

    @pytest.mark.parametrize("garbage", ["", "x", "x:", "x:y", ":7"])
    async def test_an_entry_that_makes_no_sense_is_no_anchor(self, garbage: str) -> None:
        desk = await locked()
        desk.keystore.held[ANCHOR] = garbage
        await desk.companion.unlock(passphrase=PASSPHRASE)
        assert await desk.companion.phase() == "open"


class TestRestored:
    async def put_back(self) -> Desk:
        desk = await locked()
        desk.keystore.held[ANCHOR] = f"{'5a' * 16}:999"
        desk.companion._device._written = None  # another start of the app
        await desk.companion.unlock(passphrase=PASSPHRASE)
        return desk

    async def test_an_older_store_asks_before_anything_else_happens(self) -> None:
        desk = await self.put_back()
        assert await desk.companion.phase() == "restored"
        assert desk.companion.opened is None
        assert desk.calls.count("network opened") == 1  # the first start's

    async def test_yes_goes_on_from_here(self) -> None:
        desk = await self.put_back()
        await desk.companion.answer_restored(True)
        assert await desk.companion.phase() == "open"
        assert desk.companion.opened is not None
        assert not desk.companion.opened.is_read_only
        await desk.companion.opened.set_auto_lock(2)

    async def test_no_opens_for_reading_without_the_network_and_keeps_the_anchor(self) -> None:
        desk = await self.put_back()
        await desk.companion.answer_restored(False)
        assert desk.companion.opened is not None
        assert desk.companion.opened.is_read_only
        with pytest.raises(RolledBack):
            await desk.companion.opened.set_auto_lock(2)
        assert desk.calls.count("network opened") == 1
        await desk.companion.lock()
        assert desk.keystore.held[ANCHOR].endswith(":999")

    async def test_locking_while_the_question_stands_drops_the_keys(self) -> None:
        desk = await self.put_back()
        assert desk.companion.has_keys
        await desk.companion.lock()
        assert await desk.companion.phase() == "locked"
        assert not desk.vault.store.is_open
        assert not desk.companion.has_keys


async def test_looking_at_a_store_that_is_for_reading_only_never_fails() -> None:
    """What was shown or seen is noted where it can be, and not where nothing may be changed."""
    desk = await locked()
    desk.keystore.held[ANCHOR] = f"{'5a' * 16}:999"
    await desk.companion.unlock(passphrase=PASSPHRASE)
    await desk.companion.answer_restored(False)
    assert desk.companion.opened is not None
    context = desk.companion.opened._context
    change = Change(put=(Put("nudges", {"_id": "n"}),))
    with pytest.raises(RolledBack):
        await context.commit(change)
    await context.note(change)
    assert desk.vault.store.tables.get("nudges", {}) == {}
    await desk.companion.answer_restored(True)


class TestProof:
    async def test_a_new_passphrase_needs_the_old_one(self) -> None:
        desk = await Desk().set_up()
        assert desk.companion.opened is not None
        with pytest.raises(WrongKey):
            await desk.companion.opened.security.change_passphrase("not this one", NEW)
        assert desk.vault.store.keys["passphrase"] == PASSPHRASE
        assert (await desk.companion.wrong_tries())[0] == 1
        await desk.companion.opened.security.change_passphrase(PASSPHRASE, NEW)
        assert desk.vault.store.keys["passphrase"] == NEW
        assert (await desk.companion.wrong_tries())[0] == 0

    async def test_recovery_words_are_a_proof_too(self) -> None:
        desk = await Desk().set_up()
        assert desk.companion.opened is not None
        recovery = desk.vault.store.keys["recovery"]
        assert isinstance(recovery, bytes)
        await desk.companion.opened.security.change_passphrase(" ".join(words_from_key(recovery)), NEW)
        assert desk.vault.store.keys["passphrase"] == NEW

    @pytest.mark.parametrize("short", ["short", "short    ", "a-------b"])
    async def test_a_short_passphrase_is_refused_before_anything_is_asked(self, short: str) -> None:
        desk = await Desk().set_up()
        assert desk.companion.opened is not None
        with pytest.raises(WeakPassphrase):
            await desk.companion.opened.security.change_passphrase(PASSPHRASE, short)

    async def test_new_words_replace_the_old_ones(self) -> None:
        desk = await Desk().set_up()
        assert desk.companion.opened is not None
        key, words = desk.companion.recovery_words()
        await desk.companion.opened.recovery.renew(PASSPHRASE, key)
        await desk.companion.lock()
        await desk.companion.unlock(words=" ".join(words))
        assert desk.companion.opened is not None

    async def test_too_many_wrong_proofs_have_to_wait(self) -> None:
        desk = await Desk().set_up()
        assert desk.companion.opened is not None
        for _ in range(3):
            with pytest.raises(WrongKey):
                await desk.companion.opened.security.check("wrong")
        with pytest.raises(WrongKey):
            await desk.companion.opened.security.check(PASSPHRASE)
        desk.clock.move(10_000)
        await desk.companion.opened.security.check(PASSPHRASE)


class TestDevice:
    async def test_the_device_opens_the_store_only_if_it_was_asked_to(self) -> None:
        desk = await Desk().set_up()
        assert desk.companion.opened is not None
        assert not await desk.companion.can_unlock_with_device()
        with pytest.raises(WrongKey):
            await desk.companion.opened.security.use_device("wrong")
        assert KEY not in desk.keystore.held
        await desk.companion.opened.security.use_device(PASSPHRASE)
        await desk.companion.lock()
        await desk.companion.unlock_with_device("reason")
        assert desk.companion.opened is not None
        await desk.companion.opened.security.stop_device()
        await desk.companion.lock()
        with pytest.raises(WrongKey):
            await desk.companion.unlock_with_device("reason")

    async def test_a_device_that_can_ask_must_say_yes(self) -> None:
        desk = await Desk().set_up()
        assert desk.companion.opened is not None
        await desk.companion.opened.security.use_device(PASSPHRASE)
        await desk.companion.lock()
        desk.keystore.owner = False
        with pytest.raises(WrongKey):
            await desk.companion.unlock_with_device("reason")
        desk.keystore.owner = True
        await desk.companion.unlock_with_device("reason")
        assert desk.companion.opened is not None

    async def test_passphrase_and_words_stay(self) -> None:
        desk = await Desk().set_up()
        assert desk.companion.opened is not None
        await desk.companion.opened.security.use_device(PASSPHRASE)
        assert desk.vault.store.slots == {"passphrase", "recovery", "keystore"}


class TestHide:
    async def test_hiding_drops_the_keys_and_says_nothing_until_somebody_comes_back(self) -> None:
        desk = await Desk().set_up()
        await desk.companion.hide()
        assert await desk.companion.phase() == "hidden"
        assert not desk.companion.has_keys
        assert not desk.vault.store.is_open
        desk.companion.come_back()
        assert await desk.companion.phase() == "locked"

    async def test_windows_hear_of_it_before_anything_is_saved(self) -> None:
        desk = await Desk().set_up()
        heard: list[bool] = []
        desk.companion.subscribe(lambda what: heard.append(desk.vault.store.is_open))
        await desk.companion.hide()
        assert heard[0] is True


class TestErase:
    async def test_it_takes_store_and_keystore_and_leads_to_a_first_start(self) -> None:
        desk = await Desk().set_up()
        assert desk.companion.opened is not None
        await desk.companion.opened.security.use_device(PASSPHRASE)
        await desk.companion.erase()
        assert await desk.companion.phase() == "first_start"
        assert desk.keystore.held == {}
        assert "store closed" in desk.calls

    async def test_it_works_while_locked_and_when_saving_fails(self) -> None:
        desk = await locked()
        await desk.companion.erase()
        assert await desk.companion.phase() == "first_start"
        desk = await Desk().set_up()
        assert desk.companion.opened is not None

        async def fail() -> None:
            raise StoreError("the disk is full")

        desk.vault.store.close = fail  # type: ignore[method-assign]  # a disk that fails
        await desk.companion.erase()
        assert await desk.companion.phase() == "first_start"

    async def test_an_erasure_that_a_crash_cut_short_is_completed(self) -> None:
        desk = await locked()
        desk.eraser.cut_short = True
        assert await desk.companion.phase() == "first_start"
        assert desk.keystore.held == {}


async def test_a_store_whose_owner_cannot_be_read_is_damaged_and_closed_again() -> None:
    desk = await locked()
    del desk.vault.store.tables["me"]
    desk.vault.store.damages = (Damage(part="me", kind="missing"),)
    with pytest.raises(Tampered) as caught:
        await desk.companion.unlock(passphrase=PASSPHRASE)
    assert (caught.value.kind, caught.value.part) == ("missing", "me")
    assert not desk.vault.store.is_open


async def test_facts_count_what_is_there() -> None:
    desk = await Desk().set_up()
    assert desk.companion.opened is not None
    desk.vault.store.tables["msg:a"] = {"1": {"_id": "1"}}
    desk.vault.store.tables["msg:b"] = {"2": {"_id": "2"}, "3": {"_id": "3"}}
    desk.vault.blobs.held = {"x": b"12345"}
    facts = await desk.companion.opened.facts()
    assert facts.counts["msg"] == 3
    assert (facts.blobs, facts.blob_bytes) == (1, 5)
    assert facts.slots == {"passphrase", "recovery"}
