"""What a poll may be, who may still answer, and which numbers its end may tell."""

import pytest

from companion.chat.polls import close_content, is_closed, kept_poll, new_poll, read_close, read_poll, voted
from companion.errors import MessageRejected

OPEN = new_poll(("Yes", "No"), is_secret=False, closes_ms=0)
SECRET = new_poll(("Yes", "No"), is_secret=True, closes_ms=0)


def asked(*options: object) -> dict[str, object]:
    return {"poll": {"options": list(options), "is_secret": False, "closes_ms": 0}}


@pytest.mark.parametrize("options", [("a", "b"), tuple("abcdefgh"), ("a" * 80, "b")])
def test_a_poll_has_two_to_eight_options_of_80_characters(options):
    assert read_poll(asked(*options))["options"] == list(options)


@pytest.mark.parametrize("options", [(), ("a",), tuple("abcdefghi"), ("a" * 81, "b"), ("a", "A"), ("a", ""), ("a", 3)])
def test_a_poll_with_fewer_more_longer_or_equal_options_is_rejected(options):
    with pytest.raises(MessageRejected):
        read_poll(asked(*options))


@pytest.mark.parametrize("poll", [None, [], {}, {"options": ["a", "b"], "is_secret": "yes", "closes_ms": 0}])
def test_what_is_no_poll_is_rejected(poll):
    with pytest.raises(MessageRejected):
        read_poll({"poll": poll})


@pytest.mark.parametrize(("answers", "counts"), [(5, [3, 2]), (64, [64, 0]), (4, []), (0, [])])
def test_the_end_of_a_secret_poll_tells_its_numbers_if_there_are_enough(answers, counts):
    closed = read_close({"answers": answers, "counts": counts}, SECRET)
    assert (closed["is_closed"], closed["answers"], closed["counts"]) == (True, answers, counts or None)


@pytest.mark.parametrize(
    ("answers", "counts"),
    [(4, [2, 2]), (5, [5]), (5, [3, 1, 1]), (5, [3, 3]), (65, [64, 1]), (65, []), (None, []), (5, ["3", 2]), (5, None)],
)
def test_numbers_that_do_not_fit_the_poll_are_rejected(answers, counts):
    with pytest.raises(MessageRejected):
        read_close({"answers": answers, "counts": counts}, SECRET)


def test_the_end_of_an_open_poll_tells_nothing_more():
    assert read_close({"answers": 9, "counts": [9, 9]}, OPEN) == OPEN | {"is_closed": True}


@pytest.mark.parametrize(("voters", "told"), [(4, []), (5, [5, 0])])
def test_who_asked_tells_the_numbers_of_five_answers_or_more(voters, told):
    poll = SECRET | {"votes": {str(n): 0 for n in range(voters)}}
    assert close_content("id", poll) == {"kind": "close", "id": "id", "answers": voters, "counts": told}


def test_an_answer_is_one_of_the_options_and_the_last_one_counts():
    once = voted(OPEN, "p", 1, is_me=False, at_ms=5)
    assert (once["votes"], once["mine"]) == ({"p": 1}, None)
    again = voted(once, "p", 0, is_me=True, at_ms=5)
    assert (again["votes"], again["mine"]) == ({"p": 0}, 0)
    assert [voted(OPEN, "p", option, is_me=True, at_ms=5) for option in (-1, 2)] == [None, None]


def test_64_people_may_answer_and_each_may_change_their_mind():
    poll = OPEN | {"votes": {str(n): 0 for n in range(63)}}
    full = voted(poll, "63", 0, is_me=False, at_ms=5)
    assert len(full["votes"]) == 64
    assert voted(full, "64", 0, is_me=False, at_ms=5) is None
    assert voted(full, "63", 1, is_me=False, at_ms=5)["votes"]["63"] == 1


@pytest.mark.parametrize(("closes_ms", "at_ms", "is_over"), [(0, 9, False), (9, 8, False), (9, 9, True)])
def test_a_poll_ends_at_its_time_or_never(closes_ms, at_ms, is_over):
    poll = OPEN | {"closes_ms": closes_ms}
    assert is_closed(poll, at_ms) is is_over
    assert (voted(poll, "p", 0, is_me=False, at_ms=at_ms) is None) is is_over
    assert is_closed(poll | {"is_closed": True}, at_ms)


def test_a_poll_that_was_kept_reads_back_and_a_damaged_one_does_not():
    for poll in (OPEN, SECRET | {"counts": [3, 2], "answers": 5, "mine": 1, "votes": {"p": 1}}):
        assert kept_poll(poll) == poll
    assert kept_poll(OPEN | {"votes": None}) == OPEN
    for change in ({"options": "ab"}, {"votes": [1]}, {"votes": {"p": -1}}, {"counts": 3}, {"mine": "1"}):
        with pytest.raises(ValueError, match="not a"):
            kept_poll(OPEN | change)
