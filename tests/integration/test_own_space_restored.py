"""A person's own space at a real service that is put back to a backup, with a turn of its key lost."""

import asyncio
from contextlib import AsyncExitStack

from tests.integration.people import PASSPHRASE, Person, until
from tests.integration.test_own_space import link, run_due, until_texts, write
from tests.integration.test_sync_loop_restored import back_to

__all__ = ["back_to"]


async def tell(device):
    """Tell what changed, though nobody is there, and wait until the service has it."""
    await device.opened.own.housekeeping.tell(await device.opened.own.space())

    async def said():
        await run_due(device)
        return (await device.opened.own.progress()).waiting == 0

    await until(said, 20)


async def test_what_a_backup_lost_with_a_turn_of_the_key_is_found_by_a_device_that_comes_later(
    tmp_path, relay, back_to
):
    async with AsyncExitStack() as stack:

        async def person(name):
            one = await Person(tmp_path / name, relay.url).begin("Alice Green")
            stack.push_async_callback(one.companion.lock, hands_over=False)
            return one

        phone, tablet, late = await person("phone"), await person("tablet"), await person("late")
        await phone.opened.own.turn_on()
        await link(phone, tablet)
        await write(phone, "Before")
        await until_texts(tablet, ["Before"], phone)
        put_back = await asyncio.to_thread(back_to)
        await write(phone, "Lost")
        await tell(phone)
        await phone.opened.devices.revoke(tablet.opened.device)

        async def turned():
            return {log.n for log in (await phone.opened.own.space()).logs.values()} == {1}

        await until(turned, 20)
        await write(phone, "Lost after the turn")
        await tell(phone)
        await phone.companion.lock()  # unlocked, it connects at once
        await asyncio.to_thread(put_back)
        await phone.companion.unlock(passphrase=PASSPHRASE)
        await write(phone, "New")
        await tell(phone)
        await link(phone, late)
        await until_texts(late, ["Before", "Lost", "Lost after the turn", "New"], phone)
