"""A circle of groups: one comes by a line between two people, all its members read it, who is out nothing new."""

import pytest

from tests.fakes import Desk, deliver, make_pair
from tests.unit.app.together.conftest import core, let_in, person, settle


@pytest.fixture
async def dan(relay):
    return await Desk("Dan Holt", relay).set_up()


@pytest.fixture
async def other_group(carol, dan, alice):
    """Carol made it; Dan and Alice are in it."""
    group = await make_pair(carol, dan, "Second-year leads")
    await let_in(carol, alice, group, dan)
    return group


async def circle_of(desk):
    (circle,) = await core(desk).together.circles.circles()
    return circle


async def book(desk):
    return await core(desk).together.book(await circle_of(desk))


async def line(first, second, *others):
    pair = await core(first).pairs.open(person(second))
    await deliver(first, second)
    await core(second).pairs.accept(person(first))
    await deliver(second, first, second, first)
    return pair.id


async def joined(alice, bob, carol, dan, group, other_group):
    """Alice's group begins a circle, and Carol brings the other one."""
    everybody = (alice, bob, carol, dan)
    for desk, of in ((alice, group), (carol, other_group)):
        await core(desk).shelves.write(of, "Read this first", "x")
    await settle(*everybody)
    id = await core(alice).together.circles.found(group)
    await settle(*everybody)
    pair = await line(alice, carol)
    await core(alice).together.circles.invite(id, pair)
    await settle(*everybody)
    await core(carol).together.circles.bring(id, pair, other_group)
    await settle(*everybody)
    (visit,) = await core(alice).together.circles.offered()
    await core(alice).together.circles.let_in(visit)
    await settle(*everybody)
    await settle(*everybody)
    return id


async def test_a_group_that_was_let_in_reads_the_book_from_the_first_item(alice, bob, carol, dan, group, other_group):
    await joined(alice, bob, carol, dan, group, other_group)
    books = [await book(desk) for desk in (alice, bob, carol, dan)]
    assert all(one.present == {group, other_group} for one in books)
    assert {len(one.everybody(one.seq)) for one in books} == {4}


async def test_who_is_removed_from_a_group_reads_nothing_new_in_the_circle(alice, bob, carol, dan, group, other_group):
    await joined(alice, bob, carol, dan, group, other_group)
    await core(carol).groups.remove_member(other_group, person(dan))
    await settle(alice, bob, carol, rounds=30)
    assert {(await circle_of(desk)).n for desk in (alice, bob, carol)} == {1}
    await settle(alice, bob, carol, dan)
    assert (await circle_of(dan)).n == 0


async def test_who_joins_a_group_later_reads_the_circle_through_its_turns(
    alice, bob, carol, dan, group, other_group, relay
):
    await joined(alice, bob, carol, dan, group, other_group)
    await core(carol).groups.remove_member(other_group, person(dan))
    await settle(alice, bob, carol, rounds=30)
    eve = await Desk("Eve Lane", relay).set_up()
    await let_in(bob, eve, group, alice)
    await settle(alice, bob, carol, eve, rounds=20)
    there, known = await book(eve), await book(alice)
    assert (there.seq, there.present, (await circle_of(eve)).base) == (known.seq, known.present, 0)
    assert len(there.everybody(there.seq)) == 4


async def test_a_group_that_was_let_go_is_shut_out(alice, bob, carol, dan, group, other_group):
    id = await joined(alice, bob, carol, dan, group, other_group)
    await core(alice).together.circles.let_go(id, other_group)
    await settle(alice, bob, carol, dan, rounds=20)
    assert [(await circle_of(desk)).n for desk in (alice, bob)] == [1, 1]
    assert (await circle_of(dan)).state == "shut"
