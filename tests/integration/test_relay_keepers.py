"""Logs with a keeper, and erasing, over HTTP: each refusal once, and what readers see. One relay for all of it."""

import asyncio
import contextlib
import json
import secrets
from contextlib import aclosing, closing
from dataclasses import dataclass

import apsw
import pytest

from companion.errors import RelayRefused
from companion.ports import Limits, RelayEvent
from companion.wire import format_notice, read_notice
from services.sync.answers import Live
from services.sync.client import RelayClient
from services.sync.protocol import encode_octets, erase_hash
from tests.integration.conftest import new_client
from tests.integration.devices import DEADLINE_S, cursor, raw
from tests.integration.push_service import Receiver

NONE = Limits(events=0, bytes=0, first=0)


@dataclass(slots=True)
class Place:
    """A log, and what opens it."""

    client: RelayClient
    group: str
    capability: str
    keeper: str

    async def say(self, body, **more):
        return await self.client.append(self.group, self.capability, new(), body, **more)

    async def bodies(self):
        return [event.body for event in await self.client.events(self.group, self.capability, 0)]

    async def turn(self, epoch, **changes):
        following = {"next_capability": secrets.token_hex(32), "next_keeper": secrets.token_hex(32)}
        cid, given = new(), {"epoch": epoch, "keeper": self.keeper, **following, **changes}
        receipt = await self.client.append(self.group, self.capability, cid, b"turn", **given)
        self.capability, self.keeper = following["next_capability"], following["next_keeper"]
        return receipt, cid, given


def new():
    return secrets.token_hex(16)


@pytest.fixture
async def another(standing_relay):
    async with contextlib.AsyncExitStack() as stack:

        def make():
            client = new_client(standing_relay.url)
            stack.push_async_callback(client.close)
            return client

        yield make


@pytest.fixture
async def place(another):
    """A log with a keeper and no limits."""
    made = Place(another(), new(), secrets.token_hex(32), secrets.token_hex(32))
    await made.client.create_group(made.group, made.capability, keeper=made.keeper, keep_days=0, limits=NONE)
    return made


@pytest.fixture
async def plain(another):
    """A group without a keeper."""
    made = Place(another(), new(), secrets.token_hex(32), secrets.token_hex(32))
    await made.client.create_group(made.group, made.capability)
    return made


async def refusal(call):
    with pytest.raises(RelayRefused) as refused:
        await call
    return refused.value.status, refused.value.reason


async def test_service_says_that_it_knows_keepers(another):
    assert (await another().about()).has_spaces


async def test_same_log_made_again_is_the_same_and_another_keeper_is_refused(place, another):
    await place.client.create_group(place.group, place.capability, keeper=place.keeper, limits=NONE)
    for keeper in (None, secrets.token_hex(32)):
        assert await refusal(another().create_group(place.group, place.capability, keeper=keeper)) == (409, "exists")


async def test_limits_without_a_keeper_are_refused(another):
    assert await refusal(another().create_group(new(), secrets.token_hex(32), limits=NONE)) == (400, "bad-request")


async def test_turn_replaces_capability_and_keeper_at_once(place):
    capability, keeper = place.capability, place.keeper
    await place.turn(0)
    assert await refusal(place.client.append(place.group, capability, new(), b"x")) == (403, "rotated")
    assert await refusal(place.say(b"x", epoch=1, keeper=keeper)) == (403, "keeper")
    receipt, _, _ = await place.turn(1)
    assert receipt.seq == 2


async def test_turn_whose_answer_was_lost_gets_its_receipt_by_what_was_in_force(place):
    capability = place.capability
    receipt, cid, given = await place.turn(0)
    assert await place.client.append(place.group, capability, cid, b"turn", **given) == receipt


async def test_commit_without_the_keeper_is_refused_and_a_late_one_learns_that_it_is_late(place):
    assert await refusal(place.say(b"x", epoch=0)) == (403, "keeper")
    assert await refusal(place.say(b"x", epoch=3)) == (409, "epoch")
    assert await place.bodies() == []


@pytest.mark.parametrize("lacking", ["next_capability", "next_keeper"])
async def test_turn_that_names_half_of_what_follows_is_refused(place, lacking):
    assert await refusal(place.turn(0, **{lacking: None})) == (400, "bad-request")


async def test_keeper_that_is_shown_must_be_the_one_in_force(place):
    assert await refusal(place.say(b"x", keeper=secrets.token_hex(32))) == (403, "keeper")
    assert (await place.say(b"x", keeper=place.keeper)).seq == 1


async def test_next_keeper_needs_an_epoch(place):
    assert await refusal(place.say(b"x", next_keeper=secrets.token_hex(32))) == (400, "bad-request")


async def test_group_without_a_keeper_takes_none(plain):
    client, group, capability, keeper = plain.client, plain.group, plain.capability, plain.keeper
    for more in ({"keeper": keeper}, {"epoch": 0, "next_keeper": keeper}):
        assert await refusal(plain.say(b"x", **more)) == (400, "bad-request")
    assert await refusal(client.keep_for(group, capability, 3, keeper=keeper)) == (400, "bad-request")
    for call in (
        client.empty(group, capability, keeper, (1,)),
        client.set_limits(group, capability, keeper, NONE),
        client.drop_group(group, capability, keeper),
    ):
        assert await refusal(call) == (404, "unknown")
    await client.keep_for(group, capability, 3)


async def test_only_the_keeper_changes_what_a_log_keeps_and_takes(place):
    client, group, capability, wrong = place.client, place.group, place.capability, secrets.token_hex(32)
    await place.say(b"x")
    for call in (
        client.keep_for(group, capability, 3),
        client.keep_for(group, capability, 3, keeper=wrong),
        client.set_limits(group, capability, wrong, NONE),
        client.empty(group, capability, wrong, (1,)),
        client.drop_group(group, capability, wrong),
    ):
        assert await refusal(call) == (403, "keeper")
    await client.keep_for(group, capability, 3, keeper=place.keeper)
    assert await place.bodies() == [b"x"]


async def test_keeper_alone_opens_nothing(place):
    client, group, wrong = place.client, place.group, secrets.token_hex(32)
    for call in (client.empty(group, wrong, place.keeper, (1,)), client.drop_group(group, wrong, place.keeper)):
        assert await refusal(call) == (404, "unknown")


async def test_emptied_events_keep_their_numbers_and_open_streams_see_them_empty(place, another):
    for body in (b"one", b"two", b"three"):
        await place.say(body)
    reader = another()
    async with asyncio.timeout(DEADLINE_S), aclosing(reader.stream((cursor(place.group, place.capability),))) as stream:
        while not isinstance(await anext(stream), Live):
            pass
        await place.say(b"four")  # the node has it in memory now
        assert (await anext(stream)).body == b"four"
        for _ in range(2):
            await place.client.empty(place.group, place.capability, place.keeper, (2, 4))
    assert await place.bodies() == [b"one", b"", b"three", b""]


async def test_number_beyond_the_head_is_refused_and_nothing_is_emptied(place):
    await place.say(b"one")
    calls = place.client.empty(place.group, place.capability, place.keeper, (1, 2))
    assert await refusal(calls) == (409, "ahead")
    assert await place.bodies() == [b"one"]


@pytest.mark.parametrize("content", [b'{"seqs":[]}', b'{"seqs":[0]}', b'{"seqs":[true]}', b'{"seqs":{}}', b"{}"])
async def test_what_names_no_numbers_empties_nothing(place, content):
    headers = {"companion-capability": place.capability, "companion-keeper": place.keeper}
    answer = await raw(place.client, "POST", f"/v1/groups/{place.group}/empty", headers, content)
    assert answer.status_code == 400


async def test_dropped_log_is_gone_and_can_be_made_anew(place):
    await place.say(b"one")
    await place.client.drop_group(place.group, place.capability, place.keeper)
    assert await refusal(place.client.drop_group(place.group, place.capability, place.keeper)) == (404, "unknown")
    assert await refusal(place.say(b"x")) == (404, "unknown")
    await place.client.create_group(place.group, place.capability, keeper=place.keeper)
    assert (await place.say(b"anew")).seq == 1


async def test_device_over_a_logs_limit_is_told_when_to_come_back(place):
    await place.client.set_limits(place.group, place.capability, place.keeper, Limits(events=2, bytes=0, first=0))
    await place.say(b"1")
    await place.say(b"2")
    with pytest.raises(RelayRefused, match="429 slow-down") as refused:
        await place.say(b"3")
    assert 0 < refused.value.retry_after_s <= 86_400


async def test_whoever_knows_the_secret_erases_every_event_that_names_it(plain, another):
    secret = secrets.token_bytes(32)
    for body in (b"mine", b"mine again"):
        await plain.say(body, erase=erase_hash(secret).hex())
    await plain.say(b"stays")
    await plain.say(b"a commit", epoch=0, next_capability=plain.capability)
    stranger = another()
    for _ in range(2):
        await stranger.erase(plain.group, secret)
    bodies = await plain.bodies()
    assert bodies == [b"", b"", b"stays", b"a commit", format_notice(secret)]
    assert read_notice(bodies[-1]) == secret
    assert await refusal(plain.say(b"x", erase=erase_hash(secret).hex())) == (410, "erased")


async def test_sender_who_offers_an_erased_envelope_again_learns_that_it_was_erased(plain):
    secret, cid = secrets.token_bytes(32), new()
    given = (plain.group, plain.capability, cid, b"mine")
    await plain.client.append(*given, erase=erase_hash(secret).hex())
    await plain.client.erase(plain.group, secret)
    assert await refusal(plain.client.append(*given)) == (410, "erased")


async def test_erasing_is_announced_to_streams_at_once(plain, another):
    secret = secrets.token_bytes(32)
    await plain.say(b"mine", erase=erase_hash(secret).hex())
    reader = another()
    async with asyncio.timeout(DEADLINE_S), aclosing(reader.stream((cursor(plain.group, plain.capability),))) as stream:
        while not isinstance(await anext(stream), Live):
            pass
        await another().erase(plain.group, secret)
        item = await anext(stream)
    assert isinstance(item, RelayEvent)
    assert read_notice(item.body) == secret
    assert await plain.bodies() == [b"", item.body]


async def test_secret_that_nothing_names_is_remembered_for_members_only(plain, another):
    secret = secrets.token_bytes(32)
    for capability in (None, secrets.token_hex(32)):
        assert await refusal(another().erase(plain.group, secret, capability)) == (404, "unknown")
    assert await plain.bodies() == []
    await another().erase(plain.group, secret, plain.capability)
    assert await plain.bodies() == [format_notice(secret)]
    assert await refusal(plain.say(b"late", erase=erase_hash(secret).hex())) == (410, "erased")


async def test_group_that_is_not_there_erases_nothing(plain):
    assert await refusal(plain.client.erase(new(), bytes(32), plain.capability)) == (404, "unknown")


async def test_commit_cannot_be_erased(plain):
    assert await refusal(plain.say(b"x", epoch=0, erase="ab" * 32)) == (400, "bad-request")


async def test_envelope_under_the_notices_id_keeps_it_out(plain):
    """Only who knows the secret can put one there, and nobody else's envelope names it."""
    secret = secrets.token_bytes(32)
    await plain.say(b"mine", erase=erase_hash(secret).hex())
    cid = erase_hash(format_notice(secret)).hex()[:32]
    await plain.client.append(plain.group, plain.capability, cid, b"in the way")
    assert await refusal(plain.client.erase(plain.group, secret)) == (409, "other-bytes")
    assert await plain.bodies() == [b"mine", b"in the way"]


async def test_log_with_a_keeper_wakes_nobody(standing_relay, plain, place):
    """Neither a registration nor a stream notes that a device reads there; groups beside it are noted."""
    watcher = place.client
    fields = {
        "endpoint": "https://push.example.com/x",
        "p256dh": encode_octets(Receiver().p256dh),
        "auth": encode_octets(bytes(16)),
        "groups": [{"group": one.group, "capability": one.capability} for one in (plain, place)],
    }
    assert (await raw(watcher, "PUT", "/v1/push", content=json.dumps(fields).encode())).status_code == 201
    assert watched(standing_relay) == {plain.group}
    for one in (place, plain):
        await one.say(b"x")
    await raw(watcher, "PUT", "/v1/push", content=json.dumps({**fields, "groups": []}).encode())
    assert watched(standing_relay) == set()
    cursors = [cursor(one.group, one.capability) for one in (place, plain)]
    async with asyncio.timeout(DEADLINE_S), aclosing(watcher.stream(tuple(cursors))) as stream:
        await anext(stream)
        while True:
            if watched(standing_relay):
                break
            await asyncio.sleep(0.05)
    assert watched(standing_relay) == {plain.group}


def watched(relay):
    with closing(apsw.Connection(str(relay.data / "relay.db"), flags=apsw.SQLITE_OPEN_READONLY)) as database:
        return {group.hex() for (group,) in database.execute("select gid from push_watch")}
