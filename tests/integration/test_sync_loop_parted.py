"""Two services that say they are the same one: what a loop does that wrote to the one and comes to the other.

The second is a copy of the first one's folder, so both have one incarnation, and one log up to the copy.
"""

import asyncio
import shutil

import pytest

from companion.errors import RelayRefused
from companion.ports import GroupCursor
from services.sync.answers import GroupRefused, Live
from tests.integration.people import until
from tests.integration.test_sync_loop_restored import order, said


@pytest.fixture
def copied(relay, tmp_path):
    """Copy the service's folder now; what is returned lets the other one of the two serve at the same address."""

    def take():
        relay.stop()
        shutil.copytree(relay.data, tmp_path / "copy")
        relay.start()
        places = [relay.data, tmp_path / "copy"]

        def change():
            relay.stop()
            relay.data = places[1 - places.index(relay.data)]
            relay.start()

        return change

    return take


async def agreed(alice, bob, count):
    """Wait until both have so many, the same ones in one order, and nothing waits."""

    async def is_so():
        is_idle = not alice.waiting and not bob.waiting
        return is_idle and len(alice.received) == count and order(alice) == order(bob)

    await until(is_so)


@pytest.mark.parametrize("meanwhile", [0, 1, 3, 4, 9], ids=lambda n: f"{n} there")
async def test_nothing_is_lost_whichever_of_the_two_logs_is_longer(pair, loops, copied, device, new_id, meanwhile):
    alice, bob, group = pair
    of_alice, of_bob = loops(alice), loops(bob)
    await said(alice, bob, group, of_alice, of_bob, b"a1", b"b1")
    change = await asyncio.to_thread(copied)
    await said(alice, bob, group, of_alice, of_bob, b"a2", b"b2", b"a3")
    await of_alice.stop()
    await of_bob.stop()
    await asyncio.to_thread(change)
    third, capability = device(), alice.groups[group]
    for n in range(meanwhile):
        await third.append(group, capability, new_id(), b"c%d" % n)
    loops(alice)
    loops(bob)
    for side in (alice, bob):
        await side.until(lambda side=side: side.went_back, 60)
    await agreed(alice, bob, 5 + meanwhile)
    assert [event.seq for event in alice.received] == list(range(1, 6 + meanwhile))
    assert sorted(alice.bodies) == sorted([b"a1", b"b1", b"a2", b"b2", b"a3", *(b"c%d" % n for n in range(meanwhile))])
    assert alice.went_back[:1] == bob.went_back[:1] == [(group, 2)]


async def test_last_envelope_that_stands_at_the_same_place_by_chance_does_not_hide_the_parting(
    pair, loops, copied, device, new_id
):
    """Bob read b2 and a2. At the other service c1 stands in b2's place, and a2 where it stood: its time is another."""
    alice, bob, group = pair
    of_alice, of_bob = loops(alice), loops(bob)
    await said(alice, bob, group, of_alice, of_bob, b"a1", b"b1")
    change = await asyncio.to_thread(copied)
    bob.post(group, b"b2")
    of_bob.wake()
    for side in (alice, bob):
        await side.until(lambda side=side: len(side.received) == 3)
    alice.post(group, b"a2")
    of_alice.wake()
    for side in (alice, bob):
        await side.until(lambda side=side: len(side.received) == 4)
    await of_alice.stop()
    await of_bob.stop()
    await asyncio.to_thread(change)
    await device().append(group, alice.groups[group], new_id(), b"c1")
    loops(alice)
    await alice.until(lambda: b"c1" in alice.bodies and not alice.waiting, 60)
    await alice.until(lambda: alice.received[-1].seq == 4 and alice.received[-1].body == b"a2")
    loops(bob)
    await agreed(alice, bob, 5)
    assert sorted(bob.bodies) == [b"a1", b"a2", b"b1", b"b2", b"c1"]


async def test_device_that_stands_before_the_parting_reads_on(pair, loops, copied):
    alice, bob, group = pair
    of_alice, of_bob = loops(alice), loops(bob)
    await said(alice, bob, group, of_alice, of_bob, b"a1", b"b1")
    change = await asyncio.to_thread(copied)
    await of_bob.stop()
    alice.post(group, b"a2")
    of_alice.wake()
    await alice.until(lambda: len(alice.received) == 3)
    await asyncio.to_thread(change)
    await alice.until(lambda: alice.went_back, 60)
    loops(bob)
    await agreed(alice, bob, 3)
    assert bob.went_back == []


async def test_service_that_comes_back_after_a_while_has_everything_in_the_end(pair, loops, copied):
    """There and back: what was written to the one is at the other each time."""
    alice, bob, group = pair
    of_alice, of_bob = loops(alice), loops(bob)
    await said(alice, bob, group, of_alice, of_bob, b"a1", b"b1")
    change = await asyncio.to_thread(copied)
    for n in range(3):
        await said(alice, bob, group, of_alice, of_bob, b"a%d" % (n + 2), b"b%d" % (n + 2))
        await asyncio.to_thread(change)
        for side in (alice, bob):
            await side.until(lambda side=side, n=n: len(side.went_back) > n, 60)
        await agreed(alice, bob, 2 * n + 4)
    assert len(set(alice.bodies)) == 8


async def test_letters_at_the_other_service_are_read_though_their_numbers_were_passed(
    pair, loops, copied, device, new_id
):
    alice, bob, group = pair
    mine, third = device(), device()
    of_alice, of_bob = loops(alice, mine), loops(bob)
    await said(alice, bob, group, of_alice, of_bob, b"a1")
    change = await asyncio.to_thread(copied)
    for n in range(3):
        await third.post_to_inbox(mine._device, new_id(), b"here %d" % n)
    await alice.until(lambda: len(alice.inbox) == 3)
    await said(alice, bob, group, of_alice, of_bob, b"a2")
    await of_alice.stop()
    await asyncio.to_thread(change)
    await third.post_to_inbox(mine._device, new_id(), b"there")
    loops(alice, mine)
    await alice.until(lambda: b"there" in [item.body for item in alice.inbox], 60)


async def test_lost_change_of_the_capability_shows_that_this_is_another_log(pair, loops, copied, new_capability):
    """The service says that it knows no such group: only by the capability of before does it open."""
    alice, bob, group = pair
    following = new_capability()
    bob.learns = {b"commit": following}
    of_alice, of_bob = loops(alice), loops(bob)
    await said(alice, bob, group, of_alice, of_bob, b"a1", b"b1")
    change = await asyncio.to_thread(copied)
    alice.post(group, b"commit", epoch=0, next_capability=following)
    of_alice.wake()
    for side in (alice, bob):
        await side.until(lambda side=side: len(side.received) == 3)
    await said(alice, bob, group, of_alice, of_bob, b"a2", b"b2")
    await asyncio.to_thread(change)
    for side in (alice, bob):
        await side.until(lambda side=side: side.went_back, 60)
    await agreed(alice, bob, 5)
    for side in (alice, bob):
        assert side.went_back[0] == (group, 2)
        assert side.out == side.unknown_groups == []
    assert not alice.refused


async def test_network_that_holds_streams_back_is_no_way_around_it(filled, new_id):
    client, group, capability = filled
    last = (await client.events(group, capability, 19))[0]
    for known in ({"cid": new_id()}, {"cid": last.cid, "at_ms": last.at_ms + 1}):
        with pytest.raises(RelayRefused, match="409 other") as refused:
            await client.events(group, capability, 20, **known)
        assert refused.value.head == 20
        cursor = GroupCursor(group=group, capability=capability, since=20, **known)
        stream = client.stream((cursor,))
        assert await anext(stream) == GroupRefused(group=group, reason="other", head=20)
        await stream.aclose()
    assert await client.events(group, capability, 20, cid=last.cid, at_ms=last.at_ms) == ()
    cursor = GroupCursor(group=group, capability=capability, since=20, cid=last.cid, at_ms=last.at_ms)
    stream = client.stream((cursor,))
    assert await anext(stream) == Live()
    await stream.aclose()
