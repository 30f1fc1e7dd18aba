"""Choices that hold on all devices of one person: quiet hours, what they want of each group, whom they put off."""

from companion.app.context import Context
from companion.app.groups.choosing import choice_content, read_choice
from companion.app.groups.grouping import Grouping
from companion.app.groups.tools import Outcome
from companion.errors import MessageRejected
from companion.letters import Letter
from companion.ports import Change, Doc, InboxItem, Put


class Choices:
    """A choice is kept here, and told to my other devices by letters, in one commit. The last one holds."""

    def __init__(self, context: Context, groups: Grouping) -> None:
        self._context = context
        self._groups = groups
        groups.inbox.add({"choice": self._choice})

    async def keep(self, table: str, doc: Doc) -> None:
        others = self._context.me.other_devices
        services = sorted({group.service for group in await self._groups.groups()}) if others else []
        content = choice_content(table, doc)
        letters = tuple(
            self._groups.tools.outbox.letter(service, device, content) for service in services[:1] for device in others
        )
        await self._context.commit(Change(put=(Put(table, doc), *letters)))
        for service in services[:1] if letters else []:
            await self._groups.follow(service)

    async def _choice(self, service: str, letter: Letter, item: InboxItem) -> Outcome:
        """Another device of mine chose something."""
        if self._context.me.member.devices.device(letter.sender) is None:
            raise MessageRejected("a choice that only a device of mine may make")
        return Outcome(change=Change(put=(read_choice(letter.content),)))
