"""Where a window is: at once where it was told to go, whatever the browser says afterwards of earlier steps."""

import asyncio
from typing import Any

from views.mirror.way import Way


class Browser:
    """A page whose client answers when it is told to."""

    route = "/today"

    def __init__(self) -> None:
        self.asked: list[tuple[str, asyncio.Event]] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def push_route(self, path: str) -> None:
        answered = asyncio.Event()
        self.asked.append((path, answered))
        await answered.wait()

    def run_task(self, job: Any, *arguments: Any) -> None:
        self.tasks.append(asyncio.create_task(job(*arguments)))

    async def answer(self) -> str:
        """Answer the oldest question, and return what it was about."""
        path, answered = self.asked.pop(0)
        answered.set()
        await turn()
        return path


async def turn() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def walked(*paths: str) -> tuple[Browser, Way, list[str]]:
    browser, shown = Browser(), list[str]()
    way = Way(browser, shown.append)  # type: ignore[arg-type]  # as much of a page as it needs
    for path in paths:
        way.go(path)
    await turn()
    return browser, way, shown


async def test_it_is_there_before_the_browser_knows() -> None:
    browser, _, shown = await walked("/journal")
    assert shown == ["/journal"]
    assert [path for path, _ in browser.asked] == ["/journal"]


async def test_a_late_word_of_the_first_of_two_steps_leads_nowhere() -> None:
    _, way, shown = await walked("/journal", "/groups")
    way.heard("/journal")
    way.heard("/groups")
    assert (shown, way.path) == (["/journal", "/groups"], "/groups")


async def test_the_way_back_leads_to_where_we_went_before() -> None:
    browser, way, shown = await walked("/journal", "/groups")
    assert [await browser.answer(), await browser.answer()] == ["/journal", "/groups"]
    way.heard("/journal")
    assert shown[-1] == "/journal"


async def test_going_where_we_are_asks_for_nothing() -> None:
    browser, way, shown = await walked("/journal")
    way.go("/journal")
    way.begin("/journal")
    await turn()
    assert (len(browser.asked), shown, way.turns["journal"]) == (1, ["/journal"], 0)
