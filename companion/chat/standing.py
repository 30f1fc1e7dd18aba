"""What happened in a group that this person may want to know: counted as it comes, so that catching up reads nothing.

`Standing` only grows, with what comes in. `Seen` says how much of it was seen. What is between the two is new.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from companion.chat.message import Doc, Message
from companion.fields import as_list, refused, whole
from companion.likeness import each_once, is_among, seen_as
from companion.strings import kept

STANDINGS = "standings"
SEEN = "seen"
COUNTED = frozenset({"message", "poll", "decision"})
"""Kinds of lines that somebody said; what the app tells of the group counts nowhere."""
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
class Gone:
    """A message that was counted, and deleted for everyone since: its number at the service, and where it counted."""

    seq: int
    is_loud: bool
    is_for_me: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One group. `received` counts what others said, `loud` what of it is not silent, `for_me` what of that is for me.

    `delivered` is the highest number that somebody else's device has told it has. `topics`: newest first.
    `readers`: how far people have read who tell it. `gone`: the latest of what the counts hold and nobody can read.
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
    gone: tuple[Gone, ...] = ()

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
            "gone": [[one.seq, one.is_loud, one.is_for_me] for one in self.gone],
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
            gone=tuple(map(_gone, as_list(doc.get("gone", [])))),
            **{name: whole(doc[name]) for name in _COUNTS},
        )


_COUNTS = ("received", "loud", "for_me", "newest_seq", "newest_ms", "delivered")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How much of a group's standing this person has seen, and was alerted to. `topics` are those I began.

    `seq` and `alerted_seq` are the newest numbers of the service at that time.
    """

    group: str
    received: int = 0
    seq: int = 0
    at_ms: int = 0
    alerted_loud: int = 0
    alerted_for_me: int = 0
    alerted_seq: int = 0
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
            "alerted_seq": self.alerted_seq,
            "topics": list(self.topics),
        }

    @classmethod
    @refused("what was seen")
    def from_doc(cls, doc: Doc) -> "Seen":
        counts = ("received", "seq", "at_ms", "alerted_loud", "alerted_for_me")
        return cls(
            group=kept(doc["_id"]),
            topics=_texts(doc["topics"]),
            alerted_seq=whole(doc.get("alerted_seq", 0)),
            **{name: whole(doc[name]) for name in counts},
        )


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

    gone = sum(one.seq > seen.seq for one in standing.gone)
    return News(
        unread=max(0, standing.received - seen.received - gone),
        mentions=new(standing.mentions),
        questions=new(standing.questions),
        decisions=new(standing.decisions),
    )


def unheard(standing: Standing, seen: Seen) -> tuple[int, int]:
    """Return how many messages this person was not alerted to: those not silent, and those of them for this person."""
    since = max(seen.alerted_seq, seen.seq)
    gone = [one for one in standing.gone if one.seq > since]
    loud = standing.loud - seen.alerted_loud - sum(one.is_loud for one in gone)
    return loud, standing.for_me - seen.alerted_for_me - sum(one.is_for_me for one in gone)


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


def note_deleted(
    messages: Sequence[Message], person: str, gone_topics: Sequence[str]
) -> Callable[[Doc | None], Doc | None]:
    """Return what it makes of the group's standing that nobody can read these messages any more.

    `person` is me, whose own messages count nowhere, as lines that the app wrote do; what was deleted before it expired
    is gone once. Nothing else stands under the `gone_topics`.
    """
    ids = {message.id for message in messages}

    def without(marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
        return tuple(mark for mark in marks if mark.id not in ids)

    def update(doc: Doc | None) -> Doc | None:
        if doc is None:
            return None
        known = Standing.from_doc(doc)
        mine = {mark.id for mark in (*known.mentions, *known.questions)}
        gone = {
            one.seq: Gone(seq=one.seq, is_loud=not one.is_silent, is_for_me=not one.is_silent and one.id in mine)
            for one in messages
            if one.author != person and one.kind in COUNTED
        }
        gone |= {one.seq: one for one in known.gone}
        return replace(
            known,
            gone=tuple(gone[seq] for seq in sorted(gone))[-KEPT_MARKS:],
            mentions=without(known.mentions),
            questions=without(known.questions),
            decisions=without(known.decisions),
            topics=without_topics(known.topics, gone_topics),
        ).to_doc()

    return update


def forget_topics(gone: Sequence[str]) -> Callable[[Doc | None], Doc | None]:
    """Return what becomes of the topics I began when nothing stands under some any more."""

    def update(doc: Doc | None) -> Doc | None:
        known = None if doc is None else Seen.from_doc(doc)
        topics = () if known is None else without_topics(known.topics, gone)
        return None if known is None or topics == known.topics else replace(known, topics=topics).to_doc()

    return update


def without_topics(topics: tuple[str, ...], gone: Sequence[str]) -> tuple[str, ...]:
    return tuple(one for one in topics if not is_among(one, gone))


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


def _gone(value: object) -> Gone:
    seq, is_loud, is_for_me = as_list(value)
    return Gone(seq=whole(seq), is_loud=is_loud is True, is_for_me=is_for_me is True)


def _with(marks: tuple[Mark, ...], mark: Mark, is_one: bool) -> tuple[Mark, ...]:
    return (*marks, mark)[-KEPT_MARKS:] if is_one else marks


def _marks_doc(marks: tuple[Mark, ...]) -> list[list[object]]:
    return [[mark.seq, mark.id] for mark in marks]


def _marks(value: object) -> tuple[Mark, ...]:
    pairs = value if isinstance(value, list) else []
    return tuple(Mark(seq=whole(seq), id=kept(id)) for seq, id in pairs)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(kept(one) for one in value) if isinstance(value, list) else ()
