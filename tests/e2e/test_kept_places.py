"""Places that stay built, as a browser sees them: scrolled as they were, and out of everybody's reach meanwhile."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.e2e.driver import DESKTOP, PHONE, AppProcess, Person
from tests.e2e.journey import go, unlock
from tests.many_entries import make_profile, title_of

PAGES = 60
TABS = 40


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("kept")
    make_profile(data, "kept", PAGES)
    return data


def top_of(person: Person, page: int) -> float:
    box = person.button(re.compile(rf"^{title_of(page)},"), exact=False).bounding_box()
    assert box is not None
    return box["y"]


@pytest.mark.parametrize("size", [pytest.param(PHONE, id="kept-phone"), pytest.param(DESKTOP, id="kept-desktop")])
def test_a_place_stands_where_it_was_left_and_nobody_meets_it_elsewhere(
    journal: Path, browsers: tuple[Browser, Browser], open_window: Callable[..., Person], size: dict[str, int]
) -> None:
    app = AppProcess(journal, "kept", "--service", "http://127.0.0.1:9")
    try:
        hazel = open_window(app, "hazel", size)
        unlock(hazel)
        hazel.see("Weekly check-in", 60_000)
        go(hazel, "Journal")
        hazel.see(re.compile(rf"^{title_of(PAGES - 1)},"))
        hazel.stand_still()
        at_first = top_of(hazel, PAGES - 1)
        hazel.page.mouse.move(250, size["height"] * 0.75)
        hazel.page.mouse.wheel(0, 300)
        hazel.stand_still()
        scrolled = top_of(hazel, PAGES - 1)
        assert scrolled < at_first - 200

        go(hazel, "Today")
        hazel.see("Weekly check-in")
        hazel.stand_still()
        assert title_of(PAGES - 1) not in hazel.tree()
        assert "Start writing" not in hazel.tree()
        met = [hazel.tab() for _ in range(TABS)]
        assert "Search" in "".join(met)
        assert not [name for name in met if title_of(1)[:-1] in name]

        go(hazel, "Journal")
        hazel.see(re.compile(rf"^{title_of(PAGES - 1)},"))
        hazel.stand_still()
        assert abs(top_of(hazel, PAGES - 1) - scrolled) < 2

        hazel.page.go_back()
        hazel.see("Weekly check-in")
        assert hazel.page.url.endswith("/today")
    finally:
        app.stop()
