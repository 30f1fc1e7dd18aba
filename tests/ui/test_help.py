"""Get help: without a connection, without an account, and with nothing kept."""

import flet as ft

from tests.fakes import Desk
from tests.ui.people import DESKTOP, opened
from views.help import address
from views.words.library import Reach


async def test_emergency_comes_first_then_urgent_then_who_listens() -> None:
    desk = await Desk().set_up()
    async with opened(desk, route="/help") as app:
        titles = [text for text in app.texts() if text in ("Emergency", "Help today", "Talk to someone, any hour")]
        assert titles == ["Emergency", "Help today", "Talk to someone, any hour"]


async def test_the_call_button_hands_the_number_to_the_device_and_keeps_nothing() -> None:
    desk = await Desk().set_up()
    async with opened(desk, route="/help") as app:
        asked: list[object] = []
        app.connection.replies["launch_url"] = lambda args: asked.append(args["url"])
        docs, calls = str(desk.vault.store.tables), list(desk.calls)
        await app.click("Call 116 123")
        await app.click("Text SHOUT to 85258")
        await app.click("Email")
        assert [str(getattr(url, "url", url)) for url in asked] == [
            "tel:116123",
            "sms:85258?body=SHOUT",
            "mailto:jo@samaritans.org",
        ]
        assert (str(desk.vault.store.tables), list(desk.calls)) == (docs, calls)


async def test_a_wide_window_also_shows_the_number_to_dial() -> None:
    desk = await Desk().set_up()
    async with opened(desk, route="/help", **DESKTOP) as app:
        said = " ".join(app.texts())
        assert "From any phone: 999" in said
        assert "Address: jo@samaritans.org" in said


async def test_help_works_with_the_service_away_and_the_disk_full() -> None:
    desk = await Desk().set_up()
    desk.relay.is_online, desk.vault.store.fails = False, True
    async with opened(desk, route="/help") as app:
        assert "Call 999" in app.texts()


async def test_help_is_there_before_there_is_a_store() -> None:
    async with opened(Desk()) as app:
        await app.click("Get help")
        assert "Call 999" in app.texts()
        await app.click("Close")
        assert app.by_name("Your name", ft.TextField) is not None


def test_addresses_have_no_spaces() -> None:
    assert address(Reach(kind="call", to="0300 0303 300")) == "tel:03000303300"
