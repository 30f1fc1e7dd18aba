"""Who turns a circle, when, and who brings a box: decided by the book, without a service."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from companion.app.together.circle_ground import INVITED, OFFERED, Visit
from companion.app.together.circle_keeping import CircleKeeping
from companion.app.together.ground import Ground
from companion.app.together.roll import Roll
from companion.crypto.primitives import dh_keypair
from companion.space.book import box_content, group_content, roll_content, with_turn
from companion.space.keys import BOOK, group_box, member_key
from companion.space.saying import TABLE, TURN, Saying
from companion.space.turns import is_next, open_turn
from tests.unit.app.together.test_hearing import BROUGHT, PAIR
from tests.unit.app.together.test_residents import (
    FOREIGN,
    FORMER,
    MINE,
    MY_SECRET,
    OF_CIRCLE,
    OWN,
    OWN_KEYS,
    first_item,
    world,
)
from tests.unit.space.people import ANN, BEN, BOX, CAT, DEE, OTHER_GROUP, SPACE, Somebody, with_group

GROUP = SimpleNamespace(id=MINE)
CIRCLE = replace(OF_CIRCLE, keys=OF_CIRCLE.keys[:1])


class Me(Somebody):
    def __init__(self, secret):
        self.private, self.key = member_key(secret, SPACE)


ME, ONCE_ME = Me(MY_SECRET), Me(FORMER)


class Keeping:
    """The keeping of one circle by one device; `left_ms` is how long others come before it."""

    def __init__(self, *, left_ms=0, is_owed=False, is_waiting=False, spaces=(OWN, FOREIGN)):
        self.store, _, residents = world(spaces=spaces)
        context = SimpleNamespace(store=self.store, commit=self.store.commit, new_id=lambda: "1d" * 16)
        desk = residents._desk
        desk.of_kind = self.own
        self.is_owed, self.is_waiting, self.left_ms = is_owed, is_waiting, left_ms
        telling = SimpleNamespace(turn_left_ms=lambda *_, **__: self.left_ms)
        groups = SimpleNamespace(follow=self.nothing)
        roll = Roll(context, desk, groups, None, None, None, residents, telling)
        turning = SimpleNamespace(is_owed=self.answer)
        held = SimpleNamespace(is_waiting=self.waits)
        self.keeping = CircleKeeping(context, desk, groups, held, residents, None, telling, roll, turning)
        self.spaces = spaces

    async def own(self, kind, of):
        return next((one for one in self.spaces if one.of == of), None)

    async def answer(self, space, ground):
        return self.is_owed

    async def waits(self, space):
        return self.is_waiting

    async def nothing(self, *_):
        return None

    async def said(self):
        return [Saying.from_doc(doc) for doc in await self.store.all(TABLE)]

    async def turn(self, book, of=OWN, n=1, group=GROUP):
        await first_item(self.store, of, n)
        await self.keeping._turn(group, CIRCLE, book.now)
        return await self.said()

    async def box(self, book, group=GROUP):
        await self.keeping._box(group, CIRCLE, book.now, Ground(group=group.id))
        return [one.content for one in await self.said()]


def two_groups(*, box=BOX, stewards=(ME, ANN)):
    """A circle in which somebody has been taken off the roll of the other group."""
    book = with_group(links=(ME,), stewards=stewards)
    assert book.add(ANN, group_content(OTHER_GROUP, is_on=True, box=BOX, links=[BEN.key]))
    assert book.add(BEN, roll_content(OTHER_GROUP, on=[CAT.key]))
    return book


def boxed():
    book = two_groups()
    assert book.add(BEN, roll_content(OTHER_GROUP, off=[CAT.key]))
    assert book.add(BEN, box_content(OTHER_GROUP, dh_keypair()[1]))
    return book


async def test_a_steward_turns_where_somebody_is_out_to_all_the_groups_boxes():
    book = boxed()
    (said,) = await Keeping().turn(book)
    turn = open_turn(CIRCLE.keys[0], CIRCLE.log_id(BOOK), said.body)
    assert (said.kind, turn.n, turn.at, turn.signer) == (TURN, 0, book.now.seq, ME.key)
    assert is_next(turn, said.key)
    assert set(turn.boxes) == {bytes.fromhex(MINE), bytes.fromhex(OTHER_GROUP)}
    assert turn.content["stewards_of"] == {"group": MINE, "space": OWN.id, "n": 1}


async def test_a_turn_waits_for_the_box_of_a_group_that_somebody_has_left():
    book = two_groups()
    assert book.add(BEN, roll_content(OTHER_GROUP, off=[CAT.key]))
    assert await Keeping().turn(book) == []


async def test_where_nobody_is_out_there_is_a_turn_only_to_a_newer_key_of_the_stewards_group():
    assert await Keeping().turn(two_groups()) == []
    assert [one.kind for one in await Keeping().turn(two_groups(), n=0)] == [TURN]


async def test_after_the_turn_there_is_no_other_one():
    book = boxed()
    book.now = with_turn(book.now, book.now.seq + 1)
    assert await Keeping().turn(book) == []


async def test_nobody_turns_but_a_steward_of_the_stewards_group_when_it_is_their_time():
    assert await Keeping(left_ms=1).turn(boxed()) == []
    assert await Keeping().turn(boxed(), of=FOREIGN, n=0) == []
    assert await Keeping(spaces=(FOREIGN,)).turn(boxed()) == []
    assert await Keeping().turn(boxed(), group=SimpleNamespace(id="99" * 16)) == []
    book = with_group(links=(ME,), members=(DEE,))
    assert book.add(ME, roll_content(MINE, off=[DEE.key]))
    assert book.add(ME, box_content(MINE, dh_keypair()[1]))
    assert await Keeping().turn(book) == []


# Boxes


def with_box(box):
    book = with_group(links=(ME,), members=(DEE,))
    assert book.add(ME, box_content(MINE, box))
    return book


OLD, NEW = (group_box(key)[1] for key in OWN_KEYS)


async def test_a_group_brings_the_box_that_follows_from_its_newest_key_once():
    assert await Keeping().box(with_box(OLD)) == [box_content(MINE, NEW)]
    assert await Keeping().box(with_box(NEW)) == []


@pytest.mark.parametrize("is_owed", [True, False])
async def test_it_brings_it_once_more_where_somebody_was_taken_off_once_they_know_no_key_in_force(is_owed):
    book = with_box(NEW)
    assert book.add(ME, roll_content(MINE, off=[DEE.key]))
    assert await Keeping(is_owed=is_owed).box(book) == [box_content(MINE, NEW)] * (not is_owed)


async def test_nobody_brings_a_box_in_place_of_one_that_they_do_not_know_or_while_they_are_behind():
    assert await Keeping().box(with_group(links=(ME,))) == []
    assert await Keeping(is_waiting=True).box(with_box(OLD)) == []
    assert await Keeping(left_ms=1).box(with_box(OLD)) == []
    assert await Keeping().box(with_group(links=(BEN,))) == []


# Letting groups in


@pytest.mark.parametrize(
    ("state", "entry", "pair_state", "is_told"),
    [
        (OFFERED, BROUGHT, "member", True),
        (OFFERED, replace(BROUGHT, group="99" * 16), "member", False),
        (OFFERED, None, "member", False),
        (INVITED, BROUGHT, "member", False),
        (OFFERED, BROUGHT, "left", False),
    ],
)
@pytest.mark.parametrize("pair", [PAIR, "66" * 16])
async def test_the_way_in_is_told_to_whoever_brought_a_group_once_it_is_in(state, entry, pair_state, is_told, pair):
    told, one = [], Keeping(spaces=(CIRCLE, OWN))
    known = Visit(space=CIRCLE.id, pair=PAIR, person="ben", state=state, entry=entry)

    async def say(group, said, change):
        told.append((group.id, said))

    async def newest(space):
        return space.id

    async def now(space):
        return with_group().now

    async def visits():
        return (known,)

    one.keeping._hearing = SimpleNamespace(visits=visits)
    one.keeping._telling = SimpleNamespace(say=say, newest=newest)
    one.keeping._books = SimpleNamespace(now=now)
    await one.keeping._answer(SimpleNamespace(id=pair, state=pair_state))
    assert told == [(PAIR, CIRCLE.id)] * (is_told and pair == PAIR)
