"""How fast lines arrive, on real files and a real relay. The figures are printed; `pytest -s` shows them."""

import asyncio
import contextlib
import time

import pytest

from tests.integration.people import PASSPHRASE, Person, until
from tests.integration.test_thread import befriend
from tests.many_envelopes import leave_waiting, lines

WAITING = 1_000
MANY = 10_000
ONLINE = 200
P99_S = 2.0


@pytest.fixture
async def pair(tmp_path, relay):
    people = [Person(tmp_path / name, relay.url) for name in ("alice", "bob")]
    async with contextlib.AsyncExitStack() as stack:
        for person in people:
            stack.push_async_callback(person.companion.lock)
            await person.begin(person.folder.name.title())
        yield (*people, await befriend(*people))


async def texts(person, group):
    return [m.text for m in await person.opened.chat.messages(group, 2_000) if m.kind == "message"]


async def test_a_thousand_waiting_lines_arrive_once_each_in_order(pair):
    alice, bob, group = pair
    await bob.companion.lock()
    for number in range(WAITING):
        await alice.opened.chat.post(group, f"line {number}")

    async def are_sent():
        return not await alice.opened.groups.tools.outbox.of_group(group)

    await until(are_sent, 120)
    begun = time.monotonic()
    await bob.companion.unlock(passphrase=PASSPHRASE)

    async def has_all():
        known = await bob.opened.groups.group(group)
        mine = await alice.opened.groups.group(group)
        return known.cursor == mine.cursor

    await until(has_all)
    took_s = time.monotonic() - begun
    print(f"\n{WAITING} waiting lines: {took_s:.2f} s")
    assert await texts(bob, group) == [f"line {number}" for number in range(WAITING)]


async def test_ten_thousand_waiting_lines_arrive_once_each_in_order(pair, relay):
    alice, bob, group = pair
    await bob.companion.lock()
    await leave_waiting(relay, alice.opened, group, lines(MANY, 1_796_000_000_000))
    last = (await alice.opened.groups.group(group)).cursor + MANY
    await alice.companion.lock()
    begun, worked = time.monotonic(), time.process_time()
    await bob.companion.unlock(passphrase=PASSPHRASE)
    before = bob.opened._context.store.anchor.commit

    async def has_all():
        return (await bob.opened.groups.group(group)).cursor == last

    await until(has_all, 240)
    took_s, worked_s = time.monotonic() - begun, time.process_time() - worked
    commits = bob.opened._context.store.anchor.commit - before
    print(f"\n{MANY} waiting lines: {took_s:.2f} s, {worked_s:.2f} s of the processor, {commits} commits")
    messages = await bob.opened.chat.messages(group, 2 * MANY)
    assert [m.text for m in messages if m.kind == "message"] == [f"line {number}" for number in range(MANY)]
    assert commits < MANY // 20


async def test_online_a_line_is_there_within_two_seconds(pair):
    alice, bob, group = pair
    arrived = asyncio.Event()
    bob.companion.subscribe(lambda what: arrived.set() if f"msg:{group}" in what else None)
    taken = []
    for number in range(ONLINE):
        arrived.clear()
        begun = time.monotonic()
        await alice.opened.chat.post(group, f"line {number}")
        async with asyncio.timeout(60):
            await arrived.wait()
        taken.append(time.monotonic() - begun)
    taken.sort()
    p50, p99 = taken[len(taken) // 2], taken[int(len(taken) * 0.99) - 1]
    print(f"\napp to app: p50 {1000 * p50:.0f} ms, p99 {1000 * p99:.0f} ms of {ONLINE}")
    assert p99 < P99_S
