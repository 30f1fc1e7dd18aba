"""Logs with a keeper, and erasing, by the stores' own rules: on both databases, also from one of version 1."""

import secrets
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from companion.wire import format_notice
from services.relay.blobs.store import IDLE_MS, Upload
from services.relay.database.sqlite import SqliteDatabase
from services.relay.hub import Hub
from services.relay.keep.store import Erasure, Shown
from services.relay.limits import DAY_MS, Quotas
from services.relay.log.store import ORPHAN_MS, Draft, Limits, author_name
from services.relay.operate import holding
from services.relay.refusal import Refusal
from services.sync.protocol import erase_hash
from tests.integration.relay_operator import operate, run_sql

NOW_MS = 1_800_000_000_000
ALICE, BOB, CAROL = (bytes([n]) * 16 for n in (0xA1, 0xB2, 0xC3))
GROUP, OTHER, CAPABILITY, KEEPER, SECRET = b"g" * 16, b"o" * 16, b"c" * 32, b"k" * 32, b"s" * 32
DATA = Path(__file__).parents[1] / "data"
OLD = {"group": b"g" * 16, "first": b"1" * 32, "second": b"2" * 32}


async def register(store, *devices, at_ms=NOW_MS):
    for device in devices:
        await store.devices.open_session(device, b"key" + device, device * 2, at_ms + 1, at_ms, may_register=True)


async def with_log(store, group=GROUP, **changes):
    await store.log.create_group(group, CAPABILITY, ALICE, NOW_MS, **{"keeper": KEEPER, **changes})


def draft(device, body=b"said", **changes):
    values = {"group": GROUP, "capability_hash": CAPABILITY, "device": device, "at_ms": NOW_MS, "body": body}
    return Draft(**{"cid": secrets.token_bytes(16), **values, **changes})


def shown(group=GROUP, capability=CAPABILITY, keeper=KEEPER):
    return Shown(group=group, capability_hash=capability, keeper=keeper)


def erasure(secret=SECRET, capability=None, device=BOB):
    return Erasure(group=GROUP, secret=secret, capability_hash=capability, device=device, at_ms=NOW_MS)


async def bodies(store, group=GROUP, capability=CAPABILITY):
    return [event.body for event in (await store.log.read(group, capability, 0, 500)).events]


async def code_of(work):
    with pytest.raises(Refusal) as refusal:
        await work
    return refusal.value.status, refusal.value.code


async def dump(store):
    """Return every row of every table, by the table's name."""
    if isinstance(store, SqliteDatabase):
        names = [row[0] for row in store._connection.execute("select name from sqlite_master where type = 'table'")]
        return {name: list(store._connection.execute(f"select * from {name}")) for name in names}  # noqa: S608
    rows = await store._pool.fetch("select tablename from pg_tables where schemaname = current_schema()")
    return {row[0]: [tuple(r) for r in await store._pool.fetch(f"select * from {row[0]}")] for row in rows}  # noqa: S608


async def test_database_names_no_appender_beside_a_log_with_a_keeper(make_store):
    store = await make_store()
    await register(store, ALICE, BOB, CAROL)
    await with_log(store)
    for device in (ALICE, BOB, CAROL):
        await store.log.append(draft(device, erase=b"e" * 32))
    await store.sweep(NOW_MS)
    tables = await dump(store)
    assert len(tables["event"]) == 3
    for device in (ALICE, BOB, CAROL):
        named = {name for name, rows in tables.items() if any(device in row for row in rows)}
        assert named <= {"device", "session", "meter", "newcomer"}  # which tell of no group
        everything = repr(tables)
        assert repr(author_name(GROUP, device))[2:-1] not in everything
    assert not any(GROUP in row for name in ("device", "session", "meter", "newcomer") for row in tables[name])


async def test_revoked_device_and_closed_account_empty_nothing_and_the_log_stays(make_store):
    store = await make_store()
    await register(store, ALICE, BOB)
    await with_log(store)
    await store.devices.join_account(BOB, b"account" * 4 + b"1234")
    await store.log.append(draft(ALICE, b"from alice"))
    await store.log.append(draft(BOB, b"from bob"))
    await store.devices.delete(ALICE, ALICE, NOW_MS)
    await store.devices.delete_account(BOB, NOW_MS)
    for at_ms in (NOW_MS, NOW_MS + ORPHAN_MS + DAY_MS):
        await store.sweep(at_ms)
    assert await bodies(store) == [b"from alice", b"from bob"]
    assert await code_of(store.log.append(draft(ALICE))) == (401, "no-session")


async def test_turn_puts_the_next_capability_and_keeper_in_force_and_the_former_out(make_store):
    store = await make_store()
    await register(store, ALICE)
    await with_log(store)
    turn = draft(ALICE, epoch=0, keeper=KEEPER, next_capability=b"m" * 32, next_keeper=b"n" * 32)
    await store.log.append(turn)
    assert (await store.log.append(turn)).is_new is False
    following = {"next_capability": b"p" * 32, "next_keeper": b"q" * 32}
    by_the_former = draft(ALICE, capability_hash=b"m" * 32, epoch=1, keeper=KEEPER, **following)
    assert await code_of(store.log.append(by_the_former)) == (403, "keeper")
    assert (await store.log.append(replace(by_the_former, keeper=b"n" * 32))).seq == 2


async def test_what_all_logs_with_limits_take_is_counted_together_for_a_day(make_store):
    store, free = await make_store(), b"f" * 16
    await register(store, ALICE)
    await with_log(store, limits=Limits(events=9, bytes=0, first=0))
    await with_log(store, OTHER, limits=Limits(events=3, bytes=0, first=0))
    await with_log(store, free, limits=Limits(events=0, bytes=0, first=0))
    await store.log.create_group(b"p" * 16, CAPABILITY, ALICE, NOW_MS)
    for _ in range(3):
        await store.log.append(draft(ALICE, group=b"p" * 16))  # a group without a keeper does not count
        await store.log.append(draft(ALICE, group=free))  # nor does a log without limits, such as an own space's
    for _ in range(2):
        await store.log.append(draft(ALICE))
    await store.log.append(draft(ALICE, group=OTHER))
    assert await code_of(store.log.append(draft(ALICE, group=OTHER))) == (429, "slow-down")
    await store.log.append(draft(ALICE, group=free))
    await store.log.append(draft(BOB, group=OTHER))
    await store.log.append(draft(ALICE, group=OTHER, at_ms=NOW_MS + DAY_MS))


async def test_bytes_are_limited_too(make_store):
    store = await make_store()
    await register(store, ALICE)
    await with_log(store, limits=Limits(events=0, bytes=10, first=0))
    await store.log.append(draft(ALICE, bytes(6)))
    assert await code_of(store.log.append(draft(ALICE, bytes(5)))) == (429, "slow-down")
    await store.log.append(draft(ALICE, bytes(4)))


async def test_first_day_of_a_device_has_a_limit_of_its_own(make_store):
    store = await make_store()
    await register(store, ALICE, BOB)
    await with_log(store, limits=Limits(events=4, bytes=0, first=1))
    await store.log.append(draft(ALICE))
    assert await code_of(store.log.append(draft(ALICE))) == (429, "slow-down")
    later_ms = NOW_MS + 2 * DAY_MS
    await store.sweep(later_ms)
    for _ in range(4):
        await store.log.append(draft(ALICE, at_ms=later_ms))
    assert await code_of(store.log.append(draft(ALICE, at_ms=later_ms))) == (429, "slow-down")


async def test_log_that_names_no_limits_has_the_usual_ones(make_store):
    store = await make_store()
    await register(store, ALICE)
    await with_log(store)
    for _ in range(30):
        await store.log.append(draft(ALICE))
    assert await code_of(store.log.append(draft(ALICE))) == (429, "slow-down")


async def test_envelope_that_was_erased_is_refused_when_it_is_offered_again_and_one_that_expired_is_not(make_store):
    store = await make_store()
    await register(store, ALICE, BOB)
    await with_log(store)
    mine = [draft(ALICE, b"mine", erase=erase_hash(secret)) for secret in (SECRET, b"other" + SECRET)]
    for item in mine:
        await store.log.append(item)
    await store.keep.erase(erasure())
    await store.log.expire(NOW_MS + 91 * DAY_MS, 90, 0)
    assert await code_of(store.log.append(mine[0])) == (410, "erased")
    assert (await store.log.append(mine[1])).seq == 2


async def test_notices_outlast_what_a_log_keeps_and_the_keeper(make_store):
    store = await make_store()
    await register(store, ALICE, BOB)
    await with_log(store)
    await store.log.append(draft(ALICE, b"mine", erase=erase_hash(SECRET)))
    await store.keep.erase(erasure())
    await store.keep.empty(shown(), (1, 2))
    assert (await store.log.expire(NOW_MS + 91 * DAY_MS, 90, 0)).after is None
    assert await bodies(store) == [b"", format_notice(SECRET)]


async def test_what_expired_can_still_be_erased_so_that_readers_hear_of_it(make_store):
    store = await make_store()
    await register(store, ALICE, BOB)
    await with_log(store)
    await store.log.append(draft(ALICE, b"mine", erase=erase_hash(SECRET)))
    await store.log.expire(NOW_MS + 91 * DAY_MS, 90, 0)
    await store.keep.erase(erasure())
    assert await bodies(store) == [b"", format_notice(SECRET)]


@pytest.mark.parametrize("way", ["erase", "empty", "drop"])
async def test_blobs_and_bytes_go_with_the_bodies(make_store, way):
    store = await make_store(Quotas(group_bytes=100))
    await register(store, ALICE, BOB)
    await with_log(store)
    blob = b"b" * 16
    upload = Upload(blob=blob, size=9, sha256=b"h" * 32, device=ALICE, at_ms=NOW_MS)
    await store.blobs.reserve(upload)
    await store.blobs.finish(blob, ALICE)
    await store.log.append(draft(ALICE, bytes(90), erase=erase_hash(SECRET), blobs=(blob,)))
    assert await code_of(store.log.append(draft(ALICE, bytes(60)))) == (507, "full")
    assert await store.blobs.release(NOW_MS + 2 * IDLE_MS, 9) == ()
    match way:
        case "erase":
            await store.keep.erase(erasure())
        case "empty":
            await store.keep.empty(shown(), (1,))
        case "drop":
            await store.keep.drop(shown())
            await with_log(store)
    assert await store.blobs.release(NOW_MS + 2 * IDLE_MS, 9) == (blob,)
    await store.log.append(draft(ALICE, bytes(60)))


@pytest.mark.parametrize("way", ["erase", "empty", "drop"])
async def test_node_forgets_what_it_holds_in_memory_of_bodies_that_go(make_store, way):
    store = await make_store()
    await register(store, ALICE, BOB)
    await with_log(store)
    hub = store._writer._listener if isinstance(store, SqliteDatabase) else store._listener
    reader = hub.join([GROUP])
    await store.log.append(draft(ALICE, erase=erase_hash(SECRET)))
    assert hub.after(GROUP, 0, CAPABILITY) is not None
    calls = {"erase": (erasure(),), "empty": (shown(), (1,)), "drop": (shown(),)}
    await getattr(store.keep, way)(*calls[way])
    assert hub.after(GROUP, 0, CAPABILITY) is None
    hub.leave(reader)


async def test_dropped_log_leaves_no_row(make_store):
    store = await make_store()
    await register(store, ALICE, BOB)
    await with_log(store)
    following = {"keeper": KEEPER, "next_keeper": b"n" * 32, "next_capability": b"m" * 32}
    await store.log.append(draft(ALICE, epoch=0, **following))
    await store.log.append(draft(ALICE, capability_hash=b"m" * 32, erase=erase_hash(SECRET)))
    await store.keep.erase(erasure())
    await store.keep.drop(shown(capability=b"m" * 32, keeper=b"n" * 32))
    tables = await dump(store)
    assert not any(tables[name] for name in ("grp", "event", "former", "erased", "author", "orphan", "set_aside"))


async def test_what_nothing_names_is_remembered_so_often_a_day(make_store):
    store = await make_store(Quotas(erased_per_day=1))
    await register(store, ALICE, BOB)
    await with_log(store)
    await store.log.append(draft(ALICE, b"mine", erase=erase_hash(SECRET)))
    await store.keep.erase(erasure(b"1" * 32, CAPABILITY))
    assert await code_of(store.keep.erase(erasure(b"2" * 32, CAPABILITY))) == (429, "slow-down")
    await store.keep.erase(erasure())  # what is named is not counted
    assert await bodies(store) == [b"", format_notice(b"1" * 32), format_notice(SECRET)]


async def test_log_outlives_a_restart_with_keeper_limits_and_what_was_erased(make_store):
    store = await make_store()
    await register(store, ALICE, BOB)
    await with_log(store)
    await store.keep.set_limits(shown(), Limits(events=1, bytes=0, first=0))
    await store.keep.erase(erasure(capability=CAPABILITY))
    again = await make_store()
    assert await code_of(again.log.append(draft(ALICE, erase=erase_hash(SECRET)))) == (410, "erased")
    assert await code_of(again.log.append(draft(ALICE, epoch=0))) == (403, "keeper")
    await again.log.append(draft(ALICE))
    assert await code_of(again.log.append(draft(ALICE))) == (429, "slow-down")


async def test_blocked_log_has_its_keeper_set_aside_and_gets_it_back(make_store):
    store = await make_store()
    await register(store, ALICE, BOB)
    await with_log(store)
    await store.log.append(draft(ALICE, b"mine", erase=erase_hash(SECRET)))
    await holding.block_group(store, GROUP, is_blocked=True)
    blocked = await make_store()
    for row in (await dump(blocked))["grp"]:
        assert KEEPER not in row
        assert CAPABILITY not in row
    assert await code_of(blocked.keep.drop(shown())) == (404, "unknown")
    await blocked.keep.erase(erasure())  # what is one's own can be erased all the same
    await holding.block_group(blocked, GROUP, is_blocked=False)
    freed = await make_store()
    assert await bodies(freed) == [b"", format_notice(SECRET)]
    await freed.keep.drop(shown())


@pytest.fixture(params=["sqlite", "postgres"])
async def old_store(request, tmp_path):
    """A database that version 1 made, opened by this one."""
    if request.param == "sqlite":
        connection = apsw.Connection(str(tmp_path / "relay.db"))
        connection.execute((DATA / "relay_v1.sql").read_text())
        connection.close()
        store = SqliteDatabase(tmp_path / "relay.db")
    else:
        from services.relay.database.postgres import PostgresDatabase

        url = request.getfixturevalue("postgres").create_database(secrets.token_hex(8))
        await run_sql(url, (DATA / "relay_v1_postgres.sql").read_text())
        store = PostgresDatabase(url)
    await store.open(Hub())
    yield store
    await store.close()


async def test_database_of_version_1_goes_on_and_learns_keepers(old_store):
    store, group = old_store, OLD["group"]
    assert await bodies(store, group, OLD["second"]) == [b"one", b"commit", b"three"]
    old = draft(BOB, group=group, capability_hash=OLD["second"], erase=erase_hash(SECRET))
    assert (await store.log.append(old)).seq == 4
    await store.keep.erase(erasure())
    await store.devices.delete(b"b" * 16, b"b" * 16, NOW_MS)
    assert await bodies(store, group, OLD["second"]) == [b"one", b"commit", b"", b"", format_notice(SECRET)]
    await with_log(store, OTHER)
    assert await code_of(store.log.append(draft(BOB, group=OTHER, epoch=0))) == (403, "keeper")


async def test_database_that_was_upgraded_says_its_version(old_store):
    if isinstance(old_store, SqliteDatabase):
        assert old_store._connection.pragma("user_version") == 2
    else:
        assert dict(map(tuple, await old_store._pool.fetch("select * from meta")))["schema"] == "2"


@pytest.fixture
def old_file(tmp_path):
    """A folder with a database of version 1 in it, and in the folder above a backup of it."""
    (tmp_path / "old").mkdir()
    for path in (tmp_path / "old" / "relay.db", tmp_path / "backup"):
        connection = apsw.Connection(str(path))
        connection.execute((DATA / "relay_v1.sql").read_text())
        connection.close()
    return tmp_path


async def test_backup_of_version_1_is_restored(old_file):
    assert operate("restore", "--data", old_file / "new", old_file / "backup").returncode == 0
    store = SqliteDatabase(old_file / "new" / "relay.db")
    await store.open(Hub())
    assert await bodies(store, OLD["group"], OLD["second"]) == [b"one", b"commit", b"three"]
    await with_log(store, OTHER)
    await store.close()


async def test_folder_of_version_1_moves_to_postgres(old_file, postgres):
    from services.relay.database.postgres import PostgresDatabase

    url = postgres.create_database(secrets.token_hex(8))
    moved = operate("migrate", "--data", old_file / "old", "--database", url)
    assert moved.returncode == 0, moved.stderr
    store = PostgresDatabase(url)
    await store.open(Hub())
    assert await bodies(store, OLD["group"], OLD["second"]) == [b"one", b"commit", b"three"]
    await with_log(store, OTHER)
    await store.close()


async def test_operator_is_told_to_start_the_service_before_looking_into_version_1(old_file):
    refused = operate("groups", "--data", old_file / "old", "list")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "older version" in refused.stderr


async def test_operators_list_does_not_claim_to_know_who_wrote_to_a_log_with_a_keeper(make_store, tmp_path):
    store = await make_store()
    await with_log(store)
    await store.log.append(draft(ALICE))
    async with holding.reading(tmp_path, None if isinstance(store, SqliteDatabase) else store._url) as rows:
        lines = await holding.groups(rows)
    assert lines == [f"{GROUP.hex()}  1 envelopes  4 bytes  unknown devices  2027-01-15"]
