"""Somebody sends another card: the group is told, an old card never comes back, and nobody takes another's place."""

from dataclasses import replace

import pytest

from companion.errors import IdentityChanged, MessageRejected
from companion.people import create_me, sign_card
from companion.ports import Change
from companion.safety import VERIFIED
from tests.fakes import deliver
from tests.unit.app.groups.conftest import core, happened, let_in, said, say

ALIKE = (
    "Alice Fern",
    "ALICE FERN",
    "Аlice Fern",
    "AIice Fern",
    "Alice\u200b Fern",
    "Alice  Férn",
    "𝐀lice Fern",
    "Alicе ꓝern",
)


async def change_card(desk, group, name, profession, *others, card=1):
    me = core(desk)._context.me
    member = sign_card(me.identity_private, name, profession, me.member.devices, card)
    await core(desk).groups.send(group, {"kind": "devices", "member": member.to_doc()}, Change())
    await deliver(desk, *others)


async def seat_of(desk, group, other):
    return (await core(desk).groups.group(group)).seat(core(other).me.person)


@pytest.mark.parametrize("name", [one for one in ALIKE if one != "Alice\u200b Fern"], ids=ascii)
async def test_a_card_that_looks_like_somebody_elses_is_said_and_stops_sending(alice, bob, carol, group, name):
    await let_in(alice, carol, group, bob)
    await change_card(bob, group, name, "gp", alice, carol)
    for desk in (alice, carol):
        assert ("card", name) in await happened(desk, group)
        with pytest.raises(IdentityChanged):
            await core(desk).chat.post(group, "Which Alice?")
    await core(carol).groups.accept_identity(group, core(bob).me.person)
    await say(carol, group, "Both of you", bob)
    assert await said(bob, group) == [("Carol Moss", "Both of you")]


async def test_another_card_that_is_nobody_elses_is_said_and_sending_goes_on(alice, bob, group):
    await change_card(bob, group, "Bob Reed-Lee", "other", alice)
    (line,) = [m for m in await core(alice).chat.messages(group) if m.kind == "card"]
    assert (line.text, line.name, line.profession) == ("Bob Reed", "Bob Reed-Lee", "other")
    await say(alice, group, "Good luck", bob)
    assert await said(bob, group) == [("Alice Fern", "Good luck")]


async def test_a_code_that_was_compared_does_not_speak_for_another_card(alice, bob, group):
    await core(alice).groups.verify((await seat_of(alice, group, bob)).member)
    await change_card(bob, group, "Bob Reed-Lee", "practice_manager", alice)
    assert await core(alice).groups.verified() == frozenset()
    assert not alice.vault.store.tables[VERIFIED]


async def test_new_devices_alone_change_nothing_of_that(alice, bob, group):
    await core(alice).groups.verify((await seat_of(alice, group, bob)).member)
    await change_card(bob, group, "Bob Reed", "practice_manager", alice, card=0)
    assert await core(alice).groups.verified() == {core(bob).me.person}
    assert "card" not in dict(await happened(alice, group))


@pytest.mark.parametrize("card", [0, 1, 2])
async def test_an_old_card_or_another_one_of_the_same_number_is_never_put_back(alice, bob, group, card):
    await change_card(bob, group, "Bob Reed-Lee", "other", alice, card=2)
    await change_card(bob, group, "Bob Reed", "practice_manager", alice, card=card)
    assert (await seat_of(alice, group, bob)).member.name == "Bob Reed-Lee"


async def test_who_is_announced_again_under_another_card_is_looked_at_as_well(alice, bob, carol, group):
    """Being let into a second group is not a way around."""
    await let_in(alice, carol, group, bob)
    me = core(bob)._context.me
    member = sign_card(me.identity_private, "Alice Fern", "gp", me.member.devices, 1)
    packages = {me.device: core(bob).groups.tools.key_states.make_package("local")[1].hex()}
    said_so = {"kind": "joining", "member": member.to_doc(), "packages": packages}
    await core(carol).groups.send(group, said_so, Change())
    await deliver(carol, alice)
    assert ("card", "Alice Fern") in await happened(alice, group)
    assert not (await seat_of(alice, group, bob)).accepted


async def test_a_newcomer_whose_name_looks_the_same_has_to_be_accepted(alice, bob, carol, group, relay):
    from tests.fakes import Desk

    again = await Desk("Воb Reеd", relay).set_up("practice_manager")
    await let_in(alice, again, group, bob)
    assert not (await seat_of(alice, group, again)).accepted


def test_a_card_holds_only_under_its_number():
    me = create_me("Ann Lee", "gp")
    second = sign_card(me.identity_private, "Ann Lee-Reed", "gp", me.member.devices, 1)
    second.check()
    for card in (0, 2):
        with pytest.raises(MessageRejected):
            replace(second, card=card).check()
    assert me.member.newer(second).name == "Ann Lee-Reed"
    assert second.newer(me.member) == second
