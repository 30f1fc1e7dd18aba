"""Versions of a page that stand side by side: which pages those are, and what goes on from them."""

import pytest

from companion.app.own.bringing import PIECE_BYTES
from companion.attachments import Picture
from companion.errors import UsageError
from companion.journal import joined
from tests.unit.app.own.conftest import beside, core, meet, texts, write

PICTURE = Picture(content=b"pixels", media_type="image/png", width=4, height=3)


async def parted(phone, tablet):
    """Return a page on which both have written apart."""
    page = await write(phone, "One")
    await meet(phone, tablet)
    await write(phone, "From the phone", page)
    await write(tablet, "From the tablet", page)
    await meet(phone, tablet)
    return page


async def test_both_versions_are_kept_one_below_the_other_on_every_device(phone, tablet):
    page = await parted(phone, tablet)
    await core(phone).own.keep_both(page)
    await meet(phone, tablet)
    assert await texts(phone) == await texts(tablet) == ["From the phone\n\nFrom the tablet"]
    assert await beside(phone, page) == await beside(tablet, page) == []


async def test_what_hangs_on_either_version_hangs_on_the_page_that_keeps_both(phone, tablet):
    page = await write(phone, "One")
    await meet(phone, tablet)
    await core(tablet).journal.page(page)
    await core(tablet).journal.attach(page, PICTURE)
    await write(tablet, "From the tablet", page)
    await core(phone).journal.page(page)
    await core(phone).journal.attach(page, PICTURE)
    await write(phone, "From the phone", page)
    await meet(phone, tablet)
    await core(phone).own.keep_both(page)
    entry = await core(phone).journal.entry(page)
    assert (len(entry.attachments), [one["device"] for one in entry.away]) == (1, [core(tablet).device])
    await meet(phone, tablet)
    entry = await core(tablet).journal.entry(page)
    assert (len(entry.attachments), [one["device"] for one in entry.away]) == (1, [core(phone).device])


async def test_words_that_are_not_on_the_disk_yet_are_kept_with_both(phone, tablet):
    page = await parted(phone, tablet)
    await core(phone).journal.page(page)
    core(phone).journal.draft(page, "Typed this moment")
    await core(phone).own.keep_both(page)
    assert await texts(phone) == ["Typed this moment\n\nFrom the tablet"]
    assert core(phone).journal.shown(page).text == "Typed this moment\n\nFrom the tablet"


async def test_both_cannot_be_kept_while_the_words_of_one_have_not_come(phone, tablet):
    page = await write(phone, "One")
    await meet(phone, tablet)
    await write(phone, "From the phone", page)
    await write(tablet, "Long. " * 20_000, page)
    await meet(tablet, rounds=2)
    await phone.network.exchange()
    with pytest.raises(UsageError):
        await core(phone).own.keep_both(page)
    assert await texts(phone) == ["From the phone"]
    await meet(phone)  # they come by themselves
    await core(phone).own.keep_both(page)
    assert [len(text) for text in await texts(phone)] == [len("From the phone\n\n" + "Long. " * 20_000) - 1]


async def test_a_page_with_versions_side_by_side_is_known_as_one_until_one_is_kept(phone, tablet):
    assert await core(phone).own.parted.pages() == {}
    page = await parted(phone, tablet)
    assert [len(names) for names in (await core(phone).own.parted.pages()).values()] == [2]
    assert list(await core(tablet).own.parted.pages()) == [page]
    await core(tablet).own.keep(page)
    await meet(tablet, phone)
    assert await core(phone).own.parted.pages() == await core(tablet).own.parted.pages() == {}


async def test_the_version_that_the_page_shows_says_where_it_was_written(phone, tablet):
    page = await parted(phone, tablet)
    assert (await core(phone).own.shown(page)).device == core(phone).device
    (other,) = await core(phone).own.beside(page)
    assert other.device == core(tablet).device


def test_marks_that_only_one_version_has_stay_and_the_first_one_holds_where_both_have_them():
    one = {"text": "A", "mood": 2, "energy": None, "tags": ["rota"], "attachments": [], "changed_ms": 5}
    other = {"text": "B", "mood": 4, "energy": 3, "tags": ["Rota", "sleep"], "attachments": [], "changed_ms": 7}
    page = joined([one, other])
    assert [page[name] for name in ("text", "mood", "energy", "tags", "changed_ms")] == [
        "A\n\nB",
        2,
        3,
        ["rota", "sleep"],
        7,
    ]


def test_words_that_both_versions_share_are_not_said_twice():
    bodies = [{"text": text, "changed_ms": 1} for text in ("The same", "The same ", "")]
    assert joined(bodies)["text"] == "The same"


# What is away ------------------------------------------------------------------------------------------


async def away(phone, tablet, content=b"pixels"):
    """Return a page of the phone with a picture that is not on the tablet, and the picture's id."""
    page = await write(phone, "With a picture")
    await core(phone).journal.attach(page, Picture(content=content, media_type="image/png", width=4, height=3))
    await meet(phone, tablet)
    entry = await core(tablet).journal.page(page)
    (one,) = entry.away
    return page, one["id"]


async def test_what_is_away_is_brought_and_hangs_on_the_page_then(phone, tablet):
    page, picture = await away(phone, tablet)
    await core(tablet).own.fetch(page, picture)
    entry = await core(tablet).journal.entry(page)
    assert ([one.id for one in entry.attachments], entry.away) == ([picture], ())
    assert await core(tablet).attaching.read(entry.attachments[0]) == b"pixels"
    assert core(tablet).own.bringing.coming() == {}
    await meet(tablet, phone)
    assert [one.id for one in (await core(phone).journal.entry(page)).attachments] == [picture]


async def test_a_page_with_nothing_but_a_picture_that_is_away_is_no_blank_page(phone, tablet):
    page = await write(phone, "")
    await core(phone).journal.attach(page, PICTURE)
    await meet(phone, tablet)
    assert not (await core(tablet).journal.entry(page)).is_blank


async def test_words_typed_while_a_picture_comes_stay_and_so_does_the_picture(phone, tablet):
    page, picture = await away(phone, tablet)
    core(tablet).journal.draft(page, "Typed meanwhile")
    await core(tablet).own.fetch(page, picture)
    await core(tablet).journal.save_drafts()
    entry = await core(tablet).journal.entry(page)
    assert (entry.text, [one.id for one in entry.attachments]) == ("Typed meanwhile", [picture])


async def test_what_is_away_can_be_taken_off_the_page_everywhere(phone, tablet):
    page, picture = await away(phone, tablet)
    await core(tablet).journal.detach(page, picture)
    await meet(tablet, phone)
    assert (await core(phone).journal.entry(page)).attachments == ()


async def test_what_rests_goes_on_where_it_stopped(phone, tablet, relay, monkeypatch):
    page, picture = await away(phone, tablet, content=bytes(3 * PIECE_BYTES))
    asked, get, bringing = [], relay.get_blob, core(tablet).own.bringing

    async def get_blob(id, offset, length):
        asked.append(offset)
        if offset == PIECE_BYTES and len(asked) == 2:
            bringing.rest(picture)
        return await get(id, offset, length)

    monkeypatch.setattr(relay, "get_blob", get_blob)
    await core(tablet).own.fetch(page, picture)
    assert len((await core(tablet).journal.entry(page)).away) == 1
    coming = bringing.coming()[picture]
    assert (coming.percent // 10, coming.is_running) == (6, False)
    await core(tablet).own.fetch(page, picture)
    assert asked[:3] == [0, PIECE_BYTES, 2 * PIECE_BYTES]
    assert (await core(tablet).journal.entry(page)).away == ()


async def test_a_second_press_while_it_comes_is_one_act(phone, tablet, relay, monkeypatch):
    page, picture = await away(phone, tablet)
    asked, get = [], relay.get_blob

    async def get_blob(id, offset, length):
        asked.append(offset)
        if len(asked) == 1:
            await core(tablet).own.fetch(page, picture)
        return await get(id, offset, length)

    monkeypatch.setattr(relay, "get_blob", get_blob)
    await core(tablet).own.fetch(page, picture)
    assert asked == [0]
    assert len((await core(tablet).journal.entry(page)).attachments) == 1


async def test_what_rests_gives_its_memory_to_what_comes(phone, tablet, relay, monkeypatch):
    monkeypatch.setattr("companion.app.own.bringing.MEMORY_BYTES", 3 * PIECE_BYTES)
    bringing = core(tablet).own.bringing
    pages = [await away(phone, tablet, content=bytes(2 * PIECE_BYTES)) for _ in range(2)]
    get = relay.get_blob

    async def one_piece(id, offset, length):
        bringing.rest(pages[0][1])
        return await get(id, offset, length)

    monkeypatch.setattr(relay, "get_blob", one_piece)
    await core(tablet).own.fetch(*pages[0])
    assert bringing.coming()[pages[0][1]].percent == 49
    await core(tablet).own.fetch(*pages[1])
    assert bringing.coming()[pages[0][1]].percent == 0
