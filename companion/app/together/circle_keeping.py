"""What this device has to say for circles: keys and member keys in my groups, rolls, boxes, and turns as a steward."""

from companion.app.context import Context
from companion.app.groups.grouping import Grouping
from companion.app.spaces.desk import Desk, wait
from companion.app.together.books import Books
from companion.app.together.circle import CircleResidents, StewardsOf
from companion.app.together.circle_ground import OFFERED, VISITS, CircleGround, CircleHearing
from companion.app.together.ground import Ground
from companion.app.together.roll import Roll
from companion.app.together.telling import Telling
from companion.app.together.turning import Turning
from companion.crypto.primitives import random_bytes
from companion.groups import MEMBER, Group
from companion.ports import Change, Drop
from companion.space import book as books
from companion.space.belonging import Belonging
from companion.space.keys import BOOK, group_box
from companion.space.place import CIRCLE, GROUP, OPEN, Space
from companion.space.saying import CREATE, TURN, Saying
from companion.space.turns import seal_turn
from companion.times import HOUR_MS, MINUTE_MS


class CircleKeeping:
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
        turning: Turning,
    ) -> None:
        self._context = context
        self._desk = desk
        self._groups = groups
        self._books = held
        self._residents = residents
        self._hearing = hearing
        self._telling = telling
        self._roll = roll
        self._turning = turning

    async def keep(self, group: Group, ground: Ground | None) -> int:
        """Do the next things for the circles of a group, or for those that a pair speaks of; `ground` is the group's.

        Return in how many ms there may be more.
        """
        news = await self._hearing.hear(group)
        for space in await self._desk.spaces.all():
            is_open = space.kind == CIRCLE and space.state == OPEN
            if is_open and (space.id in news or await self._books.is_waiting(space)):
                await self._groups.logs(space.service).key_came(space.id)
                await self._groups.follow(space.service)
        if ground is None:
            return await self._answer(group)
        waits = [HOUR_MS]
        for space in await self._desk.spaces.all():
            is_ready = space.kind == CIRCLE and group.id in space.through and space.state == OPEN and space.first
            if is_ready and not await self._is_unmade(space):
                waits.append(await self._kept(group, space, ground))
        return min(waits)

    async def _is_unmade(self, space: Space) -> bool:
        return any(one.kind == CREATE for one in await self._desk.said(space.id))

    async def _kept(self, group: Group, space: Space, ground: Ground) -> int:
        at = await self._hearing.ground(space.id, group.id)
        waits = [await self._telling.give(group, space, _owed(ground, at))]
        book = await self._books.now(space)
        waits.append(await self._telling.say_member(group, space, book))
        if await self._books.is_waiting(space):
            return min(*waits, await self._telling.ask_key(group, space))
        if not await self._desk.said(space.id, BOOK) and space.logs[BOOK].n == space.n:
            waits.append(
                await self._roll.keep(group, space)
                or await self._rename(space, book)
                or await self._box(group, space, book, ground)
                or await self._turn(group, space, book)
            )
        return min(waits)

    async def _box(self, group: Group, space: Space, book: Belonging, ground: Ground) -> int:
        """Bring the box that follows from the newest key of the group's own space; 0 if it is there.

        It is brought once more where somebody was taken off after it who does not know that key. Nobody brings one in
        place of a box that they do not know: then they are behind themselves.
        """
        own, there = await self._desk.of_kind(GROUP, group.id), book.groups.get(group.id)
        mine = b"" if there is None else await self._residents.one_of_mine(space, there.present)
        if own is None or there is None or not mine:
            return 0
        box = group_box(own.keys[-1])[1]
        is_late = there.boxed_at < there.left_at and not await self._turning.is_owed(own, ground)
        known = {group_box(key)[1] for key in await self._residents.keys_of(group.id)}
        if there.box not in known or (there.box == box and not is_late) or await self._books.is_waiting(own):
            return 0
        if left_ms := self._telling.turn_left_ms(group, ("box", space.id, own.n)):
            return left_ms
        await self._say(space, self._roll.saying(space, BOOK, books.box_content(group.id, box), by=mine))
        return MINUTE_MS

    async def _rename(self, space: Space, book: Belonging) -> int:
        """Let my newest member key be a steward in place of a former one; 0 if it is."""
        mine = await self._residents.member_keys(space)
        former = next((key for key in mine[1:] if key in book.standing), b"")
        if not former:
            return 0
        is_new = mine[0] not in book.standing
        content = books.steward_content(mine[0] if is_new else former, is_on=is_new)
        by = former if is_new else mine[0]
        if book.wished.get(by) == (mine[0] if is_new else former):
            return 0  # it waits for another steward to say the same
        await self._say(space, self._roll.saying(space, BOOK, content, by=by))
        return MINUTE_MS

    # Turning

    async def _turn(self, group: Group, space: Space, book: Belonging) -> int:
        """Turn, as a steward, where somebody is out who has the newest key, and every group has brought its box."""
        mine = await self._residents.one_of_mine(space, book.standing)
        said = await self._residents.stewards_of(space, space.n)
        if not mine or said is None or books.unboxed(book) or group.id not in book.present:
            return HOUR_MS
        own = await self._desk.of_kind(GROUP, group.id)
        if own is None or said.group != group.id or not (is_owed(book) or (own.id, own.n) != (said.space, said.n)):
            return HOUR_MS
        if left_ms := self._telling.turn_left_ms(group, ("circle turn", space.id, space.n)):
            return left_ms
        following, more = random_bytes(32), StewardsOf(group=group.id, space=own.id, n=own.n).to_content()
        body = seal_turn(
            space.keys[-1],
            space.n,
            following,
            space=space.octets,
            log=space.log_id(BOOK),
            sign_private=await self._residents.sign_private(space, mine) or b"",
            at=book.seq,
            boxes=books.boxes_for(book),
            more=more,
        )
        id = self._context.new_id()
        turn = Saying(id=id, space=space.id, log=BOOK, kind=TURN, content=more, body=body, n=space.n, key=following)
        await self._say(space, turn)
        return MINUTE_MS

    async def _say(self, space: Space, one: Saying, change: Change | None = None) -> None:
        await self._context.commit((change or Change()) + Change(put=(wait(one),)))
        await self._groups.follow(space.service)

    # Letting groups in

    async def _answer(self, pair: Group) -> int:
        """Tell the way in to whoever brought a group that is in now."""
        for visit in await self._hearing.visits():
            space = await self._desk.spaces.get(visit.space)
            if visit.pair != pair.id or visit.state != OFFERED or visit.entry is None or space is None:
                continue
            book = await self._books.now(space)
            if visit.entry.group in book.present and pair.state == MEMBER:
                answered = Change(drop=(Drop(VISITS, visit.id),))
                await self._telling.say(pair, await self._telling.newest(space), answered)
        return HOUR_MS


def _owed(ground: Ground, at: CircleGround) -> Ground:
    """Return what a group is owed of a circle: its key, to who came, or asked for it."""
    came = max(ground.came, at.asked)
    by_me = came if ground.came_by_me == came else 0
    return Ground(group=ground.group, came=came, came_by_me=by_me, given=at.given)


def is_owed(book: Belonging) -> bool:
    """Tell whether a turn is owed since the last one: somebody was taken off a roll, a group went or brought another
    box, or somebody is no steward any more.
    """
    last = book.turns[-1] if book.turns else 0
    groups = book.groups.values()
    has_parted = any(group.left_at > last for group in groups if group.present)
    has_gone = any(end > last for group in groups for _, end in group.stays)
    has_box = any(group.boxed_at > last and group.boxed_at != group.stays[-1][0] for group in groups)
    return has_parted or has_gone or has_box or any(end > last for spans in book.stewards.values() for _, end in spans)
