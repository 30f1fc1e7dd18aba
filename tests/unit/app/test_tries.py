"""Wrong keys in a row: what is counted, what is written down, and how long to wait."""

import pytest

from companion.app.tries import Tries
from companion.errors import StoreError, WrongKey
from companion.unlocking import Attempts
from tests.clocks import JumpingClock
from tests.fakes import FakeTries


class Counter(FakeTries):
    """Notes each save; the disk may take none."""

    def __init__(self) -> None:
        super().__init__()
        self.saves: list[int] = []
        self.fault: Exception | None = None

    async def save(self, attempts: Attempts) -> None:
        if self.fault is not None:
            raise self.fault
        self.saves.append(attempts.wrong)
        await super().save(attempts)


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock()


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def tries(counter: Counter, clock: JumpingClock) -> Tries:
    return Tries(counter, clock)


async def fail(tries: Tries, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(WrongKey):
            async with tries.one():
                raise WrongKey("no")


async def succeed(tries: Tries) -> None:
    async with tries.one():
        pass


async def test_each_wrong_try_is_written_down_and_a_right_one_forgets_them(tries: Tries, counter: Counter) -> None:
    await fail(tries, 2)
    await succeed(tries)
    assert counter.saves == [1, 2, 0]
    await succeed(tries)
    assert counter.saves == [1, 2, 0]


async def test_who_comes_too_soon_is_not_looked_at_and_not_counted(tries: Tries, clock: JumpingClock) -> None:
    await fail(tries, 3)
    assert await tries.so_far() == (3, 2_000)
    with pytest.raises(WrongKey, match="too soon"):
        await succeed(tries)
    clock.move(1_999)
    with pytest.raises(WrongKey, match="too soon"):
        await succeed(tries)
    assert await tries.so_far() == (3, 1)
    clock.move(1)
    await succeed(tries)
    assert await tries.so_far() == (0, 0)


async def test_each_wrong_try_begins_a_wait_of_its_own(tries: Tries, clock: JumpingClock) -> None:
    await fail(tries, 3)
    clock.move(2_000)
    clock.jump(-60_000)
    await fail(tries)
    assert await tries.so_far() == (4, 4_000)


async def test_setting_the_clock_back_to_the_last_try_spares_nobody_the_next_wait(
    counter: Counter, clock: JumpingClock
) -> None:
    counter.attempts = Attempts(wrong=20, last_ms=clock.ms - 300_000)
    tries = Tries(counter, clock)
    await fail(tries)
    clock.move(300_000)
    clock.jump(-300_000)
    await fail(tries)
    assert await tries.so_far() == (22, 300_000)


@pytest.mark.parametrize("jump_ms", [-3_600_000, 3_600_000])
async def test_the_wait_goes_on_by_the_stopwatch_from_the_wrong_try(
    tries: Tries, clock: JumpingClock, jump_ms: int
) -> None:
    await fail(tries, 3)
    clock.jump(jump_ms)
    clock.move(500)
    assert await tries.so_far() == (3, 1_500)


@pytest.mark.parametrize("fault", [StoreError("the disk is full"), OSError("no room")])
async def test_a_disk_that_takes_nothing_neither_lets_off_nor_keeps_out(
    tries: Tries, counter: Counter, clock: JumpingClock, fault: Exception
) -> None:
    counter.fault = fault
    await fail(tries, 3)
    assert await tries.so_far() == (3, 2_000)
    clock.move(2_000)
    await succeed(tries)
    assert await tries.so_far() == (0, 0)
    counter.fault = None
    await fail(tries)
    assert counter.saves == [1]


async def test_a_try_that_lies_ahead_at_the_start_was_now_and_is_written_down_so(
    counter: Counter, clock: JumpingClock
) -> None:
    counter.attempts = Attempts(wrong=3, last_ms=clock.ms + 86_400_000)
    assert await Tries(counter, clock).so_far() == (3, 2_000)
    assert (counter.saves, counter.attempts.last_ms) == ([3], clock.ms)


async def test_a_try_of_a_moment_ago_is_left_as_it_was(counter: Counter, clock: JumpingClock) -> None:
    counter.attempts = Attempts(wrong=3, last_ms=clock.ms)
    assert await Tries(counter, clock).so_far() == (3, 2_000)
    counter.attempts = Attempts(wrong=3, last_ms=clock.ms - 1_500)
    assert await Tries(counter, clock).so_far() == (3, 500)
    assert counter.saves == []
