"""What is told of a space inside MLS: the newest key to whoever comes, member keys, the stewards' secret, and asks.

What is on its way is not told twice; what was lost on it is told again after the next start.
"""

from collections.abc import Hashable

from companion.app.context import Context
from companion.app.groups.grouping import Grouping
from companion.app.together import rows
from companion.app.together.ground import Ground
from companion.app.together.residents import GroupResidents
from companion.chat.private import WRAPS_LIMIT, private_content
from companion.crypto.primitives import sign
from companion.fields import as_object, each_read
from companion.groups import Group
from companion.ports import Change, Put
from companion.space.belonging import Belonging
from companion.space.cards import member_message
from companion.space.keys import BOOK, SHELF
from companion.space.place import CIRCLE, Space
from companion.space.statements import KEY, STATING, STEWARDS, Statement, Way, digest, read_statement
from companion.times import HOUR_MS, MINUTE_MS

STEP_MS = 3_000
"""Whoever could say the same next waits so much longer than the one before."""
ASKED_MOST = 11
"""Whoever asks in vain comes to ask once in 17 hours: everybody has read it, and answers when they come."""


class Telling:
    def __init__(self, context: Context, groups: Grouping, residents: GroupResidents) -> None:
        self._context = context
        self._groups = groups
        self._residents = residents
        self._since: dict[Hashable, int] = {}
        self._told = set[Hashable]()
        self._asked: dict[Hashable, tuple[int, int]] = {}

    # Who says it

    def turn_left_ms(self, group: Group, duty: Hashable, *, carers_only: bool = False) -> int:
        """Return how long this device waits before it does what several could: those who look after the group first."""
        carers = sorted(group.facilitators)
        others = sorted(seat.member.person for seat in group.seats if seat.member.person not in carers)
        order = carers if carers_only else carers + others
        me, now = self._context.me.member.person, self._context.clock.monotonic_ms()
        if me not in order:
            return HOUR_MS
        rank = 2 * order.index(me) + self.device_rank()
        return max(0, self._since.setdefault((group.id, duty), now) + rank * STEP_MS - now)

    def device_rank(self) -> int:
        """Return how many of my devices come before this one."""
        devices = sorted(device.id for device in self._context.me.member.devices.active)
        return sum(device < self._context.me.device for device in devices)

    async def _say_once(self, duty: Hashable, group: Group, statement: Statement) -> None:
        """Say something unless it was said since the app was opened; where it cannot be said now, with the next try."""
        if duty not in self._told:
            await self.say(group, statement)
            self._told.add(duty)

    async def say(self, group: Group, statement: Statement, change: Change | None = None) -> None:
        """Say something to the whole group. Raises: what `Grouping.send` does."""
        await self._say(group, statement.to_content(), statement.to_content(), change or Change())

    async def _say(self, group: Group, inside: dict[str, object], content: dict[str, object], change: Change) -> None:
        id = self._context.new_id()
        kept = Change(put=(Put(STATING, {"_id": id, "_v": 1, "content": inside}),))
        await self._groups.send(group.id, content, change + kept, message=id)

    async def is_saying(self, key: bytes) -> bool:
        """Whether a key is on its way to the group."""
        docs = await self._context.store.all(STATING)
        return any(said.key == key for said in each_read(docs, lambda doc: read_statement(as_object(doc["content"]))))

    # The newest key

    async def give(self, group: Group, space: Space, ground: Ground) -> int:
        """Tell the newest key where somebody came who may not know it, or asked."""
        if ground.came <= ground.given or (space.id, ground.came) in self._told:
            return HOUR_MS
        if ground.came_by_me != ground.came and (left_ms := self.turn_left_ms(group, ("give", ground.came))):
            return left_ms
        await self._say_once((space.id, ground.came), group, await self.newest(space))
        return HOUR_MS

    async def newest(self, space: Space) -> Statement:
        shelf, book = space.logs[SHELF], space.logs[BOOK]
        told = await rows.told_keys(space.id, self._context.store)
        stewards = next((one.stewards for one in told if (one.n, one.key) == (space.n, space.keys[-1])), b"")
        if space.n in space.stewards:
            stewards = bytes.fromhex(digest(space.stewards[space.n]))
        way = Way(
            first=space.first,
            reads={BOOK: book.reads, SHELF: shelf.reads},
            service=space.service if space.kind == CIRCLE else "",
        )
        return Statement(
            space=space.id,
            generation=space.generation,
            n=space.n,
            key=space.keys[-1],
            stewards=stewards,
            way=way,
            is_circle=space.kind == CIRCLE,
        )

    async def ask_key(self, group: Group, space: Space | None = None) -> int:
        """Ask for the newest key, or whether there is a space: again after a minute, and each time after twice as long.
        Return in how many ms that is.
        """
        duty = (group.id, None if space is None else (space.id, space.n))
        now, (since_ms, times) = self._context.clock.monotonic_ms(), self._asked.get(duty, (0, 0))
        if times and (left_ms := since_ms + (MINUTE_MS << times - 1) - now) > 0:
            return left_ms
        if len(group.seats) > 1:
            of = "" if space is None else space.id
            is_circle = space is not None and space.kind == CIRCLE
            await self.say(group, Statement(space=of, asks=KEY, is_circle=is_circle))
        self._asked[duty] = (now, min(times + 1, ASKED_MOST))
        return MINUTE_MS << times

    def waited_ms(self, duty: Hashable, patience_ms: int) -> int:
        """Return how long it still is to wait for something, from when it was first waited for."""
        now = self._context.clock.monotonic_ms()
        return max(0, self._since.setdefault(duty, now) + patience_ms - now)

    # Who somebody is

    async def say_member(self, group: Group, space: Space, book: Belonging) -> int:
        """Tell the group which member key is mine; once more where I am not on the roll, such as after I came back to
        people who never heard it.
        """
        mine, me = (await self._residents.member_keys(space))[0], self._context.me.member.person
        told = await rows.told_members(space.id, group.id, self._context.store)
        of_me = [one.member for one in told if one.person == me]
        private, is_circle = await self._residents.sign_private(space, mine), space.kind == CIRCLE
        seat, there = group.seat(me), book.groups.get(group.id)
        is_known = there is not None and mine in there.present and of_me[-1:] == [mine]
        if private is not None and not is_known:
            proof = sign(private, member_message(space.octets, mine, me))
            said = Statement(space=space.id, member=mine, proof=proof, is_circle=is_circle)
            await self._say_once((space.id, group.id, mine, len(of_me), seat and seat.joined_ms), group, said)
        return HOUR_MS

    # The stewards' secret

    async def share_secret(self, group: Group, space: Space, ground: Ground) -> int:
        """Ask for the stewards' secret if I look after the group and lack it; tell it to who asked."""
        if self._context.me.member.person not in group.administrators:
            return HOUR_MS
        if space.n not in space.stewards:
            is_somebody_there = len(group.facilitators) > 1 or self._context.me.other_devices
            if is_somebody_there:
                await self._say_once((space.id, "secret", space.n), group, Statement(space=space.id, asks=STEWARDS))
            return HOUR_MS
        if ground.asked <= ground.told or (space.id, "told", ground.asked) in self._told:
            return HOUR_MS
        if left_ms := self.turn_left_ms(group, ("secret", ground.asked), carers_only=True):
            return left_ms
        await self.say_secret(group, space, space.stewards[space.n])
        self._told.add((space.id, "told", ground.asked))
        return HOUR_MS

    async def say_secret(self, group: Group, space: Space, secret: bytes) -> None:
        """Tell the stewards' secret to every device of those who look after the group."""
        inside = Statement(space=space.id, secret=secret).to_content()
        carers = [seat.member for seat in group.seats if seat.member.person in group.administrators]
        keys = [key for member in carers for key in member.seal_keys]
        me = self._context.me.member.person
        for start in range(0, len(keys), WRAPS_LIMIT):
            wrapped = private_content(inside, tuple(keys[start : start + WRAPS_LIMIT]), group=group.id, person=me)
            await self._say(group, inside, wrapped, Change())
