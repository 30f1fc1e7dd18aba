"""The kinds of content: how each is written for the group, and read again within bounds.

Source: docs/protocol.md, "What is said in a group".
"""

from dataclasses import dataclass

from companion.chat.message import (
    ATTACHMENT_LIMIT,
    MENTION_LIMIT,
    REACTION_LIMIT,
    TEXT_LIMIT,
    TOPIC_LIMIT,
    Message,
)
from companion.chat.parsing import Content, read_flag, read_id, read_ids, read_line, read_list, read_number, read_text
from companion.chat.polls import poll_content, read_poll
from companion.chat.sharing import read_shared_file, shared_file_content
from companion.errors import MessageRejected
from companion.fields import refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """Who said it, as the group's keys prove: a device, the person it belongs to, and how that person is shown."""

    device: str
    person: str
    name: str
    profession: str


def message_content(message: Message) -> dict[str, object]:
    """Return what the group is told of a new message or poll of mine."""
    content: dict[str, object] = {
        "kind": message.kind,
        "id": message.id,
        "text": message.text,
        "at_ms": message.at_ms,
    }
    optional: dict[str, object] = {
        "reply_to": message.reply_to,
        "topic": message.topic,
        "mentions": list(message.mentions),
        "silent": message.is_silent,
        "attachments": [shared_file_content(one) for one in message.attachments],
    }
    content |= {field: value for field, value in optional.items() if value}
    if message.poll is not None:
        content["poll"] = poll_content(message.poll)
    return content


@refused("a message")
def read_message(content: Content, group: str, speaker: Speaker, *, seq: int, at_ms: int) -> Message:
    """Return the message or poll. `at_ms` is the service's time; a message cannot come from the future.

    Raises: MessageRejected if a field is missing or out of bounds.
    """
    kind = "poll" if content.get("kind") == "poll" else "message"
    attachments = tuple(read_shared_file(one) for one in read_list(content, "attachments", ATTACHMENT_LIMIT))
    text = read_text(content, "text", TEXT_LIMIT, may_be_empty=bool(attachments))
    return Message(
        id=read_id(content, "id"),
        group=group,
        sender=speaker.device,
        person=speaker.person,
        name=speaker.name,
        profession=speaker.profession,
        text=text,
        at_ms=min(read_number(content, "at_ms"), at_ms),
        state="received",
        kind=kind,
        seq=seq,
        sent_ms=at_ms,
        reply_to=read_id(content, "reply_to", may_be_empty=True),
        topic=read_line(content, "topic", TOPIC_LIMIT, may_be_empty=True),
        mentions=read_ids(content, "mentions", MENTION_LIMIT),
        attachments=attachments,
        poll=read_poll(content) if kind == "poll" else None,
        is_silent=read_flag(content, "silent"),
    )


def edit_content(id: str, text: str, mentions: tuple[str, ...]) -> dict[str, object]:
    return {"kind": "edit", "id": id, "text": text, "mentions": list(mentions)}


@refused("an edit")
def read_edit(content: Content) -> tuple[str, str, tuple[str, ...]]:
    """Return (message id, new text, mentions). Raises MessageRejected."""
    return read_id(content, "id"), read_text(content, "text", TEXT_LIMIT), read_ids(content, "mentions", MENTION_LIMIT)


def delete_content(id: str) -> dict[str, object]:
    return {"kind": "delete", "id": id}


def react_content(id: str, emoji: str, is_on: bool) -> dict[str, object]:
    return {"kind": "react", "id": id, "emoji": emoji, "on": is_on}


@refused("a reaction")
def read_react(content: Content) -> tuple[str, str, bool]:
    """Return (message id, emoji, whether it is set). A reaction is a picture, not a word. Raises MessageRejected."""
    emoji = read_line(content, "emoji", REACTION_LIMIT)
    if any(letter.isalnum() or letter.isspace() for letter in emoji):
        raise MessageRejected("emoji: letters")
    return read_id(content, "id"), emoji, read_flag(content, "on")


def decision_content(line: Message) -> dict[str, object]:
    """Return a line that holds on to what was decided; `reply_to` is the message that said it."""
    return {"kind": "decision", "id": line.id, "text": line.text, "at_ms": line.at_ms, "reply_to": line.reply_to}


def got_content(seq: int) -> dict[str, object]:
    """Return a receipt for everything up to this number of the service."""
    return {"kind": "got", "seq": seq}


def seen_content(seq: int) -> dict[str, object]:
    """Return how far I have read, for a group that has agreed to tell each other."""
    return {"kind": "seen", "seq": seq}
