"""Changing the keys, and the privacy centre."""

import flet as ft
import pytest

from companion.crypto.words import key_from_words
from tests.fakes import PASSPHRASE, Desk
from tests.ui.harness import HeadlessApp
from tests.ui.people import DESKTOP, PHONE, opened

PROOF = "Your passphrase, or your 24 recovery words"
NEW = "another chair by the door"


async def test_a_new_passphrase_needs_the_old_one_and_is_typed_twice() -> None:
    desk = await Desk().set_up()
    async with opened(desk, route="/account/passphrase") as app:
        await app.set(PROOF, "not this one")
        await app.set("The new passphrase", NEW)
        await app.click("Change the passphrase")
        assert "The two are not the same yet." in app.texts()
        await app.set("The same passphrase again", NEW)
        await app.click("Change the passphrase")
        assert desk.window.texts("account.proof_wrong") in app.texts()
        assert desk.vault.store.keys["passphrase"] == PASSPHRASE
        await app.set(PROOF, PASSPHRASE)
        await app.click("Change the passphrase")
        await app.until(lambda: desk.vault.store.keys["passphrase"] == NEW)
        await app.until(lambda: app.page.route == "/account")


async def new_words(app: HeadlessApp, spoil: bool = False) -> str:
    """Go through the steps; return the words that were shown."""
    await app.set(PROOF, PASSPHRASE)
    await app.click("Show me new words")
    texts = app.texts()
    sheet = {int(n): texts[i + 1] for i, n in enumerate(texts) if n.isdigit() and int(n) <= 24}
    await app.click("I have written them down")
    for name, _ in app.named():
        if name.startswith("Word "):
            await app.set(name, "wrong" if spoil else sheet[int(name.removeprefix("Word "))])
    await app.click("Use the new words")
    return " ".join(sheet[n] for n in range(1, 25))


async def test_new_words_count_once_two_of_them_were_typed_back() -> None:
    desk = await Desk().set_up()
    old = desk.vault.store.keys["recovery"]
    async with opened(desk, route="/account/words") as app:
        words = await new_words(app)
        await app.until(lambda: desk.vault.store.keys["recovery"] != old)
        assert desk.vault.store.keys["recovery"] == key_from_words(words)


async def test_a_wrong_word_keeps_the_old_words() -> None:
    desk = await Desk().set_up()
    old = desk.vault.store.keys["recovery"]
    async with opened(desk, route="/account/words") as app:
        await new_words(app, spoil=True)
        assert any("is another one" in text for text in app.texts())
        assert desk.vault.store.keys["recovery"] == old


async def test_words_are_not_shown_without_a_proof() -> None:
    desk = await Desk().set_up()
    async with opened(desk, route="/account/words") as app:
        await app.set(PROOF, "not this one")
        await app.click("Show me new words")
        assert desk.window.texts("account.proof_wrong") in app.texts()
        assert "24" not in app.texts()


async def test_the_device_opens_the_app_once_it_was_allowed_to() -> None:
    desk = await Desk().set_up()
    async with opened(desk, route="/account/device") as app:
        await app.until(lambda: "Let this device open the app" in app.texts())
        await app.set(PROOF, PASSPHRASE)
        await app.click("Let this device open the app")
        await app.until(lambda: "Stop opening with this device" in app.texts())
        await desk.companion.lock()
        await app.until(lambda: "Open with this device" in app.texts())
        assert "Passphrase" in [name for name, _ in app.named()]
        desk.keystore.owner = False
        await app.click("Open with this device")
        assert desk.window.texts("unlock.device_refused") in app.texts()
        desk.keystore.owner = True
        await app.click("Open with this device")
        await app.until(lambda: desk.window.state.phase == "open")


async def test_without_a_keystore_the_page_says_so_and_offers_nothing() -> None:
    desk = Desk()
    desk.keystore.is_there = False
    await desk.set_up()
    async with opened(desk, route="/account/device") as app:
        assert desk.window.texts("account.device_none") in app.texts()
        assert "Let this device open the app" not in app.texts()


@pytest.mark.parametrize("props", [PHONE, DESKTOP])
async def test_the_privacy_centre_counts_what_is_there_and_leads_to_it(props: dict[str, object]) -> None:
    desk = await Desk().set_up()
    desk.vault.store.tables["msg:a"] = {str(n): {"_id": str(n)} for n in range(3)}
    desk.vault.blobs.held = {"x": b"0" * 5_000}
    async with opened(desk, route="/account/privacy", **props) as app:
        await app.until(lambda: "3 saved" in app.texts())
        texts = app.texts()
        assert "1 file, 5 KB" in texts
        assert desk.window.data_folder in texts
        assert "Opens with: your passphrase, your 24 words" in texts
        assert desk.window.texts("account.anchor_kept") in texts
        await app.click("Change it here: Journal")
        await app.until(lambda: app.page.route == "/journal")


async def test_the_privacy_centre_says_where_no_words_open_the_app() -> None:
    desk = await Desk().set_up(has_words=False)
    async with opened(desk, route="/account/privacy") as app:
        await app.until(lambda: desk.window.texts("account.slot_none") in app.texts())
        assert "Opens with: your passphrase" in app.texts()


async def test_the_privacy_centre_says_where_no_keystore_is() -> None:
    desk = Desk()
    desk.keystore.is_there = False
    await desk.set_up()
    async with opened(desk, route="/account/privacy") as app:
        await app.until(lambda: desk.window.texts("account.anchor_none") in app.texts())


async def test_every_page_below_my_account_leads_back_to_it() -> None:
    desk = await Desk().set_up()
    for width in (PHONE, DESKTOP):
        for item in ("privacy", "passphrase", "words", "device", "erase"):
            async with opened(desk, route=f"/account/{item}", **width) as app:
                await app.click("Back" if width is PHONE else "Back to my account")
                await app.until(lambda: app.page.route == "/account")
                assert app.all(ft.Text)
