"""My account: who I am, the lock, the look, where the data lie."""

import pytest

from tests.fakes import Desk
from tests.ui.people import opened


async def test_the_page_says_who_i_am() -> None:
    desk = await Desk("Hazel Ford").set_up("practice_manager")
    async with opened(desk, route="/account") as app:
        texts = app.texts()
        assert {"Hazel Ford", "Practice manager"} <= set(texts)
        assert desk.companion.opened is not None
        assert f"This device: {desk.companion.opened.device[:8]}" in texts


async def test_no_private_key_is_in_the_tree() -> None:
    desk = await Desk().set_up()
    async with opened(desk, route="/account") as app:
        me = desk.vault.store.tables["me"]["me"]
        said = " ".join(app.texts() + app.labels())
        assert str(me["sign_private"]) not in said
        assert str(me["seal_private"]) not in said


async def test_lock_now_drops_the_keys() -> None:
    desk = await Desk().set_up()
    async with opened(desk, route="/account") as app:
        await app.click("Lock now")
        await app.until(lambda: desk.window.state.phase == "locked")
        assert desk.companion.opened is None
        assert "store closed" in desk.calls


async def test_the_chosen_minutes_are_kept_and_shown() -> None:
    desk = await Desk().set_up()
    async with opened(desk, route="/account") as app:
        await app.click("10 minutes")
        await app.until(lambda: desk.window.state.auto_lock_minutes == 10)
        assert desk.companion.opened is not None
        assert desk.companion.opened.auto_lock_minutes == 10
        assert desk.vault.store.tables["settings"]["settings"]["auto_lock_minutes"] == 10


@pytest.mark.parametrize(
    ("label", "mode"),
    [
        ("Light", "light"),
        ("Dark", "dark"),
        ("High contrast, light", "contrast"),
        ("High contrast, dark", "contrast-dark"),
        ("As this device", "system"),
    ],
)
async def test_each_look_can_be_chosen(label: str, mode: str) -> None:
    desk = await Desk().set_up()
    async with opened(desk, route="/account") as app:
        await app.click(label)
        assert ("theme", mode) in desk.calls
