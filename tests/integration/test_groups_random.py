"""Six people, nine devices, a real relay, and things in any order: who should read reads, once, in one order."""

import asyncio
import contextlib
import functools
import os
import random
import ssl

import httpx
import pytest

from companion.errors import StoreError, SyncError, UsageError
from tests.integration.peers import Peer, all_closed, let_in, link
from tests.integration.people import until

SCRIPTS = int(os.environ.get("COMPANION_SCRIPTS", "50"))
STEPS = 14
AUTHORITIES = ssl.create_default_context()
PEOPLE = ("Alice", "Bob", "Carol", "Dan", "Erin", "Frank")
WITH_TWO = ("Alice", "Bob", "Carol")


class Cast:
    """Everybody, and one group at a time."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.devices = {}
        self.group = ""
        self.said = 0

    async def assemble(self, url):
        for name in PEOPLE:
            self.devices[name] = [await Peer(name=name, service=url).begin()]
        for name in WITH_TWO:
            self.devices[name].append(await link(self.devices[name][0], f"{name} 2", until))

    @property
    def everyone(self):
        return [device for devices in self.devices.values() for device in devices]

    async def begin(self):
        self.group = (await self.devices["Alice"][0].opened.groups.create("Leads", "pine")).id
        for name in ("Bob", "Carol"):
            await self.join(name, self.devices["Alice"][0])
        await self.settle(("Alice", "Bob", "Carol"))

    async def join(self, name, host):
        for _ in range(200):
            try:
                return await let_in(host, self.devices[name][0], self.group)
            except SyncError:
                await asyncio.sleep(0.02)
        raise AssertionError("the service does not take an invite")

    async def is_in(self, device):
        return device.is_on and await device.state(self.group) == "member"

    async def settle(self, names):
        """Wait until every device of these people is in the same epoch with the same people, and nobody else is in."""
        wanted = {self.devices[name][0].person for name in names}
        devices = [device for name in names for device in self.devices[name]]

        async def is_settled():
            groups = [await device.opened.groups.group(self.group) for device in devices]
            if any(g is None or g.state != "member" for g in groups):
                return False
            epochs = {g.epoch for g in groups}
            waiting = [len(await d.opened.groups.tools.outbox.of_group(self.group)) for d in devices]
            return (
                len(epochs) == 1
                and not any(waiting)
                and all({s.member.person for s in g.seats} == wanted for g in groups)
            )

        await until(is_settled)

    # What can happen

    async def step(self):
        often = [self.talk, self.talk, self.back, self.come]
        await self.random.choice([*often, *often, self.off, self.cut, self.go, self.remove, self.rest])()

    async def members(self):
        return [device for device in self.everyone if await self.is_in(device)]

    async def talk(self):
        members = await self.members()
        if members:
            self.said += 1
            await self.random.choice(members).say(self.group, f"line {self.said}")

    async def off(self):
        await self.random.choice(self.everyone).off()

    async def cut(self):
        device = self.random.choice(self.everyone)
        if device.is_on:
            await device.cut(self.random.randrange(4))

    async def back(self):
        for device in self.everyone:
            if not device.is_on or not device.vault.store.is_open:
                await device.end()
                await device.on()
                return

    async def come(self):
        hosts = await self.members()
        away = [n for n in PEOPLE[1:] if self.devices[n][0].is_on]
        guests = [n for n in away if await self.devices[n][0].state(self.group) in OUT]
        if hosts and guests:
            await let_in(self.random.choice(hosts), self.devices[self.random.choice(guests)][0], self.group)

    async def go(self):
        leavers = [d for n in PEOPLE[1:] for d in self.devices[n] if await self.is_in(d)]
        if leavers and self.random.random() < 0.5:
            await self.random.choice(leavers).opened.groups.leave(self.group)

    async def remove(self):
        first = self.devices["Alice"][0]
        known = await first.opened.groups.group(self.group) if first.is_on else None
        others = [s.member.person for s in known.seats if s.member.person != first.person] if known else []
        if others:
            await first.opened.groups.remove_member(self.group, self.random.choice(others))

    async def rest(self):
        await asyncio.sleep(self.random.random() * 0.03)


OUT = (None, "left", "removed", "declined")


async def play(cast):
    await cast.begin()
    for _ in range(STEPS):
        with contextlib.suppress(StoreError, SyncError, UsageError):  # no power, no service, not a member any more
            await cast.step()
        await asyncio.sleep(cast.random.random() * 0.01)
    for device in cast.everyone:
        await device.end()
        await device.on()
    await finish(cast)


async def finish(cast):
    """Let everything come to rest; then everybody who is in says one more thing."""
    reference = cast.devices["Alice"][0]

    async def is_quiet():
        group = await reference.opened.groups.group(cast.group)
        inside = {s.member.person for s in group.seats}
        for device in cast.everyone:
            known = await device.opened.groups.group(cast.group)
            is_member = known is not None and known.state == "member"
            if is_member != (device.person in inside):
                return False
            if is_member and (known.epoch != group.epoch or known.cursor != group.cursor):
                return False
            if is_member and await device.opened.groups.tools.outbox.of_group(cast.group):
                return False
            if known is not None and known.state in ("joining", "leaving", "rejoining"):
                return False
        return True

    await until(is_quiet)
    members = await cast.members()
    for number, device in enumerate(members):
        await device.say(cast.group, f"last {number}")
    texts = {f"last {number}" for number in range(len(members))}

    async def all_read():
        return all([texts <= {text for _, text in await device.messages(cast.group)} for device in members])

    await until(all_read)


async def spans(cast):
    """Return when each person was in, by the lines of Alice, who was in all the time: (from, to) by person."""
    found, now = {}, {}
    for seq, kind, person in await cast.devices["Alice"][0].lines(cast.group):
        if kind == "joined":
            now[person] = seq
        elif kind in ("left", "removed") and person in now:
            found.setdefault(person, []).append((now.pop(person), seq))
    for person, seq in now.items():
        found.setdefault(person, []).append((seq, 1 << 60))
    return found


async def check(cast):
    alice = cast.devices["Alice"][0]
    spoken = await alice.messages(cast.group)
    assert len({text for _, text in spoken}) == len(spoken), "something was shown twice"
    when = await spans(cast)
    when[alice.person] = [(0, 1 << 60)]
    for device in cast.everyone:
        held = await device.messages(cast.group)
        allowed = [(s, t) for s, t in spoken if any(a < s < b for a, b in when.get(device.person, []))]
        strange = set(held) - set(allowed)
        assert not strange, (device.name, strange, when.get(device.person))
        assert len(held) == len(set(held))
        if device.person == alice.person:
            assert held == spoken, device.name


@pytest.fixture(autouse=True)
def one_set_of_authorities(monkeypatch):
    """Reading the list of authorities takes longer than all the rest of a client; nobody here speaks TLS."""
    monkeypatch.setattr(httpx, "AsyncClient", functools.partial(httpx.AsyncClient, verify=AUTHORITIES))


@pytest.fixture(scope="module")
def url(standing_relay):
    return standing_relay.url


@pytest.mark.parametrize("seed", range(SCRIPTS))
async def test_random_script(url, seed):
    cast = Cast(seed)
    await cast.assemble(url)
    async with all_closed(cast.everyone):
        await play(cast)
        await check(cast)
