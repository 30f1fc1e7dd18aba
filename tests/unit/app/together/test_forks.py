"""A service that shows members different logs is found out by each device that meets both halves."""

from dataclasses import replace

from companion.app.spaces.desk import wait
from companion.ports import Change
from companion.space.keys import SHELF
from companion.space.saying import ITEM, Saying
from tests.unit.app.together.conftest import core, settle, shelf, space, titles
from tests.unit.app.together.test_circle import circle_of, dan, joined, other_group  # noqa: F401  # fixtures


def shown_otherwise(relay, of):
    """Show whoever reads from now on the last two of a space's shelf in the other order."""
    log = of.log_id(SHELF).hex()
    *before, one, two = relay.logs[log]
    relay.logs[log] = [*before, replace(two, seq=one.seq), replace(one, seq=two.seq)]


async def tell(desk, text):
    """Say something on the shelf of the only circle."""
    circle, id = await circle_of(desk), core(desk)._context.new_id()
    said = Saying(id=id, space=circle.id, log=SHELF, kind=ITEM, content={"kind": "x", "text": text})
    await core(desk)._context.commit(Change(put=(wait(said),)))


async def test_members_who_read_the_same_find_nothing(alice, bob, carol, three):
    for desk in (alice, bob, carol):
        await core(desk).shelves.write(three, f"By {desk.name}", "x")
        await settle(alice, bob, carol, rounds=3)
    assert not any([(await shelf(desk, three)).is_forked for desk in (alice, bob, carol)])


async def test_another_order_on_a_groups_shelf_is_found_out_by_all_who_meet_both_halves(
    alice, bob, carol, three, relay
):
    for title in ("One", "Two"):
        await core(alice).shelves.write(three, title, "x")
    await settle(alice, bob, rounds=3)
    shown_otherwise(relay, await space(alice, three))
    await settle(carol, rounds=3)
    assert not (await shelf(carol, three)).is_forked  # nobody has told her of the other half yet
    await core(carol).shelves.write(three, "Three", "x")
    await settle(carol, alice, bob, rounds=3)
    assert [(await shelf(desk, three)).is_forked for desk in (alice, bob)] == [True, True]
    await core(alice).shelves.write(three, "Four", "x")
    await settle(alice, carol, bob, rounds=3)
    assert (await shelf(carol, three)).is_forked
    assert [len(await titles(desk, three)) for desk in (alice, bob, carol)] == [5, 5, 5]  # it is read all the same


async def test_another_order_in_a_circle_is_found_out_by_all_its_groups(
    alice,
    bob,
    carol,
    dan,  # noqa: F811
    group,
    other_group,  # noqa: F811
    relay,
):
    await joined(alice, bob, carol, dan, group, other_group)
    for text in ("One", "Two"):
        await tell(alice, text)
    await settle(alice, bob, carol, rounds=3)
    assert not any([(await circle_of(desk)).is_forked for desk in (alice, bob, carol, dan)])
    shown_otherwise(relay, await circle_of(alice))
    await settle(dan, rounds=3)
    assert not (await circle_of(dan)).is_forked
    await tell(dan, "Three")
    await settle(dan, alice, bob, carol, rounds=3)
    assert [(await circle_of(desk)).is_forked for desk in (alice, bob, carol)] == [True, True, True]
    await tell(bob, "Four")
    await settle(bob, dan, rounds=3)
    assert (await circle_of(dan)).is_forked
