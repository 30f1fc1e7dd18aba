"""Many events of one group that share a commit: nothing is lost, doubled or torn by that."""

import copy
import json
from dataclasses import replace

import pytest

from companion.chat.message import REACTIONS, Message, messages_table
from companion.errors import StoreError
from companion.mls import group as mls
from companion.ports import RelayEvent
from companion.wire import SUITE_MLS, format_envelope
from tests.fakes import NOW_MS, PASSPHRASE
from tests.unit.app.groups.conftest import core, let_in, said

IDS = [f"{number:032x}" for number in range(1, 100)]


def line(number, **more):
    return {"kind": "message", "id": IDS[number], "text": f"line {number}", "at_ms": NOW_MS, **more}


class Log:
    """What Alice says, in sealed envelopes that only wait to be handed to Bob."""

    def __init__(self, alice, bob, group):
        self.alice, self.bob, self.group = alice, bob, group
        self.events = []

    async def say(self, *contents):
        tools = core(self.alice).groups.tools
        known, state = await tools.group(self.group), await tools.key_states.of(self.group)
        environment = tools.key_states.environment(known.known, NOW_MS)
        keys = state.keys
        for content in contents:
            keys, message = mls.protect(keys, json.dumps(content).encode(), environment)
            await self.add(format_envelope(SUITE_MLS, message))
        tools.key_states._cache[self.group] = replace(state, keys=keys)

    async def add(self, body, cid=""):
        cursor = (await core(self.bob).groups.group(self.group)).cursor
        seq = cursor + 1 + len(self.events)
        event = RelayEvent(group=self.group, seq=seq, cid=cid or f"{seq:032x}", at_ms=NOW_MS, body=body)
        self.events.append(event)

    async def hand_over(self, *events):
        """Return how many commits it took."""
        before = commits(self.bob)
        await self.bob.network.sides["local"].receive(tuple(events or self.events))
        return commits(self.bob) - before


def commits(desk):
    return sum(call[0] == "commit" for call in desk.calls if call)


@pytest.fixture
def log(alice, bob, group):
    return Log(alice, bob, group)


async def known(desk, group):
    return await core(desk).groups.group(group)


async def texts(desk, group):
    return [text for _, text in await said(desk, group)]


async def test_lines_that_wait_together_are_one_commit(log, bob, group):
    await log.say(*(line(n) for n in range(50)))
    assert await log.hand_over() == 1
    assert await texts(bob, group) == [f"line {n}" for n in range(50)]
    assert (await known(bob, group)).cursor == log.events[-1].seq


async def test_bad_envelope_in_the_middle_is_counted_and_the_others_are_there(log, bob, group):
    await log.say(line(0), line(1))
    await log.add(b"rubbish")
    await log.say(line(2))
    bad = replace(log.events[1], body=log.events[1].body[:-1] + bytes([log.events[1].body[-1] ^ 1]))
    assert await log.hand_over(log.events[0], bad, *log.events[2:]) == 1
    assert await texts(bob, group) == ["line 0", "line 2"]
    assert (await known(bob, group)).unopened == 2
    assert bob.network.sides["local"].rejected == 2


async def test_a_message_is_changed_by_what_comes_right_behind_it(log, alice, bob, group):
    await log.say(
        line(0),
        {"kind": "edit", "id": IDS[0], "text": "said better"},
        {"kind": "react", "id": IDS[0], "emoji": REACTIONS[0], "on": True},
        line(1),
        {"kind": "delete", "id": IDS[1]},
        line(2, reply_to=IDS[0]),
    )
    assert await log.hand_over() == 1
    first, second, third = (
        Message.from_doc(doc) for doc in bob.vault.store.tables[messages_table(group)].values() if doc["_id"] in IDS
    )
    assert (first.text, first.edited_ms, len(first.reactions)) == ("said better", NOW_MS, 1)
    assert second.is_deleted
    assert third.reply_to == first.id


async def test_message_id_that_was_used_right_before_is_refused(log, bob, group):
    await log.say(line(0), line(0, text="another"), line(1))
    await log.hand_over()
    assert await texts(bob, group) == ["line 0", "line 1"]


@pytest.mark.parametrize("cid", ["same", "other"])
async def test_envelope_that_is_repeated_right_behind_itself_counts_once(log, bob, group, cid):
    await log.say(line(0))
    await log.add(log.events[0].body, log.events[0].cid if cid == "same" else "ab" * 16)
    await log.say(line(1))
    await log.hand_over()
    assert await texts(bob, group) == ["line 0", "line 1"]
    assert (await known(bob, group)).unopened == 1


async def test_change_of_keys_in_the_middle_is_a_commit_by_itself(alice, bob, carol, relay, group):
    cursor = (await known(bob, group)).cursor
    for number in range(3):
        await core(alice).chat.post(group, f"before {number}")
    await alice.network.exchange()
    await let_in(alice, carol, group)
    for number in range(3):
        await core(alice).chat.post(group, f"after {number}")
    await alice.network.exchange()
    waiting = relay.logs[group][cursor:]
    epoch, before = (await known(bob, group)).epoch, commits(bob)
    await bob.network.sides["local"].receive(tuple(waiting))
    assert await texts(bob, group) == [f"before {n}" for n in range(3)] + [f"after {n}" for n in range(3)]
    assert (await known(bob, group)).epoch == epoch + 1
    # the lines before, who is joining, the change of keys, the lines after
    assert commits(bob) - before == 4


async def test_commit_that_fails_leaves_memory_as_it_was(log, bob, group):
    await log.say(*(line(n) for n in range(5)))
    before = copy.deepcopy(bob.vault.store.tables)
    bob.vault.store.fails = True
    with pytest.raises(StoreError):
        await log.hand_over()
    bob.vault.store.fails = False
    assert bob.vault.store.tables == before
    assert await log.hand_over() == 1
    assert await texts(bob, group) == [f"line {n}" for n in range(5)]
    assert (await known(bob, group)).unopened == bob.network.sides["local"].rejected == 0


async def test_power_that_goes_between_two_batches_leaves_the_first_whole(log, bob, group):
    await log.say(*(line(n) for n in range(9)))
    store, plain = bob.vault.store, bob.vault.store.commit

    async def commit(change):
        await plain(change)
        store.fails = True

    store.commit = commit
    await log.hand_over(*log.events[:4])
    with pytest.raises(StoreError):
        await log.hand_over(*log.events[4:])
    store.fails, store.commit = False, plain
    await bob.companion.lock()
    await bob.companion.unlock(passphrase=PASSPHRASE)
    assert await texts(bob, group) == [f"line {n}" for n in range(4)]
    await log.hand_over()
    assert await texts(bob, group) == [f"line {n}" for n in range(9)]


async def test_event_that_raises_takes_nothing_of_the_others_with_it(log, bob, group):
    """What raises is no bad envelope but a fault of ours: the loop hands the others over without it."""
    await log.say(*(line(n) for n in range(5)))
    contents = core(bob).groups.tools.contents
    plain = contents.take_in

    async def take_in(group, seat, content, **more):
        if content["id"] == IDS[2]:
            raise RuntimeError("a fault of ours")
        return await plain(group, seat, content, **more)

    contents.take_in = take_in
    before = copy.deepcopy(bob.vault.store.tables)
    with pytest.raises(RuntimeError):
        await log.hand_over()
    assert bob.vault.store.tables == before
    for event in (log.events[0], log.events[1], *log.events[3:]):
        await log.hand_over(event)
    assert await texts(bob, group) == ["line 0", "line 1", "line 3", "line 4"]
