"""What this device has to say for the spaces of its groups: begin one, tell keys, keep the roll, put notes there, turn.

Everything follows from what is known, so a crash between two steps is followed by the next one. What several devices
could say is said by the first of them that is there: each waits a little longer than the one before it.
"""

import logging
from dataclasses import replace

from companion.app.context import ME, SHARED, Context
from companion.app.groups.grouping import Grouping
from companion.app.groups.sync_side import ONLINE
from companion.app.overlay import Overlay
from companion.app.own.secrets import SECRETS, SecretLetters
from companion.app.spaces.desk import Desk, stand, wait
from companion.app.together import notes, rows
from companion.app.together.books import Books
from companion.app.together.circle_keeping import CircleKeeping
from companion.app.together.ground import Ground, Hearing
from companion.app.together.residents import GroupResidents
from companion.app.together.roll import Roll
from companion.app.together.telling import STEP_MS, Telling
from companion.app.together.turning import Turning
from companion.app.together.unpinning import Unpinning
from companion.crypto.primitives import random_bytes
from companion.errors import SyncError
from companion.fields import STAYS
from companion.groups import MEMBER, MOVES, Group
from companion.ports import Change
from companion.space import place
from companion.space.book import first_content, group_content
from companion.space.keys import BOOK, SHELF, group_box, steward_key
from companion.space.place import GROUP, OPEN, OWN, Space
from companion.space.saying import CREATE
from companion.space.statements import STATEMENTS
from companion.times import DAY_MS, HOUR_MS, MINUTE_MS

log = logging.getLogger(__name__)

PATIENCE_MS = 20_000
"""So long is somebody asked who may know of a space before another one is begun."""
LOST_MS = 10 * MINUTE_MS
LONG_LOST_MS = 7 * DAY_MS
"""So long does somebody who looks after a group wait for its secret, or for a way back in, before they begin another
space: the first where nobody else can have it, the other where somebody may be away.
"""


class Keeping:
    """`left_ms` says when `run` has something to do."""

    def __init__(
        self,
        context: Context,
        desk: Desk,
        groups: Grouping,
        books: Books,
        residents: GroupResidents,
        letters: SecretLetters,
        hearing: Hearing,
        telling: Telling,
        roll: Roll,
        turning: Turning,
        circling: CircleKeeping,
        unpinning: Unpinning,
    ) -> None:
        self._context = context
        self._desk = desk
        self._groups = groups
        self._books = books
        self._residents = residents
        self._letters = letters
        self._hearing = hearing
        self._telling = telling
        self._roll = roll
        self._turning = turning
        self._circling = circling
        self._unpinning = unpinning
        self._has_news = True
        self._online = frozenset[str]()
        self._again_ms = 0
        context.after_commit.append(self._hear)

    def _hear(self, change: Change) -> None:
        tables = {put.table for put in change.put if put.table != place.TABLE or put.doc["kind"] != OWN}
        self._has_news |= bool(tables & {STATEMENTS, MOVES, notes.PINS, notes.GONE, place.TABLE, SECRETS, ME})
        self._has_news |= self._unpinning.hears(change)

    async def left_ms(self) -> int:
        """Return in how many ms there is something to do."""
        if self._has_news or self._online != self._heard_services():
            return 0
        return max(0, self._again_ms - self._context.clock.monotonic_ms())

    def _heard_services(self) -> frozenset[str]:
        return frozenset(one for one in self._desk.caught_up if self._groups.sync_state(one) == ONLINE)

    async def run(self) -> None:
        """Do what is to be done now. Raises: StoreError for what passes, such as a full disk."""
        if await self.left_ms():
            return
        self._has_news, self._online = False, self._heard_services()
        waits = [HOUR_MS]
        if self._online:
            await self._letters.tell()
        for group in await self._groups.groups():
            if group.state == MEMBER:
                waits.append(await self._try(group))
        self._again_ms = self._context.clock.monotonic_ms() + min(waits)

    async def unsent(self) -> int:
        """Return how many notes have not gone up to the shelves that there are."""
        count = 0
        for space in await self._desk.spaces.all():
            if space.kind == GROUP and space.state == OPEN:
                said = await self._desk.said(space.id, SHELF)
                waiting = await notes.pins(space.of, self._context.store)
                count += len(waiting) + sum(one.id not in self._desk.landed for one in said)
        return count

    async def _try(self, group: Group) -> int:
        try:
            if group.is_pair:
                return await self._circling.keep(group, None)
            unpinned_ms = await self._unpinning.keep(group)  # before what waits for the shelf goes there
            own_ms = min(unpinned_ms, await self._kept(group))
            return min(own_ms, await self._circling.keep(group, await self._hearing.ground(group.id)))
        except (SyncError, *STAYS) as error:
            log.info("a group's space is left for later: %s", type(error).__name__)
            return MINUTE_MS

    async def _kept(self, group: Group) -> int:
        """Do the next thing for one group; return in how many ms there is another."""
        heard = await self._hearing.hear(group)
        space, ground = heard.space, heard.ground
        if group.service not in self._online:
            return HOUR_MS
        if space is None:
            return await self._wanted(group, ground)
        if heard.has_key or await self._books.is_waiting(space):
            await self._groups.logs(space.service).key_came(space.id)
            await self._groups.follow(space.service)
            space = await self._desk.spaces.get(space.id) or space
        if space.state == OPEN and (not space.first or await self._is_unmade(space)):
            return await self._begun(group, ground, space)
        space = await self._with_secret(space)
        if await self._is_lost(group, ground, space):
            await self._found(group, ground, space)
            return MINUTE_MS
        if space.state != OPEN:
            return await self._telling.ask_key(group, space)
        if opening_ms := await self._opening_ms(group, space):
            return opening_ms
        waits = [await self._telling.give(group, space, ground)]
        waits.append(await self._telling.say_member(group, space, await self._books.now(space)))
        waits.append(await self._telling.share_secret(group, space, ground))
        if not await self._desk.said(space.id, BOOK):
            waits.append(await self._roll.keep(group, space) or await self._turning.keep(group, space, ground))
        await self._roll.put_notes(group, space)
        waits.append(await self._roll.empty(space))
        return min(waits)

    async def _with_secret(self, space: Space) -> Space:
        """Take up the secret of those who look after the group, once it was told and stands in the book."""
        if space.n in space.stewards:
            return space
        async with self._context.store.turn(SHARED):
            now, store = await self._desk.spaces.get(space.id) or space, self._context.store
            found = await self._residents.with_secret(now, now.n, await self._books.now(now), store)
            if found != now:
                await self._context.commit(Change(put=(stand(found),)))
        return found

    async def _is_unmade(self, space: Space) -> bool:
        return any(one.kind == CREATE for one in await self._desk.said(space.id))

    async def _opening_ms(self, group: Group, space: Space) -> int:
        """Return 0 if all of the book has opened; else ask for what opens it once that takes too long, and return in
        how many ms there is more to do. Whoever waits for a key gives none.
        """
        book = await self._books.now(space)
        if book.is_founded and not space.base and book.seq == space.logs[BOOK].cursor:
            return 0
        left_ms = self._telling.waited_ms((space.id, space.n, book.seq), PATIENCE_MS)
        return left_ms or await self._telling.ask_key(group, space)

    # Beginning

    async def _wanted(self, group: Group, ground: Ground) -> int:
        """Begin the group's space if somebody wants it and this device may; else ask."""
        mine = await notes.pins(group.id, self._context.store)
        if not mine and not ground.is_wanted:
            return HOUR_MS
        is_carer = self._context.me.member.person in group.administrators
        if not is_carer and not mine:
            return HOUR_MS
        again_ms = await self._telling.ask_key(group)
        patience_ms = (0 if _is_first(group) else PATIENCE_MS) + self._telling.device_rank() * STEP_MS
        left_ms = self._telling.waited_ms((group.id, "found"), patience_ms)
        if not is_carer or left_ms:
            return left_ms or again_ms
        await self._found(group, ground, None)
        return MINUTE_MS

    async def _begun(self, group: Group, ground: Ground, space: Space) -> int:
        """Wait for a space that this device begins; where the service refused its first items, begin another one."""
        if await self._desk.said(space.id):
            return HOUR_MS
        await self._found(group, ground, space)
        return MINUTE_MS

    async def _is_lost(self, group: Group, ground: Ground, space: Space) -> bool:
        """Whether nobody seems to have any more the secret that those who look after the group share, or the key for
        which the book waits; or all are shut out.
        """
        me, now_ms = self._context.me, self._groups.time_at(group)
        standing = (await self._books.now(space)).standing
        is_mute = standing.isdisjoint(await self._residents.steward_keys(space))
        is_stuck = await self._books.is_waiting(space)
        is_lacking = space.state != OPEN or space.n not in space.stewards or is_mute or is_stuck
        if me.member.person not in group.facilitators or not is_lacking:
            if ground.lacking:
                await self._context.commit(Change(put=(replace(ground, lacking="", lacking_ms=0).put(),)))
            return False
        if ground.lacking != f"{space.id}:{space.n}":
            noted = replace(ground, lacking=f"{space.id}:{space.n}", lacking_ms=now_ms)
            await self._context.commit(Change(put=(noted.put(),)))
            return False
        others = group.seats[1:] if is_stuck else [one for one in group.facilitators if one != me.member.person]
        is_alone = not others and not me.other_devices  # a key anybody may have, the secret only who looks after it
        if now_ms < ground.lacking_ms + (LOST_MS if is_alone else LONG_LOST_MS):
            return False
        return not self._telling.turn_left_ms(group, ("found", space.id, space.n), carers_only=True)

    async def _found(self, group: Group, ground: Ground, former: Space | None) -> None:
        """Begin a space for the group, in place of a former one that nobody can turn any more."""
        secret, key = random_bytes(32), random_bytes(32)
        space = Space(
            id=self._context.new_id(),
            kind=GROUP,
            service=group.service,
            keys=(key,),
            of=group.id,
            generation=1 if former is None else former.generation + 1,
            stewards={0: secret},
        )
        steward, box = steward_key(secret, space.octets)[1], group_box(key)[1]
        mine = (await self._residents.member_keys(space))[0]
        said = (first_content(space.octets, [steward]), group_content(group.id, is_on=True, box=box, links=[mine]))
        makes = [self._roll.saying(space, name, {}, kind=CREATE) for name in space.logs]
        items = [self._roll.saying(space, BOOK, content, by=steward) for content in said]
        at = max(1, group.cursor)
        me = self._context.me.member.person
        begun = Ground(group=group.id, came=at, came_by_me=at, is_wanted=True, vouchers=(me,))
        async with self._context.store.turn(SHARED):
            overlay = Overlay(self._context.store)
            if former is not None:
                await self._hearing.leave(former, overlay)
            put = (stand(space), *(wait(one) for one in (*makes, *items)), begun.put(), rows.secret_put(secret))
            await self._context.commit(overlay.change + Change(put=put))
        await self._groups.follow(space.service)


def _is_first(group: Group) -> bool:
    """Whether nobody can know of a space of which this device does not: I made the group, or am alone in it."""
    return len(group.seats) == 1 or not group.inviter
