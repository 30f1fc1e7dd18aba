"""Versions of one document: what follows what, and what stands side by side."""

import pytest

from companion.errors import MessageRejected
from companion.space.versions import PAST_KEPT, History, Version, merged, trimmed, with_version, written

PHONE, DESK = "aa" * 16, "bb" * 16


def name(number):
    return f"{number:032x}"


def write(history, number, text, device=PHONE, at_ms=None):
    body = None if text is None else {"text": text}
    version = written(history, id=name(number), device=device, at_ms=number if at_ms is None else at_ms, body=body)
    return with_version(history, version), version


def texts(history):
    return [version.body["text"] for version in history.shown]


def test_a_later_version_takes_the_place_of_those_it_follows():
    history, _ = write(History(), 1, "one")
    history, second = write(history, 2, "two")
    assert texts(history) == ["two"]
    assert second.past == (name(1),)


def test_versions_written_apart_stand_side_by_side_the_latest_first():
    base, _ = write(History(), 1, "one")
    here, _ = write(base, 2, "here")
    there, _ = write(base, 3, "there", DESK)
    assert texts(merged(here, there)) == texts(merged(there, here)) == ["there", "here"]


def test_whose_clock_agrees_stands_in_an_order_all_the_same():
    one, other = write(History(), 2, "a", at_ms=9)[0], write(History(), 3, "b", at_ms=9)[0]
    assert texts(merged(one, other)) == texts(merged(other, one)) == ["b", "a"]


def test_the_next_version_follows_all_that_stand_side_by_side():
    base, _ = write(History(), 1, "one")
    both = merged(write(base, 2, "here")[0], write(base, 3, "there", DESK)[0])
    after, version = write(both, 4, "both")
    assert texts(after) == ["both"]
    assert set(version.past) == {name(1), name(2), name(3)}
    assert set(version.past[:2]) == {name(2), name(3)}  # the nearest first


def test_words_beat_a_deletion_beside_them_and_not_one_that_follows():
    base, _ = write(History(), 1, "one")
    deleted, edited = write(base, 2, None)[0], write(base, 3, "kept", DESK)[0]
    assert texts(merged(deleted, edited)) == ["kept"]
    assert texts(write(base, 2, None)[0]) == []
    assert texts(write(merged(deleted, edited), 4, None)[0]) == []


def test_an_older_version_that_comes_late_changes_nothing():
    base, first = write(History(), 1, "one")
    history, second = write(base, 2, "two")
    history, _ = write(history, 3, "three")
    for late in (first, second):
        assert with_version(history, late) == history


def test_a_version_whose_parents_never_came_still_takes_the_place_of_their_parents():
    """What was followed is emptied at the service: a device that was away sees the first and the last."""
    base, _ = write(History(), 1, "one")
    history, _ = write(base, 2, "two")
    _, third = write(history, 3, "three")
    assert texts(with_version(base, third)) == ["three"]


def test_a_past_is_bounded_and_its_nearest_names_are_kept():
    history = History()
    for number in range(1, PAST_KEPT + 20):
        history, version = write(history, number, "x")
    assert len(version.past) == PAST_KEPT == 256
    assert version.past[0] == name(PAST_KEPT + 18)
    assert name(1) not in version.past
    assert trimmed(history).past == frozenset(version.past)
    assert trimmed(history).newest == history.newest


def test_documents_come_back_as_they_went():
    base, _ = write(History(), 1, "one")
    history = merged(write(base, 2, "here")[0], write(base, 3, None, DESK)[0])
    assert History.from_doc(history.to_doc()) == history


GOOD = Version(id=name(1), device=PHONE, at_ms=5, body={"text": "x"}, past=(name(2),)).to_doc()


@pytest.mark.parametrize(
    "bad",
    [
        {"id": "x"},
        {"device": 5},
        {"at_ms": -1},
        {"body": []},
        {"past": None},
        {"past": ["x"]},
        {"past": [name(2), name(1)]},  # after itself
        {"past": [name(n) for n in range(2, PAST_KEPT + 3)]},
    ],
)
def test_what_is_no_version_is_refused(bad):
    with pytest.raises(MessageRejected):
        Version.from_doc({**GOOD, **bad})
    assert Version.from_doc({**GOOD, "past": [name(n) for n in range(2, PAST_KEPT + 2)]}).body == {"text": "x"}
