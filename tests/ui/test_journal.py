"""Writing: ready at once, kept by itself, and honest about it."""

from collections.abc import AsyncIterator

import flet as ft
import pytest

from companion.journal import TABLE, Entry
from companion.ports import Change, Put
from tests.fakes import NOW_MS, Desk
from tests.ui.harness import HeadlessApp
from tests.ui.people import DESKTOP, opened
from views.mirror.autosave import AT_MOST_S, QUIET_S

PAGE = "My page"
OLD = Entry(id="0" * 31 + "1", day="2026-11-20", text="A better day\nRowan rang back.", created_ms=1, changed_ms=NOW_MS)


@pytest.fixture
async def desk() -> Desk:
    return await Desk().set_up()


@pytest.fixture
async def phone(desk: Desk) -> AsyncIterator[HeadlessApp]:
    async with opened(desk, route="/journal") as app:
        yield app


def kept(desk: Desk) -> list[str]:
    return [str(doc["text"]) for doc in desk.vault.store.tables.get(TABLE, {}).values()]


async def test_the_page_of_today_is_ready_for_typing(phone: HeadlessApp) -> None:
    field = phone.by_name(PAGE)
    assert field.autofocus
    assert field.hint_text == "This page is yours alone. Start anywhere."
    assert "Only me" in phone.texts()


async def test_what_is_typed_reaches_the_disk_within_two_seconds(desk: Desk, phone: HeadlessApp) -> None:
    assert max(QUIET_S, AT_MOST_S) < 2
    await phone.set(PAGE, "A long day")
    assert kept(desk) == []
    assert "Saving" in phone.texts()
    await phone.until(lambda: kept(desk) == ["A long day"], 2.0)
    await phone.until(lambda: any(text.startswith("Saved on this device") for text in phone.texts()))


async def test_one_day_is_one_entry_however_often_it_is_saved(desk: Desk, phone: HeadlessApp) -> None:
    for text in ("One", "One two"):
        await phone.set(PAGE, text)
        await phone.until(lambda text=text: kept(desk) == [text])
    assert phone.by_name(PAGE).value == "One two"


async def test_a_full_disk_is_said_and_the_words_stay(desk: Desk, phone: HeadlessApp) -> None:
    desk.vault.store.fails = True
    await phone.set(PAGE, "A long day")
    await phone.until(lambda: any(text.startswith("Not saved yet.") for text in phone.texts()))
    assert not any(text.startswith("Saved on") for text in phone.texts())
    assert phone.by_name(PAGE).value == "A long day"
    desk.vault.store.fails = False
    await phone.set(PAGE, "A long day.")
    await phone.until(lambda: kept(desk) == ["A long day."])


async def test_locking_in_the_middle_of_a_word_loses_nothing(desk: Desk, phone: HeadlessApp) -> None:
    await phone.set(PAGE, "Half a thou")
    await desk.companion.lock()
    assert kept(desk) == ["Half a thou"]
    await phone.until(lambda: desk.window.state.phase == "locked")
    assert "Half a thou" not in [field.value for field in phone.all(ft.TextField)]


async def test_leaving_the_page_saves_it(desk: Desk, phone: HeadlessApp) -> None:
    await phone.set(PAGE, "Back to work")
    await phone.click("Groups")
    await phone.until(lambda: kept(desk) == ["Back to work"], 0.5)


async def test_keys_pressed_while_the_screen_changes_are_not_taken_back(desk: Desk, phone: HeadlessApp) -> None:
    await phone.set(PAGE, "On")
    phone.session.apply_patch(phone.by_name(PAGE)._i, {"value": "One"})  # the client is ahead of its own event
    desk.window.state.journal_prompt = "What helped?"
    await phone.settle()
    assert phone.by_name(PAGE).value == "One"


async def test_an_older_page_can_be_found_opened_and_changed(desk: Desk) -> None:
    await desk.vault.store.commit(Change(put=(Put(TABLE, OLD.to_doc()),)))
    async with opened(desk, route="/journal") as app:
        assert "Friday 20 November" in app.texts()
        await app.click(next(c for name, c in app.named() if name.startswith("A better day")))
        assert app.page.route == f"/journal/{OLD.id}"
        page = [field for field in app.all(ft.TextField) if field.value == OLD.text]
        assert len(page) == 1
        assert not page[0].autofocus
        await app.set(page[0], "A better day, twice")
        await app.until(lambda: kept(desk) == ["A better day, twice"])
    entry = Entry.from_doc(desk.vault.store.tables[TABLE][OLD.id])
    assert entry.day == OLD.day


async def test_a_question_can_be_swapped_taken_and_stays_with_the_page(desk: Desk, phone: HeadlessApp) -> None:
    question = {prompt.text for prompt in desk.window.prompts}
    first = next(text for text in phone.texts() if text in question)
    await phone.click("Another")
    second = next(text for text in phone.texts() if text in question)
    assert second != first
    await phone.click("Use it")
    assert phone.texts().count(second) == 2
    await phone.set(PAGE, "Nobody would mind")
    await phone.until(lambda: kept(desk))
    assert next(iter(desk.vault.store.tables[TABLE].values()))["prompt"] == second


async def test_a_desktop_shows_list_page_and_question_side_by_side(desk: Desk) -> None:
    await desk.vault.store.commit(Change(put=(Put(TABLE, OLD.to_doc()),)))
    async with opened(desk, route="/journal", **DESKTOP) as app:
        assert app.by_name(PAGE).autofocus
        assert app.by_name("Write today's page")
        assert "A question, if you want one" in app.texts()
        await app.click(next(c for name, c in app.named() if name.startswith("A better day")))
        assert app.by_name(PAGE).value == OLD.text


async def test_a_page_that_is_gone_says_so(desk: Desk) -> None:
    async with opened(desk, route="/journal/" + "f" * 32) as app:
        assert "This page is not here any more." in app.texts()
