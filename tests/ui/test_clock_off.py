"""A clock that is off is said, with by how much, and only as long as it is."""

import pytest

from companion.times import DAY_MS, HOUR_MS, MINUTE_MS
from tests.clocks import OwnDesk
from tests.fakes import deliver
from tests.ui.people import opened


@pytest.mark.parametrize(
    ("off_ms", "key", "amount"),
    [
        (15 * MINUTE_MS, "clock_ahead", "15 minutes"),
        (-65 * MINUTE_MS, "clock_behind", "65 minutes"),
        (3 * HOUR_MS, "clock_ahead", "3 hours"),
        (-100 * DAY_MS, "clock_behind", "100 days"),
    ],
)
async def test_a_clock_that_is_off_is_said_with_by_how_much(off_ms: int, key: str, amount: str) -> None:
    desk = OwnDesk()
    desk.network.default_service = "https://sync.example"
    await desk.set_up()
    await desk.companion.opened.groups.create("Leads", "pine")
    await deliver(desk)
    said = desk.window.texts(f"errors.{key}", amount=amount)
    async with opened(desk) as app:
        assert said not in app.texts()
        desk.clock.jump(off_ms)
        desk.companion._tell(frozenset({"sync"}))
        await app.until(lambda: said in app.texts())
        desk.clock.jump(-off_ms)
        desk.companion._tell(frozenset({"sync"}))
        await app.until(lambda: said not in app.texts())


@pytest.mark.parametrize("service", ["local", "https://sync.example"])
async def test_a_minute_is_nothing_and_the_own_service_says_nothing(service: str) -> None:
    desk = OwnDesk()
    desk.network.default_service = service
    await desk.set_up()
    await desk.companion.opened.groups.create("Leads", "pine")
    await deliver(desk)
    desk.clock.jump(MINUTE_MS if service != "local" else DAY_MS)
    assert desk.companion.opened.groups.clock_ahead_ms() == 0


async def test_one_lying_service_of_two_is_not_believed() -> None:
    desk = OwnDesk()
    desk.network.default_service = "https://sync.example"
    await desk.set_up()
    await desk.companion.opened.groups.create("Leads", "pine")
    desk.network.default_service = "https://other.example"
    await desk.companion.opened.groups.create("Others", "sky")
    await deliver(desk)
    desk.companion.opened._context.told.hear("https://other.example", desk.clock.now_ms() + DAY_MS)
    assert desk.companion.opened.groups.clock_ahead_ms() == 0


async def test_what_the_service_no_longer_has_is_said_in_the_conversation() -> None:
    from companion.groups import line
    from views.groups.lines import happened_words

    desk = await OwnDesk().set_up()
    group = await desk.companion.opened.groups.create("Leads", "pine")
    made = line(group, "emptied", "", desk.companion.opened.me, id="ab" * 16, seq=1, at_ms=1)
    assert happened_words(desk.window.texts, made) == desk.window.texts("groups.emptied_now_line")
