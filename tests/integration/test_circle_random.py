"""People in several groups of one circle, a real relay, things in any order: who is on reads all, who is off nothing.

The long run, as the issue asks for it: `CIRCLE_SCRIPTS=20 CIRCLE_PEOPLE=30 CIRCLE_GROUPS=4 CIRCLE_DEVICES=45
uv run pytest -q -s --timeout=0 tests/integration/test_circle_random.py`.
"""

import contextlib
import functools
import os
import ssl
import time

import httpx
import pytest

from companion.errors import StoreError, SyncError, UsageError
from tests.integration.circle_world import World

SCRIPTS = int(os.environ.get("CIRCLE_SCRIPTS", "1"))
STEPS = int(os.environ.get("CIRCLE_STEPS", "10"))
AUTHORITIES = ssl.create_default_context()


async def play(world):
    for _ in range(STEPS):
        with contextlib.suppress(StoreError, SyncError, UsageError):  # no power, no service, not a member any more
            await world.step()
        for _ in range(world.random.randrange(4)):
            await world.work()
    for device in world.devices:
        await device.end()
        await device.on()
    await world.settle()


@pytest.fixture(autouse=True)
def one_set_of_authorities(monkeypatch):
    """Reading the list of authorities takes longer than all the rest of a client; nobody here speaks TLS."""
    monkeypatch.setattr(httpx, "AsyncClient", functools.partial(httpx.AsyncClient, verify=AUTHORITIES))


@pytest.mark.parametrize("seed", range(SCRIPTS))
async def test_who_is_on_reads_everything_and_who_is_off_nothing_new(standing_relay, seed):
    world = World(seed, standing_relay.url)
    began = time.monotonic()
    try:
        await world.assemble()
        ready = time.monotonic()
        await play(world)
        await world.check()
    finally:
        for device in world.devices:
            await device.end()
    print(f"script {seed}: {ready - began:.0f} s to begin, {time.monotonic() - ready:.0f} s, {world.said} said")
