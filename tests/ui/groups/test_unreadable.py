"""One document that this version cannot read holds up nothing else, and is said."""

import pytest

from companion.app.chat.chatting import UNDO_MS, Ways
from companion.chat.message import WAITING, messages_table
from companion.checkins import TABLE as CHECKINS
from companion.journal import TABLE as JOURNAL
from companion.ports import Change, Put
from companion.stories import TABLE as STORIES
from tests.fakes import NOW_MS, Desk, deliver
from tests.ui.people import opened

UNREADABLE = {"_v": 1, "state": "received", "at_ms": NOW_MS, "seq": "1"}


async def plant(desk: Desk, table: str, **more: object) -> None:
    await desk.vault.store.commit(Change(put=(Put(table, {"_id": "f" * 32, **UNREADABLE, **more}),)))


async def test_an_unreadable_line_stands_in_its_place_and_the_others_are_shown(hazel: Desk, group: str) -> None:
    opened_core = hazel.companion.opened
    await opened_core.chat.post(group, "Before.")
    await plant(hazel, messages_table(group), group=group)
    await opened_core.chat.post(group, "After.")
    await deliver(hazel)
    async with opened(hazel, route=f"/groups/{group}") as app:
        await app.until(lambda: "After." in app.texts())
        said = app.texts()
        assert "Before." in said
        assert said.count(hazel.window.texts("groups.unreadable_line")) == 1
    assert hazel.window.state.unread == frozenset()


@pytest.mark.parametrize("state", ["held", "uploading"])
async def test_an_unreadable_line_that_waits_holds_up_no_other(hazel: Desk, group: str, state: str) -> None:
    core = hazel.companion.opened
    await plant(hazel, WAITING, group=group, state=state)
    await core.chat.post(group, "Mine.", Ways(hold_ms=UNDO_MS))
    hazel.clock.move(UNDO_MS)
    await core.due.run()
    await deliver(hazel)
    assert [one.text for one in await core.chat.messages(group) if one.state == "sent"] == ["Mine."]
    await core.chat.post(group, "At the lock.", Ways(hold_ms=UNDO_MS))
    await core.due.hurry()
    await deliver(hazel)
    assert [one.text for one in await core.chat.messages(group) if one.state == "sent"] == ["Mine.", "At the lock."]


async def test_a_part_that_cannot_be_read_is_said_and_the_app_opens(hazel: Desk, group: str) -> None:
    await plant(hazel, STORIES)
    await plant(hazel, CHECKINS)
    await plant(hazel, JOURNAL)
    async with opened(hazel, route="/groups") as app:
        texts = hazel.window.texts
        names = ", ".join(texts(f"errors.part_{part}") for part in ("checkins", "journal", "stories"))
        await app.until(lambda: texts("errors.unread_notice", parts=names) in app.texts())
        assert any(one.startswith(hazel.window.state.groups[0].group.name) for one, _ in app.named())
        assert hazel.window.state.phase == "open"
