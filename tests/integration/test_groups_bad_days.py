"""What goes wrong between devices and the service, once each, on a real relay: nobody is parted, nothing is lost."""

import asyncio
import subprocess
import sys

import pytest

from companion.errors import Offline, SyncError
from tests.integration.peers import Peer, all_closed, let_in
from tests.integration.people import until


@pytest.fixture
async def circle(relay):
    """Alice, Bob and Carol in one group."""
    peers = [await Peer(name=name, service=relay.url).begin() for name in ("Alice", "Bob", "Carol")]
    async with all_closed(peers):
        group = (await peers[0].opened.groups.create("Leads", "pine")).id
        await until(lambda: is_idle(peers[0], group))
        for guest in peers[1:]:
            await let_in(peers[0], guest, group)
        await until(lambda: agree(peers, group))
        yield (*peers, group)


async def is_idle(peer, group):
    return not await peer.opened.groups.tools.outbox.of_group(group)


async def agree(peers, group):
    """Everybody is a member in the same epoch, derives the same secret, and has nothing left to send."""
    found = []
    for peer in peers:
        kept = await peer.opened.groups.tools.key_states.of(group)
        known = await peer.opened.groups.group(group)
        if kept is None or known.state != "member" or not await is_idle(peer, group):
            return False
        found.append((kept.keys.epoch, known.capability, len(known.seats), known.cursor))
    return len(set(found)) == 1 and found[0][2] == len(peers)


async def all_have(peers, group, *texts):
    held = [[text for _, text in await peer.messages(group)] for peer in peers]
    return all(set(texts) <= set(some) for some in held)


async def in_one_order(peers, group):
    return len({tuple(await peer.messages(group)) for peer in peers}) == 1


async def test_commits_that_race_all_take_effect_one_after_the_other(circle, relay):
    *peers, group = circle
    guests = [await Peer(name=name, service=relay.url).begin() for name in ("Dan", "Erin", "Frank")]
    async with all_closed(guests):
        await asyncio.gather(*(let_in(host, guest, group) for host, guest in zip(peers, guests, strict=True)))
        await until(lambda: agree([*peers, *guests], group))
        await guests[2].say(group, "All six?")
        await until(lambda: all_have([*peers, *guests], group, "All six?"))


async def test_lost_replies_send_nothing_twice_and_lose_no_change(circle, relay, monkeypatch):
    alice, bob, carol, group = circle
    client = await alice.network.relay(relay.url)
    plain, lost = client.append, []

    async def append(*args, **more):
        receipt = await plain(*args, **more)
        if receipt.seq not in lost:
            lost.append(receipt.seq)
            raise Offline("the reply is lost")
        return receipt

    monkeypatch.setattr(client, "append", append)
    await alice.say(group, "Once")
    await alice.opened.groups.remove_member(group, carol.person)
    await until(lambda: agree([alice, bob], group))
    assert len(lost) >= 2
    assert [text for _, text in await bob.messages(group)].count("Once") == 1
    assert await in_one_order([alice, bob], group)


async def test_who_was_away_while_keys_changed_often_reads_and_is_read(circle, relay):
    """Bob sealed a line and lost his power before it left; the keys changed more often than old ones are kept."""
    alice, bob, carol, group = circle
    await bob.network.close()
    await bob.say(group, "From before")
    await bob.end()
    for number in range(6):
        await alice.say(group, f"meanwhile {number}")
        guest = await Peer(name=f"Guest {number}", service=relay.url).begin()
        async with all_closed([guest]):
            await let_in(alice, guest, group)
            await until(lambda guest=guest: is_member(guest, group))
            await alice.opened.groups.remove_member(group, guest.person)
            await until(lambda guest=guest: is_out(guest, group))
    await bob.on()
    everyone = [alice, bob, carol]
    texts = ["From before", *(f"meanwhile {n}" for n in range(6))]
    await until(lambda: all_have(everyone, group, *texts))
    await until(lambda: agree(everyone, group))
    assert await in_one_order(everyone, group)


async def is_member(peer, group):
    return await peer.state(group) == "member"


async def is_out(peer, group):
    return await peer.state(group) == "removed"


async def test_device_without_its_keys_is_let_back_in_by_another(circle):
    alice, bob, carol, group = circle
    await bob.say(group, "Before")
    await until(lambda: all_have([alice, bob, carol], group, "Before"))
    await bob.end()
    bob.vault.store.tables["mls"].clear()
    await carol.say(group, "In between")
    await bob.on()
    await until(lambda: agree([alice, bob, carol], group))
    await bob.say(group, "Back")
    await until(lambda: all_have([alice, bob, carol], group, "Back"))
    assert [kind for _, kind, person in await bob.lines(group) if person == bob.person][-1] == "gap"


async def test_removed_member_who_is_invited_again_reads_from_then_on(circle):
    alice, bob, carol, group = circle
    await alice.opened.groups.remove_member(group, bob.person)
    await until(lambda: is_out(bob, group))
    await carol.say(group, "Without Bob")
    await until(lambda: agree([alice, carol], group))
    await let_in(carol, bob, group)
    await until(lambda: agree([alice, bob, carol], group))
    await alice.say(group, "With Bob")
    await until(lambda: all_have([alice, bob, carol], group, "With Bob"))
    assert "Without Bob" not in [text for _, text in await bob.messages(group)]


async def test_restored_service_gets_back_what_it_lost(circle, relay, tmp_path):
    alice, bob, carol, group = circle

    def operate(*words):
        command = [sys.executable, "-m", "services.relay", *map(str, words)]
        subprocess.run(command, capture_output=True, timeout=60, check=True)

    await alice.say(group, "Before")
    await until(lambda: all_have([alice, bob, carol], group, "Before"))
    await asyncio.to_thread(operate, "backup", "--data", relay.data, tmp_path / "backup")
    await bob.say(group, "After the backup")
    await alice.opened.groups.remove_member(group, carol.person)  # the keys change, and the capability with them
    await until(lambda: agree([alice, bob], group))
    await alice.say(group, "In new keys")
    await until(lambda: all_have([alice, bob], group, "After the backup", "In new keys"))
    await asyncio.to_thread(relay.kill)
    relay.data = tmp_path / "restored"
    await asyncio.to_thread(operate, "restore", "--data", relay.data, tmp_path / "backup")
    await asyncio.to_thread(relay.start)
    await bob.say(group, "Anybody there?")
    await until(lambda: all_have([alice, bob], group, "Anybody there?"))
    await until(lambda: agree([alice, bob], group))
    await alice.say(group, "Yes")
    await until(lambda: all_have([alice, bob], group, "Before", "After the backup", "In new keys", "Yes"))
    assert await in_one_order([alice, bob], group)
    assert "In new keys" not in [text for _, text in await carol.messages(group)]


async def test_service_that_is_away_raises_nothing_at_whoever_speaks(circle, relay):
    alice, bob, carol, group = circle
    await asyncio.to_thread(relay.stop)
    await alice.say(group, "Is anybody there?")
    with pytest.raises(SyncError):
        await alice.opened.groups.invite(group)
    await asyncio.to_thread(relay.start)
    await until(lambda: all_have([alice, bob, carol], group, "Is anybody there?"))
