"""Two devices of one person and a real relay: what stands on one stands on the other, and nobody's words are lost."""

import pytest

from companion.crypto.primitives import signing_keypair
from companion.devices import device_id
from companion.errors import RelayRefused
from services.sync.client import RelayClient
from tests.integration.people import PASSPHRASE, Person, until


@pytest.fixture
async def phone(tmp_path, standing_relay):
    person = await Person(tmp_path / "phone", standing_relay.url).begin("Alice Green")
    yield person
    await person.companion.lock()


@pytest.fixture
async def tablet(tmp_path, standing_relay):
    person = await Person(tmp_path / "tablet", standing_relay.url).begin("Alice Green")
    yield person
    await person.companion.lock()


async def write(device, text, page=None):
    id = device.opened.journal.draft(page, text)
    await device.opened.journal.save_drafts()
    return id


async def texts(device):
    return sorted(entry.text for entry in await device.opened.journal.entries())


async def run_due(device):
    """What the app's timer does."""
    await device.opened.due.run()


async def is_still(device):
    """Nothing waits to go, and nothing of the past is still to come."""
    progress = await device.opened.own.progress()
    return (progress.waiting, progress.past) == (0, 0)


async def until_texts(device, expected, *others):
    async def holds():
        for one in (device, *others):
            await run_due(one)
        return await texts(device) == sorted(expected)

    await until(holds, 20)


async def link(old, new):
    code = await old.opened.devices.offer()
    await new.opened.devices.link(code.code, "Tablet")

    async def linked():
        return not await new.opened.devices.is_linking()

    await until(linked, 20)


async def test_a_journal_is_found_on_a_device_that_is_linked(phone, tablet):
    await write(phone, "Before it was shared")
    await phone.opened.own.turn_on()
    await link(phone, tablet)
    await until_texts(tablet, ["Before it was shared"], phone)
    await write(tablet, "From the tablet")
    await until_texts(phone, ["Before it was shared", "From the tablet"], tablet)
    await write(phone, "From the phone")  # the tablet was heard: it does not wait for a minute
    await until_texts(tablet, ["Before it was shared", "From the phone", "From the tablet"], phone)
    await phone.companion.lock()
    await phone.companion.unlock(passphrase=PASSPHRASE)
    assert await texts(phone) == ["Before it was shared", "From the phone", "From the tablet"]


async def test_a_revoked_device_gets_nothing_new_at_a_real_service(phone, tablet):
    await phone.opened.own.turn_on()
    await link(phone, tablet)
    await write(phone, "Before")
    await until_texts(tablet, ["Before"], phone)
    await phone.opened.devices.revoke(tablet.opened.device)

    async def turned():
        space = await phone.opened.own.space()
        return {log.n for log in space.logs.values()} == {1}

    await until(turned, 20)
    await write(phone, "After")

    await phone.opened.own.housekeeping.tell(await phone.opened.own.space())  # nobody is there: it would take a minute

    async def said():
        return await is_still(phone)

    await until(said, 20)
    assert await texts(tablet) == ["Before"]


async def test_erasing_my_account_drops_the_logs_that_belong_to_no_device(phone, standing_relay):
    await phone.opened.own.turn_on()
    await write(phone, "Gone soon")

    async def said():
        await run_due(phone)
        return await is_still(phone) and (await phone.opened.own.space()).first

    await phone.opened.own.housekeeping.tell(await phone.opened.own.space())
    await until(said, 20)
    space = await phone.opened.own.space()
    watcher = RelayClient(standing_relay.url, *_new_device())
    shelf = space.log_id("shelf").hex()
    assert await watcher.events(shelf, space.capability("shelf"), 0)
    await phone.companion.erase("account")
    await phone.companion.farewells.deliver()
    assert (await phone.companion.farewells.remains()).gone
    with pytest.raises(RelayRefused, match="404"):
        await watcher.events(shelf, space.capability("shelf"), 0)
    await watcher.close()


def _new_device():
    private, public = signing_keypair()
    return device_id(public), private
