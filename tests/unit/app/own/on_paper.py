"""What somebody has who wrote recovery words down: where they lead, and which devices they open."""

from companion.app.own.by_words import find_by_words
from companion.space.words import words_of
from tests.fake_relay import FakeDeviceRelay
from tests.fakes import PASSPHRASE
from tests.unit.app.own.conftest import core


async def space_of(device):
    return await core(device).own.space()


async def lead_of(desk, relay, recovery=None):
    """Return where words lead, for somebody who has nothing but them."""
    return await find_by_words(recovery or desk.recovery, FakeDeviceRelay(relay, "somebody"))


async def leads_to(desk, relay, device, recovery=None):
    found, space = await lead_of(desk, relay, recovery), await space_of(device)
    assert found.identity_key == core(device)._context.me.member.identity_key
    assert (found.space, found.n, found.key) == (space.id, space.n, space.keys[-1])
    assert (found.first, found.generation, found.service) == (space.first, space.generation, space.service)


async def opens(device, desk):
    """Tell whether the words that were written down at a desk open a device."""
    return await device.vault.store.opens_with(recovery=desk.recovery)


async def renew(device):
    """Make new words on a device and return them as somebody would have them on paper."""
    device.recovery, device.words = device.companion.recovery_words()
    await core(device).recovery.renew(PASSPHRASE, device.recovery)
    return device


def full(relay, recovery):
    """Return the numbers in the small log that have a body."""
    return [event.seq for event in relay.logs[words_of(recovery).log] if event.body]
