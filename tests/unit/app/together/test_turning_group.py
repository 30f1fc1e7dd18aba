"""Who is out reads nothing new: the key of a group's space turns, whoever's device makes the turn."""

from tests.fakes import Desk, deliver
from tests.unit.app.together.conftest import core, let_in, person, settle, shelf, space, titles


async def with_carol(alice, bob, carol, group):
    await core(alice).shelves.write(group, "Before", "x")
    await settle(alice, bob)
    await let_in(alice, carol, group, bob)
    await settle(alice, bob, carol)


async def test_who_was_removed_reads_nothing_new(alice, bob, carol, group, relay):
    await with_carol(alice, bob, carol, group)
    old = await space(carol, group)
    await core(alice).groups.remove_member(group, person(carol))
    await settle(alice, bob)
    assert [(await space(desk, group)).n for desk in (alice, bob)] == [1, 1]
    await core(bob).shelves.write(group, "After", "y")
    await settle(alice, bob, carol)
    assert await titles(alice, group) == ["Before", "After"]
    assert await titles(carol, group) == ["Before"]
    assert (await space(carol, group)).keys == old.keys


async def test_who_can_still_read_is_said_until_the_turn(alice, bob, carol, group):
    await with_carol(alice, bob, carol, group)
    await core(carol).groups.leave(group)
    await core(carol).together.keeping.run()
    await deliver(carol, bob, alice, bob)
    await core(bob).together.keeping.run()
    there = await shelf(bob, group)
    assert (there.still_read, there.waits_for_carer) == (("Carol Moss",), True)
    await settle(alice, bob)
    there = await shelf(bob, group)
    assert (there.still_read, there.waits_for_carer) == ((), False)


async def test_who_comes_after_a_turn_reads_from_the_first_note_on(alice, bob, carol, group, relay):
    await with_carol(alice, bob, carol, group)
    await core(alice).groups.remove_member(group, person(carol))
    await settle(alice, bob)
    await core(bob).shelves.write(group, "After", "y")
    await settle(alice, bob)
    dan = await Desk("Dan Holt", relay).set_up()
    await let_in(bob, dan, group, alice)
    await settle(alice, bob, dan)
    assert await titles(dan, group) == ["Before", "After"]
    await core(dan).shelves.write(group, "Mine", "z")
    await settle(alice, bob, dan)
    assert await titles(alice, group) == ["Before", "After", "Mine"]


async def test_who_looked_after_the_group_and_does_no_more_has_no_secret_that_counts(alice, bob, carol, group):
    await with_carol(alice, bob, carol, group)
    await core(alice).groups.set_administrators(group, (person(alice), person(bob)))
    await settle(alice, bob, carol)
    before = (await space(bob, group)).stewards
    assert (await space(alice, group)).stewards[0] == before[0]
    await core(bob).groups.set_administrators(group, (person(bob),))
    await settle(alice, bob, carol)
    now = await space(bob, group)
    assert now.n == 1
    assert now.stewards[1] != before[0]
    assert 1 not in (await space(alice, group)).stewards
    await core(carol).shelves.write(group, "After", "y")
    await settle(alice, bob, carol)
    assert await titles(alice, group) == ["Before", "After"]


async def test_a_device_that_was_away_for_three_turns_reads_on(alice, bob, carol, group, relay):
    await with_carol(alice, bob, carol, group)
    for name in ("Dan Holt", "Eve Lane", "Fay Bird"):
        guest = await Desk(name, relay).set_up()
        await let_in(alice, guest, group, bob)
        await settle(alice, bob, guest)
        await core(alice).groups.remove_member(group, person(guest))
        await settle(alice, bob)
        await core(bob).shelves.write(group, f"Without {name}", "x")
        await settle(alice, bob)
    assert (await space(bob, group)).n == 3
    await settle(carol, alice, bob)
    assert await titles(carol, group) == ["Before", "Without Dan Holt", "Without Eve Lane", "Without Fay Bird"]


async def test_a_lost_device_reads_nothing_new(alice, bob, group, relay):
    tablet = await Desk("Tablet", relay).set_up()
    code = await core(bob).devices.offer()
    await core(tablet).devices.link(code.code, "Tablet")
    await deliver(tablet, bob, alice)
    await core(alice).shelves.write(group, "Before", "x")
    await settle(alice, bob, tablet)
    assert await titles(tablet, group) == ["Before"]
    await core(bob).devices.revoke(core(tablet).device)
    await settle(bob, alice)
    assert (await space(alice, group)).n == 1
    await core(bob).shelves.write(group, "After", "y")
    await settle(bob, alice, tablet)
    assert await titles(alice, group) == ["Before", "After"]
    assert await titles(tablet, group) == ["Before"]


async def test_the_turn_is_made_by_another_device_if_the_first_one_dies_halfway(alice, bob, carol, group):
    await with_carol(alice, bob, carol, group)
    await core(alice).groups.set_administrators(group, (person(alice), person(bob)))
    await settle(alice, bob, carol)
    await core(carol).groups.leave(group)
    await deliver(carol, alice, bob)
    await core(alice).together.keeping.run()  # it has told the next key, and is never seen again
    await deliver(alice)
    await settle(bob, rounds=20)
    assert (await space(bob, group)).n == 1
    await core(bob).shelves.write(group, "After", "y")
    await settle(bob)
    await settle(alice, bob)
    assert await titles(alice, group) == ["Before", "After"]
