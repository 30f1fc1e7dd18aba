"""The power goes between any two commits: after it is opened again, both devices have everything, and once."""

import pytest

from tests.fakes import PASSPHRASE, Desk
from tests.unit.app.groups.test_pairs_cut import CutStore
from tests.unit.app.own.conftest import beside, core, meet, texts, write
from tests.unit.app.own.test_files import PICTURE

LONG = "Lang. " * 12_000


async def new_desk(name, relay=None):
    desk = Desk(name, *([] if relay is None else [relay]))
    desk.vault.store = CutStore(desk.vault.calls)
    return await desk.set_up()


async def pair():
    phone = await new_desk("Alice Fern")
    tablet = await new_desk("Tablet", phone.relay)
    await core(phone).own.turn_on()
    code = await core(phone).devices.offer()
    await core(tablet).devices.link(code.code, "Tablet")
    await meet(phone, tablet)
    return phone, tablet


class Power:
    """Cuts one device's power at the n-th commit of a life; tells whether it came to that."""

    def __init__(self, device, commits):
        self.device, self.has_gone = device, False
        device.vault.store.commits_left = commits

    async def through(self, job, *args):
        try:
            return await job(*args)
        except BaseException:
            if self.device.vault.store.commits_left != 0:
                raise
            self.has_gone = True
            self.device.companion.opened = None
            self.device.network.sides.clear()
            self.device.vault.store.commits_left = None
            await self.device.companion.unlock(passphrase=PASSPHRASE)
            return None


async def until_it_no_longer_matters(scenario):
    """Try it with the power going after each number of commits, until it goes no more; return how many there were."""
    for commits in range(200):
        if not await scenario(commits):
            return commits
    raise AssertionError("it never ends")


async def test_writing_telling_and_sending_through_a_power_cut():
    async def scenario(commits):
        phone, tablet = await pair()
        page = await write(phone, "One")
        await meet(phone, tablet)
        await write(tablet, "From the tablet", page)
        await meet(tablet)
        power = Power(phone, commits)
        if await power.through(write, phone, "From the phone", page) is None:
            await write(phone, "From the phone", page)
        await power.through(meet, phone)
        await power.through(meet, phone, tablet)
        phone.vault.store.commits_left = None
        await meet(phone, tablet)
        for device in (phone, tablet):
            assert sorted([*await texts(device), *await beside(device, page)]) == ["From the phone", "From the tablet"]
        return power.has_gone

    assert await until_it_no_longer_matters(scenario) > 5


async def test_receiving_a_page_with_files_through_a_power_cut():
    async def scenario(commits):
        phone, tablet = await pair()
        page = await write(phone, LONG)
        await core(phone).journal.attach(page, PICTURE)
        await meet(phone)
        power = Power(tablet, commits)
        await power.through(meet, tablet)
        await power.through(meet, tablet)
        (picture,) = (await core(phone).journal.entry(page)).attachments
        await power.through(core(tablet).own.fetch, page, picture.id)
        tablet.vault.store.commits_left = None
        await meet(phone, tablet)
        await core(tablet).own.fetch(page, picture.id)
        entry = await core(tablet).journal.entry(page)
        assert (entry.text, [one.id for one in entry.attachments]) == (LONG, [picture.id])
        return power.has_gone

    assert await until_it_no_longer_matters(scenario) > 3


async def test_sending_a_page_with_files_through_a_power_cut():
    async def scenario(commits):
        phone, tablet = await pair()
        page = await write(phone, LONG)
        await core(phone).journal.attach(page, PICTURE)
        power = Power(phone, commits)
        await power.through(meet, phone)
        await power.through(meet, phone)
        phone.vault.store.commits_left = None
        await meet(phone, tablet)
        assert await texts(tablet) == [LONG]
        assert await beside(tablet, page) == await beside(phone, page) == []
        return power.has_gone

    assert await until_it_no_longer_matters(scenario) > 3


@pytest.mark.parametrize("which", [0, 1])
async def test_linking_through_a_power_cut(which):
    async def scenario(commits):
        phone = await new_desk("Alice Fern")
        tablet = await new_desk("Tablet", phone.relay)
        await write(phone, "From the phone")
        await write(tablet, "From the tablet")
        power = Power((phone, tablet)[which], commits)
        await power.through(core(phone).own.turn_on)
        if not core(phone).own.is_on:
            await core(phone).own.turn_on()

        async def link():
            code = await core(phone).devices.offer()
            await core(tablet).devices.link(code.code, "Tablet")

        await power.through(link)
        for _ in range(2):
            await power.through(meet, phone, tablet)
        (phone, tablet)[which].vault.store.commits_left = None
        if not core(phone)._context.me.other_devices:
            await link()
        await meet(phone, tablet)
        assert await texts(phone) == await texts(tablet) == ["From the phone", "From the tablet"]
        return power.has_gone

    assert await until_it_no_longer_matters(scenario) > 5


@pytest.mark.parametrize("which", [0, 1])
async def test_turning_the_key_through_a_power_cut(which):
    async def scenario(commits):
        phone, tablet = await pair()
        desktop = await new_desk("Desktop", phone.relay)
        code = await core(phone).devices.offer()
        await core(desktop).devices.link(code.code, "Desktop")
        await meet(phone, tablet, desktop)
        await core(phone).devices.revoke(core(desktop).device)
        power = Power((phone, tablet)[which], commits)
        for _ in range(2):
            await power.through(meet, phone, tablet)
        (phone, tablet)[which].vault.store.commits_left = None
        await write(tablet, "After")
        await meet(phone, tablet, desktop)
        spaces = [await core(device).own.space() for device in (phone, tablet)]
        assert spaces[0].keys == spaces[1].keys
        assert [space.n for space in spaces] == [1, 1]
        assert (await texts(phone), await texts(desktop)) == (["After"], [])
        return power.has_gone

    assert await until_it_no_longer_matters(scenario) > 5


async def test_founding_another_space_and_keeping_through_a_power_cut():
    async def scenario(commits):
        phone, tablet = await pair()
        page = await write(phone, "One")
        await meet(phone, tablet)
        await write(phone, "From the phone", page)
        await write(tablet, "From the tablet", page)
        await meet(phone, tablet)
        first = await core(phone).own.space()
        power = Power(phone, commits)
        await power.through(core(phone).own.found_anew, first)
        if (await core(phone).own.space()).id == first.id:
            await core(phone).own.found_anew(first)
        await power.through(meet, phone, tablet)
        await power.through(core(phone).own.keep, page)
        phone.vault.store.commits_left = None
        await core(phone).own.keep(page)
        await meet(phone, tablet)
        for device in (phone, tablet):
            assert (await texts(device), await beside(device, page)) == (["From the phone"], [])
        return power.has_gone

    assert await until_it_no_longer_matters(scenario) > 5
