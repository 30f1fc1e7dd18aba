"""My devices on screen: the two ends of linking, and taking a device out."""

from tests.fakes import Desk, FakeClock, FakeRelay, deliver
from tests.ui.harness import HeadlessApp
from tests.ui.people import DESKTOP, PHONE, opened


def code_on(app: HeadlessApp) -> str:
    return next(label for label in app.labels() if len(label) == 19 and label.count("-") == 3)


async def test_a_new_device_becomes_mine_by_a_code() -> None:
    relay = FakeRelay(FakeClock())
    old, new = await Desk("Hazel Ford", relay).set_up(), await Desk("Anybody", relay).set_up("other")
    async with opened(old, route="/account/devices", **PHONE) as app:
        await app.click("Show a code")
        await app.until(lambda: any(label.count("-") == 3 for label in app.labels()))
        code = code_on(app)
    async with opened(new, route="/account/devices", **DESKTOP) as app:
        await app.set("The code from your other device", code)
        await app.set("What to call this device", "Practice computer")
        await app.click("Make it mine")
        await app.until(lambda: new.window.texts("account.devices_waiting") in app.texts())
        await deliver(new, old)
        await app.until(lambda: "Practice computer" in app.texts())
        assert new.window.texts("account.devices_waiting") not in app.texts()
    assert new.companion.opened is not None
    assert new.companion.opened.me.name == "Hazel Ford"


async def test_a_wrong_code_says_so() -> None:
    desk = await Desk().set_up()
    async with opened(desk, route="/account/devices") as app:
        await app.set("The code from your other device", "ABCD-EFGH")
        await app.click("Make it mine")
        await app.until(lambda: desk.window.texts("errors.InviteGarbled") in app.texts())


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
