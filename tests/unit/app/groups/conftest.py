"""People with one and two devices on one service in memory."""

import pytest

from companion.groups import MEMBER
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
    return await make_pair(alice, bob)


@pytest.fixture
async def tablet(relay, alice):
    """Alice's second device."""
    desk = await Desk("New device", relay).set_up()
    await link(alice, desk)
    return desk


def core(desk):
    return desk.companion.opened


async def link(old, new, *others):
    """Make `new` another device of the person of `old`."""
    code = await core(old).devices.offer()
    await core(new).devices.link(code.code, "Tablet")
    await deliver(new, old, *others)


async def let_in(host, guest, group, *others):
    invite = await core(host).groups.invite(group)
    await core(guest).groups.join(await core(guest).groups.look_at(invite.code.code))
    await deliver(guest, host, *others)


async def said(desk, group):
    """Who said what, in the order of this device."""
    return [(m.name, m.text) for m in await core(desk).chat.messages(group) if m.kind == "message"]


async def happened(desk, group):
    """What happened to whom, in the order of this device."""
    return [(m.kind, m.name) for m in await core(desk).chat.messages(group) if m.kind != "message"]


async def state(desk, group):
    found = await core(desk).groups.group(group)
    return None if found is None else found.state


async def say(desk, group, text, *others):
    await core(desk).chat.post(group, text)
    await deliver(desk, *others)


def person(desk):
    return core(desk).me.person


async def ask_and_say_yes(asker, other, *more):
    pair = await core(asker).pairs.open(person(other))
    await deliver(asker, other, *more)
    await core(other).pairs.accept(person(asker))
    await deliver(other, asker, *more)
    return pair.id


@pytest.fixture
async def pair(alice, bob, group):
    return await ask_and_say_yes(alice, bob)


async def line(desk, other):
    """The pair with somebody that stands on this desk, or None."""
    found = [g for g in await core(desk).groups.groups() if g.peer is not None and g.peer.person == person(other)]
    standing = [g for g in found if g.state in (MEMBER, "joining")]
    return standing[0] if len(standing) == 1 else None


async def due(*desks):
    """Let what is held become due, and arrive."""
    desks[0].clock.move(10_000)
    for desk in desks:
        await core(desk).due.run()
    await deliver(*desks)
