"""Intents of damage to a group, and to what all groups share: take it up again, because the person says so.

Owns what a group goes on with then. Must not know the screens, or how the store makes a table anew.
"""

from companion.app.context import Context
from companion.app.groups.asking import rejoin_change
from companion.app.groups.grouping import Grouping
from companion.attachments import IN_WORK
from companion.chat.message import messages_table
from companion.groups import MEMBER, TABLE, Group, line
from companion.ports import STATES, Change, Damage, Put

KEYS_AT_STAKE = frozenset({STATES, TABLE})
"""What says how far a group had come: where that is lost or old, only others can say which keys hold."""
NOT_OURS = frozenset(
    {"journal", "stories", "receipts", "checkins", "nudges", "settings", "times", "me", "blobs", IN_WORK}
)
"""What belongs to no group: of that, a copy of what can be read is made (`Security.rescue`)."""


class Mending:
    """What is damaged stays as it is until somebody presses; then what can still be read is what there is."""

    def __init__(self, context: Context, groups: Grouping) -> None:
        self._context = context
        self._groups = groups
        self._tools = groups.tools

    def damage(self, group_id: str) -> Damage | None:
        """Return why a group was set aside, or None."""
        return self._tools.aside.of(group_id)

    def can_mend(self, damage: Damage) -> bool:
        """Whether a press is enough to go on with what is left."""
        return damage.part not in NOT_OURS

    async def go_on(self, group_id: str) -> None:
        """Take up a group again with what can still be read of it, and fetch what came meanwhile.

        Where its keys or how far it had come are in doubt, others let this device in anew, and it says where words may
        be missing. A group whose own document is gone needs a new invite; what was said is there then.
        Raises: StoreError; then it stays set aside.
        """
        async with self._tools.key_states.turn():
            damages = self._tools.aside.damages(group_id)
            await self._mend(damages)
            self._tools.aside.release(group_id)
            group = await self._groups.group(group_id)
            if group is not None and group.state == MEMBER:
                await self._take_up(group, any(damage.part in KEYS_AT_STAKE for damage in damages))
        await self._groups.start()

    async def mend(self, damage: Damage) -> None:
        """Go on with what can be read of what no group owns alone, or of a group that is not in the list any more."""
        if damage.of and await self._groups.group(damage.of) is not None:
            await self.go_on(damage.of)
            return
        async with self._tools.key_states.turn():
            await self._mend((damage,))
            for group in await self._groups.groups():
                self._tools.aside.release(group.id)
        await self._groups.start()

    async def _mend(self, damages: tuple[Damage, ...]) -> None:
        await self._context.store.mend(damages)
        for forget in self._context.in_doubt:
            forget()
        self._tools.key_states.forget()
        self._context.tell(frozenset({*(damage.part for damage in damages), TABLE}))

    async def _take_up(self, group: Group, are_keys_at_stake: bool) -> None:
        if are_keys_at_stake:
            change = await rejoin_change(self._tools, group)
            await self._tools.key_states.commit(change, forget=(group.id,))
            return
        id, at_ms = self._context.new_id(), self._context.told.now_ms(group.service)
        made = line(group, "gap", "", self._context.me.member, id=id, seq=group.cursor, at_ms=at_ms)
        await self._context.commit(Change(put=(Put(messages_table(group.id), made.to_doc()),)))
