"""What the entries of the small log come to, whoever wrote them and whatever the service does with their order."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.crypto.primitives import signing_keypair
from companion.errors import MessageRejected
from companion.space.items import seal_item
from companion.space.keys import BOOK
from companion.space.place import OWN, Space
from companion.space.signpost import (
    Signpost,
    fold,
    key_after,
    open_way,
    read_way,
    way_entry,
    way_to,
    whose_entry,
)
from companion.space.turns import seal_turn
from companion.space.words import STEP, Words, words_box, words_of

RECOVERY, OTHER = bytes(range(32)), bytes(range(1, 33))
WORDS, BOX = words_of(RECOVERY), words_box(RECOVERY)
MINE, PUBLIC = signing_keypair()
THEIRS, THEIR_PUBLIC = signing_keypair()
KEYS = (b"0" * 32, b"1" * 32, b"2" * 32)
SPACE = Space(id="ab" * 16, kind=OWN, service="https://one.example", keys=KEYS[:1], first="cd" * 32)
NEWER, ANEW = replace(SPACE, keys=KEYS), replace(SPACE, id="ef" * 16, keys=KEYS[1:2], generation=2)
WHOSE = whose_entry(WORDS, MINE)
FIRST, SECOND, THIRD = (way_entry(WORDS, MINE, way_to(WORDS, space)) for space in (SPACE, NEWER, ANEW))


def folded(*bodies, words=WORDS):
    return fold(words, enumerate(bodies, 1))


def test_the_newest_way_counts_and_all_else_is_left_over():
    assert folded(WHOSE, FIRST, SECOND) == Signpost(
        identity=PUBLIC, whose_seq=1, way=way_to(WORDS, NEWER), way_seq=3, rest=(2,)
    )


def test_a_space_that_was_begun_anew_counts_whatever_number_its_key_has():
    assert folded(WHOSE, SECOND, THIRD).way == way_to(WORDS, ANEW)


def test_an_older_way_that_is_said_once_more_changes_nothing():
    assert folded(WHOSE, FIRST, SECOND, FIRST).way == way_to(WORDS, NEWER)
    again = way_entry(WORDS, MINE, way_to(WORDS, SPACE))
    assert folded(WHOSE, SECOND, again) == replace(folded(WHOSE, SECOND), rest=(3,))


def test_whose_the_words_are_is_pinned_by_the_first_that_says_so():
    theirs = way_entry(WORDS, THEIRS, way_to(WORDS, ANEW))
    post = folded(WHOSE, FIRST, whose_entry(WORDS, THEIRS), theirs)
    assert (post.identity, post.way, post.rest) == (PUBLIC, way_to(WORDS, SPACE), (3, 4))


def test_a_way_before_anybody_is_pinned_says_nothing():
    assert folded(FIRST, WHOSE) == Signpost(identity=PUBLIC, whose_seq=2, rest=(1,))


def test_an_entry_of_another_log_says_nothing_here():
    words = words_of(OTHER)
    entries = (whose_entry(words, MINE), way_entry(words, MINE, way_to(words, SPACE)))
    assert folded(*entries) == Signpost(rest=(1, 2))


def test_emptied_entries_leave_no_trace():
    assert folded(WHOSE, b"", SECOND) == Signpost(identity=PUBLIC, whose_seq=1, way=way_to(WORDS, NEWER), way_seq=3)


@pytest.mark.parametrize(
    "bad",
    [
        {"kind": "way"},
        {"kind": ["way"]},
        {"kind": "way", "service": 5, "space": "x"},
        {"kind": "later", "generation": 99},
    ],
)
def test_what_cannot_be_read_keeps_nothing_else_from_counting(bad):
    post = folded(WHOSE, FIRST, seal_item(WORDS.key, 0, WORDS.octets, MINE, bad), b"\0" * 70)
    assert (post.way, post.rest) == (way_to(WORDS, SPACE), (3, 4))


@given(st.permutations([WHOSE, FIRST, SECOND, THIRD, b"", b"garbage"]))
def test_in_whatever_order_a_service_hands_them_out_no_older_way_counts_than_one_that_is_there(entries):
    post = folded(*entries)
    after = entries[entries.index(WHOSE) :]
    ways = [way for body, way in ((FIRST, SPACE), (SECOND, NEWER), (THIRD, ANEW)) if body in after]
    furthest = max((way_to(WORDS, space) for space in ways), key=lambda way: way.rank, default=None)
    assert (post.identity, post.way) == (PUBLIC, furthest)


def test_the_key_of_a_way_opens_for_the_words_alone():
    way = folded(WHOSE, SECOND).way
    assert open_way(WORDS, BOX, way) == KEYS[2]
    with pytest.raises(MessageRejected):
        open_way(WORDS, words_box(OTHER), way)


@pytest.mark.parametrize("other", [{"n": 1}, {"space": "ef" * 16}])
def test_a_key_that_was_sealed_for_another_place_does_not_open(other):
    with pytest.raises(MessageRejected):
        open_way(WORDS, BOX, replace(way_to(WORDS, NEWER), **other))


def test_all_devices_seal_the_same_key_to_the_same_octets_and_each_key_to_others():
    assert way_to(WORDS, NEWER) == way_to(words_of(RECOVERY), NEWER)
    assert way_to(WORDS, SPACE).sealed != way_to(WORDS, NEWER).sealed


@pytest.mark.parametrize(
    "field", [{"key": "00"}, {"first": "AB" * 32}, {"first": "ab"}, {"n": -1}, {"service": "a\nb"}]
)
def test_a_way_that_is_malformed_is_refused(field):
    way = way_to(WORDS, SPACE)
    good = {"service": way.service, "space": way.space, "generation": 1, "n": 0, "first": way.first}
    good["key"] = way.sealed.hex()
    assert read_way(good) == way
    with pytest.raises(MessageRejected):
        read_way(good | field)


def turn(n, boxes, *, key=None):
    log = SPACE.log_id(BOOK)
    return seal_turn(key or KEYS[n], n, KEYS[n + 1], space=SPACE.octets, log=log, sign_private=MINE, at=1, boxes=boxes)


def after(n, *book):
    log = SPACE.log_id(BOOK)
    return key_after(WORDS, BOX, space=SPACE.octets, log=log, key=KEYS[n], n=n, book=book)


def test_the_words_follow_a_turn_that_has_their_box():
    assert after(0, b"", turn(0, {WORDS.holder: WORDS.box})) == KEYS[1]
    assert after(0, turn(1, {WORDS.holder: WORDS.box})) is None


def test_the_words_do_not_follow_a_turn_without_their_box_or_with_one_for_others():
    assert after(0, turn(0, {})) is None
    assert after(0, turn(0, {WORDS.holder: words_of(OTHER).box})) is None
    assert after(0, turn(0, {WORDS.holder: WORDS.box}, key=b"x" * 32)) is None
    assert after(0, turn(1, {WORDS.holder: WORDS.box}, key=KEYS[0])) is None


def test_words_are_followed_by_later_ones_within_reach():
    later = [replace(WORDS, number=number) for number in (1, 2, 1 + STEP, 2 + STEP)]
    assert [one.follows(WORDS) for one in later] == [False, True, True, False]
    assert all(one.follows(None) for one in later)


@pytest.mark.parametrize(
    "field", [{"number": 0}, {"slot": "00" * 32}, {"box": "00" * 32}, {"log": "zz"}, {"key": "ab"}, {"keeper": 5}]
)
def test_words_that_are_malformed_or_nothing_can_be_sealed_to_are_refused(field):
    assert Words.from_doc(WORDS.to_doc()) == WORDS
    with pytest.raises(MessageRejected):
        Words.from_doc(WORDS.to_doc() | field)
