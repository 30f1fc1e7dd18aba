"""Starting, inviting, joining and talking: who is asked what, who hears what, and what waits."""

from collections.abc import AsyncIterator
from typing import Any

import flet as ft
import pytest

from companion.app import Opened
from companion.app.chat.chatting import DRAFTS
from companion.chat.attention import Wishes
from companion.chat.message import WAITING, messages_table
from companion.inviting import TABLE as INVITES
from tests.fakes import Desk, FakeRelay, deliver, make_pair
from tests.ui.harness import HeadlessApp, spoken
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
        await app.until(lambda: f"Welcome to {NAME}" in app.texts())
        await app.click("Once a day")
        await app.click("Go to the group")
        await app.until(lambda: "Jay Thistle joined, invited by Hazel Ford" in app.labels())
        assert app.by_name(FIELD)
        assert jay.vault.store.tables["wishes"][group.id]["rhythm"] == "daily"


async def test_a_mistyped_code_says_so_beside_the_field(jay: Desk) -> None:
    async with opened(jay, route="/groups/join") as app:
        await app.set("Link or code of the invite", "ABCD-EFGH")
        await app.click("Look at the invite")
        assert app.by_name("Link or code of the invite").error == jay.window.texts("errors.InviteGarbled")
        assert "Join" not in [name for name, _ in app.named()]


async def test_a_message_can_be_taken_back_is_sent_and_is_read(
    hazel: Desk, jay: Desk, group: str, chat: HeadlessApp
) -> None:
    await chat.set(FIELD, "Too soon")
    await chat.click("Send")
    assert chat.by_name(FIELD).value == ""
    await chat.until(lambda: "Your message goes in a few seconds." in chat.texts())
    await chat.click("Undo")
    await chat.until(lambda: chat.by_name(FIELD).value == "Too soon")
    await chat.set(FIELD, "Hello Jay")
    await chat.click("Send")
    await chat.until(lambda: any(label.endswith("Going soon") for label in chat.labels()))
    await pass_on(hazel, jay)
    await chat.until(lambda: any(label.endswith("Sent") for label in chat.labels()))
    assert [doc["text"] for doc in messages(jay, group)] == ["Hello Jay"]
    await core(jay).chat.post(group, "Hello Hazel")
    await deliver(jay, hazel)
    await chat.until(lambda: any(label.startswith("Jay Thistle, Hello Hazel") for label in chat.labels()))
    for _ in range(2):  # the device whose turn comes later waits once more
        await pass_on(jay, hazel, 20_000)
    await chat.until(lambda: any(label.endswith("Delivered") for label in chat.labels()))


async def test_each_message_is_one_button_that_says_who_what_when_and_its_state(
    hazel: Desk, group: str, chat: HeadlessApp
) -> None:
    for text in ("One", "Two"):
        await core(hazel).chat.post(group, text)
    await chat.until(lambda: len([label for label in chat.labels() if label.endswith("Waiting")]) == 2)
    names = [name for name, _ in chat.named() if name.startswith("You, ")]
    assert sorted(name.split(", ")[1] for name in names) == ["One", "Two"]


async def test_without_a_connection_the_notice_says_that_it_is_saved(hazel: Desk, chat: HeadlessApp) -> None:
    relay_of(hazel).is_online = False
    await hazel.network.exchange()
    await chat.set(FIELD, "Are you there?")
    await chat.click("Send")
    hazel.clock.move(10_000)
    await core(hazel).due.run()
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
        await app.until(lambda: hazel.vault.store.tables.get(WAITING))


async def test_a_long_conversation_is_a_bounded_window_that_goes_both_ways(hazel: Desk, jay: Desk, group: str) -> None:
    for number in range(300):
        await core(hazel).chat.post(group, f"Line {number}")
    await deliver(hazel, jay)

    def lines(app: HeadlessApp) -> list[int]:
        found = [int(label.split(", ")[1][5:]) for label in app.labels() if label.startswith("You, Line ")]
        return sorted(found)

    async with opened(hazel, route=f"/groups/{group}") as app:
        await app.until(lambda: lines(app) == list(range(276, 300)))
        for _ in range(3):
            before = lines(app)
            await app.click("Earlier messages")
            await app.until(lambda before=before: lines(app) != before)
        assert lines(app) == list(range(156, 300))
        await app.click("Earlier messages")
        await app.until(lambda: lines(app)[0] == 116)
        assert lines(app) == list(range(116, 160))  # the next window, with a few rows of the last one
        await core(hazel).chat.post(group, "Line 300")
        await app.settle()
        assert lines(app)[-1] == 159  # nothing moves under the eyes of the reader
        await app.click("Later messages")
        await app.until(lambda: lines(app)[0] == 156)
        await app.click("To the newest message")
        await app.until(lambda: lines(app)[-1] == 300)


async def test_scrolling_near_an_end_reads_more_and_never_fills_the_tree(hazel: Desk, jay: Desk, group: str) -> None:
    for number in range(260):
        await core(hazel).chat.post(group, f"Line {number}")
    await deliver(hazel, jay)

    def lines(app: HeadlessApp) -> list[int]:
        return sorted(int(label.split(", ")[1][5:]) for label in app.labels() if label.startswith("You, Line "))

    async def scroll(app: HeadlessApp, pixels: float) -> None:
        lists = [one for one in app.all(ft.ListView) if one.on_scroll is not None]
        data = {"pixels": pixels, "min_scroll_extent": 0.0, "max_scroll_extent": 9_000.0, "viewport_dimension": 600.0}
        await app.fire(lists[0], "scroll", {**data, "event_type": "update"})
        await app.settle()

    async with opened(hazel, route=f"/groups/{group}") as app:
        await app.until(lambda: lines(app) == list(range(236, 260)))
        await scroll(app, 4_000.0)  # far from both ends
        assert len(lines(app)) == 24
        for _ in range(12):
            await scroll(app, 9_000.0)  # the oldest end: the list grows upwards
            assert len(lines(app)) <= 160
        assert lines(app)[0] == 0
        for _ in range(20):
            await scroll(app, 0.0 if lines(app)[0] == 0 else 9_000.0)
            assert len(lines(app)) <= 160
        assert lines(app)[-1] == 259


async def test_an_address_leads_to_the_message_it_names(hazel: Desk, jay: Desk, group: str) -> None:
    for number in range(100):
        await core(hazel).chat.post(group, f"Line {number}")
    await deliver(hazel, jay)
    wanted = next(doc["_id"] for doc in messages(hazel, group) if doc["text"] == "Line 20")
    async with opened(hazel, route=f"/groups/{group}?at={wanted}") as app:
        await app.until(lambda: any(label.startswith("You, Line 20,") for label in app.labels()))
        assert not any(label.startswith("You, Line 99,") for label in app.labels())


async def test_answer_react_change_delete_from_a_message(hazel: Desk, jay: Desk, group: str, chat: HeadlessApp) -> None:
    await core(jay).chat.post(group, "Who has an hour?")
    await deliver(jay, hazel)
    await chat.until(lambda: any(name.startswith("Jay Thistle, Who has") for name, _ in chat.named()))
    await press(chat, "Jay Thistle, Who has")
    await chat.click("React with 🙏")
    await chat.until(lambda: any(name.startswith("🙏 from You") for name, _ in chat.named()))
    await press(chat, "Jay Thistle, Who has")
    await chat.click("Answer")
    await chat.until(lambda: "Answer to Jay Thistle" in chat.texts())
    await chat.set(FIELD, "I do")
    await chat.click("Send")
    await pass_on(hazel, jay)
    answer = messages(jay, group)[-1]
    assert answer["reply_to"] == messages(jay, group)[0]["_id"]
    await chat.until(lambda: any(name.startswith("You, I do") and "Sent" in name for name, _ in chat.named()))
    await press(chat, "You, I do")
    await chat.click("Change")
    await chat.until(lambda: chat.by_name("Your message").value == "I do")
    await chat.set("Your message", "I do, on Friday")
    await chat.click("Save the change")
    await chat.until(lambda: any("I do, on Friday" in name and "edited" in name for name, _ in chat.named()))
    await press(chat, "You, I do")
    await chat.click("Delete for everyone")
    await chat.click("Delete it")
    await deliver(hazel, jay)
    assert messages(jay, group)[-1]["is_deleted"]
    await chat.until(lambda: "This message was deleted." in chat.texts())


async def test_a_mention_is_offered_while_its_name_is_typed(
    hazel: Desk, jay: Desk, group: str, chat: HeadlessApp
) -> None:
    await chat.set(FIELD, "Thank you @ja")
    await chat.click("Jay Thistle")
    await chat.until(lambda: chat.by_name(FIELD).value == "Thank you @Jay Thistle ")
    await chat.click("Send")
    await pass_on(hazel, jay)
    assert messages(jay, group)[-1]["mentions"] == [core(jay).me.person]


async def test_patient_details_are_asked_about_and_never_blocked(
    hazel: Desk, jay: Desk, group: str, chat: HeadlessApp
) -> None:
    await chat.set(FIELD, "NHS number 943 476 5919 rang")
    await chat.click("Send")
    assert "Found: an NHS number" in chat.texts()
    assert not hazel.vault.store.tables.get(WAITING)
    await chat.click("Edit")
    assert "Found: an NHS number" not in chat.texts()
    assert chat.by_name(FIELD).value == "NHS number 943 476 5919 rang"
    await chat.click("Send")
    await chat.click("Send anyway")
    await pass_on(hazel, jay)
    assert messages(jay, group)[-1]["text"] == "NHS number 943 476 5919 rang"


async def test_hard_words_bring_a_card_that_one_press_puts_away(hazel: Desk, chat: HeadlessApp) -> None:
    await chat.set(FIELD, "I can't go on")
    await chat.click("Send")
    card = "This happened on your device. Nobody has been told."
    await chat.until(lambda: card in chat.texts())
    assert hazel.vault.store.tables[WAITING]
    await chat.click("Not now")
    await chat.until(lambda: card not in chat.texts())


async def test_a_poll_takes_four_presses_and_shows_results_after_the_answer(
    hazel: Desk, jay: Desk, group: str, chat: HeadlessApp
) -> None:
    await chat.click("Add to the message")
    await chat.click("Poll")
    await chat.set("What would you like to ask?", "Thursday?")
    await chat.click("Ask")
    await pass_on(hazel, jay)
    hidden = "Results show when you have answered."
    await chat.until(lambda: any(text.startswith(hidden) for text in chat.texts()))
    await core(jay).polls.vote(group, messages(jay, group)[-1]["_id"], 1)
    await deliver(jay, hazel)
    assert "1 answer: Jay Thistle" not in chat.texts()
    await press_inside(chat, "Yes")
    await chat.until(lambda: "1 answer: Jay Thistle" in chat.texts())
    await press_inside(chat, "Close the poll")
    await chat.until(lambda: "This poll is closed." in chat.texts())


async def test_catching_up_answers_the_one_question_in_three_presses(hazel: Desk, jay: Desk, group: str) -> None:
    for number in range(79):
        await core(jay).chat.post(group, f"Line {number}")
    await core(jay).chat.post(group, "Hazel, did you get the second pair of hands?")
    await deliver(jay, hazel)
    async with opened(hazel, route="/today") as app:
        await app.click("Groups")  # 1
        await app.until(lambda: "80 new messages" in app.texts())
        await press(app, "A question to you: Hazel, did you")  # 2
        await app.until(lambda: "Answer to Jay Thistle" in app.texts())
        await app.set(FIELD, "Not yet")
        await app.click("Send")  # 3
        await app.until(lambda: not hazel.window.state.attention.since)
        await pass_on(hazel, jay)
        assert messages(jay, group)[-1]["reply_to"] == messages(jay, group)[-2]["_id"]


async def test_the_line_of_what_is_new_stands_above_the_first_new_message(hazel: Desk, jay: Desk, group: str) -> None:
    await core(jay).chat.post(group, "Old")
    await deliver(jay, hazel)
    await core(hazel).attention.mark_all_seen()
    await core(jay).chat.post(group, "New")
    await deliver(jay, hazel)
    async with opened(hazel, route=f"/groups/{group}") as app:
        await app.until(lambda: "Since you were last here" in app.labels())
        said = [label for label in reversed(app.labels()) if label.startswith(("Jay Thistle, ", "Since"))]
        names = [label.split(",")[1].strip() if "," in label else "line" for label in said]
        assert names == ["Old", "line", "New"]
        await app.until(lambda: not hazel.window.state.attention.since)


async def test_a_folded_person_is_folded_here_and_can_be_unfolded(
    hazel: Desk, jay: Desk, group: str, chat: HeadlessApp
) -> None:
    await core(jay).chat.post(group, "Loud words")
    await deliver(jay, hazel)
    await chat.until(lambda: any(name.startswith("Jay Thistle, Loud") for name, _ in chat.named()))
    await press(chat, "Jay Thistle, Loud")
    await chat.click("Fold this person")
    await chat.until(lambda: "A message from Jay Thistle is folded." in chat.texts())
    assert not any("Loud words" in text for text in chat.texts())
    await chat.click("Unfold")
    await chat.until(lambda: any(name.startswith("Jay Thistle, Loud") for name, _ in chat.named()))


async def test_ground_rules_are_written_by_who_looks_after_the_group_and_agreed_on_joining(
    hazel: Desk, jay: Desk, group: str
) -> None:
    async with opened(hazel, route=f"/groups/{group}/rules") as app:
        await app.click("Write them down")
        await app.set("What this group is for", "Leading for the first time")
        await app.click("Put it forward")
        await app.until(lambda: "Leading for the first time" in app.texts())
        await app.click("Kept for 30 days")
        await app.until(lambda: hazel.vault.store.tables["agreements"][group]["keep_days"] == 30)
    await deliver(hazel, jay)
    async with opened(jay, route=f"/groups/{group}") as app:
        await app.until(lambda: "What is said here stays here." in app.texts())
        await app.click("Agree and go to the group")
        await app.until(lambda: "Hazel Ford put forward ground rules" in app.labels())
    await deliver(jay, hazel)
    assert len(hazel.vault.store.tables["agreements"][group]["agreed"]) == 2


async def test_in_clinic_is_two_presses_and_says_until_when(hazel: Desk, group: str) -> None:
    async with opened(hazel, route="/groups") as app:
        await app.click("Quiet hours and alerts")
        await app.click("For 1 hour")
        await app.until(lambda: any(text.startswith("In clinic until") for text in app.texts()))
        await app.click("20:00 to 7:00")
        await app.click("The group's name")
        quiet = hazel.vault.store.tables["quiet"]["quiet"]
        assert (quiet["from_minute"], quiet["level"]) == (1200, "group")


async def test_a_facilitator_is_asked_and_answers(hazel: Desk, jay: Desk, group: str) -> None:
    wren = await Desk("Wren Ashby", hazel.relay).set_up()
    invite = await core(hazel).groups.invite(group)
    await core(wren).groups.join(await core(wren).groups.look_at(invite.code.code))
    await deliver(hazel, jay, wren)
    await core(wren).chat.post(group, "Unkind words")
    await deliver(hazel, jay, wren)
    await core(jay).attention.set_wishes(Wishes(group=group, is_welcomed=True))
    async with opened(jay, route=f"/groups/{group}") as app:
        await app.until(lambda: any(name.startswith("Wren Ashby, Unkind") for name, _ in app.named()))
        await press(app, "Wren Ashby, Unkind")
        await app.click("Ask a facilitator")
        assert any("This goes to Hazel Ford alone." in text for text in app.texts())
        await app.set("What would you like them to know?", "Please look")
        await app.click("Send it")
        await app.settle()
    await deliver(hazel, jay, wren)
    async with opened(hazel, route=f"/groups/{group}", **DESKTOP) as app:
        await app.until(lambda: "Jay Thistle asked you" in app.texts())
        await app.set("What came of it", "We have talked.")
        await app.click("Tell them")
    await deliver(hazel, jay, wren)
    assert [doc["answer"] for doc in jay.vault.store.tables["reports"].values()] == ["We have talked."]
    assert not wren.vault.store.tables.get("reports")


async def test_the_list_names_the_newest_line_and_what_waits(hazel: Desk, group: str) -> None:
    await hazel.companion.opened.chat.post(group, "Shall we talk?")  # type: ignore[union-attr]  # set up
    async with opened(hazel, route="/groups") as app:
        name = next(name for name, _ in app.named() if name.startswith(NAME))
        assert "You: Shall we talk?" in name
        assert "Waiting" in name


async def test_a_desktop_shows_the_people_beside_the_conversation(hazel: Desk, group: str) -> None:
    async with opened(hazel, route=f"/groups/{group}", **DESKTOP) as app:
        texts = app.texts()
        assert "2 people in this group. Nobody else, including us." in texts
        assert {"Hazel Ford (you)", "Jay Thistle", "GP", "Practice manager"} <= set(texts)


async def test_an_open_invite_is_listed_and_can_be_taken_back(hazel: Desk, group: str) -> None:
    await core(hazel).groups.invite(group)
    async with opened(hazel, route=f"/groups/invite-{group}") as app:
        await app.until(lambda: "Take it back" in [name for name, _ in app.named()])
        await app.click("Take it back")
        await app.until(lambda: "Take it back" not in [name for name, _ in app.named()])
    assert await core(hazel).groups.invites(group) == ()


async def test_who_looks_after_a_group_can_share_that_and_remove_somebody(hazel: Desk, jay: Desk, group: str) -> None:
    async with opened(hazel, route=f"/groups/{group}", **DESKTOP) as app:
        await app.click("What you can do about Jay Thistle")
        await app.click("Let Jay Thistle look after the group too")
        await deliver(hazel, jay)
        await app.until(lambda: app.texts().count("Looks after the group") == 2)
        await app.click("What you can do about Jay Thistle")
        await app.click("Remove from the group")
        await app.click("Remove from the group")
        await deliver(hazel, jay)
        await app.until(lambda: "Jay Thistle was removed by Hazel Ford" in app.labels())
    async with opened(jay, route=f"/groups/{group}") as app:
        gone = "You are no longer in this group. What was said stays on this device."
        await app.until(lambda: gone in app.texts())
        assert FIELD not in [name for name, _ in app.named()]


async def test_leaving_asks_once_and_leaves_a_quiet_line(hazel: Desk, jay: Desk, group: str) -> None:
    await core(jay).attention.set_wishes(Wishes(group=group, is_welcomed=True))
    async with opened(jay, route=f"/groups/{group}", **DESKTOP) as app:
        await app.click("Leave the group")
        await app.click("Leave")
        for _ in range(3):
            await deliver(hazel, jay)
        await app.until(lambda: any(name.endswith("Left. " + name.rsplit(". ", 1)[-1]) for name, _ in app.named()))
    async with opened(hazel, route=f"/groups/{group}") as app:
        await app.until(lambda: "Jay Thistle left" in app.labels())


async def test_somebody_is_picked_with_a_reason_and_a_ready_line(hazel: Desk, jay: Desk, group: str) -> None:
    await core(jay).chat.post(group, "Hello")
    await deliver(jay, hazel)
    async with opened(hazel, route="/today") as app:
        await app.click("Get in touch")
        await app.until(lambda: "New in your group." in app.texts())
        await press(app, "Write to Jay")
        await app.until(lambda: str(app.by_name(FIELD).value).startswith("@Jay Thistle I could do with a chat"))


async def test_with_nobody_to_write_to_help_lines_stand_there(hazel: Desk) -> None:
    async with opened(hazel, route="/groups/reach") as app:
        await app.until(lambda: any("116 123" in text for text in app.texts()))


async def test_one_content_free_notice_for_a_burst_and_none_for_what_is_on_the_screen(
    hazel: Desk, jay: Desk, group: str
) -> None:
    def notices() -> list[tuple[str, str, str]]:
        return [call for call in hazel.calls if call[0] == "notified"]

    async with opened(hazel, route="/journal") as app:
        for text in ("Loud words", "More of them"):
            await core(jay).chat.post(group, text)
        await deliver(jay, hazel)
        await app.until(notices)
        assert [text for _, _, text in notices()] == ["There is something new."]
    hazel.clock.move(3_600_000)
    async with opened(hazel, route=f"/groups/{group}") as app:
        await core(jay).chat.post(group, "You see me")
        await deliver(jay, hazel)
        await app.until(lambda: any(name.startswith("Jay Thistle, You see me") for name, _ in app.named()))
        assert len(notices()) == 1
