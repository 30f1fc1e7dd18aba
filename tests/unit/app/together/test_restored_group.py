"""The service was restored from a backup, or refuses what it is given: all come to the same shelf all the same."""

import pytest

from companion.errors import RelayRefused
from companion.space.keys import BOOK, SHELF
from companion.times import HOUR_MS
from tests.fakes import Desk
from tests.unit.app.own.test_restored import backup, restore
from tests.unit.app.together.conftest import core, let_in, person, settle, space, titles


async def newcomer_sees(relay, host, group, *others):
    late = await Desk("Lee Late", relay).set_up()
    await let_in(host, late, group, *others)
    await settle(late, host, *others)
    return sorted(await titles(late, group))


async def test_notes_that_the_service_lost_come_back_to_it(alice, bob, carol, three, relay):
    kept = backup(relay)
    await core(carol).shelves.write(three, "Carol's", "x")
    await core(bob).shelves.write(three, "Bob's", "x")
    await settle(alice, bob, carol)
    await restore(relay, kept, alice, bob, carol)
    await settle(alice, bob, carol)
    everything = ["Before", "Bob's", "Carol's"]
    for desk in (alice, bob, carol):
        assert sorted(await titles(desk, three)) == everything
    assert await newcomer_sees(relay, bob, three, alice, carol) == everything


async def test_a_turn_that_the_service_lost_comes_back_with_what_stood_around_it(alice, bob, carol, three, relay):
    dan = await Desk("Dan Holt", relay).set_up()
    await let_in(alice, dan, three, bob, carol)
    await settle(alice, bob, carol, dan)
    kept = backup(relay)
    await core(bob).shelves.write(three, "Bob's", "x")
    await settle(alice, bob, carol, dan)
    await core(alice).groups.remove_member(three, person(dan))
    await settle(alice, bob, carol)
    await core(carol).shelves.write(three, "After", "y")
    await settle(alice, bob, carol)
    assert (await space(carol, three)).n == 1
    await restore(relay, kept, alice, bob, carol)
    await settle(alice, bob, carol, rounds=20)
    for desk in (alice, bob, carol):
        there = await space(desk, three)
        assert [there.logs[name].n for name in (BOOK, SHELF)] == [there.n] * 2, desk.name
        assert sorted(await titles(desk, three)) == ["After", "Before", "Bob's"], desk.name
    assert await newcomer_sees(relay, carol, three, alice, bob) == ["After", "Before", "Bob's"]
    assert await titles(dan, three) != ["After", "Before", "Bob's"]


async def test_a_service_that_lost_everything_is_given_it_again(alice, bob, carol, three, relay):
    kept = {name: type(value)() for name, value in backup(relay).items()}
    await core(carol).shelves.write(three, "Carol's", "x")
    await settle(alice, bob, carol)
    await restore(relay, kept, alice, bob, carol)
    await settle(alice, bob, carol, rounds=20)
    await core(bob).shelves.write(three, "And on", "x")
    await settle(alice, bob, carol, rounds=20)
    for desk in (alice, bob, carol):
        assert sorted(await titles(desk, three)) == ["And on", "Before", "Carol's"], desk.name


class Refusing:
    """A service that refuses what is appended to logs of spaces, as long as it has a refusal."""

    def __init__(self, relay, group):
        self.take, self.group = relay.append, group
        self.refusal = None
        self.refused = 0
        relay.append = self

    def __call__(self, item):
        if item.group != self.group and self.refusal is not None:
            self.refused += 1
            raise RelayRefused(*self.refusal)
        return self.take(item)


REFUSALS = [(403, "keeper"), (404, "unknown"), (409, "rotated"), (400, "bad-request")]


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_a_service_that_refuses_a_step_holds_it_up_no_longer_than_it_does(
    alice, bob, carol, group, relay, refusal
):
    await core(alice).shelves.write(group, "Before", "x")
    service = Refusing(relay, group)
    service.refusal = refusal
    await settle(alice, bob, rounds=4)
    service.refusal = None
    await settle(alice, bob, rounds=8)
    await let_in(alice, carol, group, bob)
    await settle(alice, bob, carol)
    service.refusal = refusal
    await core(carol).shelves.write(group, "Carol's", "x")
    await core(alice).groups.remove_member(group, person(bob))
    await settle(alice, carol, rounds=4)
    service.refusal = None
    alice.clock.move(HOUR_MS)
    await settle(alice, carol, rounds=20)
    assert (await space(alice, group)).n == (await space(carol, group)).n == 1
    assert await titles(alice, group) == await titles(carol, group) == ["Before", "Carol's"]


async def test_a_note_that_is_refused_is_not_offered_without_pause(alice, bob, group, relay):
    await core(alice).shelves.write(group, "Alice's", "x")
    await core(bob).shelves.write(group, "Before", "x")
    await settle(alice, bob)
    service = Refusing(relay, group)
    service.refusal = (400, "bad-request")
    await core(bob).shelves.write(group, "Bob's", "x")
    await settle(bob, rounds=40)
    assert service.refused <= 2
    assert (await titles(bob, group))[-1] == "Bob's"
