"""Intents of polls: ask, answer, close."""

import logging

from companion.app.chat.chatting import Chatting, Ways
from companion.app.context import Context
from companion.app.groups.grouping import Grouping
from companion.chat import changing
from companion.chat.message import Message, messages_table
from companion.chat.polls import (
    OPTION_LIMIT,
    OPTIONS_LIMIT,
    QUESTION_LIMIT,
    close_content,
    is_closed,
    new_poll,
    vote_content,
)
from companion.chat.private import private_content
from companion.errors import CryptoError, IdentityChanged, MessageRejected, Tampered, UsageError
from companion.fields import each_read, refused, whole
from companion.likeness import each_once
from companion.ports import Change, Doc, Drop, Edit, Put
from companion.strings import clean_line

log = logging.getLogger(__name__)

MY_POLLS = "my_polls"


class Polling:
    """Answers to a secret poll are sealed to the device that asked. That device tells the numbers when it closes."""

    def __init__(self, context: Context, groups: Grouping, chat: Chatting) -> None:
        self._context = context
        self._groups = groups
        self._chat = chat
        self._aside: set[str] = set()

    async def ask(
        self,
        group_id: str,
        question: str,
        options: tuple[str, ...],
        *,
        is_secret: bool,
        closes_ms: int = 0,
        ways: Ways | None = None,
    ) -> Message:
        """Put a question to the group. `closes_ms` is when it closes by itself by this device's clock, 0 for never.

        The group is told by the service's time, by which the answers are in time or not.

        Raises: UsageError unless there is a question and two to eight different answers within their lengths.
        """
        question = clean_line(question)
        options = tuple(map(clean_line, options))
        fits = all(0 < len(option) <= OPTION_LIMIT for option in options) and len(each_once(options)) == len(options)
        if not fits or not 2 <= len(options) <= OPTIONS_LIMIT or not 0 < len(question) <= QUESTION_LIMIT:
            raise UsageError("poll does not fit")
        blank = self._chat.blank(group_id, question, "poll")
        if closes_ms:
            closes_ms += await self._groups.now_ms(group_id) - self._context.clock.now_ms()
        poll = new_poll(options, is_secret=is_secret, closes_ms=closes_ms)
        mine = Change()
        if is_secret and closes_ms:  # with the poll itself: a crash between the two would leave it open for good
            doc: dict[str, object] = {"_id": blank.id, "_v": 1, "group": group_id, "closes_ms": closes_ms}
            mine = Change(put=(Put(MY_POLLS, doc),))
        return await self._chat.post_line(blank, ways or Ways(), poll=poll, with_=mine)

    async def vote(self, group_id: str, poll_id: str, option: int) -> None:
        """Answer, or change the answer. Raises: UsageError if the poll is closed or cannot be answered."""
        message, me = await self._poll(group_id, poll_id), self._context.me.member
        poll = message.poll or {}
        now = await self._groups.now_ms(group_id)
        if is_closed(poll, now):
            raise UsageError("the poll is closed")
        update = changing.vote(me.person, option, is_me=True, at_ms=now)
        change = Change(edit=(Edit(messages_table(group_id), poll_id, update),))
        content = vote_content(poll_id, option)
        if poll.get("is_secret"):
            if message.sender == me.person:
                await self._context.commit(change)
                return
            group = await self._groups.group(group_id)
            asker = None if group is None else group.seat(message.sender)
            if asker is None:
                raise UsageError("who asked has left")
            content = private_content(content, asker.member.seal_keys, group=group_id, person=me.person)
        await self._groups.send(group_id, content, change)

    async def close(self, group_id: str, poll_id: str) -> None:
        """Close a poll of mine; a secret one tells its numbers now. Raises: UsageError."""
        message = await self._poll(group_id, poll_id)
        if message.sender != self._context.me.member.person or message.poll is None:
            raise UsageError("only who asked can close a poll")
        if message.poll.get("is_closed"):
            return
        content = close_content(poll_id, message.poll)
        update = changing.close(message.author, content)
        edit = Edit(messages_table(group_id), poll_id, update)
        await self._groups.send(group_id, content, Change(edit=(edit,), drop=(Drop(MY_POLLS, poll_id),)))

    async def next_left_ms(self) -> int | None:
        """Return how long it is until a secret poll of mine closes by itself."""
        return min([await self._left_ms(one) for one in await self._mine()], default=None)

    async def _mine(self) -> tuple[tuple[str, str, int], ...]:
        """Return id, group and end of my secret polls that close by themselves."""
        found = each_read(await self._context.store.all(MY_POLLS), _read_mine)
        return tuple(one for one in found if one[0] not in self._aside)

    async def _left_ms(self, mine: tuple[str, str, int]) -> int:
        _, group, closes_ms = mine
        return closes_ms - await self._groups.now_ms(group)

    async def close_due(self) -> None:
        """Close what is due. One that was deleted is forgotten; one that cannot be closed keeps no other open."""
        for mine in await self._mine():
            id, group, _ = mine
            if await self._left_ms(mine) > 0:
                continue
            try:
                await self.close(group, id)
            except IdentityChanged:  # until somebody's key is accepted, nothing goes to the group
                self._aside.add(id)
            except UsageError:
                await self._context.commit(Change(drop=(Drop(MY_POLLS, id),)))
            except (Tampered, MessageRejected, CryptoError) as error:
                log.error("a poll cannot be closed: %s", type(error).__name__)
                self._aside.add(id)

    async def _poll(self, group_id: str, poll_id: str) -> Message:
        doc = await self._context.store.get(messages_table(group_id), poll_id)
        message = None if doc is None else Message.from_doc(doc)
        if message is None or message.poll is None:
            raise UsageError("no such poll")
        return message


@refused("a poll of mine")
def _read_mine(doc: Doc) -> tuple[str, str, int]:
    return str(doc["_id"]), str(doc["group"]), whole(doc["closes_ms"])
