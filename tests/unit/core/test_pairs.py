"""Direct lines, the rules alone: who may ask, when again, which of two stands, and that there is no third."""

from dataclasses import replace

import pytest

from companion import groups, pairs
from companion.errors import MessageRejected
from companion.groups import DECLINED, JOINING, LEFT, MEMBER, MERGED, REJOINING, Group, Seat
from companion.inviting import expect_content, read_expect, welcome_content
from companion.pairs import AGAIN_MS, OPEN, PUT_OFF, REQUEST_MS, LineRequest, first, renewed, shared
from companion.people import create_me
from companion.times import HOUR_MS
from companion.wire import create_invite_code

AT_MS = 1_800_000_000_000
ME, PEER, THIRD = create_me("Hazel Ford", "gp"), create_me("Rowan Dale", "other"), create_me("Ivy Marlow", "gp")
MINE, THEIRS = ME.member.person, PEER.member.person


def seat(me):
    return Seat(member=me.member, joined_ms=0, invited_by="")


def group(*people, id="aa" * 16, state=MEMBER, peer=None, **more):
    return Group(
        id=id,
        name="Leads" if peer is None else peer.member.name,
        look="pine",
        service="local",
        capability="",
        seats=tuple(map(seat, people)),
        state=state,
        created_ms=more.pop("created_ms", AT_MS),
        peer=None if peer is None else peer.member,
        **more,
    )


def request(**more):
    known = {"member": PEER.member, "device": PEER.device, "group": "bb" * 16, "code": "C", "service": "local"}
    return LineRequest(**(known | {"asked_ms": AT_MS} | more))


@pytest.mark.parametrize(
    ("people", "state", "awaits"),
    [
        ((ME,), MEMBER, True),
        ((ME, PEER), MEMBER, False),
        ((PEER,), JOINING, True),
        ((ME, PEER), REJOINING, False),
        ((ME,), LEFT, False),
        ((PEER,), DECLINED, False),
        ((ME,), MERGED, False),
    ],
)
def test_a_line_awaits_the_other_one_until_both_are_in(people, state, awaits):
    assert group(*people, state=state, peer=PEER).awaits_peer is awaits


def test_a_group_awaits_nobody():
    assert (group(ME).awaits_peer, group(ME).is_alone) == (False, False)


def test_a_pair_takes_its_two_and_nobody_else():
    pair = group(ME, peer=PEER)
    assert pair.takes({MINE}, MINE)
    assert pair.takes({MINE, THEIRS}, MINE)
    assert not pair.takes({MINE, THEIRS, THIRD.member.person}, MINE)
    assert not pair.takes({MINE, THIRD.member.person}, MINE)
    assert group(ME).takes({MINE, THEIRS, THIRD.member.person}, MINE)


def test_nobody_but_the_other_one_is_announced_in_a_pair():
    pair = group(ME, peer=PEER)
    assert groups.announced(pair, PEER.member, "Hazel Ford", AT_MS, ()).guest(THEIRS) is not None
    with pytest.raises(MessageRejected):
        groups.announced(pair, THIRD.member, "Hazel Ford", AT_MS, ())


def test_nobody_looks_after_a_pair():
    assert group(ME, PEER, peer=PEER, administrators=(MINE,)).facilitators == ()


def test_a_pair_reads_back_and_is_named_by_the_other_one():
    pair = group(ME, PEER, peer=PEER)
    assert Group.from_doc({**pair.to_doc(), "name": "x"}) == pair


def test_a_document_of_before_is_a_group():
    doc = group(ME).to_doc()
    del doc["peer"]
    assert Group.from_doc(doc) == group(ME)


def test_my_other_devices_learn_who_a_pair_is_with_and_its_name_travels_nowhere():
    pair = group(ME, peer=PEER, administrators=(MINE,))
    assert read_expect(expect_content(pair), "local").peer == PEER.member
    assert (expect_content(pair)["name"], welcome_content(pair, b"", 1)["name"]) == ("pair", "pair")


# Who may ask, and when again ---------------------------------------------------------------------------


def test_who_shares_a_group_may_ask():
    leads, others, pair = group(ME, PEER), group(ME, THIRD, id="bb" * 16), group(ME, PEER, id="cc" * 16, peer=PEER)
    left = replace(leads, id="dd" * 16, state=LEFT)
    assert shared((leads, others, pair, left), THEIRS, {}) == (leads,)


def test_who_is_folded_in_all_shared_groups_may_not_ask():
    leads, others = group(ME, PEER), group(ME, PEER, id="bb" * 16)
    assert shared((leads, others), THEIRS, {leads.id: (THEIRS,)}) == (others,)
    assert shared((leads, others), THEIRS, {leads.id: (THEIRS,), others.id: (THEIRS,)}) == ()


def test_a_request_holds_for_thirty_days():
    assert not request().is_over(AT_MS + REQUEST_MS - 1)
    assert request().is_over(AT_MS + REQUEST_MS)


def test_a_copy_of_a_request_changes_nothing():
    assert renewed(request(), request()) is None
    assert renewed(request(state=PUT_OFF), request()) is None


@pytest.mark.parametrize(("later_ms", "is_taken"), [(AGAIN_MS - HOUR_MS - 1, False), (AGAIN_MS - HOUR_MS, True)])
def test_what_was_put_off_comes_back_after_a_week(later_ms, is_taken):
    taken = renewed(request(state=PUT_OFF, is_told=True), request(asked_ms=AT_MS + later_ms))
    assert (taken is not None) is is_taken
    assert taken is None or (taken.state, taken.is_told) == (OPEN, True)


def test_a_time_of_asking_that_lies_ahead_is_cut_to_when_the_letter_came():
    pair, code = group(PEER, peer=ME), create_invite_code(bytes(10), "local")
    content = pairs.line_content(pair, code, PEER, AT_MS + 400 * 86_400_000)
    assert pairs.read_request(content, PEER.device, "local", AT_MS).asked_ms == AT_MS


def test_a_device_that_the_person_does_not_list_cannot_ask():
    content = pairs.line_content(group(PEER, peer=ME), create_invite_code(bytes(10), "local"), PEER, AT_MS)
    with pytest.raises(MessageRejected):
        pairs.read_request(content, THIRD.device, "local", AT_MS)


# Which one stands --------------------------------------------------------------------------------------

OURS = group(ME, id="cc" * 16, peer=PEER)
YOURS = pairs.group_of(request(), accepted=True)


def test_both_sides_find_the_same_one():
    theirs_there = group(PEER, id=YOURS.id, peer=ME)
    ours_there = replace(YOURS, id=OURS.id, peer=ME.member, seats=(seat(ME),), inviter=MINE)
    here, there = first((OURS, YOURS), MINE), first((ours_there, theirs_there), THEIRS)
    assert here.id == there.id == (OURS.id if MINE < THEIRS else YOURS.id)


def test_one_that_both_are_in_stands_before_any_other():
    both = group(ME, PEER, id="dd" * 16, peer=PEER, inviter="ff" * 16)
    assert first((OURS, YOURS, both), MINE) is both


def test_of_two_that_one_person_asked_for_the_newest_stands():
    later = replace(OURS, id="ee" * 16, created_ms=AT_MS + 1)
    assert first((OURS, later), MINE) is first((later, OURS), MINE) is later


def test_of_none_none_stands():
    assert first((), MINE) is None
