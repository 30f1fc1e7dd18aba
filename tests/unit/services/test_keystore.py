"""The keystore keeps to this device, and says so truthfully where there is none."""

from collections.abc import AsyncIterator
from typing import Any

import flet_secure_storage as fss
import pytest

from companion.errors import KeystoreUnavailable
from services import keystore as module
from services.keystore import FletKeystore
from tests.ui.harness import HeadlessApp


class Plugin:
    """The client's side: a dict, and what it was asked."""

    def __init__(self, app: HeadlessApp) -> None:
        self.held: dict[str, str] = {}
        replies = app.connection.replies
        replies["set"] = lambda args: self.held.update({args["key"]: args["value"]})
        replies["get"] = lambda args: self.held.get(args["key"])
        replies["remove"] = lambda args: self.held.pop(args["key"], None) and None


@pytest.fixture
async def phone() -> AsyncIterator[tuple[FletKeystore, HeadlessApp]]:
    keystore = FletKeystore("me")
    async with HeadlessApp(keystore.attach, platform="android") as app:
        yield keystore, app


async def test_what_is_saved_can_be_loaded_and_removed_under_a_name_of_the_profile(
    phone: tuple[FletKeystore, HeadlessApp],
) -> None:
    keystore, app = phone
    plugin = Plugin(app)
    assert await keystore.is_here()
    assert plugin.held == {}, "the probe leaves nothing behind"
    await keystore.save("anchor", "5a:7")
    assert plugin.held == {"companion.me.anchor": "5a:7"}
    assert await keystore.load("anchor") == "5a:7"
    await keystore.remove("anchor")
    assert await keystore.load("anchor") is None


async def test_nothing_leaves_the_device_and_no_error_erases_it(phone: tuple[FletKeystore, HeadlessApp]) -> None:
    keystore, _ = phone
    storage = keystore._storage
    assert storage is not None
    assert storage.android_options.reset_on_error is False
    for options in (storage.ios_options, storage.macos_options):
        assert options.accessibility == fss.KeychainAccessibility.UNLOCKED_THIS_DEVICE
        assert options.synchronizable is False


async def test_a_keystore_that_forgets_is_none(phone: tuple[FletKeystore, HeadlessApp]) -> None:
    keystore, app = phone
    Plugin(app)
    app.connection.replies["get"] = lambda args: None
    assert not await keystore.is_here()


async def test_a_client_that_does_not_answer_is_none(
    phone: tuple[FletKeystore, HeadlessApp], monkeypatch: pytest.MonkeyPatch
) -> None:
    keystore, app = phone
    monkeypatch.setattr(module, "CLIENT_TIMEOUT_S", 0.01)
    monkeypatch.setattr(app.connection, "_answer", lambda call, session: None)
    assert not await keystore.is_here()
    with pytest.raises(KeystoreUnavailable) as caught:
        await keystore.save("anchor", "secret value")
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_browser_has_none() -> None:
    keystore = FletKeystore("me")
    async with HeadlessApp(keystore.attach, web=True, platform="linux") as app:
        Plugin(app)
        assert not await keystore.is_here()
        assert not await keystore.can_ask()
        assert not await keystore.ask("reason")
        with pytest.raises(KeystoreUnavailable):
            await keystore.save("anchor", "5a:7")


async def test_a_linux_desktop_has_a_keystore_and_no_device_check() -> None:
    keystore = FletKeystore("me")
    async with HeadlessApp(keystore.attach, platform="linux") as app:
        Plugin(app)
        assert await keystore.is_here()
        assert not await keystore.can_ask()


async def test_the_device_is_never_asked_for_a_face_or_finger_alone(phone: tuple[FletKeystore, HeadlessApp]) -> None:
    keystore, app = phone
    asked: list[Any] = []

    def authenticate(args: Any) -> bool:
        asked.append(args)
        return True

    app.connection.replies |= {"is_device_supported": True, "authenticate": authenticate}
    assert await keystore.can_ask()
    assert await keystore.ask("Open your journal")
    assert asked[0]["reason"] == "Open your journal"
    assert asked[0]["biometric_only"] is False


async def test_a_refusal_of_the_device_is_a_no(phone: tuple[FletKeystore, HeadlessApp]) -> None:
    keystore, app = phone
    app.connection.replies["authenticate"] = {"error_code": "userCanceled", "error_description": "x"}
    assert not await keystore.ask("reason")


async def test_before_any_window_there_is_none() -> None:
    assert not await FletKeystore("me").is_here()
