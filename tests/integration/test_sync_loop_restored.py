"""A service that was restored from a backup: the loops of its members give it back what it lost."""

import asyncio
import subprocess
import sys

import pytest


@pytest.fixture
def back_to(relay, tmp_path):
    """Take a backup now; what is returned puts the service back to it, at the same address."""

    def operate(*words):
        command = [sys.executable, "-m", "services.relay", *map(str, words)]
        subprocess.run(command, capture_output=True, timeout=60, check=True)

    def take():
        operate("backup", "--data", relay.data, tmp_path / "backup")

        def put_back():
            relay.kill()
            relay.data = tmp_path / "restored"
            operate("restore", "--data", relay.data, tmp_path / "backup")
            relay.start()

        return put_back

    return take


async def said(alice, bob, group, loop_a, loop_b, *bodies):
    """Let the two speak in turn, and wait until both have heard it all."""
    count = len(alice.received) + len(bodies)
    for speaker, loop, body in zip((alice, bob) * len(bodies), (loop_a, loop_b) * len(bodies), bodies, strict=False):
        speaker.post(group, body)
        loop.wake()
    for side in (alice, bob):
        await side.until(lambda side=side: len(side.received) == count)


def order(side):
    return [(event.seq, event.cid, event.body) for event in side.received]


async def test_service_that_was_restored_heals_while_everybody_is_there(pair, loops, back_to):
    alice, bob, group = pair
    of_alice, of_bob = loops(alice), loops(bob)
    await said(alice, bob, group, of_alice, of_bob, b"a1", b"b1", b"a2")
    put_back = await asyncio.to_thread(back_to)
    await said(alice, bob, group, of_alice, of_bob, b"a3", b"b2", b"a4", b"b3")
    await asyncio.to_thread(put_back)
    for side, loop, body in ((alice, of_alice, b"a5"), (bob, of_bob, b"b4")):
        side.post(group, body)
        loop.wake()
    for side in (alice, bob):
        await side.until(lambda side=side: len(side.received) == 9 and not side.waiting, 60)
    assert order(alice) == order(bob)
    assert [event.seq for event in alice.received] == list(range(1, 10))
    assert sorted(alice.bodies) == sorted(b"a1 b1 a2 a3 b2 a4 b3 a5 b4".split())
    assert alice.went_back == bob.went_back == [(group, 3)]
    assert alice.log == bob.log


async def test_member_who_comes_back_after_the_restored_log_has_grown_past_it_heals(pair, loops, back_to):
    """Its cursor is behind the head of the new log, which is another one there: only the incarnation tells."""
    alice, bob, group = pair
    of_alice, of_bob = loops(alice), loops(bob)
    await said(alice, bob, group, of_alice, of_bob, b"a1", b"b1")
    put_back = await asyncio.to_thread(back_to)
    await said(alice, bob, group, of_alice, of_bob, b"a2", b"b2", b"a3")
    await of_bob.stop()
    await asyncio.to_thread(put_back)
    for n in range(10):
        alice.post(group, b"new %d" % n)
    of_alice.wake()
    await alice.until(lambda: len(alice.received) == 14 and not alice.waiting, 60)
    loops(bob)
    for side in (alice, bob):
        await side.until(lambda side=side: len(side.received) == 15 and not side.waiting, 60)
    assert order(alice) == order(bob)
    assert bob.went_back == [(group, 2)]
    assert sorted(bob.bodies) == sorted([b"a1", b"b1", b"a2", b"b2", b"a3", *(b"new %d" % n for n in range(10))])


async def test_group_that_is_younger_than_the_backup_is_made_again(pair, loops, back_to, new_id, new_capability):
    alice, bob, group = pair
    of_alice, of_bob = loops(alice), loops(bob)
    await said(alice, bob, group, of_alice, of_bob, b"a1")
    put_back = await asyncio.to_thread(back_to)
    young, capability = new_id(), new_capability()
    alice.join(young, capability)
    bob.join(young, capability)
    alice.post(young, b"")
    of_alice.wake()
    of_bob.wake()
    await said(alice, bob, young, of_alice, of_bob, b"a2", b"b1")
    await asyncio.to_thread(put_back)
    await alice.until(lambda: (young, 0) in alice.went_back, 60)
    for side in (alice, bob):
        await side.until(lambda side=side: len(side.received) == 3 and not side.waiting, 60)
    assert order(alice) == order(bob)
    assert sorted(alice.bodies) == [b"a1", b"a2", b"b1"]


async def test_envelope_that_only_its_sender_had_seen_in_the_lost_tail_is_offered_again(
    pair, loops, device, relay, back_to
):
    alice, bob, group = pair
    client = device()
    of_alice, of_bob = loops(alice, client), loops(bob)
    await said(alice, bob, group, of_alice, of_bob, b"a1")
    put_back = await asyncio.to_thread(back_to)
    await of_alice.stop()
    await of_bob.stop()
    cid = alice.post(group, b"a2")
    receipt = await client.append(group, alice.groups[group], cid, b"a2")
    await alice.mark_sent(cid, receipt)
    await asyncio.to_thread(put_back)
    loops(alice)
    loops(bob)
    await bob.until(lambda: bob.bodies == [b"a1", b"a2"], 60)


async def test_change_of_the_capability_that_was_lost_with_the_tail_is_made_again(pair, loops, back_to, new_capability):
    """Bob is back first and can do nothing: only Alice's commit puts the capability in force that both have."""
    alice, bob, group = pair
    following = new_capability()
    bob.learns = {b"commit": following}
    of_alice, of_bob = loops(alice), loops(bob)
    await said(alice, bob, group, of_alice, of_bob, b"a1")
    put_back = await asyncio.to_thread(back_to)
    alice.post(group, b"commit", epoch=0, next_capability=following)
    of_alice.wake()
    for side in (alice, bob):
        await side.until(lambda side=side: len(side.received) == 2)
    await said(alice, bob, group, of_alice, of_bob, b"a2", b"b2")
    await of_alice.stop()
    await asyncio.to_thread(put_back)
    await bob.until(lambda: bob.went_back == [(group, 0)] and bob.states[-1] == "online", 60)
    loops(alice)
    await alice.until(lambda: alice.went_back == [(group, 0)], 60)
    for side in (alice, bob):
        await side.until(lambda side=side: len(side.received) == 4 and not side.waiting, 60)
    assert order(alice) == order(bob)
    assert sorted(alice.bodies) == [b"a1", b"a2", b"b2", b"commit"]
    assert not alice.refused
    assert not bob.refused
    assert alice.out == bob.out == []
