from types import SimpleNamespace

import pytest

from services.autolock import LOOK_AGAIN_MS, AutoLock, OpenWindows


class Clock:
    now = 1_000_000

    def now_ms(self) -> int:
        return self.now


class App:
    """Counts locks; `opened` has what the auto-lock looks at."""

    def __init__(self) -> None:
        self.locks = 0
        self.last_used_ms = Clock.now
        self.opened = SimpleNamespace(auto_lock_minutes=1, stories=SimpleNamespace(is_recording=False))

    async def lock(self) -> None:
        self.locks += 1
        self.opened = None


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app() -> App:
    return App()


async def turn(lock: AutoLock) -> None:
    import asyncio

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


def test_recording_is_not_cut_off(app: App, clock: Clock) -> None:
    app.opened.stories.is_recording = True
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


async def test_loading_the_page_anew_does_not_lock(app: App) -> None:
    import asyncio

    windows = OpenWindows(app, reload_s=0.05)
    windows.come("one")
    leaving = asyncio.create_task(windows.go("one"))
    await asyncio.sleep(0)
    windows.come("one")
    await leaving
    assert app.locks == 0
