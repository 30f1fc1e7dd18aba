"""What the relay keeps and what it forgets, by its store's own rules, in both databases."""

import asyncio
import secrets
from dataclasses import replace

import pytest

from services.relay.blobs.store import GOING, IDLE_MS, KEPT, WHOLE, Upload
from services.relay.database.sqlite import SqliteDatabase
from services.relay.hub import Hub
from services.relay.keep.store import Shown
from services.relay.limits import DAY_MS, HOUR_MS, Quotas
from services.relay.log.store import Draft
from services.relay.refusal import Refusal

NOW_MS = 1_800_000_000_000
GROUP, CAPABILITY, DEVICE = b"g" * 16, b"c" * 32, b"d" * 16
LATER_MS = NOW_MS + HOUR_MS + IDLE_MS
SMALL = Quotas(blob_bytes_per_day=1_000, blob_bytes_kept=600)


@pytest.fixture(params=["sqlite", "postgres"])
async def open_store(request, tmp_path):
    """Open stores on one database, like the nodes of a service. SQLite has one node only."""
    opened = []
    url = ""
    if request.param == "postgres":
        url = request.getfixturevalue("postgres").create_database(secrets.token_hex(8))

    async def make(quotas=None):
        if url:
            from services.relay.database.postgres import PostgresDatabase

            store = PostgresDatabase(url, quotas)
        else:
            store = SqliteDatabase(tmp_path / "relay.db", quotas)
        await store.open(Hub())
        opened.append(store)
        await store.log.create_group(GROUP, CAPABILITY, DEVICE, NOW_MS)
        return store

    yield make
    for store in opened:
        await store.close()


def upload(blob, size=100, at_ms=NOW_MS, device=DEVICE, sha256=b"s" * 32):
    return Upload(blob=blob, size=size, sha256=sha256, device=device, at_ms=at_ms)


def shown(**changes):
    return Shown(**{"group": GROUP, "capability_hash": CAPABILITY, "keeper": None, **changes})


def draft(body=b"x", blobs=(), at_ms=NOW_MS, cid=None):
    return Draft(
        group=GROUP,
        capability_hash=CAPABILITY,
        device=DEVICE,
        cid=cid or secrets.token_bytes(16),
        body=body,
        at_ms=at_ms,
        blobs=tuple(blobs),
    )


async def whole(store, at_ms=NOW_MS, **changes):
    blob = secrets.token_bytes(16)
    await store.blobs.reserve(upload(blob, at_ms=at_ms, **changes))
    await store.blobs.finish(blob, DEVICE)
    return blob


async def read(store, since=0):
    return (await store.log.read(GROUP, CAPABILITY, since, 500)).events


async def test_event_refers_only_to_blobs_that_are_complete(open_store):
    store = await open_store()
    there, half = await whole(store), secrets.token_bytes(16)
    await store.blobs.reserve(upload(half))
    for blobs in ([secrets.token_bytes(16)], [there, half]):
        with pytest.raises(Refusal, match="409 no-blob"):
            await store.log.append(draft(blobs=blobs))
    assert await read(store) == ()
    assert (await store.blobs.entry(there)).state == WHOLE
    await store.log.append(draft(blobs=[there]))
    assert (await store.blobs.entry(there)).state == KEPT


async def test_repeated_event_refers_once(open_store):
    store = await open_store()
    blob = await whole(store)
    same = draft(blobs=[blob])
    assert (await store.log.append(same)).is_new
    assert not (await store.log.append(same)).is_new
    assert await store.blobs.release(LATER_MS, 10) == ()


async def test_blobs_that_nothing_refers_to_go_after_a_day_and_others_stay(open_store):
    store = await open_store()
    half = secrets.token_bytes(16)
    await store.blobs.reserve(upload(half))
    idle, kept = await whole(store), await whole(store)
    await store.log.append(draft(blobs=[kept]))
    assert await store.blobs.release(NOW_MS + IDLE_MS - 1, 10) == ()
    assert set(await store.blobs.release(LATER_MS, 10)) == {idle, half}
    assert (await store.blobs.entry(idle)).state == GOING
    await store.blobs.forget([idle, half, kept])
    assert [await store.blobs.entry(blob) for blob in (idle, half)] == [None, None]
    assert (await store.blobs.entry(kept)).state == KEPT


async def test_blob_that_is_going_is_named_again_after_a_crash_and_nobody_gets_it_back(open_store):
    store = await open_store()
    blob = await whole(store)
    assert await store.blobs.release(LATER_MS, 10) == (blob,)
    assert await store.blobs.release(NOW_MS, 10) == (blob,)  # the sweep was cut off: it begins with this
    with pytest.raises(Refusal, match="409 no-blob"):
        await store.log.append(draft(blobs=[blob]))
    with pytest.raises(Refusal, match="503 busy"):
        await store.blobs.reserve(upload(blob))
    with pytest.raises(Refusal, match="404"):
        await store.blobs.finish(blob, DEVICE)
    await store.blobs.forget([blob])
    await store.blobs.reserve(upload(blob))


async def test_append_and_sweep_at_the_same_moment_never_leave_an_event_without_its_blob(open_store):
    store = await open_store(Quotas(events_per_minute=10**6))
    for _ in range(30):
        blob = await whole(store)
        sent, going = await asyncio.gather(
            store.log.append(draft(blobs=[blob], at_ms=LATER_MS)),
            store.blobs.release(LATER_MS, 10),
            return_exceptions=True,
        )
        assert (blob in going) == isinstance(sent, Refusal)
        await store.blobs.forget(going)


async def test_old_events_lose_their_bodies_and_keep_their_numbers(open_store):
    store = await open_store()
    blob = await whole(store)
    first = draft(b"old", [blob])
    await store.log.append(first)
    await store.log.append(draft(b"older", at_ms=NOW_MS + 1))
    fresh = NOW_MS + 91 * DAY_MS
    await store.log.append(draft(b"fresh", at_ms=fresh))
    before = await store.figures()
    done = await store.log.expire(fresh, 90, 0)
    assert (done.events, done.after) == (2, None)
    assert [(e.seq, e.body) for e in await read(store)] == [(1, b""), (2, b""), (3, b"fresh")]
    assert [(await read(store))[0].at_ms % DAY_MS, (await read(store))[2].at_ms] == [0, fresh]
    after = await store.figures()
    assert (before.event_bytes, after.event_bytes) == (13, 5)
    assert (before.oldest_ms, after.oldest_ms) == (NOW_MS, fresh)
    assert await store.blobs.release(fresh, 10) == (blob,)  # its last event is gone
    assert (await store.log.expire(fresh, 90, 0)).events == 0
    assert (await store.log.append(draft(b"next", at_ms=fresh))).seq == 4


async def test_late_retry_of_an_event_that_has_expired_gets_its_receipt(open_store):
    store = await open_store()
    sent = draft(b"old")
    await store.log.append(sent)
    await store.log.expire(NOW_MS + 91 * DAY_MS, 90, 0)
    again = await store.log.append(sent)
    assert (again.seq, again.is_new) == (1, False)


async def test_group_says_how_long_it_keeps(open_store):
    store = await open_store()
    await store.log.append(draft(b"x"))
    with pytest.raises(Refusal, match="404"):
        await store.keep.keep_for(shown(capability_hash=b"?" * 32), 1)
    await store.keep.keep_for(shown(), 0)
    assert (await store.log.expire(NOW_MS + 5_000 * DAY_MS, 90, 0)).events == 0
    await store.keep.keep_for(shown(), 7)
    assert (await store.log.expire(NOW_MS + 7 * DAY_MS - 1, 0, 0)).events == 0
    assert (await store.log.expire(NOW_MS + 7 * DAY_MS, 0, 0)).events == 1


async def test_long_log_expires_in_steps_and_frees_its_space(open_store):
    store = await open_store(Quotas(events_per_minute=10**6, group_bytes=2_100))
    for _ in range(7):
        await asyncio.gather(*(store.log.append(draft(b"x")) for _ in range(300)))
    with pytest.raises(Refusal, match="507 full"):
        await store.log.append(draft(b"x"))
    old = NOW_MS + 91 * DAY_MS
    steps, after = [], 0
    while after is not None:
        step = await store.log.expire(old, 90, after)
        steps.append(step.events)
        after = step.after
    assert (sum(steps), max(steps)) == (2_100, 1_000)
    assert (await store.log.append(draft(b"x", at_ms=old))).seq == 2_101


async def test_device_has_so_much_space_and_so_many_bytes_a_day(open_store):
    store = await open_store(SMALL)
    await whole(store, size=500)
    with pytest.raises(Refusal, match="507 full"):
        await store.blobs.reserve(upload(b"1" * 16, size=101))
    assert await store.blobs.entry(b"1" * 16) is None
    await store.blobs.reserve(upload(b"1" * 16, size=100))
    await store.blobs.reserve(upload(b"1" * 16, size=100))  # the same again costs nothing
    await store.blobs.reserve(upload(b"2" * 16, size=600, device=b"e" * 16))
    await store.blobs.release(LATER_MS, 10)
    same_day = NOW_MS + 1
    with pytest.raises(Refusal, match="507 full"):
        await store.blobs.reserve(upload(b"3" * 16, size=100, at_ms=same_day))
    await store.blobs.forget([b"1" * 16, b"2" * 16])


async def test_bytes_of_a_day_are_counted_even_if_their_blobs_are_gone(open_store):
    store = await open_store(SMALL)
    await whole(store, size=600)
    await store.blobs.forget(await store.blobs.release(LATER_MS, 10))
    with pytest.raises(Refusal, match="429 slow-down"):
        await store.blobs.reserve(upload(b"1" * 16, size=401))
    await store.blobs.reserve(upload(b"1" * 16, size=400))
    await store.blobs.forget([b"1" * 16])
    await store.blobs.reserve(upload(b"2" * 16, size=200, at_ms=NOW_MS + DAY_MS))


async def test_upload_belongs_to_its_device_and_its_bytes(open_store):
    store = await open_store()
    blob = b"1" * 16
    await store.blobs.reserve(upload(blob))
    for changes, code in (({"size": 99}, "other-bytes"), ({"sha256": b"t" * 32}, "other-bytes")):
        with pytest.raises(Refusal, match=f"409 {code}"):
            await store.blobs.reserve(upload(blob, **changes))
    with pytest.raises(Refusal, match="409 exists"):
        await store.blobs.reserve(upload(blob, device=b"e" * 16))
    with pytest.raises(Refusal, match="404"):
        await store.blobs.finish(blob, b"e" * 16)
    await store.blobs.finish(blob, DEVICE)
    assert (await store.blobs.reserve(upload(blob, device=b"e" * 16))).is_complete


async def test_strays_are_what_the_ledger_does_not_know(open_store):
    store = await open_store()
    known, stray = await whole(store), secrets.token_bytes(16)
    assert await store.blobs.strays([known, stray]) == (stray,)
    with pytest.raises(Refusal, match="503"):
        await store.blobs.reserve(upload(stray))
    assert await store.blobs.release(NOW_MS, 10) == (stray,)


async def test_blob_of_two_events_stays_for_the_second(open_store):
    store = await open_store()
    blob = await whole(store)
    await store.log.append(draft(b"x", [blob]))
    await store.log.append(draft(b"y", [blob], at_ms=NOW_MS + 91 * DAY_MS))
    await store.log.expire(NOW_MS + 91 * DAY_MS, 90, 0)
    await store.blobs.recount()
    assert await store.blobs.release(NOW_MS + 200 * DAY_MS, 10) == ()
    await store.log.expire(NOW_MS + 182 * DAY_MS, 90, 0)
    assert await store.blobs.release(NOW_MS + 200 * DAY_MS, 10) == (blob,)


async def test_blobs_of_a_deleted_device_go_at_once_unless_others_refer_to_them(open_store):
    store = await open_store()
    await store.devices.open_session(DEVICE, b"k" * 32, b"t" * 32, NOW_MS + 1_000, NOW_MS, may_register=True)
    mine, forwarded, unused = await whole(store), await whole(store), await whole(store)
    await store.log.append(draft(b"mine", [mine, forwarded]))
    await store.log.append(replace(draft(b"theirs", [forwarded]), device=b"e" * 16))
    await store.devices.delete_account(DEVICE, NOW_MS)
    assert set(await store.blobs.release(NOW_MS, 10)) == {mine, unused}
    assert (await store.blobs.entry(forwarded)).device == b""
