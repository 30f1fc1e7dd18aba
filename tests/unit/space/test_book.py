"""The book: who may say what about who belongs, and what held at each place."""

import pytest

from companion.space.book import (
    GROUPS_LIMIT,
    LINKS_LIMIT,
    ROLL_LIMIT,
    STEWARDS_LIMIT,
    box_content,
    boxes_for,
    first_content,
    group_content,
    roll_content,
    steward_content,
)
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
    SPACE,
    Book,
    Somebody,
    belongs,
    founded,
    with_group,
)

# The beginning


def test_a_space_begins_with_its_stewards():
    book = founded(ANN, BEN)
    assert book.now.stewards_at(1) == {ANN.key, BEN.key}
    assert not book.now.is_steward(ANN.key, 0)


@pytest.mark.parametrize(
    "content",
    [
        first_content(b"t" * 16, [ANN.key]),
        first_content(SPACE, []),
        first_content(SPACE, [ANN.key[:31]]),
        first_content(SPACE, [ANN.key + b"x"]),
        first_content(SPACE, [ANN.key, ANN.key]),
        first_content(SPACE, [bytes([n]) * 32 for n in range(STEWARDS_LIMIT + 1)]),
        {"kind": "first", "space": SPACE.hex()},
        {"kind": ["first"]},
        first_content(SPACE, [ANN.key]) | {"space": SPACE.hex().upper() + " "},
        {},
    ],
)
def test_what_begins_nothing_is_left(content):
    assert not Book().add(ANN, content)


def test_a_space_begins_once_and_nothing_counts_before():
    book = Book()
    assert not book.add(ANN, group_content(GROUP, is_on=True, box=BOX, links=[ANN.key]))
    assert book.add(ANN, first_content(SPACE, [ANN.key]))
    assert not book.add(BEN, first_content(SPACE, [BEN.key]))


# Stewards


def test_one_of_two_stewards_names_another_and_it_takes_two_of_three():
    book = founded(ANN, BEN)
    assert book.add(ANN, steward_content(CAT.key, is_on=True))
    assert book.now.is_steward(CAT.key, book.now.seq)
    book.add(ANN, steward_content(DEE.key, is_on=True))
    assert not book.now.is_steward(DEE.key, book.now.seq)
    book.add(ANN, steward_content(DEE.key, is_on=True))  # the same one twice is one
    assert not book.now.is_steward(DEE.key, book.now.seq)
    assert book.add(BEN, steward_content(DEE.key, is_on=True))
    assert book.now.is_steward(DEE.key, book.now.seq)


def test_two_of_three_take_one_off_and_what_was_before_stays_true():
    book = founded(ANN, BEN, CAT)
    book.add(ANN, steward_content(CAT.key, is_on=False))
    assert book.add(BEN, steward_content(CAT.key, is_on=False))
    assert not book.now.is_steward(CAT.key, book.now.seq)
    assert book.now.is_steward(CAT.key, book.now.seq - 1)


def test_a_wish_counts_only_as_long_as_who_had_it_is_a_steward():
    book = founded(ANN, BEN, CAT)
    book.add(CAT, steward_content(DEE.key, is_on=True))
    book.add(ANN, steward_content(CAT.key, is_on=False))
    book.add(BEN, steward_content(CAT.key, is_on=False))
    book.add(ANN, steward_content(EVE.key, is_on=True))  # two are left: one is enough
    assert book.now.is_steward(EVE.key, book.now.seq)
    book.add(ANN, steward_content(DEE.key, is_on=True))
    assert not book.now.is_steward(DEE.key, book.now.seq)
    book.add(BEN, steward_content(DEE.key, is_on=True))
    assert book.now.is_steward(DEE.key, book.now.seq)


def test_who_is_no_steward_names_none_and_the_last_one_stays():
    book = founded()
    assert not book.add(BEN, steward_content(BEN.key, is_on=True))
    assert not book.add(ANN, steward_content(ANN.key, is_on=False))
    assert not book.add(ANN, steward_content(ANN.key, is_on=True))
    assert not book.add(ANN, steward_content(BEN.key, is_on=False))


def test_there_are_only_so_many_stewards():
    others = [Somebody() for _ in range(STEWARDS_LIMIT - 1)]
    book = founded(ANN, *others)
    assert not book.add(ANN, steward_content(BEN.key, is_on=True))
    assert not book.add(others[0], steward_content(BEN.key, is_on=True))


# Groups


def test_a_steward_lets_a_group_in_and_its_link_persons_belong():
    book = with_group(links=(BEN, CAT))
    assert belongs(book, BEN)
    assert belongs(book, CAT)
    assert not belongs(book, ANN)
    assert boxes_for(book.now) == {bytes.fromhex(GROUP): BOX}


def test_only_a_steward_lets_groups_in_or_go():
    book = founded()
    assert not book.add(BEN, group_content(GROUP, is_on=True, box=BOX, links=[BEN.key]))
    book = with_group()
    assert not book.add(BEN, group_content(GROUP, is_on=False))
    assert book.add(ANN, group_content(GROUP, is_on=False))
    assert not belongs(book, BEN)
    assert belongs(book, BEN, book.now.seq - 1)
    assert boxes_for(book.now) == {}


@pytest.mark.parametrize(
    "content",
    [
        group_content(GROUP, is_on=True, box=BOX, links=[]),
        group_content(GROUP, is_on=True, box=b"short", links=[BEN.key]),
        group_content("xx", is_on=True, box=BOX, links=[BEN.key]),
        group_content(GROUP.upper().replace("1", "A"), is_on=True, box=BOX, links=[BEN.key]),
        group_content(GROUP, is_on=True, box=BOX, links=[bytes([n]) * 32 for n in range(LINKS_LIMIT + 1)]),
        group_content(GROUP, is_on=False),
        group_content(" ".join([GROUP[:2]] * 16), is_on=True, box=BOX, links=[BEN.key]),
        group_content(GROUP, is_on=True, box=bytes(32), links=[BEN.key]),
        group_content(GROUP, is_on=True, box=BOX, links=[BEN.key]) | {"on": 1},
    ],
)
def test_what_is_no_group_to_let_in_is_left(content):
    assert not founded().add(ANN, content)


def test_a_group_is_in_once_and_may_come_back_with_another_box():
    book = with_group(members=(CAT,))
    assert not book.add(ANN, group_content(GROUP, is_on=True, box=NEW_BOX, links=[DEE.key]))
    was = book.now.seq
    book.add(ANN, group_content(GROUP, is_on=False))
    assert not book.add(BEN, roll_content(GROUP, on=[EVE.key]))
    assert not book.add(BEN, box_content(GROUP, NEW_BOX))
    assert book.add(ANN, group_content(GROUP, is_on=True, box=NEW_BOX, links=[DEE.key]))
    assert boxes_for(book.now) == {bytes.fromhex(GROUP): NEW_BOX}
    assert belongs(book, DEE)
    assert not belongs(book, BEN)
    assert not belongs(book, CAT)
    assert belongs(book, CAT, was)  # what was said then stays said by one who belonged


def test_there_are_only_so_many_groups():
    book = founded()
    for number in range(GROUPS_LIMIT):
        assert book.add(ANN, group_content(f"{number:032x}", is_on=True, box=BOX, links=[BEN.key]))
    assert not book.add(ANN, group_content(GROUP, is_on=True, box=BOX, links=[BEN.key]))


# Rolls


def test_who_is_on_a_roll_puts_others_on_it_and_who_is_not_does_not():
    book = with_group(members=(CAT,))
    assert book.add(CAT, roll_content(GROUP, on=[DEE.key]))
    assert belongs(book, DEE)
    assert not book.add(EVE, roll_content(GROUP, on=[EVE.key]))
    assert not book.add(ANN, roll_content(GROUP, on=[EVE.key]))  # a steward who is not in the group


def test_oneself_a_link_person_and_a_steward_take_somebody_off_and_others_do_not():
    for who, is_taken in ((CAT, True), (BEN, True), (ANN, True), (DEE, False), (EVE, False)):
        book = with_group(members=(CAT, DEE))
        assert book.add(who, roll_content(GROUP, off=[CAT.key])) is is_taken
        assert belongs(book, CAT) is not is_taken


def test_who_was_taken_off_does_nothing_in_the_book_any_more():
    book = with_group(members=(CAT,))
    book.add(BEN, roll_content(GROUP, off=[CAT.key]))
    assert not book.add(CAT, roll_content(GROUP, on=[CAT.key]))
    assert not book.add(CAT, box_content(GROUP, NEW_BOX))
    assert book.add(BEN, roll_content(GROUP, on=[CAT.key]))
    assert belongs(book, CAT)
    assert not belongs(book, CAT, book.now.seq - 1)


def test_a_link_person_who_leaves_is_one_no_longer():
    book = with_group(links=(BEN, CAT), members=(DEE,))
    book.add(CAT, roll_content(GROUP, off=[CAT.key]))
    book.add(BEN, roll_content(GROUP, on=[CAT.key]))
    assert not book.add(CAT, roll_content(GROUP, off=[DEE.key]))


def test_a_link_person_of_one_group_is_none_of_another():
    book = with_group(members=(CAT,))
    book.add(ANN, group_content(OTHER_GROUP, is_on=True, box=BOX, links=[EVE.key]))
    assert not book.add(EVE, roll_content(GROUP, off=[CAT.key]))
    assert not book.add(EVE, roll_content(GROUP, on=[DEE.key]))


def test_taking_off_twice_and_putting_on_twice_changes_no_span():
    book = with_group(members=(CAT,))
    before = book.now.groups[GROUP].roll[CAT.key]
    book.add(BEN, roll_content(GROUP, on=[CAT.key]))
    assert book.now.groups[GROUP].roll[CAT.key] == before
    book.add(BEN, roll_content(GROUP, off=[CAT.key]))
    off = book.now.groups[GROUP].roll[CAT.key]
    book.add(BEN, roll_content(GROUP, off=[CAT.key]))
    book.add(BEN, roll_content(GROUP, off=[EVE.key]))
    assert book.now.groups[GROUP].roll[CAT.key] == off


def test_a_roll_has_its_bound():
    book = with_group()
    many = [bytes([n + 1]) * 32 for n in range(ROLL_LIMIT - 1)]
    assert book.add(BEN, roll_content(GROUP, on=many))
    assert not book.add(BEN, roll_content(GROUP, on=[DEE.key]))
    assert book.add(BEN, roll_content(GROUP, on=[DEE.key], off=many[:1]))
    assert not book.add(BEN, roll_content(GROUP))
    assert not book.add(BEN, roll_content(OTHER_GROUP, on=[DEE.key]))


def test_who_is_in_two_groups_is_counted_once():
    book = with_group(members=(CAT,))
    book.add(ANN, group_content(OTHER_GROUP, is_on=True, box=BOX, links=[CAT.key, DEE.key]))
    assert book.now.everybody(book.now.seq) == {BEN.key, CAT.key, DEE.key}
    book.add(BEN, roll_content(GROUP, off=[CAT.key]))
    assert belongs(book, CAT)  # reads on through the other group
    assert book.now.groups_at(book.now.seq) == {GROUP, OTHER_GROUP}
