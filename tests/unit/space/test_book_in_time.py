"""The book in time: boxes, turns, what is said again, and what held at each place."""

from dataclasses import replace

import pytest

from companion.space.book import (
    GROUPS_LIMIT,
    LINKS_LIMIT,
    ROLL_LIMIT,
    STEWARDS_LIMIT,
    TWO_FROM,
    box_content,
    boxes_for,
    group_content,
    may_turn,
    odd_boxes,
    roll_content,
    steward_content,
    unboxed,
    with_nothing,
    with_turn,
)
from companion.space.turns import BOXES_LIMIT, Turn
from tests.unit.space.people import (
    ANN,
    BEN,
    BOX,
    CAT,
    DEE,
    EVE,
    GROUP,
    NEW_BOX,
    OTHER_GROUP,
    belongs,
    founded,
    with_group,
)

# Boxes and turns


def test_whoever_is_on_the_roll_brings_the_box_of_another_key():
    book = with_group(members=(CAT,))
    assert book.add(CAT, box_content(GROUP, NEW_BOX))
    assert boxes_for(book.now) == {bytes.fromhex(GROUP): NEW_BOX}
    assert book.now.groups[GROUP].boxed_at == book.now.seq
    assert not book.add(ANN, box_content(GROUP, BOX))
    assert not book.add(CAT, box_content(OTHER_GROUP, BOX))
    assert not book.add(CAT, box_content(GROUP, b"short"))


def test_a_turn_without_a_box_for_a_group_or_with_one_too_many_differs():
    book = with_group()
    book.add(ANN, group_content(OTHER_GROUP, is_on=True, box=BOX, links=[CAT.key]))
    ours, theirs = bytes.fromhex(GROUP), bytes.fromhex(OTHER_GROUP)
    at = book.now.seq
    assert odd_boxes(book.now, at, [ours, theirs]) == set()
    assert odd_boxes(book.now, at, [ours]) == {OTHER_GROUP}
    assert odd_boxes(book.now, at - 1, [ours]) == set()
    assert odd_boxes(book.now, at, [ours, theirs, b"x" * 16]) == {(b"x" * 16).hex()}
    book.add(ANN, group_content(OTHER_GROUP, is_on=False))
    assert odd_boxes(book.now, at, [ours, theirs]) == set()
    assert odd_boxes(book.now, at + 1, [ours, theirs]) == {OTHER_GROUP}


def test_a_key_is_of_the_time_between_two_turns():
    book = with_group(members=(CAT,))
    first_turn = book.now.seq + 1
    now = with_turn(book.now, first_turn)
    assert now.turns == (first_turn,)
    assert now.is_in_time(0, 1)
    assert now.is_in_time(0, first_turn - 1)
    assert not now.is_in_time(0, first_turn)
    assert now.is_in_time(1, first_turn)
    assert not now.is_in_time(1, first_turn - 1)
    assert not now.is_in_time(1, first_turn + 1)
    assert not now.is_in_time(2, first_turn)
    assert not now.is_in_time(9, 1)
    assert now.is_in_time(0, 0)
    later = with_turn(now, first_turn + 2)
    assert [n for n in range(4) if later.is_in_time(n, first_turn + 1)] == [1]
    assert [n for n in range(4) if later.is_in_time(n, first_turn + 2)] == [2]


def test_what_is_said_elsewhere_is_judged_where_its_author_stood():
    book = with_group(members=(CAT,))
    stood = book.now.seq
    book.add(BEN, roll_content(GROUP, off=[CAT.key]))
    item, later = CAT.says({}, 0), CAT.says({}, 1)
    assert book.now.may_say(item, stood)
    assert not book.now.may_say(item, stood + 1)
    now = with_turn(book.now, book.now.seq + 1)
    assert now.may_say(item, stood)  # it may still land: the turn makes an end of it at the service
    assert not now.may_say(later, stood)
    assert now.may_say(ANN.says({}, 1), now.seq)  # stewards may, though in no group
    assert not now.may_say(EVE.says({}, 1), now.seq)


def test_a_box_that_nothing_can_be_sealed_to_does_not_take_the_place_of_one():
    """One group would keep the next key from all."""
    book = with_group(members=(CAT,))
    for low in (bytes(32), (1).to_bytes(32, "little"), b"\xec" + b"\xff" * 30 + b"\x7f"):
        assert not book.add(CAT, box_content(GROUP, low))
    assert boxes_for(book.now) == {bytes.fromhex(GROUP): BOX}


def test_a_group_has_to_bring_a_box_after_somebody_was_taken_off():
    book = with_group(members=(CAT, DEE))
    book.add(ANN, group_content(OTHER_GROUP, is_on=True, box=BOX, links=[EVE.key]))
    assert unboxed(book.now) == set()
    book.add(CAT, box_content(GROUP, BOX))
    book.add(BEN, roll_content(GROUP, off=[CAT.key]))
    assert unboxed(book.now) == {GROUP}
    book.add(BEN, roll_content(GROUP, on=[CAT.key]))
    assert unboxed(book.now) == {GROUP}
    book.add(BEN, box_content(GROUP, NEW_BOX))
    assert unboxed(book.now) == set()
    book.add(BEN, roll_content(GROUP, off=[EVE.key]))  # who was not on it
    assert unboxed(book.now) == set()
    book.add(BEN, roll_content(GROUP, off=[DEE.key]))
    book.add(ANN, group_content(GROUP, is_on=False))
    assert unboxed(book.now) == set()
    book.add(ANN, group_content(GROUP, is_on=True, box=NEW_BOX, links=[BEN.key]))
    assert unboxed(book.now) == set()


# What is said again


@pytest.mark.parametrize("n", [0, 1])
def test_what_somebody_seals_again_under_any_key_changes_nothing(n):
    """A reader who keeps what others signed cannot have a steward named, a box put back or somebody taken off anew."""
    book = with_group(members=(CAT,))
    named = ANN.says(steward_content(DEE.key, is_on=True))
    boxed = BEN.says(box_content(GROUP, BOX))
    taken = BEN.says(roll_content(GROUP, off=[CAT.key]))
    assert book.take(named)
    assert book.take(boxed)
    assert book.take(taken)
    book.add(ANN, steward_content(DEE.key, is_on=False))
    book.add(BEN, box_content(GROUP, NEW_BOX))
    book.add(BEN, roll_content(GROUP, on=[CAT.key]))
    if n:
        book.now = with_turn(book.now, book.now.seq + 1)
    for item in (named, boxed, taken):
        assert not book.take(replace(item, n=n))
    assert belongs(book, CAT)


def test_what_did_not_count_when_it_was_said_does_not_count_later():
    book = founded()
    early = BEN.says(steward_content(CAT.key, is_on=True))
    assert not book.take(early)
    book.add(ANN, steward_content(BEN.key, is_on=True))
    assert not book.take(early)
    assert book.take(BEN.says(early.content))


def test_one_id_of_two_signers_is_two_items():
    book = founded(ANN, BEN)
    assert book.take(ANN.says(steward_content(CAT.key, is_on=True), id=GROUP))
    book.take(ANN.says(steward_content(DEE.key, is_on=True)))
    assert book.take(BEN.says(steward_content(DEE.key, is_on=True), id=GROUP))


def test_an_item_counts_under_the_key_that_is_in_force_alone():
    book = founded()
    assert not book.add(ANN, steward_content(BEN.key, is_on=True), n=1)
    book.now = with_turn(book.now, book.now.seq + 1)
    assert not book.add(ANN, steward_content(BEN.key, is_on=True), n=0)
    assert book.add(ANN, steward_content(BEN.key, is_on=True), n=1)


def test_of_what_was_not_read_yet_nobody_is_said_to_have_said_it():
    """A place far ahead would be judged by what holds now, and differently by whoever reads later."""
    book = with_group(members=(CAT,))
    assert book.now.may_say(CAT.says({}), book.now.seq)
    assert not book.now.may_say(CAT.says({}), book.now.seq + 1)


def test_a_turn_counts_of_a_steward_from_the_key_in_force_by_a_place_under_it():
    book = with_group(members=(CAT,))
    book.now = with_turn(book.now, book.now.seq + 1)
    began = book.now.seq
    book.add(ANN, roll_content(GROUP, off=[CAT.key]))

    def may(who=ANN, n=1, at=began):
        return may_turn(book.now, Turn(n=n, signer=who.key, at=at, digest=b"", boxes={}, content={}))

    assert may()
    assert may(at=began + 1)
    assert not may(who=BEN)
    assert not may(n=0)
    assert not may(n=2)
    assert not may(at=began - 1)
    assert not may(at=began + 2)


def test_the_wishes_of_a_steward_end_with_them_and_the_last_one_counts():
    book = founded(ANN, BEN, CAT, DEE)
    book.add(CAT, steward_content(EVE.key, is_on=True))
    book.add(ANN, steward_content(CAT.key, is_on=False))
    assert book.add(BEN, steward_content(CAT.key, is_on=False))
    assert book.now.wished == {}
    book.add(BEN, steward_content(CAT.key, is_on=True))
    assert book.add(DEE, steward_content(CAT.key, is_on=True))
    book.add(ANN, steward_content(EVE.key, is_on=True))  # what CAT wished before they went is over
    assert not book.now.is_steward(EVE.key, book.now.seq)
    book.add(ANN, steward_content(DEE.key, is_on=False))  # ANN thinks again
    book.add(BEN, steward_content(EVE.key, is_on=True))
    assert not book.now.is_steward(EVE.key, book.now.seq)


def test_a_flood_of_items_leaves_each_state_as_it_was():
    book = with_group()
    early = book.now
    for number in range(200):
        key = number.to_bytes(32, "big")
        book.add(BEN, roll_content(GROUP, on=[key]))
        book.add(BEN, roll_content(GROUP, off=[key]))
    assert early.everybody(early.seq) == {BEN.key}
    assert book.now.everybody(book.now.seq) == {BEN.key}
    assert book.now.everybody(early.seq + 1) == {BEN.key, bytes(32)}
    assert len(book.now.homes) == 201


def test_an_event_that_says_nothing_is_a_place_all_the_same():
    """Its number is what the next author has read up to."""
    book = with_group(members=(CAT,))
    at = book.now.seq + 1
    assert not book.now.may_say(CAT.says({}), at)
    assert with_nothing(book.now, at).may_say(CAT.says({}), at)


def test_the_bounds_are_those_of_the_protocol():
    assert (ROLL_LIMIT, GROUPS_LIMIT, STEWARDS_LIMIT, LINKS_LIMIT, TWO_FROM) == (64, 500, 16, 8, 3)
    assert BOXES_LIMIT == GROUPS_LIMIT


def test_who_came_and_went_twice_belonged_in_between_alone():
    book = with_group(members=(CAT,))
    came = book.now.seq
    for content in (roll_content(GROUP, off=[CAT.key]), roll_content(GROUP, on=[CAT.key])) * 2:
        book.add(BEN, content)
    book.add(BEN, roll_content(GROUP, off=[CAT.key]))
    places = range(came - 1, came + 7)
    assert [place - came for place in places if belongs(book, CAT, place)] == [0, 2, 4]
