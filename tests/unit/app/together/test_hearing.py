"""What a device makes of what is said and what happens in a group: whose word counts, and of what nothing is made."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from companion.app.spaces.desk import stand
from companion.app.together.circle_ground import CIRCLES_MOST, ENTERING, INVITED, OFFERED, CircleHearing, Visit
from companion.app.together.ground import GONE_MOST, Ground, Hearing
from companion.app.together.rows import MEMBERS_MOST, told_keys, told_members, told_secrets
from companion.crypto.primitives import sign
from companion.groups import MOVES
from companion.ports import Change, Put
from companion.space.cards import member_message
from companion.space.keys import BOOK, SHELF
from companion.space.place import CIRCLE, FORMER, GROUP, SHUT, Space
from companion.space.place import TABLE as SPACES
from companion.space.statements import ENTRY, KEY, STATEMENTS, STEWARDS, Entry, Statement, Way, said_doc
from tests.fake_store import FakeStore
from tests.unit.space.people import ANN, BEN, BOX
from tests.unit.space.people import GROUP as MINE

WAY = Way(first="f" * 64, reads={BOOK: 0, SHELF: 0})
HERE = Space(id="55" * 16, kind=GROUP, service="local", keys=(b"k" * 32,), of=MINE, first="f" * 64)
ROUND = replace(HERE, kind=CIRCLE, of="", through=(MINE,))
NEWEST = Statement(space=HERE.id, n=0, key=HERE.keys[0], stewards=b"s" * 32, way=WAY)
OF_CIRCLE = replace(NEWEST, stewards=b"", is_circle=True)
PAIR = "77" * 16
SMALLER, LARGER = "11" * 16, "99" * 16


class World:
    def __init__(self, *spaces, me="ann", carers=("ann",), is_pair=False, services=("local",)):
        self.store, self.seq, self.first = FakeStore([]), 0, spaces
        self.group = SimpleNamespace(
            id=PAIR if is_pair else MINE, is_pair=is_pair, service="local", administrators=carers, name="x"
        )
        context = SimpleNamespace(
            store=self.store,
            commit=self.store.commit,
            me=SimpleNamespace(member=SimpleNamespace(person=me)),
            clock=SimpleNamespace(now_ms=lambda: 0),
        )
        desk = SimpleNamespace(spaces=SimpleNamespace(all=self.spaces), of_kind=self.of_kind, said=self.nothing)
        self.hearing = Hearing(context, desk, SimpleNamespace(member_keys=self.nothing))
        self.circles = CircleHearing(context, desk, lambda: self.services(services))

    async def services(self, names):
        return list(names)

    async def nothing(self, *_):
        return ()

    async def spaces(self):
        return [Space.from_doc(doc) for doc in await self.store.all(SPACES)]

    async def of_kind(self, kind, of):
        return next(
            (one for one in await self.spaces() if (one.kind, one.of) == (kind, of) and one.state != FORMER), None
        )

    async def _before(self):
        await self.store.commit(Change(put=tuple(stand(one) for one in self.first)))
        self.first = ()

    async def said(self, statement, by="ann", *, is_carer=False):
        await self._before()
        self.seq += 1
        doc = said_doc(self.group.id, self.seq, by, statement.to_content(), is_carer=is_carer)
        await self.store.commit(Change(put=(Put(STATEMENTS, doc),)))
        return await self.hear()

    async def moved(self, **doc):
        await self._before()
        self.seq += 1
        doc = {"came": False, "gone": False, "went": [], "is_mine": False, **doc}
        doc |= {"_id": f"{self.group.id}:{self.seq}", "_v": 1, "group": self.group.id, "seq": self.seq}
        await self.store.commit(Change(put=(Put(MOVES, doc),)))
        return (await self.hear()).ground

    async def hear(self):
        self.news = await self.circles.hear(self.group)
        return await self.hearing.hear(self.group)

    async def circle(self):
        return next((one for one in await self.spaces() if one.kind == CIRCLE), None)


@pytest.mark.parametrize("said", [NEWEST, OF_CIRCLE])
async def test_what_was_taken_to_heart_is_heard_once(said):
    world = World()
    await world.said(said, "ben")
    await world.moved(came=True)
    assert (await world.store.all(STATEMENTS), await world.store.all(MOVES)) == ((), ())


# Which space is the group's


async def test_the_only_space_that_is_told_of_is_the_group_s_whoever_tells_of_it():
    heard = await World().said(NEWEST, "ben")
    assert (heard.space.id, heard.has_key, heard.ground.vouchers) == (HERE.id, True, ())


@pytest.mark.parametrize("is_carer", [True, False])
async def test_who_does_not_look_after_the_group_puts_no_other_space_in_place_of_one(is_carer):
    world = World(HERE)
    heard = await world.said(replace(NEWEST, space=SMALLER, generation=9), "ben", is_carer=is_carer)
    assert heard.space.id == (SMALLER if is_carer else HERE.id)
    states = {one.id: one.state for one in await world.spaces()}
    assert (states[HERE.id] == FORMER) is is_carer


@pytest.mark.parametrize(
    ("generation", "id", "is_taken"), [(2, LARGER, True), (1, SMALLER, True), (1, LARGER, False), (0, SMALLER, False)]
)
async def test_of_two_spaces_of_those_who_look_after_the_group_the_later_one_counts_then_the_smaller_id(
    generation, id, is_taken
):
    world = World(HERE)
    assert (await world.said(NEWEST, is_carer=True)).ground.vouchers == ("ann",)
    heard = await world.said(replace(NEWEST, space=id, generation=generation), is_carer=True)
    assert (heard.space.id == id) is is_taken


async def test_who_vouched_and_looks_after_the_group_no_more_vouches_for_nothing():
    world = World(HERE, carers=("ben",))
    await world.said(NEWEST, is_carer=True)
    heard = await world.said(replace(NEWEST, space=LARGER), "ben", is_carer=True)
    assert (heard.space.id, heard.ground.vouchers) == (LARGER, ("ben",))
    assert await told_secrets(world.store) == ()


async def test_a_space_that_is_vouched_for_gives_way_to_none_of_somebody_who_does_not_look_after_the_group():
    world = World(HERE)
    await world.said(NEWEST, is_carer=True)
    assert (await world.said(replace(NEWEST, space=SMALLER, generation=9), "ben")).space.id == HERE.id


@pytest.mark.parametrize("me", ["ann", "ben"])
async def test_a_carer_who_tells_of_another_space_is_told_of_this_one_by_those_who_look_after_the_group(me):
    world = World(HERE, me=me)
    await world.said(NEWEST, is_carer=True)
    heard = await world.said(replace(NEWEST, space=LARGER), is_carer=True)
    assert heard.ground.came == (2 if me == "ann" else 0)
    assert (await world.said(replace(NEWEST, space=LARGER), "ben")).ground.came == (2 if me == "ann" else 0)


@pytest.mark.parametrize(("n", "is_opened"), [(0, True), (1, True)])
async def test_a_space_that_was_shut_here_is_read_anew_by_a_key_that_is_no_older(n, is_opened):
    world = World(replace(HERE, state=SHUT))
    await world.store.commit(Change(put=(Put("book_items", {"_id": f"{HERE.id}:1", "space": HERE.id}),)))
    heard = await world.said(replace(NEWEST, n=n, key=b"l" * 32), "ben")
    assert (heard.space.state != SHUT, heard.space.base) == (is_opened, n)


async def test_a_space_that_is_open_and_read_is_not_read_anew_by_what_anybody_tells():
    world = World(HERE)
    await world.store.commit(Change(put=(Put("book_items", {"_id": f"{HERE.id}:1", "space": HERE.id}),)))
    assert (await world.said(replace(NEWEST, n=5, key=b"l" * 32), "ben")).space == HERE


async def test_an_older_key_is_not_kept():
    world = World(replace(HERE, keys=(b"k" * 32, b"l" * 32)))
    await world.said(replace(NEWEST, way=None), "ben")
    assert await told_keys(HERE.id, world.store) == ()
    await world.said(replace(NEWEST, way=None, n=1), "ben")
    assert [one.n for one in await told_keys(HERE.id, world.store)] == [1]


@pytest.mark.parametrize(
    ("other", "is_given"),
    [({}, True), ({"way": None}, False), ({"key": b"x" * 32, "way": None}, False), ({"n": 1, "way": None}, False)],
)
async def test_the_newest_key_is_given_by_whoever_tells_it_with_the_way_in(other, is_given):
    assert (await World(HERE).said(replace(NEWEST, **other), "ben")).ground.given == int(is_given)


# Secrets and member keys


@pytest.mark.parametrize("is_carer", [True, False])
async def test_a_secret_counts_from_those_alone_who_look_after_the_group(is_carer):
    world = World(HERE)
    heard = await world.said(Statement(space=HERE.id, secret=b"s" * 32), "ben", is_carer=is_carer)
    assert await told_secrets(world.store) == ((b"s" * 32,) if is_carer else ())
    assert heard.ground.told == int(is_carer)


async def test_what_somebody_asks_for_is_noted_where_they_asked():
    world = World(HERE)
    ground = (await world.said(Statement(space=HERE.id, asks=STEWARDS), "ben")).ground
    assert (ground.asked, ground.came, ground.is_wanted) == (1, 0, False)
    ground = (await world.said(Statement(asks=KEY), "ben")).ground
    assert (ground.asked, ground.came, ground.is_wanted) == (1, 2, True)


def member(who, person, space=HERE.id, signer=None, is_circle=False):
    proof = sign((signer or who).private, member_message(bytes.fromhex(space), who.key, person))
    return Statement(space=space, member=who.key, proof=proof, is_circle=is_circle)


@pytest.mark.parametrize(
    ("said", "is_known"),
    [
        (member(ANN, "ann"), True),
        (member(ANN, "ben"), False),
        (member(ANN, "ann", signer=BEN), False),
        (member(ANN, "ann", space=LARGER), False),
    ],
)
async def test_a_member_key_is_of_whoever_signs_with_it_in_this_space(said, is_known):
    world = World(HERE)
    await world.said(said)
    assert [one.member for one in await told_members(said.space, MINE, world.store)] == [ANN.key] * is_known


async def test_of_one_person_only_so_many_member_keys_are_kept_and_those_can_be_said_again():
    world, people = World(HERE), [type(ANN)() for _ in range(MEMBERS_MOST + 1)]
    for one in people:
        await world.said(member(one, "ann"))
    known = [one.member for one in await told_members(HERE.id, MINE, world.store)]
    assert known == [one.key for one in people[:MEMBERS_MOST]]
    await world.said(member(people[0], "ann"))
    assert (await told_members(HERE.id, MINE, world.store))[-1].member == people[0].key
    await world.said(member(BEN, "ben"), "ben")
    assert (await told_members(HERE.id, MINE, world.store))[-1].person == "ben"


# Who came and went


async def test_where_somebody_came_or_went_is_noted_and_whether_this_device_let_them_in():
    world = World(HERE)
    assert await world.moved(came=True) == Ground(group=MINE, came=1)
    assert await world.moved(came=True, is_mine=True) == Ground(group=MINE, came=2, came_by_me=2)
    assert await world.moved(came=True) == Ground(group=MINE, came=3, came_by_me=2)
    ground = await world.moved(gone=True, went=["Ben", "Cat"])
    assert (ground.parted, ground.came, ground.gone) == (4, 3, ("Ben", "Cat"))
    assert (await world.moved(gone=True, went=["Ben", "Dee"])).gone == ("Ben", "Cat", "Dee")


async def test_of_many_who_are_out_the_last_are_named():
    names = [f"P {n}" for n in range(GONE_MOST + 1)]
    assert (await World(HERE).moved(gone=True, went=names)).gone == tuple(names[1:])


# Circles


async def test_a_circle_is_taken_up_by_a_group_of_mine():
    world = World()
    await world.said(OF_CIRCLE, "ben")
    circle = await world.circle()
    assert (circle.id, circle.through, circle.service, world.news) == (HERE.id, (MINE,), "local", {HERE.id})


@pytest.mark.parametrize(
    "said",
    [
        replace(OF_CIRCLE, way=None),
        replace(OF_CIRCLE, way=replace(WAY, service="https://elsewhere.example")),
        Statement(space=HERE.id, asks=KEY, is_circle=True),
    ],
)
async def test_a_circle_without_a_way_in_or_at_a_service_that_nobody_uses_here_is_not_taken_up(said):
    world = World()
    await world.said(said, "ben")
    assert (await world.circle(), world.news) == (None, frozenset())


async def test_one_group_brings_only_so_many_circles():
    circles = [replace(ROUND, id=f"{n:032x}") for n in range(CIRCLES_MOST)]
    world = World(*circles)
    await world.said(OF_CIRCLE, "ben")
    assert HERE.id not in {one.id for one in await world.spaces()}
    world = World(*circles[1:])
    await world.said(OF_CIRCLE, "ben")
    assert HERE.id in {one.id for one in await world.spaces()}


async def test_nothing_that_is_said_of_a_circle_touches_a_group_s_own_space():
    world = World(HERE)
    await world.said(replace(OF_CIRCLE, n=3, key=b"x" * 32), "ben")
    assert (await world.spaces(), world.news) == ([HERE], frozenset())
    assert await told_keys(HERE.id, world.store) == ()


async def test_a_second_group_of_mine_in_a_circle_is_noted_beside_the_first():
    world = World(replace(ROUND, through=("00" * 16,)))
    await world.said(OF_CIRCLE, "ben")
    assert (await world.circle()).through == ("00" * 16, MINE)
    await world.said(OF_CIRCLE, "ben")
    assert (await world.circle()).through == ("00" * 16, MINE)


async def test_what_a_group_was_given_and_asks_for_in_a_circle_is_noted():
    world = World(ROUND)
    await world.said(OF_CIRCLE, "ben")
    await world.said(Statement(space=HERE.id, asks=KEY, is_circle=True), "ben")
    await world.said(replace(OF_CIRCLE, way=None, n=1), "ben")
    ground = await world.circles.ground(HERE.id, MINE)
    assert (ground.given, ground.asked) == (1, 2)


async def test_an_older_key_of_a_circle_is_nothing_and_who_asks_of_an_unknown_one_is_not_noted():
    world = World(replace(ROUND, keys=(b"k" * 32, b"l" * 32)))
    await world.said(replace(OF_CIRCLE, way=None), "ben")
    assert (await told_keys(HERE.id, world.store), world.news) == ((), frozenset())
    await world.said(Statement(space=LARGER, asks=KEY, is_circle=True), "ben")
    assert (await world.circles.ground(LARGER, MINE)).asked == 0


async def test_a_circle_that_was_shut_here_is_not_opened_by_a_key_without_a_way_in():
    world = World(replace(ROUND, state=SHUT))
    await world.store.commit(Change(put=(Put("book_items", {"_id": f"{HERE.id}:1", "space": HERE.id}),)))
    await world.said(replace(OF_CIRCLE, n=1, key=b"l" * 32, way=None), "ben")
    assert (await world.circle()).state == SHUT
    await world.said(replace(OF_CIRCLE, n=1, key=b"l" * 32), "ben")
    assert ((await world.circle()).state, (await world.circle()).through) == ("open", (MINE,))


async def test_a_member_key_in_a_circle_is_known_by_the_group_where_it_was_said_and_in_no_pair():
    for world, count in ((World(ROUND), 1), (World(ROUND, is_pair=True), 0), (World(), 0)):
        await world.said(member(BEN, "ben", is_circle=True), "ben")
        assert len(await told_members(HERE.id, world.group.id, world.store)) == count


# In a pair


def visit(state, entry=None):
    return Visit(space=HERE.id, pair=PAIR, person="ben", state=state, entry=entry)


BROUGHT = Entry(group=MINE, box=BOX, links=(ANN.key,))


@pytest.mark.parametrize(
    ("known", "is_taken"),
    [
        (None, False),
        (visit(INVITED), False),
        (visit(OFFERED, BROUGHT), False),
        (visit(ENTERING), False),
        (visit(ENTERING, BROUGHT), True),
    ],
)
async def test_in_a_pair_a_circle_is_taken_up_only_by_a_group_that_i_have_offered(known, is_taken):
    world = World(is_pair=True)
    if known is not None:
        await world.store.commit(Change(put=(known.put(),)))
    await world.said(OF_CIRCLE, "ben")
    circle = await world.circle()
    assert (None if circle is None else circle.through) == ((MINE,) if is_taken else None)
    assert (await world.circles.visits() == ()) is (is_taken or known is None)


@pytest.mark.parametrize("by", ["ann", "ben"])
async def test_only_the_other_one_of_a_pair_invites_me(by):
    world = World(is_pair=True)
    await world.said(Statement(space=HERE.id, asks=ENTRY, is_circle=True), by)
    assert [one.state for one in await world.circles.visits()] == [INVITED] * (by == "ben")


async def test_in_a_group_nobody_is_invited():
    world = World()
    await world.said(Statement(space=HERE.id, asks=ENTRY, is_circle=True), "ben")
    assert await world.circles.visits() == ()


@pytest.mark.parametrize("state", [INVITED, OFFERED, ENTERING])
async def test_an_invitation_takes_nothing_from_what_is_on_its_way(state):
    world = World(is_pair=True)
    await world.store.commit(Change(put=(visit(state, BROUGHT).put(),)))
    await world.said(Statement(space=HERE.id, asks=ENTRY, is_circle=True), "ben")
    assert await world.circles.visits() == (visit(state, BROUGHT),)


@pytest.mark.parametrize("state", [INVITED, OFFERED, ENTERING])
async def test_a_group_is_offered_only_where_i_have_invited(state):
    world, other = World(is_pair=True), replace(BROUGHT, links=(BEN.key,))
    await world.store.commit(Change(put=(visit(state).put(),)))
    await world.said(Statement(space=HERE.id, entry=other, is_circle=True), "ben")
    (known,) = await world.circles.visits()
    assert known.entry == (other if state == OFFERED else None)
