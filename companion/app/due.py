"""What happens by itself when its time has come, while the app is open: the one list of it."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial

from companion.app.chat.agreeing import Agreeing
from companion.app.chat.attending import Attending
from companion.app.chat.chatting import UNDO_MS, Chatting
from companion.app.chat.polling import Polling
from companion.app.chat.sharing import Sharing
from companion.app.context import Context
from companion.app.groups.grouping import Grouping
from companion.app.own.housekeeping import Housekeeping
from companion.app.together.keeping import Keeping
from companion.chat.contents import got_content, seen_content
from companion.chat.message import Message
from companion.chat.standing import SEEN, STANDINGS
from companion.errors import CompanionError
from companion.fields import MALFORMED, STAYS
from companion.groups import TABLE
from companion.ports import Change
from companion.times import HOUR_MS

log = logging.getLogger(__name__)

RECEIPT_MS = 4_000
"""How long a device collects before it tells that messages have come."""
RECEIPT_STEP_MS = 3_000
"""How much longer each further device of a group waits: one receipt is enough, and the first one spares the others."""
UPLOAD_MS = 20_000
"""How soon an upload that the service did not answer is tried again."""


def is_promised(message: Message) -> bool:
    """Tell whether what waits was to go at once; what is meant for later, or was refused, was not."""
    is_brief = message.state == "held" and message.due_ms - message.at_ms <= UNDO_MS
    return is_brief or message.state in ("waiting", "uploading")


class Due:
    """`next_ms` says when to call `run` again. Whatever changes it is a commit, so listeners hear of it.

    All of it goes by the stopwatch, so that a change of the clock neither hurries nor stops it.
    """

    def __init__(
        self,
        context: Context,
        groups: Grouping,
        chat: Chatting,
        polls: Polling,
        attention: Attending,
        agreements: Agreeing,
        sharing: Sharing,
        own: Housekeeping,
        together: Keeping,
    ) -> None:
        self._context = context
        self._groups = groups
        self._chat = chat
        self._polls = polls
        self._attention = attention
        self._agreements = agreements
        self._sharing = sharing
        self.own = own
        self.together = together
        self._receipts: dict[str, int] = {}
        self._seats: dict[str, object] = {}
        self._has_newcomers = True
        self._reads: dict[str, int] = {}
        self._patient: set[str] = set()
        self._told: dict[str, int] = {}
        self._told_read: dict[str, int] = {}
        self._expire_ms = 0
        self._upload_ms = 0
        context.after_commit.append(self._note)

    def _note(self, change: Change) -> None:
        """Messages came: the group will be told that they have. Members came: they will be told what holds."""
        now = self._context.clock.monotonic_ms()
        for edit in change.edit:
            if edit.table == STANDINGS:
                self._receipts.setdefault(edit.id, now + RECEIPT_MS)
            elif edit.table == SEEN:
                self._reads.setdefault(edit.id, now + RECEIPT_MS)
        for put in change.put:
            if put.table == TABLE and self._seats.get(str(put.doc["_id"])) != put.doc["seats"]:
                self._seats[str(put.doc["_id"])] = put.doc["seats"]
                self._has_newcomers = True

    async def next_ms(self) -> int:
        """Return when something is due next by the clock as it stands now; an hour from now at the latest.

        In ms since the epoch, UTC.
        """
        return self._context.clock.now_ms() + await self._left_ms()

    async def _left_ms(self) -> int:
        if self._has_newcomers:
            return 0
        watch = self._context.clock.monotonic_ms()
        waiting = await self._chat.all_waiting()
        held = [self._chat.held_ms(message) for message in waiting if await self._may_go(message)]
        uploads = [self._upload_ms - watch for message in waiting if message.state == "uploading"]
        ours = [due_ms - watch for due_ms in (self._expire_ms, *self._receipts.values(), *self._reads.values())]
        closing, asking = await self._polls.next_left_ms(), await self._groups.asking.left_ms()
        spaces = min(await self.own.left_ms(), await self.together.left_ms())
        return max(0, min([HOUR_MS, asking, spaces, *held, *uploads, *ours, *([] if closing is None else [closing])]))

    async def run(self) -> None:
        """Do all that is due by now. What cannot be done keeps nothing else from its turn.

        Raises: StoreError for what passes, such as a full disk; the rest stays due.
        """
        now = self._context.clock.monotonic_ms()
        for message in await self._chat.all_waiting():
            if await self._may_go(message) and not self._chat.held_ms(message):
                await self._send(message)
        if self._upload_ms <= now:
            self._upload_ms = now + UPLOAD_MS if await self._sharing.send_waiting() else 0
        await self._try(self._polls.close_due)
        await self._try(self._groups.ask_again)
        await self._try(self.own.run)
        await self._try(self.together.run)
        for group in [group for group, due_ms in self._receipts.items() if due_ms <= now]:
            await self._try(partial(self._tell_got, group, now), group)
        for group in [group for group, due_ms in self._reads.items() if due_ms <= now]:
            await self._try(partial(self._tell_read, group))
        if self._has_newcomers:
            self._has_newcomers = False
            await self._try(self._agreements.tell_newcomers)
        if self._expire_ms <= now:
            await self._try(self._agreements.expire)
            self._expire_ms = now + HOUR_MS

    async def _may_go(self, message: Message) -> bool:
        """Whether it is held by time alone: in a pair that is not open yet it waits, and can be taken back."""
        group = await self._groups.group(message.group)
        return message.state == "held" and (group is None or not group.awaits_peer)

    async def _try(self, step: Callable[[], Awaitable[object]], group: str = "") -> None:
        try:
            await step()
        except STAYS as error:
            log.error("something due is left out: %s", type(error).__name__)
            self._receipts.pop(group, None)

    async def hurry(self) -> None:
        """Do at once what would be due within seconds, because the app is about to lock: what was sent can no longer
        be taken back. What is meant for later stays.
        """
        now, steps = self._context.clock.monotonic_ms(), list[Callable[[], Awaitable[object]]]()
        for message in await self._chat.all_waiting():
            if is_promised(message) and await self._may_go(message):
                steps.append(partial(self._send, message))
        self._patient.update(self._receipts)
        steps += [partial(self._tell_got, group, now) for group in self._receipts]
        steps += [partial(self._tell_read, group) for group in self._reads]
        for step in (*steps, self._sharing.send_waiting, self.own.hurry, self.together.run):
            try:
                await step()
            except (CompanionError, *MALFORMED) as error:  # the next one may go all the same
                log.warning("not handed over: %s", type(error).__name__)

    async def _send(self, message: Message) -> None:
        try:
            await self._chat.release(message)
        except (
            STAYS
        ) as error:  # the group was left, a key has to be accepted, it cannot be sealed, its group is damaged
            await self._give_up(message, error)

    async def _give_up(self, message: Message, error: Exception) -> None:
        """Say of one message that it did not go; the person may send it again or remove it."""
        log.error("a message cannot go: %s", type(error).__name__)
        try:
            await self._chat.refuse(message)
        except STAYS as error:  # left meanwhile, a key has to be accepted, not to be sealed, or the group is damaged
            await self._chat.give_up(message, error)

    async def _tell_got(self, group_id: str, now: int) -> None:
        """Tell a group what has come here, unless somebody else did, or soon may."""
        standing, group = await self._attention.standing(group_id), await self._groups.group(group_id)
        told = max(standing.delivered, self._told.get(group_id, 0))
        if group is None or group.state != "member" or standing.newest_seq <= told:
            self._patient.discard(group_id)
            self._receipts.pop(group_id, None)
            return
        rank = sum(seat.member.person < self._context.me.member.person for seat in group.seats)
        if rank and group_id not in self._patient:
            self._patient.add(group_id)
            self._receipts[group_id] = now + rank * RECEIPT_STEP_MS
            return
        self._patient.discard(group_id)
        self._receipts.pop(group_id, None)
        self._told[group_id] = standing.newest_seq
        await self._groups.send(group_id, got_content(standing.newest_seq), Change())

    async def _tell_read(self, group_id: str) -> None:
        """Tell how far I have read, where the group has agreed to it and I have too."""
        self._reads.pop(group_id, None)
        group, agreement = await self._groups.group(group_id), await self._agreements.agreement(group_id)
        wishes, seen = await self._attention.wishes(group_id), await self._attention.seen(group_id)
        is_wanted = agreement.is_read_shared and wishes.tells_seen and group is not None and group.state == "member"
        if is_wanted and seen.seq > self._told_read.get(group_id, 0):
            self._told_read[group_id] = seen.seq
            await self._groups.send(group_id, seen_content(seen.seq), Change())
