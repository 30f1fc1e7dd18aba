"""Recovery words lead to the own space, whatever was done to the signpost; here with devices in memory."""

from dataclasses import replace

import pytest

from companion.app.own.by_words import find_by_words
from companion.crypto.primitives import signing_keypair
from companion.errors import NothingByWords, Offline, RelayRefused, UnreadableByWords
from companion.space.items import cid_of, key_number
from companion.space.keys import BOOK
from companion.space.signpost import fold, way_entry, way_to, whose_entry
from companion.space.turns import open_turn
from companion.space.words import words_of
from companion.times import HOUR_MS
from companion.wire import format_envelope
from tests.fake_relay import FakeDeviceRelay
from tests.fakes import Desk
from tests.unit.app.own.conftest import core, meet, work
from tests.unit.app.own.on_paper import full, lead_of, leads_to, renew, space_of


class TestFinding:
    async def test_the_words_alone_lead_to_the_own_space(self, phone, tablet, relay):
        await leads_to(phone, relay, tablet)

    async def test_nothing_is_at_the_service_where_nothing_is_shared(self, relay):
        alone = await Desk("Alone", relay).set_up_with_a_group()
        await meet(alone)
        assert words_of(alone.recovery).log not in relay.logs
        with pytest.raises(NothingByWords):
            await lead_of(alone, relay)

    async def test_after_a_turn_the_words_lead_to_the_newest_key(self, phone, tablet, desktop, relay):
        await core(phone).devices.revoke(core(tablet).device)
        await meet(phone, desktop)
        assert (await space_of(phone)).n == 1
        await leads_to(phone, relay, desktop)
        assert len(full(relay, phone.recovery)) == 2  # whose they are, and the newest way

    async def test_the_words_follow_a_turn_that_the_signpost_does_not_know_of(self, phone, tablet, desktop, relay):
        log = words_of(phone.recovery).log
        before = list(relay.logs[log])
        await core(phone).devices.revoke(core(tablet).device)
        await meet(phone, desktop)
        relay.logs[log][:] = before
        await leads_to(phone, relay, desktop)

    async def test_the_words_lead_to_a_space_that_was_begun_anew(self, phone, tablet, relay):
        await core(phone).own.found_anew(await space_of(phone))
        await meet(phone, tablet)
        assert (await lead_of(phone, relay)).generation == 2
        await leads_to(phone, relay, tablet)

    async def test_new_words_lead_there_and_the_former_ones_nowhere(self, phone, tablet, relay):
        former = phone.recovery
        await renew(phone)
        await meet(phone, tablet)
        await leads_to(phone, relay, tablet)
        with pytest.raises(NothingByWords):
            await lead_of(phone, relay, former)

    async def test_the_finder_of_former_words_reads_nothing_new(self, phone, tablet, relay):
        former, recovery = await lead_of(phone, relay), phone.recovery
        await renew(phone)
        await meet(phone, tablet)
        space = await space_of(phone)
        assert (former.n, space.n) == (0, 1)
        turn = next(event.body for event in relay.logs[space.log_id(BOOK).hex()] if key_number(event.body)[1])
        old, new = words_of(recovery), words_of(phone.recovery)
        boxes = open_turn(space.keys[0], space.log_id(BOOK), turn).boxes
        assert (old.holder in boxes, new.holder in boxes) == (False, True)

    async def test_who_cannot_be_reached_is_not_taken_for_nothing(self, phone, tablet, relay):
        relay.is_online = False
        with pytest.raises(Offline):
            await lead_of(phone, relay)

    async def test_a_service_that_refuses_for_now_is_not_taken_for_the_end_of_the_book(self, phone, tablet, relay):
        class Busy(FakeDeviceRelay):
            async def events(self, group, capability, since):
                if group != words_of(phone.recovery).log:
                    raise RelayRefused(429, "slow-down")
                return await self._relay.events(group, capability, since)

        with pytest.raises(RelayRefused, match="429"):
            await find_by_words(phone.recovery, Busy(relay, "somebody"))

    async def test_a_service_without_end_is_read_no_further(self, phone, tablet, relay):
        class Endless(FakeDeviceRelay):
            asked = 0

            async def events(self, group, capability, since):
                self.asked += 1
                page = await self._relay.events(group, capability, since)
                return page or tuple(self._relay.logs[group][-1:])

        endless = Endless(relay, "somebody")
        assert (await find_by_words(phone.recovery, endless)).n == 0
        assert endless.asked < 100

    async def test_what_does_not_open_is_told_from_nothing(self, phone, tablet, relay):
        log = relay.logs[words_of(phone.recovery).log]
        log[:] = [event for event in log if event.seq == 1]
        with pytest.raises(UnreadableByWords):
            await lead_of(phone, relay)

    async def test_erasing_the_account_drops_the_signpost(self, phone, tablet):
        farewells = await core(phone).sign_farewells("account")
        assert words_of(phone.recovery).log in {one.id for farewell in farewells for one in farewell.logs}


class TestKeeping:
    """Who has been a device of mine knows how to empty and drop the signpost, and to sign as I do."""

    async def put(self, relay, words, body):
        await FakeDeviceRelay(relay, "thief").append(words.log, words.capability, cid_of(body), body)

    async def connect_again(self, *devices):
        for device in devices:
            relay = device.relay
            relay.is_online = False
            await device.network.exchange()
            await work(device)
            relay.is_online = True
        await meet(*devices)

    async def test_a_signpost_that_was_emptied_is_put_up_again(self, phone, tablet, relay):
        words = words_of(phone.recovery)
        await relay.empty(words.log, words.capability, words.keeper, tuple(full(relay, phone.recovery)))
        await self.connect_again(tablet)
        await leads_to(phone, relay, phone)

    async def test_a_signpost_that_was_dropped_is_put_up_again(self, phone, tablet, relay):
        words = words_of(phone.recovery)
        await relay.drop_group(words.log, words.capability, words.keeper)
        await self.connect_again(tablet)
        await leads_to(phone, relay, phone)

    async def test_a_signpost_that_a_service_lost_with_its_last_days_is_put_up_again(self, phone, tablet, relay):
        words = words_of(phone.recovery)
        relay.logs[words.log].clear()
        relay.life = "2e" * 16
        await meet(phone, tablet)
        await leads_to(phone, relay, phone)

    async def test_a_newest_entry_that_the_service_withheld_is_offered_again(self, phone, tablet, desktop, relay):
        words = words_of(phone.recovery)
        before = list(relay.logs[words.log])
        await core(phone).devices.revoke(core(tablet).device)
        await meet(phone, desktop)
        relay.logs[words.log][:] = before
        await self.connect_again(desktop)
        bodies = [(event.seq, event.body) for event in relay.logs[words.log]]
        assert fold(words, bodies).way.n == 1

    async def test_somebody_elses_signpost_in_its_place_is_taken_down(self, phone, tablet, relay):
        words, stranger = words_of(phone.recovery), signing_keypair()[0]
        await relay.drop_group(words.log, words.capability, words.keeper)
        await relay.create_group(words.log, words.capability, keeper=words.keeper)
        for body in (whose_entry(words, stranger), way_entry(words, stranger, way_to(words, await space_of(phone)))):
            await self.put(relay, words, body)
        await self.connect_again(phone)
        await leads_to(phone, relay, phone)

    async def test_a_way_into_another_space_is_taken_down_by_the_next_device(self, phone, tablet, relay):
        words, space = words_of(phone.recovery), await space_of(tablet)
        theirs = way_to(words, replace(space, id="0" * 32, generation=9, keys=(bytes(32),), base=7))
        await self.put(relay, words, way_entry(words, core(tablet)._context.me.identity_private, theirs))
        with pytest.raises(UnreadableByWords):
            await lead_of(phone, relay)
        await self.connect_again(phone)
        await leads_to(phone, relay, phone)

    async def test_a_way_that_leads_further_is_looked_at_twice_before_it_is_taken_down(self, phone, tablet, relay):
        words, space = words_of(phone.recovery), await space_of(phone)
        ahead = way_to(words, replace(space, keys=(*space.keys, bytes(32))))
        await self.put(relay, words, way_entry(words, core(phone)._context.me.identity_private, ahead))
        posting = core(phone).own.housekeeping.signposting
        posting.forget()
        before = len(relay.logs[words.log])
        assert not await posting.step(space)
        assert len(relay.logs[words.log]) == before
        assert 0 < await posting.left_ms(space) <= 20_000
        phone.clock.move(20_000)
        assert await posting.step(space)
        await leads_to(phone, relay, phone)

    async def test_a_signpost_that_was_filled_up_is_begun_anew(self, phone, tablet, relay):
        words = words_of(phone.recovery)
        for n in range(500):
            await self.put(relay, words, format_envelope(4, n.to_bytes(60)))
        await self.connect_again(phone)
        assert len(relay.logs[words.log]) == 2
        await leads_to(phone, relay, phone)

    async def test_a_place_that_somebody_took_is_not_asked_for_again_and_again(self, phone, tablet, relay):
        words, space = words_of(phone.recovery), await space_of(phone)
        await relay.drop_group(words.log, words.capability, words.keeper)
        await relay.create_group(words.log, "ab" * 32, keeper="cd" * 32)
        posting = core(phone).own.housekeeping.signposting
        posting.forget()
        with pytest.raises(RelayRefused, match="exists"):
            await posting.step(space)
        assert await posting.left_ms(space) == HOUR_MS

    async def test_a_service_that_does_not_answer_is_asked_again_soon(self, phone, tablet, relay):
        posting, relay.is_online = core(phone).own.housekeeping.signposting, False
        posting.forget()
        with pytest.raises(Offline):
            await posting.step(await space_of(phone))
        assert 0 < await posting.left_ms(await space_of(phone)) <= 20_000

    async def test_what_waits_to_be_said_of_the_words_is_not_said_twice(self, phone, relay):
        await core(phone).own.turn_on()
        posting = core(phone).own.housekeeping.signposting
        for _ in range(2):
            posting.forget()
            await posting.step(await space_of(phone))
        said = await core(phone).own._desk.said((await space_of(phone)).id)
        assert len([one for one in said if one.content.get("kind") == "words"]) == 1

    async def test_a_device_that_changed_nothing_asks_once_for_each_connection(self, phone, tablet):
        posting = core(phone).own.housekeeping.signposting
        assert await posting.left_ms(await space_of(phone)) == HOUR_MS
        posting.forget()
        assert await posting.left_ms(await space_of(phone)) == 0
