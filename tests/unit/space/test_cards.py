"""Cards, and a space that moves on: what signatures in the book say."""

import pytest

from companion.crypto.primitives import sign
from companion.errors import MessageRejected
from companion.space.book import first_hash, group_content, roll_content
from companion.space.cards import card_message, follows_message, is_moved, moved_message, read_card
from tests.unit.space.people import ANN, BEN, BOX, CAT, DEE, EVE, GROUP, OTHER_GROUP, SPACE, with_group


def card(who, *, identity=None, name="Ann Lee", follows=None, space=SPACE, profession="gp", **changed):
    identity = identity or DEE
    said = {
        "kind": "card",
        "name": name,
        "profession": profession,
        "identity": identity.key.hex(),
        "signature": sign(identity.private, card_message(space, who.key, name, profession)).hex(),
    }
    if follows is not None:
        signature = sign(follows.private, follows_message(space, follows.key, who.key))
        said["follows"] = {"key": follows.key.hex(), "signature": signature.hex()}
    return said | changed


def test_a_card_that_both_keys_signed_names_a_member():
    book = with_group()
    assert book.add(BEN, card(BEN))
    known = book.now.cards[BEN.key]
    assert (known.name, known.profession, known.identity_key) == ("Ann Lee", "gp", DEE.key)


@pytest.mark.parametrize(
    "said",
    [
        card(CAT),  # the identity key signed another member's
        card(BEN, space=b"t" * 16),
        card(BEN, name="Ann\nLee"),
        card(BEN) | {"name": "Ann Leo"},
        card(BEN, profession="king"),
        card(BEN) | {"profession": "nurse"},
        card(BEN) | {"signature": "aa"},
        card(BEN) | {"identity": "aa"},
        card(BEN, follows=CAT) | {"follows": {"key": EVE.key.hex(), "signature": "aa" * 64}},
        card(BEN) | {"follows": 5},
    ],
)
def test_a_card_that_does_not_hold_names_nobody(said):
    book = with_group()
    assert not book.add(BEN, said)
    with pytest.raises(MessageRejected):
        read_card(SPACE, BEN.says(said))


def test_a_key_that_follows_another_speaks_for_the_same_person():
    book = with_group(members=(CAT, EVE))
    book.add(BEN, card(BEN))
    book.add(CAT, card(CAT, follows=BEN))
    book.add(EVE, card(EVE, follows=CAT))
    assert book.now.first_of(EVE.key) == book.now.first_of(CAT.key) == book.now.first_of(BEN.key) == BEN.key
    assert book.now.first_of(ANN.key) == ANN.key
    book.add(BEN, card(BEN, follows=EVE))  # a ring ends
    assert book.now.first_of(EVE.key) in {BEN.key, CAT.key, EVE.key}
    book.add(ANN, card(ANN, follows=EVE))  # for who stands outside of it too
    assert book.now.first_of(ANN.key) in {BEN.key, CAT.key, EVE.key}


def test_a_card_counts_of_those_who_belong_and_of_stewards():
    book = with_group(members=(CAT,))
    assert book.add(ANN, card(ANN))
    assert book.add(CAT, card(CAT))
    assert not book.add(EVE, card(EVE))
    book.add(BEN, roll_content(GROUP, off=[CAT.key]))
    assert not book.add(CAT, card(CAT, name="Cat Lee"))
    assert book.now.cards[CAT.key].name == "Ann Lee"


# Moving on


def moved(*who, following=b"n" * 16, space=SPACE):
    said = moved_message(space, following)
    return [{"key": one.key.hex(), "signature": sign(one.private, said).hex()} for one in who]


def test_link_persons_of_more_than_half_the_groups_move_a_space_on():
    book = with_group(links=(BEN, CAT))
    book.add(ANN, group_content(OTHER_GROUP, is_on=True, box=BOX, links=[DEE.key]))
    book.add(ANN, group_content("33" * 16, is_on=True, box=BOX, links=[EVE.key]))
    new = b"n" * 16
    assert is_moved(book.now, new, moved(BEN, DEE))
    assert not is_moved(book.now, new, moved(BEN))
    assert not is_moved(book.now, new, moved(BEN, CAT))  # two of one group are one group
    assert not is_moved(book.now, new, moved(BEN, ANN))
    assert not is_moved(book.now, b"o" * 16, moved(BEN, DEE))
    assert not is_moved(book.now, new, moved(BEN, DEE, space=b"t" * 16))
    assert not is_moved(book.now, new, [])
    book.add(ANN, group_content("33" * 16, is_on=False))
    assert not is_moved(book.now, new, moved(BEN))  # half is not more than half


@pytest.mark.parametrize("signed", [None, ["x"], [{"key": "aa"}], [{}], {}])
def test_what_is_no_list_of_signatures_is_refused(signed):
    with pytest.raises(MessageRejected):
        is_moved(with_group().now, b"n" * 16, signed)


def test_a_signature_that_does_not_hold_keeps_no_other_from_counting():
    book = with_group()
    odd = {"key": ANN.key.hex(), "signature": "aa"}
    assert is_moved(book.now, b"n" * 16, [odd, *moved(BEN)])


def test_a_first_item_is_known_by_its_bytes():
    assert first_hash(b"one") != first_hash(b"two")
    assert len(first_hash(b"one")) == 64


def test_only_so_many_signatures_are_looked_at():
    book, empty = with_group(), {"key": ANN.key.hex(), "signature": ""}
    assert is_moved(book.now, b"n" * 16, [empty] * 3_999 + moved(BEN))
    assert not is_moved(book.now, b"n" * 16, [empty] * 4_000 + moved(BEN))
