import asyncio
from types import SimpleNamespace

import pytest

from companion.errors import StoreError
from services.autolock import ANCHOR_EVERY, LOOK_AGAIN_MS, QUESTION_MS, REST_AFTER_MS, AutoLock, OpenWindows


class Clock:
    now = 1_000_000

    def monotonic_ms(self) -> int:
        return self.now


class App:
    """Counts locks; `opened` has what the auto-lock looks at."""

    def __init__(self) -> None:
        self.locks = 0
        self.last_used_ms = Clock.now
        self.opened = SimpleNamespace(auto_lock_minutes=1, is_recording=False, locks_hidden=None)
        self.has_keys = True
        self.calls: list[object] = []
        self.chores = 0
        self.fault: StoreError | None = None

    async def lock(self) -> None:
        self.locks += 1
        self.opened, self.has_keys = None, False
        if self.fault:
            raise self.fault

    async def rest(self) -> bool:
        self.calls.append("rest")
        self.chores -= 1
        return self.chores > 0

    async def remember(self, at_least: int) -> None:
        self.calls.append(at_least)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app() -> App:
    return App()


async def turn(lock: AutoLock) -> None:
    lock.start()
    for _ in range(3):
        await asyncio.sleep(0)
    await lock.stop()


async def test_unused_app_locks_after_its_minutes(app: App, clock: Clock) -> None:
    clock.now += 60_000
    await turn(AutoLock(app, clock))
    assert app.locks == 1


async def test_used_app_stays_open(app: App, clock: Clock) -> None:
    clock.now += 59_000
    await turn(AutoLock(app, clock))
    assert app.locks == 0


async def test_a_lock_that_could_not_save_does_not_end_the_auto_lock(app: App, clock: Clock) -> None:
    clock.now += 60_000
    app.fault = StoreError("the disk is full")
    lock = AutoLock(app, clock)
    lock.start()
    for _ in range(3):
        await asyncio.sleep(0)
    assert app.locks == 1
    assert lock._task is not None
    assert not lock._task.done()
    await lock.stop()


async def test_housekeeping_waits_for_a_quiet_moment_and_is_then_done_to_its_end(app: App, clock: Clock) -> None:
    app.chores = 3
    await turn(AutoLock(app, clock))
    assert app.calls == [ANCHOR_EVERY]
    clock.now += REST_AFTER_MS
    lock = AutoLock(app, clock)
    lock.start()
    for _ in range(8):
        await asyncio.sleep(0)
    await lock.stop()
    assert app.calls == [ANCHOR_EVERY, "rest", "rest", "rest"]


async def test_the_question_about_a_backup_does_not_stand_open_for_ever(app: App, clock: Clock) -> None:
    app.opened = None
    clock.now += QUESTION_MS
    await turn(AutoLock(app, clock))
    assert app.locks == 1


def test_recording_is_not_cut_off(app: App, clock: Clock) -> None:
    app.opened.is_recording = True
    clock.now += 600_000
    assert AutoLock(app, clock).left_ms() == LOOK_AGAIN_MS


async def test_last_window_that_goes_locks_the_app(app: App) -> None:
    windows = OpenWindows(app, reload_s=0.0)
    windows.come("one")
    windows.come("two")
    await windows.go("one")
    assert app.locks == 0
    await windows.go("two")
    assert app.locks == 1


async def test_a_window_that_goes_while_another_is_there_is_not_waited_for(app: App) -> None:
    windows = OpenWindows(app, reload_s=3_600.0)
    windows.come("one")
    windows.come("two")
    leaving = asyncio.create_task(windows.go("one"))
    await asyncio.sleep(0)
    assert leaving.done()


async def test_loading_the_page_anew_does_not_lock(app: App) -> None:
    windows = OpenWindows(app, reload_s=0.05)
    windows.come("one")
    leaving = asyncio.create_task(windows.go("one"))
    await asyncio.sleep(0)
    windows.come("one")
    await leaving
    assert app.locks == 0


@pytest.mark.parametrize(
    ("by_default", "chosen", "locks"),
    [(True, None, 1), (False, None, 0), (True, False, 0), (False, True, 1), (True, True, 1)],
)
async def test_out_of_sight_locks_on_a_phone_or_where_it_was_chosen(
    app: App, clock: Clock, by_default: bool, chosen: bool | None, locks: int
) -> None:
    app.opened.locks_hidden = chosen
    await AutoLock(app, clock).hidden("window", by_default=by_default)
    assert app.locks == locks


async def test_out_of_sight_the_minutes_count_all_the_same(app: App, clock: Clock) -> None:
    lock = AutoLock(app, clock)
    await lock.hidden("window", by_default=False)
    clock.now += 60_000
    await turn(lock)
    assert app.locks == 1


async def test_a_recording_out_of_sight_goes_on_and_the_lock_falls_when_it_ends(app: App, clock: Clock) -> None:
    lock = AutoLock(app, clock)
    app.opened.is_recording = True
    await lock.hidden("window", by_default=True)
    await turn(lock)
    assert app.locks == 0
    app.opened.is_recording = False
    await turn(lock)
    assert app.locks == 1


async def test_back_in_sight_before_the_recording_ends_nothing_locks(app: App, clock: Clock) -> None:
    lock = AutoLock(app, clock)
    app.opened.is_recording = True
    await lock.hidden("window", by_default=True)
    lock.shown("window")
    app.opened.is_recording = False
    await turn(lock)
    assert app.locks == 0


async def test_whoever_unlocks_in_another_window_than_the_hidden_one_stays_in(app: App, clock: Clock) -> None:
    lock, opened = AutoLock(app, clock), app.opened
    lock.shown("window")
    lock.shown("other")
    await lock.hidden("window", by_default=True)
    app.opened, app.has_keys = opened, True
    await turn(lock)
    assert app.locks == 1
    lock.gone("other")
    await turn(lock)
    assert app.locks == 2


async def test_keys_that_come_when_everybody_has_looked_away_go_again(app: App, clock: Clock) -> None:
    lock, opened = AutoLock(app, clock), app.opened
    lock.shown("window")
    app.opened, app.has_keys = None, False
    await lock.hidden("window", by_default=True)
    app.opened, app.has_keys, app.locks = opened, True, 0
    await turn(lock)
    assert app.locks == 1


@pytest.mark.parametrize(("unused_ms", "sleep_s"), [(0, 30.0), (45_000, 15.0), (59_999, 1.0), (60_000, 1.0)])
async def test_it_looks_again_when_the_lock_could_fall_but_not_all_the_time(
    app: App, clock: Clock, monkeypatch: pytest.MonkeyPatch, unused_ms: int, sleep_s: float
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", sleep)
    clock.now += unused_ms
    with pytest.raises(asyncio.CancelledError):
        await AutoLock(app, clock)._run()
    assert slept == [sleep_s]


def test_what_is_locked_is_not_locked_again(app: App, clock: Clock) -> None:
    app.opened, app.has_keys = None, False
    clock.now += 10 * QUESTION_MS
    assert AutoLock(app, clock).left_ms() == LOOK_AGAIN_MS


async def test_out_of_sight_where_that_locks_nothing_all_the_minutes_are_left(app: App, clock: Clock) -> None:
    lock = AutoLock(app, clock)
    await lock.hidden("window", by_default=False)
    assert lock.left_ms() == 60_000
    app.opened = None
    assert lock.left_ms() == QUESTION_MS


def test_before_a_window_has_come_nothing_is_out_of_sight(app: App, clock: Clock) -> None:
    app.opened.locks_hidden = True
    assert AutoLock(app, clock).left_ms() == 60_000


@pytest.mark.parametrize("how", ["shown", "gone"])
async def test_a_window_that_is_back_or_gone_says_nothing_of_another_that_is_hidden(
    app: App, clock: Clock, how: str
) -> None:
    lock = AutoLock(app, clock)
    app.opened.is_recording = True
    await lock.hidden("phone", by_default=True)
    getattr(lock, how)("phone")
    app.opened.is_recording = False
    await lock.hidden("browser", by_default=False)
    assert (app.locks, lock.left_ms()) == (0, 60_000)
