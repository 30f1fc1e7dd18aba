"""However events are divided into commits, the store holds the same in the end."""

import asyncio
import copy
import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.app.overlay import Overlay
from companion.mls import group as mls
from companion.ports import Change, Drop, RelayEvent
from companion.wire import SUITE_MLS, format_envelope
from tests.fake_store import FakeStore
from tests.fakes import NOW_MS, Desk, make_pair
from tests.property.test_chat_contents import IDS, contents
from tests.unit.app.test_overlay import edit, put

TABLES, DOCS = ["a", "b"], ["1", "2"]
keys = st.tuples(st.sampled_from(TABLES), st.sampled_from(DOCS))
changes = st.builds(
    Change,
    put=st.lists(st.builds(put, keys, st.integers(0, 5)), max_size=2).map(tuple),
    edit=st.lists(st.builds(edit, keys, st.integers(0, 5), st.booleans()), max_size=2).map(tuple),
    drop=st.lists(keys.map(lambda key: Drop(*key)), max_size=1).map(tuple),
)


@given(st.lists(keys, max_size=3), st.lists(changes, max_size=8))
async def test_one_commit_leaves_what_many_would_have_left(there, many):
    one_by_one, at_once = FakeStore([]), FakeStore([])
    first = Change(put=tuple(put(key, 9) for key in there))
    await one_by_one.commit(first)
    await at_once.commit(first)
    overlay = Overlay(at_once)
    for change in many:
        if not overlay.fits(change):
            await at_once.commit(overlay.change)
            overlay = Overlay(at_once)
        overlay.take(change)
        await one_by_one.commit(change)
        for table in TABLES:
            for id in DOCS:
                assert await overlay.get(table, id) == await one_by_one.get(table, id)
    await at_once.commit(overlay.change)
    for table in TABLES:
        assert at_once.tables.get(table, {}) == one_by_one.tables.get(table, {})


lines = st.builds(
    lambda id, text, answers: {"kind": "message", "id": id, "text": text, "at_ms": NOW_MS, "reply_to": answers},
    IDS,
    st.text("abc", min_size=1, max_size=5),
    IDS | st.just(""),
)
later = st.one_of(
    st.builds(lambda id, text: {"kind": "edit", "id": id, "text": text}, IDS, st.text("xyz", min_size=1, max_size=5)),
    st.builds(lambda id: {"kind": "delete", "id": id}, IDS),
    st.builds(lambda id, on: {"kind": "react", "id": id, "emoji": "+", "on": on}, IDS, st.booleans()),
)
envelopes = lines | later | contents | st.sampled_from(["rubbish", "emptied", "again"])


async def _two() -> tuple[Desk, Desk, str]:
    alice = await Desk("Alice Fern").set_up()
    bob = await Desk("Bob Reed", alice.relay).set_up()
    return alice, bob, await make_pair(alice, bob)


@pytest.fixture(scope="module")
def pair() -> tuple[Desk, Desk, str]:
    return asyncio.run(_two())


@settings(max_examples=60, deadline=None)
@given(said=st.lists(envelopes, min_size=1, max_size=12), cuts=st.sets(st.integers(1, 11)))
def test_any_split_into_batches_leaves_what_one_by_one_leaves(
    pair: tuple[Desk, Desk, str], said: list[dict[str, object] | str], cuts: set[int]
) -> None:
    asyncio.run(_check(pair, said, sorted(cuts)))


async def _check(pair: tuple[Desk, Desk, str], said: list[dict[str, object] | str], cuts: list[int]) -> None:
    alice, bob, group = pair
    events = await _sealed(alice, bob, group, said)
    before = copy.deepcopy(bob.vault.store.tables)
    one_by_one = await _outcome(bob, [(event,) for event in events])
    _go_back(bob, before)
    ends = [0, *(cut for cut in cuts if cut < len(events)), len(events)]
    batches = [tuple(events[start:end]) for start, end in pairwise(ends)]
    assert await _outcome(bob, batches) == one_by_one
    _go_back(bob, before)


async def _sealed(alice: Desk, bob: Desk, group: str, said: list[dict[str, object] | str]) -> list[RelayEvent]:
    tools = alice.companion.opened.groups.tools
    known, state = await tools.group(group), await tools.key_states.of(group)
    environment, moved = tools.key_states.environment(known.known, NOW_MS), state.keys
    seq, events = (await bob.companion.opened.groups.group(group)).cursor, list[RelayEvent]()
    for number, content in enumerate(said, 1):
        cid = f"{seq + number:032x}"
        if content == "again" and events:
            body, cid = events[-1].body, events[-1].cid
        elif isinstance(content, str):
            body = b"" if content == "emptied" else b"rubbish"
        else:
            moved, message = mls.protect(moved, json.dumps(content).encode(), environment)
            body = format_envelope(SUITE_MLS, message)
        events.append(RelayEvent(group=group, seq=seq + number, cid=cid, at_ms=NOW_MS, body=body))
    return events


async def _outcome(bob: Desk, batches: list[tuple[RelayEvent, ...]]) -> dict[str, list[dict[str, object]]]:
    for batch in batches:
        await bob.network.sides["local"].receive(batch)
    return {
        table: [_comparable(doc) for doc in docs.values()] for table, docs in bob.vault.store.tables.items() if docs
    }


def _comparable(doc: dict[str, object]) -> dict[str, object]:
    """A line that the app makes by itself has another id each time."""
    return {**doc, "_id": ""} if doc.get("kind") == "emptied" else doc


def _go_back(bob: Desk, tables: dict[str, dict[str, dict[str, object]]]) -> None:
    """Put the store back, and let the app forget what it holds of it."""
    bob.vault.store.tables = copy.deepcopy(tables)
    opened = bob.companion.opened
    opened.groups.tools.key_states._cache.clear()
    for forget in opened._context.in_doubt:
        forget()
