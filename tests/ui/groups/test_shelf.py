"""The shelf of a group on the screen: pinned in two presses, found by those who come later, true in every state."""

from dataclasses import replace

import pytest

from companion.app.chat.drafts import DRAFTS
from companion.chat.attention import Wishes
from tests.fakes import Desk, deliver
from tests.ui.groups.shelves import JAY, ShelvesInMemory, a_note
from tests.ui.groups.talk import core, pass_on, press
from tests.ui.harness import HeadlessApp
from tests.ui.people import DESKTOP, opened
from views.groups.shelf.looking import title_words

PATIENT = "NHS number 943 476 5919 rang"
PINNED = "This is on the shelf now. People who join later can read it too."


@pytest.fixture
def shelf(hazel: Desk, group: str) -> ShelvesInMemory:
    return ShelvesInMemory(hazel)


async def said_by_jay(hazel: Desk, jay: Desk, group: str, text: str, chat: HeadlessApp) -> None:
    await core(jay).chat.post(group, text)
    await deliver(jay, hazel)
    await chat.until(lambda: any(name.startswith("Jay Thistle, ") for name, _ in chat.named()))


async def test_a_message_is_kept_in_two_presses_which_says_who_will_read_it_and_can_be_undone(
    hazel: Desk, jay: Desk, group: str, shelf: ShelvesInMemory, chat: HeadlessApp
) -> None:
    await said_by_jay(hazel, jay, group, "We meet on Thursday\nat seven", chat)
    await press(chat, "Jay Thistle, We meet")
    await chat.click("Keep on the shelf")
    await chat.until(lambda: PINNED in chat.texts())
    assert [note.title for note in shelf.here.notes] == ["We meet on Thursday"]
    await chat.until(lambda: "Shelf, 1 note" in [name for name, _ in chat.named()])
    await chat.click("Undo")
    await chat.until(lambda: PINNED not in chat.texts())
    assert not shelf.here.notes


async def test_what_is_on_the_shelf_is_not_kept_twice_and_one_press_leads_there(
    hazel: Desk, jay: Desk, group: str, shelf: ShelvesInMemory, chat: HeadlessApp
) -> None:
    await said_by_jay(hazel, jay, group, "We meet on Thursday", chat)
    await press(chat, "Jay Thistle, We meet")
    await chat.click("Keep on the shelf")
    await chat.until(lambda: PINNED in chat.texts())
    await press(chat, "Jay Thistle, We meet")
    await chat.until(lambda: "See it on the shelf" in [name for name, _ in chat.named()])
    assert "Keep on the shelf" not in [name for name, _ in chat.named()]
    await chat.click("See it on the shelf")
    await chat.until(lambda: "See the message it came from" in [name for name, _ in chat.named()])


async def test_patient_details_are_asked_about_before_a_message_is_kept(
    hazel: Desk, jay: Desk, group: str, shelf: ShelvesInMemory, chat: HeadlessApp
) -> None:
    await said_by_jay(hazel, jay, group, PATIENT, chat)
    await press(chat, "Jay Thistle, NHS")
    await chat.click("Keep on the shelf")
    assert "Found: an NHS number" in chat.texts()
    await chat.click("Leave it")
    assert not shelf.here.notes
    await press(chat, "Jay Thistle, NHS")
    await chat.click("Keep on the shelf")
    await chat.click("Keep it anyway")
    await chat.until(lambda: PINNED in chat.texts())
    assert len(shelf.here.notes) == 1


async def test_patient_details_are_asked_about_before_a_note_goes_up(
    hazel: Desk, group: str, shelf: ShelvesInMemory
) -> None:
    async with opened(hazel, route=f"/groups/{group}/shelf/new") as app:
        await app.until(lambda: "Title" in [name for name, _ in app.named()])
        await app.set("Title", "Call back")
        await app.set("Note", PATIENT)
        await app.click("Put it up")
        assert "Found: an NHS number" in app.texts()
        assert not shelf.here.notes
        await app.click("Put it up anyway")
        await app.until(lambda: shelf.here.notes)


@pytest.mark.parametrize("what", ["deleted", "in a line"])
async def test_only_words_of_a_group_are_kept(hazel: Desk, jay: Desk, group: str, what: str) -> None:
    ShelvesInMemory(hazel)
    if what == "in a line":
        line = await core(jay).pairs.open(core(hazel).me.person)
        await deliver(jay, hazel)
        await core(hazel).pairs.accept(core(jay).me.person)
        await deliver(hazel, jay, hazel, jay)
        group = line.id
    await core(jay).chat.post(group, "Hello Hazel")
    await deliver(jay, hazel)
    async with opened(hazel, route=f"/groups/{group}") as app:
        await app.until(lambda: any(name.startswith("Jay Thistle, Hello") for name, _ in app.named()))
        await press(app, "Jay Thistle, Hello")
        if what == "deleted":
            [message] = [one for one in hazel.window.state.chat.messages if one.kind == "message"]
            assert "Keep on the shelf" in [name for name, _ in app.named()]
            await core(jay).chat.delete(group, message.id)
            await deliver(jay, hazel)
            await app.until(lambda: "This message was deleted." in app.texts())
        assert "Close" in [name for name, _ in app.named()]
        assert "Keep on the shelf" not in [name for name, _ in app.named()]


async def test_a_note_is_written_stands_there_whole_is_changed_and_taken_down_after_a_question(
    hazel: Desk, group: str, shelf: ShelvesInMemory
) -> None:
    async with opened(hazel, route=f"/groups/{group}/shelf", **DESKTOP) as app:
        await app.until(lambda: "A place for what is worth keeping." in app.texts())
        await app.click("New note")
        await app.until(lambda: "Title" in [name for name, _ in app.named()])
        await app.set("Note", "At seven.\nCameras can stay off.")
        await app.click("Put it up")
        assert app.by_name("Title").error == "Give the note a title of up to 80 letters."
        await app.set("Title", "Thursdays")
        await app.click("Put it up")
        await app.until(lambda: any(name.startswith("Thursdays. You, ") for name, _ in app.named()))
        await press(app, "Thursdays. You, ")
        await app.until(lambda: "At seven.\nCameras can stay off." in app.texts())
        await app.click("Change the note")
        await app.until(lambda: "Title" in [name for name, _ in app.named()])
        await app.set("Title", "First Thursdays")
        await app.click("Save the change")
        await app.until(lambda: "First Thursdays" in app.texts())
        await app.click("Take it down")
        assert "Take this note down for everyone? It does not come back." in app.texts()
        await app.click("Take it down")
        await app.until(lambda: "A place for what is worth keeping." in app.texts())


async def test_a_note_that_is_being_written_is_there_again(hazel: Desk, group: str, shelf: ShelvesInMemory) -> None:
    async with opened(hazel, route=f"/groups/{group}/shelf/new") as app:
        await app.until(lambda: "Title" in [name for name, _ in app.named()])
        await app.set("Title", "Thursd")
        await app.set("Note", "At sev")
        await app.click("Not now")
        await app.until(lambda: hazel.vault.store.tables.get(DRAFTS), 0.5)
    async with opened(hazel, route=f"/groups/{group}/shelf/new") as app:
        await app.until(lambda: "Title" in [name for name, _ in app.named()])
        assert (app.by_name("Title").value, app.by_name("Note").value) == ("Thursd", "At sev")
        await app.set("Title", "Thursdays")
        await app.click("Put it up")
        await app.until(lambda: shelf.here.notes)
        await app.click("New note")
        await app.until(lambda: "Title" in [name for name, _ in app.named()])
        assert (app.by_name("Title").value, app.by_name("Note").value) == ("", "")


async def test_a_lock_saves_what_is_typed_in_a_note(hazel: Desk, group: str, shelf: ShelvesInMemory) -> None:
    async with opened(hazel, route=f"/groups/{group}/shelf/new") as app:
        await app.until(lambda: "Title" in [name for name, _ in app.named()])
        await app.set("Title", "Thursdays")
        await hazel.companion.lock()
        await app.settle()
    [draft] = hazel.vault.store.tables[DRAFTS].values()
    assert draft["text"] == "Thursdays\n"


async def test_words_for_a_note_that_was_taken_down_meanwhile_go_up_as_a_new_one(
    hazel: Desk, group: str, shelf: ShelvesInMemory
) -> None:
    note = a_note("1", "Thursdays", "At seven")
    shelf.become(notes=(note,))
    async with opened(hazel, route=f"/groups/{group}/shelf/{note.id}-{note.author}/change") as app:
        await app.until(lambda: "Title" in [name for name, _ in app.named()])
        await app.set("Note", "At eight")
        shelf.become(notes=())
        await app.until(lambda: any(text.startswith("This note was taken down meanwhile.") for text in app.texts()))
        assert app.by_name("Note").value == "At eight"
        await app.click("Put it up")
        await app.until(lambda: [note.text for note in shelf.here.notes] == ["At eight"])


async def test_what_others_put_there_is_read_and_left_alone(hazel: Desk, group: str, shelf: ShelvesInMemory) -> None:
    shelf.become(notes=(a_note("2", "Read me", "Welcome", name="Jay Thistle", author=JAY, is_mine=False,
                               may_take_down=False),))  # fmt: skip
    async with opened(hazel, route=f"/groups/{group}/shelf") as app:
        await app.until(lambda: any(name.startswith("Read me. Jay Thistle, ") for name, _ in app.named()))
        await press(app, "Read me. Jay Thistle")
        await app.until(lambda: "Welcome" in app.texts())
        names = [name for name, _ in app.named()]
        assert "Change the note" not in names
        assert "Take it down" not in names


async def test_who_was_invited_is_told_to_read_it_first_until_they_have_looked(
    hazel: Desk, jay: Desk, group: str
) -> None:
    shelf = ShelvesInMemory(jay, a_note("3", "Thursdays"))
    async with opened(jay, route=f"/groups/{group}") as app:
        await app.until(lambda: "Go to the group" in [name for name, _ in app.named()])
        await app.click("Go to the group")
        await app.until(lambda: "Shelf, 1 note" in [name for name, _ in app.named()])  # it is their own
        shelf.become(notes=(a_note("3", "Thursdays", is_mine=False),))
        await app.until(lambda: "Read this first: shelf, 1 note" in [name for name, _ in app.named()])
        await app.click("Read this first: shelf, 1 note")
        await app.until(lambda: any(name.startswith("Thursdays. ") for name, _ in app.named()))
        await app.go(f"/groups/{group}")
        await app.until(lambda: "Shelf, 1 note" in [name for name, _ in app.named()])


async def test_the_details_of_a_group_lead_to_its_shelf(hazel: Desk, group: str, shelf: ShelvesInMemory) -> None:
    async with opened(hazel, route=f"/groups/{group}", **DESKTOP) as app:
        await app.until(lambda: "Shelf. Nothing there yet" in [name for name, _ in app.named()])
        shelf.become(notes=(a_note("4", "One"), a_note("5", "Two")))
        await app.until(lambda: "Shelf. 2 notes" in [name for name, _ in app.named()])
        await app.click("Shelf. 2 notes")
        await app.until(lambda: "New note" in [name for name, _ in app.named()])


async def test_what_is_put_there_waits_and_is_then_found_by_others(hazel: Desk, jay: Desk, group: str) -> None:
    """Hazel looks after the group: its shelf begins with her app. Nothing here stands in for the core."""
    async with opened(jay, route=f"/groups/{group}/shelf/new", **DESKTOP) as app:
        await app.until(lambda: "Go to the group" in [name for name, _ in app.named()])
        await app.click("Go to the group")
        await app.until(lambda: "Title" in [name for name, _ in app.named()])
        await app.set("Title", "Thursdays")
        await app.click("Put it up")
        await app.until(lambda: any(name.startswith("Thursdays. ") and "Waiting" in name for name, _ in app.named()))
        assert any(text.startswith("This shelf begins when somebody who looks after") for text in app.texts())
        for _ in range(14):
            for desk in (hazel, jay):
                desk.clock.move(20_000)
                await core(desk).together.keeping.run()
                await desk.network.exchange()
        await app.until(
            lambda: any(name.startswith("Thursdays. ") and "Waiting" not in name for name, _ in app.named())
        )
        assert not any(text.startswith("This shelf begins when") for text in app.texts())
    async with opened(hazel, route=f"/groups/{group}/shelf") as app:
        await app.until(lambda: any(name.startswith("Thursdays. Jay Thistle, ") for name, _ in app.named()))


async def test_a_message_that_is_kept_waits_until_it_is_up_and_undone_is_gone(
    hazel: Desk, jay: Desk, group: str, chat: HeadlessApp
) -> None:
    """Nothing here stands in for the core."""
    await said_by_jay(hazel, jay, group, "We meet on Thursday", chat)
    await press(chat, "Jay Thistle, We meet")
    await chat.click("Keep on the shelf")
    await chat.until(lambda: "This goes on the shelf by itself. People who join later can read it too." in chat.texts())
    await chat.until(lambda: "Shelf, 1 note" in [name for name, _ in chat.named()])
    await chat.click("Undo")
    await chat.until(lambda: "Shelf, 1 note" not in [name for name, _ in chat.named()])


def test_a_title_that_was_cut_says_that_it_goes_on() -> None:
    kept = a_note("7", "We meet on Thurs", "We meet on Thursday\nat seven", message="8" * 32)
    assert title_words(kept) == "We meet on Thurs…"
    assert title_words(replace(kept, message="")) == "We meet on Thurs"
    assert title_words(replace(kept, text="We meet on Thurs\nat seven")) == "We meet on Thurs"


async def test_who_is_out_is_told_so_in_place_of_the_shelf(hazel: Desk, jay: Desk, group: str) -> None:
    ShelvesInMemory(jay, a_note("b", "Thursdays"))
    await core(jay).attention.set_wishes(Wishes(group=group, is_welcomed=True))
    async with opened(jay, route=f"/groups/{group}/shelf") as app:
        await app.until(lambda: any(name.startswith("Thursdays. ") for name, _ in app.named()))
        await core(hazel).groups.remove_member(group, core(jay).me.person)
        await deliver(hazel, jay)
        await app.until(lambda: not any(name.startswith("Thursdays. ") for name, _ in app.named()))
        assert "You are no longer in this group. What was said stays on this device." in app.texts()


STATES = {
    "opening": ({"state": "opening"}, "Notes may still be on their way to this device."),
    "waiting": ({"notes": (a_note("6", "One", is_waiting=True),)}, "On your device only so far."),
    "forked": ({"is_forked": True}, "The sync service shows people different versions of this shelf"),
    "left": ({"still_read": ("Rowan Dale",)}, "No longer in the group, but still able to read what is put here: Rowan"),
    "begins": ({"waits_for_carer": True}, "This shelf begins when somebody who looks after the group"),
    "carer": (
        {"state": "here", "waits_for_carer": True},
        "The keys of this shelf change when somebody who looks after",
    ),
}


@pytest.mark.parametrize("state", STATES)
async def test_each_state_of_a_shelf_has_a_sentence(
    hazel: Desk, group: str, shelf: ShelvesInMemory, state: str
) -> None:
    parts, words = STATES[state]
    async with opened(hazel, route=f"/groups/{group}/shelf") as app:
        await app.until(lambda: "A place for what is worth keeping." in app.texts())
        assert not any(text.startswith(words) for text in app.texts())
        shelf.become(**parts)
        await app.until(lambda: any(text.startswith(words) for text in app.texts()))


FATES = {
    "goes": ({}, "A note on the shelf was made of it. It is taken down too, by itself, once the app"),
    "stays": ({"is_changed": True}, "A note on the shelf was made of it and has other words by now. It stays there"),
}


@pytest.mark.parametrize("fate", FATES)
async def test_what_becomes_of_the_note_that_was_made_of_a_message_is_said_before_it_is_deleted(
    hazel: Desk, jay: Desk, group: str, shelf: ShelvesInMemory, chat: HeadlessApp, fate: str
) -> None:
    parts, words = FATES[fate]
    await core(hazel).chat.post(group, "We meet on Thursday")
    await pass_on(hazel, jay)
    await chat.until(lambda: any(name.startswith("You, We meet") and "Sent" in name for name, _ in chat.named()))
    [message] = [one for one in hazel.window.state.chat.messages if one.kind == "message"]
    shelf.become(notes=(a_note("f", "We meet on Thursday", message=message.id, **parts),))
    await press(chat, "You, We meet")
    await chat.until(lambda: "See it on the shelf" in [name for name, _ in chat.named()])
    await chat.click("Delete for everyone")
    assert next(text for text in chat.texts() if text.startswith("A note on the shelf")).startswith(words)


async def test_a_shelf_that_got_full_meanwhile_says_so_and_keeps_what_was_typed(
    hazel: Desk, group: str, shelf: ShelvesInMemory
) -> None:
    async with opened(hazel, route=f"/groups/{group}/shelf/new", expect_errors=True, **DESKTOP) as app:
        await app.until(lambda: "Title" in [name for name, _ in app.named()])
        await app.set("Title", "Thursdays")
        shelf.is_full = True
        await app.click("Put it up")
        await app.until(lambda: any(text.startswith("As many notes are on the shelf as fit.") for text in app.texts()))
        assert app.by_name("Title").value == "Thursdays"
