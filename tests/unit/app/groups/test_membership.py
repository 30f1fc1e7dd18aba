"""Who is in, who reads what, and what every device is told."""

import pytest

from companion.errors import IdentityChanged, NoOwnService, UsageError
from companion.ports import STATES
from tests.fakes import PASSPHRASE, Desk, deliver
from tests.unit.app.groups.conftest import core, happened, let_in, link, said, say, state


async def test_two_people_talk_in_one_order(alice, bob, group):
    await say(alice, group, "Hello Bob", bob)
    await say(bob, group, "Hello Alice", alice)
    assert await said(alice, group) == [("Alice Fern", "Hello Bob"), ("Bob Reed", "Hello Alice")]
    assert await said(bob, group) == await said(alice, group)


async def test_everybody_is_told_who_is_joining_before_keys_change(alice, bob, carol, group):
    invite = await core(bob).groups.invite(group)
    await core(carol).groups.join(await core(carol).groups.look_at(invite.code.code))
    await carol.network.exchange()
    await bob.network.exchange()  # the announcement has come back to Bob, whose commit is still on its way
    await alice.network.exchange()
    assert ("joining", "Carol Moss") in await happened(alice, group)
    assert ("joined", "Carol Moss") not in await happened(alice, group)
    await deliver(bob, alice, carol)
    assert (await happened(alice, group))[-2:] == [("joining", "Carol Moss"), ("joined", "Carol Moss")]
    assert await state(carol, group) == "member"


async def test_newcomer_reads_nothing_from_before(alice, bob, carol, group):
    await say(alice, group, "Before", bob)
    await let_in(alice, carol, group, bob)
    await say(bob, group, "After", alice, carol)
    assert await said(carol, group) == [("Bob Reed", "After")]


async def test_removed_member_reads_nothing_more(alice, bob, carol, group):
    await let_in(alice, carol, group, bob)
    await core(alice).groups.remove_member(group, core(carol).me.person)
    await deliver(alice, bob, carol)
    await say(bob, group, "Just us", alice, carol)
    assert await state(carol, group) == "removed"
    assert await said(carol, group) == []
    assert await said(alice, group) == [("Bob Reed", "Just us")]
    assert (await happened(bob, group))[-1] == ("removed", "Carol Moss")
    with pytest.raises(UsageError):
        await core(carol).chat.post(group, "Hello?")


async def test_removed_member_keeps_no_keys_on_the_disk(alice, carol, group):
    await let_in(alice, carol, group)
    assert group in carol.vault.store.tables[STATES]
    await core(alice).groups.remove_member(group, core(carol).me.person)
    await deliver(alice, carol)
    assert group not in carol.vault.store.tables[STATES]


async def test_only_those_who_look_after_the_group_remove(alice, bob, carol, group):
    await let_in(alice, carol, group, bob)
    with pytest.raises(UsageError):
        await core(bob).groups.remove_member(group, core(carol).me.person)
    await core(alice).groups.set_administrators(group, (core(alice).me.person, core(bob).me.person))
    await deliver(alice, bob, carol)
    await core(bob).groups.remove_member(group, core(carol).me.person)
    await deliver(bob, alice, carol)
    assert await state(carol, group) == "removed"


async def test_who_leaves_is_out_before_anybody_speaks_again(alice, bob, carol, group):
    await let_in(alice, carol, group, bob)
    await core(carol).groups.leave(group)
    await carol.network.exchange()
    await say(bob, group, "Is Carol gone?", alice, carol)
    assert await state(carol, group) == "left"
    assert await said(carol, group) == []
    assert await said(alice, group) == [("Bob Reed", "Is Carol gone?")]
    assert (await happened(alice, group))[-1] == ("left", "Carol Moss")


async def test_last_who_looks_after_the_group_hands_it_on_and_leaves(alice, bob, group):
    await core(alice).groups.leave(group)
    await deliver(alice, bob)
    assert await state(alice, group) == "left"
    found = await core(bob).groups.group(group)
    assert found.administrators == (core(bob).me.person,) or core(bob).me.person in found.administrators
    await say(bob, group, "Alone", alice)
    assert await said(bob, group) == [("Bob Reed", "Alone")]


async def test_group_of_one_is_left_at_once(alice):
    group = await core(alice).groups.create("Mine", "pine")
    await deliver(alice)
    await core(alice).groups.leave(group.id)
    assert await state(alice, group.id) == "left"


async def test_revoked_invite_lets_nobody_in(alice, bob, carol, group):
    invite = await core(alice).groups.invite(group)
    invitation = await core(carol).groups.look_at(invite.code.code)
    await core(carol).groups.join(invitation)
    assert [one.code for one in await core(alice).groups.invites(group)] == [invite.code]
    await core(alice).groups.revoke_invite(invite.code.id)
    await deliver(carol, alice, bob)
    assert await state(carol, group) == "declined"
    assert len((await core(alice).groups.group(group)).seats) == 2
    assert await core(alice).groups.invites(group) == ()


# Devices


async def test_second_device_is_let_into_every_group_and_is_the_same_person(alice, bob, group):
    other = await core(alice).groups.create("Night shift", "sky")
    tablet = await Desk("New device", alice.relay).set_up()
    await link(alice, tablet, bob)
    await deliver(alice, tablet, bob)
    assert core(tablet).me == core(alice).me
    assert await state(tablet, group) == await state(tablet, other.id) == "member"
    await say(bob, group, "Both of you?", alice, tablet)
    await say(tablet, group, "One of me.", alice, bob)
    assert await said(tablet, group) == await said(alice, group) == await said(bob, group)
    assert (await said(bob, group))[-1] == ("Alice Fern", "One of me.")
    assert len((await core(bob).groups.group(group)).members) == 2
    assert (await happened(bob, group))[-1] == ("device", "Alice Fern")


async def test_new_device_gets_what_was_said_before_in_its_order(alice, bob, group):
    for number in range(3):
        await say(alice, group, f"Old {number}", bob)
        await say(bob, group, f"Answer {number}", alice)
    tablet = await Desk("New device", alice.relay).set_up()
    await link(alice, tablet, bob)
    await deliver(alice, tablet, bob)
    await say(bob, group, "New", alice, tablet)
    assert await said(tablet, group) == await said(alice, group)
    assert len(await said(tablet, group)) == 7


async def test_both_devices_join_a_new_group_together(alice, tablet, bob):
    group = (await core(bob).groups.create("Leads", "pine")).id
    await deliver(bob, tablet, alice)
    await let_in(bob, alice, group, tablet)
    await deliver(tablet, alice, bob)
    assert await state(alice, group) == await state(tablet, group) == "member"
    await say(bob, group, "Welcome", alice, tablet)
    assert await said(tablet, group) == await said(alice, group) == [("Bob Reed", "Welcome")]


async def test_device_without_a_key_package_at_the_service_is_let_in_after_the_one_that_joined(
    relay, alice, tablet, bob
):
    """It was linked a moment ago, and has not been there yet."""
    relay.packages[core(tablet).device].clear()
    del relay.last_resorts[core(tablet).device]
    group = (await core(bob).groups.create("Leads", "pine")).id
    await deliver(bob)
    await let_in(bob, alice, group, tablet)
    await deliver(tablet, alice, bob)
    assert await state(alice, group) == await state(tablet, group) == "member"
    await say(bob, group, "Welcome", alice, tablet)
    assert (await said(tablet, group))[-1] == (await said(alice, group))[-1] == ("Bob Reed", "Welcome")


async def test_revoked_device_reads_nothing_more(alice, tablet, bob):
    group = (await core(alice).groups.create("Leads", "pine")).id
    await deliver(alice, tablet)
    await let_in(alice, bob, group, tablet)
    await core(alice).devices.revoke(core(tablet).device)
    await deliver(alice, bob, tablet)
    await say(bob, group, "Without the tablet", alice, tablet)
    assert ("Bob Reed", "Without the tablet") not in await said(tablet, group)
    assert ("Bob Reed", "Without the tablet") in await said(alice, group)
    assert [one.id for one in core(alice).devices.devices()] == [core(alice).device]
    with pytest.raises(UsageError):
        await core(alice).devices.revoke(core(alice).device)


async def test_wrong_code_links_nothing(alice, bob):
    code = await core(alice).devices.offer()
    await core(bob).devices.link(code.code)
    with pytest.raises(UsageError):
        await core(await Desk("Other", alice.relay).set_up()).devices.link(code.code)  # a code is used once
    alice.clock.move(11 * 60_000)
    await deliver(bob, alice)
    assert core(bob).me != core(alice).me
    assert await core(bob).devices.is_linking()


async def test_device_that_lost_its_keys_is_let_back_in(alice, bob, group):
    await say(alice, group, "Before", bob)
    await lose_keys(bob)
    await deliver(bob, alice)
    assert await state(bob, group) == "member"
    await say(alice, group, "Welcome back", bob)
    await say(bob, group, "Thank you", alice)
    assert await said(bob, group) == await said(alice, group)
    assert ("gap", "Bob Reed") in await happened(bob, group)


async def test_device_that_another_has_let_back_in_is_not_put_out_by_whoever_reads_its_request_later(
    relay, alice, bob, carol, group
):
    await let_in(alice, carol, group, bob)
    await lose_keys(bob)
    await bob.network.exchange()
    await carol.network.exchange()
    await read_groups(alice, relay)  # Alice hears what Carol did before she reads her own letter
    await deliver(alice, bob, carol)
    assert await state(bob, group) == "member"
    assert [kind for kind, _ in await happened(bob, group)].count("gap") == 1
    await say(bob, group, "Back", alice, carol)
    assert (await said(alice, group))[-1] == (await said(carol, group))[-1] == ("Bob Reed", "Back")


async def test_device_that_is_put_out_by_an_old_request_of_its_own_asks_again_and_loses_no_line(
    relay, alice, bob, carol, group
):
    """Carol lets Bob back in and he renews his keys, before Alice, who was away, reads what he asked her."""
    await let_in(alice, carol, group, bob)
    await lose_keys(bob)
    await deliver(bob, carol)
    bob.clock.move(8 * 86_400_000)
    await bob.companion.lock()
    await bob.companion.unlock(passphrase=PASSPHRASE)
    await deliver(bob, carol)
    await read_groups(alice, relay)
    await alice.network.exchange()
    await core(bob).chat.post(group, "On its way")
    await deliver(bob, alice, carol)
    assert await state(bob, group) == "member"
    for desk in (alice, bob, carol):
        assert (await said(desk, group))[-1:] == [("Bob Reed", "On its way")]


async def lose_keys(desk):
    """As after a restore from a backup, which holds no keys."""
    await desk.companion.lock()
    desk.vault.store.tables["mls"].clear()
    await desk.companion.unlock(passphrase=PASSPHRASE)


async def read_groups(desk, relay):
    """Take in what the groups bring, and leave the letters where they are."""
    side = desk.network.sides["local"]
    for _ in range(3):
        for cursor in await side.cursors():
            for event in relay.readable(cursor.group, cursor.capability, cursor.since):
                await side.receive((event,))


async def test_another_identity_under_a_known_name_has_to_be_accepted(alice, bob, group, relay):
    again = await Desk("Bob Reed", relay).set_up("practice_manager")
    await let_in(alice, again, group, bob)
    with pytest.raises(IdentityChanged):
        await core(alice).chat.post(group, "Which Bob?")
    await core(alice).groups.accept_identity(group, core(again).me.person)
    await say(alice, group, "Hello both", bob, again)
    assert await said(again, group) == [("Alice Fern", "Hello both")]


async def test_a_device_renews_its_keys_after_a_week(alice, bob, group):
    before = (await core(alice).groups.group(group)).epoch
    alice.clock.move(8 * 86_400_000)
    await alice.companion.lock()
    await alice.companion.unlock(passphrase=PASSPHRASE)
    await deliver(alice, bob)
    assert (await core(bob).groups.group(group)).epoch > before
    await say(bob, group, "Still here", alice)
    assert await said(alice, group) == [("Bob Reed", "Still here")]


async def test_keys_from_a_copy_are_never_used_again(alice, bob, group):
    """Bob's store was put back from an older copy, and he says that it was him."""
    await say(bob, group, "Before", alice)
    before = (await core(bob).groups.group(group)).epoch
    await bob.companion.lock()
    bob.calls.clear()  # the store has made fewer commits than the device remembers
    await bob.companion.unlock(passphrase=PASSPHRASE)
    assert await bob.companion.phase() == "restored"
    await bob.companion.answer_restored(was_me=True)
    with pytest.raises(UsageError):
        await core(bob).chat.post(group, "In keys that were used")
    await deliver(bob, alice)
    assert (await core(bob).groups.group(group)).epoch > before
    await say(bob, group, "After", alice)
    assert (await said(alice, group))[-1] == ("Bob Reed", "After")


async def test_where_no_service_is_known_that_is_said_and_nothing_is_made(alice):
    alice.network.default_service = ""
    for wish in (core(alice).groups.create("Mine", "pine"), core(alice).devices.offer()):
        with pytest.raises(NoOwnService):
            await wish
    assert await core(alice).groups.groups() == ()
