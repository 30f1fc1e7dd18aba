"""What a device that was linked knows at once: it is one of somebody who is in already."""

import pytest

from companion.app.groups.choosing import read_choice
from companion.errors import MessageRejected
from tests.fakes import Desk, deliver
from tests.unit.app.groups.conftest import core, link


async def linked(relay, old, *others):
    device = await Desk("My tablet", relay).set_up("other")
    await link(old, device, *others)
    return device


async def lines(desk, group):
    return [(one.kind, one.name, one.text) for one in await core(desk).chat.messages(group)]


async def test_nobody_invited_a_device_of_mine_and_nobody_is_asked_how_to_stay_connected(alice, bob, group, relay):
    for host in (alice, bob):  # who made the group, and who was invited to it
        device = await linked(relay, host, alice, bob)
        known = await core(device).groups.group(group)
        assert (known.state, known.inviter) == ("member", "")
        assert (await lines(device, group))[-1] == ("device", host.name, "")


async def test_messages_of_mine_from_before_say_truly_that_they_were_delivered(alice, bob, group, relay):
    await core(alice).chat.post(group, "Delivered")
    await core(alice).due.run()
    alice.clock.move(60_000)
    await core(alice).due.run()
    await deliver(alice, bob)
    for _ in range(2):  # whose id sorts later waits a moment longer
        bob.clock.move(60_000)
        await core(bob).due.run()
    await deliver(bob, alice)
    device = await linked(relay, alice, bob)
    (message,) = [one for one in await core(device).chat.messages(group) if one.kind == "message"]
    told = (await core(device).attention.standing(group)).delivered
    assert message.state == "sent"
    assert 0 < message.seq <= told


async def test_what_was_compared_and_chosen_stays_so_on_a_new_device(alice, bob, group, relay):
    bobs = core(bob).me
    await core(alice).groups.verify(bobs)
    wishes = await core(alice).attention.wishes(group)
    await core(alice).attention.set_wishes(type(wishes)(group=group, rhythm="weekly", is_welcomed=True))
    device = await linked(relay, alice, bob)
    assert await core(device).groups.verified() == {bobs.person}
    assert (await core(device).attention.wishes(group)).rhythm == "weekly"


@pytest.mark.parametrize(
    "content",
    [
        {"table": "journal", "doc": {"_id": "ab" * 16}},
        {"table": "verified", "doc": {"_id": "bob", "at_ms": 1}},
        {"table": "verified", "doc": {"_id": "ab" * 16, "at_ms": "1"}},
        {"table": "verified", "doc": []},
        {"doc": {}},
    ],
)
def test_a_choice_of_another_kind_or_form_is_rejected(content):
    with pytest.raises(MessageRejected):
        read_choice(content)
