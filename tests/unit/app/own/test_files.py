"""What hangs on a page, and pages longer than an item: they come to the other device when they are wanted there."""

import asyncio

import pytest

from companion.app.own.files import AWAY, FILES
from companion.attachments import IN_WORK, Picture
from companion.errors import MessageRejected, Offline
from companion.journal import TABLE
from tests.unit.app.own.conftest import beside, core, linked, meet, texts, work, write

PICTURE = Picture(content=b"pixels" * 5_000, media_type="image/png", width=4, height=3)


async def entry(device, page):
    return await core(device).journal.entry(page)


def away(page):
    return [one["id"] for one in page.others.get(AWAY, [])]


async def with_picture(device, text="A page"):
    page = await write(device, text)
    await core(device).journal.attach(page, PICTURE)
    return page


async def test_a_picture_is_away_until_it_is_brought_here(phone, tablet):
    page = await with_picture(phone)
    (picture,) = (await entry(phone, page)).attachments
    await meet(phone, tablet)
    there = await entry(tablet, page)
    assert (there.text, there.attachments, away(there)) == ("A page", (), [picture.id])
    await core(tablet).own.fetch(page, picture.id)
    brought = await entry(tablet, page)
    assert away(brought) == []
    assert await core(tablet).attaching.read(brought.attachments[0]) == PICTURE.content
    assert await core(tablet)._context.store.all(IN_WORK) == ()


async def test_bringing_a_picture_here_makes_no_other_version(phone, tablet, relay):
    page = await with_picture(phone)
    await meet(phone, tablet)
    shelf = (await core(phone).own.space()).log_id("shelf").hex()
    before = len(relay.logs[shelf])
    (picture,) = (await entry(phone, page)).attachments
    await core(tablet).own.fetch(page, picture.id)
    await meet(tablet, phone)
    assert len(relay.logs[shelf]) == before


async def test_writing_on_a_page_whose_picture_is_away_keeps_it(phone, tablet):
    page = await with_picture(phone)
    await meet(phone, tablet)
    await write(tablet, "More words", page)
    await meet(tablet, phone)
    here = await entry(phone, page)
    assert (here.text, len(here.attachments), away(here)) == ("More words", 1, [])
    assert away(await entry(tablet, page)) == [here.attachments[0].id]


async def test_a_picture_that_is_taken_off_goes_everywhere(phone, tablet):
    page = await with_picture(phone)
    await meet(phone, tablet)
    (picture,) = (await entry(phone, page)).attachments
    await core(tablet).own.fetch(page, picture.id)
    await core(phone).journal.detach(page, picture.id)
    await meet(phone, tablet)
    there = await entry(tablet, page)
    assert (there.attachments, away(there)) == ((), [])


async def test_nothing_is_told_before_its_picture_is_at_the_service(phone, tablet, relay):
    await meet(phone, tablet)
    page = await with_picture(phone)
    put_blob = relay.put_blob

    async def refuse(*args):
        raise Offline("no answer")

    relay.put_blob = refuse
    await meet(phone, tablet)
    assert await entry(tablet, page) is None
    relay.put_blob = put_blob
    await meet(phone, tablet)
    assert len(away(await entry(tablet, page))) == 1


async def test_a_service_that_hands_out_another_picture_is_refused(phone, tablet, relay):
    page = await with_picture(phone)
    await meet(phone, tablet)
    (one,) = away(await entry(tablet, page))
    for blob, content in list(relay.blobs.items()):
        relay.blobs[blob] = content[:-5] + b"12345"
    with pytest.raises(MessageRejected):
        await core(tablet).own.fetch(page, one)
    for blob, content in list(relay.blobs.items()):
        relay.blobs[blob] = content + b"1"
    with pytest.raises(MessageRejected):
        await core(tablet).own.fetch(page, one)
    assert away(await entry(tablet, page)) == [one]


async def test_a_page_with_more_pictures_than_an_item_names_goes_whole(phone, tablet, relay):
    page = await write(phone, "Many")
    for _ in range(18):
        await core(phone).journal.attach(page, PICTURE)
    await meet(phone, tablet)
    assert len(away(await entry(tablet, page))) == 18
    space = await core(phone).own.space()
    assert len(relay.logs[space.log_id("shelf").hex()]) == 2  # the second names the rest of the blobs


async def test_a_page_longer_than_an_item_goes_as_a_file(phone, tablet, relay):
    long = "Ein langer Tag. " * 20_000
    page = await write(phone, long)
    await meet(phone, tablet)
    assert await texts(tablet) == [long]
    await write(tablet, long + "Ende", page)
    await meet(tablet, phone)
    assert await texts(phone) == [long + "Ende"]


async def test_two_long_versions_stand_side_by_side_with_their_words(phone, tablet):
    page = await write(phone, "One")
    await meet(phone, tablet)
    here, there = "Hier. " * 20_000, "Dort. " * 20_000
    await write(phone, here, page)
    await write(tablet, there, page)
    await meet(phone, tablet)
    assert (await texts(phone), await beside(phone, page)) == ([here], [there])
    assert (await texts(tablet), await beside(tablet, page)) == ([there], [here])


async def test_a_page_whose_words_have_still_to_come_is_no_empty_page(phone, tablet, relay):
    await meet(phone, tablet)
    get_blob = relay.get_blob

    async def refuse(*args):
        raise Offline("no answer")

    relay.get_blob = refuse
    page = await write(phone, "Lang. " * 20_000)
    await meet(phone, tablet)
    assert await entry(tablet, page) is None
    relay.get_blob = get_blob
    await work(tablet)
    assert (await entry(tablet, page)).text.startswith("Lang.")


async def test_pictures_of_before_come_to_a_device_that_is_linked(phone, relay):
    page = await with_picture(phone)
    tablet = await linked(relay, phone, "Tablet")
    await meet(phone, tablet)
    (one,) = away(await entry(tablet, page))
    await core(tablet).own.fetch(page, one)
    assert len((await entry(tablet, page)).attachments) == 1


async def test_every_file_has_a_key_and_a_name_of_its_own(phone, tablet):
    await with_picture(phone, "One")
    await with_picture(phone, "Two")
    await meet(phone, tablet)
    docs = await core(phone)._context.store.all(FILES)
    assert len({doc["key"] for doc in docs}) == len({doc["blob"] for doc in docs}) == len(docs) == 2
    assert all(doc["is_up"] for doc in docs)
    assert await core(tablet)._context.store.all(TABLE)


async def test_a_picture_that_is_taken_off_before_it_went_keeps_nothing_else_back(phone, tablet, relay):
    await meet(phone, tablet)
    relay.is_online = False
    page = await with_picture(phone, "First")
    await work(phone)
    (picture,) = (await entry(phone, page)).attachments
    await core(phone).journal.detach(page, picture.id)
    await with_picture(phone, "Second")
    relay.is_online = True
    await meet(phone, tablet)
    assert await texts(tablet) == ["First", "Second"]
    assert (await core(phone).own.progress()).waiting == 0


async def test_one_file_that_is_gone_at_the_service_keeps_no_other_words_back(phone, tablet, relay):
    await meet(phone, tablet)
    await write(phone, "Eins. " * 20_000)
    await work(phone)
    await phone.network.exchange()
    relay.blobs = dict.fromkeys(relay.blobs, b"other bytes")
    await write(phone, "Zwei. " * 20_000)
    await meet(phone, tablet)
    assert [text[:5] for text in await texts(tablet)] == ["Zwei."]
    assert await core(tablet).own.housekeeping.left_ms() > 0  # and it does not try without pause


async def test_a_picture_that_is_brought_here_puts_no_older_words_over_those_that_come_meanwhile(phone, tablet):
    page = await with_picture(phone, "Old words")
    await meet(phone, tablet)
    await write(phone, "New words", page)
    await meet(phone)
    (picture,) = away(await entry(tablet, page))
    store = core(tablet)._context.store
    commit, held = store.commit, []

    async def slow(change):
        if any(put.table == TABLE for put in change.put) and not held:
            held.append(asyncio.create_task(tablet.network.exchange()))  # the new words come while it is saved
            for _ in range(50):
                await asyncio.sleep(0)
        await commit(change)

    store.commit = slow
    await core(tablet).own.fetch(page, picture)
    await held[0]
    await meet(tablet, phone)
    assert await texts(tablet) == await texts(phone) == ["New words"]
    assert await beside(tablet, page) == await beside(phone, page) == []
