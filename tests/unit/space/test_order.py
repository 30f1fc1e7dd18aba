"""The running hash: two who read the same log say the same, two who do not are told apart."""

import pytest

from companion.crypto.primitives import sha256
from companion.errors import MessageRejected
from companion.space.order import STRETCH, Seen, is_fork, running_hash, stretch_start

LIFE, OTHER_LIFE = "aa" * 16, "bb" * 16
CIDS = [n.to_bytes(16, "big").hex() for n in range(1, 600)]  # CIDS[0] stands at the number 1


def h_at(seq, cids=CIDS):
    start = stretch_start(seq)
    return running_hash(start, cids[start - 1 : seq])


def seen(seq, h=None, life=LIFE):
    return Seen(incarnation=life, seq=seq, h=(h or h_at(seq)).hex() if seq else "")


def forked(theirs, cids=CIDS, life=LIFE):
    start = stretch_start(theirs.seq or 1)
    return is_fork(theirs, life, start, cids[start - 1 : start - 1 + STRETCH])


def test_the_hash_is_the_one_that_the_protocol_names():
    first = sha256(bytes(32) + (1).to_bytes(8, "big") + bytes.fromhex(CIDS[0]))
    assert running_hash(1, CIDS[:1]) == first
    assert running_hash(1, CIDS[:2]) == sha256(first + (2).to_bytes(8, "big") + bytes.fromhex(CIDS[1]))
    assert running_hash(256, CIDS[255:256]) == sha256(bytes(32) + (256).to_bytes(8, "big") + bytes.fromhex(CIDS[255]))


@pytest.mark.parametrize(("seq", "start"), [(1, 1), (255, 1), (256, 256), (257, 256), (511, 256), (512, 512)])
def test_a_stretch_begins_where_its_length_divides_the_number(seq, start):
    assert stretch_start(seq) == start


@pytest.mark.parametrize(("start", "count"), [(1, 0), (1, 256), (2, 1), (256, 257), (255, 1)])
def test_a_hash_is_only_of_one_stretch_from_its_beginning(start, count):
    with pytest.raises(ValueError, match="stretch"):
        running_hash(start, CIDS[start - 1 : start - 1 + count])


def test_whole_stretches_have_a_hash():
    assert len({running_hash(1, CIDS[:255]), running_hash(256, CIDS[255:511])}) == 2


@pytest.mark.parametrize("seq", [1, 5, 255, 256, 300])
def test_the_same_log_is_no_fork_and_another_one_is(seq):
    assert forked(seen(seq)) is False
    other = [*CIDS[: seq - 1], "ff" * 16, *CIDS[seq:]]
    assert forked(seen(seq, h_at(seq, other))) is True


def test_what_comes_after_the_place_that_is_named_does_not_matter():
    assert forked(seen(5), [*CIDS[:5], *reversed(CIDS[5:])]) is False


def test_nothing_is_said_of_another_life_of_what_was_not_read_and_of_nothing():
    assert forked(seen(5, life=OTHER_LIFE)) is None
    assert forked(seen(0)) is None
    assert is_fork(seen(5), LIFE, 1, CIDS[:4]) is None
    assert is_fork(seen(300), LIFE, 1, CIDS[:300]) is None
    assert is_fork(seen(5), LIFE, 1, CIDS[:5]) is False


def test_what_an_author_saw_comes_back_as_it_went():
    for one in (seen(7), seen(0)):
        assert Seen.from_doc(one.to_doc()) == one


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        [LIFE, 1],
        [LIFE, 1, "aa"],
        [LIFE, -1, "aa" * 32],
        [LIFE, 1, "AA" * 32],
        [LIFE, 1, "aa " * 32],
        [LIFE, 1, " " + "aa" * 31 + " "],
        ["x", 0, ""],
        [LIFE, 1, 5],
        [LIFE, 0],
    ],
)
def test_what_no_author_can_have_seen_is_refused(said):
    with pytest.raises(MessageRejected):
        Seen.from_doc(said)
