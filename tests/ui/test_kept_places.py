"""Places that were visited stay built: as they were left, at rest, and gone with the lock."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import flet as ft
import pytest

from companion.people import Member
from tests.fakes import Desk, make_pair
from tests.ui.harness import HeadlessApp
from tests.ui.people import DESKTOP, opened
from views import stories, today
from views.mirror.effects import use_leave, use_return, use_task
from views.mirror.presence import Presence, PresenceCtx
from views.parts.frame import ASIDE

SIZES = [pytest.param({}, id="phone"), pytest.param(DESKTOP, id="desktop")]


def aside(app: HeadlessApp) -> list[ft.Container]:
    """The places that are built and not shown."""
    stack = app.one(ft.Stack, key="places")
    return [one for one in stack.controls if one.left == ASIDE]


@pytest.fixture
async def desk() -> Desk:
    return await Desk().set_up()


@pytest.fixture
async def rendered(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """The greeting's first names, one for each time that Today was rendered."""
    names: list[str] = []
    plain = today.first_name
    monkeypatch.setattr(today, "first_name", lambda name: names.append(name) or plain(name))
    return names


@pytest.mark.parametrize("size", SIZES)
async def test_what_was_chosen_in_a_place_is_chosen_when_it_is_shown_again(desk: Desk, size: dict[str, Any]) -> None:
    async with opened(desk, **size) as app:
        await app.click("Community")
        first = app.by_name("Another")
        await app.click("Another")
        asked = app.texts()
        await app.click("Stories")
        await app.click("Community")
        assert app.texts() == asked
        assert app.by_name("Another")._i == first._i


@pytest.mark.parametrize("size", SIZES)
async def test_a_place_that_is_not_shown_lies_beside_the_screen_and_can_be_reached_by_nobody(
    desk: Desk, size: dict[str, Any]
) -> None:
    async with opened(desk, **size) as app:
        for place in ("Journal", "Groups", "Today"):
            await app.click(place)
        hidden = aside(app)
        assert {str(one.key).split("-")[0] for one in hidden} == {"journal", "groups"}
        assert all(one.disabled and one.right == -ASIDE for one in hidden)
        shown = [one for one in app.one(ft.Stack, key="places").controls if one not in hidden]
        assert [(one.key, one.left, one.right, one.disabled) for one in shown] == [("today-0", 0, 0, False)]


async def test_changing_places_sends_little_and_keeps_the_bar(desk: Desk) -> None:
    async with opened(desk) as app:
        for place in ("Journal", "Today"):
            await app.click(place)
        bar = app.by_name("Groups")
        before = app.connection.sent_bytes
        await app.click("Journal")
        assert app.connection.sent_bytes - before < 1_500
        assert app.by_name("Groups") is bar


async def test_a_place_that_is_put_aside_does_not_render_on_news_and_is_true_when_it_is_shown(
    desk: Desk, rendered: list[str]
) -> None:
    async with opened(desk) as app:
        await app.click("Stories")
        seen = len(rendered)
        desk.window.state.me = replace(desk.window.state.me or Member(name="", profession="gp"), name="Wren Ashby")
        await app.settle()
        assert len(rendered) == seen
        await app.click("Today")
        assert set(rendered[seen:]) == {"Wren Ashby"}
        assert any("Wren" in words for words in app.texts())


async def test_a_place_without_news_is_not_rendered_again(desk: Desk, rendered: list[str]) -> None:
    async with opened(desk) as app:
        await app.click("Stories")
        seen = len(rendered)
        await app.click("Today")
        assert len(rendered) == seen


async def test_the_greeting_is_of_now_when_a_place_is_shown_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(desk) as app:
        monkeypatch.setattr(type(desk.window.texts), "minute_now", lambda self: 8 * 60)
        await app.click("Stories")
        await app.click("Today")
        assert any(words.startswith("Good morning") for words in app.texts())
        monkeypatch.setattr(type(desk.window.texts), "minute_now", lambda self: 20 * 60)
        await app.click("Stories")
        await app.click("Today")
        assert any(words.startswith("Good evening") for words in app.texts())


@pytest.mark.parametrize("size", SIZES)
async def test_after_the_lock_nothing_of_a_place_stays_built(desk: Desk, size: dict[str, Any]) -> None:
    async with opened(desk, **size) as app:
        for place in ("Journal", "Groups", "Stories", "Today"):
            await app.click(place)
        built = [weakref.ref(control) for control in every_control(app)]
        await desk.companion.lock()
        await app.until(lambda: desk.window.state.phase == "locked")
        assert [str(one.key) for one in app.one(ft.Stack, key="places").controls][:1] == ["door"]
        app.connection.sent.clear()  # the wire of the tests keeps what it sent
        gc.collect()
        there = {id(control) for control in every_control(app)}
        assert not [control for one in built if (control := one()) is not None and id(control) not in there]


def every_control(app: HeadlessApp) -> list[Any]:
    """All that is in the tree, also beside the screen."""
    found: list[Any] = []

    def walk(node: Any) -> None:
        if isinstance(node, list | tuple):
            for one in node:
                walk(one)
        elif isinstance(node, ft.BaseControl):
            found.append(node)
            for name in ("controls", "content", "_b", "leading", "title"):
                walk(getattr(node, name, None))

    walk(app.page.views)
    return found


async def test_what_was_opened_in_a_place_goes_when_another_place_is_shown(desk: Desk) -> None:
    rowan = await Desk("Rowan Dale", desk.relay).set_up()
    group = await make_pair(desk, rowan)
    async with opened(desk, **DESKTOP) as app:
        await app.go(f"/groups/{group}")
        await app.until(lambda: desk.window.state.chat.group == group)
        await app.click("Today")
        assert desk.window.state.chat.group == ""
        assert not any(getattr(one, "value", None) == "First-year leads" for one in conversation_heads(app))


def conversation_heads(app: HeadlessApp) -> list[Any]:
    return [one for one in every_control(app) if isinstance(one, ft.TextField) and "Message to" in str(one.hint_text)]


async def test_beginning_to_write_from_today_shows_the_journal_as_it_is_at_first(desk: Desk) -> None:
    async with opened(desk) as app:
        await app.click("Journal")
        await app.click("Month")
        await app.click("Today")
        await app.click("Journal")
        assert not app.all(ft.TextField)
        await app.click("Today")
        _, tray = [control for name, control in app.named() if name == "Write"]
        await app.click(tray)
        page = app.one(ft.TextField)._i
        await app.click("Get help")
        await app.click("Close")
        assert app.one(ft.TextField)._i == page


async def test_a_link_and_the_way_back_of_the_browser_show_the_place_as_it_was_left(desk: Desk) -> None:
    async with opened(desk, route="/community") as app:
        await app.click("Another")
        asked = app.texts()
        await app.go("/stories")
        assert app.texts()[0] == "Stories"
        await app.go("/community")
        assert app.texts() == asked


async def test_two_presses_at_once_end_at_the_second(desk: Desk) -> None:
    async with opened(desk) as app:
        presses = [app.session.dispatch_event(app.by_name(place)._i, "click", None) for place in ("Journal", "Groups")]
        await asyncio.gather(*presses)
        await app.settle()
        assert (app.texts()[0], app.page.route) == ("Groups", "/groups")


async def test_a_list_that_changed_while_it_was_aside_is_new_when_it_is_shown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[int] = []
    listing = stories.listing
    plain = listing.ruled
    monkeypatch.setattr(listing, "ruled", lambda rows: shown.append(len(rows)) or plain(rows))
    async with opened(desk) as app:
        await app.click("Stories")
        await app.click("Today")
        assert desk.companion.opened is not None
        await desk.companion.opened.stories.begin("A quiet week")
        await app.settle()
        assert not shown
        await app.click("Stories")
        assert shown == [1]


# The hooks ---------------------------------------------------------------------------------------------


class Work:
    """What a component does while it is looked at."""

    def __init__(self) -> None:
        self.presence = Presence()
        self.calls: list[str] = []
        self.is_built = True
        self.finish = asyncio.Event()

    def page(self) -> Any:
        @ft.component
        def Part() -> ft.Control:
            async def job() -> None:
                self.calls.append("begun")
                await self.finish.wait()
                self.calls.append("done")

            async def left() -> None:
                self.calls.append("left")

            async def returned() -> None:
                self.calls.append("returned")

            use_task(job, [])
            use_leave(left)
            use_return(returned)
            return ft.Text("work")

        @ft.component
        def Whole() -> ft.Control:
            is_built, self.build = ft.use_state(True)
            return PresenceCtx(self.presence, lambda: ft.Container(Part() if is_built else None))

        return lambda page: page.render(Whole)


async def test_a_task_rests_with_its_place_and_begins_again_until_it_is_done() -> None:
    work = Work()
    async with HeadlessApp(work.page()) as app:
        work.presence.turn(False)
        work.finish.set()
        await app.settle()
        assert work.calls == ["begun", "left"]
        work.presence.turn(True)
        await app.settle()
        assert sorted(work.calls[2:]) == ["begun", "done", "returned"]
        work.presence.turn(False)
        work.presence.turn(True)
        await app.settle()
        assert work.calls.count("begun") == 2


async def test_leaving_is_told_once_when_a_place_that_was_put_aside_goes() -> None:
    work = Work()
    async with HeadlessApp(work.page()) as app:
        work.presence.turn(False)
        await app.settle()
        work.build(False)
        await app.settle()
        assert work.calls.count("left") == 1


async def test_a_task_that_rests_ends_with_its_component() -> None:
    work = Work()
    async with HeadlessApp(work.page()) as app:
        work.presence.turn(False)
        await app.settle()
        before = len(asyncio.all_tasks())
        work.build(False)
        await app.settle()
        assert len(asyncio.all_tasks()) == before - 1


async def test_a_task_that_runs_ends_with_its_component_and_does_not_begin_again() -> None:
    work = Work()
    async with HeadlessApp(work.page()) as app:
        work.build(False)
        await app.settle()
        assert work.calls == ["begun", "left"]
