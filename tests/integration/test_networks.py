"""Networks that meddle with the way to the service, in front of a real one."""

import asyncio

import pytest

from companion.errors import CompanionError, OtherAnswers
from services.sync.answers import Live
from services.sync.paging import FAILS_MOST
from tests.integration.people import PASSPHRASE, Person, until
from tests.integration.test_thread import befriend
from tests.proxy import CUTS, HOLDS, PAGES, PASSES, Proxy
from tests.relay_process import RelayProcess

STREAM = "/v1/stream"


@pytest.fixture
async def network(tmp_path):
    """A proxy in front of a relay that knows the proxy's address for its own."""
    async with Proxy() as proxy:
        relay = RelayProcess(tmp_path / "relay", "--origin", proxy.url)
        relay.start()
        proxy.upstream = relay.port
        yield proxy
        relay.close()


@pytest.fixture
async def pair(network, tmp_path):
    people = [Person(tmp_path / name, network.url) for name in ("ann", "bob")]
    for person, name in zip(people, ("Ann", "Bob"), strict=True):
        await person.begin(name)
    yield people
    for person in people:
        await person.companion.lock()


async def test_group_made_before_signing_in_to_a_guest_network_is_there_afterwards(network, pair):
    ann, bob = pair
    await ann.opened.groups.create("Before", "pine")

    async def is_online():
        return ann.opened.groups.sync_state(network.url) == "online"

    await until(is_online)
    network.treats = lambda path: PASSES if path == STREAM else PAGES
    made = await ann.opened.groups.create("On guest Wi-Fi", "pine")

    async def was_answered():
        return ("/v1/groups", PAGES) in network.seen

    async def is_named():
        return isinstance(ann.opened.groups.sync_trouble(network.url), OtherAnswers)

    await until(was_answered)
    await until(is_named)
    network.treats = lambda path: PASSES

    async def invited():
        try:
            invite = await ann.opened.groups.invite(made.id)
            await bob.opened.groups.join(await bob.opened.groups.look_at(invite.code.link))
        except CompanionError:
            return False
        return True

    async def is_in():
        group = await bob.opened.groups.group(made.id)
        return group is not None and group.state == "member"

    await until(invited)
    await until(is_in)


@pytest.mark.parametrize("how", [HOLDS, CUTS])
async def test_messages_go_and_come_where_streams_do_not(network, pair, how):
    ann, bob = pair
    group = await befriend(ann, bob)
    await ann.companion.lock()
    network.treats = lambda path: how if path == STREAM else PASSES
    network.seen.clear()
    await ann.companion.unlock(passphrase=PASSPHRASE)
    await bob.opened.chat.post(group, "Are you there?")
    await ann.opened.chat.post(group, "Behind the proxy")

    async def came_and_went():
        lines = await ann.lines(group)
        return any(text == "Are you there?" for _, text, _ in lines) and ("Ann", "Behind the proxy", "sent") in lines

    await until(came_and_went, 40)
    assert ann.opened.groups.sync_every_s(network.url) == 20
    assert ann.opened.groups.sync_state(network.url) == "online"
    assert network.seen.count((STREAM, how)) <= 2 * FAILS_MOST  # of both


async def test_brief_stream_comes_through_where_answers_are_held_until_they_are_whole(network, device_at):
    network.treats = lambda path: HOLDS
    client = device_at(network.url)
    async with asyncio.timeout(10):
        items = [item async for item in client.stream((), inbox=0, is_brief=True)]
    assert items == [Live()]
