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


async def test_a_key_in_the_field_for_an_invite_renders_only_when_there_are_words_or_none(desk: Desk) -> None:
    field = "Link or code of the invite"
    async with opened(desk, route="/groups/join") as app:
        assert app.by_name("Look at the invite").disabled
        assert await rendered_by_keys(app, field, "A") == ["JoinPage"]
        assert not app.by_name("Look at the invite").disabled
        assert await rendered_by_keys(app, field, "AB", "ABC", "ABCD-EFGH") == []
        await app.click("Look at the invite")
        assert app.by_name(field).error == desk.window.texts("errors.InviteGarbled")
        assert (await rendered_by_keys(app, field, "ABCD-EFG", "ABCD-EF"), app.by_name(field).error) == (
            ["JoinPage"],
            None,
        )


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


async def test_a_key_in_a_poll_renders_nothing_and_what_was_typed_is_asked(desk: Desk, chat: HeadlessApp) -> None:
    core, state = desk.companion.opened, desk.window.state
    assert core is not None
    group = state.chat.group
    state.composing = Composing(group=group, mode="poll")
    await chat.until(lambda: "What would you like to ask?" in [name for name, _ in chat.named()])
    assert await rendered_by_keys(chat, "What would you like to ask?", "W", "Wh", "When shall we meet?") == []
    assert await rendered_by_keys(chat, "Answer 1", "Mon", "Monday") == []
    await chat.click("Another answer")
    assert [chat.by_name(f"Answer {number}").value for number in (1, 2, 3)] == ["Monday", "No", ""]
    assert chat.by_name("What would you like to ask?").value == "When shall we meet?"
    assert await rendered_by_keys(chat, "Answer 3", "Friday") == []
    await chat.click("Ask")
    await chat.until(lambda: "When shall we meet?" in chat.texts())
    assert {"Monday", "No", "Friday"} <= set(chat.texts())


async def test_a_key_in_the_name_of_a_topic_renders_only_when_there_are_words_or_none(
    desk: Desk, chat: HeadlessApp
) -> None:
    state = desk.window.state
    state.composing = Composing(group=state.chat.group, mode="topic")
    label = desk.window.texts("groups.topic_name")
    await chat.until(lambda: label in [name for name, _ in chat.named()])
    assert await rendered_by_keys(chat, label, "R") == ["TopicPanel"]
    assert await rendered_by_keys(chat, label, "Ro", "Rota") == []
    await chat.click(desk.window.texts("groups.topic_use"))
    await chat.until(lambda: state.composing.topic == "Rota")


async def test_a_key_in_the_name_of_a_new_group_renders_only_what_was_wrong_with_it(desk: Desk) -> None:
    texts = desk.window.texts
    async with opened(desk, route="/groups/new") as app:
        label = texts("groups.name")
        assert await rendered_by_keys(app, label, "F", "First") == []
        await app.set(label, " ")
        await app.click(texts("groups.start_now"))
        await app.until(lambda: app.by_name(label).error == texts("groups.name_problem"))
        assert await rendered_by_keys(app, label, "F") == ["StartPage"]
        assert await rendered_by_keys(app, label, "First") == []
        assert app.by_name(label).error is None
