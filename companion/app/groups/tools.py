"""What everything about groups works with: one set for the opened app, and what is read from the store often."""

from dataclasses import dataclass, field, replace

from companion import groups
from companion.app.context import ME, Context
from companion.app.groups.cached import Cached
from companion.app.groups.commits import Committing
from companion.app.groups.key_states import Keeping, Kept
from companion.app.groups.outbox import Posting
from companion.devices import DeviceList
from companion.groups import Group
from companion.people import Member
from companion.ports import Change, Put


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a letter comes to: a change, and the keys to commit with it."""

    change: Change = field(default_factory=Change)
    kept: tuple[Kept, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    context: Context
    keeping: Keeping
    posting: Posting
    committing: Committing
    shelf: Cached[Group]

    async def groups(self) -> tuple[Group, ...]:
        return await self.shelf.all()

    async def group(self, id: str) -> Group | None:
        return await self.shelf.get(id)

    async def everybody(self) -> tuple[Member, ...]:
        """Everybody this device knows from any group."""
        return tuple(member for group in await self.groups() for member in group.known)

    async def next(self, group_id: str) -> bool:
        """Seal what waits, and make the next commit. Returns whether something may be sent. The turn is held."""
        group, kept = await self.group(group_id), await self.keeping.kept(group_id)
        if group is None or kept is None:
            return False
        await self.posting.reseal(group, kept)
        kept = await self.keeping.kept(group_id)
        return kept is not None and await self.committing.work(group, kept)

    def my_devices(self, devices: DeviceList) -> Change:
        """Return the change that makes this my device list. Raises MessageRejected for a fork."""
        me = self.context.me
        changed = replace(me, member=replace(me.member, devices=me.member.devices.newer(devices)))
        return Change(put=(Put(ME, changed.to_doc()),))


def make_tools(context: Context) -> Tools:
    keeping = Keeping(context)
    posting = Posting(context, keeping)
    return Tools(
        context=context,
        keeping=keeping,
        posting=posting,
        committing=Committing(context, keeping, posting),
        shelf=Cached(context, groups.TABLE, Group.from_doc),
    )


def stand(group: Group) -> Put:
    return Put(groups.TABLE, group.to_doc())
