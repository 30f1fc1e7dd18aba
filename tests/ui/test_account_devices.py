"""My devices on screen: the two ends of linking, and taking a device out."""

import flet as ft
import pytest

from companion.app.groups.linking import OFFER_MS
from companion.app.own.own_space import Progress
from companion.wire import create_invite_code
from tests.fakes import PASSPHRASE, Desk, FakeClock, FakeRelay, deliver
from tests.ui.harness import HeadlessApp
from tests.ui.people import DESKTOP, PHONE, opened
from views.account.sharing import state_line


def code_on(app: HeadlessApp) -> str:
    return next(label for label in app.labels() if len(label) == 19 and label.count("-") == 3)


def pictures(app: HeadlessApp) -> list[str | None]:
    return [one.semantics_label for one in app.all(ft.Image) if isinstance(one.src, bytes)]


async def first_start(app: HeadlessApp, device: str, code: str) -> None:
    """Go through first start as somebody who uses Companion already, up to the last button."""
    await app.click("I already use Companion on another device")
    await app.set("The code from your other device", code)
    await app.set("Name of this device", device)
    await app.click("Continue")
    await app.set("Passphrase", PASSPHRASE)
    await app.set("The same passphrase again", PASSPHRASE)
    await app.click("Make it mine")


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
        assert old.window.texts("account.devices_lost") in app.texts()
        await app.click("Keep it")
        assert len(old.companion.opened.devices.devices()) == 2
        await app.click("Take Tablet out")
        await app.click("Take it out")
        await app.until(lambda: "Tablet" not in app.texts())
    assert [one.is_this for one in old.companion.opened.devices.devices()] == [True]


@pytest.mark.parametrize("has_other", [True, False])
async def test_who_makes_new_words_is_told_what_that_means_for_other_devices(has_other: bool) -> None:
    relay = FakeRelay(FakeClock())
    old, new = await Desk("Hazel Ford", relay).set_up(), await Desk("Anybody", relay).set_up(has_words=False)
    assert old.companion.opened is not None
    assert new.companion.opened is not None
    if has_other:
        code = await old.companion.opened.devices.offer()
        await new.companion.opened.devices.link(code.code, "Tablet")
        await deliver(new, old)
    async with opened(old, route="/account/words") as app:
        assert (old.window.texts("account.words_others") in app.texts()) == has_other


async def test_first_start_links_a_device_by_the_code_that_came_first_and_asks_for_no_words() -> None:
    relay = FakeRelay(FakeClock())
    old, new = await Desk("Hazel Ford", relay).set_up(), Desk("Anybody", relay)
    assert old.companion.opened is not None
    code = await old.companion.opened.devices.offer()
    async with opened(new, **PHONE) as app:
        await first_start(app, "Practice computer", code.link)
        await app.until(lambda: new.window.texts("account.devices_waiting") in app.texts())
        assert new.window.texts("account.link_ask") not in app.texts()
        await deliver(new, old)
        await app.until(lambda: new.window.texts("account.devices_linked", name="Hazel Ford") in app.texts())
        assert "Start over" not in [name for name, _ in app.named()]
        await app.resize(1280, 800)
        await app.click("Go to my journal")
    assert sorted(one.name for one in old.companion.opened.devices.devices())[-1] == "Practice computer"


async def test_first_start_asks_for_a_short_name_of_the_device_and_lets_people_turn_round() -> None:
    desk = Desk()
    async with opened(desk) as app:
        await app.click("I already use Companion on another device")
        await app.set("The code from your other device", "ABCD")
        await app.click("Continue")
        assert desk.window.texts("account.link_garbled") in app.texts()
        await app.set("The code from your other device", create_invite_code(bytes(10), "local").code)
        await app.click("Continue")
        assert "Please say what to call this device." in app.texts()
        await app.set("Name of this device", "\u00e9" * 31)
        await app.click("Continue")
        assert "Please use a shorter name." in app.texts()
        await app.click("I am new to Companion")
        assert app.by_name("Your name").value == ""


async def test_a_code_that_could_not_be_used_stays_in_its_field_with_the_reason() -> None:
    relay = FakeRelay(FakeClock())
    new = Desk("Anybody", relay)
    code = create_invite_code(bytes(10), "local")
    async with opened(new, **PHONE) as app:
        await first_start(app, "Tablet", code.code)
        await app.until(lambda: new.window.texts("account.link_over") in app.texts())
        assert app.by_name("The code from your other device").value == code.code
        assert app.by_name("What to call this device").value == "Tablet"


async def test_the_journal_is_offered_to_a_new_device_with_two_answers_of_the_same_weight() -> None:
    relay = FakeRelay(FakeClock())
    old, new = await Desk("Hazel Ford", relay).set_up(), await Desk("Anybody", relay).set_up("other")
    assert old.companion.opened is not None
    assert new.companion.opened is not None
    async with opened(old, route="/account/devices", **PHONE) as app:
        question = old.window.texts("account.share_ask")
        assert question not in app.texts()
        code = await old.companion.opened.devices.offer()
        await new.companion.opened.devices.link(code.code, "Tablet")
        await deliver(new, old)
        await app.until(lambda: question in app.texts())
        no, yes = app.by_name("Not now"), app.by_name("Share my journal")
        assert (no.style, no.height) == (yes.style, yes.height)
        await app.resize(844, 390)
        await app.until(lambda: question in app.texts())
        await app.click("Not now")
        await app.until(lambda: question not in app.texts())
        assert not old.companion.opened.own.is_on


async def test_the_switch_shares_the_journal_and_says_how_far_it_is() -> None:
    relay = FakeRelay(FakeClock())
    desk = await Desk("Hazel Ford", relay).set_up()
    assert desk.companion.opened is not None
    texts, own = desk.window.texts, desk.companion.opened.own
    async with opened(desk, route="/account/devices", **PHONE) as app:
        assert texts("account.share_off") in app.texts()
        switch = next(name for name, _ in app.named() if name.startswith(texts("account.share")))
        await app.click(switch)
        await app.until(lambda: own.is_on)
        await app.until(lambda: any(said.startswith("It is on. No connection") for said in app.texts()))
        await deliver(desk)
        desk.window.companion._tell(frozenset({"sync"}))
        await app.until(lambda: texts("account.share_alone") in app.texts())
        await app.click(switch)
        await app.until(lambda: texts("account.share_off") in app.texts())
    assert not own.is_on


@pytest.mark.parametrize(
    ("progress", "said"),
    [
        (Progress(), "It is off."),
        (Progress(is_on=True, is_offline=True), "It is on. No connection: what is new waits here."),
        (Progress(is_on=True, waiting=7, is_offline=True), "It is on. No connection: 7 changes wait here."),
        (Progress(is_on=True, waiting=1), "It is on. One change is on its way."),
        (Progress(is_on=True, waiting=2_000), "It is on. 2,000 changes are on their way."),
        (Progress(is_on=True, waiting=3, past=1_500), "It is on. What was written earlier is still coming: 1,500 to"),
        (Progress(is_on=True), "It is on. All from here is at the sync service, sealed."),
        (Progress(is_on=True, is_forked=True, waiting=1), "It is on. The sync service shows your devices different"),
    ],
)
def test_what_is_said_of_sharing_is_true_of_how_far_it_is(progress: Progress, said: str) -> None:
    assert state_line(Desk().window.texts, progress, has_others=True).startswith(said)


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
