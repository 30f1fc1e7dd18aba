"""Starting, inviting, joining and talking: who is asked what, who hears what, and what waits."""

from collections.abc import AsyncIterator
from typing import Any

import flet as ft
import pytest

from companion.groups import DRAFTS, INVITES, messages_table
from tests.fakes import Desk, FakeRelay, deliver, make_pair
from tests.ui.harness import HeadlessApp
from tests.ui.people import DESKTOP, opened

NAME = "First-year leads"
FIELD = f"Message to {NAME}"


@pytest.fixture
async def hazel() -> Desk:
    return await Desk("Hazel Ford").set_up("practice_manager")


@pytest.fixture
async def jay(hazel: Desk) -> Desk:
    return await Desk("Jay Thistle", hazel.relay).set_up("gp")


@pytest.fixture
async def group(hazel: Desk, jay: Desk) -> str:
    return await make_pair(hazel, jay, NAME)


@pytest.fixture
async def chat(hazel: Desk, group: str) -> AsyncIterator[HeadlessApp]:
    async with opened(hazel, route=f"/groups/{group}") as app:
        yield app


def relay_of(desk: Desk) -> FakeRelay:
    return desk.relay


def messages(desk: Desk, group: str) -> list[dict[str, Any]]:
    return [doc for doc in desk.vault.store.tables.get(messages_table(group), {}).values() if doc["kind"] == "message"]


async def test_an_empty_list_offers_both_ways_in(hazel: Desk) -> None:
    async with opened(hazel, route="/groups") as app:
        assert "No groups yet." in app.texts()
        assert app.by_name("Start a group")
        assert app.by_name("Join a group")


async def test_a_group_is_started_with_a_name_and_a_look(hazel: Desk) -> None:
    async with opened(hazel, route="/groups") as app:
        await app.click("Start a group")
        await app.click("Start the group")
        assert app.by_name("Name of the group").error == "Give the group a name of up to 60 letters."
        await app.set("Name of the group", NAME)
        await app.click("Boat")
        await app.click("Start the group")
        await app.until(lambda: hazel.window.state.groups)
        made = hazel.window.state.groups[0].group
        assert (made.name, made.look) == (NAME, "sky")
        assert app.page.route == f"/groups/{made.id}"
        assert "Say who you are and one thing on your mind." in app.texts()


async def test_an_invite_shows_link_code_inviter_and_end_and_can_be_copied(hazel: Desk) -> None:
    group = await hazel.companion.opened.groups.create(NAME, "pine")  # type: ignore[union-attr]  # set up
    async with opened(hazel, route=f"/groups/invite-{group.id}") as app:
        await app.click("Make an invite")
        doc = next(iter(hazel.vault.store.tables[INVITES].values()))
        code = str(doc["code"])
        short = "-".join(code[i : i + 4] for i in range(0, 16, 4))
        assert short in app.texts()
        assert f"companion://join?service=local#{short}" in app.texts()
        assert any(text.startswith("From you, Hazel Ford.") for text in app.texts())
        assert any("on this computer only" in text for text in app.texts())
        copied: list[Any] = []
        app.connection.replies["set"] = lambda arguments: copied.append(arguments["data"])
        await app.click("Copy the code")
        assert copied == [short]


async def test_no_service_means_no_invite_and_one_clear_sentence(hazel: Desk) -> None:
    group = await hazel.companion.opened.groups.create(NAME, "pine")  # type: ignore[union-attr]  # set up
    relay_of(hazel).is_online = False
    async with opened(hazel, route=f"/groups/invite-{group.id}") as app:
        await app.click("Make an invite")
        assert hazel.window.texts("errors.Offline") in app.texts()
        assert not any("companion://" in text for text in app.texts())


async def test_a_guest_sees_who_invites_to_what_before_anything_is_sent(hazel: Desk, jay: Desk) -> None:
    groups = hazel.companion.opened.groups  # type: ignore[union-attr]  # set up
    group = await groups.create(NAME, "pine")
    await deliver(hazel)
    invite = await groups.invite(group.id)
    async with opened(jay, route="/groups/join") as app:
        await app.set("Link or code of the invite", invite.code.short.lower())
        await app.click("Look at the invite")
        assert f"Hazel Ford invites you to {NAME}" in app.texts()
        assert "1 person in the group now" in app.texts()
        assert not jay.vault.store.tables.get("groups")
        await app.click("Join")
        await app.until(lambda: jay.window.state.groups)
        assert "Hazel Ford's app lets you in as soon as it is online." in app.texts()
        await deliver(hazel, jay)
        await app.until(lambda: "Jay Thistle joined, invited by Hazel Ford" in app.labels())
        assert app.by_name(FIELD)


async def test_a_mistyped_code_says_so_beside_the_field(jay: Desk) -> None:
    async with opened(jay, route="/groups/join") as app:
        await app.set("Link or code of the invite", "ABCD-EFGH")
        await app.click("Look at the invite")
        assert app.by_name("Link or code of the invite").error == jay.window.texts("errors.InviteGarbled")
        assert "Join" not in [name for name, _ in app.named()]


async def test_a_message_waits_is_sent_and_is_read(hazel: Desk, jay: Desk, group: str, chat: HeadlessApp) -> None:
    await chat.set(FIELD, "Hello Jay")
    await chat.click("Send")
    assert chat.by_name(FIELD).value == ""
    await chat.until(lambda: any(label.endswith("Waiting") for label in chat.labels()))
    await deliver(hazel, jay)
    await chat.until(lambda: any(label.endswith("Sent") for label in chat.labels()))
    assert [doc["text"] for doc in messages(jay, group)] == ["Hello Jay"]
    await jay.companion.opened.groups.post(group, "Hello Hazel")  # type: ignore[union-attr]  # set up
    await deliver(jay, hazel)
    await chat.until(lambda: any(label.startswith("Jay Thistle, Hello Hazel") for label in chat.labels()))


async def test_each_message_is_one_item_that_says_who_what_when_and_its_state(
    hazel: Desk, group: str, chat: HeadlessApp
) -> None:
    for text in ("One", "Two"):
        await hazel.companion.opened.groups.post(group, text)  # type: ignore[union-attr]  # set up
    await chat.until(lambda: len([label for label in chat.labels() if label.endswith("Waiting")]) == 2)
    items = [c for c in chat.all(ft.Semantics) if c.label and c.label.startswith("You, ")]
    assert sorted(c.label.split(", ")[1] for c in items) == ["One", "Two"]
    assert all(c.container and c.exclude_semantics for c in items)


async def test_without_a_connection_the_notice_says_that_it_is_saved(hazel: Desk, chat: HeadlessApp) -> None:
    relay_of(hazel).is_online = False
    await hazel.network.exchange()
    await chat.set(FIELD, "Are you there?")
    await chat.click("Send")
    notice = "No connection. Your message is saved and will go when you are back online."
    await chat.until(lambda: notice in chat.texts())
    relay_of(hazel).is_online = True
    await deliver(hazel)
    await chat.until(lambda: notice not in chat.texts())


async def test_what_was_typed_and_not_sent_is_there_again(hazel: Desk, group: str) -> None:
    async with opened(hazel, route=f"/groups/{group}") as app:
        await app.set(FIELD, "Half a thou")
        await app.click("Back")
        await app.until(lambda: hazel.vault.store.tables.get(DRAFTS), 0.5)
    async with opened(hazel, route=f"/groups/{group}") as app:
        await app.until(lambda: app.by_name(FIELD).value == "Half a thou")


async def test_a_message_that_is_too_long_stays_in_the_field(hazel: Desk, group: str, chat: HeadlessApp) -> None:
    await chat.set(FIELD, "x" * 8_001)
    await chat.click("Send")
    assert len(chat.by_name(FIELD).value) == 8_001
    assert any("up to 8,000 letters" in text for text in chat.texts())
    assert messages(hazel, group) == []


async def test_enter_sends_on_a_desktop_and_begins_a_line_on_a_phone(hazel: Desk, group: str) -> None:
    async with opened(hazel, route=f"/groups/{group}") as app:
        assert not app.by_name(FIELD).shift_enter
    async with opened(hazel, route=f"/groups/{group}", **DESKTOP) as app:
        assert app.by_name(FIELD).shift_enter
        await app.set(FIELD, "Hello")
        await app.submit(FIELD)
        await app.until(lambda: messages(hazel, group))


async def test_earlier_messages_come_when_asked_for_and_stay(hazel: Desk, group: str) -> None:
    groups = hazel.companion.opened.groups  # type: ignore[union-attr]  # set up
    for number in range(70):
        hazel.clock.move(1_000)
        await groups.post(group, f"Line {number}")

    def lines(app: HeadlessApp) -> set[int]:
        return {int(label.split(", ")[1][5:]) for label in app.labels() if label.startswith("You, Line ")}

    async with opened(hazel, route=f"/groups/{group}") as app:
        await app.until(lambda: lines(app) == set(range(10, 70)))
        await app.click("Earlier messages")
        await app.until(lambda: lines(app) == set(range(70)))
        await groups.post(group, "Line 70")
        await app.until(lambda: lines(app) == set(range(71)))
        assert "Earlier messages" not in [name for name, _ in app.named()]


async def test_the_list_names_the_newest_line_and_what_waits(hazel: Desk, group: str) -> None:
    await hazel.companion.opened.groups.post(group, "Shall we talk?")  # type: ignore[union-attr]  # set up
    async with opened(hazel, route="/groups") as app:
        name = next(name for name, _ in app.named() if name.startswith(NAME))
        assert "You: Shall we talk?" in name
        assert "Waiting" in name


async def test_a_desktop_shows_the_people_beside_the_conversation(hazel: Desk, group: str) -> None:
    async with opened(hazel, route=f"/groups/{group}", **DESKTOP) as app:
        texts = app.texts()
        assert "2 people in this group. Nobody else, including us." in texts
        assert {"Hazel Ford (you)", "Jay Thistle", "GP", "Practice manager"} <= set(texts)
