"""What stands on one device of a person stands on the other, whatever happens between."""

from tests.fakes import PASSPHRASE, Desk
from tests.unit.app.own.conftest import beside, core, linked, meet, texts, waiting, work, write


async def test_pages_of_each_device_stand_on_both(phone, tablet):
    await write(phone, "From the phone")
    await write(tablet, "From the tablet")
    await meet(phone, tablet)
    assert await texts(phone) == await texts(tablet) == ["From the phone", "From the tablet"]


async def test_what_stood_there_before_it_was_shared_goes_too(phone, relay):
    await write(phone, "Before")
    tablet = await linked(relay, phone, "Tablet")
    await meet(phone, tablet)
    assert await texts(tablet) == ["Before"]


async def test_an_edit_takes_the_place_of_what_it_was_based_on(phone, tablet):
    page = await write(phone, "One")
    await meet(phone, tablet)
    await write(tablet, "One and two", page)
    await meet(tablet, phone)
    assert await texts(phone) == ["One and two"]
    assert await beside(phone, page) == []
    await write(phone, "One, two and three", page)
    await meet(phone, tablet)
    assert await texts(tablet) == ["One, two and three"]


async def test_edits_apart_stand_side_by_side_on_both(phone, tablet, relay):
    page = await write(phone, "One")
    await meet(phone, tablet)
    await write(phone, "From the phone", page)
    await write(tablet, "From the tablet", page)
    await meet(phone, tablet)
    assert (await texts(phone), await beside(phone, page)) == (["From the phone"], ["From the tablet"])
    assert (await texts(tablet), await beside(tablet, page)) == (["From the tablet"], ["From the phone"])


async def test_what_is_typed_on_an_open_page_while_another_version_comes_is_not_lost(phone, tablet):
    page = await write(phone, "One")
    await meet(phone, tablet)
    await core(phone).journal.page(page)
    core(phone).journal.draft(page, "Typed here")  # not on the disk yet
    await write(tablet, "From the tablet", page)
    await meet(tablet, phone)
    await core(phone).journal.save_drafts()
    await meet(phone, tablet)
    assert (await texts(phone), await beside(phone, page)) == (["Typed here"], ["From the tablet"])
    assert (await texts(tablet), await beside(tablet, page)) == (["From the tablet"], ["Typed here"])


async def test_writing_on_goes_on_after_a_version_was_made_of_an_open_page(phone, tablet):
    page = await write(phone, "One")
    await meet(phone, tablet)
    for text in ("One two", "One two three", "One two three four"):
        await write(phone, text, page)
        await meet(phone, tablet)
    assert await beside(phone, page) == []
    assert (await texts(tablet), await beside(tablet, page)) == (["One two three four"], [])


async def test_a_person_keeps_one_of_two_versions_and_it_is_so_everywhere(phone, tablet):
    page = await write(phone, "One")
    await meet(phone, tablet)
    await write(phone, "From the phone", page)
    await write(tablet, "From the tablet", page)
    await meet(phone, tablet)
    (other,) = await core(phone).own.beside(page)
    await core(phone).own.keep(page, other.id)
    await meet(phone, tablet)
    assert await texts(phone) == await texts(tablet) == ["From the tablet"]
    assert await beside(phone, page) == await beside(tablet, page) == []


async def test_a_person_keeps_the_version_that_is_shown(phone, tablet):
    page = await write(phone, "One")
    await meet(phone, tablet)
    await write(phone, "From the phone", page)
    await write(tablet, "From the tablet", page)
    await meet(phone, tablet)
    await core(tablet).own.keep(page)
    await meet(tablet, phone)
    assert await texts(phone) == await texts(tablet) == ["From the tablet"]
    assert await beside(phone, page) == await beside(tablet, page) == []


async def test_a_deleted_page_goes_everywhere(phone, tablet):
    page = await write(phone, "One")
    await meet(phone, tablet)
    await core(tablet).journal.remove(page)
    await meet(tablet, phone)
    assert await texts(phone) == await texts(tablet) == []


async def test_an_edit_beats_a_deletion_beside_it(phone, tablet):
    page = await write(phone, "One")
    await meet(phone, tablet)
    await core(tablet).journal.remove(page)
    await write(phone, "One and more", page)
    await meet(tablet, phone)
    assert await texts(phone) == await texts(tablet) == ["One and more"]
    await core(phone).journal.remove(page)
    await meet(phone, tablet)
    assert await texts(phone) == await texts(tablet) == []


async def test_turning_it_off_and_on_moves_and_removes_nothing(phone, tablet):
    await write(phone, "One")
    await meet(phone, tablet)
    await core(tablet).own.turn_off()
    await write(tablet, "While it was off")
    await write(phone, "Two")
    await meet(phone, tablet)
    assert await texts(tablet) == ["One", "While it was off"]
    assert await texts(phone) == ["One", "Two"]
    await core(tablet).own.turn_on()
    await meet(phone, tablet)
    assert await texts(phone) == await texts(tablet) == ["One", "Two", "While it was off"]


async def test_a_device_that_was_linked_while_it_was_off_is_given_all_when_it_is_on_again(phone, relay):
    await write(phone, "One")
    await core(phone).own.turn_on()
    await meet(phone)
    await core(phone).own.turn_off()
    tablet = await Desk("Tablet", relay).set_up()
    code = await core(phone).devices.offer()
    await core(tablet).devices.link(code.code, "Tablet")
    await meet(phone, tablet)
    assert await texts(tablet) == []
    await core(phone).own.turn_on()
    await meet(phone, tablet)
    assert await texts(tablet) == ["One"]


async def test_the_words_of_a_version_that_is_followed_are_let_go_at_the_service(phone, tablet, relay):
    page = await write(phone, "One")
    await meet(phone, tablet)
    for text in ("Two", "Three"):
        await write(phone, text, page)
        await meet(phone, tablet)
    shelf = (await core(phone).own.space()).log_id("shelf").hex()
    versions = [bool(event.body) for event in relay.logs[shelf]]
    assert versions == [False, False, True]


async def test_edits_within_a_minute_are_one_version_unless_the_other_device_is_there(phone, tablet, relay):
    shelf = (await core(phone).own.space()).log_id("shelf").hex()
    phone.clock.move(3_600_000)
    page = await write(phone, "One")
    for text in ("Two", "Three"):
        await write(phone, text, page)
        await core(phone).own.housekeeping.run()
        phone.clock.move(10_000)
    assert await waiting(phone) == 1
    await work(phone)
    await phone.network.exchange()
    assert len(relay.logs[shelf]) == 1
    await meet(phone, tablet)  # now each has heard of the other
    phone.clock.move(1_000)
    await write(phone, "Four", page)
    phone.clock.move(400)
    await core(phone).own.housekeeping.run()
    assert await waiting(phone) == 0


async def test_three_devices_come_to_the_same(phone, tablet, desktop):
    page = await write(phone, "One")
    await meet(phone, tablet, desktop)
    for device, text in ((phone, "a"), (tablet, "b"), (desktop, "c")):
        await write(device, text, page)
    await meet(phone, tablet, desktop)
    for device in (phone, tablet, desktop):
        assert sorted([*await texts(device), *await beside(device, page)]) == ["a", "b", "c"]
    await core(desktop).own.keep(page)
    await meet(desktop, phone, tablet)
    for device in (phone, tablet, desktop):
        assert (await texts(device), await beside(device, page)) == (["c"], [])


async def test_nothing_is_noted_where_nothing_was_ever_shared(phone):
    await write(phone, "One")
    assert await waiting(phone) == 0
    await core(phone).own.turn_on()
    assert await waiting(phone) == 1
    await core(phone).own.turn_off()
    await write(phone, "Two")
    assert await waiting(phone) == 2
    await phone.companion.lock()
    await phone.companion.unlock(passphrase=PASSPHRASE)
    await write(phone, "Three")
    assert await waiting(phone) == 3
