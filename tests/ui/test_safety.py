"""Hiding, erasing, a store that was put back, and damage said in plain words."""

import flet as ft
import pytest

from companion.app.device import ANCHOR
from companion.errors import DAMAGES, Tampered
from companion.ports import Damage
from tests.fakes import PASSPHRASE, Desk
from tests.ui.harness import HeadlessApp
from tests.ui.people import DESKTOP, PHONE, opened

PROOF = "Your passphrase, or your 24 recovery words"


async def press(app: HeadlessApp, key: str) -> None:
    event = {"key": key, "shift": False, "ctrl": False, "alt": False, "meta": False}
    await app.fire(app.page, "keyboard_event", event)


class TestHide:
    @pytest.mark.parametrize("route", ["/today", "/journal", "/groups", "/stories", "/account/privacy", "/help"])
    async def test_two_escapes_hide_from_anywhere_and_drop_the_keys(self, route: str) -> None:
        desk = await Desk().set_up()
        async with opened(desk, route=route) as app:
            await press(app, "Escape")
            assert desk.window.state.phase == "open"
            await press(app, "Escape")
            await app.until(lambda: desk.window.state.phase == "hidden")
            said = " ".join(app.texts() + app.labels())
            assert "Hazel" not in said
            assert "Companion" not in said
            assert app.page.title == "Clock"
            await app.until(lambda: not desk.companion.has_keys)
            await app.click("Back")
            await app.until(lambda: desk.window.state.phase == "locked")
            assert app.page.title == "Companion"

    async def test_other_keys_between_do_not_hide(self) -> None:
        desk = await Desk().set_up()
        async with opened(desk) as app:
            for key in ("Escape", "A", "Escape"):
                await press(app, key)
            assert desk.window.state.phase == "open"

    @pytest.mark.parametrize("route", ["/today", "/journal/new", "/account"])
    async def test_two_taps_on_a_title_hide_on_a_phone(self, route: str) -> None:
        desk = await Desk().set_up()
        async with opened(desk, route=route) as app:
            titles = [one for one in app.all(ft.GestureDetector) if one.on_double_tap]
            await app.fire(titles[-1], "double_tap")
            await app.until(lambda: desk.window.state.phase == "hidden")

    async def test_the_rail_has_a_button(self) -> None:
        desk = await Desk().set_up()
        async with opened(desk, **DESKTOP) as app:
            await app.click("Hide now")
            await app.until(lambda: desk.window.state.phase == "hidden")


class TestErase:
    async def erase(self, app: HeadlessApp) -> None:
        await app.click("Go on")
        await app.set("The word", "no")
        await app.click("Erase everything now")
        assert any("Please type erase" in text for text in app.texts())
        await app.set("The word", "Erase ")
        await app.click("Erase everything now")

    async def test_from_the_account_with_what_remains_elsewhere(self) -> None:
        desk = await Desk().set_up()
        assert desk.companion.opened is not None
        await desk.companion.opened.groups.create("First-year leads", "pine")
        async with opened(desk, route="/account/erase") as app:
            await app.until(lambda: desk.window.texts("unlock.erase_asked") in app.texts())
            for name in ("groups", "sheet", "copies"):
                assert desk.window.texts(f"unlock.erase_remains_{name}") in app.texts()
            await self.erase(app)
            await app.until(lambda: desk.window.state.phase == "first_start")
        assert desk.vault.keys is None
        assert desk.keystore.held == {}

    async def test_from_the_lock_screen(self) -> None:
        desk = await Desk().set_up()
        await desk.companion.lock()
        async with opened(desk) as app:
            await app.click("Erase everything")
            assert desk.window.texts("unlock.erase_no_keys") in app.texts()
            await self.erase(app)
            await app.until(lambda: desk.window.state.phase == "first_start")

    async def test_keeping_everything_is_one_press_at_each_step(self) -> None:
        desk = await Desk().set_up()
        await desk.companion.lock()
        async with opened(desk) as app:
            await app.click("Erase everything")
            await app.click("Keep everything")
            assert "Passphrase" in [name for name, _ in app.named()]
            await app.click("Erase everything")
            await app.click("Go on")
            await app.click("Keep everything")
            assert "Passphrase" in [name for name, _ in app.named()]
        assert desk.vault.keys is not None


class TestRestored:
    async def put_back(self, app: HeadlessApp) -> None:
        await app.set("Passphrase", PASSPHRASE)
        await app.click("Open")
        await app.until(lambda: "Did you restore this from a backup?" in app.texts())

    @pytest.fixture
    async def older(self) -> Desk:
        desk = await Desk().set_up()
        await desk.companion.lock()
        desk.keystore.held[ANCHOR] = f"{'5a' * 16}:999"
        return desk

    async def test_yes_goes_on(self, older: Desk) -> None:
        async with opened(older) as app:
            await self.put_back(app)
            await app.click("Yes, go on from here")
            await app.until(lambda: older.window.state.phase == "open")
            assert older.window.texts("errors.read_only") not in app.texts()

    async def test_no_lets_read_and_says_so_on_every_page(self, older: Desk) -> None:
        async with opened(older) as app:
            await self.put_back(app)
            await app.click("No, only let me read")
            await app.until(lambda: older.window.state.phase == "open")
            assert older.window.texts("errors.read_only") in app.texts()
            await app.go("/journal")
            assert older.window.texts("errors.read_only") in app.texts()

    async def test_no_is_said_above_an_opened_page_of_a_phone_too(self, older: Desk) -> None:
        async with opened(older) as app:
            await self.put_back(app)
            await app.click("No, only let me read")
            await app.until(lambda: older.window.state.phase == "open")
            await app.go("/groups/new")
            assert app.texts().count(older.window.texts("errors.read_only")) == 2, "the place's and the page's"

    async def test_both_answers_look_the_same(self, older: Desk) -> None:
        async with opened(older) as app:
            await self.put_back(app)
            yes, no = app.by_name("Yes, go on from here"), app.by_name("No, only let me read")
            assert yes.style == no.style


class TestDamage:
    @pytest.mark.parametrize("kind", DAMAGES)
    async def test_each_kind_has_a_sentence_on_the_lock_screen(self, kind: str) -> None:
        desk = await Desk().set_up()
        await desk.companion.lock()
        desk.vault.fault = Tampered("row 7", kind)
        async with opened(desk) as app:
            await app.set("Passphrase", PASSPHRASE)
            await app.click("Open")
            assert desk.window.texts(f"errors.damage_{kind}") in app.texts()
            assert "row 7" not in " ".join(app.texts())
            assert ("Copy what can still be read" in app.texts()) is (kind != "keys")

    async def test_what_can_be_read_is_copied_and_used_from_the_lock_screen(self) -> None:
        desk = await Desk().set_up()
        await desk.companion.lock()
        desk.vault.fault = Tampered("x", "root")
        async with opened(desk) as app:
            await app.set("Passphrase", PASSPHRASE)
            await app.click("Open")
            await app.set(PROOF, "not this one")
            await app.click("Copy what can still be read")
            assert desk.window.texts("account.proof_wrong") in app.texts()
            assert "salvaged" not in desk.calls
            await app.set(PROOF, PASSPHRASE)
            await app.click("Copy what can still be read")
            await app.until(lambda: "3 of 4" in app.texts())
            assert "vault-saved-1" in app.texts()
            await app.click("Use the copy from now on")
            await app.until(lambda: desk.window.state.phase == "locked")
        assert ("adopted", "vault-saved-1") in desk.calls

    async def test_leaving_everything_as_it_is_adopts_nothing(self) -> None:
        desk = await Desk().set_up()
        await desk.companion.lock()
        desk.vault.fault = Tampered("x", "file")
        async with opened(desk) as app:
            await app.set("Passphrase", PASSPHRASE)
            await app.click("Open")
            await app.set(PROOF, PASSPHRASE)
            await app.click("Copy what can still be read")
            await app.until(lambda: "3 of 4" in app.texts())
            await app.click("Leave everything as it is")
            await app.until(lambda: desk.window.state.phase == "locked")
        assert not [call for call in desk.calls if call[0] == "adopted"]

    @pytest.mark.parametrize("props", [PHONE, DESKTOP])
    async def test_a_damaged_part_is_named_on_every_page_and_explained(self, props: dict[str, object]) -> None:
        desk = await Desk().set_up()
        desk.vault.store.damages = (Damage(part="journal", kind="swapped"), Damage(part="msg", kind="old"))
        async with opened(desk, **props) as app:
            strip = desk.window.texts("errors.damage_notice", parts="Journal, Messages")
            assert strip in app.texts()
            await app.click("What happened")
            await app.until(lambda: app.page.route == "/account/damage")
            for kind in ("swapped", "old"):
                assert desk.window.texts(f"errors.damage_{kind}") in app.texts()
            await app.click("Copy what can still be read")
            await app.until(lambda: "3 of 4" in app.texts())
            assert "salvaged" in desk.calls

    async def test_strip_names_the_way_on_that_the_damage_page_offers(self) -> None:
        desk = await Desk().set_up()
        desk.vault.store.damages = (Damage(part="msg", kind="missing", of="5a" * 16),)
        async with opened(desk) as app:
            strip = desk.window.texts("errors.damage_notice", parts="Messages")
            assert strip in app.texts()
            assert desk.window.texts("errors.damage_more") in strip
            await app.click("What happened")
            await app.until(lambda: desk.window.texts("errors.damage_go_on") in app.texts())

    async def test_a_damaged_recording_keeps_nothing_else_from_being_saved_and_is_not_gone_on_with(self) -> None:
        """There is nothing to make anew: a press would change nothing, and the strip would stay."""
        desk = await Desk().set_up()
        desk.vault.store.damages = (Damage(part="blobs", kind="blob"),)
        async with opened(desk) as app:
            assert desk.window.texts("errors.damage_notice_blob", parts="Recordings and pictures") in app.texts()
            await app.click("What happened")
            await app.until(lambda: desk.window.texts("errors.damage_blob") in app.texts())
            assert desk.window.texts("errors.damage_go_on") not in app.texts()
