"""The rules about devices that need a clock, a quota or a look inside, on both databases."""

import asyncio
import hashlib
import secrets

import pytest

from services.relay.database.sqlite import SqliteDatabase
from services.relay.devices.store import INBOX_MS, KEY_PACKAGE_MS, Post
from services.relay.hub import Hub
from services.relay.limits import Quotas
from services.relay.log.store import ORPHAN_MS, Draft
from services.relay.refusal import Refusal

NOW_MS = 1_800_000_000_000


@pytest.fixture(params=["sqlite", "postgres"])
async def make_store(request, tmp_path):
    opened = []
    database = None
    if request.param == "postgres":
        database = request.getfixturevalue("postgres").create_database(secrets.token_hex(8))

    async def make(quotas=None):
        if database is None:
            store = SqliteDatabase(tmp_path / "relay.db", quotas)
        else:
            from services.relay.database.postgres import PostgresDatabase

            store = PostgresDatabase(database, quotas)
        await store.open(Hub())
        opened.append(store)
        return store

    yield make
    for store in opened:
        await store.close()


ALICE, BOB, CAROL = (bytes([n]) * 16 for n in (1, 2, 3))
GROUP, CAPABILITY = b"g" * 16, b"c" * 32


async def register(store, *devices):
    for device in devices:
        token = hashlib.sha256(device).digest()
        await store.devices.open_session(device, b"key" + device, token, NOW_MS + 1_000, NOW_MS)


def post(device, body=b"x", **changes):
    values = {"device": device, "cid": secrets.token_bytes(16), "body": body, "sender": BOB, "at_ms": NOW_MS}
    return Post(**{**values, **changes})


def draft(device, body=b"said", **changes):
    values = {"group": GROUP, "capability_hash": CAPABILITY, "device": device, "at_ms": NOW_MS, "body": body}
    return Draft(cid=secrets.token_bytes(16), **{**values, **changes})


async def code_of(work):
    with pytest.raises(Refusal) as refusal:
        await work
    return refusal.value.status, refusal.value.code


async def test_inbox_holds_so_many_items_and_bytes(make_store):
    store = await make_store()
    await register(store, ALICE, CAROL)
    await asyncio.gather(*(store.devices.post(post(ALICE)) for _ in range(500)))
    assert await code_of(store.devices.post(post(ALICE))) == (413, "quota")
    for _ in range(64):
        await store.devices.post(post(CAROL, bytes(131_072)))
    assert await code_of(store.devices.post(post(CAROL))) == (413, "quota")
    assert len(await store.devices.inbox(CAROL, 0, 500)) == 8  # a page has at most 1 MiB
    await store.devices.acknowledge(ALICE, 1)
    assert await store.devices.post(post(ALICE))
    assert [i.seq for i in await store.devices.inbox(ALICE, 499, 5)] == [500, 501]


async def test_posts_and_claims_are_limited_for_both_sides(make_store):
    store = await make_store(Quotas(posts_per_hour=2, posted_per_hour=3, claims_per_hour=2, claimed_per_hour=3))
    await register(store, ALICE, BOB, CAROL)
    await store.devices.publish(ALICE, [b"%d" % n for n in range(9)], None, NOW_MS)
    for _ in range(2):
        await store.devices.post(post(ALICE))
        await store.devices.claim(ALICE, BOB, NOW_MS)
    limit = (429, "slow-down")
    assert await code_of(store.devices.post(post(CAROL))) == limit
    assert await code_of(store.devices.claim(ALICE, BOB, NOW_MS)) == limit
    await store.devices.post(post(ALICE, sender=CAROL, at_ms=NOW_MS + 1))
    assert await code_of(store.devices.post(post(ALICE, sender=ALICE))) == limit
    await store.devices.claim(ALICE, CAROL, NOW_MS)  # what was refused to one side cost the other nothing
    assert await store.devices.packages_left(ALICE) == 6
    await store.devices.post(post(ALICE, at_ms=NOW_MS + 3_600_000))


async def test_sweep_forgets_old_items_and_packages(make_store):
    store = await make_store()
    await register(store, ALICE)
    await store.devices.post(post(ALICE, b"old"))
    await store.devices.post(post(ALICE, b"new", at_ms=NOW_MS + 1_000))
    await store.devices.publish(ALICE, [b"old"], None, NOW_MS)
    await store.sweep(NOW_MS + INBOX_MS)
    assert [i.body for i in await store.devices.inbox(ALICE, 0, 9)] == [b"new"]
    assert await store.devices.packages_left(ALICE) == 1
    await store.sweep(NOW_MS + KEY_PACKAGE_MS)
    assert await store.devices.packages_left(ALICE) == 0
    await store.devices.post(post(ALICE, b"numbers go on"))
    assert [i.seq for i in await store.devices.inbox(ALICE, 0, 9)] == [3]


async def test_group_whose_senders_are_all_gone_is_dropped_a_month_later(make_store):
    store = await make_store()
    await register(store, ALICE, BOB, CAROL)
    await store.log.create_group(GROUP, CAPABILITY, ALICE, NOW_MS)
    await store.log.append(draft(BOB))
    await store.devices.delete_account(ALICE, NOW_MS)
    await store.sweep(NOW_MS + ORPHAN_MS)
    assert (await store.log.read(GROUP, CAPABILITY, 0, 9)).head == 1
    await store.devices.delete_account(BOB, NOW_MS)
    await store.sweep(NOW_MS + ORPHAN_MS - 1)
    assert [e.body for e in (await store.log.read(GROUP, CAPABILITY, 0, 9)).events] == [b""]
    await store.sweep(NOW_MS + ORPHAN_MS)
    assert await store.log.openings([(GROUP, CAPABILITY)]) == (None,)
    assert await code_of(store.log.append(draft(CAROL))) == (404, "unknown")
    assert await store.log.create_group(GROUP, CAPABILITY, CAROL, NOW_MS)


async def test_group_in_which_somebody_speaks_again_is_kept(make_store):
    store = await make_store()
    await register(store, ALICE, BOB)
    await store.log.create_group(GROUP, CAPABILITY, ALICE, NOW_MS)
    await store.devices.delete_account(ALICE, NOW_MS)
    await store.log.append(draft(BOB))
    await store.sweep(NOW_MS + ORPHAN_MS)
    assert (await store.log.append(draft(BOB))).seq == 2


async def test_space_of_deleted_events_is_free_again(make_store):
    store = await make_store(Quotas(group_bytes=10))
    await register(store, ALICE, BOB)
    await store.log.create_group(GROUP, CAPABILITY, BOB, NOW_MS)
    await store.log.append(draft(ALICE, bytes(10)))
    assert await code_of(store.log.append(draft(BOB, b"1"))) == (413, "quota")
    await store.devices.delete_account(ALICE, NOW_MS)
    assert (await store.log.append(draft(BOB, bytes(10)))).seq == 2


async def test_group_that_is_made_after_the_deletion_is_refused_and_not_there(make_store):
    store = await make_store()
    await register(store, ALICE)
    await store.devices.delete(ALICE, ALICE, NOW_MS)
    assert await code_of(store.log.create_group(GROUP, CAPABILITY, ALICE, NOW_MS)) == (401, "no-session")
    assert await store.log.openings([(GROUP, CAPABILITY)]) == (None,)


async def test_append_that_comes_after_the_deletion_is_refused(make_store):
    store = await make_store()
    await register(store, ALICE, BOB)
    await store.log.create_group(GROUP, CAPABILITY, BOB, NOW_MS)
    await store.log.append(draft(ALICE))
    outcomes = await asyncio.gather(
        *(store.log.append(draft(ALICE)) for _ in range(5)),
        store.devices.delete_account(ALICE, NOW_MS),
        *(store.log.append(draft(ALICE)) for _ in range(5)),
        return_exceptions=True,
    )
    assert await code_of(store.log.append(draft(ALICE))) == (401, "no-session")
    assert {(o.status, o.code) for o in outcomes if isinstance(o, Exception)} <= {(401, "no-session")}
    assert not any(e.body for e in (await store.log.read(GROUP, CAPABILITY, 0, 500)).events)


async def test_nothing_deleted_is_left_in_the_file(tmp_path):
    store = SqliteDatabase(tmp_path / "relay.db")
    await store.open(Hub())
    await register(store, ALICE, BOB)
    await store.log.create_group(GROUP, CAPABILITY, BOB, NOW_MS)
    canary = b"canary " * 40
    await store.log.append(draft(ALICE, canary))
    await store.devices.post(post(ALICE, canary))
    await store.devices.publish(ALICE, [canary], canary + b"2", NOW_MS)
    await store.devices.delete_account(ALICE, NOW_MS)
    await store.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert canary not in kept
    assert b"key" + ALICE not in kept


async def test_inbox_keeps_no_trace_of_who_sent(tmp_path):
    store = SqliteDatabase(tmp_path / "relay.db")
    await store.open(Hub())
    await register(store, ALICE)
    await store.devices.post(post(ALICE, sender=b"the sender's id."))
    rows = list(store._connection.execute("select * from inbox"))
    await store.close()
    assert not any(b"the sender" in value for row in rows for value in row if isinstance(value, bytes))


async def test_reader_of_a_former_log_goes_back_to_where_the_two_parted(make_store):
    """Restored twice: who comes from the first log parted with this one at the lower of the two places."""
    store = await make_store()
    old, young = b"o" * 16, b"y" * 16
    for name in (old, young):
        await store.log.create_group(name, CAPABILITY, ALICE, NOW_MS)
    restored = "insert into restored(gnum, number, head) select gnum, {}, {} from grp where gid = {}"
    is_sqlite = isinstance(store, SqliteDatabase)
    for statement in (
        "insert into lineage(number, incarnation) values(1, 'first'), (2, 'second')",
        restored.format(1, 10, hexadecimal(old, is_sqlite)),
        restored.format(2, 20, hexadecimal(old, is_sqlite)),
        restored.format(2, 5, hexadecimal(young, is_sqlite)),
    ):
        if is_sqlite:
            store._connection.execute(statement)
        else:
            await store._pool.execute(statement)
    asked = [young, old, b"u" * 16]
    assert await store.log.went_back(asked, "first") == (0, 10, 0)
    assert await store.log.went_back(asked, "second") == (5, 20, 0)
    assert await store.log.went_back(asked, "of another service") == (0, 0, 0)


def hexadecimal(octets, is_sqlite):
    return f"x'{octets.hex()}'" if is_sqlite else f"'\\x{octets.hex()}'::bytea"
