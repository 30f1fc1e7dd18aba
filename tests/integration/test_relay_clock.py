"""A service whose clock is wrong forgets nothing for it, on both databases."""

import secrets

import pytest

from companion.times import DAY_MS, HOUR_MS, MINUTE_MS, Sure
from services.relay.blobs.objects import open_objects
from services.relay.blobs.store import Upload
from services.relay.clock import ServiceClock
from services.relay.database.sqlite import SqliteDatabase
from services.relay.database.store import time_of
from services.relay.devices.store import Post
from services.relay.hub import Hub
from services.relay.log.store import Draft
from services.relay.operate.sweeper import Sweeper
from services.relay.push.store import Registration
from tests.clocks import JumpingClock

GROUP, CAPABILITY, DEVICE = b"g" * 16, b"c" * 32, b"d" * 16
START_MS = 1_800_000_000_000


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock(START_MS)


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request, tmp_path):
    if request.param == "postgres":
        from services.relay.database.postgres import PostgresDatabase

        store = PostgresDatabase(request.getfixturevalue("postgres").create_database(secrets.token_hex(8)))
    else:
        store = SqliteDatabase(tmp_path / "relay.db")
    await store.open(Hub())
    await store.log.create_group(GROUP, CAPABILITY, DEVICE, START_MS)
    yield store
    await store.close()


@pytest.fixture
def process(store, clock, tmp_path):
    """Start the service anew: its clock, and the sweep beside it."""

    def begin() -> tuple[ServiceClock, Sweeper]:
        clock.restart()
        time = ServiceClock(clock)
        return time, Sweeper(store, open_objects(None, tmp_path), time, 90)

    return begin


async def append(store, at_ms: int) -> None:
    await store.log.append(
        Draft(
            group=GROUP,
            capability_hash=CAPABILITY,
            device=DEVICE,
            cid=secrets.token_bytes(16),
            body=b"sealed",
            at_ms=at_ms,
        )
    )


async def bodies(store) -> int:
    return sum(bool(event.body) for event in (await store.log.read(GROUP, CAPABILITY, 0, 500)).events)


@pytest.mark.parametrize("was_run_before", [False, True])
async def test_a_clock_a_hundred_days_ahead_at_the_start_empties_nothing(store, clock, process, was_run_before):
    for _ in range(20):
        await append(store, START_MS)
    if was_run_before:
        await process()[1].once()
    clock.jump(100 * DAY_MS)
    _, sweeper = process()
    for _ in range(24):
        assert (await sweeper.once()).events == 0
        clock.move(HOUR_MS)
    assert await bodies(store) == 20


async def test_a_clock_that_jumps_ahead_while_it_serves_forgets_no_letter_and_no_blob(store, clock, process):
    _, sweeper = process()
    await sweeper.once()
    await store.devices.open_session(DEVICE, b"k" * 32, b"t" * 32, START_MS + HOUR_MS, START_MS, may_register=True)
    await store.devices.post(Post(device=DEVICE, cid=b"c" * 16, body=b"letter", sender=b"e" * 16, at_ms=START_MS))
    await store.devices.publish(DEVICE, (b"package",), None, START_MS)
    await store.blobs.reserve(Upload(blob=b"b" * 16, size=5, sha256=b"s" * 32, device=DEVICE, at_ms=START_MS))
    clock.move(MINUTE_MS)
    clock.jump(400 * DAY_MS)
    await sweeper.once()
    clock.jump(-400 * DAY_MS)
    assert [item.body for item in await store.devices.inbox(DEVICE, 0, 10)] == [b"letter"]
    assert await store.devices.packages_left(DEVICE) == 1
    assert await store.blobs.entry(b"b" * 16) is not None
    assert await store.devices.session(b"t" * 32, START_MS + MINUTE_MS) is not None


async def test_what_is_over_goes_when_the_time_has_passed_under_our_eyes(store, clock, process):
    await append(store, START_MS)
    _, sweeper = process()
    await sweeper.once()
    for _ in range(91):
        clock.move(DAY_MS)
        await sweeper.once()
    assert await bodies(store) == 0


async def test_after_a_hundred_days_without_service_it_is_an_eighth_of_them_late(store, clock, process):
    await append(store, START_MS)
    await process()[1].once()
    clock.move(100 * DAY_MS)
    _, sweeper = process()
    days = 0
    while await bodies(store):
        await sweeper.once()
        clock.move(DAY_MS)
        days += 1
    assert days - 1 == 12


async def test_a_clock_behind_stamps_nothing_with_a_time_that_is_long_over(store, clock, process):
    await append(store, START_MS)
    await process()[1].once()
    clock.jump(-100 * DAY_MS)
    time, sweeper = process()
    await sweeper.look()
    clock.move(MINUTE_MS)
    assert time.now_ms() == START_MS + MINUTE_MS


async def test_a_clock_set_right_by_minutes_is_followed(store, clock, process):
    time, sweeper = process()
    await sweeper.look()
    clock.jump(-10 * MINUTE_MS)
    assert time.now_ms() == START_MS - 10 * MINUTE_MS


async def test_what_was_kept_of_the_time_is_read_again(store):
    known = Sure(sure_ms=1, seen_ms=2, last_ms=3, steady_ms=4)
    assert await store.known_time() == (None, 0)
    await store.keep_time(known)
    await append(store, START_MS)
    assert await store.known_time() == (known, START_MS)


@pytest.mark.parametrize("text", ["", "x", "null", "[]", "{}", '{"sure_ms": -1}', "[" * 100_000])
def test_nonsense_in_place_of_the_time_is_nothing(text):
    assert time_of(text) is None


@pytest.mark.parametrize("what", ["awake", "next"])
async def test_a_device_is_pinged_again_after_a_clock_was_ahead(store, what):
    far_ms = START_MS + 100 * DAY_MS
    known = Registration(device=DEVICE, kind="webpush", endpoint="https://x", p256dh=b"", auth=b"", wake=b"w" * 16)
    await store.push.put(known, 100, START_MS)
    await store.push.news((), (DEVICE,), START_MS)
    if what == "awake":
        await store.push.awake((DEVICE,), far_ms, START_MS - 1)
    else:
        await store.push.take_due(START_MS, far_ms)
    assert len(await store.push.take_due(START_MS, START_MS + 1)) == 1


async def test_a_ping_of_a_time_ahead_is_not_repeated_for_ever(store):
    known = Registration(device=DEVICE, kind="webpush", endpoint="https://x", p256dh=b"", auth=b"", wake=b"w" * 16)
    await store.push.put(known, 100, START_MS)
    await store.push.news((), (DEVICE,), START_MS + 100 * DAY_MS)
    [ping] = await store.push.take_due(START_MS, START_MS + 1)
    await store.push.done(ping)
    assert await store.push.take_due(START_MS + 2, START_MS + 3) == ()
