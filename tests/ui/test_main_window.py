"""The window as `main.py` wires it: hiding it drops the keys."""

from pathlib import Path

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


async def test_hiding_the_app_locks_it(profile) -> None:
    main = page_main(profile, load_texts(ASSETS / "words"))
    async with HeadlessApp(main) as app:
        assert profile.companion.opened is not None
        await app.until(lambda: any("Hazel" in text for text in app.texts()))
        await app.fire(app.page, "app_lifecycle_state_change", {"state": "hide"})
        await app.until(lambda: profile.companion.opened is None)
        await app.until(lambda: not any("Hazel" in text for text in app.texts()))


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
