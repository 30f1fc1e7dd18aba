"""A service was moved, and a copy of its old folder served once more at its address: nothing written there is lost.

The copy is of before the folder was marked. People are the real core and loop; who is closed meets only the new one.
"""

import asyncio
import contextlib
import secrets
import shutil

import pytest

from companion.ports import RelayEvent
from tests.integration.peers import Peer, all_closed, let_in
from tests.integration.people import until
from tests.integration.relay_operator import operate
from tests.integration.test_groups_bad_days import agree, is_idle, is_member
from tests.relay_process import RelayProcess

WRITTEN = 81  # in ten seconds, when it happened


class Service:
    """One address, at which the old folder or the new database serves."""

    def __init__(self, old, new):
        self.old, self.new = old, new
        new.port = old.port

    async def move(self, database):
        await asyncio.to_thread(self.old.stop)
        copy = self.old.data.with_name("copy")
        await asyncio.to_thread(shutil.copytree, self.old.data, copy)
        moved = await asyncio.to_thread(operate, "migrate", "--data", self.old.data, "--database", database)
        assert moved.returncode == 0, moved.stderr
        self.old.data = copy

    async def serve(self, which):
        for one in (self.old, self.new):
            if one.process is not None:
                await asyncio.to_thread(one.stop)
        await asyncio.to_thread(which.start)


@pytest.fixture
async def moved(relay, tmp_path, request):
    """Alice, Bob and Carol in one group; the service was moved to PostgreSQL and is down."""
    database = request.getfixturevalue("postgres").create_database(secrets.token_hex(8))
    peers = [await Peer(name=name, service=relay.url).begin() for name in ("Alice", "Bob", "Carol")]
    service = Service(relay, RelayProcess(tmp_path / "node", "--database", database))
    try:
        async with all_closed(peers):
            group = (await peers[0].opened.groups.create("Leads", "pine")).id
            await until(lambda: is_idle(peers[0], group))
            for guest in peers[1:]:
                await let_in(peers[0], guest, group)
            await until(lambda: agree(peers, group))
            await peers[2].say(group, "Before the move")
            await until(lambda: have(peers, group, ["Before the move"]))
            await service.move(database)
            yield (*peers, group, service)
    finally:
        service.new.close()


async def have(peers, group, texts):
    """Each of these is with everybody, once, in one order, and nothing waits or was refused."""
    found = set()
    for peer in peers:
        messages = await peer.messages(group)
        if sorted(text for _, text in messages) != sorted(texts) or peer.vault.store.tables.get("waiting"):
            return False
        if not await is_idle(peer, group):
            return False
        found.add(tuple(messages))
    return len(found) == 1


async def write(peers, group, count, what="written"):
    """Let these people write in turn, and wait until all of them have it."""
    texts = [f"{what} {n}" for n in range(count)]
    for n, text in enumerate(texts):
        await peers[n % len(peers)].say(group, text)
    await until(lambda: all_sent(peers, group, texts))
    return texts


async def all_sent(peers, group, texts):
    """Whether these people see each of the texts as sent."""
    for peer in peers:
        docs = peer.vault.store.tables.get(f"msg:{group}", {}).values()
        if not set(texts) <= {doc["text"] for doc in docs if doc["state"] in ("sent", "received")}:
            return False
    return True


@pytest.mark.parametrize("there", [0, 7, 80, 100], ids=lambda n: f"{n} there")
async def test_everybody_has_every_message_once_and_in_one_order(moved, there):
    alice, bob, carol, group, service = moved
    await carol.end()
    await service.serve(service.old)
    here = await write([alice, bob], group, WRITTEN)
    await alice.end()
    await bob.end()
    await service.serve(service.new)
    await carol.on()
    elsewhere = await write([carol], group, there, "elsewhere")
    await alice.on()
    await bob.on()
    everything = ["Before the move", *here, *elsewhere]
    await until(lambda: have([alice, bob, carol], group, everything))
    await bob.say(group, "All here?")
    await until(lambda: have([alice, bob, carol], group, [*everything, "All here?"]))
    assert await agree([alice, bob, carol], group)


async def test_those_who_stay_open_meanwhile_find_it_out_by_themselves(moved):
    """The new one serves, then the old unit for a while, then the new one again: ten seconds in the middle of a day."""
    alice, bob, carol, group, service = moved
    await service.serve(service.new)
    first = await write([alice, bob, carol], group, 6, "at first")
    await service.serve(service.old)
    here = await write([alice, bob], group, 10)
    await service.serve(service.new)
    await until(lambda: have([alice, bob, carol], group, ["Before the move", *first, *here]))


async def test_somebody_who_was_let_in_there_stays_in(moved, relay):
    alice, bob, carol, group, service = moved
    await carol.end()
    await service.serve(service.old)
    here = await write([alice, bob], group, 6)
    dan = await Peer(name="Dan", service=relay.url).begin()
    async with all_closed([dan]):
        await let_in(alice, dan, group)
        await until(lambda: is_member(dan, group))
        await until(lambda: is_idle(alice, group))
        later = await write([alice, bob, dan], group, 9, "with Dan")
        for peer in (alice, bob, dan):
            await peer.end()
        await service.serve(service.new)
        await carol.on()
        elsewhere = await write([carol], group, 4, "elsewhere")
        for peer in (dan, bob, alice):
            await peer.on()
        await until(lambda: have([alice, bob, carol], group, ["Before the move", *here, *later, *elsewhere]))
        await until(lambda: agree([alice, bob, carol, dan], group))
        await dan.say(group, "I am in")
        await until(lambda: all_sent([alice, bob, carol, dan], group, [*later, "I am in"]))


async def test_what_was_written_in_keys_that_are_over_there_is_sealed_anew(moved, relay):
    """Carol let somebody in at the new service: nobody reads any more what was sealed before."""
    alice, bob, carol, group, service = moved
    await carol.end()
    await service.serve(service.old)
    here = await write([alice, bob], group, 6)
    await alice.opened.chat.react(group, await id_of(alice, group, here[1]), "👍", is_on=True)
    await until(lambda: is_idle(alice, group))
    await alice.end()
    await bob.end()
    await service.serve(service.new)
    await carol.on()
    erin = await Peer(name="Erin", service=relay.url).begin()
    async with all_closed([erin]):
        await let_in(carol, erin, group)
        await until(lambda: is_member(erin, group))
        elsewhere = await write([carol, erin], group, 4, "elsewhere")
        await alice.on()
        await bob.on()
        await until(lambda: have([alice, bob, carol], group, ["Before the move", *here, *elsewhere]))
        await until(lambda: all_sent([erin], group, here))
        await until(lambda: has_one_reaction(erin, group, here[1]))  # it comes in an envelope of its own
        await until(lambda: agree([alice, bob, carol, erin], group))


async def has_one_reaction(peer, group, text):
    messages = await peer.opened.chat.messages(group)
    return [len(m.reactions) for m in messages if m.text == text] == [1]


async def id_of(peer, group, text):
    return next(m.id for m in await peer.opened.chat.messages(group) if m.text == text)


async def test_keys_that_changed_at_both_leave_nothing_sent_that_others_lack(moved, relay):
    alice, bob, carol, group, service = moved
    await carol.end()
    await service.serve(service.old)
    here = await write([alice, bob], group, 4)
    dan, erin = [await Peer(name=name, service=relay.url).begin() for name in ("Dan", "Erin")]
    async with all_closed([dan, erin]):
        await let_in(alice, dan, group)
        await until(lambda: is_member(dan, group))
        later = await write([alice, bob], group, 4, "with Dan")
        for peer in (alice, bob, dan, erin):
            await peer.end()
        await service.serve(service.new)
        await carol.on()
        await erin.on()
        await let_in(carol, erin, group)
        await until(lambda: is_member(erin, group))
        elsewhere = await write([carol, erin], group, 4, "elsewhere")
        await alice.on()
        await bob.on()
        await until(lambda: all_sent([alice, bob, carol, erin], group, [*here, *later]))
        await until(lambda: agree([alice, bob, carol, erin], group))
        for peer in (alice, bob, carol, erin):
            texts = [text for _, text in await peer.messages(group)]
            assert len(texts) == len(set(texts))
        assert set(elsewhere) <= {text for _, text in await carol.messages(group)}


@pytest.mark.parametrize("commits", [1, 2, 3, 4, 5])
async def test_power_that_fails_on_the_way_back_loses_nothing(moved, commits):
    alice, bob, carol, group, service = moved
    await carol.end()
    await service.serve(service.old)
    here = await write([alice, bob], group, 10)
    await alice.end()
    await bob.end()
    await service.serve(service.new)
    await carol.on()
    elsewhere = await write([carol], group, 3, "elsewhere")
    await alice.cut(commits)
    await alice.on()
    await until(lambda: is_cut(alice))
    await alice.end()
    await alice.on()
    await bob.on()
    await until(lambda: have([alice, bob, carol], group, ["Before the move", *here, *elsewhere]))


async def is_cut(peer):
    return not peer.vault.store.is_open


async def test_receipt_of_the_old_service_is_no_word_for_ever(moved, monkeypatch):
    """It took a line and ended before it handed it out again: whoever sent it still stands before the parting."""
    alice, bob, carol, group, service = moved
    await bob.end()
    await carol.end()
    await service.serve(service.old)
    client = await alice.network.relay(alice.service)
    hears = asyncio.Event()
    monkeypatch.setattr(client, "stream", without_events(client.stream, hears))
    await service.serve(service.old)  # the stream that was open ends with it
    await alice.say(group, "Taken and gone")
    await until(lambda: all_sent([alice], group, ["Taken and gone"]))
    hears.set()
    await service.serve(service.new)
    await bob.on()
    await carol.on()
    await until(lambda: have([alice, bob, carol], group, ["Before the move", "Taken and gone"]))


def without_events(plain, hears):
    async def stream(*args, **more):
        async with contextlib.aclosing(plain(*args, **more)) as items:
            async for item in items:
                if hears.is_set() or not isinstance(item, RelayEvent):
                    yield item

    return stream
