"""People in several groups of one circle at a real relay: what can happen to them, and when all of it is at rest."""

import asyncio
import contextlib
import os
import random
import time

from companion.app.spaces.desk import wait
from companion.app.together.circle_keeping import is_owed
from companion.crypto.primitives import signing_keypair
from companion.devices import device_id
from companion.errors import RelayRefused, StoreError, SyncError
from companion.ports import Change, Limits
from companion.space.keys import BOOK, SHELF
from companion.space.place import CIRCLE
from companion.space.saying import ITEM, Saying
from services.clock import SystemClock
from services.sync.client import RelayClient
from tests.integration.peers import Peer, let_in, link
from tests.integration.people import until

PEOPLE, GROUPS, DEVICES = (
    int(os.environ.get(f"CIRCLE_{name}", default))
    for name, default in (("PEOPLE", "6"), ("GROUPS", "2"), ("DEVICES", "8"))
)
PATIENCE_S = 30 + 3 * DEVICES
OUT = (None, "left", "removed", "declined")


class Hurry(SystemClock):
    """A stopwatch on which who waits for others waits a thirtieth of the time."""

    def monotonic_ms(self) -> int:
        return int(time.monotonic() * 30_000)


class World:
    """The first person looks after the first group, whose circle it is; the others each look after one."""

    def __init__(self, seed, url):
        self.random = random.Random(seed)
        self.url, self.clock = url, Hurry()
        self.people, self.groups, self.carers = [], [], []
        self.circle, self.said, self.why = "", 0, ""

    @property
    def devices(self):
        return [device for devices in self.people for device in devices]

    @property
    def on(self):
        return [device for device in self.devices if device.is_on and device.vault.store.is_open]

    async def work(self):
        """Let everybody do what is due, and everything that goes on by itself."""
        for device in self.on:
            with contextlib.suppress(StoreError, SyncError):
                await device.opened.together.keeping.run()
        await asyncio.sleep(0.01)

    async def until(self, condition, what):
        end = time.monotonic() + PATIENCE_S
        while not await condition():
            assert time.monotonic() < end, (what, self.why)
            await self.work()

    # Beginning

    async def assemble(self):
        for number in range(PEOPLE):
            self.people.append([await Peer(name=f"Person {number}", service=self.url, clock=self.clock).begin()])
        for number in range(DEVICES - PEOPLE):
            self.people[number].append(await link(self.people[number][0], f"Tablet {number}", until))
        for number in range(GROUPS):
            carer = self.people[number][0]
            self.carers.append(carer)
            self.groups.append((await carer.opened.groups.create(f"Group {number}", "pine")).id)
        first = self.carers[0]
        for number in range(1, GROUPS):
            await self.join(first, number)
        for number in range(PEOPLE - GROUPS):
            await self.join(self.people[GROUPS + number][0], number % GROUPS)
        await self.begin()

    async def join(self, device, number):
        """Let somebody into a group by whoever looks after it, and wait until all their devices are in."""
        group, host = self.groups[number], self.carers[number]
        for _ in range(200):
            try:
                await let_in(host, device, group)
                break
            except SyncError:
                await asyncio.sleep(0.02)
        mine = next(devices for devices in self.people if device in devices)

        async def is_in():
            return all([await one.state(group) == "member" for one in mine if one.is_on])

        await self.until(is_in, "somebody does not come in")

    async def begin(self):
        first = self.carers[0]
        for number, carer in enumerate(self.carers):
            await carer.opened.shelves.write(self.groups[number], "Read this first", "x")

        async def have_spaces():
            own = [await c.opened.together.space(g) for c, g in zip(self.carers, self.groups, strict=True)]
            return all(space is not None and space.first for space in own)

        await self.until(have_spaces, "a group gets no space")
        self.circle = await first.opened.together.circles.found(self.groups[0])
        await self.without_limits(first)
        for number in range(1, GROUPS):
            await self.bring(first, self.carers[number], number)
        await self.settle()

    async def without_limits(self, steward):
        """A device says more here on its first day than the service lets it."""

        async def is_made():
            space = await known_of(steward, self.circle)
            return bool(space.first) and not await desk_of(steward).said(space.id)

        await self.until(is_made, "a circle is not made")
        space, relay = await known_of(steward, self.circle), await steward.network.relay(self.url)
        for name in (BOOK, SHELF):
            keeper = await desk_of(steward).residents[space.kind].keeper(space, name, space.logs[name].reads)
            none = Limits(events=0, bytes=0, first=0)
            await relay.set_limits(space.log_id(name).hex(), space.capability(name), keeper, none)

    async def bring(self, steward, carer, number):
        circles, theirs = steward.opened.together.circles, carer.opened.together.circles
        pair = await steward.opened.pairs.open(carer.person)

        async def is_asked():
            return any(one.request.person == steward.person for one in await carer.opened.pairs.wanted())

        await self.until(is_asked, "a request does not come")
        await carer.opened.pairs.accept(steward.person)

        async def is_open():
            return not (await steward.opened.groups.group(pair.id)).awaits_peer

        await self.until(is_open, "a line does not open")
        await circles.invite(self.circle, pair.id)

        async def is_invited():
            return bool(await theirs.invited()) and await carer.state(pair.id) == "member"

        await self.until(is_invited, "an invitation does not come")
        await theirs.bring(self.circle, pair.id, self.groups[number])

        async def is_offered():
            return bool(await circles.offered())

        await self.until(is_offered, "a group is not offered")
        (visit,) = await circles.offered()
        await circles.let_in(visit)

        async def knows():
            return any(space.id == self.circle for space in await theirs.circles())

        await self.until(knows, "nobody tells the way in")

    # What can happen

    async def step(self):
        often = [self.write, self.say, self.come]
        await self.random.choice([*often, *often, self.off, self.back, self.remove, self.leave, self.cut])()

    async def members(self, number):
        return [device for device in self.on if await device.state(self.groups[number]) == "member"]

    async def write(self):
        number = self.random.randrange(GROUPS)
        members = await self.members(number)
        if members:
            self.said += 1
            await self.random.choice(members).opened.shelves.write(self.groups[number], f"Note {self.said}", "x")

    async def say(self):
        """Say something in the circle, as the community's places will."""
        if not self.on:
            return
        device = self.random.choice(self.on)
        space = await known_of(device, self.circle)
        if space is not None and space.state == "open" and await self.is_on_roll(device, space):
            self.said += 1
            await self.tell(device, space, f"word {self.said}")

    async def is_on_roll(self, device, space):
        book, mine = (
            await device.opened.together.book(space),
            await desk_of(device).residents[CIRCLE].member_keys(space),
        )
        return book.belongs(mine[0], book.seq)

    async def tell(self, device, space, text):
        id = device.opened._context.new_id()
        said = Saying(id=id, space=space.id, log=SHELF, kind=ITEM, content={"kind": "x", "text": text})
        await device.opened._context.commit(Change(put=(wait(said),)))
        await device.opened.groups.follow(space.service)

    async def come(self):
        number = self.random.randrange(GROUPS)
        guests = [one[0] for one in self.people[GROUPS:] if all(device in self.on for device in one)]
        guests = [one for one in guests if await one.state(self.groups[number]) in OUT]
        if guests and self.carers[number] in self.on:
            await let_in(self.carers[number], self.random.choice(guests), self.groups[number])

    async def off(self):
        for device in self.random.sample(self.on, min(1, len(self.on))):
            await device.off()

    async def back(self):
        for device in self.devices:
            if device not in self.on:
                await device.end()
                await device.on()
                return

    async def cut(self):
        for device in self.random.sample(self.on, min(1, len(self.on))):
            await device.cut(self.random.randrange(6))

    async def remove(self):
        number = self.random.randrange(GROUPS)
        carer = self.carers[number]
        known = await carer.opened.groups.group(self.groups[number]) if carer in self.on else None
        firsts = {one.person for one in self.carers if one in self.on}
        others = [s.member.person for s in known.seats if s.member.person not in firsts] if known else []
        if others and len(firsts) == GROUPS:
            await carer.opened.groups.remove_member(self.groups[number], self.random.choice(others))

    async def leave(self):
        number = self.random.randrange(GROUPS)
        leavers = [d for d in await self.members(number) if all(d not in one for one in self.people[:GROUPS])]
        if leavers:
            await self.random.choice(leavers).opened.groups.leave(self.groups[number])

    # At rest

    async def settle(self):
        await self.until(self.is_quiet, "it does not come to rest")

    async def is_quiet(self):
        self.why = await self._unrest()
        return not self.why

    async def _unrest(self):
        """Return what is not at rest yet, empty if everything is."""
        for number, group in enumerate(self.groups):
            if why := await self._unrest_in(self.carers[number], group):
                return f"group {number}: {why}"
        steward = self.carers[0]
        circle = await known_of(steward, self.circle)
        return await self._differs(circle, [d for d in self.devices if await self.belongs(d)], steward)

    async def _unrest_in(self, carer, group):
        known = await carer.opened.groups.group(group)
        inside = {seat.member.person for seat in known.seats}
        members = []
        for device in self.devices:
            there = await device.opened.groups.group(group)
            state = None if there is None else there.state
            if (state == "member") != (device.person in inside) or state in ("joining", "leaving", "rejoining"):
                return f"{device.name} is {state}"
            if state == "member":
                members.append(device)
                waiting = await device.opened.groups.tools.outbox.of_group(group)
                if waiting or (there.epoch, there.cursor) != (known.epoch, known.cursor):
                    return f"{device.name} has {len(waiting)} to send in epoch {there.epoch} of {known.epoch}"
        return await self._differs(await carer.opened.together.space(group), members, carer)

    async def _differs(self, space, members, first):
        """Return how somebody differs: all have read the same, nothing waits, all are on the roll, nothing is owed."""
        if space is None:
            return "no space"
        reference = await first.opened.together.book(space)
        for device in members:
            known = await known_of(device, space.id)
            if known is None or known.base or cursors(known) != cursors(space):
                return f"{device.name} has read {known and (known.base, cursors(known))} of {cursors(space)}"
            if await has_to_say(device, known) or (known.n, known.logs[SHELF].n) != (space.n, space.n):
                said = [(one.log, one.kind, one.content) for one in await desk_of(device).said(space.id)]
                return f"{device.name} has to say {said} at {known.n} of {space.n}"
            mine = (await desk_of(device).residents[known.kind].member_keys(known))[0]
            if not reference.belongs(mine, reference.seq):
                return f"{device.name} is not on the roll"
        people = {device.person for device in members}
        if len(reference.everybody(reference.seq)) != len(people):
            return f"{len(reference.everybody(reference.seq))} on the roll, {len(people)} there"
        return "a turn is owed" if await owes(first, space, reference) else ""

    async def belongs(self, device):
        return any([await device.state(group) == "member" for group in self.groups])

    # What has to hold

    async def check(self):
        steward = self.carers[0]
        circle = await known_of(steward, self.circle)
        canary = f"said after all turns {self.said}"
        await self.tell(steward, circle, canary)
        for number, group in enumerate(self.groups):
            await self.carers[number].opened.shelves.write(group, f"Last {self.said}", canary)
        await self.settle()
        circle = await known_of(steward, self.circle)
        for device in self.devices:
            for number, group in enumerate(self.groups):
                is_in = await device.state(group) == "member"
                space = await self.carers[number].opened.together.space(group)
                await self._check_one(device, space, canary, is_in=is_in)
                if is_in:
                    theirs = [n.title for n in (await device.opened.shelves.shelf(group)).notes]
                    known = [n.title for n in (await self.carers[number].opened.shelves.shelf(group)).notes]
                    assert theirs == known
            await self._check_one(device, circle, canary, is_in=await self.belongs(device))

    async def _check_one(self, device, space, canary, *, is_in):
        docs = [d for d in await device.opened._context.store.all("shelf_items") if d["space"] == space.id]
        opened = any(canary in str(doc["content"]) for doc in docs)
        known = await known_of(device, space.id)
        assert opened is is_in, (device.name, space.kind)
        if is_in:
            assert (known.base, len(known.keys)) == (0, len(space.keys))
            assert not known.is_forked
            return
        assert known is None or space.keys[-1] not in known.keys
        if known is not None:
            await self._cannot_fetch(known, space)

    async def _cannot_fetch(self, known, space):
        """The service gives nothing of what came after the turn to whoever has a former key alone."""
        private, public = signing_keypair()
        stranger = RelayClient(self.url, device_id(public), private)
        opens = known.capability(SHELF, known.n)
        given = []
        with contextlib.suppress(RelayRefused):
            given = [
                e.seq for e in await stranger.events(space.log_id(SHELF).hex(), opens, space.logs[SHELF].cursor - 1)
            ]
        assert not given, (known.n, known.state, known.logs, space.n, space.logs)
        await stranger.close()


def desk_of(device):
    return device.opened.together._desk


async def known_of(device, space):
    return await desk_of(device).spaces.get(space)


async def has_to_say(device, space):
    pins = [one for one in await device.opened._context.store.all("pins") if one["group"] == space.of]
    return bool(pins or await desk_of(device).said(space.id))


async def owes(device, space, book):
    keeping = device.opened.together.keeping
    if not space.of:
        return is_owed(book)
    return await keeping._turning.is_owed(space, await keeping._hearing.ground(space.of))


def cursors(space):
    return [space.logs[name].cursor for name in (BOOK, SHELF)]
