"""The sync loop between a small core in memory and a real relay: once, in order, through stops and restarts."""

import asyncio

from companion.errors import MessageRejected, StoreError
from services.sync.loop import SyncLoop
from tests.memory_side import MemorySide


async def test_messages_go_both_ways_and_to_the_sender(pair, loops):
    alice, bob, group = pair
    alice.post(group, b"one")
    of_alice = loops(alice)
    await alice.until(lambda: alice.bodies == [b"one"])
    of_bob = loops(bob)
    await bob.until(lambda: bob.bodies == [b"one"])
    bob.post(group, b"two")
    of_bob.wake()
    await alice.until(lambda: alice.bodies == [b"one", b"two"])
    alice.post(group, b"three")
    of_alice.wake()
    await bob.until(lambda: bob.bodies == [b"one", b"two", b"three"])
    assert alice.states[-1] == bob.states[-1] == "online"
    assert [event.seq for event in bob.received] == [1, 2, 3]


async def test_group_made_while_online_is_followed(pair, loops, new_id, new_capability):
    alice, _, _ = pair
    loop = loops(alice)
    await alice.until(lambda: "online" in alice.states)
    second = new_id()
    alice.join(second, new_capability())
    alice.post(second, b"")
    alice.post(second, b"in the second")
    loop.wake()
    await alice.until(lambda: alice.bodies == [b"in the second"])


async def test_message_waits_while_the_service_is_away_and_goes_once(pair, loops, relay):
    alice, bob, group = pair
    loop = loops(alice)
    await alice.until(lambda: alice.states[-1:] == ["online"])
    await asyncio.to_thread(relay.stop)
    await alice.until(lambda: alice.states[-1] == "waiting")
    cid = alice.post(group, b"kept")
    loop.wake()
    await alice.until(lambda: alice.states.count("waiting") >= 3)
    assert cid not in alice.sent
    await loop.stop()
    loops(alice)
    relay.start()
    await alice.until(lambda: alice.bodies == [b"kept"])
    loops(bob)
    await bob.until(lambda: bob.bodies == [b"kept"])
    assert alice.sent[cid] == 1


async def test_reply_lost_after_the_relay_stored_it_sends_nothing_twice(pair, loops, device):
    alice, _, group = pair
    client = device()
    await client.create_group(group, alice.groups[group])
    item_cid = alice.post(group, b"stored before the crash")
    await client.append(group, alice.groups[group], item_cid, b"stored before the crash")
    alice.post(group, b"next")
    loops(alice)
    await alice.until(lambda: len(alice.received) == 2)
    assert alice.bodies == [b"stored before the crash", b"next"]
    assert alice.sent[item_cid] == 1


async def test_kill_in_the_middle_loses_and_doubles_nothing(pair, loops, relay):
    alice, bob, group = pair
    of_alice = loops(alice)
    loops(bob)
    await alice.until(lambda: alice.states[-1:] == ["online"])
    sent = [b"%d" % i for i in range(60)]
    for body in sent:
        alice.post(group, body)
    of_alice.wake()
    await bob.until(lambda: len(bob.received) >= 10)
    await asyncio.to_thread(relay.kill)
    relay.start()
    await bob.until(lambda: len(bob.received) >= 60)
    await alice.until(lambda: not alice.waiting)
    assert bob.bodies == sent
    assert [event.seq for event in bob.received] == list(range(1, 61))


async def test_refused_envelope_does_not_stop_the_others(pair, loops, new_capability):
    alice, _, group = pair
    lost = alice.post(group, b"late commit", epoch=5)
    alice.post(group, b"after it")
    large = alice.post(group, bytes(70_000))
    alice.post(group, b"last")
    loops(alice)
    await alice.until(lambda: alice.bodies == [b"after it", b"last"])
    assert alice.refused == {lost: (409, "epoch"), large: (413, "too-large")}


async def test_bad_envelope_never_stops_the_loop(pair, loops):
    alice, _, group = pair
    for body in (b"good", b"bad", b"good too"):
        alice.post(group, body)

    def fail(event):
        if event.body == b"bad":
            raise MessageRejected("forged")

    alice.before_receive = fail
    loop = loops(alice)
    await alice.until(lambda: alice.bodies == [b"good", b"good too"])
    assert loop.skipped == 1


async def test_store_that_fails_gets_the_event_again(pair, loops):
    alice, _, group = pair
    failures = [StoreError("disk full"), StoreError("disk full")]

    def fail(event):
        if failures:
            raise failures.pop()

    alice.before_receive = fail
    alice.post(group, b"one")
    alice.post(group, b"two")
    loops(alice)
    await alice.until(lambda: alice.bodies == [b"one", b"two"])
    assert not failures


async def test_stop_waits_for_the_commit_under_way(pair, loops):
    alice, _, group = pair
    alice.post(group, b"one")
    started, ended = asyncio.Event(), []
    plain = alice.receive

    async def slow(events):
        started.set()
        for _ in range(20):
            await asyncio.sleep(0)
        await plain(events)
        ended.extend(event.seq for event in events)

    alice.receive = slow
    loop = loops(alice)
    async with asyncio.timeout(20):
        await started.wait()
    await loop.stop()
    assert ended == [1]


async def test_wake_ends_the_pause_at_once(pair, device):
    alice, _, _ = pair
    tries = []

    async def factory():
        tries.append(1)
        raise StoreError("not yet") if len(tries) < 3 else OSError("an error nobody expects")

    loop = SyncLoop(alice, factory, spread=lambda low, high: 3_600)
    loop.start()
    for count in (1, 2, 3):
        await alice.until(lambda count=count: len(tries) == count and alice.states[-1] == "waiting")
        loop.wake()
    await alice.until(lambda: len(tries) == 4)
    await loop.stop()


async def test_pauses_grow_to_a_minute_and_start_small_again(pair, device, loops):
    alice, _, _ = pair
    longest = []
    fails = 8
    client = device()

    async def factory():
        nonlocal fails
        fails -= 1
        if fails == 0:
            return client
        raise OSError

    def spread(low, high):
        assert low == 0.1
        longest.append(high)
        return 0.0

    loop = SyncLoop(alice, factory, spread=spread)
    loop.start()
    await alice.until(lambda: alice.states[-1:] == ["online"])
    await loop.stop()
    assert longest == [2, 4, 8, 16, 32, 60, 60]
    assert loop._longest_s == 2


async def test_group_that_is_made_later_is_heard_without_a_new_connection(relay, loops, new_id, new_capability):
    """A guest may follow a group before the founder's device has made it at the service."""
    alice, bob, group, capability = MemorySide(), MemorySide(), new_id(), new_capability()
    bob.join(group, capability)
    loops(bob)
    await bob.until(lambda: "online" in bob.states)
    alice.join(group, capability)
    alice.post(group, b"")
    alice.post(group, b"made later")
    loops(alice)
    await bob.until(lambda: bob.bodies == [b"made later"])


# Capabilities and inboxes


async def test_everybody_who_learns_the_next_capability_goes_on(pair, loops, new_capability):
    alice, bob, group = pair
    following = new_capability()
    bob.learns = {b"commit": following}
    of_alice, of_bob = loops(alice), loops(bob)
    alice.post(group, b"commit", epoch=0, next_capability=following)
    alice.post(group, b"after it")
    of_alice.wake()
    await bob.until(lambda: bob.bodies == [b"commit", b"after it"])
    bob.post(group, b"answer")
    of_bob.wake()
    await alice.until(lambda: alice.bodies == [b"commit", b"after it", b"answer"])
    assert alice.out == bob.out == []
    assert not alice.refused


async def test_member_who_does_not_learn_the_next_capability_is_told_that_it_is_out(pair, loops, new_capability):
    alice, bob, group = pair
    following = new_capability()
    of_alice, of_bob = loops(alice), loops(bob)
    await bob.until(lambda: bob.states[-1:] == ["online"])
    alice.post(group, b"commit", epoch=0, next_capability=following)
    alice.post(group, b"not for bob")
    of_alice.wake()
    await bob.until(lambda: bob.out == [group])
    late = bob.post(group, b"too late")
    of_bob.wake()
    await alice.until(lambda: len(alice.received) == 2)
    assert bob.bodies == [b"commit"]
    assert [item.cid for item in bob.waiting] == [late]
    assert late not in bob.refused


async def test_what_was_sealed_before_the_change_waits_and_goes_with_the_next_capability(
    pair, loops, device, new_id, new_capability
):
    alice, bob, group = pair
    following = new_capability()
    bob.learns = {b"commit": following}
    client = device()
    await client.create_group(group, alice.groups[group])
    await client.append(group, alice.groups[group], new_id(), b"commit", epoch=0, next_capability=following)
    for body in (b"one", b"two"):
        bob.post(group, body)
    lost = bob.post(group, b"commit of mine", epoch=0, next_capability=new_capability())
    loops(bob)
    await bob.until(lambda: bob.bodies == [b"commit", b"one", b"two"] and not bob.waiting)
    assert bob.refused == {lost: (409, "epoch")}


async def test_inbox_is_sent_read_and_emptied(pair, loops, device):
    alice, bob, _ = pair
    of_alice, client = loops(alice), device()
    loops(bob, client)
    await bob.until(lambda: bob.states[-1:] == ["online"])
    sent = [alice.post_to(client._device, b"welcome %d" % n) for n in range(3)]
    of_alice.wake()
    await bob.until(lambda: [item.body for item in bob.inbox] == [b"welcome 0", b"welcome 1", b"welcome 2"])
    assert [alice.sent.get(cid) for cid in sent[:2]] == [0, 0]
    async with asyncio.timeout(20):
        while await client.inbox(0):
            pass  # each look is a call


async def test_envelope_for_a_group_that_is_not_there_yet_waits_for_it(pair, loops):
    """A guest may be quicker than the founder, whose device makes the group at the service."""
    alice, bob, group = pair
    bob.post(group, b"early")
    loops(bob)
    await bob.until(lambda: "online" in bob.states)
    loops(alice)
    for side in (alice, bob):
        await side.until(lambda side=side: side.bodies == [b"early"])
    assert not bob.refused
