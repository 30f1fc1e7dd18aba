"""Whatever a member's app sends, it is rejected or leaves a valid conversation; and it never changes others' words."""

import asyncio
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.app.chat.receiving import Receiving
from companion.app.chat.sharing import open_file, seal_file
from companion.chat.agreement import Agreement
from companion.chat.message import Message, messages_table
from companion.chat.parsing import NUMBER_LIMIT
from companion.chat.polls import results
from companion.chat.private import open_private, private_content
from companion.chat.standing import Standing
from companion.crypto.primitives import dh_keypair
from companion.errors import MessageRejected
from tests.fakes import Desk, deliver, make_pair

KINDS = (
    "message",
    "poll",
    "decision",
    "edit",
    "delete",
    "react",
    "vote",
    "close",
    "got",
    "agreement",
    "agree",
    "private",
    "report",
    "outcome",
    "hologram",
)
IDS = st.sampled_from(["aa" * 16, "bb" * 16, "cc" * 16])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, NUMBER_LIMIT + 5) | st.text(max_size=20) | IDS | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
POLL = st.fixed_dictionaries(
    {
        "options": st.lists(st.text(max_size=4), max_size=4),
        "is_secret": st.booleans(),
        "closes_ms": st.integers(-1, 9),
    }
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "id": IDS,
    "text": st.text(max_size=20),
    "at_ms": st.integers(-1, 1 << 54),
    "reply_to": IDS | st.just(""),
    "topic": st.text(max_size=50),
    "mentions": st.lists(IDS, max_size=60),
    "silent": st.booleans(),
    "emoji": st.sampled_from(["🙏", "🎉", "no", "", "🙏" * 20]),
    "on": st.booleans(),
    "poll": POLL,
    "option": st.integers(-1, 9),
    "answers": st.integers(-1, 70),
    "counts": st.lists(st.integers(-1, 70), max_size=9),
    "seq": st.integers(-1, 1 << 54),
    "version": st.integers(-1, 9),
    "purpose": st.text(max_size=20),
    "rules": st.lists(st.text(max_size=5), max_size=14),
    "keep_days": st.sampled_from([0, 7, 8, 30, 99, -1]),
    "agreed": st.lists(IDS, max_size=5),
    "attachments": st.lists(st.dictionaries(st.text(max_size=6), json_values, max_size=4), max_size=3),
    "wraps": st.lists(st.text("0123456789abcdef", max_size=40), max_size=4),
    "note": st.text(max_size=5),
    "quote": st.text(max_size=5),
    "answer": st.text(max_size=5),
    "reason": st.text(max_size=5),
    "about": IDS | st.just(""),
}
contents = st.builds(
    lambda kind, usual, odd: {"kind": kind, **usual, **odd},
    st.sampled_from(KINDS),
    st.fixed_dictionaries({}, optional=FIELDS),
    st.dictionaries(st.sampled_from(sorted(FIELDS)), json_values, max_size=2),
)


async def _two() -> tuple[Desk, Desk, str]:
    hazel = await Desk("Hazel Ford").set_up()
    jay = await Desk("Jay Thistle", hazel.relay).set_up()
    group = await make_pair(hazel, jay)
    await hazel.companion.opened.chat.post(group, "Mine")
    await deliver(hazel, jay)
    return hazel, jay, group


@pytest.fixture(scope="module")
def pair() -> tuple[Desk, Desk, str]:
    return asyncio.run(_two())


@settings(max_examples=120, deadline=None)
@given(said=st.lists(contents, max_size=6))
def test_any_content_is_rejected_or_leaves_a_valid_conversation(
    pair: tuple[Desk, Desk, str], said: list[dict[str, Any]]
) -> None:
    asyncio.run(_check(pair, said))


async def _check(pair: tuple[Desk, Desk, str], said: list[dict[str, Any]]) -> None:
    hazel, jay, group = pair
    store, table = hazel.vault.store, messages_table(group)
    before = json.dumps(store.tables, default=str)
    opened = hazel.companion.opened
    context, known = opened._context, await opened.groups.group(group)
    own = {id for id, doc in store.tables[table].items() if doc["text"] == "Mine"}
    seat = known.seat(jay.companion.opened.me.person)
    for number, content in enumerate(said):
        with contextlib.suppress(MessageRejected):
            change = await Receiving(context).take_in(
                known, seat, content, seq=known.cursor + number + 1, at_ms=1_000_000, documents=store
            )
            await context.commit(change)
    docs = store.tables[table].values()
    for message in (Message.from_doc(doc) for doc in docs):
        assert Message.from_doc(message.to_doc()) == message
        json.dumps(message.to_doc()).encode()
        message.text.encode()
        if message.poll is not None:
            assert results(message.poll, {}, 1).options
    assert all(store.tables[table][id]["text"] == "Mine" for id in own)
    for doc in store.tables.get("standings", {}).values():
        assert Standing.from_doc(doc).to_doc() == doc
    for doc in store.tables.get("agreements", {}).values():
        assert Agreement.from_doc(doc).version == 0  # Jay looks after nothing here
    store.tables.clear()
    store.tables.update(json.loads(before))


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=300), st.integers(1, 6))
def test_private_content_opens_for_its_keys_and_for_nobody_else(note: str, count: int) -> None:
    pairs = [dh_keypair() for _ in range(count)]
    group, person = "aa" * 16, "bb" * 16
    sealed = private_content({"note": note}, tuple(public for _, public in pairs), group=group, person=person)
    assert len(sealed["wraps"]) % 4 == 0
    assert len({len(wrap) for wrap in sealed["wraps"]}) == 1
    for private, _ in pairs:
        assert open_private(sealed, private, group=group, person=person) == {"note": note}
        assert open_private(sealed, private, group=group, person="cc" * 16) is None
        assert open_private(sealed, private, group="dd" * 16, person=person) is None
    assert open_private(sealed, dh_keypair()[0], group=group, person=person) is None


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=40_000), st.binary(min_size=32, max_size=32))
def test_a_shared_file_opens_whole_and_its_upload_can_be_gone_on_with(content: bytes, key: bytes) -> None:
    blob = "aa" * 16
    sealed = seal_file(content, key, blob)
    assert seal_file(content, key, blob) == sealed
    assert open_file(sealed, key, blob) == content


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2_000), st.integers(0, 60_000))
def test_a_changed_file_is_rejected(hostile: bytes, cut: int) -> None:
    blob, key = "aa" * 16, bytes(32)
    sealed = seal_file(b"x" * 40_000, key, blob)
    for bad in (hostile, sealed[: min(cut, len(sealed) - 1)], sealed[:-1] + bytes([sealed[-1] ^ 1])):
        try:
            open_file(bad, key, blob)
        except MessageRejected:
            continue
        raise AssertionError("it opened")
