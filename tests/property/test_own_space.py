"""Random days of one person with three devices: offline for long, writing, deleting, choosing, locked and unlocked.

Whatever happens, once all have met they show the same, and nothing that nobody has written over is lost.
"""

import asyncio
import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes import PASSPHRASE, FakeClock, FakeRelay
from tests.unit.app.own.conftest import Desk, beside, core, linked, meet, work, write

EXAMPLES = int(os.environ.get("OWN_EXAMPLES", "12"))
DEVICES = st.integers(0, 2)
PAGES = st.integers(0, 2)
STEPS = st.one_of(
    st.tuples(st.just("write"), DEVICES, PAGES),
    st.tuples(st.just("write"), DEVICES, PAGES),
    st.tuples(st.just("delete"), DEVICES, PAGES),
    st.tuples(st.just("keep"), DEVICES, PAGES),
    st.tuples(st.just("meet"), DEVICES, DEVICES),
    st.tuples(st.just("work"), DEVICES, PAGES),
    st.tuples(st.just("send"), DEVICES, PAGES),
    st.tuples(st.just("restart"), DEVICES, PAGES),
    st.tuples(st.just("type"), DEVICES, PAGES),
)


class World:
    """What was written on top of what: by page, each text and the texts it follows; None of a text is a deletion."""

    def __init__(self, devices):
        self.devices = devices
        self.pages = []
        self.follows = {}
        self.number = 0

    def word(self):
        self.number += 1
        return f"w{self.number}"

    def newest(self, page):
        nodes = self.follows.get(page, {})
        followed = {one for before in nodes.values() for one in before}
        newest = set(nodes) - followed
        return sorted(text for text in newest if not text.startswith("-"))

    async def shown(self, device, page):
        entry = await core(device).journal.entry(page)
        return [] if entry is None else sorted([entry.text, *await beside(device, page)])

    async def step(self, what, first, second):
        device = self.devices[first]
        if what == "meet":
            await meet(device, self.devices[second], rounds=2)
        elif what == "work":
            await work(device)
        elif what == "send":
            await device.network.exchange()
        elif what == "restart":
            await device.companion.lock(hands_over=False)
            await device.companion.unlock(passphrase=PASSPHRASE)
        elif what == "write" and second >= len(self.pages):
            text = self.word()
            page = await write(device, text)
            self.pages.append(page)
            self.follows[page] = {text: ()}
        elif second < len(self.pages):
            await self.on_page(what, device, self.pages[second])

    async def on_page(self, what, device, page):
        journal = core(device).journal
        opened = await journal.page(page)
        if opened is None:
            return
        nodes = self.follows[page]
        if what in ("write", "type"):
            text = self.word()
            nodes[text] = (opened.text,)
            journal.draft(page, text)
            if what == "write":
                await journal.save_drafts()
        elif what == "delete":
            await journal.save_drafts()
            await journal.remove(page)
            nodes[f"-{self.word()}"] = (opened.text,)
        elif what == "keep" and await beside(device, page):
            await journal.save_drafts()
            shown = await self.shown(device, page)
            await core(device).own.keep(page)
            text = self.word()  # what is kept is followed by itself: it is told apart by its next words
            nodes[text] = tuple(shown)
            await write(device, text, page)


async def live(steps):
    relay = FakeRelay(FakeClock())
    phone = await Desk("Alice Fern", relay).set_up()
    tablet = await linked(relay, phone, "Tablet")
    desktop = await linked(relay, phone, "Desktop", tablet)
    world = World([phone, tablet, desktop])
    await meet(*world.devices)
    for step in steps:
        await world.step(*step)
    for device in world.devices:
        await core(device).journal.save_drafts()
    await meet(*world.devices, rounds=4)
    for page in world.pages:
        for device in world.devices:
            assert await world.shown(device, page) == world.newest(page), (page, device.name)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, min_size=4, max_size=25))
def test_three_devices_come_to_the_same_and_lose_nothing(steps):
    asyncio.run(live(steps))
