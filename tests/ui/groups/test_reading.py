"""Reading in a group: a long conversation, what is new, and what is folded away."""

import flet as ft

from companion.app.chat.chatting import Ways
from tests.fakes import Desk, deliver
from tests.ui.groups.talk import FIELD, NAME, core, messages, pass_on, press
from tests.ui.harness import HeadlessApp
from tests.ui.people import DESKTOP, opened


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


async def test_one_topic_is_read_at_a_time_and_all_of_them_again(hazel: Desk, jay: Desk, group: str) -> None:
    await core(jay).chat.post(group, "Who swaps Tuesday?", Ways(topic="Rotas"))
    await core(jay).chat.post(group, "The kettle is broken", Ways(topic="Kitchen"))
    await deliver(jay, hazel)

    def is_shown(app: HeadlessApp, words: str) -> bool:
        return any(label.startswith(f"Jay Thistle, {words}") for label in app.labels())

    async with opened(hazel, route=f"/groups/{group}") as app:
        await app.until(lambda: is_shown(app, "The kettle is broken"))
        await app.click("Rotas")
        await app.until(lambda: is_shown(app, "Who swaps Tuesday?") and not is_shown(app, "The kettle is broken"))
        await app.click("All")
        await app.until(lambda: is_shown(app, "The kettle is broken"))


async def test_topics_stand_beside_the_conversation_on_a_desktop(hazel: Desk, jay: Desk, group: str) -> None:
    await core(jay).chat.post(group, "The kettle is broken", Ways(topic="Kitchen"))
    await deliver(jay, hazel)
    async with opened(hazel, route=f"/groups/{group}", **DESKTOP) as app:
        await app.until(lambda: "Topics" in app.texts())
        assert "Kitchen" in app.texts()
