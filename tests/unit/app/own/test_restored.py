"""The service was restored from a backup: what it lost is offered again, and nothing of it is lost for anybody."""

from copy import deepcopy

from companion.app.own.files import AWAY
from companion.errors import RelayRefused
from companion.space.keys import BOOK, SHELF
from tests.unit.app.own.conftest import core, linked, meet, texts, work, write
from tests.unit.app.own.test_files import PICTURE

KEPT = ("logs", "epochs", "capabilities", "keepers", "erasable", "erased", "blobs", "keep_days")


def backup(relay):
    return {name: deepcopy(getattr(relay, name)) for name in KEPT}


async def restore(relay, kept, *devices):
    """Put the service back to how it was, and let each device find where its log parts from what it has read."""
    for name, value in deepcopy(kept).items():
        setattr(relay, name, value)
    for device in devices:
        side = device.network.sides["local"]
        for cursor in await side.cursors():
            await side.restored(cursor.group, min(cursor.since, len(relay.logs.get(cursor.group, ()))))


async def newcomer_sees(relay, device, *others):
    """What a device that is linked now finds: it knows nothing but what the service has."""
    late = await linked(relay, device, "Late", *others)
    await meet(device, late, *others)
    return await texts(late)


async def test_pages_that_the_service_lost_come_back_to_it(phone, tablet, relay):
    await write(phone, "Before")
    await meet(phone, tablet)
    kept = backup(relay)
    await write(phone, "Lost, from the phone")
    await write(tablet, "Lost, from the tablet")
    await meet(phone, tablet)
    await restore(relay, kept, phone, tablet)
    await meet(phone, tablet)
    everything = ["Before", "Lost, from the phone", "Lost, from the tablet"]
    assert await texts(phone) == await texts(tablet) == everything
    assert await newcomer_sees(relay, phone, tablet) == everything


async def test_a_turn_that_the_service_lost_comes_back_with_what_stood_around_it(phone, tablet, desktop, relay):
    await write(phone, "Before the backup")
    await meet(phone, tablet, desktop)
    kept = backup(relay)
    await write(phone, "Before the turn, phone")
    await write(desktop, "Before the turn, desktop")
    await meet(phone, desktop)
    await core(phone).devices.revoke(core(tablet).device)
    await meet(phone, desktop)
    await write(desktop, "After the turn")
    await meet(phone, desktop)
    for first, second in ((phone, desktop), (desktop, phone)):
        await restore(relay, kept, first, second)
        await restore(relay, kept, first)  # once more, before anything has come back
        await meet(first, second)
        for device in (first, second):
            space = await core(device).own.space()
            assert (space.n, space.logs[BOOK].n, space.logs[SHELF].n) == (1, 1, 1)
    await write(phone, "And on")
    await meet(phone, desktop)
    everything = ["After the turn", "And on", "Before the backup", "Before the turn, desktop", "Before the turn, phone"]
    assert await texts(phone) == await texts(desktop) == everything
    assert await newcomer_sees(relay, desktop, phone) == everything


async def test_a_service_that_lost_everything_is_given_it_again(phone, tablet, desktop, relay):
    kept = {name: type(value)() for name, value in backup(relay).items()}
    await write(phone, "Before the turn")
    await meet(phone, tablet, desktop)
    await core(phone).devices.revoke(core(tablet).device)
    await meet(phone, desktop)
    await write(desktop, "After the turn")
    await meet(phone, desktop)
    for first, second in ((phone, desktop), (desktop, phone)):
        await restore(relay, kept, first, second)
        await meet(first, second, rounds=4)
    await write(phone, "And on")
    await meet(phone, desktop)
    everything = ["After the turn", "And on", "Before the turn"]
    assert await texts(phone) == await texts(desktop) == everything
    assert await newcomer_sees(relay, desktop, phone) == everything


async def test_after_a_restore_no_other_words_are_emptied_in_place_of_followed_ones(phone, tablet, relay):
    kept = backup(relay)
    page = await write(phone, "One")
    await meet(phone)
    await write(tablet, "Other")
    await meet(phone, tablet)
    await write(phone, "Two", page)
    relay.is_online = False
    await work(phone)  # the place of "One" is noted to be emptied
    relay.is_online = True
    await restore(relay, kept, phone, tablet)
    await meet(tablet)  # now "Other" stands there
    await phone.network.exchange()
    await meet(phone, tablet)
    assert await newcomer_sees(relay, phone, tablet) == ["Other", "Two"]


async def test_a_picture_that_the_service_lost_goes_there_again(phone, tablet, relay):
    kept = backup(relay)
    page = await write(phone, "A page")
    await core(phone).journal.attach(page, PICTURE)
    await meet(phone, tablet)
    append = relay.append

    def refuse(item):
        if any(blob not in relay.blobs for blob in item.blobs):
            raise RelayRefused(409, "no-blob")
        return append(item)

    relay.append = refuse
    await restore(relay, kept, phone, tablet)
    await meet(phone, tablet)
    late = await linked(relay, tablet, "Late", phone)
    await meet(phone, late)
    (one,) = (await core(late).journal.entry(page)).others[AWAY]
    await core(late).own.fetch(page, one["id"])
    assert await texts(late) == ["A page"]


async def test_a_turn_is_offered_again_after_what_stood_before_it_whoever_said_that(phone, tablet, desktop, relay):
    spare = await linked(relay, phone, "Spare", tablet, desktop)
    await write(phone, "Before the backup")
    await meet(phone, tablet, desktop, spare)
    await core(phone).devices.revoke(core(spare).device)
    await meet(phone, tablet, desktop)
    kept = backup(relay)
    for number in range(3):
        await write(tablet, f"Of who goes {number}")
    await meet(tablet, phone, desktop)
    fourth = await linked(relay, phone, "Fourth", tablet, desktop)  # said in the book, by the phone
    await core(desktop).devices.revoke(core(tablet).device)
    await meet(desktop, phone, fourth)
    for _ in range(2):
        await restore(relay, kept, desktop, fourth)
    await meet(desktop, fourth)
    await restore_side(phone, relay, kept)
    await meet(phone, desktop, fourth)
    for device in (phone, desktop, fourth):
        space = await core(device).own.space()
        assert [log.n for log in space.logs.values()] == [space.n] * 2 == [2, 2], device.name
    await write(fourth, "And on")
    await meet(fourth, phone, desktop)
    assert await texts(phone) == await texts(desktop) == await texts(fourth)
    assert "And on" in await newcomer_sees(relay, desktop, phone, fourth)


async def restore_side(device, relay, kept):
    """Let a device that was away find that the service is another one: the logs part where the backup ends."""
    side = device.network.sides["local"]
    for cursor in await side.cursors():
        await side.restored(cursor.group, min(cursor.since, len(kept["logs"].get(cursor.group, ()))))
