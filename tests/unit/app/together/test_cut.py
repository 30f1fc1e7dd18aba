"""The power goes between any two commits: afterwards all come to the same shelf, and nothing written is lost."""

import os

import pytest

from tests.fakes import deliver, make_pair
from tests.unit.app.own.test_cut import Power, new_desk
from tests.unit.app.together.conftest import core, let_in, person, settle, shelf, space, titles

EVERY = int(os.environ.get("CUT_EVERY", "4"))
"""Each so manieth commit is tried; 1 tries them all."""


async def until_it_no_longer_matters(scenario):
    """Try it with the power going after several numbers of commits, until it goes no more; return the last one."""
    for commits in range(EVERY // 2, 200, EVERY):
        if not await scenario(commits):
            return commits
    raise AssertionError("it never ends")


async def two():
    alice = await new_desk("Alice Fern")
    bob = await new_desk("Bob Reed", alice.relay)
    return alice, bob, await make_pair(alice, bob)


async def three():
    alice, bob, group = await two()
    carol = await new_desk("Carol Moss", alice.relay)
    await core(alice).shelves.write(group, "Before", "x")
    await settle(alice, bob, rounds=6)
    await let_in(alice, carol, group, bob)
    await settle(alice, bob, carol, rounds=6)
    return alice, bob, carol, group


async def through(power, *desks, rounds=6):
    """Let everybody do what is due, through the power's going."""
    for _ in range(rounds):
        for desk in desks:
            desk.clock.move(20_000)
            if desk is power.device:
                await power.through(steps, desk)
            else:
                await steps(desk)


async def steps(desk):
    await core(desk).together.keeping.run()
    await desk.network.exchange()


async def end(power, group, *desks, expected):
    power.device.vault.store.commits_left = None
    await settle(*desks, rounds=14)
    for desk in desks:
        there = await shelf(desk, group)
        assert [note.title for note in there.notes] == expected, desk.name
        assert not any(note.is_waiting for note in there.notes), desk.name
    return power.has_gone


@pytest.mark.parametrize("which", [0, 1])
async def test_beginning_a_space_and_writing_through_a_power_cut(which):
    async def scenario(commits):
        alice, bob, group = await two()
        power = Power((alice, bob)[which], commits)
        for desk, title in ((alice, "One"), (bob, "Two")):
            if desk is power.device:
                await power.through(core(desk).shelves.write, group, title, "x")
                if title not in await titles(desk, group):
                    await core(desk).shelves.write(group, title, "x")
            else:
                await core(desk).shelves.write(group, title, "x")
        await through(power, alice, bob, rounds=8)
        power.device.vault.store.commits_left = None
        await settle(alice, bob, rounds=14)
        assert sorted(await titles(alice, group)) == sorted(await titles(bob, group)) == ["One", "Two"]
        assert (await space(alice, group)).id == (await space(bob, group)).id
        return power.has_gone

    assert await until_it_no_longer_matters(scenario) > 8


@pytest.mark.parametrize("which", [0, 1])
async def test_giving_the_key_to_a_newcomer_through_a_power_cut(which):
    async def scenario(commits):
        alice, bob, group = await two()
        await core(alice).shelves.write(group, "Before", "x")
        await settle(alice, bob, rounds=6)
        carol = await new_desk("Carol Moss", alice.relay)
        invite = await core(alice).groups.invite(group)
        await core(carol).groups.join(await core(carol).groups.look_at(invite.code.code))
        power = Power((alice, carol)[which], commits)
        await through(power, carol, alice, bob, rounds=6)
        return await end(power, group, alice, bob, carol, expected=["Before"])

    assert await until_it_no_longer_matters(scenario) > 5


@pytest.mark.parametrize("which", [0, 1])
async def test_turning_through_a_power_cut(which):
    async def scenario(commits):
        alice, bob, carol, group = await three()
        await core(alice).groups.set_administrators(group, (person(alice), person(bob)))
        await settle(alice, bob, carol, rounds=3)
        await core(alice).groups.remove_member(group, person(carol))
        await deliver(alice, bob)
        power = Power((alice, bob)[which], commits)
        await through(power, alice, bob, rounds=8)
        power.device.vault.store.commits_left = None
        await core(bob).shelves.write(group, "After", "y")
        await settle(alice, bob, carol, rounds=14)
        spaces = [await space(desk, group) for desk in (alice, bob)]
        assert [one.n for one in spaces] == [1, 1]
        assert [one.logs["shelf"].n for one in spaces] == [1, 1]
        assert await titles(carol, group) == ["Before"]
        return await end(power, group, alice, bob, expected=["Before", "After"])

    assert await until_it_no_longer_matters(scenario) > 5


async def test_another_secret_through_a_power_cut():
    async def scenario(commits):
        alice, bob, carol, group = await three()
        await core(alice).groups.set_administrators(group, (person(alice), person(bob)))
        await settle(alice, bob, carol, rounds=8)
        await core(bob).groups.set_administrators(group, (person(bob),))
        await deliver(bob, alice, carol)
        old = (await space(bob, group)).stewards[0]
        power = Power(bob, commits)
        await through(power, bob, alice, carol, rounds=10)
        power.device.vault.store.commits_left = None
        await settle(alice, bob, carol, rounds=14)
        now = await space(bob, group)
        assert now.n == 1
        assert now.stewards[1] != old
        await core(carol).shelves.write(group, "After", "y")
        return await end(power, group, alice, bob, carol, expected=["Before", "After"])

    assert await until_it_no_longer_matters(scenario) > 8


@pytest.mark.parametrize("by_carer", [False, True])
async def test_changing_and_taking_down_through_a_power_cut(by_carer):
    async def scenario(commits):
        alice, bob, carol, group = await three()
        id = await core(bob).shelves.write(group, "Bob's", "x")
        kept = await core(bob).shelves.write(group, "Stays", "x")
        await settle(alice, bob, carol, rounds=4)
        note = next(one for one in (await shelf(bob, group)).notes if one.id == id)
        who = alice if by_carer else bob
        power = Power(who, commits)
        await core(bob).shelves.write(group, "Changed", "y", note=kept) if by_carer else None

        async def down():
            await core(who).shelves.take_down(group, id, note.author)

        await power.through(down)
        if "Bob's" in await titles(who, group):
            await down()
        await through(power, who, rounds=4)
        power.device.vault.store.commits_left = None
        await settle(alice, bob, carol, rounds=6)
        log = (await space(alice, group)).log_id("shelf").hex()
        gone = [event for event in alice.relay.logs[log] if not event.body]
        assert len(gone) == 1
        return await end(power, group, alice, bob, carol, expected=["Before", "Changed" if by_carer else "Stays"])

    assert await until_it_no_longer_matters(scenario) > 2
