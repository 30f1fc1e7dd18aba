"""Nobody has the secret any more, or all are shut out: another space is begun, and everybody's own notes come there."""

from companion.times import DAY_MS, HOUR_MS, MINUTE_MS
from tests.fakes import deliver
from tests.unit.app.together.conftest import core, let_in, person, settle, space, titles


async def stand(alice, bob, carol, group):
    await core(alice).shelves.write(group, "Alice's", "x")
    await core(bob).shelves.write(group, "Bob's", "x")
    await settle(alice, bob)
    await let_in(alice, carol, group, bob)
    await settle(alice, bob, carol)


async def without_alice(alice, bob, carol, group, *carers):
    """Alice leaves after she said who looks after the group, and before anybody was told the secret."""
    await stand(alice, bob, carol, group)
    first = (await space(bob, group)).id
    await core(alice).groups.set_administrators(group, tuple(person(one) for one in (alice, *carers)))
    await deliver(alice, bob, carol)
    await core(alice).groups.leave(group)
    await deliver(alice, bob, carol, bob)
    await settle(bob, carol)
    return first


async def test_who_alone_looks_after_the_group_and_lacks_the_secret_begins_another_space(alice, bob, carol, group):
    first = await without_alice(alice, bob, carol, group, bob)
    bob.clock.move(HOUR_MS)
    await settle(bob, carol, rounds=20)
    assert (await space(bob, group)).id == (await space(carol, group)).id != first
    assert await titles(bob, group) == await titles(carol, group) == ["Bob's"]


async def test_two_who_lack_the_secret_begin_another_space_after_a_week(alice, bob, carol, group):
    first = await without_alice(alice, bob, carol, group, bob, carol)
    await settle(bob, carol, rounds=40)
    assert (await space(bob, group)).id == (await space(carol, group)).id == first
    bob.clock.move(7 * DAY_MS)
    await settle(bob, carol, rounds=20)
    assert (await space(bob, group)).id == (await space(carol, group)).id != first
    assert await titles(bob, group) == await titles(carol, group) == ["Bob's"]


async def test_who_was_promoted_waits_for_the_one_who_has_the_secret_and_is_away(alice, bob, carol, group):
    await stand(alice, bob, carol, group)
    first = (await space(bob, group)).id
    await core(alice).groups.set_administrators(group, (person(alice), person(bob)))
    await deliver(alice, bob, carol)
    for _ in range(6):
        bob.clock.move(DAY_MS)
        await settle(bob, carol, rounds=2)
    await settle(alice, bob, carol)
    assert {(await space(desk, group)).id for desk in (alice, bob, carol)} == {first}
    assert (await space(bob, group)).stewards == (await space(alice, group)).stewards


async def test_a_note_that_was_taken_down_does_not_come_back_in_another_space(alice, bob, carol, group):
    await stand(alice, bob, carol, group)
    note = next(one for one in (await core(bob).shelves.shelf(group)).notes if one.is_mine)
    bob.relay.is_online = False
    await core(bob).shelves.take_down(group, note.id, note.author)  # it waits
    bob.relay.is_online = True
    there = await space(bob, group)
    keeping = core(bob).together.keeping
    await core(bob).groups.logs(there.service).removed(there.log_id("book").hex())
    await keeping._found(await core(bob).groups.group(group), await keeping._hearing.ground(group), there)
    await settle(bob, rounds=3)
    assert await titles(bob, group) == []


async def test_where_only_somebody_who_is_gone_had_the_newest_key_another_space_is_begun(alice, bob, group):
    await core(alice).shelves.write(group, "Mine", "x")
    await core(alice).groups.set_administrators(group, (person(alice), person(bob)))
    await settle(alice, bob)
    former = await space(alice, group)
    await core(bob).groups.remove_member(group, person(alice))
    await settle(bob)
    assert (await space(bob, group)).n == 1
    await deliver(alice, bob, alice)
    await let_in(bob, alice, group)  # and Bob goes before he has told the key
    await deliver(bob, alice, bob)
    await core(bob).groups.set_administrators(group, (person(alice), person(bob)))
    await deliver(bob, alice)
    await core(bob).groups.leave(group)
    await deliver(bob, alice, bob, alice)
    await settle(alice, rounds=3)
    assert (await space(alice, group)).id == former.id
    alice.clock.move(11 * MINUTE_MS)
    await settle(alice)
    assert (await space(alice, group)).id != former.id
    assert await titles(alice, group) == ["Mine"]
