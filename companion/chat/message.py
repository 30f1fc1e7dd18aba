"""One line of a conversation as this device keeps it."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from companion.chat.polls import kept_poll
from companion.chat.sharing import kept_file
from companion.errors import MessageRejected
from companion.fields import is_whole, refused, whole
from companion.strings import kept

Doc = dict[str, object]
log = logging.getLogger(__name__)

TEXT_LIMIT = 8_000
TOPIC_LIMIT = 40
MENTION_LIMIT = 50
ATTACHMENT_LIMIT = 10
WAITING = "waiting"
"""The table of what I said and the service has not taken yet, of all groups."""
REACTIONS = ("👍", "❤️", "🙏", "🤗", "😢", "🎉")
"""What can be chosen; a peer's newer version may send others."""
REACTION_LIMIT = 16
"""Characters of one reaction."""
REACTIONS_LIMIT = 8
"""Different reactions of one person to one message."""


def messages_table(group: str) -> str:
    return f"msg:{group}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """One person's one emoji."""

    person: str
    emoji: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One line of a group. Times in ms since the epoch, UTC.

    `state`: "held" (mine, until `due_ms`), "uploading", "waiting", "sent", "refused" (mine), "received". `kind`:
    "message", "poll", "unreadable", or what happened in the group: "joined" and others, where `text` holds what the
    line names.
    `person` said it; `sender` is the same in what this version writes. `sent_ms` is the service's time, 0 while it
    waits; `edited_ms` is 0 until it was edited. Nobody is alerted to a silent one.
    """

    id: str
    group: str
    sender: str
    name: str
    profession: str
    text: str
    at_ms: int
    state: str
    kind: str = "message"
    seq: int = 0
    person: str = ""
    sent_ms: int = 0
    reply_to: str = ""
    topic: str = ""
    mentions: tuple[str, ...] = ()
    edited_ms: int = 0
    is_deleted: bool = False
    reactions: tuple[Reaction, ...] = ()
    attachments: tuple[Mapping[str, object], ...] = ()
    poll: Mapping[str, object] | None = None
    due_ms: int = 0
    is_silent: bool = False

    @property
    def author(self) -> str:
        """The person who may edit and delete it."""
        return self.person or self.sender

    def to_doc(self) -> Doc:
        return {
            "_id": self.id,
            "_v": 1,
            "group": self.group,
            "sender": self.sender,
            "name": self.name,
            "profession": self.profession,
            "text": self.text,
            "at_ms": self.at_ms,
            "state": self.state,
            "kind": self.kind,
            "seq": self.seq,
            "person": self.person,
            "sent_ms": self.sent_ms,
            "reply_to": self.reply_to,
            "topic": self.topic,
            "mentions": list(self.mentions),
            "edited_ms": self.edited_ms,
            "is_deleted": self.is_deleted,
            "reactions": [[one.person, one.emoji] for one in self.reactions],
            "attachments": [dict(one) for one in self.attachments],
            "poll": None if self.poll is None else dict(self.poll),
            "due_ms": self.due_ms,
            "is_silent": self.is_silent,
        }

    @classmethod
    @refused("a message")
    def from_doc(cls, doc: Doc) -> "Message":
        """Read what `to_doc` of this or an earlier version wrote: fields it did not know yet are empty."""
        poll = doc.get("poll")
        return cls(
            id=kept(doc["_id"]),
            group=kept(doc["group"]),
            sender=kept(doc["sender"]),
            name=kept(doc["name"]),
            profession=kept(doc["profession"]),
            text=kept(doc["text"]),
            at_ms=whole(doc["at_ms"]),
            state=kept(doc["state"]),
            kind=kept(doc["kind"]),
            seq=whole(doc["seq"]),
            person=kept(doc.get("person", "")),
            sent_ms=whole(doc.get("sent_ms", 0)),
            reply_to=kept(doc.get("reply_to", "")),
            topic=kept(doc.get("topic", "")),
            mentions=tuple(kept(one) for one in _items(doc.get("mentions"))),
            edited_ms=whole(doc.get("edited_ms", 0)),
            is_deleted=bool(doc.get("is_deleted", False)),
            reactions=tuple(_reaction(pair) for pair in _items(doc.get("reactions"))),
            attachments=tuple(map(kept_file, _items(doc.get("attachments")))),
            poll=None if poll is None else kept_poll(poll),
            due_ms=whole(doc.get("due_ms", 0)),
            is_silent=bool(doc.get("is_silent", False)),
        )


def lines(docs: Iterable[Doc]) -> tuple[Message, ...]:
    """Return the message of each document. One that cannot be read stands in its place, as a line of kind "unreadable"
    with what can be read of its group and its time, and holds up none of the others.
    """
    return tuple(map(_line, docs))


def _line(doc: Doc) -> Message:
    try:
        return Message.from_doc(doc)
    except MessageRejected as error:
        log.warning("a line of a conversation: %s", error)
    group, seq = doc.get("group"), doc.get("seq")
    return Message(
        id=str(doc["_id"]),
        group=group if isinstance(group, str) else "",
        sender="",
        name="",
        profession="",
        text="",
        at_ms=next((at for name in ("sent_ms", "at_ms") if is_whole(at := doc.get(name)) and at), 0),
        state="received",
        kind="unreadable",
        seq=seq if is_whole(seq) else 1,
    )


def in_order(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Return each message once, in the order all members share; mine that still wait come last."""
    return tuple(sorted({m.id: m for m in messages}.values(), key=lambda m: (m.seq == 0, m.seq or m.at_ms, m.id)))


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _reaction(pair: object) -> Reaction:
    person, emoji = pair if isinstance(pair, list) and len(pair) == 2 else ("", "")
    return Reaction(person=kept(person), emoji=kept(emoji))
