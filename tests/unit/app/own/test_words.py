"""Recovery words open every device of their person, who tells them to each other; here with devices in memory."""

import pytest

from companion.errors import OtherKeyNeeded, StoreError, WrongKey
from companion.ports import Change, Put
from companion.space.items import cid_of, seal_item
from companion.space.keys import BOOK
from companion.space.words import TABLE, words_of
from tests.fake_relay import FakeDeviceRelay
from tests.fakes import PASSPHRASE, Desk
from tests.unit.app.own.conftest import core, linked, meet
from tests.unit.app.own.on_paper import leads_to, opens, renew, space_of


class TestOpening:
    async def test_the_words_open_a_linked_device_that_never_saw_them(self, phone, tablet):
        assert await opens(tablet, phone)
        await tablet.companion.lock()
        await tablet.companion.unlock(words=" ".join(phone.words))
        assert tablet.companion.opened is not None

    async def test_the_words_are_told_at_linking_where_nothing_is_shared(self, phone, relay):
        device = await Desk("Tablet", relay).set_up(has_words=False)
        assert not await opens(device, phone)
        code = await core(phone).devices.offer()
        await core(device).devices.link(code.code, "Tablet")
        for _ in range(2):
            for one in (device, phone):
                await one.network.exchange()
        await core(device).own.housekeeping.run()
        assert not core(phone).own.is_on
        assert await opens(device, phone)

    async def test_what_the_words_are_is_kept_nowhere(self, phone, tablet):
        for device in (phone, tablet):
            stored = str(device.vault.store.tables)
            assert phone.recovery.hex() not in stored
            assert words_of(phone.recovery).slot.hex() in stored

    async def test_new_words_open_every_device_and_the_former_ones_none(self, phone, tablet):
        former = Desk("Former", phone.relay)
        former.recovery = phone.recovery
        await renew(tablet)
        await meet(tablet, phone)
        for device in (phone, tablet):
            assert (await opens(device, tablet), await opens(device, former)) == (True, False)

    async def test_new_words_are_told_where_nothing_is_shared(self, phone, relay):
        device = await Desk("Tablet", relay).set_up(has_words=False)
        code = await core(phone).devices.offer()
        await core(device).devices.link(code.code, "Tablet")
        await meet(device, phone, device)
        await renew(phone)
        await meet(phone, device)
        assert not core(phone).own.is_on
        assert await opens(device, phone)

    async def test_new_words_reach_a_device_that_was_away_for_their_letter(self, phone, tablet, relay):
        await renew(tablet)
        await tablet.network.exchange()
        relay.inboxes[core(phone).device].clear()  # what waits there too long is gone
        await meet(tablet, phone)
        assert await opens(phone, tablet)

    async def test_new_words_that_cannot_be_saved_change_nothing(self, phone, monkeypatch):
        async def full(**keys):
            raise StoreError("no room")

        before = await core(phone).recovery.known()
        monkeypatch.setattr(phone.vault.store, "rekey", full)
        with pytest.raises(StoreError):
            await core(phone).recovery.renew(PASSPHRASE, bytes(32))
        assert await core(phone).recovery.known() == before
        assert not await core(phone).recovery.is_behind()

    async def test_new_words_that_a_crash_cut_short_hold_once_the_app_is_opened(self, phone):
        words = words_of(bytes(32), 2)
        await core(phone)._context.commit(Change(put=(Put(TABLE, words.known_doc()),)))
        await core(phone).own.housekeeping.run()
        assert phone.vault.store.words_slot == words.slot

    async def test_a_store_that_cannot_be_locked_to_them_is_tried_once_an_opening(self, phone, monkeypatch):
        async def refuse(slot):
            raise OtherKeyNeeded("a store of the first release")

        monkeypatch.setattr(phone.vault.store, "lock_to_words", refuse)
        await core(phone)._context.commit(Change(put=(Put(TABLE, words_of(bytes(32), 2).known_doc()),)))
        assert await core(phone).own.housekeeping.left_ms() == 0
        await core(phone).own.housekeeping.run()
        assert await core(phone).own.housekeeping.left_ms() > 0

    async def test_a_store_that_is_read_only_is_locked_to_nothing(self, phone):
        await core(phone)._context.commit(Change(put=(Put(TABLE, words_of(bytes(32), 2).known_doc()),)))
        phone.vault.store.is_read_only = True
        assert not await core(phone).recovery.is_behind()

    async def test_nobody_has_new_words_without_a_proof(self, phone):
        before = await core(phone).recovery.known()
        with pytest.raises(WrongKey):
            await core(phone).recovery.renew("wrong", bytes(32))
        assert await core(phone).recovery.known() == before

    async def test_words_that_an_earlier_release_wrote_down_for_one_device_stay_until_there_are_new_ones(
        self, phone, relay
    ):
        old = await Desk("Old", relay).set_up()  # as in 0.1.0, where a linked device had a sheet of its own
        del old.vault.store.tables[TABLE]
        await core(phone).own.turn_on()
        code = await core(phone).devices.offer()
        await core(old).devices.link(code.code, "Old")
        await meet(phone, old)
        assert (await opens(old, old), await opens(old, phone)) == (True, False)
        await renew(phone)
        await meet(phone, old)
        assert await opens(old, phone)

    async def test_words_that_are_typed_are_known_from_then_on(self, phone, relay):
        del phone.vault.store.tables[TABLE]
        assert await core(phone).recovery.known() is None
        await phone.companion.lock()
        await phone.companion.unlock(words=" ".join(phone.words))
        assert await core(phone).recovery.known() == words_of(phone.recovery)

    async def test_words_that_are_typed_are_told_to_a_device_that_was_linked_before(self, phone, relay):
        del phone.vault.store.tables[TABLE]
        device = await Desk("Tablet", relay).set_up(has_words=False)
        code = await core(phone).devices.offer()
        await core(device).devices.link(code.code, "Tablet")
        await meet(device, phone, device)
        assert not await opens(device, phone)
        await phone.companion.lock()
        await phone.companion.unlock(words=" ".join(phone.words))
        await meet(phone, device)
        assert await opens(device, phone)

    async def test_a_store_that_is_read_only_opens_by_its_words_all_the_same(self, phone):
        del phone.vault.store.tables[TABLE]
        phone.vault.store.is_read_only = True
        await phone.companion.lock()
        await phone.companion.unlock(words=" ".join(phone.words))
        assert phone.companion.opened is not None

    async def test_words_from_a_stranger_and_from_a_revoked_device_are_refused(self, phone, tablet, desktop, relay):
        await core(phone).devices.revoke(core(tablet).device)
        await meet(phone, desktop)
        stranger = await Desk("Mallory", relay).set_up()
        theirs = words_of(bytes(32), 2)
        for one in (tablet, stranger):
            outbox, to = core(one).groups.tools.outbox, core(phone)._context.me.member.devices.active[0]
            letter = outbox.letter("local", to, {"kind": "words", **theirs.to_doc()})
            await core(one)._context.commit(Change(put=(letter,)))
            await core(one).groups.follow("local")
            await one.network.exchange()
        await meet(phone)
        assert await opens(phone, phone)
        assert await core(phone).recovery.known() == words_of(phone.recovery)


class TestTelling:
    """What stands in the book about words, whoever of my devices wrote it."""

    async def say(self, device, words):
        """Let a device say words in the book, whatever its app would do."""
        space = await space_of(device)
        log, private = space.log_id(BOOK), core(device)._context.me.sign_private
        body = seal_item(space.keys[-1], space.n, log, private, words if isinstance(words, dict) else words.told())
        relay = FakeDeviceRelay(device.relay, "thief")
        await relay.append(log.hex(), space.capability(BOOK), cid_of(body), body)

    @pytest.mark.parametrize("number", [0, 1, 2_000])
    async def test_words_that_are_not_the_next_ones_change_nothing(self, phone, tablet, relay, number):
        await self.say(tablet, words_of(bytes(32)).told() | {"number": number})
        await meet(phone, tablet)
        assert (await space_of(phone)).n == 0
        assert await opens(phone, phone)
        await leads_to(phone, relay, tablet)

    async def test_words_that_nothing_can_be_sealed_to_keep_nobody_from_turning(self, phone, tablet, relay):
        for field in ("box", "slot"):
            await self.say(tablet, words_of(bytes(32), 2).told() | {field: "00" * 32})
        await renew(phone)
        await meet(phone, tablet)
        assert (await space_of(phone)).n == 1
        await leads_to(phone, relay, tablet)

    async def test_a_revoked_device_gives_nobody_other_words(self, phone, tablet, desktop, relay):
        await core(phone).devices.revoke(core(tablet).device)
        await meet(phone, desktop)
        space, words = await space_of(phone), words_of(bytes(32), 2)
        log, private = space.log_id(BOOK), core(tablet)._context.me.sign_private
        body = seal_item(space.keys[-1], space.n, log, private, words.told())  # somebody gave it the newest key
        await FakeDeviceRelay(relay, "thief").append(log.hex(), space.capability(BOOK), cid_of(body), body)
        await meet(phone, desktop)
        assert await opens(phone, phone)
        assert await core(desktop).recovery.known() == words_of(phone.recovery)

    async def test_the_box_of_the_words_is_taken_for_no_device(self, phone, tablet, desktop, relay):
        await core(phone).devices.revoke(core(tablet).device)
        await meet(phone, desktop)
        await meet(phone, desktop)
        space = await space_of(phone)
        devices = {device.id for device in core(phone)._context.me.member.devices.active}
        assert set(space.holders) == {*devices, words_of(phone.recovery).holder.hex()}
        assert space.n == 1  # nobody turns on and on to be rid of it

    async def test_who_comes_after_new_words_goes_by_them(self, phone, tablet, relay):
        await renew(phone)
        await meet(phone, tablet)
        late = await linked(relay, tablet, "Late", phone)
        await meet(tablet, late, phone)
        assert await opens(late, phone)
        assert (await core(late).recovery.known()).number == 2
