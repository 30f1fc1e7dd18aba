"""Another space is begun: what stood side by side does so still, nothing stands twice, no choice is undone."""

from companion.space.keys import SHELF
from tests.unit.app.own.conftest import beside, core, linked, meet, texts, work, write


async def found_anew(device):
    own = core(device).own
    await own.found_anew(await own.space())


async def test_pages_that_were_the_same_on_both_do_not_stand_twice(phone, tablet):
    page = await write(phone, "One")
    await meet(phone, tablet)
    await found_anew(phone)
    await meet(phone, tablet)
    assert await texts(phone) == await texts(tablet) == ["One"]
    assert await beside(phone, page) == await beside(tablet, page) == []


async def test_a_version_that_stood_beside_another_goes_into_the_new_space(phone, tablet, relay):
    page = await write(phone, "One")
    await meet(phone, tablet)
    await write(phone, "From the phone", page)
    await write(tablet, "From the tablet", page)
    await meet(phone, tablet)
    await found_anew(phone)
    await meet(phone)
    late = await linked(relay, phone, "Late")
    for device in (phone, late):
        assert sorted([*await texts(device), *await beside(device, page)]) == ["From the phone", "From the tablet"]


async def test_what_was_deleted_does_not_come_back_with_a_new_space(phone, tablet):
    page = await write(phone, "One")
    await meet(phone, tablet)
    await core(phone).journal.remove(page)
    await meet(phone)
    await found_anew(phone)
    await meet(phone, tablet)
    assert await texts(phone) == await texts(tablet) == []


async def test_an_edit_made_before_the_news_of_a_new_space_follows_what_it_was_based_on(phone, tablet):
    page = await write(phone, "One")
    await meet(phone, tablet)
    await found_anew(phone)
    await write(tablet, "Two", page)
    await meet(phone, tablet)
    assert await texts(phone) == await texts(tablet) == ["Two"]
    assert await beside(phone, page) == await beside(tablet, page) == []


async def test_a_device_that_does_not_share_is_not_made_to_by_a_new_space(phone, tablet):
    await core(tablet).own.turn_off()
    await found_anew(phone)
    await meet(phone, tablet)
    assert not core(tablet).own.is_on
    await write(tablet, "Here alone")
    await meet(tablet, phone)
    assert await texts(phone) == []


async def test_a_version_that_two_devices_said_again_is_emptied_at_both_places(phone, tablet, relay):
    page = await write(phone, "One")
    await meet(phone, tablet)
    await found_anew(phone)
    await phone.network.exchange()
    await tablet.network.exchange()
    for device in (phone, tablet):
        await work(device)  # each says it before it has heard of the other
    await meet(phone, tablet)
    shelf = (await core(phone).own.space()).log_id(SHELF).hex()
    assert [bool(event.body) for event in relay.logs[shelf]] == [True, True]
    await write(phone, "Two", page)
    await meet(phone, tablet)
    assert [bool(event.body) for event in relay.logs[shelf]] == [False, False, True]
