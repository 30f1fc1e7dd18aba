"""What is due happens while the app is open, without anybody pressing anything, and faults do not end it."""

import asyncio

import pytest

from companion.app.chat.chatting import UNDO_MS, Ways
from services.due import DueTimer
from tests.fakes import Desk, deliver, make_pair


async def until(condition) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # no event says it
            await asyncio.sleep(0.005)


@pytest.fixture
async def hazel() -> Desk:
    return await Desk("Hazel Ford").set_up()


@pytest.fixture
async def timer(hazel: Desk):
    timer = DueTimer(hazel.companion, hazel.clock)
    timer.start()
    yield timer
    await timer.stop()


def outbox(desk: Desk) -> int:
    return len(desk.vault.store.tables.get("outbox", {}))


async def test_a_held_message_goes_by_itself_when_it_is_due(hazel: Desk, timer: DueTimer) -> None:
    jay = await Desk("Jay Thistle", hazel.relay).set_up()
    group = await make_pair(hazel, jay)
    await deliver(hazel, jay)
    before = outbox(hazel)
    message = await hazel.companion.opened.chat.post(group, "In a moment", Ways(hold_ms=UNDO_MS))
    await asyncio.sleep(0)
    assert outbox(hazel) == before
    hazel.clock.move(UNDO_MS)
    hazel.companion._tell(frozenset({"waiting"}))  # the fake clock wakes nobody
    waiting = hazel.vault.store.tables["waiting"]
    await until(lambda: waiting[message.id]["state"] == "waiting")


async def test_it_goes_on_after_a_full_disk_and_after_a_lock(hazel: Desk, timer: DueTimer) -> None:
    jay = await Desk("Jay Thistle", hazel.relay).set_up()
    group = await make_pair(hazel, jay)
    message = await hazel.companion.opened.chat.post(group, "In a moment", Ways(hold_ms=UNDO_MS))
    hazel.clock.move(UNDO_MS)
    hazel.vault.store.fails = True
    hazel.companion._tell(frozenset({"waiting"}))
    for _ in range(20):
        await asyncio.sleep(0)
    hazel.vault.store.fails = False
    await hazel.companion.lock(hands_over=False)
    await hazel.companion.unlock(passphrase="green chair by the window")
    waiting = hazel.vault.store.tables["waiting"]
    await until(lambda: waiting[message.id]["state"] == "waiting")
