"""Polls in a conversation: who may see what of the answers, and when.

In an open poll every answer carries its name, and results show to those who have answered, or once it is closed. In a
secret one each answer is sealed to the device that asked; that device tells the group the numbers when the poll closes,
and not even those of fewer than five answers.
Source: product guide, rows S04 and C06.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from companion.chat.parsing import Content, read_flag, read_line, read_list, read_number, read_object
from companion.errors import MessageRejected
from companion.fields import as_list, as_object, refused, whole
from companion.likeness import each_once
from companion.strings import kept

QUESTION_LIMIT = 300
OPTION_LIMIT = 80
OPTIONS_LIMIT = 8
SMALLEST_SECRET = 5
"""Fewer answers than this would point at someone."""
ANSWERS_LIMIT = 64

Poll = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What may be shown. `counts` has one number for each option, or is None while they stay hidden.

    `reason` then says why: "open" (answer first), "secret" (until it closes), "few" (too few answers).
    """

    options: tuple[str, ...]
    counts: tuple[int, ...] | None
    names: tuple[tuple[str, ...], ...]
    answers: int
    mine: int | None
    is_closed: bool
    is_secret: bool
    reason: str = ""


def new_poll(options: tuple[str, ...], *, is_secret: bool, closes_ms: int) -> dict[str, object]:
    """Return a poll without answers. `closes_ms` is 0 for one that stays open until it is closed."""
    return {
        "options": list(options),
        "is_secret": is_secret,
        "closes_ms": closes_ms,
        "is_closed": False,
        "votes": {},
        "counts": None,
        "mine": None,
    }


def kept_poll(value: object) -> dict[str, object]:
    """Return a poll as a device of mine kept it. Raises ValueError if it is none."""
    poll = as_object(value)
    votes, counts, mine, answers = (poll.get(name) for name in ("votes", "counts", "mine", "answers"))
    kept_one = new_poll(
        tuple(kept(option) for option in as_list(poll["options"])),
        is_secret=poll.get("is_secret") is True,
        closes_ms=whole(poll.get("closes_ms", 0)),
    )
    kept_one |= {
        "is_closed": poll.get("is_closed") is True,
        "votes": {kept(who): whole(what) for who, what in as_object(votes or {}).items()},
        "counts": None if counts is None else [whole(one) for one in as_list(counts)],
        "mine": None if mine is None else whole(mine),
    }
    return kept_one if answers is None else kept_one | {"answers": whole(answers)}


def poll_content(poll: Poll) -> dict[str, object]:
    return {field: poll[field] for field in ("options", "is_secret", "closes_ms")}


@refused("a poll")
def read_poll(content: Content) -> dict[str, object]:
    """Return the poll of a message. Raises MessageRejected unless it has two to eight different options."""
    poll = read_object(content, "poll")
    options = tuple(
        read_line({"option": one}, "option", OPTION_LIMIT) for one in read_list(poll, "options", OPTIONS_LIMIT)
    )
    if len(each_once(options)) != len(options) or len(options) < 2:
        raise MessageRejected(f"{len(options)} options, or two the same")
    return new_poll(options, is_secret=read_flag(poll, "is_secret"), closes_ms=read_number(poll, "closes_ms"))


def vote_content(id: str, option: int) -> dict[str, object]:
    """Return an answer; in a secret poll it is private content for the device that asked."""
    return {"kind": "vote", "id": id, "option": option}


def close_content(id: str, poll: Poll) -> dict[str, object]:
    """Return the closing of a poll of mine; a secret one tells its numbers with it, if there are enough."""
    content: dict[str, object] = {"kind": "close", "id": id}
    if poll.get("is_secret"):
        counts = count(poll)
        content |= {"answers": sum(counts), "counts": list(counts) if sum(counts) >= SMALLEST_SECRET else []}
    return content


@refused("the end of a poll")
def read_close(content: Content, poll: Poll) -> dict[str, object]:
    """Return the poll as its asker closed it. Raises MessageRejected if the numbers do not fit it."""
    closed = dict(poll) | {"is_closed": True}
    if not poll.get("is_secret"):
        return closed
    answers = read_number(content, "answers", most=ANSWERS_LIMIT)
    counts = [
        read_number({"count": one}, "count", most=ANSWERS_LIMIT) for one in read_list(content, "counts", OPTIONS_LIMIT)
    ]
    if counts and (len(counts) != len(_options(poll)) or sum(counts) != answers or answers < SMALLEST_SECRET):
        raise MessageRejected("counts do not fit the poll")
    return closed | {"counts": counts or None, "answers": answers}


def voted(poll: Poll, person: str, option: int, *, is_me: bool, at_ms: int) -> dict[str, object] | None:
    """Return the poll with this person's answer in place of an earlier one, or None if it cannot be given."""
    votes = _votes(poll)
    if is_closed(poll, at_ms) or not 0 <= option < len(_options(poll)):
        return None
    if person not in votes and len(votes) >= ANSWERS_LIMIT:
        return None
    changed = dict(poll) | {"votes": votes | {person: option}}
    return changed | {"mine": option} if is_me else changed


def is_closed(poll: Poll, at_ms: int) -> bool:
    closes_ms = poll.get("closes_ms")
    return bool(poll.get("is_closed")) or (isinstance(closes_ms, int) and 0 < closes_ms <= at_ms)


def count(poll: Poll) -> tuple[int, ...]:
    """Return how often each option was chosen, as far as this device knows."""
    chosen = list(_votes(poll).values())
    return tuple(chosen.count(number) for number in range(len(_options(poll))))


def results(poll: Poll, names: Mapping[str, str], at_ms: int) -> Results:
    """Return what may be shown of a poll now. `names` are the people's, for an open poll."""
    options, closed, is_secret = _options(poll), is_closed(poll, at_ms), bool(poll.get("is_secret"))
    mine = poll.get("mine")
    my_own = mine if isinstance(mine, int) else None
    counts: tuple[int, ...] | None = None
    by: tuple[tuple[str, ...], ...] = ()
    reason = ""
    answers = len(_votes(poll))
    if is_secret:
        told, number = poll.get("counts"), poll.get("answers")
        counts = tuple(whole(one) for one in told) if isinstance(told, list) else None
        reason = "" if counts else "few" if isinstance(number, int) else "secret"
        answers = number if isinstance(number, int) else 0
    elif my_own is not None or closed:
        counts = count(poll)
        votes = _votes(poll)
        by = tuple(
            tuple(sorted(names[person] for person, chosen in votes.items() if chosen == number and person in names))
            for number in range(len(options))
        )
    else:
        reason = "open"
    return Results(
        options=options,
        counts=counts,
        names=by,
        answers=answers,
        mine=my_own,
        is_closed=closed,
        is_secret=is_secret,
        reason=reason,
    )


def _options(poll: Poll) -> tuple[str, ...]:
    return _texts(poll.get("options"))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else ()


def _votes(poll: Poll) -> dict[str, int]:
    votes = poll.get("votes")
    return {str(who): whole(what) for who, what in votes.items()} if isinstance(votes, dict) else {}
