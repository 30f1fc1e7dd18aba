"""The journal one finds things in: by day, by month, on this day, however long it is."""

import datetime

import flet as ft
import pytest

from companion.errors import Tampered
from companion.journal import TABLE, Entry
from companion.journal_index import JournalIndex
from companion.ports import Change, Put
from tests.fakes import Desk
from tests.ui.harness import HeadlessApp
from tests.ui.people import DESKTOP, opened
from views.journal.spans import ROWS, RUNS_MAX

TODAY = datetime.date(2026, 11, 30)


def entry(number: int, day: str, text: str, **more) -> Entry:
    return Entry(id=f"{number:032x}", day=day, text=text, created_ms=number + 1, changed_ms=number + 1, **more)


def many(count: int) -> tuple[Entry, ...]:
    """One entry a day, the last one of yesterday."""
    days = [(TODAY - datetime.timedelta(days=count - n)).isoformat() for n in range(count)]
    return tuple(entry(n, day, f"Page {n}.\nand its words") for n, day in enumerate(days))


async def keep(desk: Desk, *entries: Entry) -> None:
    await desk.vault.store.commit(Change(put=tuple(Put(TABLE, one.to_doc()) for one in entries)))


def rows(app: HeadlessApp) -> list[str]:
    return [name for name, _ in app.named() if name.startswith("Page ")]


async def scroll(app: HeadlessApp, pixels: float, end: float) -> None:
    column = next(one for one in app.all(ft.Column) if one.on_scroll is not None)
    data = {"pixels": pixels, "min_scroll_extent": 0.0, "max_scroll_extent": end, "viewport_dimension": 700.0}
    await app.fire(column, "scroll", {**data, "event_type": "update"})


async def lay_out(app: HeadlessApp, height: float) -> None:
    """Tell every run how tall it is, as the client does after its layout."""
    for box in [one for one in app.all(ft.Container) if one.on_size_change is not None]:
        await app.fire(box, "size_change", {"w": 300.0, "h": height})


@pytest.fixture
async def desk() -> Desk:
    return await Desk().set_up()


async def test_a_long_journal_is_built_in_parts_and_never_whole(desk: Desk) -> None:
    await keep(desk, *many(400))
    async with opened(desk, route="/journal") as app:
        assert rows(app)[0].startswith("Page 399")
        assert len(rows(app)) == ROWS
        for _ in range(12):
            await lay_out(app, 900.0)
            await scroll(app, 100_000.0, 100_000.0)
            assert len(rows(app)) <= ROWS * RUNS_MAX
        assert rows(app)[-1].startswith(f"Page {400 - 13 * ROWS}.")
        assert not any(name.startswith("Page 399") for name in rows(app))
        for _ in range(12):
            await lay_out(app, 900.0)
            await scroll(app, 0.0, 100_000.0)
        assert rows(app)[0].startswith("Page 399")
        assert len(rows(app)) <= ROWS * RUNS_MAX


async def test_older_pages_come_by_a_button_too(desk: Desk) -> None:
    await keep(desk, *many(40))
    async with opened(desk, route="/journal") as app:
        await app.click("Show older pages")
        assert len(rows(app)) == 2 * ROWS


async def test_a_page_is_listed_with_how_it_was(desk: Desk) -> None:
    await keep(desk, entry(1, "2026-11-29", "Page one\nRowan rang.", mood=2, energy=4, tags=("rota",)))
    async with opened(desk, route="/journal") as app:
        assert rows(app) == [rows(app)[0]]
        assert rows(app)[0].endswith("Rowan rang., Mood: Low, Energy: Good, #rota")
        await app.click(rows(app)[0])
        assert app.page.route == f"/journal/{1:032x}"


async def test_any_day_of_the_month_is_two_taps_away(desk: Desk) -> None:
    await keep(desk, *many(60))
    async with opened(desk, route="/journal") as app:
        await app.click("Month")
        await app.click("Wednesday 11 November, 1 page")
        assert rows(app)[0].startswith("Page 41")
        assert "Wednesday 11 November" in app.texts()


async def test_the_month_says_in_words_how_a_day_was(desk: Desk) -> None:
    await keep(desk, entry(1, "2026-11-02", "a", mood=3, energy=2, connection=5), entry(2, "2026-11-02", "b", mood=4))
    async with opened(desk, route="/journal") as app:
        await app.click("Month")
        assert app.by_name("Monday 2 November, 2 pages, Mood: Good, Energy: Low, People: Close")
        assert app.by_name("Tuesday 3 November, no page")
        await app.click("Energy")
        assert "The bar shows your energy: taller is more." in app.texts()


async def test_large_text_shows_the_month_in_words_instead_of_a_grid(desk: Desk) -> None:
    await keep(desk, entry(1, "2026-11-02", "a", mood=3))
    async with opened(desk, route="/journal") as app:
        desk.window.state.text_scale = 2.0
        await app.settle()
        await app.click("Month")
        assert app.by_name("Monday 2 November, 1 page, Mood: Steady")
        assert not [name for name, _ in app.named() if name.endswith("no page")]


async def test_months_and_years_can_be_changed_and_a_day_be_typed(desk: Desk) -> None:
    await keep(desk, entry(1, "2019-05-04", "Page of old"), entry(2, "2026-11-01", "Page of now"))
    async with opened(desk, route="/journal", **DESKTOP) as app:
        await app.click("Month before, October 2026")
        await app.click("October 2026. Choose another month or day")
        await app.click("Year before, 2025")
        await app.click("March")
        await app.click("March 2025. Choose another month or day")
        await app.set("Go to a day", "5 May 2020")
        await app.submit("Go to a day")
        assert "Nothing on Tuesday 5 May 2020." in app.texts()
        assert rows(app)[0].startswith("Page of old")
        await app.click("Show newer pages")
        assert rows(app)[0].startswith("Page of now")


async def test_a_day_that_is_none_is_said(desk: Desk) -> None:
    async with opened(desk, route="/journal", **DESKTOP) as app:
        await app.click("November 2026. Choose another month or day")
        await app.set("Go to a day", "31 2")
        await app.submit("Go to a day")
        assert app.by_name("Go to a day").error == "Please type a day, for example 14 10 2025."


async def test_this_day_in_a_past_year_is_offered_and_opened(desk: Desk) -> None:
    await keep(desk, entry(1, "2025-11-30", "Page of then"), entry(2, "2023-11-30", "Page before"))
    for route in ("/today", "/journal"):
        async with opened(desk, route=route) as app:
            assert "A year ago you wrote something. Open it only if you want to." in app.texts()
            assert not [text for text in app.texts() if "Page of then" in text and route == "/today"]
            await app.click("Open 2025")
            assert app.page.route == f"/journal/{1:032x}"


async def test_a_past_day_can_be_hidden_for_good_and_that_undone(desk: Desk) -> None:
    await keep(desk, entry(1, "2025-11-30", "Page of then"))
    async with opened(desk, route="/today") as app:
        await app.click("Never show 2025 again")
        await app.until(lambda: "Undo" in [name for name, _ in app.named()])
        assert not [name for name, _ in app.named() if name == "Open 2025"]
        assert desk.vault.store.tables[TABLE][f"{1:032x}"]["is_past_hidden"] is True
        await app.click("Undo")
        await app.until(lambda: [name for name, _ in app.named() if name == "Open 2025"])


async def test_on_this_day_shows_every_year(desk: Desk) -> None:
    await keep(desk, entry(1, "2025-11-30", "a"), entry(2, "2023-11-30", "b"))
    async with opened(desk, route="/journal") as app:
        await app.click("On this day")
        assert [name for name, _ in app.named() if name.startswith("Open 20")] == ["Open 2025", "Open 2023"]


async def test_a_journal_that_cannot_be_read_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise Tampered("a row")

    monkeypatch.setattr(type(desk.vault.store), "read", fail)
    async with opened(desk, route="/journal") as app:
        assert desk.window.texts.error(Tampered("")) in app.texts()
        assert "Opening your journal." not in app.texts()


async def test_nothing_of_the_index_stays_after_the_lock(desk: Desk) -> None:
    await keep(desk, *many(3))
    async with opened(desk, route="/journal") as app:
        assert len(desk.window.state.journal) == 3
        await desk.companion.lock()
        await app.until(lambda: desk.window.state.phase == "locked")
        assert len(desk.window.state.journal) == 0
        assert not rows(app)


def test_what_flet_may_log_holds_no_words() -> None:
    index = JournalIndex.of_docs(one.to_doc() for one in many(3))
    assert "Page" not in repr(index) + repr(index.heads[0])
