"""The rules of the log that need a clock, a quota or a look inside; `tests/property` has the rest."""

import asyncio

import apsw
import pytest

from services.relay.database.sqlite import SqliteDatabase
from services.relay.database.store import UnknownDatabase
from services.relay.devices.challenges import SPENT_MS
from services.relay.hub import Hub
from services.relay.limits import DAY_MS, MINUTE_MS, Quotas
from services.relay.log.store import INVITE_MEMORY_MS
from services.relay.refusal import Refusal

CAPABILITY = b"c" * 32
DEVICE = b"d" * 16
GROUP = b"g" * 16
NOW_MS = 1_800_000_000_000 + 1_234


async def with_group(open_store, **options):
    store = await open_store(**options)
    await store.log.create_group(GROUP, CAPABILITY, DEVICE, NOW_MS)
    return store


async def test_events_are_announced_in_order_and_after_the_commit(open_store, draft, tmp_path):
    heard = []

    class Ear(Hub):
        def publish(self, group, event):
            other = apsw.Connection(str(tmp_path / "relay.db"), flags=apsw.SQLITE_OPEN_READONLY)
            committed = next(other.execute("select max(seq) from event"))[0]
            other.close()
            heard.append((event.seq, committed >= event.seq))

    store = await with_group(open_store, listener=Ear())
    await asyncio.gather(*(store.log.append(draft(GROUP)) for _ in range(50)))
    assert heard == [(seq, True) for seq in range(1, 51)]


async def test_device_may_send_so_many_a_minute_and_again_in_the_next(open_store, draft):
    store = await with_group(open_store, quotas=Quotas(events_per_minute=2))
    start = NOW_MS - NOW_MS % MINUTE_MS
    for _ in range(2):
        await store.log.append(draft(GROUP, at_ms=start + 59_000))
    with pytest.raises(Refusal) as refusal:
        await store.log.append(draft(GROUP, at_ms=start + 59_000))
    assert (refusal.value.status, refusal.value.retry_after_s) == (429, 2)
    await store.log.append(draft(GROUP, at_ms=start + 59_000, device=b"e" * 16))
    assert (await store.log.append(draft(GROUP, at_ms=start + 60_000))).seq == 4


async def test_quota_counts_through_a_restart(open_store, draft, tmp_path):
    quotas = Quotas(event_bytes_per_day=10)
    store = SqliteDatabase(tmp_path / "relay.db", quotas)
    await store.open(Hub())
    await store.log.create_group(GROUP, CAPABILITY, DEVICE, NOW_MS)
    await store.log.append(draft(GROUP, b"123456"))
    await store.close()
    store = await open_store(quotas)
    with pytest.raises(Refusal, match="429"):
        await store.log.append(draft(GROUP, b"12345"))
    assert (await store.log.append(draft(GROUP, b"1234"))).seq == 2


async def test_retry_of_a_stored_event_costs_no_quota(open_store, draft):
    store = await with_group(open_store, quotas=Quotas(events_per_minute=1))
    sent = draft(GROUP)
    first = await store.log.append(sent)
    again = await store.log.append(sent)
    assert (again.seq, again.is_new) == (first.seq, False)


async def test_group_has_a_largest_size(open_store, draft):
    store = await with_group(open_store, quotas=Quotas(group_bytes=10))
    await store.log.append(draft(GROUP, bytes(10)))
    with pytest.raises(Refusal, match="507 full"):
        await store.log.append(draft(GROUP, b"1"))


async def test_groups_and_invites_are_limited(open_store):
    store = await open_store(quotas=Quotas(groups_per_day=1, invites_per_day=1))
    await store.log.create_group(GROUP, CAPABILITY, DEVICE, NOW_MS)
    await store.log.put_invite(GROUP, b"x", NOW_MS + 1, DEVICE, NOW_MS)
    other = b"o" * 16
    for refused in (
        store.log.create_group(other, CAPABILITY, DEVICE, NOW_MS),
        store.log.put_invite(other, b"x", NOW_MS + 1, DEVICE, NOW_MS),
    ):
        with pytest.raises(Refusal, match="429"):
            await refused


async def test_known_device_with_another_key_is_refused(open_store):
    store = await open_store()
    await store.devices.open_session(DEVICE, b"k" * 32, b"t" * 32, NOW_MS + 1, NOW_MS, may_register=True)
    with pytest.raises(Refusal, match="403 wrong-key"):
        await store.devices.open_session(DEVICE, b"l" * 32, b"u" * 32, NOW_MS + 1, NOW_MS, may_register=True)


async def test_device_keeps_its_newest_eight_sessions(open_store):
    store = await open_store()
    tokens = [bytes([i]) * 32 for i in range(10)]
    for i, token in enumerate(tokens):
        await store.devices.open_session(DEVICE, b"k" * 32, token, NOW_MS + 1_000 + i, NOW_MS, may_register=True)
    open_now = [await store.devices.session(token, NOW_MS) is not None for token in tokens]
    assert open_now == [False] * 2 + [True] * 8


async def test_lost_epoch_names_the_winner(open_store, draft):
    store = await with_group(open_store)
    winner = draft(GROUP, b"winner", epoch=0)
    await store.log.append(winner)
    with pytest.raises(Refusal) as refusal:
        await store.log.append(draft(GROUP, b"loser", epoch=0))
    details = refusal.value.details
    assert (details["epoch"], details["head"], details["winner"]["cid"]) == (1, 1, winner.cid.hex())
    with pytest.raises(Refusal) as refusal:
        await store.log.append(draft(GROUP, b"from the future", epoch=7))
    assert refusal.value.details["winner"] is None


async def test_sweep_rounds_old_arrival_times_and_no_others(open_store, draft):
    store = await with_group(open_store)
    await store.log.append(draft(GROUP, at_ms=NOW_MS))
    await store.log.append(draft(GROUP, at_ms=NOW_MS + DAY_MS))
    await store.sweep(NOW_MS + DAY_MS)
    page = await store.log.read(GROUP, CAPABILITY, 0, 10)
    assert [e.at_ms for e in page.events] == [NOW_MS - NOW_MS % MINUTE_MS, NOW_MS + DAY_MS]
    await store.sweep(NOW_MS + 2 * DAY_MS)
    assert all(e.at_ms % MINUTE_MS == 0 for e in (await store.log.read(GROUP, CAPABILITY, 0, 10)).events)


async def test_sweep_drops_the_body_of_an_old_invite_and_later_the_rest(open_store, tmp_path):
    store = await open_store()
    canary = b"canary in an invite" * 20
    await store.log.put_invite(GROUP, canary, NOW_MS + 10, DEVICE, NOW_MS)
    await store.sweep(NOW_MS + 9)
    assert (await store.log.get_invite(GROUP)).body == canary
    await store.sweep(NOW_MS + 10)
    assert (await store.log.get_invite(GROUP)).body == b""
    await store.sweep(NOW_MS + 10 + INVITE_MEMORY_MS)
    assert await store.log.get_invite(GROUP) is None


async def test_sweep_ends_sessions(open_store):
    store = await open_store()
    await store.devices.open_session(DEVICE, b"k" * 32, b"t" * 32, NOW_MS + 10, NOW_MS, may_register=True)
    await store.sweep(NOW_MS + 9)
    assert await store.devices.session(b"t" * 32, NOW_MS) == (DEVICE, NOW_MS + 10)
    await store.sweep(NOW_MS + 10)
    assert await store.devices.session(b"t" * 32, NOW_MS) is None


async def test_used_nonce_is_remembered_as_long_as_it_would_serve(open_store):
    store = await open_store()
    assert await store.devices.spend(b"1", NOW_MS + SPENT_MS, NOW_MS)
    await store.sweep(NOW_MS + SPENT_MS - 1)
    assert not await store.devices.spend(b"1", NOW_MS + 2 * SPENT_MS, NOW_MS)
    await store.sweep(NOW_MS + SPENT_MS)
    assert await store.devices.spend(b"1", NOW_MS + 2 * SPENT_MS, NOW_MS)


async def test_too_many_waiting_jobs_are_refused(open_store, draft):
    store = await with_group(open_store)
    results = await asyncio.gather(*(store.log.append(draft(GROUP)) for _ in range(1_200)), return_exceptions=True)
    refused = [r for r in results if isinstance(r, Refusal)]
    assert refused
    assert {(r.status, r.retry_after_s) for r in refused} == {(503, 2)}
    page = await store.log.read(GROUP, CAPABILITY, 0, 500)
    assert page.head == 1_200 - len(refused)


async def test_newer_database_is_refused_and_left_alone(open_store, tmp_path):
    store = SqliteDatabase(tmp_path / "relay.db")
    await store.open(Hub())
    await store.close()
    connection = apsw.Connection(str(tmp_path / "relay.db"))
    connection.pragma("user_version", 99)
    connection.close()
    before = (tmp_path / "relay.db").read_bytes()
    with pytest.raises(UnknownDatabase, match="99"):
        await SqliteDatabase(tmp_path / "relay.db").open(Hub())
    assert (tmp_path / "relay.db").read_bytes() == before


async def test_incarnation_stays_the_same_from_start_to_start(tmp_path):
    seen = []
    for _ in range(2):
        store = SqliteDatabase(tmp_path / "relay.db")
        await store.open(Hub())
        seen.append(store.incarnation)
        await store.close()
    assert seen[0] == seen[1]
    assert len(seen[0]) == 32


async def test_each_commit_reaches_the_disk_and_deleted_bytes_are_overwritten(open_store):
    store = await open_store()
    pragmas = ("journal_mode", "synchronous", "secure_delete")
    assert [store._connection.pragma(name) for name in pragmas] == ["wal", 2, 1]


async def test_transaction_that_fails_is_forgotten_in_memory_too(open_store, draft):
    store = await with_group(open_store, quotas=Quotas(events_per_minute=1))
    other, made = b"e" * 16, b"m" * 16

    def mistaken(batch):
        store.log._append(batch, draft(GROUP, device=other, epoch=0, next_capability=b"n" * 32))
        batch.execute(
            "insert into grp(gid, capability, head, epoch, bytes, rounded) values(?, ?, 0, 0, 0, 0)", made, b""
        )
        assert store.log.rows.group(batch, made) is not None
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store._writer.run(mistaken)
    receipt = await store.log.append(draft(GROUP, device=other, epoch=0))
    assert (receipt.seq, receipt.is_new) == (1, True)
    authors = store._connection.execute("select a.gnum from event e join author a on a.anum = e.author")
    assert len(list(authors)) == 1
    assert await store.log.create_group(made, CAPABILITY, DEVICE, NOW_MS)
