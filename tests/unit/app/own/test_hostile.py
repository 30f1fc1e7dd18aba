"""What a device that is mine no longer, a stranger, or the service may try with what my devices share."""

from dataclasses import replace

import pytest

from companion.app.own.own_space import read_own
from companion.chat.attention import QUIET, Quiet
from companion.errors import MessageRejected, RelayRefused
from companion.ports import Change, OutboxItem, Put
from companion.space.book import first_hash
from companion.space.items import cid_of
from companion.space.keys import BOOK, SHELF, keeper
from companion.space.past import past_keys
from tests.fakes import Desk
from tests.unit.app.own.conftest import beside, core, linked, meet, texts, work, write


async def space_of(device):
    return await core(device).own.space()


async def post(device, to, content):
    """Let a device write a letter to another one, whatever it says."""
    outbox = core(device).groups.tools.outbox
    address = core(to)._context.me.member.devices.device(core(to).device)
    await core(device)._context.commit(Change(put=(outbox.letter("local", address, content),)))
    await core(device).groups.follow("local")
    await device.network.exchange()


def offer(of, **other):
    reads = {name: at.reads for name, at in of.logs.items()}
    doc = {"kind": "own", "space": of.id, "n": of.n, "key": of.keys[-1].hex(), "first": of.first}
    return {**doc, "reads": reads, "shelf": {"n": 0, "at": 0}, "generation": of.generation, **other}


@pytest.mark.parametrize("generation", [1, 99])
async def test_a_revoked_device_and_a_stranger_lead_nobody_into_another_space(
    phone, tablet, desktop, relay, generation
):
    await write(phone, "Mine")
    await meet(phone, tablet, desktop)
    await core(phone).devices.revoke(core(tablet).device)
    await meet(phone, desktop)
    mine, stranger = (await space_of(phone)).id, await Desk("Mallory", relay).set_up()
    theirs = offer(await space_of(tablet), space="0" * 32, generation=generation)
    for one in (tablet, stranger):
        await post(one, phone, theirs)
    await meet(phone, desktop)
    assert (await space_of(phone)).id == mine
    assert core(phone).own.is_on


async def test_a_revoked_device_that_is_open_does_not_count_as_there(phone, tablet, desktop):
    await core(phone).devices.revoke(core(tablet).device)
    await core(phone).devices.revoke(core(desktop).device)
    await meet(phone)
    phone.clock.move(3_600_000)
    await post(tablet, phone, {"kind": "here", "asks": True})
    await phone.network.exchange()
    assert not core(phone).own.is_somebody_there()


async def test_an_old_letter_leads_nobody_back_into_a_space_that_was_left(phone, tablet):
    await write(phone, "Mine")
    await meet(phone, tablet)
    old = offer(await space_of(phone))
    await core(phone).own.found_anew(await space_of(phone))
    await meet(phone, tablet)
    new = (await space_of(tablet)).id
    await post(phone, tablet, old)
    await meet(tablet, phone)
    assert (await space_of(tablet)).id == (await space_of(phone)).id == new != old["space"]


async def test_a_log_that_a_lost_device_turned_to_nothing_is_left_for_another_space(phone, tablet, desktop, relay):
    await write(phone, "Mine")
    await meet(phone, tablet, desktop)
    space = await space_of(tablet)
    for name in (BOOK, SHELF):  # the keeper is of the key that all three have
        log_id, junk = space.log_id(name), b"\x01junk of a lost device" + name.encode()
        relay.append(
            OutboxItem(
                cid=cid_of(junk),
                group=log_id.hex(),
                capability=space.capability(name),
                body=junk,
                epoch=0,
                keeper=keeper(space.keys[0], log_id).hex(),
                next_capability="f" * 64,
                next_keeper="e" * 64,
            )
        )
    await core(phone).devices.revoke(core(tablet).device)
    await meet(phone, desktop)
    for device in (phone, desktop):
        await device.network.sides["local"].removed(space.log_id(BOOK).hex())  # as the loop says
    await write(desktop, "After")
    await meet(phone, desktop, rounds=4)
    assert await texts(phone) == await texts(desktop) == ["After", "Mine"]
    assert (await space_of(phone)).id == (await space_of(desktop)).id != space.id
    assert [await beside(device, page) for device in (phone, desktop) for page in await pages(device)] == [[]] * 4


async def pages(device):
    return [entry.id for entry in await core(device).journal.entries()]


def test_a_space_of_a_huge_number_without_turns_is_given_up_at_once():
    known_as = first_hash(b"first")
    assert past_keys(bytes(32), 2**53, {}, space=bytes(16), log=bytes(16), first=b"first", known_as=known_as) is None


async def test_a_replayed_version_takes_nothing_back(phone, tablet, relay):
    page = await write(phone, "One")
    await meet(phone)
    shelf = (await space_of(phone)).log_id(SHELF).hex()
    old = relay.logs[shelf][0]
    await write(phone, "Two", page)
    await meet(phone, tablet)
    relay.logs[shelf].append(replace(old, seq=len(relay.logs[shelf]) + 1))
    await meet(phone, tablet)
    assert await texts(phone) == await texts(tablet) == ["Two"]
    assert await beside(phone, page) == await beside(tablet, page) == []


async def test_what_holds_last_is_not_taken_back_by_a_replay(phone, tablet, relay):
    shelf = (await space_of(phone)).log_id(SHELF).hex()
    for device, minute in ((phone, 60), (tablet, 120)):
        await core(device)._context.commit(Change(put=(Put(QUIET, Quiet(from_minute=minute).to_doc()),)))
        await work(device)
    await meet(phone, tablet)
    before = [await core(device)._context.store.all(QUIET) for device in (phone, tablet)]
    assert before[0] == before[1]
    first = next(event for event in relay.logs[shelf] if event.body)
    relay.logs[shelf].append(replace(first, seq=len(relay.logs[shelf]) + 1))
    await meet(phone, tablet)
    assert [await core(device)._context.store.all(QUIET) for device in (phone, tablet)] == before


async def test_other_bytes_and_foreign_cids_change_nothing_and_hold_nothing_up(phone, tablet, relay):
    await meet(phone, tablet)
    shelf = (await space_of(phone)).log_id(SHELF).hex()
    await write(phone, "One")
    await meet(phone)
    good = relay.logs[shelf][-1]
    seq = good.seq
    for body, cid in ((good.body[:-1] + b"x", good.cid), (good.body, "9" * 32), (b"", "8" * 32), (b"\xff", "7" * 32)):
        seq += 1
        relay.logs[shelf].append(replace(good, seq=seq, body=body, cid=cid))
    await write(phone, "Two")
    await meet(phone, tablet)
    assert await texts(tablet) == ["One", "Two"]


async def test_a_past_that_the_service_withholds_for_a_while_comes_when_it_hands_it_out(phone, relay, monkeypatch):
    monkeypatch.setattr("companion.app.own.own_space.NEWEST_FIRST", 2)
    await core(phone).own.turn_on()
    for number in range(260):
        core(phone).journal.draft(None, f"Page {number}")
    await core(phone).journal.save_drafts()
    await meet(phone, rounds=8)
    events = relay.events

    async def nothing(*args):
        return ()

    relay.events = nothing
    tablet = await linked(relay, phone, "Tablet")
    await meet(phone, tablet)
    assert 0 < len(await texts(tablet)) < 260
    relay.events = events
    await meet(phone, tablet)
    assert len(await texts(tablet)) == 260


async def test_a_service_that_refuses_everything_loses_nothing(phone, tablet, relay):
    await meet(phone, tablet)
    append = relay.append

    def refuse(item):
        raise RelayRefused(404, "unknown")

    relay.append = refuse
    await write(phone, "One")
    await meet(phone, tablet)
    relay.append = append
    await meet(phone, tablet)
    assert await texts(tablet) == ["One"]


@pytest.mark.parametrize("broken", [{"key": "00"}, {"n": -1}, {"generation": "1"}, {"space": 7}, {"shelf": []}])
def test_a_malformed_offer_is_refused(broken):
    good = {"space": "1" * 32, "n": 0, "key": "2" * 64, "first": "", "reads": {"book": 0, "shelf": 0}}
    good |= {"shelf": {"n": 0, "at": 0}, "generation": 1}
    assert read_own(good, "local").id == "1" * 32
    with pytest.raises(MessageRejected):
        read_own({**good, **broken}, "local")
