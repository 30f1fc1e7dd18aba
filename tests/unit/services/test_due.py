"""What is due happens while the app is open, without anybody pressing anything, and faults do not end it."""

import asyncio
from types import SimpleNamespace

import pytest

from companion.app.chat.chatting import UNDO_MS, Ways
from services.due import LEAST_S, LOOK_AGAIN_S, DueTimer
from tests.fakes import Desk, deliver, make_pair, soon


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
    await soon(lambda: waiting[message.id]["state"] == "waiting")


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
    await soon(lambda: waiting[message.id]["state"] == "waiting")


class StillCore:
    """An opened core with one thing that is due at a moment."""

    def __init__(self, due_ms: int, *, is_read_only: bool = False) -> None:
        self.is_read_only, self.due, self.due_ms, self.runs = is_read_only, self, due_ms, 0

    async def next_ms(self) -> int:
        return self.due_ms

    async def run(self) -> None:
        self.runs += 1


def timer_of(core: StillCore | None) -> DueTimer:
    companion = SimpleNamespace(opened=core, subscribe=lambda listener: lambda: None)
    return DueTimer(companion, SimpleNamespace(now_ms=lambda: 1_000_000))


@pytest.mark.parametrize(
    ("core", "sleep_s", "runs"),
    [
        (None, LOOK_AGAIN_S, 0),
        (StillCore(0, is_read_only=True), LOOK_AGAIN_S, 0),
        (StillCore(1_000_000), LEAST_S, 1),
        (StillCore(1_000_001), LEAST_S, 0),
        (StillCore(1_030_000), 30, 0),
        (StillCore(1_000_000 + 3_600_000), LOOK_AGAIN_S, 0),
    ],
    ids=["locked", "read only", "due", "nearly due", "in half a minute", "in an hour"],
)
async def test_it_sleeps_until_something_is_due_and_never_long_or_without_a_pause(
    core: StillCore | None, sleep_s: float, runs: int
) -> None:
    assert await timer_of(core)._step() == sleep_s
    assert (0 if core is None else core.runs) == runs


@pytest.mark.parametrize("what", ["phase", "waiting", "standings", "seen", "my_polls", "groups"])
async def test_it_looks_anew_when_what_may_be_due_sooner_has_changed(what: str) -> None:
    timer = timer_of(None)
    timer._hear(frozenset({"journal"}))
    assert not timer._changed.is_set()
    timer._hear(frozenset({"journal", what}))
    assert timer._changed.is_set()
