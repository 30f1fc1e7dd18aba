"""What is owed is brought by itself, with growing pauses, and by no clock."""

import asyncio

import pytest

from companion.errors import StoreError
from companion.farewells import DEVICE
from services.farewells import FarewellTimer
from tests.fakes import Desk, soon


@pytest.fixture
async def hazel() -> Desk:
    return await Desk().set_up_with_a_group()


@pytest.fixture
def timer_of():
    timers = []

    def make(desk: Desk, first_s: float = 0.01) -> FarewellTimer:
        timers.append(FarewellTimer(desk.companion, first_s))
        timers[-1].start()
        return timers[-1]

    yield make
    for timer in timers:
        timer._task.cancel()


async def test_an_erasure_is_followed_at_once(hazel: Desk, timer_of) -> None:
    timer_of(hazel, 3_600)
    await asyncio.sleep(0.01)
    await hazel.companion.erase(DEVICE)
    await soon(lambda: hazel.relay.farewells)


async def test_it_asks_again_until_there_is_an_answer_whatever_the_clock_says(hazel: Desk, timer_of) -> None:
    hazel.relay.is_online = False
    timer_of(hazel)
    await hazel.companion.erase(DEVICE)
    await soon(lambda: hazel.companion.farewells._unanswered)
    hazel.clock.move(-86_400_000 * 365)
    hazel.relay.is_online = True
    await soon(lambda: hazel.relay.farewells)


async def test_what_was_owed_before_the_app_was_started_is_brought(hazel: Desk, timer_of) -> None:
    await hazel.companion.erase(DEVICE)
    timer_of(hazel, 3_600)
    await soon(lambda: hazel.relay.farewells)


class Hasty(FarewellTimer):
    """Notes its pauses and makes none."""

    pauses: list[float | None]

    async def _rest(self, pause_s: float | None) -> bool:
        self.pauses.append(pause_s)
        return await super()._rest(None if pause_s is None else 0)


async def test_pauses_grow_and_nothing_is_asked_where_nothing_is_owed(hazel: Desk) -> None:
    hazel.relay.is_online = False
    await hazel.companion.erase(DEVICE)
    timer = Hasty(hazel.companion)
    timer.pauses = []
    timer.start()
    await soon(lambda: len(timer.pauses) > 9)
    hazel.relay.is_online = True
    await soon(lambda: timer.pauses[-1] is None)
    await timer.stop()
    assert timer.pauses[:4] == [30, 60, 120, 240]
    assert max(pause for pause in timer.pauses if pause) == 3_600


async def test_a_full_disk_ends_nothing(hazel: Desk, timer_of, monkeypatch) -> None:
    real, fails = hazel.eraser.settle, [True]

    async def settle(*arguments: object) -> None:
        if fails:
            fails.pop()
            raise StoreError("the disk is full")
        await real(*arguments)

    monkeypatch.setattr(hazel.eraser, "settle", settle)
    await hazel.companion.erase(DEVICE)
    timer_of(hazel)
    await soon(lambda: not hazel.eraser.kept)
    assert len(hazel.relay.farewells) == 2
