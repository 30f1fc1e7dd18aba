"""What everything about groups works with: one set for the opened app, and what is read from the store often."""

from dataclasses import dataclass, field, replace
from typing import Protocol

from companion import groups, outgoing
from companion.app.cached import Cached
from companion.app.certainty import Certainty
from companion.app.context import ME, Context
from companion.app.groups.aside import Aside
from companion.app.groups.commits import Commits
from companion.app.groups.key_states import KeyState, KeyStates
from companion.app.groups.outbox import Outbox
from companion.devices import DeviceList
from companion.groups import SEALING, Group, Seat
from companion.outgoing import Outgoing
from companion.people import Member
from companion.ports import Change, Doc, Documents, Drop, Put


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a letter comes to: a change, the keys to commit with it, and the groups whose keys go."""

    change: Change = field(default_factory=Change)
    key_states: tuple[KeyState, ...] = ()
    forget: tuple[str, ...] = ()


class Contents(Protocol):
    """What is said in a group. What a content means is for others to know; here it only has its place in the order."""

    async def take_in(
        self, group: Group, seat: Seat, content: Doc, *, seq: int, at_ms: int, documents: Documents
    ) -> Change:
        """Return what one content changes in these documents, said by this member at `at_ms`, the service's time.

        Raises: MessageRejected if it is malformed, or not for this member to say.
        """

    async def settle(
        self, group: str, message: str, *, state: str, seq: int, at_ms: int, documents: Documents
    ) -> Change:
        """Return what the service's answer to this message of mine changes: `state` is "sent", "refused", or
        "uploading" where its pictures have to be brought there again.
        """

    async def again(self, group: str, content: Doc, documents: Documents) -> Doc | None:
        """Return what to say in place of a content of mine that was lost: the words of a message are as they are now,
        and its kind and id are all that is given of them. None where there is nothing to say any more.
        """


@dataclass(slots=True, kw_only=True)
class Tools:
    context: Context
    contents: Contents
    key_states: KeyStates
    outbox: Outbox
    commits: Commits
    cache: Cached[Group]
    certainty: Certainty
    aside: Aside
    was_older: bool = False
    """It was found since the app was opened that this device had been put back to an older state."""

    async def groups(self) -> tuple[Group, ...]:
        return await self.cache.all()

    async def group(self, id: str) -> Group | None:
        return await self.cache.get(id)

    async def everybody(self) -> tuple[Member, ...]:
        """Everybody this device knows from any group."""
        return tuple(member for group in await self.groups() for member in group.known)

    async def next(self, group_id: str) -> bool:
        """Seal what waits, and make the next commit. Returns whether something may be sent. The turn is held."""
        group, key_state = await self.group(group_id), await self.key_states.of(group_id)
        if group is None or key_state is None or group.state not in SEALING:
            return False
        for item in await self.outbox.reseal(group, key_state):
            await self.refuse(item)
        key_state = await self.key_states.of(group_id)
        return key_state is not None and await self.commits.work(group, key_state)

    async def refuse(self, item: Outgoing) -> None:
        """Give up one thing that can never be sent, and say so where it stands."""
        settled = await self.contents.settle(
            item.group, item.message, state="refused", seq=0, at_ms=0, documents=self.context.store
        )
        await self.context.commit(settled + Change(drop=(Drop(outgoing.TABLE, item.cid),)))

    def my_devices(self, devices: DeviceList) -> Change:
        """Return the change that makes this my device list. Raises MessageRejected for a fork."""
        me = self.context.me
        changed = replace(me, member=replace(me.member, devices=me.member.devices.newer(devices)))
        return Change(put=(Put(ME, changed.to_doc()),))


def make_tools(context: Context, contents: Contents) -> Tools:
    key_states = KeyStates(context)
    outbox = Outbox(context, key_states)
    return Tools(
        context=context,
        contents=contents,
        key_states=key_states,
        outbox=outbox,
        commits=Commits(context, key_states, outbox),
        cache=Cached(context, groups.TABLE, Group.from_doc),
        certainty=Certainty(context),
        aside=Aside(context),
    )


def stand(group: Group) -> Put:
    return Put(groups.TABLE, group.to_doc())
