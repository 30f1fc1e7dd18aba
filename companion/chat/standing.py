"""What happened in a group that this person may want to know: counted as it comes, so that catching up reads nothing.

`Standing` only grows, with what comes in. `Seen` says how much of it was seen. What is between the two is new.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from companion.chat.message import Doc, Message
from companion.fields import refused, whole
from companion.likeness import each_once, seen_as
from companion.strings import kept

STANDINGS = "standings"
SEEN = "seen"
KEPT_MARKS = 100
TOPICS_KEPT = 30
READERS_KEPT = 64
TITLES = frozenset({"dr", "mr", "mrs", "ms", "mx", "miss", "prof", "professor"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One message that is for me, or a decision: its number at the service and its id."""

    seq: int
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One group. `received` counts what others said, `loud` what of it is not silent, `for_me` what of that is for me.

    `delivered` is the highest number that somebody else's device has told it has. `topics`: newest first.
    `readers`: how far people have read who tell it.
    """

    group: str
    received: int = 0
    loud: int = 0
    for_me: int = 0
    newest_seq: int = 0
    newest_ms: int = 0
    delivered: int = 0
    mentions: tuple[Mark, ...] = ()
    questions: tuple[Mark, ...] = ()
    decisions: tuple[Mark, ...] = ()
    topics: tuple[str, ...] = ()
    readers: Mapping[str, int] = field(default_factory=dict)

    def to_doc(self) -> Doc:
        return {
            "_id": self.group,
            "_v": 1,
            "received": self.received,
            "loud": self.loud,
            "for_me": self.for_me,
            "newest_seq": self.newest_seq,
            "newest_ms": self.newest_ms,
            "delivered": self.delivered,
            "mentions": _marks_doc(self.mentions),
            "questions": _marks_doc(self.questions),
            "decisions": _marks_doc(self.decisions),
            "topics": list(self.topics),
            "readers": dict(self.readers),
        }

    @classmethod
    @refused("a standing")
    def from_doc(cls, doc: Doc) -> "Standing":
        readers = doc.get("readers")
        return cls(
            group=kept(doc["_id"]),
            readers={str(k): whole(v) for k, v in readers.items()} if isinstance(readers, dict) else {},
            mentions=_marks(doc["mentions"]),
            questions=_marks(doc["questions"]),
            decisions=_marks(doc["decisions"]),
            topics=_texts(doc["topics"]),
            **{name: whole(doc[name]) for name in _COUNTS},
        )


_COUNTS = ("received", "loud", "for_me", "newest_seq", "newest_ms", "delivered")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How much of a group's standing this person has seen, and was alerted to. `topics` are those I began."""

    group: str
    received: int = 0
    seq: int = 0
    at_ms: int = 0
    alerted_loud: int = 0
    alerted_for_me: int = 0
    topics: tuple[str, ...] = ()

    def to_doc(self) -> Doc:
        return {
            "_id": self.group,
            "_v": 1,
            "received": self.received,
            "seq": self.seq,
            "at_ms": self.at_ms,
            "alerted_loud": self.alerted_loud,
            "alerted_for_me": self.alerted_for_me,
            "topics": list(self.topics),
        }

    @classmethod
    @refused("what was seen")
    def from_doc(cls, doc: Doc) -> "Seen":
        counts = ("received", "seq", "at_ms", "alerted_loud", "alerted_for_me")
        return cls(group=kept(doc["_id"]), topics=_texts(doc["topics"]), **{name: whole(doc[name]) for name in counts})


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What is new in one group since it was last seen: ids of messages, oldest first."""

    unread: int = 0
    mentions: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()

    @property
    def is_for_me(self) -> bool:
        return bool(self.mentions or self.questions)


def news(standing: Standing, seen: Seen) -> News:
    def new(marks: tuple[Mark, ...]) -> tuple[str, ...]:
        return tuple(mark.id for mark in marks if mark.seq > seen.seq)

    return News(
        unread=max(0, standing.received - seen.received),
        mentions=new(standing.mentions),
        questions=new(standing.questions),
        decisions=new(standing.decisions),
    )


def is_question_to(message: Message, person: str, name: str, answers_me: bool) -> bool:
    """Return whether it asks this person something: a question that names, mentions or answers them."""
    if "?" not in message.text:
        return False
    first = next((word for word in seen_as(name).split() if word.rstrip(".") not in TITLES), "")
    is_named = bool(first) and re.search(rf"\b{re.escape(first)}\b", seen_as(message.text)) is not None
    return answers_me or person in message.mentions or is_named


def note_message(message: Message, *, person: str, name: str, answers_me: bool) -> Callable[[Doc | None], Doc]:
    """Return what a message of somebody else makes of the group's standing. `person` and `name` are mine."""
    mark = Mark(seq=message.seq, id=message.id)
    is_question = is_question_to(message, person, name, answers_me)
    is_mention = not is_question and (answers_me or person in message.mentions)
    is_decision = message.kind == "decision"

    def update(doc: Doc | None) -> Doc:
        known = Standing(group=message.group) if doc is None else Standing.from_doc(doc)
        is_loud = not message.is_silent
        return replace(
            known,
            received=known.received + 1,
            loud=known.loud + is_loud,
            for_me=known.for_me + (is_loud and (is_question or is_mention)),
            newest_seq=max(known.newest_seq, message.seq),
            newest_ms=max(known.newest_ms, message.sent_ms),
            questions=_with(known.questions, mark, is_question),
            mentions=_with(known.mentions, mark, is_mention),
            decisions=_with(known.decisions, mark, is_decision),
            topics=with_topic(known.topics, message.topic),
        ).to_doc()

    return update


def note_delivered(group: str, seq: int) -> Callable[[Doc | None], Doc | None]:
    """Return what somebody's receipt makes of the group's standing."""

    def update(doc: Doc | None) -> Doc | None:
        known = Standing(group=group) if doc is None else Standing.from_doc(doc)
        return replace(known, delivered=seq).to_doc() if seq > known.delivered else None

    return update


def note_read(group: str, person: str, seq: int) -> Callable[[Doc | None], Doc | None]:
    """Return what somebody's word that they have read so far makes of the group's standing."""

    def update(doc: Doc | None) -> Doc | None:
        known = Standing(group=group) if doc is None else Standing.from_doc(doc)
        if seq <= known.readers.get(person, 0) or (person not in known.readers and len(known.readers) >= READERS_KEPT):
            return None
        return replace(known, readers={**known.readers, person: seq}).to_doc()

    return update


def with_topic(topics: tuple[str, ...], topic: str) -> tuple[str, ...]:
    """Return the topics with this one in front, each once."""
    return each_once((topic, *topics))[:TOPICS_KEPT] if topic else topics


def _with(marks: tuple[Mark, ...], mark: Mark, is_one: bool) -> tuple[Mark, ...]:
    return (*marks, mark)[-KEPT_MARKS:] if is_one else marks


def _marks_doc(marks: tuple[Mark, ...]) -> list[list[object]]:
    return [[mark.seq, mark.id] for mark in marks]


def _marks(value: object) -> tuple[Mark, ...]:
    pairs = value if isinstance(value, list) else []
    return tuple(Mark(seq=whole(seq), id=kept(id)) for seq, id in pairs)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(kept(one) for one in value) if isinstance(value, list) else ()
