"""A document that this version cannot read keeps nobody out: the app opens, and the others are there."""

import pytest

from companion.app.certainty import TABLE as TIMES
from companion.attachments import IN_WORK
from companion.chat.attention import QUIET
from companion.chat.message import WAITING
from companion.stories import TABLE as STORIES
from companion.times import DAY_MS
from tests.fakes import PASSPHRASE, Desk

PARTS = {QUIET: QUIET, WAITING: "aa" * 16, TIMES: "sure", STORIES: "bb" * 16, IN_WORK: "cc" * 16}


async def reopened(desk: Desk, table: str, doc: dict[str, object]) -> None:
    await desk.companion.lock()
    desk.vault.store.tables.setdefault(table, {})[str(doc["_id"])] = doc
    await desk.companion.unlock(passphrase=PASSPHRASE)


@pytest.mark.parametrize("table", PARTS)
async def test_the_app_opens_with_an_unreadable_document_of_any_part(table: str) -> None:
    desk = await Desk("Hazel Ford").set_up()
    await reopened(desk, table, {"_id": PARTS[table], "_v": 1, "at_ms": ["no time"]})
    assert desk.companion.opened is not None
    assert desk.companion.opened.me.name == "Hazel Ford"


async def test_an_unreadable_document_keeps_no_stamp_from_being_cut() -> None:
    desk = await Desk("Hazel Ford").set_up()
    assert desk.companion.opened is not None
    ahead_ms = desk.clock.now_ms() + 9 * DAY_MS
    waits: dict[str, object] = {"_id": "dd" * 16, "_v": 1, "at_ms": ahead_ms}
    desk.vault.store.tables[WAITING] = {"aa" * 16: {"_id": "aa" * 16, "_v": 1, "at_ms": "no time"}}
    await reopened(desk, WAITING, waits)
    assert desk.vault.store.tables[WAITING]["dd" * 16]["at_ms"] == desk.clock.now_ms()
