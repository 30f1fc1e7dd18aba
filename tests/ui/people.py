"""Whole windows on fakes: the app as `main.py` starts it, without its adapters."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import flet as ft

from tests.fakes import Desk
from tests.ui.harness import HeadlessApp
from views.app import App
from views.mirror.state import Mirror

PHONE: dict[str, Any] = {"width": 390, "height": 844}
DESKTOP: dict[str, Any] = {"width": 1280, "height": 800, "platform": "linux"}


def window_of(desk: Desk) -> Callable[[ft.Page], None]:
    """Return what Flet calls for a new window of this person."""

    def main(page: ft.Page) -> None:
        mirror = Mirror(page, desk.window, lambda nudge: desk.calls.append(("announced", nudge.rule)))
        page.render_views(App, desk.window)
        mirror.note()

    return main


@asynccontextmanager
async def opened(desk: Desk, *, expect_errors: bool = False, **props: Any) -> AsyncIterator[HeadlessApp]:
    """The window of a desk, once it knows whether its store is there, locked or open."""
    async with HeadlessApp(window_of(desk), expect_errors=expect_errors, **{**PHONE, **props}) as app:
        await app.until(lambda: desk.window.state.phase)
        yield app
        desk.companion._listeners.clear()
