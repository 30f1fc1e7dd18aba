"""A service that shows a person's devices different logs is found out by the first that meets both halves."""

from dataclasses import replace

from tests.unit.app.own.conftest import core, meet, texts, write


async def space_of(device):
    return await core(device).own.space()


async def test_devices_that_read_the_same_find_nothing(phone, tablet):
    for number in range(3):
        await write(phone, f"Page {number}")
        await write(tablet, f"Other {number}")
        await meet(phone, tablet)
    assert not (await space_of(phone)).is_forked
    assert not (await space_of(tablet)).is_forked


async def test_another_order_for_another_device_is_found_out(phone, tablet, relay):
    await write(phone, "One")
    await meet(phone)
    await write(phone, "Two")
    await meet(phone)
    shelf = (await space_of(phone)).log_id("shelf").hex()
    one, two = relay.logs[shelf]
    relay.logs[shelf] = [replace(two, seq=1), replace(one, seq=2)]
    await meet(tablet)
    assert await texts(tablet) == ["One", "Two"]
    await write(tablet, "Three")
    await meet(tablet, phone)
    assert (await space_of(phone)).is_forked
    assert (await core(phone).own.progress()).is_forked
    assert "Three" in await texts(phone)  # it is read all the same


async def test_what_nobody_can_have_seen_is_refused_with_what_it_says(phone, tablet, relay, monkeypatch):
    desk = core(phone).own._desk

    async def odd(space):
        return {"shelf": ["x", 1, "y"]}

    monkeypatch.setattr(type(desk), "saw", lambda self, space: odd(space))
    await write(phone, "One")
    await meet(phone)
    monkeypatch.undo()
    await meet(tablet)
    assert await texts(tablet) == []
    assert core(tablet).groups.logs((await space_of(tablet)).service).skipped == 1
