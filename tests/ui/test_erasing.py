"""Erasing: whether the services are asked to delete, for how much, and what is said of it afterwards."""

from collections.abc import Callable

import pytest

from companion.errors import RelayRefused
from companion.farewells import ACCOUNT, DEVICE
from tests.fakes import Desk, deliver
from tests.ui.harness import HeadlessApp
from tests.ui.people import DESKTOP, PHONE, opened

ASK = "Also delete what the sync services hold of me"


@pytest.fixture
async def desk() -> Desk:
    return await Desk().set_up_with_a_group()


async def erase(app: HeadlessApp) -> None:
    await app.click("Go on")
    await app.set("The word", "erase")
    await app.click("Erase everything now")


def said(desk: Desk, app: HeadlessApp, key: str, **values: str) -> Callable[[], bool]:
    return lambda: desk.window.texts(f"unlock.{key}", **values) in app.texts()


def switch(app: HeadlessApp) -> str:
    """Return the whole name of the switch, which says what it means."""
    return next(name for name, _ in app.named() if name.startswith(ASK))


@pytest.mark.parametrize("props", [PHONE, DESKTOP])
async def test_services_are_asked_unless_somebody_says_no(desk: Desk, props: dict[str, object]) -> None:
    async with opened(desk, route="/account/erase", **props) as app:
        await app.until(said(desk, app, "erase_asked"))
        assert "At this computer." in switch(app)
        assert "Without a connection Companion asks later" in switch(app)
        await erase(app)
        await app.until(lambda: desk.window.state.phase == "first_start")
    assert [one.scope for one in desk.eraser.kept] == [ACCOUNT]  # without other devices nobody has to choose


async def test_switched_off_it_says_what_remains_and_asks_nobody(desk: Desk) -> None:
    async with opened(desk, route="/account/erase") as app:
        await app.until(said(desk, app, "erase_asked"))
        await app.click(switch(app))
        await app.until(said(desk, app, "erase_not_asked"))
        await erase(app)
        await app.until(lambda: desk.window.state.phase == "first_start")
    assert desk.eraser.kept == ()


async def test_where_no_service_is_in_use_there_is_nothing_to_choose() -> None:
    desk = await Desk().set_up()
    async with opened(desk, route="/account/erase") as app:
        await app.until(said(desk, app, "erase_no_service"))
        assert not [name for name, _ in app.named() if name.startswith(ASK)]


async def test_token_in_an_address_is_not_shown(desk: Desk) -> None:
    secret = "https://secret-token-of-hers@notes.example"
    desk.vault.store.tables["services"] = {secret: {"_id": secret}}
    async with opened(desk, route="/account/erase") as app:
        await app.until(said(desk, app, "erase_asked"))
        assert "At https://notes.example, this computer." in switch(app)


async def linked(desk: Desk) -> Desk:
    """Give the person a second device."""
    assert desk.companion.opened is not None
    code = await desk.companion.opened.devices.offer()
    tablet = await Desk("Tablet", desk.relay).set_up()
    assert tablet.companion.opened is not None
    await tablet.companion.opened.devices.link(code.code, "Tablet")
    await deliver(desk, tablet)
    assert len(desk.companion.opened.me.devices.active) == 2
    return tablet


@pytest.mark.parametrize(("press", "scope"), [("", DEVICE), ("All my devices", ACCOUNT), ("This device only", DEVICE)])
async def test_with_other_devices_it_is_this_one_unless_somebody_wants_all(desk: Desk, press: str, scope: str) -> None:
    await linked(desk)
    async with opened(desk, route="/account/erase") as app:
        await app.until(lambda: "All my devices" in app.texts())
        assert not said(desk, app, "erase_of_account_about")()
        if press:
            await app.click(press)
        assert said(desk, app, "erase_of_account_about")() is (scope == ACCOUNT)
        await erase(app)
        await app.until(lambda: desk.window.state.phase == "first_start")
    assert [one.scope for one in desk.eraser.kept] == [scope]


class TestAfterwards:
    @pytest.fixture
    async def erased(self, desk: Desk) -> Desk:
        desk.relay.is_online = False
        await desk.companion.erase(DEVICE)
        return desk

    async def test_first_start_says_what_is_asked_what_is_owed_and_what_is_done(self, erased: Desk) -> None:
        farewells = erased.companion.farewells
        async with opened(erased) as app:
            await app.until(said(erased, app, "owed_asking", names="this computer"))
            await farewells.deliver()
            await app.until(said(erased, app, "owed_unanswered", names="this computer"))
            erased.relay.is_online = True
            await farewells.deliver()
            await app.until(said(erased, app, "owed_gone", names="this computer"))
            assert "Leave it there" not in app.texts()
            await app.click("All right")
            await app.until(lambda: not said(erased, app, "owed_gone", names="this computer")())
            assert "Your name" in [name for name, _ in app.named()]

    async def test_it_can_be_left_there_after_a_question(self, erased: Desk) -> None:
        async with opened(erased) as app:
            await app.until(said(erased, app, "owed_asking", names="this computer"))
            await app.click("Leave it there")
            assert said(erased, app, "owed_leave_question")()
            await app.click("Keep asking")
            assert erased.eraser.kept
            await app.click("Leave it there")
            await app.click("Leave it there")
            await app.until(lambda: not erased.eraser.kept)
            await app.until(lambda: not said(erased, app, "owed_asking", names="this computer")())

    async def test_a_service_that_says_no_is_named_until_it_was_seen(self, erased: Desk) -> None:
        erased.relay.is_online = True
        erased.relay.refuses_farewells = RelayRefused(401, "no-session")
        await erased.companion.farewells.deliver()
        async with opened(erased) as app:
            await app.until(said(erased, app, "owed_refused", names="this computer"))
            await app.click("All right")
            await app.until(lambda: not erased.eraser.kept)

    async def test_nobody_is_kept_from_beginning_anew_and_privacy_goes_on_saying_it(self, erased: Desk) -> None:
        async with opened(erased) as app:
            await app.set("Your name", "Rowan Hale")
            await app.click("GP")
            await app.click("Continue")
            await app.until(lambda: not said(erased, app, "owed_asking", names="this computer")())
        await erased.set_up()
        async with opened(erased, route="/account/privacy") as app:
            await app.until(said(erased, app, "owed_asking", names="this computer"))
