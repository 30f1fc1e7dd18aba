"""Intents of a circle: begin one, invite somebody to bring a group, bring one, let it in or go, name a steward.

There is no screen for them yet: the community's places are built on top of them.
"""

from companion.app.context import SHARED, Context
from companion.app.groups.grouping import Grouping
from companion.app.spaces.desk import Desk, stand, wait
from companion.app.together.books import Books
from companion.app.together.circle import CircleResidents, StewardsOf
from companion.app.together.circle_ground import ENTERING, INVITED, OFFERED, CircleGround, CircleHearing, Visit
from companion.app.together.roll import Roll
from companion.app.together.telling import Telling
from companion.crypto.primitives import random_bytes
from companion.errors import UsageError
from companion.groups import Group
from companion.ports import Change, Doc
from companion.space import book as books
from companion.space.keys import BOOK, group_box
from companion.space.place import CIRCLE, GROUP, Space
from companion.space.saying import CREATE
from companion.space.statements import ENTRY, Entry, Statement


class Circles:
    def __init__(
        self,
        context: Context,
        desk: Desk,
        groups: Grouping,
        held: Books,
        residents: CircleResidents,
        hearing: CircleHearing,
        telling: Telling,
        roll: Roll,
    ) -> None:
        self._context = context
        self._desk = desk
        self._groups = groups
        self._books = held
        self._residents = residents
        self._hearing = hearing
        self._telling = telling
        self._roll = roll

    async def circles(self) -> tuple[Space, ...]:
        """Return the circles that this device knows."""
        return tuple(space for space in await self._desk.spaces.all() if space.kind == CIRCLE)

    async def found(self, group_id: str) -> str:
        """Begin a circle with a group that I look after, whose members are its stewards' group; return its id.

        Raises: UsageError before the group has a space of its own.
        """
        group, own = await self._cared_for(group_id)
        space = Space(
            id=self._context.new_id(), kind=CIRCLE, service=own.service, keys=(random_bytes(32),), through=(group.id,)
        )
        mine = (await self._residents.member_keys(space))[0]
        first = (
            books.first_content(space.octets, [mine]) | StewardsOf(group=group.id, space=own.id, n=own.n).to_content()
        )
        box = group_box(own.keys[-1])[1]
        said = (first, books.group_content(group.id, is_on=True, box=box, links=[mine]))
        makes = [self._roll.saying(space, name, {}, kind=CREATE) for name in space.logs]
        items = [self._roll.saying(space, BOOK, content, by=mine) for content in said]
        asked = CircleGround(space=space.id, group=group.id, asked=max(1, group.cursor))
        async with self._context.store.turn(SHARED):
            put = (stand(space), *(wait(one) for one in (*makes, *items)), asked.put())
            await self._context.commit(Change(put=put))
        await self._groups.follow(space.service)
        return space.id

    async def name_steward(self, circle: str, member: bytes, *, is_on: bool) -> None:
        """Name somebody a steward, or no steward any more. Raises: UsageError unless I am one."""
        await self._say(circle, books.steward_content(member, is_on=is_on))

    # A group comes

    async def invite(self, circle: str, pair_id: str) -> None:
        """Ask the other person of a line to bring a group. Raises: UsageError."""
        pair = await self._pair(pair_id)
        peer = pair.peer.person if pair.peer is not None else ""
        visit = Visit(space=circle, pair=pair.id, person=peer, state=OFFERED)
        asked = Statement(space=circle, asks=ENTRY, is_circle=True)
        await self._telling.say(pair, asked, Change(put=(visit.put(),)))

    async def invited(self) -> tuple[Visit, ...]:
        """Return the circles to which somebody would have me bring a group."""
        return tuple(one for one in await self._hearing.visits() if one.state == INVITED)

    async def bring(self, circle: str, pair_id: str, group_id: str) -> None:
        """Offer a group that I look after to whoever has invited me. Raises: UsageError."""
        pair = await self._pair(pair_id)
        group, own = await self._cared_for(group_id)
        visit = await self._hearing.visit(circle, pair.id)
        if visit is None or visit.state != INVITED:
            raise UsageError("nobody has invited me to this circle")
        known = Space(id=circle, kind=CIRCLE, service=own.service, keys=(bytes(32),))
        mine = (await self._residents.member_keys(known))[0]
        entry = Entry(group=group.id, box=group_box(own.keys[-1])[1], links=(mine,))
        offers = Visit(space=circle, pair=pair.id, person=visit.person, state=ENTERING, entry=entry)
        await self._telling.say(pair, Statement(space=circle, entry=entry, is_circle=True), Change(put=(offers.put(),)))

    async def offered(self) -> tuple[Visit, ...]:
        """Return the groups that people I invited would bring."""
        return tuple(one for one in await self._hearing.visits() if one.state == OFFERED and one.entry is not None)

    async def let_in(self, visit: Visit) -> None:
        """Let in a group that was offered; whoever brings it is told the way when it stands in the book."""
        if visit.entry is None:
            raise UsageError("no group was offered")
        entry = visit.entry
        content = books.group_content(entry.group, is_on=True, box=entry.box, links=entry.links)
        await self._say(visit.space, content)

    async def let_go(self, circle: str, group: str) -> None:
        """Let a group go: it reads nothing new from the next turn on. Raises: UsageError unless I am a steward."""
        await self._say(circle, books.group_content(group, is_on=False))

    async def _say(self, circle: str, content: Doc) -> None:
        space = await self._desk.spaces.get(circle)
        if space is None or space.kind != CIRCLE:
            raise UsageError("no circle of mine")
        mine = await self._residents.one_of_mine(space, (await self._books.now(space)).standing)
        if not mine:
            raise UsageError("only a steward may")
        await self._context.commit(Change(put=(wait(self._roll.saying(space, BOOK, content, by=mine)),)))
        await self._groups.follow(space.service)

    async def _cared_for(self, group_id: str) -> tuple[Group, Space]:
        group, own = await self._groups.group(group_id), await self._desk.of_kind(GROUP, group_id)
        if group is None or self._context.me.member.person not in group.administrators or group.is_pair:
            raise UsageError("only those who look after a group bring it")
        if own is None or not own.first:
            raise UsageError("the group has no space of its own yet")
        return group, own

    async def _pair(self, id: str) -> Group:
        pair = await self._groups.group(id)
        if pair is None or not pair.is_pair or pair.awaits_peer:
            raise UsageError("no open line")
        return pair
