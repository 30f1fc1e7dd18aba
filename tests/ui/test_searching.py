"""Search while typing, from every place, over journal and chats."""

import flet as ft
import pytest

from companion.chat.message import Message, messages_table
from companion.journal import TABLE, Entry
from companion.ports import Change, Put
from tests.fakes import NOW_MS, Desk
from tests.ui.harness import HeadlessApp
from tests.ui.people import DESKTOP, opened

FIELD = "Search your journal and chats"
GROUP = "a" * 32
DAY_MS = 86_400_000


def entry(number: int, text: str, **more) -> Entry:
    at_ms = NOW_MS - number * DAY_MS
    return Entry(id=f"{number:032x}", day="2026-11-20", text=text, created_ms=at_ms, changed_ms=at_ms, **more)


def said(number: int, text: str, person: str, name: str) -> Message:
    base = {"group": GROUP, "sender": "e" * 32, "profession": "gp", "state": "received"}
    return Message(id=f"{number:032x}", text=text, at_ms=NOW_MS - number * DAY_MS, person=person, name=name, **base)


@pytest.fixture
async def desk() -> Desk:
    desk = await Desk().set_up()
    entries = (entry(1, "Café by the mill", tags=("rest",)), entry(40, "The old mill"))
    messages = (said(2, "Mill on Friday?", "p1", "Wren Hill"), said(3, "The mill again", "p2", "Rowan Bly"))
    put = [Put(TABLE, one.to_doc()) for one in entries]
    put += [Put(messages_table(GROUP), one.to_doc()) for one in messages]
    await desk.vault.store.commit(Change(put=tuple(put)))
    return desk


def hits(app: HeadlessApp) -> list[str]:
    return [name for name, _ in app.named() if "ill" in name and "," in name]


async def search(app: HeadlessApp, typed: str) -> None:
    await app.set(FIELD, typed)
    await app.settle()


async def test_search_can_be_reached_from_every_place(desk: Desk) -> None:
    for size in ({}, DESKTOP):
        async with opened(desk, route="/today", **size) as app:
            for place in ("today", "journal", "groups", "stories", "community"):
                await app.go(f"/{place}")
                await app.click("Search")
                assert app.page.route == "/search"
                assert app.by_name(FIELD).autofocus


async def test_hits_come_while_typing_newest_first_with_the_match_marked(desk: Desk) -> None:
    async with opened(desk, route="/search") as app:
        await search(app, "mi")
        assert [name.split(",")[0] for name in hits(app)] == [
            "Journal",
            "Wren Hill in a group",
            "Rowan Bly in a group",
            "Journal",
        ]
        spans = [one.spans for one in app.all(ft.Text) if one.spans]
        marked = [span.text for parts in spans for span in parts if span.style]
        assert marked == ["mi", "Mi", "mi", "mi"]
        assert all(s.style.weight == ft.FontWeight.W_700 for parts in spans for s in parts if s.style)
        assert "4 found, newest first" in app.texts()
        await search(app, "cafe")
        assert len(hits(app)) == 1
        await search(app, "xyz")
        assert "Nothing found. A shorter word may find more." in app.texts()


async def test_a_hit_opens_the_entry_or_the_group_at_the_message(desk: Desk) -> None:
    async with opened(desk, route="/search") as app:
        await search(app, "mill")
        await app.click(hits(app)[0])
        assert app.page.route == f"/journal/{1:032x}"
        await app.go("/search")
        await app.click(next(name for name in hits(app) if name.startswith("Wren")))
        assert app.page.route == f"/groups/{GROUP}?at={2:032x}"


async def test_a_search_is_narrowed_by_chips(desk: Desk) -> None:
    async with opened(desk, route="/search", **DESKTOP) as app:
        await search(app, "mill")
        await app.click("Wren Hill")
        assert [name.split(",")[0] for name in hits(app)] == ["Wren Hill in a group"]
        await app.click("Everyone")
        await app.click("Past week")
        assert len(hits(app)) == 3
        await app.click("Any time")
        await app.click("#rest")
        assert len(hits(app)) == 1
        await search(app, "")
        assert len(hits(app)) == 1, "a tag alone shows its entries"
        await app.click("#rest")
        assert hits(app) == []


async def test_only_a_screen_of_hits_is_built_until_more_are_wanted(desk: Desk) -> None:
    many = tuple(Put(TABLE, entry(n, f"mill {n}").to_doc()) for n in range(100, 160))
    await desk.vault.store.commit(Change(put=many))
    async with opened(desk, route="/search") as app:
        await search(app, "mill")
        assert len(hits(app)) == 20
        await app.click("Show more")
        await app.settle()
        assert len(hits(app)) == 40


async def test_what_was_typed_and_found_is_gone_after_the_lock(desk: Desk) -> None:
    async with opened(desk, route="/search") as app:
        await search(app, "mill")
        assert desk.window.state.wanted.text == "mill"
        await desk.companion.lock()
        await app.until(lambda: desk.window.state.phase == "locked")
        assert desk.window.state.wanted.text == ""
        assert hits(app) == []
        assert not [one for one in app.all(ft.Text) if one.spans]
