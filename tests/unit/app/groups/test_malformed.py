"""Contents, letters and documents that no app of ours would write: refused one by one, and nothing else is held up."""

from dataclasses import replace

import pytest

from companion import groups
from companion.errors import Offline
from companion.ports import Change
from services.sync.answers import read_event
from tests.fakes import deliver
from tests.unit.app.groups.conftest import core, let_in, said, say

ODD_CONTENTS = (
    {"kind": ["x"]},
    {"kind": {"a": 1}},
    {"kind": None},
    {},
    {"kind": "devices", "member": {"name": ["x"]}},
    {"kind": "joining", "member": {}, "packages": [["x", "y", "z"]]},
    {"kind": "joining", "member": None, "packages": {"zz": "zz"}},
    {"kind": "message", "id": ["x"], "text": "x", "at_ms": 1},
    {"kind": "message", "id": "aa" * 16, "text": "x", "at_ms": 1 << 60},
    {"kind": "private", "wraps": [["x"]]},
)


async def hostile(desk, group, content):
    """Let a member say something that our app never says."""
    await core(desk).groups.send(group, content, Change())


@pytest.mark.parametrize("content", ODD_CONTENTS, ids=str)
async def test_malformed_content_is_skipped_and_what_follows_is_read(alice, bob, group, content):
    await hostile(bob, group, {**content, "x": "y"})
    await say(bob, group, "And now words", alice)
    assert await said(alice, group) == [("Bob Reed", "And now words")]


async def test_malformed_content_that_waited_for_its_keys_is_let_go_with_them(relay, alice, bob, carol, group):
    """A content in later keys is kept until they come, and judged then: once, not at each change of keys."""
    await let_in(alice, carol, group)  # Bob is not there
    await hostile(alice, group, {"kind": ["x"]})
    await alice.network.exchange()
    events = relay.logs[group]
    commit, odd = events[-2:]
    side = bob.network.sides["local"]
    for event in events[(await core(bob).groups.group(group)).cursor : -2]:
        await side.receive((event,))
    await side.receive((replace(odd, seq=commit.seq),))
    assert len(bob.vault.store.tables["early"]) == 1
    await side.receive((replace(commit, seq=odd.seq),))
    assert not bob.vault.store.tables["early"]
    await say(alice, group, "In new keys", bob)
    assert await said(bob, group) == [("Alice Fern", "In new keys")]


KINDS = (
    "join",
    "welcome",
    "expect",
    "rejoin",
    "declined",
    "out",
    "me",
    "hello",
    "handover",
    "history",
    "choice",
    ["x"],
)
FIELDS = ("member", "group", "package", "invite", "offer", "table", "doc", "asks", "lines", "name", "seats", "welcome")


async def test_malformed_letters_of_my_own_device_are_skipped(alice, bob, group, tablet):
    """My other device is believed most, so it reaches the most readers."""
    device = core(tablet).me.devices.device(core(tablet)._context.me.device)
    for kind in KINDS:
        for odd in (["x"], {"a": {}}, 10**400, None, [["x", "y", "z"]]):
            letter = {"kind": kind, **dict.fromkeys(FIELDS, odd)}
            put = core(alice).groups.tools.outbox.letter("local", device, letter)
            await core(alice)._context.commit(Change(put=(put,)))
    await deliver(alice, tablet)
    await core(alice).attention.mute(group, 5)
    await deliver(alice, tablet)
    assert (await core(tablet).attention.wishes(group)).muted_until_ms > 0


async def test_a_document_that_cannot_be_read_does_not_take_the_other_groups_away(alice, group):
    other = await core(alice).groups.create("Night shift", "sky")
    alice.vault.store.tables[groups.TABLE][group]["seats"] = "nobody"
    core(alice).groups.tools.cache._forget()
    assert [one.id for one in await core(alice).groups.groups()] == [other.id]


@pytest.mark.parametrize("number", [1 << 53, 1 << 60, -1, True, "3", None, 10**400])
def test_numbers_that_not_everything_can_hold_are_no_answer(number):
    """A cursor of 2**60 was kept, and then the group could not be read at any later start."""
    with pytest.raises(Offline):
        read_event("aa" * 16, {"seq": number, "cid": "bb" * 16, "at_ms": 1, "body": "AAAA"})
