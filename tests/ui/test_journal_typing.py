"""Typing on an open page: a key renders only what it changes, and a long page is one text in several fields."""

from collections.abc import AsyncIterator
from typing import Any

import flet as ft
import pytest

from companion.journal import TABLE, Entry
from tests.fakes import Desk
from tests.long_pages import long_text
from tests.ui.harness import HeadlessApp
from tests.ui.people import DESKTOP, PHONE, opened

PAGE = "My page"
SIZES = pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
TEXT = long_text(70_000)


@pytest.fixture
async def desk() -> Desk:
    return await Desk().set_up()


@pytest.fixture
async def long_page(desk: Desk) -> AsyncIterator[HeadlessApp]:
    """A phone with a page of 70,000 characters."""
    await write(desk, TEXT)
    async with opened(desk, route="/journal", **PHONE) as app:
        yield app


async def write(desk: Desk, text: str) -> str:
    core = desk.companion.opened
    assert core is not None
    id = core.journal.draft(next((entry.id for entry in kept(desk)), None), text)
    await core.journal.save_drafts()
    return id


def kept(desk: Desk) -> list[Entry]:
    return [Entry.from_doc(doc) for doc in desk.vault.store.tables.get(TABLE, {}).values()]


async def until_kept(desk: Desk, app: HeadlessApp, text: str) -> None:
    await app.until(lambda: [entry.text for entry in kept(desk)] == [text])


def parts(app: HeadlessApp) -> list[ft.TextField]:
    return [control for name, control in app.named() if name.startswith(PAGE) and isinstance(control, ft.TextField)]


def whole(app: HeadlessApp) -> str:
    """The text of all fields, which are cut between paragraphs."""
    return "\n\n".join(field.value for field in parts(app))


async def rendered_by(app: HeadlessApp, act: Any) -> list[str]:
    """Return the components that are rendered by this."""
    before = len(app.rendered)
    await act
    return app.rendered[before:]


async def until_saved(desk: Desk, app: HeadlessApp, text: str) -> None:
    await until_kept(desk, app, text)
    await app.until(lambda: any(said.startswith("Saved on this device") for said in app.texts()))


@SIZES
async def test_a_key_renders_nothing_but_the_saving_mark(desk: Desk, size: dict[str, Any]) -> None:
    async with opened(desk, route="/journal", **size) as app:
        await app.set(PAGE, "One")
        await until_saved(desk, app, "One")
        assert await rendered_by(app, app.set(PAGE, "One ")) == ["Status"]
        assert "Saving" in app.texts()
        assert await rendered_by(app, app.set(PAGE, "One t")) == []
        assert await rendered_by(app, app.set(PAGE, "One tw")) == []


@SIZES
async def test_the_first_key_of_a_step_also_renders_the_tools_once(desk: Desk, size: dict[str, Any]) -> None:
    async with opened(desk, route="/journal", **size) as app:
        assert sorted(await rendered_by(app, app.set(PAGE, "O"))) == ["Status", "Tools"]
        assert await rendered_by(app, app.set(PAGE, "On")) == []


async def test_a_save_renders_no_field(desk: Desk) -> None:
    async with opened(desk, route="/journal", **PHONE) as app:
        await app.set(PAGE, "One")
        await until_saved(desk, app, "One")
        before = len(app.rendered)
        await app.set(PAGE, "One two")
        await until_saved(desk, app, "One two")
        assert not {"PartField", "PageField", "TodayCard", "Tools", "PageMarks", "Hung"} & set(app.rendered[before:])


async def test_a_long_page_stands_in_parts_that_say_which_they_are(long_page: HeadlessApp) -> None:
    names = [name for name, control in long_page.named() if control in parts(long_page)]
    assert names == [f"My page, Part {number} of 4" for number in (1, 2, 3, 4)]
    assert "This page is long, so you write it in parts. It stays one page." in long_page.texts()
    assert whole(long_page) == TEXT


async def test_what_is_written_in_a_part_is_written_in_the_whole(desk: Desk, long_page: HeadlessApp) -> None:
    second = parts(long_page)[1]
    begin = TEXT.index(second.value)
    await long_page.set(second, "New. " + second.value)
    await until_kept(desk, long_page, TEXT[:begin] + "New. " + TEXT[begin:])


async def test_undo_takes_back_in_the_part_where_it_was_written(desk: Desk, long_page: HeadlessApp) -> None:
    first, second, third, _ = parts(long_page)
    await long_page.set(second, second.value + " More.")
    await long_page.click("Undo")
    await until_kept(desk, long_page, TEXT)
    assert parts(long_page)[1].value in TEXT
    assert (parts(long_page)[0], parts(long_page)[2]) == (first, third)


async def test_words_of_another_window_come_into_their_part_only(desk: Desk, long_page: HeadlessApp) -> None:
    fields = parts(long_page)
    await write(desk, TEXT.replace(fields[3].value, "Elsewhere."))
    await long_page.until(lambda: parts(long_page)[3].value == "Elsewhere.")
    assert [now is was for now, was in zip(parts(long_page), fields, strict=True)] == [True, True, True, False]


async def test_a_paste_is_kept_whole_at_once_and_then_laid_out_in_parts(desk: Desk) -> None:
    async with opened(desk, route="/journal", **PHONE) as app:
        await app.set(PAGE, "Begun. ")
        await app.set(PAGE, "Begun. " + TEXT)
        core = desk.companion.opened
        assert core is not None
        await core.journal.save_drafts()
        assert [entry.text for entry in kept(desk)] == ["Begun. " + TEXT]
        await app.until(lambda: len(parts(app)) == 4)
        assert [entry.text for entry in kept(desk)] == ["Begun. " + TEXT]
        assert whole(app) == "Begun. " + TEXT


async def test_a_key_that_comes_late_from_before_the_cut_is_not_lost(desk: Desk) -> None:
    async with opened(desk, route="/journal", **PHONE) as app:
        await app.set(PAGE, TEXT)
        field = app.by_name(PAGE)
        await app.until(lambda: len(parts(app)) == 4)
        await app.set(parts(app)[3] if parts(app)[3]._i == field._i else field, TEXT + "x")
        await until_kept(desk, app, TEXT + "x")
        assert len(parts(app)) == 4
        assert parts(app)[3].value.endswith("x")


async def test_a_part_that_grew_is_cut_when_it_is_left(desk: Desk) -> None:
    text = long_text(29_999)
    await write(desk, text)
    async with opened(desk, route="/journal", **PHONE) as app:
        await app.set(PAGE, text + " A few words more.")
        await until_kept(desk, app, text + " A few words more.")
        assert len(parts(app)) == 1
        await app.fire(app.by_name(PAGE), "blur")
        await app.until(lambda: len(parts(app)) == 2)
