"""Typing to a group: a key renders nothing, and keys that come late are not lost."""

from collections.abc import AsyncIterator

import pytest

from tests.fakes import Desk
from tests.ui.harness import HeadlessApp
from tests.ui.people import opened
from views.mirror.chat_state import Composing

NAME = "First-year leads"
FIELD = f"Message to {NAME}"


@pytest.fixture
async def desk() -> Desk:
    return await Desk().set_up()


@pytest.fixture
async def chat(desk: Desk) -> AsyncIterator[HeadlessApp]:
    core = desk.companion.opened
    assert core is not None
    group = await core.groups.create(NAME, "pine")
    async with opened(desk, route=f"/groups/{group.id}") as app:
        await app.until(lambda: FIELD in [name for name, _ in app.named()])
        yield app


async def rendered_by_keys(app: HeadlessApp, field: str, *texts: str) -> list[str]:
    before = len(app.rendered)
    for text in texts:
        await app.set(field, text)
    return app.rendered[before:]


async def test_a_key_in_the_composer_renders_nothing(chat: HeadlessApp) -> None:
    assert await rendered_by_keys(chat, FIELD, "H", "He", "Hello @nobody who is here") == []


async def test_a_key_in_the_editor_renders_only_when_there_are_words_or_none(desk: Desk, chat: HeadlessApp) -> None:
    core, state = desk.companion.opened, desk.window.state
    assert core is not None
    group = state.chat.group
    await core.chat.post(group, "Said")
    (message,) = await core.chat.messages(group)
    state.composing = Composing(group=group, editing=message.id)
    await chat.until(lambda: "Your message" in [name for name, _ in chat.named()])
    await chat.until(lambda: chat.by_name("Your message").value == "Said")
    assert await rendered_by_keys(chat, "Your message", "Said i", "Said it") == []
    assert await rendered_by_keys(chat, "Your message", "") == ["Editor"]


async def test_a_key_that_comes_late_after_sending_stands_in_the_empty_field(desk: Desk, chat: HeadlessApp) -> None:
    await chat.set(FIELD, "Hello")
    await chat.click("Send")
    await chat.until(lambda: chat.by_name(FIELD).value == "")
    await chat.set(FIELD, "Hellox")
    assert chat.by_name(FIELD).value == "x"
