"""Intents of a conversation: read it, say something, take it back, change it."""

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from companion.app.chat.drafts import DRAFTS, Drafts
from companion.app.chat.keeping import is_over, over_before_ms
from companion.app.chat.letting_go import forgotten, let_go
from companion.app.context import Context
from companion.app.groups.grouping import Grouping
from companion.chat import changing, contents
from companion.chat.later import Later, offers
from companion.chat.message import (
    MENTION_LIMIT,
    REACTION_LIMIT,
    TEXT_LIMIT,
    TOPIC_LIMIT,
    WAITING,
    Message,
    in_order,
    lines,
    messages_table,
)
from companion.chat.standing import SEEN, Seen, with_topic
from companion.errors import UsageError
from companion.fields import STAYS
from companion.groups import Group
from companion.likeness import seen_as
from companion.ports import Change, Doc, Drop, Edit, Put
from companion.strings import clean_line, clean_text

log = logging.getLogger(__name__)

UNDO_MS = 10_000
"""How long a message waits on this device, so that it can be taken back before anybody has it."""
SCAN = 400
"""Messages that are read at a time while a topic is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A part of a conversation, oldest first, and whether there is more on either side of it."""

    messages: tuple[Message, ...] = ()
    has_older: bool = False
    has_newer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How a message goes. `hold_ms` keeps it here so long; `due_ms`, if it is later, until then.

    `reply_to` and `mentions` are ids of a message and of people. Nobody is alerted to a silent message.
    """

    hold_ms: int = 0
    due_ms: int = 0
    reply_to: str = ""
    topic: str = ""
    mentions: tuple[str, ...] = ()
    is_silent: bool = False


class Chatting(Drafts):
    """What I say is a document first. When it is due, one commit seals it and hands it to the outbox."""

    def __init__(self, context: Context, groups: Grouping) -> None:
        super().__init__(context)
        self._groups = groups
        self._aside: set[str] = set()

    # Reading

    async def messages(self, group: str, limit: int = 50, before: str | None = None) -> tuple[Message, ...]:
        """Up to `limit` messages, oldest first, in the order all members share; mine that still wait come last."""
        found = await self._newest(group, limit, before)
        return in_order(found if before else (*found, *await self.waiting(group)))

    async def all_waiting(self) -> tuple[Message, ...]:
        """What waits in all groups and can be read, oldest first, without what was given up and left alone."""
        return lines(doc for doc in await self._context.store.all(WAITING) if doc["_id"] not in self._aside)

    async def waiting(self, group: str) -> tuple[Message, ...]:
        """What I said here and the service has not taken yet, oldest first."""
        return tuple(one for one in await self.all_waiting() if one.group == group)

    async def message(self, group: str, id: str) -> Message | None:
        doc = await self._line(group, id) or await self._context.store.get(WAITING, id)
        return None if doc is None else lines((doc,))[0]

    async def _line(self, group: str, id: str) -> Doc | None:
        """Return a line of the conversation that is shown."""
        doc = await self._context.store.get(messages_table(group), id)
        return None if doc is None or is_over(doc, await over_before_ms(self._context, group)) else doc

    async def newest(self, group: str, limit: int, topic: str = "") -> Stretch:
        """The end of the conversation, with what waits."""
        older = await self.older(group, limit, None, topic)
        waiting = tuple(one for one in await self.waiting(group) if _is_under(topic, one))
        return replace(older, messages=in_order((*older.messages, *waiting)), has_newer=False)

    async def older(self, group: str, limit: int, before: str | None, topic: str = "") -> Stretch:
        """The `limit` messages before the message `before`."""
        found: list[Message] = []
        while len(found) <= limit:
            asked = SCAN if topic else limit + 1
            read = await self._newest(group, asked, before)
            found = [one for one in read if _is_under(topic, one)] + found
            if len(read) < asked:
                break
            before = read[0].id
        return Stretch(messages=in_order(found[-limit:]), has_older=len(found) > limit, has_newer=before is not None)

    async def newer(self, group: str, limit: int, after: str, topic: str = "") -> Stretch:
        """The `limit` messages after the message `after`; what waits follows the last of them."""
        found: list[Message] = []
        while len(found) <= limit:
            asked = SCAN if topic else limit + 1
            docs = await self._context.store.following(messages_table(group), asked, after)
            found += [one for one in lines(docs) if _is_under(topic, one)]
            if len(docs) < asked:
                break
            after = str(docs[-1]["_id"])
        if len(found) > limit:
            return Stretch(messages=in_order(found[:limit]), has_older=True, has_newer=True)
        waiting = tuple(one for one in await self.waiting(group) if _is_under(topic, one))
        return Stretch(messages=in_order((*found, *waiting)), has_older=True)

    async def around(self, group: str, limit: int, id: str, context: int = 3) -> Stretch:
        """The message `id` with a few before it and those after it; the newest if it is gone."""
        chosen = None if await self._line(group, id) is None else await self.message(group, id)
        if chosen is None:
            return await self.newest(group, limit)
        before = await self.older(group, context, id)
        after = await self.newer(group, limit, id)
        return Stretch(
            messages=in_order((*before.messages, chosen, *after.messages)),
            has_older=before.has_older,
            has_newer=after.has_newer,
        )

    async def _newest(self, group: str, limit: int, before: str | None) -> tuple[Message, ...]:
        docs = await self._context.store.newest(messages_table(group), limit, before)
        before_ms = await over_before_ms(self._context, group)
        return lines(doc for doc in reversed(docs) if not is_over(doc, before_ms))

    async def first_new(self, group: str, seq: int) -> str:
        """Return the id of the first message after this number of the service, or nothing."""

        def first(docs: Iterable[Doc]) -> str:
            newer = (
                (number, str(doc["_id"])) for doc in docs if isinstance(number := doc.get("seq"), int) and number > seq
            )
            return min(newer, default=(0, ""))[1]

        return await self._context.store.read(messages_table(group), first)

    def now_ms(self) -> int:
        """This device's time, in ms since the epoch, UTC."""
        return self._context.clock.now_ms()

    def later_offers(self) -> tuple[Later, ...]:
        """Times that are offered for sending later."""
        clock = self._context.clock
        return offers(clock.now_ms(), clock.local_minute(), clock.today(), clock.local_ms)

    # Saying

    async def post(self, group_id: str, text: str, ways: Ways | None = None) -> Message:
        """Keep the message, and send it as soon as it is due and the service answers.

        Raises: UsageError if the text is empty or longer than 8,000 characters, or I am not a member yet.
        """
        text = clean_text(text).strip()
        if not 0 < len(text) <= TEXT_LIMIT:
            raise UsageError("message is empty or too long")
        return await self.post_line(self.blank(group_id, text), ways or Ways())

    async def post_line(
        self, message: Message, ways: Ways, *, poll: Doc | None = None, with_: Change | None = None
    ) -> Message:
        """Keep and send what was begun elsewhere: a poll, or a message with attachments. `with_` is committed too."""
        with self._taken(message):
            group = await self._member(message.group)
            line = replace(self._with(message, ways, is_held=group.awaits_peer), poll=poll)
            self.held_ms(line)
            await self._keep(line, with_ or Change())
            return line

    def blank(self, group_id: str, text: str, kind: str = "message") -> Message:
        """Return a message of mine that is not kept yet."""
        me = self._context.me.member
        return Message(
            id=self._context.new_id(),
            group=group_id,
            sender=me.person,
            person=me.person,
            name=me.name,
            profession=me.profession,
            text=text,
            kind=kind,
            at_ms=self._context.clock.now_ms(),
            state="waiting",
        )

    def _with(self, message: Message, ways: Ways, *, is_held: bool) -> Message:
        topic = clean_line(ways.topic)
        if len(topic) > TOPIC_LIMIT or len(ways.mentions) > MENTION_LIMIT:
            raise UsageError("topic is too long, or too many mentions")
        due_ms = max(ways.due_ms, message.at_ms + ways.hold_ms)
        is_later = due_ms > message.at_ms
        return replace(
            message,
            reply_to=ways.reply_to,
            topic=topic,
            mentions=ways.mentions,
            is_silent=ways.is_silent,
            due_ms=due_ms if is_later else 0,
            state="held" if is_held or is_later else "uploading" if message.attachments else "waiting",
        )

    async def _keep(self, message: Message, with_: Change) -> None:
        """Put the message into what waits, and what is in the composer now into the drafts, in one commit."""
        group = message.group
        put = [Put(WAITING, message.to_doc())]
        if group in self._drafts:
            put.append(Put(DRAFTS, {"_id": group, "_v": 1, "text": self._drafts[group]}))
        change = with_ + Change(put=tuple(put), edit=_own_topic(group, message.topic))
        if message.state != "waiting":
            await self._context.commit(change)
        else:
            await self._send(message, change)

    async def _send(self, message: Message, change: Change) -> None:
        blobs = tuple(str(one["blob"]) for one in message.attachments)
        content = contents.message_content(message)
        await self._groups.send(message.group, content, change, message=message.id, blobs=blobs)

    def held_ms(self, message: Message) -> int:
        """Return how long a message is held yet, by the stopwatch; 0 for one that may go."""
        return self._context.timers.left_ms(f"held {message.id}", message.at_ms, message.due_ms or message.at_ms)

    @asynccontextmanager
    async def _turn(self, message: Message) -> AsyncIterator[bool]:
        """Hold the turn of what waits. Says whether the message waits as it did: not taken back, and not sent."""
        async with self._context.store.turn(WAITING):
            doc = await self._context.store.get(WAITING, message.id)
            yield doc is not None and doc["state"] == message.state

    async def send_uploaded(self, message: Message) -> None:
        """Send a message whose attachments are with the service."""
        async with self._turn(message) as is_still_so:
            if is_still_so:
                await self._send_waiting(message)

    async def _send_waiting(self, message: Message) -> None:
        waiting = replace(message, state="waiting", due_ms=0)
        await self._send(waiting, Change(put=(Put(WAITING, waiting.to_doc()),)))
        self._context.timers.forget(f"held {message.id}")

    async def release(self, message: Message) -> None:
        """Let go of what is due, unless it has gone: it is sent, or waits for its attachments to be uploaded.

        From now on it cannot be taken back.
        """
        async with self._turn(message) as is_still_so:
            if not is_still_so:
                return
            if message.attachments:
                waiting = replace(message, state="uploading", due_ms=0)
                await self._context.commit(Change(put=(Put(WAITING, waiting.to_doc()),)))
            else:
                await self._send_waiting(message)

    async def undo(self, message_id: str) -> str | None:
        """Take back a message that is still held; return its text, or None if it has gone.

        What hangs on it has no place then: see `Sharing.undo`.
        """
        async with self._context.store.turn(WAITING):  # it goes, or is taken back, and never both
            doc = await self._context.store.get(WAITING, message_id)
            message = None if doc is None else Message.from_doc(doc)
            if message is None or message.state != "held":
                return None
            await self._take_back(message)
            return message.text

    async def _take_back(self, message: Message) -> None:
        change = let_go(message, owner=message.group) + Change(drop=(Drop(WAITING, message.id),))
        if message.kind == "message" and not await self.draft_of(message.group):
            self._drafts[message.group] = message.text
            change += Change(put=(Put(DRAFTS, {"_id": message.group, "_v": 1, "text": message.text}),))
        await self._context.commit(change)

    async def remove_refused(self, message_id: str) -> None:
        """Forget a message that the service did not take."""
        doc = await self._context.store.get(WAITING, message_id)
        if doc is not None and doc["state"] == "refused":
            await self._context.commit(let_go(Message.from_doc(doc)) + Change(drop=(Drop(WAITING, message_id),)))

    async def refuse(self, message: Message) -> None:
        """Keep what can go nowhere now, for the person to send again or to remove."""
        refused = replace(message, state="refused", due_ms=0)
        async with self._turn(message) as is_still_so:
            if is_still_so:
                await self._context.commit(Change(put=(Put(WAITING, refused.to_doc()),)))

    async def give_up(self, message: Message, error: Exception) -> None:
        """Refuse what can never go as it is, whatever is tried; it keeps no other message from going."""
        log.error("a message cannot go: %s", type(error).__name__)
        try:
            await self.refuse(message)
        except STAYS:  # not even that can be kept: it is left alone until the app is opened anew
            self._aside.add(message.id)

    async def send_again(self, message_id: str) -> None:
        """Try once more with a message that the service did not take."""
        doc = await self._context.store.get(WAITING, message_id)
        if doc is not None and doc["state"] == "refused":
            await self.release(Message.from_doc(doc))

    # Changing

    async def edit(self, group_id: str, message_id: str, text: str, mentions: tuple[str, ...] = ()) -> None:
        """Change the words of a message of mine, here and for everyone. Raises: UsageError."""
        text = clean_text(text).strip()
        if not 0 < len(text) <= TEXT_LIMIT:
            raise UsageError("message is empty or too long")
        await self._own(group_id, message_id)
        update = changing.edit(self._context.me.member.person, text, mentions, at_ms=self._context.clock.now_ms())
        await self._change(group_id, message_id, contents.edit_content(message_id, text, mentions), update)

    async def delete(self, group_id: str, message_id: str) -> None:
        """Delete a message of mine for everyone. Raises: UsageError if it is not mine or older than a day."""
        message = await self._own(group_id, message_id)
        now = await self._groups.now_ms(group_id)
        if not can_delete(message, self._context.me.member.person, now):
            raise UsageError("too old to be deleted for everyone")
        update = changing.delete(self._context.me.member.person, at_ms=now)
        gone = await forgotten(self._context.store, message, self._context.me.member.person)
        await self._change(group_id, message_id, contents.delete_content(message_id), update, gone)

    async def react(self, group_id: str, message_id: str, emoji: str, is_on: bool) -> None:
        """Set or take away my reaction. Raises: UsageError."""
        if not 0 < len(emoji) <= REACTION_LIMIT:
            raise UsageError("not a reaction")
        update = changing.react(self._context.me.member.person, emoji, is_on)
        await self._change(group_id, message_id, contents.react_content(message_id, emoji, is_on), update)

    async def note_decision(self, group_id: str, message_id: str) -> None:
        """Hold on to what was decided: a line that quotes the message, and shows when people catch up."""
        message = await self.message(group_id, message_id)
        if message is None or not message.text or message.is_deleted:
            raise UsageError("nothing to hold on to")
        line = replace(self.blank(group_id, message.text[:300], "decision"), reply_to=message_id)
        put = (Put(WAITING, line.to_doc()),)
        await self._groups.send(group_id, contents.decision_content(line), Change(put=put), message=line.id)

    async def _change(
        self, group_id: str, message_id: str, content: Doc, update: changing.Update, with_: Change | None = None
    ) -> None:
        edit = Edit(messages_table(group_id), message_id, update)
        await self._groups.send(group_id, content, (with_ or Change()) + Change(edit=(edit,)))

    async def _own(self, group_id: str, message_id: str) -> Message:
        doc = await self._context.store.get(messages_table(group_id), message_id)
        message = None if doc is None else Message.from_doc(doc)
        if message is None or message.author != self._context.me.member.person:
            raise UsageError("not a sent message of mine")
        return message

    async def _member(self, group_id: str) -> Group:
        group = await self._groups.group(group_id)
        if group is None or (group.state != "member" and not group.awaits_peer):
            raise UsageError("not a member of this group yet")
        return group


def _is_under(topic: str, message: Message) -> bool:
    """Tell whether a message stands under a topic, or any message under none."""
    return not topic or (bool(message.topic) and seen_as(message.topic) == seen_as(topic))


def can_delete(message: Message, person: str, at_ms: int) -> bool:
    """Return whether this person can delete the message for everyone now."""
    is_theirs = message.author == person and message.kind in ("message", "poll") and not message.is_deleted
    return is_theirs and message.seq > 0 and at_ms - message.sent_ms <= changing.DELETE_MS


def _own_topic(group: str, topic: str) -> tuple[Edit, ...]:
    """Return the edit that remembers a topic I wrote under."""

    def update(doc: Doc | None) -> Doc | None:
        seen = Seen(group=group) if doc is None else Seen.from_doc(doc)
        topics = with_topic(seen.topics, topic)
        return None if topics == seen.topics else replace(seen, topics=topics).to_doc()

    return (Edit(SEEN, group, update),) if topic else ()
