"""What was promised goes before the keys do: the last thing that an opened core does, within bounded time.

Owns what is handed over on lock, close and hide, and what is told of the rest. Must not know who locks, or why.
"""

import logging
from dataclasses import dataclass

from companion.app.context import Context
from companion.app.due import Due, is_promised
from companion.app.groups.grouping import Grouping
from companion.app.spaces.desk import Desk
from companion.chat.message import WAITING, lines
from companion.errors import CompanionError
from companion.ports import Network

log = logging.getLogger(__name__)

PATIENCE_S = 4.0
"""A phone lets an app go on for about five seconds after it was put away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What could not go and waits for the next unlock: counts, so that the lock screen names nobody."""

    messages: int = 0
    others: int = 0


class Parting:
    """Messages that could still be taken back, their pictures, votes, receipts, notes, changes of who is in, and what
    my devices share.
    """

    def __init__(self, context: Context, desk: Desk, network: Network, groups: Grouping, due: Due) -> None:
        self._context = context
        self._desk = desk
        self._network = network
        self._groups = groups
        self._due = due

    async def hand_over(self) -> Left:
        """Give to the services what was promised, for a few seconds at most; return what is left."""
        try:
            await self._network.hand_over(self._due.hurry, self._busy, PATIENCE_S)
            return await self._left()
        except CompanionError as error:  # the lock falls all the same
            log.warning("not all was handed over: %s", type(error).__name__)
            return Left()

    async def _busy(self) -> frozenset[str]:
        """Return the services that have not taken all of it yet."""
        items = await self._groups.tools.outbox.unsent()
        return frozenset(item.service for item in items) | await self._desk.busy()

    async def _left(self) -> Left:
        waiting = lines(await self._context.store.all(WAITING))
        pairs = {group.id for group in await self._groups.groups() if group.awaits_peer}  # their words go on a yes
        messages = {message.id for message in waiting if is_promised(message) and message.group not in pairs}
        unsent = [item for item in await self._groups.tools.outbox.unsent() if item.message not in messages]
        return Left(messages=len(messages), others=len(unsent) + await self._due.together.unsent())
