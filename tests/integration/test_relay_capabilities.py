"""A group's capability is replaced by a commit: who reads and writes what, on both databases."""

import asyncio
import itertools

import pytest

from companion.errors import RelayRefused
from companion.ports import RelayEvent
from services.sync.answers import GroupRefused, Live
from tests.integration.devices import DEADLINE_S, cursor, raw, read_until


@pytest.fixture
def relay(either_relay):
    return either_relay


async def test_commit_replaces_the_capability_and_the_old_one_reads_up_to_it(group, device, new_id, new_capability):
    client, name, old = group
    following = new_capability()
    await client.append(name, old, new_id(), b"before")
    await client.append(name, old, new_id(), b"commit", epoch=0, next_capability=following)
    for call in (client.append(name, old, new_id(), b"x"), client.events(name, old, 2)):
        with pytest.raises(RelayRefused) as refusal:
            await call
        assert (refusal.value.status, refusal.value.reason) == (403, "rotated")
    with pytest.raises(RelayRefused, match="409 ahead"):  # who has read more than there is has read another log
        await client.events(name, old, 9)
    await client.append(name, following, new_id(), b"after")
    assert [e.body for e in await client.events(name, old, 0)] == [b"before", b"commit"]
    assert [e.body for e in await device().events(name, following, 0)] == [b"before", b"commit", b"after"]


async def test_open_stream_of_the_old_capability_ends_for_the_group_at_the_commit(
    group, device, new_id, new_capability
):
    client, name, old = group
    second, second_capability, following = new_id(), new_capability(), new_capability()
    await client.create_group(second, second_capability)
    items = []
    async with asyncio.timeout(DEADLINE_S):
        async for item in device().stream((cursor(name, old), cursor(second, second_capability))):
            items.append(item)
            if isinstance(item, Live):
                await client.append(name, old, new_id(), b"commit", epoch=0, next_capability=following)
                await client.append(name, following, new_id(), b"not for you")
                await client.append(second, second_capability, new_id(), b"goes on")
            if isinstance(item, RelayEvent) and item.group == second:
                break
    assert [i.body for i in items if isinstance(i, RelayEvent)] == [b"commit", b"goes on"]
    assert [i for i in items if isinstance(i, GroupRefused)] == [GroupRefused(group=name, reason="rotated", head=1)]


async def test_reader_who_was_away_follows_from_one_capability_to_the_next(group, device, new_id, new_capability):
    client, name, first = group
    chain = [first, new_capability(), new_capability(), new_capability()]
    for epoch, (old, new) in enumerate(itertools.pairwise(chain)):
        await client.append(name, old, new_id(), b"said %d" % epoch)
        await client.append(name, old, new_id(), b"commit %d" % epoch, epoch=epoch, next_capability=new)
    away, seen = device(), []
    for capability in chain[:-1]:
        items = await read_until(away, lambda i: isinstance(i, GroupRefused), cursor(name, capability, len(seen)))
        seen += [item.seq for item in items[:-1]]
        assert items[-1].head == seen[-1]
    assert seen == [1, 2, 3, 4, 5, 6]
    items = await read_until(away, lambda i: isinstance(i, Live), cursor(name, chain[-1], 6))
    assert items == [Live()]


async def test_commit_whose_answer_was_lost_can_be_sent_again(group, new_id, new_capability):
    client, name, old = group
    cid, following = new_id(), new_capability()
    first = await client.append(name, old, cid, b"commit", epoch=0, next_capability=following)
    assert await client.append(name, old, cid, b"commit", epoch=0, next_capability=following) == first
    assert await client.append(name, following, cid, b"commit", epoch=0, next_capability=following) == first
    assert (await client.append(name, following, new_id(), b"next", epoch=1)).seq == 2


async def test_loser_of_a_commit_hears_that_the_epoch_is_over(group, device, new_id, new_capability):
    _, name, old = group
    rivals = [device() for _ in range(4)]
    results = await asyncio.gather(
        *(r.append(name, old, new_id(), b"commit", epoch=0, next_capability=new_capability()) for r in rivals),
        return_exceptions=True,
    )
    assert sorted(type(r).__name__ for r in results) == ["Appended", "RelayRefused", "RelayRefused", "RelayRefused"]
    assert {r.reason for r in results if isinstance(r, RelayRefused)} == {"epoch"}


async def test_member_who_was_removed_learns_nothing_of_what_comes_after(group, new_id, new_capability):
    client, name, old = group
    following, cid = new_capability(), new_id()
    await client.append(name, old, new_id(), b"commit", epoch=0, next_capability=following)
    await client.append(name, following, cid, b"secret", epoch=1)
    for epoch in (None, 1):
        with pytest.raises(RelayRefused) as refusal:
            await client.append(name, old, cid, b"secret", epoch=epoch)
        assert refusal.value.reason in ("rotated", "epoch")
    headers = {"companion-capability": old, "idempotency-key": new_id(), "if-epoch": "1"}
    answer = await raw(client, "POST", f"/v1/groups/{name}/events", headers, b"x")
    assert answer.json()["head"] == 1
    assert answer.json()["winner"] is None


async def test_only_a_commit_can_replace_the_capability(group, new_id, new_capability):
    client, name, old = group
    with pytest.raises(RelayRefused, match="400 bad-request"):
        await client.append(name, old, new_id(), b"x", next_capability=new_capability())
    assert await client.events(name, old, 0) == ()
