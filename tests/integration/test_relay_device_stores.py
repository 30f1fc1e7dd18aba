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

ALICE, BOB, CAROL = (bytes([n]) * 16 for n in (1, 2, 3))
GROUP, CAPABILITY = b"g" * 16, b"c" * 32


async def register(store, *devices):
    for device in devices:
        token = hashlib.sha256(device).digest()
        await store.devices.open_session(device, b"key" + device, token, NOW_MS + 1_000, NOW_MS, may_register=True)


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


FULL = (507, "full")


async def fill(store, device, senders, body=b"x"):
    """Post from these senders in turn until none of them finds room, and return how many went in."""
    count = 0
    for sender in senders:
        try:
            while True:
                await store.devices.post(post(device, body, sender=sender))
                count += 1
        except Refusal as refusal:
            assert (refusal.status, refusal.code) == FULL  # noqa: PT017  (how many went in before it counts)
    return count


def strangers(many):
    return [b"stranger" + n.to_bytes(8, "big") for n in range(many)]


async def test_no_stranger_fills_an_inbox_alone(make_store):
    store = await make_store(Quotas(posted_per_hour=10_000))
    await register(store, ALICE, CAROL)
    assert await fill(store, ALICE, [BOB]) == 62
    await store.devices.post(post(ALICE, sender=CAROL))
    assert await fill(store, CAROL, [BOB], bytes(131_072)) == 8


async def test_inbox_that_strangers_have_filled_still_takes_a_letter_from_whom_its_owner_wrote_to(make_store):
    store = await make_store(Quotas(posted_per_hour=10_000))
    await register(store, ALICE, BOB, CAROL)
    await store.devices.post(post(CAROL, b"may I join?", sender=ALICE))
    assert await fill(store, ALICE, strangers(20)) == 500
    assert await code_of(store.devices.post(post(ALICE, sender=BOB))) == FULL
    assert await store.devices.post(post(ALICE, b"welcome", sender=CAROL))
    await store.devices.acknowledge(ALICE, 500)
    assert await store.devices.post(post(ALICE, sender=BOB))
    assert [i.seq for i in await store.devices.inbox(ALICE, 499, 5)] == [501, 502]


async def test_strangers_do_not_use_up_the_hour_of_whom_the_owner_wrote_to(make_store):
    store = await make_store(Quotas(posted_per_hour=1, claimed_per_hour=1))
    await register(store, ALICE, BOB, CAROL)
    await store.devices.publish(ALICE, [b"1", b"2", b"3"], None, NOW_MS)
    await store.devices.post(post(CAROL, sender=ALICE))
    await store.devices.post(post(ALICE, sender=BOB))
    await store.devices.claim(ALICE, BOB, NOW_MS)
    limit = (429, "slow-down")
    assert await code_of(store.devices.post(post(ALICE, sender=BOB))) == limit
    assert await code_of(store.devices.claim(ALICE, BOB, NOW_MS)) == limit
    assert await store.devices.post(post(ALICE, sender=CAROL))
    assert (await store.devices.claim(ALICE, CAROL, NOW_MS)).body


async def test_devices_of_one_account_know_each_other(make_store):
    store = await make_store(Quotas(posted_per_hour=10_000))
    await register(store, ALICE, BOB, CAROL)
    for device in (ALICE, CAROL):
        await store.devices.join_account(device, b"a" * 32)
    await fill(store, ALICE, strangers(20))
    assert await store.devices.post(post(ALICE, sender=CAROL))
    assert await code_of(store.devices.post(post(ALICE, sender=BOB))) == FULL


async def test_one_friend_leaves_room_for_another(make_store):
    store = await make_store()
    await register(store, ALICE, BOB, CAROL)
    for friend in (BOB, CAROL):
        await store.devices.post(post(friend, sender=ALICE))
    assert await fill(store, ALICE, [BOB]) == 250
    assert await store.devices.post(post(ALICE, sender=CAROL))


async def test_inbox_has_no_more_room_in_bytes_than_in_items(make_store):
    store = await make_store()
    await register(store, CAROL)
    assert await fill(store, CAROL, strangers(20), bytes(131_072)) == 64
    assert len(await store.devices.inbox(CAROL, 0, 500)) == 8  # a page has at most 1 MiB


async def test_who_wrote_to_whom_is_forgotten_after_a_month_and_stands_nowhere_in_plain(tmp_path):
    store = SqliteDatabase(tmp_path / "relay.db", Quotas(posted_per_hour=10_000))
    await store.open(Hub())
    await register(store, ALICE, BOB, CAROL)
    await store.devices.post(post(CAROL, sender=ALICE))
    rows = await store._read(lambda c: list(c.execute("select pair from acquaintance")))
    kept = {row[0] for row in rows}
    unkeyed = (hashlib.sha256(word + ALICE + CAROL).digest()[:16] for word in (b"", b"companion-wrote-v1\0"))
    assert len(kept) == 1
    assert not kept & set(unkeyed)
    await store.sweep(NOW_MS + INBOX_MS)
    assert not await store._read(lambda c: list(c.execute("select pair from acquaintance")))
    await store.close()


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
    assert await code_of(store.log.append(draft(BOB, b"1"))) == (507, "full")
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
