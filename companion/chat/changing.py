"""What later content makes of a message that is there already.

Each function returns what a commit does with the message's document at that moment: the changed document, or None if
nothing changes. Only the author edits and deletes; nobody else may, whatever their part in the group.
"""

from collections.abc import Callable
from dataclasses import replace

from companion.chat.message import REACTIONS_LIMIT, Doc, Message, Reaction
from companion.chat.parsing import Content
from companion.chat.polls import read_close, voted
from companion.errors import MessageRejected

DELETE_MS = 24 * 3600 * 1000
"""How long after sending it can be deleted for everyone, by the service's clock."""
REACTIONS_IN_ALL = 400

Update = Callable[[Doc | None], Doc | None]


def edit(author: str, text: str, mentions: tuple[str, ...], *, at_ms: int) -> Update:
    def change(one: Message) -> Message | None:
        if one.author != author or one.kind != "message" or one.is_deleted:
            return None
        return replace(one, text=text, mentions=mentions, edited_ms=at_ms)

    return _on_message(change)


def delete(author: str, *, at_ms: int) -> Update:
    """`at_ms` is the service's time of the deletion; the message's own is in `sent_ms`."""

    def change(one: Message) -> Message | None:
        if one.author != author or one.kind not in ("message", "poll") or one.is_deleted:
            return None
        if at_ms - (one.sent_ms or one.at_ms) > DELETE_MS:
            return None
        return replace(
            one, text="", is_deleted=True, mentions=(), reactions=(), attachments=(), poll=None, topic="", reply_to=""
        )

    return _on_message(change)


def without_words(one: Message) -> Message:
    """Return a line that quoted a message, after that was deleted for everyone."""
    return replace(one, text="", is_deleted=True)


def delete_quote(source: str) -> Update:
    """Take the words out of a decision that held on to the message `source`."""

    def change(one: Message) -> Message | None:
        is_quote = one.kind == "decision" and one.reply_to == source and not one.is_deleted
        return without_words(one) if is_quote else None

    return _on_message(change)


def react(person: str, emoji: str, is_on: bool) -> Update:
    """Each person has each emoji once."""

    def change(one: Message) -> Message | None:
        mine = Reaction(person=person, emoji=emoji)
        others = tuple(reaction for reaction in one.reactions if reaction != mine)
        is_there = len(others) < len(one.reactions)
        if one.is_deleted or is_there == is_on:
            return None
        own = sum(reaction.person == person for reaction in others)
        if is_on and (own >= REACTIONS_LIMIT or len(others) >= REACTIONS_IN_ALL):
            return None
        return replace(one, reactions=(*others, mine) if is_on else others)

    return _on_message(change)


def vote(person: str, option: int, *, is_me: bool, at_ms: int) -> Update:
    def change(one: Message) -> Message | None:
        poll = None if one.poll is None else voted(one.poll, person, option, is_me=is_me, at_ms=at_ms)
        return None if poll is None else replace(one, poll=poll)

    return _on_message(change)


def close(author: str, content: Content) -> Update:
    def change(one: Message) -> Message | None:
        if one.poll is None or one.author != author or one.poll.get("is_closed"):
            return None
        try:
            return replace(one, poll=read_close(content, one.poll))
        except MessageRejected:
            return None

    return _on_message(change)


def _on_message(change: Callable[[Message], Message | None]) -> Update:
    def update(doc: Doc | None) -> Doc | None:
        changed = None if doc is None else change(Message.from_doc(doc))
        return None if changed is None else changed.to_doc()

    return update
