"""The window as `main.py` wires it: hiding it drops the keys."""

from pathlib import Path

import flet as ft
import pytest

from main import ASSETS, build_profile, page_main
from tests.ui.harness import HeadlessApp
from views.words.texts import load_texts

PASSPHRASE = "three kettles and a lantern"


@pytest.fixture
async def profile(tmp_path: Path):
    profile = build_profile(tmp_path, "hazel", "http://127.0.0.1:9")
    key, _ = profile.companion.recovery_words()
    await profile.companion.create("Hazel Fern", "gp", PASSPHRASE, key)
    yield profile
    await profile.auto_lock.stop()
    await profile.companion.lock()


async def test_hiding_the_app_on_a_phone_locks_it(profile) -> None:
    main = page_main(profile, load_texts(ASSETS / "words"))
    async with HeadlessApp(main) as app:
        assert profile.companion.opened is not None
        await app.until(lambda: any("Hazel" in text for text in app.texts()))
        await app.fire(app.page, "app_lifecycle_state_change", {"state": "hide"})
        await app.until(lambda: profile.companion.opened is None)
        await app.until(lambda: not any("Hazel" in text for text in app.texts()))


@pytest.mark.parametrize(("is_chosen", "stays"), [(None, True), (True, False)])
async def test_looking_at_another_tab_locks_only_where_that_was_chosen(
    profile, is_chosen: bool | None, stays: bool
) -> None:
    if is_chosen is not None:
        await profile.companion.opened.set_locks_hidden(is_chosen)
    async with HeadlessApp(page_main(profile, load_texts(ASSETS / "words")), web=True, platform="linux") as app:
        await app.until(lambda: any("Hazel" in text for text in app.texts()))
        await app.fire(app.page, "app_lifecycle_state_change", {"state": "hide"})
        assert (profile.companion.opened is not None) is stays


async def test_the_choice_is_a_switch_that_says_how_it_is_on_this_device_and_is_kept(profile) -> None:
    main = page_main(profile, load_texts(ASSETS / "words"))
    async with HeadlessApp(main, route="/account", web=True, platform="linux") as app:

        def switch() -> ft.Semantics:
            return next(one for one in app.all(ft.Semantics) if (one.label or "").startswith("Lock when out of sight."))

        await app.until(lambda: any((label or "").startswith("Lock when out of sight") for label in app.labels()))
        assert switch().toggled is False
        await app.click(switch().label)
        await app.until(lambda: switch().toggled is True)
        await profile.companion.opened.set_auto_lock(2)
    await profile.companion.lock()
    await profile.companion.unlock(passphrase=PASSPHRASE)
    assert (profile.companion.opened.locks_hidden, profile.companion.opened.auto_lock_minutes) == (True, 2)


async def test_the_systems_own_picker_hides_the_app_once_without_locking_it(profile) -> None:
    async with HeadlessApp(page_main(profile, load_texts(ASSETS / "words")), route="/journal") as app:
        await app.until(lambda: any(name == "Add a picture" for name, _ in app.named()))
        while_picking: list[bool] = []

        async def hide() -> None:
            for _ in range(2):
                await app.session.dispatch_event(app.page._i, "app_lifecycle_state_change", {"state": "hide"})
                while_picking.append(profile.companion.opened is not None)

        def picker(_: object) -> list[object]:
            app.page.run_task(hide)
            return []

        app.connection.replies["pick_files"] = picker
        await app.click("Add a picture")
        await app.until(lambda: len(while_picking) == 2)
        assert while_picking == [True, False]


async def test_theme_is_kept_for_the_next_start(profile) -> None:
    profile.appearance.save("contrast-dark")
    async with HeadlessApp(page_main(profile, load_texts(ASSETS / "words"))) as app:
        assert app.page.theme_mode.value == "dark"
        assert app.page.theme.color_scheme.surface == "#FFFFFF"
