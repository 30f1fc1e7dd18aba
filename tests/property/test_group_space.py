"""Random days of a group and its shelf: people come and go, look after it, write, are away, and lose their power.

Whatever happens, once all who are in have met they see the same shelf, nobody's standing note is lost, and who is out
opens nothing that is written after the turn.

The long run, with days that nobody has seen yet: `GROUP_EXAMPLES=1000 uv run pytest -q --timeout=0
tests/property/test_group_space.py`.
"""

import asyncio
import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from companion.groups import MEMBER
from companion.times import DAY_MS
from tests.fakes import PASSPHRASE, deliver
from tests.unit.app.own.test_cut import Power, new_desk
from tests.unit.app.together.conftest import core, let_in, person, settle, shelf, space, titles

LONG = os.environ.get("GROUP_EXAMPLES")
EXAMPLES = int(LONG or "8")
PEOPLE = st.integers(0, 3)
KINDS = (
    *("write", "write", "write", "change", "down", "join", "join", "leave", "remove", "remove", "promote", "promote"),
    *("demote", "settle", "settle", "settle", "some", "some", "alone", "restart", "cut", "cut"),
)
STEPS = st.tuples(st.sampled_from(KINDS), PEOPLE, PEOPLE)


class World:
    """`notes`: the title of each note that stands as its author left it, by its id, with the author's number."""

    def __init__(self, desks, group):
        self.desks, self.group = desks, group
        self.powers = {desk: Power(desk, None) for desk in desks}
        self.notes = {}
        self.number = 0

    async def state(self, desk):
        return await core(desk).groups.group(self.group)

    async def is_in(self, desk):
        group = await self.state(desk)
        return group is not None and group.state == MEMBER

    async def members(self):
        return [desk for desk in self.desks if await self.is_in(desk)]

    async def carers(self):
        found = []
        for desk in await self.members():
            if person(desk) in (await self.state(desk)).facilitators:
                found.append(desk)
        return found

    async def meet(self, *desks, rounds=2):
        for _ in range(rounds):
            for desk in desks:
                desk.clock.move(20_000)
                await self.powers[desk].through(self._work, desk)

    async def _work(self, desk):
        await core(desk).together.keeping.run()
        await desk.network.exchange()

    async def calm(self):
        for desk in self.desks:
            desk.vault.store.commits_left = None

    async def step(self, what, first, second):
        desk, other = self.desks[first], self.desks[second]
        if what == "settle":
            await self.meet(*await self.members(), rounds=6)
        elif what == "some":
            await self.meet(desk, other)
        elif what == "alone":
            await self.meet(desk, rounds=3)
        elif what == "restart":
            desk.vault.store.commits_left = None
            await desk.companion.lock(hands_over=False)
            await desk.companion.unlock(passphrase=PASSPHRASE)
        elif what == "cut":
            desk.vault.store.commits_left = 3 * second
        elif what in ("write", "change", "down"):
            if await self.is_in(desk):
                await self.powers[desk].through(self.on_shelf, what, desk)
        else:
            await self.moved(what, first, second)

    async def moved(self, what, first, second):
        """Somebody comes, goes, or comes to look after the group."""
        await self.calm()
        await deliver(*self.desks, rounds=2)
        members, carers = await self.members(), await self.carers()
        out = [desk for desk in self.desks if desk not in members]
        desk = carers[first % len(carers)]
        others = [one for one in members if one is not desk]
        if what == "join" and out:
            await let_in(members[first % len(members)], out[second % len(out)], self.group, *members)
        elif what == "leave" and others and len(carers) > 1:
            await core(desk).groups.leave(self.group)
        elif what == "leave" and others:
            await core(others[second % len(others)]).groups.leave(self.group)
        elif others:
            await self.as_carer(what, desk, others[second % len(others)])
        await deliver(*self.desks, rounds=2)

    async def as_carer(self, what, desk, other):
        looking = set((await self.state(desk)).facilitators)
        if what == "remove":
            await core(desk).groups.remove_member(self.group, person(other))
        elif what == "promote":
            await core(desk).groups.set_administrators(self.group, tuple(looking | {person(other)}))
        elif what == "demote" and person(other) in looking:
            await core(desk).groups.set_administrators(self.group, tuple(looking - {person(other)}))

    async def on_shelf(self, what, desk):
        mine = {id: by for id, by in self.notes.items() if by[0] is desk}
        self.number += 1
        title = f"n{self.number}"
        if what == "write":
            self.notes[await core(desk).shelves.write(self.group, title, "x")] = (desk, title)
            return
        there = [note for note in (await shelf(desk, self.group)).notes if note.id in mine and note.is_mine]
        if what == "change" and there:
            await core(desk).shelves.write(self.group, title, "y", note=there[0].id)
            self.notes[there[0].id] = (desk, title)
        elif what == "down" and there:
            await core(desk).shelves.take_down(self.group, there[-1].id, there[-1].author)
            del self.notes[there[-1].id]


async def live(steps):
    alice = await new_desk("Alice Fern")
    desks = [alice, *[await new_desk(name, alice.relay) for name in ("Bob Reed", "Carol Moss", "Dan Holt")]]
    group = (await core(alice).groups.create("First-year leads", "pine")).id
    await deliver(alice)
    for guest in desks[1:3]:
        await let_in(alice, guest, group, *desks[1:3])
    world = World(desks, group)
    world.notes[await core(alice).shelves.write(group, "First", "x")] = (alice, "First")
    await settle(*desks[:3], rounds=6)
    for step in steps:
        await world.step(*step)
    await world.calm()
    await deliver(*desks)
    members = await world.members()
    await settle(*members, rounds=20)
    alice.clock.move(8 * DAY_MS)  # whoever lacks the secret of those who are gone has begun another space by then
    await settle(*members, rounds=20)
    carers = await world.carers()
    expected = {title for desk, title in world.notes.values() if desk in members}
    for desk in members:
        assert await titles(desk, group) == await titles(members[0], group), desk.name
        assert expected <= set(await titles(desk, group)), (desk.name, steps)
    if not carers or await space(carers[0], group) is None:
        return
    await core(carers[0]).shelves.write(group, "After", "x")
    await settle(*members, rounds=6)
    await settle(*desks, rounds=3)
    newest = (await space(carers[0], group)).keys[-1]
    for desk in desks:
        assert ("After" in await titles(desk, group)) == (desk in members), ("after", desk.name)
        assert (newest in await keys_of(desk, group)) == (desk in members), ("key", desk.name)


async def keys_of(desk, group):
    """Return every key of the group's spaces that a device was ever given, a changed app may keep."""
    there, store = await space(desk, group), core(desk)._context.store
    told = [bytes.fromhex(doc["key"]) for doc in await store.all("space_keys")]
    return {*told, *(() if there is None else there.keys)}


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=LONG is None,  # the same days each time; other ones are for the long run
)
@given(st.lists(STEPS, min_size=20, max_size=35))
def test_all_who_are_in_come_to_the_same_shelf_and_who_is_out_reads_nothing_new(steps):
    asyncio.run(live(steps))
