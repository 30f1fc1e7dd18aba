"""People of one group on one service in memory, who keep a shelf together."""

import pytest

from tests.fakes import Desk, FakeClock, FakeRelay, deliver, make_pair


@pytest.fixture
def relay():
    return FakeRelay(FakeClock())


@pytest.fixture
async def alice(relay):
    return await Desk("Alice Fern", relay).set_up()


@pytest.fixture
async def bob(relay):
    return await Desk("Bob Reed", relay).set_up("practice_manager")


@pytest.fixture
async def carol(relay):
    return await Desk("Carol Moss", relay).set_up("other")


@pytest.fixture
async def group(alice, bob):
    """Alice made it, and looks after it."""
    return await make_pair(alice, bob)


@pytest.fixture
async def three(alice, bob, carol, group):
    """The group of all three; Alice looks after it, and has put a note on its shelf."""
    await core(alice).shelves.write(group, "Before", "x")
    await settle(alice, bob)
    await let_in(alice, carol, group, bob)
    await settle(alice, bob, carol)
    return group


def core(desk):
    return desk.companion.opened


def person(desk):
    return core(desk).me.person


async def let_in(host, guest, group, *others):
    invite = await core(host).groups.invite(group)
    await core(guest).groups.join(await core(guest).groups.look_at(invite.code.code))
    await deliver(guest, host, *others)


async def settle(*desks, rounds=12):
    """Let everybody do what is due, and exchange what they have, for some minutes."""
    for _ in range(rounds):
        for desk in desks:
            desk.clock.move(20_000)
            await core(desk).together.keeping.run()
            await desk.network.exchange()
    await deliver(*desks, rounds=1)


async def shelf(desk, group):
    return await core(desk).shelves.shelf(group)


async def titles(desk, group):
    return [note.title for note in (await shelf(desk, group)).notes]


async def space(desk, group):
    return await core(desk).together.space(group)


async def say(desk, group, text, *others):
    """Say something and return the message's id."""
    await core(desk).chat.post(group, text)
    await deliver(desk, *others)
    return (await core(desk).chat.messages(group))[-1].id
