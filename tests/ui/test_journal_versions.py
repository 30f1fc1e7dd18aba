"""A page on two devices: versions side by side, what is away, and words that come into an open page."""

import asyncio

import flet as ft
import pytest

from companion.app.chat.sharing import PIECE_BYTES
from companion.attachments import Picture
from tests.fakes import Desk, FakeClock, FakeRelay
from tests.ui.harness import HeadlessApp
from tests.ui.people import DESKTOP, PHONE, opened
from tests.unit.app.own.conftest import core, linked, meet, write
from views.journal.page_text import PageText, moved

PAGE = "My page"
KEY_S = 0.06
"""Between two keys of somebody who types fast."""


@pytest.fixture
async def phone() -> Desk:
    return await Desk("Hazel Ford", FakeRelay(FakeClock())).set_up()


@pytest.fixture
async def tablet(phone: Desk) -> Desk:
    return await linked(phone.relay, phone, "Tablet")


async def parted(phone: Desk, tablet: Desk) -> str:
    page = await write(phone, "One")
    await meet(phone, tablet)
    await write(phone, "From the phone", page)
    await write(tablet, "From the tablet", page)
    await meet(phone, tablet)
    return page


def count(app: HeadlessApp, name: str) -> int:
    return [known for known, _ in app.named()].count(name)


async def shown(app: HeadlessApp) -> None:
    await app.until(lambda: "From the tablet" in app.texts())


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_both_versions_stand_whole_on_the_page_with_where_and_when(phone, tablet, size) -> None:
    page = await parted(phone, tablet)
    async with opened(phone, route="/journal" if size is PHONE else f"/journal/{page}", **size) as app:
        await shown(app)
        texts = phone.window.texts
        assert app.by_name(PAGE).value == "From the phone"
        assert texts("journal.parted") in app.texts()
        assert any(said.startswith("In the field above: This device, ") for said in app.texts())
        assert any(said.startswith("The other version: Tablet, ") for said in app.texts())
        assert (count(app, "Keep this one"), count(app, "Keep both")) == (2, 1)


async def test_the_list_marks_a_page_with_more_than_one_version(phone, tablet) -> None:
    page = await parted(phone, tablet)
    async with opened(phone, route="/journal", **DESKTOP) as app:
        await app.until(lambda: any("More than one version" in name for name, _ in app.named()))
        await core(phone).own.keep(page)
        await app.until(lambda: not any("More than one version" in name for name, _ in app.named()))


async def test_one_version_is_kept_after_a_question_and_undo_brings_back_the_words(phone, tablet) -> None:
    page = await parted(phone, tablet)
    async with opened(phone, route=f"/journal/{page}", **DESKTOP) as app:
        await shown(app)
        await app.click([control for name, control in app.named() if name == "Keep this one"][1])
        assert phone.window.texts("journal.version_question") in app.texts()
        assert len(await core(phone).own.beside(page)) == 1
        await app.click([control for name, control in app.named() if name == "Keep this one"][1])
        await app.until(lambda: app.by_name(PAGE).value == "From the tablet")
        await app.until(lambda: not count(app, "Keep both"))
        assert phone.window.texts("journal.parted") not in app.texts()
        await app.click("Undo")
        assert app.by_name(PAGE).value == "From the phone"


async def test_a_question_can_be_left_and_nothing_has_gone(phone, tablet) -> None:
    page = await parted(phone, tablet)
    async with opened(phone, route=f"/journal/{page}", **DESKTOP) as app:
        await shown(app)
        await app.click(next(control for name, control in app.named() if name == "Keep this one"))
        await app.click("Leave all as it is")
        assert count(app, "Keep this one") == 2
        assert len(await core(phone).own.beside(page)) == 1


async def test_both_are_kept_with_one_press(phone, tablet) -> None:
    page = await parted(phone, tablet)
    async with opened(phone, route=f"/journal/{page}", **DESKTOP) as app:
        await shown(app)
        await app.click("Keep both")
        await app.until(lambda: app.by_name(PAGE).value == "From the phone\n\nFrom the tablet")
        await app.until(lambda: not count(app, "Keep both"))


async def test_a_version_whose_words_have_not_come_says_so(phone, tablet) -> None:
    page = await write(phone, "One")
    await meet(phone, tablet)
    await write(phone, "From the phone", page)
    await write(tablet, "Long. " * 20_000, page)
    await meet(tablet, rounds=2)
    await phone.network.exchange()
    async with opened(phone, route=f"/journal/{page}", **DESKTOP) as app:
        await app.until(lambda: phone.window.texts("journal.version_coming") in app.texts())
        assert count(app, "Keep this one") == 1
        assert app.by_name("Keep both").disabled
        await meet(phone)
        await app.until(lambda: any(said.startswith("Long. Long.") for said in app.texts()))
        assert not app.by_name("Keep both").disabled


# An open page -----------------------------------------------------------------------------------------


async def type_keys(app: HeadlessApp, keys: str) -> None:
    """Type at the end of the page, as fast as a person does."""
    for key in keys:
        await app.set(PAGE, app.by_name(PAGE).value + key)
        await asyncio.sleep(KEY_S)


async def test_an_open_page_shows_what_another_device_wrote_while_nothing_is_typed(phone, tablet) -> None:
    page = await write(phone, "One")
    await meet(phone, tablet)
    async with opened(phone, route=f"/journal/{page}", **DESKTOP) as app:
        await type_keys(app, " two")
        await app.until(lambda: core(phone).journal.shown(page).text == "One two" and not core(phone).journal._unsaved)
        await meet(phone, tablet)
        await write(tablet, "Before. One two", page)
        await meet(tablet, phone)
        await app.until(lambda: app.by_name(PAGE).value == "Before. One two")
        await type_keys(app, " three")
        await app.until(lambda: not core(phone).journal._unsaved)
        assert app.by_name(PAGE).value == "Before. One two three"
        assert phone.window.texts("journal.parted") not in app.texts()
    await meet(phone, tablet)
    assert (await core(tablet).journal.entry(page)).text == "Before. One two three"


async def test_words_that_are_being_typed_stay_and_the_others_stand_beside_them(phone, tablet) -> None:
    page = await write(phone, "One")
    await meet(phone, tablet)
    await write(tablet, "From the tablet", page)
    await meet(tablet, rounds=1)
    async with opened(phone, route=f"/journal/{page}", **DESKTOP) as app:
        typing = asyncio.ensure_future(type_keys(app, " and more"))
        await asyncio.sleep(2 * KEY_S)
        await phone.network.exchange()
        await typing
        assert app.by_name(PAGE).value == "One and more"
        await app.until(lambda: not core(phone).journal._unsaved)
        await meet(phone, tablet)
        await shown(app)
        assert app.by_name(PAGE).value == "One and more"
        assert phone.window.texts("journal.parted") in app.texts()


def test_the_cursor_stays_beside_the_words_where_somebody_typed_last() -> None:
    text = PageText("One two")
    part = text.parts[0]
    text.typed(part, "One big two")
    assert part.edited_at == len("One big ")
    text.put("Before. One big two")
    assert part.taken_cursor() == len("Before. One big ")
    text.left(part)
    text.put("One big two")
    assert part.taken_cursor() is None


@pytest.mark.parametrize(
    ("at", "before", "after", "there"),
    [
        (3, "One two", "One two three", 3),
        (7, "One two", "Before. One two", 15),
        (6, "One two", "One three", 9),
        (9, "One", "Two", 3),
        (0, "One", "", 0),
    ],
)
def test_a_place_moves_with_the_words_around_it(at: int, before: str, after: str, there: int) -> None:
    assert moved(at, before, after) == there


# What is away -----------------------------------------------------------------------------------------


async def away(phone: Desk, tablet: Desk, content: bytes = b"pixels") -> str:
    page = await write(phone, "With a picture")
    await core(phone).journal.attach(page, Picture(content=content, media_type="image/png", width=4, height=3))
    await meet(phone, tablet)
    return page


def pictures(app: HeadlessApp) -> int:
    return len([one for one in app.all(ft.Image) if isinstance(one.src, bytes)])


async def test_a_picture_that_is_away_says_what_and_where_it_is_and_comes_with_a_press(phone, tablet) -> None:
    page = await away(phone, tablet)
    async with opened(tablet, route=f"/journal/{page}", **DESKTOP) as app:
        where = f"On Device {core(phone).device[:8]}"
        assert {"Picture, 1 KB", where} <= set(app.texts())
        await app.click("Bring it here")
        await app.until(lambda: pictures(app) == 1)
        assert where not in app.texts()


async def test_a_picture_on_its_way_says_how_far_it_is_rests_and_goes_on(phone, tablet, monkeypatch) -> None:
    page, relay, go_on = await away(phone, tablet, bytes(4 * PIECE_BYTES)), phone.relay, asyncio.Event()
    get = relay.get_blob

    async def get_blob(id: str, offset: int, length: int) -> bytes:
        if offset == 2 * PIECE_BYTES:
            await go_on.wait()
        return await get(id, offset, length)

    monkeypatch.setattr(relay, "get_blob", get_blob)
    async with opened(tablet, route=f"/journal/{page}", **DESKTOP) as app:
        await app.click("Bring it here")
        await app.until(lambda: "On its way: 49 %" in app.texts())
        await app.click("Pause")
        await app.until(lambda: "Paused at 49 %" in app.texts())
        go_on.set()
        await app.until(lambda: "Paused at 74 %" in app.texts())
        await app.click("Go on")
        await app.until(lambda: pictures(app) == 1)


async def test_a_picture_that_cannot_be_brought_says_why_and_can_be_tried_again(phone, tablet, monkeypatch) -> None:
    page = await away(phone, tablet)
    tablet.relay.is_online = False
    async with opened(tablet, route=f"/journal/{page}", **DESKTOP) as app:
        await app.click("Bring it here")
        await app.until(
            lambda: any(said.startswith("It could not be brought here. No connection") for said in app.texts())
        )
        tablet.relay.is_online = True
        await app.click("Go on" if count(app, "Go on") else "Bring it here")
        await app.until(lambda: pictures(app) == 1)
