"""My devices on screen: the two ends of linking, and taking a device out."""

import flet as ft

from companion.app.groups.linking import OFFER_MS
from tests.fakes import PASSPHRASE, Desk, FakeClock, FakeRelay, deliver
from tests.ui.harness import HeadlessApp
from tests.ui.people import DESKTOP, PHONE, opened


def code_on(app: HeadlessApp) -> str:
    return next(label for label in app.labels() if len(label) == 19 and label.count("-") == 3)


def pictures(app: HeadlessApp) -> list[str | None]:
    return [one.semantics_label for one in app.all(ft.Image) if isinstance(one.src, bytes)]


async def first_start(app: HeadlessApp, device: str) -> None:
    """Go through first start as somebody who uses Companion already, up to the last button."""
    await app.click("I already use Companion on another device")
    await app.set("Name of this device", device)
    await app.click("Continue")
    await app.set("Passphrase", PASSPHRASE)
    await app.set("The same passphrase again", PASSPHRASE)
    await app.click("Continue")
    texts = app.texts()
    sheet = {n: texts[i + 1] for i, n in enumerate(texts) if n.isdigit()}
    await app.click("I have written them down")
    for name in [name for name, _ in app.named() if name.startswith("Word ")]:
        await app.set(name, sheet[name.removeprefix("Word ")])
    await app.click("Go on to the code")


async def test_a_new_device_becomes_mine_by_a_code() -> None:
    relay = FakeRelay(FakeClock())
    old, new = await Desk("Hazel Ford", relay).set_up(), await Desk("Anybody", relay).set_up("other")
    async with opened(old, route="/account/devices", **PHONE) as app:
        await app.click("Show a code")
        await app.until(lambda: any(label.count("-") == 3 for label in app.labels()))
        code = code_on(app)
        assert old.window.texts("account.devices_picture") in pictures(app)
    async with opened(new, route="/account/devices", **DESKTOP) as app:
        await app.set("The code from your other device", code)
        await app.set("What to call this device", "Practice computer")
        await app.click("Make it mine")
        await app.until(lambda: new.window.texts("account.devices_waiting") in app.texts())
        await deliver(new, old)
        await app.until(lambda: "Practice computer" in app.texts())
        assert new.window.texts("account.devices_waiting") not in app.texts()
        assert new.window.texts("account.devices_linked", name="Hazel Ford") in app.texts()
        assert "Make it mine" not in [name for name, _ in app.named()]
    assert new.companion.opened is not None
    assert new.companion.opened.me.name == "Hazel Ford"


async def test_a_wrong_code_says_so() -> None:
    desk = await Desk().set_up()
    async with opened(desk, route="/account/devices") as app:
        await app.set("The code from your other device", "ABCD-EFGH")
        await app.click("Make it mine")
        await app.until(lambda: desk.window.texts("account.link_garbled") in app.texts())


async def test_a_device_is_taken_out_in_two_steps() -> None:
    relay = FakeRelay(FakeClock())
    old, new = await Desk("Hazel Ford", relay).set_up(), await Desk("Anybody", relay).set_up("other")
    assert old.companion.opened is not None
    assert new.companion.opened is not None
    code = await old.companion.opened.devices.offer()
    await new.companion.opened.devices.link(code.code, "Tablet")
    await deliver(new, old)
    async with opened(old, route="/account/devices") as app:
        await app.click("Take Tablet out")
        await app.click("Keep it")
        assert len(old.companion.opened.devices.devices()) == 2
        await app.click("Take Tablet out")
        await app.click("Take it out")
        await app.until(lambda: "Tablet" not in app.texts())
    assert [one.is_this for one in old.companion.opened.devices.devices()] == [True]


async def test_first_start_leads_somebody_with_another_device_to_the_code() -> None:
    relay = FakeRelay(FakeClock())
    old, new = await Desk("Hazel Ford", relay).set_up(), Desk("Anybody", relay)
    assert old.companion.opened is not None
    code = await old.companion.opened.devices.offer()
    async with opened(new, **PHONE) as app:
        await first_start(app, "Practice computer")
        await app.until(lambda: new.window.texts("account.link_ask") in app.texts())
        assert app.by_name("What to call this device").value == "Practice computer"
        await app.set("The code from your other device", code.link)
        await app.click("Make it mine")
        await app.until(lambda: new.window.texts("account.devices_waiting") in app.texts())
        await deliver(new, old)
        await app.until(lambda: new.window.texts("account.devices_linked", name="Hazel Ford") in app.texts())
        assert "Start over" not in [name for name, _ in app.named()]
    assert sorted(one.name for one in old.companion.opened.devices.devices())[-1] == "Practice computer"


async def test_first_start_asks_for_a_short_name_of_the_device_and_lets_people_turn_round() -> None:
    desk = Desk()
    async with opened(desk) as app:
        await app.click("I already use Companion on another device")
        await app.click("Continue")
        assert "Please say what to call this device." in app.texts()
        await app.set("Name of this device", "\u00e9" * 31)
        await app.click("Continue")
        assert "Please use a shorter name." in app.texts()
        await app.click("I am new to Companion")
        assert app.by_name("Your name").value == ""


async def test_a_code_that_ran_out_while_waiting_is_followed_by_another() -> None:
    relay = FakeRelay(FakeClock())
    old, new = await Desk("Hazel Ford", relay).set_up(), await Desk("Anybody", relay).set_up("other")
    assert old.companion.opened is not None
    late = await old.companion.opened.devices.offer()
    async with opened(new, route="/account/devices/link") as app:
        await app.set("The code from your other device", late.code)
        await app.click("Make it mine")
        await app.until(lambda: new.window.texts("account.devices_waiting") in app.texts())
        relay.clock.move(OFFER_MS)
        await deliver(new, old)
        assert len(old.companion.opened.devices.devices()) == 1
        await app.click("Use another code")
        await app.set("The code from your other device", late.code)
        await app.click("Make it mine")
        await app.until(lambda: new.window.texts("account.link_over") in app.texts())
        fresh = await old.companion.opened.devices.offer()
        await app.set("The code from your other device", fresh.code)
        await app.set("What to call this device", "Tablet")
        await app.click("Make it mine")
        await deliver(new, old)
        await app.until(lambda: new.window.texts("account.devices_linked", name="Hazel Ford") in app.texts())
    assert new.companion.opened is not None
    assert not await new.companion.opened.devices.is_linking()
