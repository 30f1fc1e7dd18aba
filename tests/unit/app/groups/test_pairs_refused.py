"""Direct lines that somebody forges, floods or would bring a third person into."""

from dataclasses import replace

import pytest

from companion import inviting, outgoing, pairs
from companion.app.groups.commits import ADD, Intent
from companion.app.groups.tools import stand
from companion.devices import Device
from companion.errors import IdentityChanged, MessageRejected, UsageError
from companion.groups import LEFT, MEMBER, REJOINING, TABLE, Group, announced
from companion.letters import seal_letter
from companion.pairs import REQUESTS, line_content
from companion.people import create_me
from companion.ports import Change, InboxItem
from companion.times import DAY_MS
from tests.fakes import Desk, deliver
from tests.unit.app.groups.conftest import ask_and_say_yes, core, let_in, person

# No third, and nobody who looks after it ---------------------------------------------------------------


async def test_nobody_can_be_invited_to_a_line(alice, pair):
    with pytest.raises(UsageError):
        await core(alice).groups.invite(pair)


async def test_nobody_looks_after_a_line_or_is_removed_from_it(alice, bob, pair):
    assert (await core(alice).groups.group(pair)).facilitators == ()
    with pytest.raises(UsageError):
        await core(alice).groups.remove_member(pair, person(bob))
    with pytest.raises(UsageError):
        await core(alice).groups.set_administrators(pair, (person(bob),))


async def test_a_third_person_is_not_announced_in_a_line(alice, bob, carol, pair):
    known = await core(alice).groups.group(pair)
    with pytest.raises(MessageRejected):
        announced(known, core(carol).me, "Alice Fern", 1, ())


@pytest.mark.parametrize("is_fooled", [False, True])
async def test_a_commit_or_welcome_that_seats_a_third_person_is_refused_whoever_made_it(
    alice, bob, carol, pair, is_fooled
):
    """Alice's app is made to add Carol; Bob's stays with the two, also if it was made to know her keys."""
    _, package = core(carol).groups.tools.key_states.make_package("local")
    tools = core(alice).groups.tools
    group = await tools.group(pair)
    forged = replace(group, peer=None, guests=(*group.guests, replace(group.seats[0], member=core(carol).me)))
    device = core(carol).device
    intent = Intent(group=pair, kind=ADD, subject=device, package=package).put()
    async with tools.key_states.turn():
        await tools.context.commit(Change(put=(stand(forged), intent)))
        await tools.next(pair)
    if is_fooled:
        known = await core(bob).groups.group(pair)
        await core(bob)._context.commit(Change(put=(stand(replace(known, guests=forged.guests)),)))
    await deliver(alice, bob)
    assert len((await core(alice).groups.group(pair)).seats) == 3
    known = await core(bob).groups.group(pair)
    assert {seat.member.person for seat in known.seats} == {person(alice), person(bob)}
    assert known.epoch < (await core(alice).groups.group(pair)).epoch
    await core(bob).groups.rejoin(pair)
    await deliver(bob, alice, bob)
    known = await core(bob).groups.group(pair)
    assert (known.state, len(known.seats)) == (REJOINING, 2)
    await core(bob).groups.leave(pair)
    assert (await core(bob).groups.group(pair)).state == LEFT


# Forged, replayed, many --------------------------------------------------------------------------------


async def _write(desk, me, content, cid="cc" * 16, at_ms=None):
    """Put a letter into the inbox of this desk's device, by whatever keys."""
    opened = core(desk)
    device = next(d for d in opened.me.devices.active if d.id == opened.device)
    inbox = desk.relay.inboxes.setdefault(opened.device, [])
    body = seal_letter(me.sign_private, Device(**_fields(device)), content, cid=cid)
    inbox.append(InboxItem(seq=len(inbox) + 1, cid=cid, at_ms=at_ms or desk.clock.now_ms(), body=body))
    await deliver(desk, rounds=1)


def _fields(device):
    return {name: getattr(device, name) for name in ("sign_key", "seal_key", "name", "since_ms")}


def _content(me, group, asked_ms):
    invite = inviting.Invite(code=inviting.InviteCode(code="A" * 16, service="local"), group=group, expires_ms=1)
    made = Group(
        id=group, name="x", look="pine", service="local", capability="", seats=(), state=MEMBER, created_ms=asked_ms
    )
    return line_content(made, invite.code, me, asked_ms)


def requests(desk):
    return list(desk.vault.store.tables.get(REQUESTS, {}).values())


async def test_a_stranger_cannot_ask(bob, group):
    stranger = create_me("Mallory Vale", "gp", device_name="x")
    await _write(bob, stranger, _content(stranger, "dd" * 16, bob.clock.now_ms()))
    assert requests(bob) == []


async def test_nobody_asks_in_the_name_of_another(alice, bob, group):
    stranger = create_me("Mallory Vale", "gp", device_name="x")
    content = _content(stranger, "dd" * 16, bob.clock.now_ms())
    content["member"] = core(alice).me.to_doc()
    await _write(bob, stranger, content)
    assert requests(bob) == []


async def test_a_request_that_names_a_group_of_mine_changes_nothing(alice, bob, group):
    me = core(alice)._context.me
    await _write(bob, me, _content(me, group, bob.clock.now_ms()))
    assert requests(bob) == []
    assert bob.vault.store.tables[TABLE][group]["state"] == MEMBER


async def test_a_copy_of_a_request_brings_nothing_back_that_was_put_off(alice, bob, group):
    me = core(alice)._context.me
    content = _content(me, "dd" * 16, bob.clock.now_ms())
    await _write(bob, me, content)
    await core(bob).pairs.put_off(person(alice))
    await _write(bob, me, content, cid="ee" * 16, at_ms=bob.clock.now_ms() + 8 * DAY_MS)
    assert [doc["state"] for doc in requests(bob)] == ["put_off"]


async def test_many_requests_of_one_person_are_one(alice, bob, group):
    me = core(alice)._context.me
    for number in range(60):
        await _write(bob, me, _content(me, f"{number:032x}", bob.clock.now_ms() - 60 + number), cid=f"{number:032x}")
    assert len(requests(bob)) == 1


async def test_requests_are_bounded_in_number(alice, bob, group, monkeypatch):
    monkeypatch.setattr(pairs, "REQUESTS_LIMIT", 0)
    await core(alice).pairs.open(person(bob))
    await deliver(alice, bob)
    assert requests(bob) == []


async def test_a_join_of_somebody_else_is_refused_though_they_hold_the_code(alice, bob, carol, group):
    await let_in(alice, carol, group, bob)
    pair = await core(alice).pairs.open(person(bob))
    await deliver(alice, bob)
    [wanted] = await core(bob).pairs.wanted()
    tools = core(carol).groups.tools
    _, package = tools.key_states.make_package("local")
    me = core(carol)._context.me
    content = inviting.request_content(wanted.request.invite, pair.id, me, {me.device: package})
    await _write(alice, me, content)
    assert [item for item in await core(alice).groups.tools.outbox.all() if item.kind == outgoing.CONTENT] == []
    await core(bob).pairs.accept(person(alice))
    await deliver(bob, alice)
    assert not (await core(bob).groups.group(pair.id)).awaits_peer


async def test_nothing_is_sent_to_a_namesake_who_asked_before_they_are_accepted(alice, bob, group, relay):
    other = await Desk("Alice Fern", relay).set_up()
    await let_in(alice, other, group, bob)
    pair = await ask_and_say_yes(other, bob, alice)
    assert not (await core(bob).groups.group(pair)).awaits_peer
    with pytest.raises(IdentityChanged):
        await core(bob).groups.send(pair, {"kind": "message", "id": "aa" * 16, "text": "x", "at_ms": 1}, Change())
    await core(bob).groups.accept_identity(pair, person(other))
    await core(bob).groups.send(pair, {"kind": "message", "id": "ab" * 16, "text": "x", "at_ms": 1}, Change())


async def test_a_device_that_was_revoked_cannot_ask(alice, tablet, bob, group):
    await deliver(alice, tablet, bob)
    lost = core(tablet)._context.me
    content = _content(lost, "dd" * 16, bob.clock.now_ms())
    await core(alice).devices.revoke(lost.device)
    await deliver(alice, bob)
    await _write(bob, lost, content)
    assert requests(bob) == []
