"""Writing in a group: what is held, sent, taken back or changed, and what is asked before it goes."""

import asyncio

from companion.app.chat.drafts import DRAFTS
from companion.attachments import Picture
from companion.chat.message import WAITING
from tests.fakes import Desk, deliver
from tests.ui.groups.talk import FIELD, core, messages, pass_on, press, relay_of
from tests.ui.harness import HeadlessApp
from tests.ui.people import DESKTOP, opened
from views.mirror.chat_state import Composing


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


async def test_a_voice_note_pauses_goes_on_and_hangs_on_the_message(hazel: Desk, chat: HeadlessApp) -> None:
    await chat.click("Record a voice note")
    await chat.until(lambda: core(hazel).attaching.is_recording)
    await hazel.recorder.speak(2)
    await chat.click("Pause")
    await chat.until(lambda: "Paused" in chat.texts())
    await chat.click("Go on recording")
    await chat.until(lambda: not core(hazel).attaching.is_paused)
    await chat.click("Done")
    await chat.until(lambda: not core(hazel).attaching.is_recording)
    assert len(next(iter(hazel.vault.blobs.held.values()))) == 64_000


async def test_send_pressed_twice_at_once_sends_a_picture_once(hazel: Desk, group: str, chat: HeadlessApp) -> None:
    picture = Picture(content=b"pixels", media_type="image/png", width=4, height=3)
    file = await core(hazel).sharing.seal(group, picture)
    hazel.window.state.composing = Composing(group=group, files=(file,))
    await chat.settle()
    send = chat.by_name("Send")._i
    await asyncio.gather(*(chat.session.dispatch_event(send, "click", None) for _ in range(2)))
    await chat.settle()
    assert len(await core(hazel).chat.waiting(group)) == 1


async def test_what_hung_on_a_message_that_is_taken_back_hangs_in_the_composer_again(
    hazel: Desk, group: str, chat: HeadlessApp
) -> None:
    picture = Picture(content=b"pixels", media_type="image/png", width=4, height=3)
    file = await core(hazel).sharing.seal(group, picture)
    hazel.window.state.composing = Composing(group=group, files=(file,))
    await chat.settle()
    await chat.click("Send")
    await chat.until(lambda: "Undo" in [name for name, _ in chat.named()])
    assert hazel.window.state.composing.files == ()
    await chat.click("Undo")
    assert hazel.window.state.composing.files == (file,)
