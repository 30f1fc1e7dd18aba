"""A device that is in use no longer gets nothing new; one that is shut out founds another space."""

from dataclasses import replace

from companion.app.own.secrets import SECRETS
from companion.space.keys import BOOK, SHELF
from companion.space.place import SHUT
from tests.fakes import Desk
from tests.unit.app.own.conftest import core, linked, meet, texts, work, write


async def space_of(device):
    return await core(device).own.space()


async def secrets(device):
    docs = await core(device)._context.store.all(SECRETS)
    return sorted((doc["number"], doc["secret"]) for doc in docs)


async def test_a_revoked_device_gets_nothing_new_and_the_others_go_on(phone, tablet, desktop, relay):
    await write(phone, "Before")
    await meet(phone, tablet, desktop)
    await core(phone).devices.revoke(core(tablet).device)
    await meet(phone, desktop)
    await write(desktop, "After")
    await meet(phone, desktop, tablet)
    assert await texts(phone) == await texts(desktop) == ["After", "Before"]
    assert await texts(tablet) == ["Before"]
    assert (await space_of(phone)).n == (await space_of(desktop)).n == 1
    assert {log.reads for log in (await space_of(phone)).logs.values()} == {1}


async def test_a_revocation_brings_another_own_secret_and_the_former_one_stays(phone, tablet, desktop):
    before = await secrets(phone)
    assert before == await secrets(tablet) == await secrets(desktop)
    assert [number for number, _ in before] == [1]
    await core(phone).devices.revoke(core(tablet).device)
    await meet(phone, desktop, tablet)
    after = await secrets(phone)
    assert after == await secrets(desktop)
    assert [number for number, _ in after] == [1, 2]
    assert set(after) & set(await secrets(tablet)) == set(before)


async def test_who_comes_after_a_turn_finds_the_whole_past(phone, tablet, desktop, relay):
    await write(phone, "Before the turn")
    await meet(phone, tablet, desktop)
    await core(phone).devices.revoke(core(tablet).device)
    await meet(phone, desktop)
    await write(phone, "After the turn")
    await meet(phone, desktop)
    late = await linked(relay, desktop, "Late", phone)
    await meet(desktop, late, phone)
    assert await texts(late) == ["After the turn", "Before the turn"]
    assert (await space_of(late)).base == 0
    assert await secrets(late) == await secrets(phone)
    await write(late, "From the late one")
    await meet(late, phone, desktop)
    assert await texts(phone) == await texts(desktop) == ["After the turn", "Before the turn", "From the late one"]


async def test_two_turns_later_the_past_still_opens(phone, tablet, desktop, relay):
    await write(phone, "First")
    await meet(phone, tablet, desktop)
    await core(phone).devices.revoke(core(tablet).device)
    await meet(phone, desktop)
    await write(phone, "Second")
    await meet(phone, desktop)
    await core(phone).devices.revoke(core(desktop).device)
    await meet(phone)
    await write(phone, "Third")
    late = await linked(relay, phone, "Late")
    await meet(phone, late)
    assert await texts(late) == ["First", "Second", "Third"]
    assert (await space_of(late)).n == 2


async def test_two_devices_that_turn_at_once_end_with_one_key(phone, tablet, desktop, relay):
    await core(phone).devices.revoke(core(tablet).device)
    await phone.network.exchange()  # the list is told, and the turn is on its way
    await meet(desktop, phone)
    assert (await space_of(phone)).keys == (await space_of(desktop)).keys


async def test_a_turn_that_was_left_half_done_is_finished_by_another_device(phone, tablet, desktop, relay):
    await core(phone).devices.revoke(core(tablet).device)
    for _ in range(6):
        await phone.network.exchange()
        if (await space_of(phone)).logs[BOOK].n == 1:
            break
    space = await space_of(phone)
    assert (space.logs[BOOK].n, space.logs[SHELF].n) == (1, 0)
    await meet(desktop)  # the phone is never seen again
    space = await space_of(desktop)
    assert (space.logs[BOOK].n, space.logs[SHELF].n) == (1, 1)
    await write(desktop, "Goes on")
    await meet(desktop)
    late = await linked(relay, desktop, "Late")
    assert await texts(late) == ["Goes on"]


async def test_who_is_shut_out_by_a_lost_device_founds_another_space_from_what_is_here(phone, tablet, desktop, relay):
    await write(phone, "Mine")
    await meet(phone, tablet, desktop)
    first = (await space_of(phone)).id
    thief = core(tablet)
    thief._context.me = _without(thief._context.me, core(phone).device, core(desktop).device)
    await thief._context.commit(thief.groups.tools.my_devices(thief._context.me.member.devices))
    await thief.own.turn_out()
    await tablet.network.exchange()
    await core(phone).devices.revoke(thief.device)  # too late: the thief has turned
    await meet(phone, desktop)
    spaces = [await space_of(phone), await space_of(desktop)]
    assert spaces[0].id == spaces[1].id != first
    assert spaces[0].state != SHUT
    await write(desktop, "Ours")
    await meet(desktop, phone)
    assert await texts(phone) == await texts(desktop) == ["Mine", "Ours"]


def _without(me, *devices):
    listed = me.member.devices
    for device in devices:
        listed = listed.without_device(me.identity_private, device, 1)
    return replace(me, member=replace(me.member, devices=listed))


async def test_two_spaces_begun_apart_become_one(phone, relay):
    code = await core(phone).devices.offer()
    tablet = await Desk("Tablet", relay).set_up()
    await core(tablet).devices.link(code.code, "Tablet")
    await meet(phone, tablet)
    await write(phone, "From the phone")
    await write(tablet, "From the tablet")
    await core(phone).own.turn_on()
    await core(tablet).own.turn_on()
    await meet(phone, tablet, rounds=4)
    assert (await space_of(phone)).id == (await space_of(tablet)).id
    assert await texts(phone) == await texts(tablet) == ["From the phone", "From the tablet"]


async def test_a_device_that_was_shut_out_and_taken_off_the_list_rests(phone, tablet, desktop):
    await core(phone).devices.revoke(core(tablet).device)
    await meet(phone, desktop)
    await tablet.network.exchange()
    context = core(tablet)._context
    context.me = replace(context.me, member=core(phone)._context.me.member)  # it was told that it is off the list
    assert (await space_of(tablet)).state == SHUT
    await core(tablet).own.housekeeping.run()
    assert await core(tablet).own.housekeeping.left_ms() > 0


async def test_without_a_connection_nothing_is_tried_without_pause(phone, tablet, relay):
    page = await write(phone, "One")
    await meet(phone, tablet)
    relay.is_online = False
    await phone.network.exchange()
    await write(phone, "Two", page)
    await work(phone)
    assert await core(phone).own.housekeeping.left_ms() > 0
