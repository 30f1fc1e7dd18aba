"""The privacy centre reads everything again when it is asked to, says how far it is, and can be left."""

import asyncio

from companion.errors import StoreError
from companion.ports import Damage
from tests.fakes import Desk
from tests.ui.harness import HeadlessApp
from tests.ui.people import opened

START = "Check everything now"


async def begin(app: HeadlessApp) -> None:
    await app.until(lambda: START in [name for name, _ in app.named()])
    await app.click(START)


async def test_sound_data_are_said_to_be_sound_in_one_sentence_and_only_after_the_reading() -> None:
    desk = await Desk().set_up()
    texts, store = desk.window.texts, desk.vault.store
    async with opened(desk, route="/account/privacy") as app:
        store.goes_on = asyncio.Event()
        await begin(app)
        await app.until(lambda: texts("account.read_all_so_far", items=0, blobs=0) in app.texts())
        sound = texts("account.read_all_sound", items=3, blobs=2)
        assert sound not in app.texts()
        store.goes_on.set()
        await app.until(lambda: sound in app.texts())
        assert START in app.texts()


async def test_what_is_damaged_is_said_and_leads_to_what_can_be_done() -> None:
    desk = await Desk().set_up()
    texts, store = desk.window.texts, desk.vault.store
    store.found = (Damage(part="blobs", kind="blob"),)
    async with opened(desk, route="/account/privacy") as app:
        await begin(app)
        await app.until(lambda: texts("account.read_all_damaged") in app.texts())
        assert texts("account.read_all_sound", items=3, blobs=2) not in app.texts()
        await app.until(lambda: app.texts().count(texts("errors.damage_more")) == 2)  # the strip has one of its own


async def test_reading_can_be_stopped_and_begun_again() -> None:
    desk = await Desk().set_up()
    texts, store = desk.window.texts, desk.vault.store
    store.goes_on = asyncio.Event()
    async with opened(desk, route="/account/privacy") as app:
        await begin(app)
        await app.until(lambda: "Stop" in app.texts())
        await app.click("Stop")
        await app.until(lambda: START in app.texts())
        assert texts("account.read_all_so_far", items=0, blobs=0) not in app.texts()
        store.goes_on.set()
        await begin(app)
        await app.until(lambda: texts("account.read_all_sound", items=3, blobs=2) in app.texts())
        assert store.calls.count("check begun") == 2


async def test_reading_ends_with_the_page() -> None:
    desk = await Desk().set_up()
    store = desk.vault.store
    store.goes_on = asyncio.Event()
    async with opened(desk, route="/account/privacy") as app:
        await begin(app)
        await app.until(lambda: "check begun" in store.calls)
        await app.go("/account")
        await app.until(lambda: "check left" in store.calls)


async def test_disk_that_does_not_answer_is_said() -> None:
    desk = await Desk().set_up()
    desk.vault.store.check_fails = StoreError("the disk is gone")
    async with opened(desk, route="/account/privacy") as app:
        await begin(app)
        await app.until(lambda: desk.window.texts("account.read_all_failed") in app.texts())
