"""A service that does what it likes: nothing false is shown, and what can be known is known."""

from dataclasses import replace

import pytest

from companion import inviting
from companion.app.groups.key_states import credential, own_identity, ruled
from companion.crypto.primitives import signing_keypair
from companion.devices import device_id
from companion.errors import RelayRefused
from companion.groups import Group, Seat
from companion.letters import seal_letter
from companion.mls import group as mls
from companion.mls.group_state import Environment
from companion.mls.joining import Identity
from companion.ports import ClaimedKeyPackage, InboxItem, RelayEvent
from companion.wire import SUITE_MLS, format_envelope, format_notice
from tests.fakes import Desk, deliver, make_pair
from tests.unit.app.groups.conftest import core, happened, let_in, said, say, state


def log(relay, group):
    return relay.logs[group]


def again(relay, to, event, **more):
    """Hand out an event once more, at the end of a group."""
    log(relay, to).append(replace(event, group=to, seq=len(log(relay, to)) + 1, **more))


async def known(desk, group):
    return await core(desk).groups.group(group)


def refuse():
    raise RelayRefused(404, "unknown")


async def test_dropped_line_is_not_shown_as_sent_and_others_are(relay, alice, bob, group):
    await core(alice).chat.post(group, "Kept from you")
    relay.append = lambda item: refuse()
    await deliver(alice, bob)
    messages = await core(alice).chat.messages(group)
    assert [m.state for m in messages if m.kind == "message"] == ["waiting"]
    assert await said(bob, group) == []


async def test_repeated_lines_are_shown_once(relay, alice, bob, group):
    await say(alice, group, "Once", bob)
    line = log(relay, group)[-1]
    again(relay, group, line)
    again(relay, group, line, cid="ab" * 16)
    await deliver(alice, bob)
    assert await said(bob, group) == await said(alice, group) == [("Alice Fern", "Once")]


async def test_lines_in_another_order_are_the_services_order_for_everybody(relay, alice, bob, group):
    await core(alice).chat.post(group, "One")
    await core(alice).chat.post(group, "Two")
    await alice.network.exchange()
    events = log(relay, group)
    one, two = events[-2:]
    events[-2:] = [replace(two, seq=one.seq), replace(one, seq=two.seq)]
    await deliver(bob)
    assert sorted(await said(bob, group)) == [("Alice Fern", "One"), ("Alice Fern", "Two")]


async def test_delayed_keys_delay_what_needs_them_and_lose_nothing(relay, alice, bob, carol, group):
    """The service hands Bob lines in new keys before the commit that brings these keys."""
    await let_in(alice, carol, group)  # Bob is not there
    await say(alice, group, "In new keys", carol)
    events = log(relay, group)
    commit, line = events[-2:]
    capability = (await known(bob, group)).capability
    side = bob.network.sides["local"]
    for event in events[(await known(bob, group)).cursor : -2]:
        await side.receive((event,))
    await side.receive((replace(line, seq=commit.seq),))
    assert ("Alice Fern", "In new keys") not in await said(bob, group)
    await side.receive((replace(commit, seq=line.seq),))
    assert ("Alice Fern", "In new keys") in await said(bob, group)
    assert (await known(bob, group)).capability != capability


async def test_replaced_and_cut_lines_are_skipped_and_counted(relay, alice, bob, group):
    await say(alice, group, "Mine", bob)
    line = log(relay, group)[-1]
    for n, body in enumerate((line.body[:-1] + b"\0", line.body[:100], b"", b"rubbish", line.body + b"\0")):
        again(relay, group, line, cid=f"{n:032x}", body=body)
    await deliver(bob)
    assert await said(bob, group) == [("Alice Fern", "Mine")]
    assert (await known(bob, group)).unopened == 4  # an empty one is the place of something deleted


async def test_notice_of_the_service_is_passed_over_and_counts_as_nothing(relay, alice, bob, group):
    notice = RelayEvent(group=group, seq=0, cid="ab" * 16, at_ms=1, body=format_notice(bytes(32)))
    again(relay, group, notice)
    await say(alice, group, "After it", bob)
    assert await said(bob, group) == [("Alice Fern", "After it")]
    assert (await known(bob, group)).unopened == 0


async def test_lines_of_one_group_do_not_show_in_another(relay, alice, bob, group):
    other = await make_pair(alice, bob, "Night shift")
    await say(alice, other, "For the night", bob)
    line = log(relay, other)[-1]
    again(relay, group, line, cid="cd" * 16)
    await deliver(bob)
    assert await said(bob, group) == []


async def test_two_halves_of_a_group_that_get_other_changes_do_not_deceive_each_other(relay, alice, bob, carol, group):
    """Bob is shown a group in which the change that lets Carol in never happened."""
    before = list(log(relay, group))
    await let_in(alice, carol, group)
    await say(alice, group, "With Carol", carol)
    relay.logs[group] = list(before)
    relay.capabilities[group] = relay.capabilities[group][:-1]
    relay.epochs[group] -= 1
    await say(bob, group, "Without Carol")
    assert await said(bob, group) == [("Bob Reed", "Without Carol")]
    assert ("Alice Fern", "With Carol") not in await said(bob, group)
    bobs = log(relay, group)[-1]
    side = alice.network.sides["local"]
    cursor = (await known(alice, group)).cursor
    await side.receive((replace(bobs, seq=cursor + 1),))
    names = {seat.member.name for seat in (await known(alice, group)).seats}
    assert names == {"Alice Fern", "Bob Reed", "Carol Moss"}


async def test_a_parted_group_is_noticed_and_the_device_asks_to_come_back(relay, alice, bob, group):
    kept = await core(alice).groups.tools.key_states.of(group)
    environment = core(alice).groups.tools.key_states.environment((core(alice).me,), alice.clock.now_ms())
    parted, pending = mls.commit(kept.keys, environment)
    parted = mls.accept(parted, pending, environment)
    wrong, second = mls.commit(kept.keys, environment)
    wrong = mls.accept(wrong, second, environment)
    side, cursor = bob.network.sides["local"], (await known(bob, group)).cursor
    await side.receive((event(group, cursor + 1, format_envelope(SUITE_MLS, pending.message)),))
    assert (await known(bob, group)).epoch == parted.epoch
    for n in range(3):
        wrong, message = mls.protect(wrong, b"{}", environment)
        await side.receive((event(group, cursor + 2 + n, format_envelope(SUITE_MLS, message)),))
    assert await state(bob, group) == "rejoining"
    assert await said(bob, group) == []


def event(group, seq, body):
    return RelayEvent(group=group, seq=seq, cid=f"{seq:032x}", at_ms=1_796_000_000_000, body=body)


async def test_forged_member_is_let_in_by_nobody(relay, alice, bob, carol, group):
    """The service writes letters and envelopes of its own; it has Carol's key package, but no code."""
    package = relay.last_resorts.get(core(carol).device, b"x" * 300)
    content = {"kind": "join", "invite": "00" * 16, "member": core(carol).me.to_doc(), "proof": "00" * 32}
    content["packages"] = {core(carol).device: package.hex()}
    private = core(carol)._context.me.sign_private
    body = seal_letter(private, core(alice).me.devices.active[0], content, cid="ef" * 16)
    relay.inboxes.setdefault(core(alice).device, []).append(
        InboxItem(seq=len(relay.inboxes.get(core(alice).device, [])) + 1, cid="ef" * 16, at_ms=0, body=body)
    )
    await deliver(alice, bob)
    assert {s.member.name for s in (await known(bob, group)).seats} == {"Alice Fern", "Bob Reed"}
    assert ("joining", "Carol Moss") not in await happened(bob, group)


async def test_old_key_package_of_somebody_else_adds_nobody(relay, alice, bob, carol, group):
    """A service that answers a claim with another person's package lets no stranger in."""
    tablet = await Desk("New device", relay).set_up()
    code = await core(carol).devices.offer()
    await core(tablet).devices.link(code.code)
    await deliver(tablet, carol)
    await deliver(bob)
    bobs = relay.last_resorts[core(bob).device]

    async def claim(device):
        return ClaimedKeyPackage(body=bobs, is_last_resort=True)

    relay.claim_key_package = claim
    await let_in(alice, carol, group, bob, tablet)
    members = (await core(alice).groups.tools.key_states.of(group)).keys.members()
    assert all(core(tablet).device != identity[32:].hex() for _, identity in members)
    assert len({identity for _, identity in members}) == len(members)
    assert await state(bob, group) == "member"


async def test_letters_are_read_once_and_by_one_device_only(relay, alice, bob, carol, group):
    """The service repeats a guest's letter, and hands it to somebody else."""
    invite = await core(alice).groups.invite(group)
    await core(carol).groups.join(await core(carol).groups.look_at(invite.code.code))
    await carol.network.exchange()
    letter = relay.inboxes[core(alice).device][-1]
    for device in (core(alice).device, core(bob).device):
        inbox = relay.inboxes.setdefault(device, [])
        inbox.append(replace(letter, seq=len(inbox) + 1))
    await deliver(alice, bob, carol)
    assert [kind for kind, name in await happened(bob, group) if name == "Carol Moss"] == ["joining", "joined"]
    assert len((await known(bob, group)).seats) == 3


@pytest.mark.parametrize("place", [0, 1])
async def test_welcome_of_somebody_we_do_not_know_is_refused(relay, alice, bob, carol, group, place):
    """A member makes up a group under the same id, and welcomes a guest of the true one into it."""
    mallory = await Desk("Mallory", relay).set_up("other")
    invite = await core(alice).groups.invite(group)
    await core(carol).groups.join(await core(carol).groups.look_at(invite.code.code))
    await carol.network.exchange()
    await _fake_welcome(mallory, carol, group, relay, as_first=place == 0)
    await carol.network.exchange()
    assert await state(carol, group) == "joining"
    await deliver(alice, bob, carol)
    assert await state(carol, group) == "member"
    assert "Mallory" not in {s.member.name for s in (await known(carol, group)).seats}


async def _fake_welcome(mallory, carol, group, relay, as_first):
    tools, me = core(mallory).groups.tools, core(mallory)._context.me
    people = (core(carol).me, me.member)
    environment = tools.key_states.environment(people, mallory.clock.now_ms())
    keys = mls.create_group(
        own_identity(me), bytes.fromhex(group), environment, administrators=(me.member.identity_key,)
    )
    package = relay.packages[core(carol).device][0] if as_first else relay.last_resorts[core(carol).device]
    keys, pending = mls.commit(keys, environment, add=[package])
    seats = tuple(Seat(member=member, joined_ms=0, invited_by="") for member in people)
    fake = Group(
        id=group, name="Leads", look="pine", service="local", capability="", seats=seats, state="member", created_ms=0
    )
    content = inviting.welcome_content(ruled(fake, mls.accept(keys, pending, environment)), pending.welcome, 1)
    to = core(carol).me.devices.active[0]
    body = seal_letter(me.sign_private, to, content, cid="fa" * 16)
    await relay.post_to_inbox(to.id, "fa" * 16, body)


async def test_device_that_its_person_never_listed_is_let_in_by_nobody(relay, alice, bob, group):
    """Alice's app is changed: it commits a device in Bob's name, with a key of its own."""
    tools = core(alice).groups.tools
    private, public = signing_keypair()
    ghost = Identity(
        name=credential(core(bob).me.identity_key, device_id(public)),
        signature_private=private,
        signature_public=public,
    )
    anything = Environment(at_ms=alice.clock.now_ms(), authenticate=lambda identity, key: True)
    _, package = mls.make_key_package(ghost, anything)
    kept = await tools.key_states.of(group)
    _, pending = mls.commit(kept.keys, anything, add=[package])
    before, cursor = await known(bob, group), (await known(bob, group)).cursor
    await bob.network.sides["local"].receive((event(group, cursor + 1, format_envelope(SUITE_MLS, pending.message)),))
    assert (await known(bob, group)).epoch == before.epoch
    assert (await known(bob, group)).unopened == before.unopened + 1


async def test_line_that_comes_after_its_sender_was_removed_is_not_shown(relay, alice, bob, carol, group):
    """Carol sealed it while she was in; the service kept it back. Its keys are still there, she is not."""
    await let_in(alice, carol, group, bob)
    await core(carol).chat.post(group, "Too late")
    sealed = (await core(carol).groups.tools.outbox.of_group(group))[-1]
    await core(alice).groups.remove_member(group, core(carol).me.person)
    await deliver(alice, bob)
    cursor = (await known(bob, group)).cursor
    await bob.network.sides["local"].receive((event(group, cursor + 1, sealed.body),))
    assert await said(bob, group) == []


@pytest.mark.parametrize("kind", ["expect", "me", "handover", "declined", "out"])
async def test_strangers_letters_change_nothing(relay, alice, bob, carol, group, kind):
    """Bob writes to Carol what only a device of hers, or somebody she asked, may write."""
    me = core(bob)._context.me
    content = {**inviting.expect_content(await known(bob, group)), "kind": kind, "member": me.member.to_doc()}
    content |= {"offer": "00" * 16, "proof": "00" * 32, "identity_private": me.identity_private.hex()}
    to = core(carol).me.devices.active[0]
    await relay.post_to_inbox(to.id, "fb" * 16, seal_letter(me.sign_private, to, content, cid="fb" * 16))
    await core(carol).groups.follow("local")
    await deliver(carol)
    assert await core(carol).groups.groups() == ()
    assert core(carol).me.name == "Carol Moss"
