"""A window goes on after any value: what cannot be sent is replaced, and the next press works."""

import flet as ft
import pytest

from tests.ui.harness import HeadlessApp
from views.border import guard_client

ODD = ["Leads \ud83d", "\ude00", "a\x00b", "\u202egnp.exe", 1 << 70, float("nan"), {1}, object()]


@pytest.fixture
def guard():
    restore = guard_client()
    yield
    restore()


@pytest.mark.usefixtures("guard")
@pytest.mark.parametrize("value", ODD, ids=[repr(one)[:12].encode("ascii", "replace").decode() for one in ODD])
async def test_the_window_goes_on_after_a_value_that_cannot_be_sent(value: object) -> None:
    def main(page: ft.Page) -> None:
        said = ft.Text("before")

        def press(_: object) -> None:
            said.value = value if isinstance(value, str) else "odd"
            said.data = value
            page.add(ft.Text(said.value, tooltip=said.value, data=[value, {"inside": value}]))

        page.add(said, ft.TextButton("Odd", on_click=press), ft.TextButton("Even", on_click=lambda e: even()))

        def even() -> None:
            said.value = "after"
            page.update()

    async with HeadlessApp(main) as app:
        await app.click("Odd")
        await app.click("Even")
        assert "after" in app.texts()
