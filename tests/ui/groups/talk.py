"""What the tests of a group do again and again: pass on what was said, press, and read what is kept."""

from typing import Any

from companion.app import Opened
from companion.chat.message import messages_table
from tests.fakes import Desk, FakeRelay, deliver
from tests.ui.harness import HeadlessApp, spoken

NAME = "First-year leads"
FIELD = f"Message to {NAME}"


def relay_of(desk: Desk) -> FakeRelay:
    return desk.relay


def core(desk: Desk) -> Opened:
    assert desk.companion.opened is not None
    return desk.companion.opened


async def pass_on(sender: Desk, reader: Desk, after_ms: int = 10_000) -> None:
    """Let what is held become due, and what is due arrive."""
    sender.clock.move(after_ms)
    await core(sender).due.run()
    await deliver(sender, reader)


async def press(app: HeadlessApp, begins: str) -> None:
    """Press the only control whose name begins like this."""
    [found] = [control for name, control in app.named() if name.startswith(begins)]
    await app.click(found)


async def press_inside(app: HeadlessApp, name: str) -> None:
    """Press something inside a message, which has a name of its own around it."""
    [found] = [control for _, control in app.named() if spoken(control) == name]
    await app.click(found)


def messages(desk: Desk, group: str) -> list[dict[str, Any]]:
    return [
        doc
        for doc in desk.vault.store.tables.get(messages_table(group), {}).values()
        if doc["kind"] in ("message", "poll")
    ]
