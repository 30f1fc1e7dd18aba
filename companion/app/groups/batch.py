"""Events of one group that become one commit: which may share it, and what they come to. Nothing is committed here."""

import logging
from dataclasses import replace

from companion.app.context import ME
from companion.app.groups.early import EARLY
from companion.app.groups.events import Events, Step, is_astray
from companion.app.groups.key_states import KeyState
from companion.app.groups.tools import Tools
from companion.app.overlay import Overlay
from companion.errors import CryptoError, MessageRejected
from companion.groups import FOLLOWED, Group
from companion.ports import RelayEvent

log = logging.getLogger(__name__)

READ_BY_OTHERS = frozenset({EARLY, ME})
"""Tables that are read elsewhere than through the batch while it grows."""


class Batch:
    """One group, from its last commit on. Each event is read as if those before it were committed."""

    def __init__(self, tools: Tools, group: Group, key_state: KeyState | None) -> None:
        self._overlay = Overlay(tools.context.store)
        self._events = Events(tools, self._overlay)
        self._last = Step(group=group, key_state=key_state)
        self._moved = group
        self._is_empty = True

    @property
    def step(self) -> Step | None:
        """What all of them come to, or None if nothing was taken in."""
        return None if self._is_empty else replace(self._last, change=self._overlay.change)

    @property
    def is_followed(self) -> bool:
        return self._last.group.state in FOLLOWED

    def expects(self, event: RelayEvent) -> bool:
        return self.is_followed and event.seq > self._last.group.cursor

    async def read(self, event: RelayEvent) -> Step:
        """Return what one more event comes to; a bad one only moves the cursor and is counted."""
        group, key_state = self._last.group, self._last.key_state
        group = self._moved = group.at(event.seq, event.cid, event.at_ms) if event.seq > group.cursor else group
        if key_state is None:
            return Step(group=group, key_state=key_state)
        if not event.body:
            return await self._events.emptied(group, key_state, event)
        try:
            return await self._events.read(group, key_state, event)
        except (MessageRejected, CryptoError) as error:
            log.warning("envelope skipped: %s", error)
            astray = group.astray + is_astray(key_state, event)
            return Step(group=replace(group, unopened=group.unopened + 1, astray=astray), key_state=key_state)

    def takes(self, step: Step) -> bool:
        """Add what `read` has returned, unless it needs a commit of its own.

        That is everything that changes more of the group than how far it was read, or that something follows from.
        """
        last = self._last
        is_alone = (
            step.has_consequences
            or (step.key_state is None) != (last.key_state is None)
            or not (step.group is self._moved or step.group == replace(self._moved, unopened=step.group.unopened))
            or any(put.table in READ_BY_OTHERS for put in step.change.put)
        )
        if is_alone or not self._overlay.fits(step.change):
            return False
        self._overlay.take(step.change)
        self._last, self._is_empty = step, False
        return True
