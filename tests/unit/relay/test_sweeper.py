"""The regular forgetting: what goes at which look, by which time, and that it goes on after a bad day."""

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest

from companion.times import DAY_MS, SLACK_MS, Sure
from services.relay.blobs.objects import ObjectStore, open_objects
from services.relay.blobs.store import IDLE_MS, Upload
from services.relay.clock import ServiceClock
from services.relay.database.sqlite import SqliteDatabase
from services.relay.log.store import Expired
from services.relay.operate import sweeper as module
from services.relay.operate.sweeper import Sweeper, Swept
from services.relay.refusal import busy
from tests.clocks import JumpingClock
from tests.fakes import soon

GROUP, CAPABILITY, DEVICE = b"g" * 16, b"c" * 32, b"d" * 16
NOW_MS = 1_800_000_000_000


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock(NOW_MS)


@pytest.fixture
async def database(open_store: Callable[[], Any]) -> SqliteDatabase:
    store = await open_store()
    await store.log.create_group(GROUP, CAPABILITY, DEVICE, NOW_MS)
    return store


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    return open_objects(None, tmp_path)


@pytest.fixture
def sweeper(database: SqliteDatabase, objects: ObjectStore, clock: JumpingClock) -> Sweeper:
    return Sweeper(database, objects, ServiceClock(clock), 90)


async def certain_at(database: SqliteDatabase, ms: int) -> None:
    """An earlier process was certain of this time."""
    await database.keep_time(Sure(sure_ms=ms, seen_ms=ms, last_ms=ms, steady_ms=ms))


async def idle_blob(database: SqliteDatabase, objects: ObjectStore) -> bytes:
    """A blob of two days ago that nothing refers to."""
    blob = secrets.token_bytes(16)
    await database.blobs.reserve(
        Upload(blob=blob, size=1, sha256=b"s" * 32, device=DEVICE, at_ms=NOW_MS - IDLE_MS - DAY_MS)
    )
    await objects.put(blob, b"x")
    await database.blobs.finish(blob, DEVICE)
    return blob


def make_old(file: Path) -> None:
    os.utime(file, (1, 1))


class Steps:
    """A log that expires in steps."""

    def __init__(self, *steps: Expired) -> None:
        self._steps = list(steps)
        self.asked: list[tuple[int, int, int]] = []

    async def expire(self, at_ms: int, default_days: int, after: int) -> Expired:
        self.asked.append((at_ms, default_days, after))
        return self._steps.pop(0)


async def test_every_step_of_the_log_is_taken_and_counted(
    sweeper: Sweeper, database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await certain_at(database, NOW_MS)
    log = Steps(Expired(events=3, after=5), Expired(events=0, after=9), Expired(events=2, after=None))
    monkeypatch.setattr(database.log, "expire", log.expire)
    assert (await sweeper.once()).events == 5
    assert log.asked == [(NOW_MS, 90, 0), (NOW_MS, 90, 5), (NOW_MS, 90, 9)]


async def test_events_are_looked_for_seldom(
    sweeper: Sweeper, database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Steps()
    monkeypatch.setattr(database.log, "expire", log.expire)
    assert await sweeper.once(is_seldom=False, is_daily=False) == Swept()
    assert log.asked == []


async def test_all_blobs_that_nobody_needs_go_however_many(
    sweeper: Sweeper, database: SqliteDatabase, objects: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOBS_AT_ONCE", 2)
    blobs = [await idle_blob(database, objects) for _ in range(5)]
    assert (await sweeper.once(is_seldom=False, is_daily=False)).blobs == 5
    assert [await objects.size(blob) for blob in blobs] == [None] * 5
    assert [await database.blobs.entry(blob) for blob in blobs] == [None] * 5


async def left_over(objects: ObjectStore, tmp_path: Path) -> tuple[bytes, Path]:
    """What lies there since long: a blob that the ledger does not know, and half of a file."""
    stray = secrets.token_bytes(16)
    await objects.put(stray, b"stray")
    folder = tmp_path / "blobs" / "whole"
    half = folder / ("ab" * 16 + "#1")
    half.write_bytes(b"half")
    for file in (folder / stray.hex(), half):
        make_old(file)
    return stray, half


@pytest.mark.parametrize(
    ("ahead_ms", "is_daily", "is_looked_for"),
    [(IDLE_MS - 1, True, True), (IDLE_MS, True, False), (0, False, False)],
    ids=["certain enough", "in doubt", "today already"],
)
async def test_what_the_ledger_does_not_know_goes_daily_as_far_as_the_time_is_certain(
    sweeper: Sweeper,
    database: SqliteDatabase,
    objects: ObjectStore,
    tmp_path: Path,
    ahead_ms: int,
    is_daily: bool,
    is_looked_for: bool,
) -> None:
    stray, half = await left_over(objects, tmp_path)
    await certain_at(database, NOW_MS - ahead_ms)
    swept = await sweeper.once(is_daily=is_daily)
    assert (swept.strays, swept.blobs) == (int(is_looked_for), int(is_looked_for))
    assert (await objects.size(stray) is None, not half.exists()) == (is_looked_for, is_looked_for)


async def test_a_count_of_blobs_that_went_wrong_is_put_right_daily(
    sweeper: Sweeper, database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    async def recount() -> None:
        done.append("recounted")

    monkeypatch.setattr(database.blobs, "recount", recount)
    await sweeper.once(is_daily=False)
    assert done == []
    await sweeper.once()
    assert done == ["recounted"]


async def test_sessions_and_invites_are_swept_at_every_look_by_the_time_that_is_certain(
    sweeper: Sweeper, database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[int] = []

    async def sweep(at_ms: int) -> None:
        swept.append(at_ms)

    monkeypatch.setattr(database, "sweep", sweep)
    await certain_at(database, NOW_MS - DAY_MS)
    await sweeper.once(is_seldom=False, is_daily=False)
    assert swept == [NOW_MS - DAY_MS]


async def test_what_was_kept_of_the_time_counts_at_the_first_look_and_is_kept_seldom(
    sweeper: Sweeper, database: SqliteDatabase, clock: JumpingClock, draft: Callable[..., Any]
) -> None:
    await certain_at(database, NOW_MS - DAY_MS)
    assert await sweeper.look(keeps=False) == NOW_MS - DAY_MS
    await certain_at(database, NOW_MS - 9 * DAY_MS)  # by another node
    clock.move(1_000)
    assert await sweeper.look(keeps=False) == NOW_MS - DAY_MS + 1_000
    assert (await database.known_time())[0].sure_ms == NOW_MS - 9 * DAY_MS
    clock.move(1_000)
    certain = await sweeper.look()
    assert (await database.known_time())[0].sure_ms == certain > NOW_MS - DAY_MS + 1_000


async def test_a_service_without_a_past_begins_with_its_clock(sweeper: Sweeper) -> None:
    assert await sweeper.look() == NOW_MS


async def test_the_newest_arrival_counts_where_no_time_was_kept(
    sweeper: Sweeper, database: SqliteDatabase, draft: Callable[..., Any]
) -> None:
    await database.log.append(draft(GROUP, at_ms=NOW_MS - DAY_MS))
    assert await sweeper.look() == NOW_MS - DAY_MS


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


async def test_a_clock_that_is_ahead_is_said_once_with_by_how_much_and_when_it_is_over(
    sweeper: Sweeper, database: SqliteDatabase, clock: JumpingClock, caplog: pytest.LogCaptureFixture
) -> None:
    await certain_at(database, NOW_MS - SLACK_MS)
    await sweeper.once()
    assert warnings(caplog) == []
    clock.jump(1_000)
    for _ in range(2):
        await sweeper.once()
    assert warnings(caplog) == ["less is forgotten, as the clock is in doubt: 3601 s ahead of what is certain"]
    clock.jump(-2_000)
    await sweeper.once()
    assert warnings(caplog)[1:] == ["over: less is forgotten, as the clock is in doubt"]


# Going on by itself ------------------------------------------------------------------------------------


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(module, "OFTEN_S", 0.001)
    return monkeypatch


async def rounds(sweeper: Sweeper, count: int) -> AsyncGenerator[Any, None]:
    """Run until so many sweeps were told of."""
    told: asyncio.Queue[Any] = asyncio.Queue()
    sweeper.tell(lambda swept, figures: told.put_nowait((swept, figures)))
    running = asyncio.create_task(sweeper.run())
    try:
        async with asyncio.timeout(20):
            for _ in range(count):
                yield await told.get()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def looks(sweeper: Sweeper, count: int) -> list[tuple[bool, bool, bool]]:
    """Return for each sweep whether it was a seldom one, a daily one, and told of figures."""
    kinds: list[tuple[bool, bool]] = []
    once = sweeper.once

    async def noted(*, is_seldom: bool = True, is_daily: bool = True) -> Swept:
        kinds.append((is_seldom, is_daily))
        return await once(is_seldom=is_seldom, is_daily=is_daily)

    sweeper.once = noted  # type: ignore[method-assign]  # what it asks of itself is what is looked at
    figures = [shown is not None async for _, shown in rounds(sweeper, count)]
    return [(*kind, shown) for kind, shown in zip(kinds, figures, strict=False)]


async def test_the_first_look_is_at_everything_and_the_next_ones_are_not(
    sweeper: Sweeper, hurried: pytest.MonkeyPatch
) -> None:
    assert await looks(sweeper, 3) == [(True, True, True), (False, False, False), (False, False, False)]


async def test_what_is_seldom_and_what_is_daily_come_again_each_in_its_time(
    sweeper: Sweeper, hurried: pytest.MonkeyPatch
) -> None:
    hurried.setattr(module, "SELDOM_S", 0.0)
    assert await looks(sweeper, 3) == [(True, True, True), (True, False, True), (True, False, True)]
    hurried.setattr(module, "SELDOM_S", 1e9)
    hurried.setattr(module, "DAILY_S", 0.0)
    assert await looks(sweeper, 3) == [(True, True, True), (False, True, False), (False, True, False)]


async def test_what_is_seldom_comes_again_although_what_is_often_comes_between(
    sweeper: Sweeper, hurried: pytest.MonkeyPatch
) -> None:
    hurried.setattr(module, "SELDOM_S", 0.05)
    hurried.setattr(module, "DAILY_S", 0.05)
    seen = 0
    async with contextlib.aclosing(rounds(sweeper, 10_000)) as told:
        async for _, figures in told:
            seen += figures is not None
            if seen == 2:
                break
    assert seen == 2


async def test_between_two_sweeps_there_is_a_pause(sweeper: Sweeper) -> None:
    told = 0

    def count(swept: Swept, figures: object) -> None:
        nonlocal told
        told += 1

    sweeper.tell(count)
    running = asyncio.create_task(sweeper.run())
    await soon(lambda: told == 1)
    for _ in range(3):  # meanwhile another sweep would have been through
        await sweeper.once()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert told == 1


async def test_a_sweep_that_finds_no_room_is_said_once_and_tried_again(
    sweeper: Sweeper, database: SqliteDatabase, hurried: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sweep, left = database.sweep, [1, 2, 3]

    async def refused(at_ms: int) -> None:
        if left:
            left.pop()
            raise busy()
        await sweep(at_ms)

    hurried.setattr(database, "sweep", refused)
    [(_, figures)] = [one async for one in rounds(sweeper, 1)]
    assert figures is not None, "what failed is not counted as done"
    began, over = warnings(caplog)
    assert began == "the sweep has to wait: the database or the place for blobs takes nothing"
    assert over == "over: the sweep has to wait"


async def test_nodes_do_not_sweep_in_step() -> None:
    waits = {module._spread(100.0) for _ in range(100)}
    assert len(waits) > 90
    assert 50.0 <= min(waits) < 75.0
    assert 125.0 < max(waits) <= 150.0
