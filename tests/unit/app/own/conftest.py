"""One person with two and three devices on one service in memory, who share what stands on each."""

import pytest

from companion.app.own.documents import CHANGED
from tests.fakes import Desk, FakeClock, FakeRelay, deliver


@pytest.fixture
def relay():
    return FakeRelay(FakeClock())


@pytest.fixture
async def phone(relay):
    return await Desk("Alice Fern", relay).set_up()


@pytest.fixture
async def tablet(relay, phone):
    return await linked(relay, phone, "Tablet")


@pytest.fixture
async def desktop(relay, phone, tablet):
    device = await linked(relay, phone, "Desktop", tablet)
    await meet(phone, tablet, device)
    return device


async def linked(relay, old, name, *others):
    """Return another device of the same person, to which the first one gives what it shares."""
    device = await Desk(name, relay).set_up(has_words=False)
    if not core(old).own.is_on:
        await core(old).own.turn_on()
    code = await core(old).devices.offer()
    await core(device).devices.link(code.code, name)
    await meet(old, device, *others)
    return device


def core(desk):
    return desk.companion.opened


async def meet(*devices, rounds=3):
    """Let each device do what is due, and all exchange what they have."""
    for _ in range(rounds):
        for device in devices:
            await work(device)
            await device.network.exchange()
    await deliver(*devices, rounds=1)


async def work(device):
    """A minute passes in which nobody types."""
    device.clock.move(60_000)
    while (await core(device).own.housekeeping.left_ms()) == 0:
        before = await counts(device)
        await core(device).own.housekeeping.run()
        if await counts(device) == before:
            return


async def counts(device):
    return await core(device)._context.store.counts()


async def write(device, text, page=None):
    """Write on a page and bring it to the disk; return its id."""
    if page is not None:
        await core(device).journal.page(page)
    id = core(device).journal.draft(page, text)
    await core(device).journal.save_drafts()
    return id


async def texts(device):
    return sorted(entry.text for entry in await core(device).journal.entries())


async def beside(device, page):
    return sorted(str(version.body["text"]) for version in await core(device).own.beside(page))


async def waiting(device):
    return len(await core(device)._context.store.all(CHANGED))
