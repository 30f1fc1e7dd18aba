"""What an open page offers beside its words: undo, templates, marks, tags, pictures, voice notes, sharing."""

from collections.abc import AsyncIterator
from typing import Any

import flet as ft
import pytest

from companion.attachments import Picture
from companion.journal import TABLE, Entry
from tests.fakes import Desk
from tests.ui.harness import HeadlessApp
from tests.ui.people import DESKTOP, PHONE, opened

PAGE = "My page"
SIZES = pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])


@pytest.fixture
async def desk() -> Desk:
    return await Desk().set_up()


@pytest.fixture
async def phone(desk: Desk) -> AsyncIterator[HeadlessApp]:
    async with page_of(desk, PHONE) as app:
        yield app


def page_of(desk: Desk, size: dict[str, Any], route: str = "/journal") -> Any:
    return opened(desk, route=route, **size)


def kept(desk: Desk) -> list[Entry]:
    return [Entry.from_doc(doc) for doc in desk.vault.store.tables.get(TABLE, {}).values()]


def pick(app: HeadlessApp, data: bytes | None) -> None:
    files = [] if data is None else [{"id": 1, "name": "photo.jpg", "size": len(data), "bytes": data}]
    app.connection.replies["pick_files"] = files


def is_chosen(app: HeadlessApp, name: str) -> bool:
    return any(control.label == name and control.selected for control in app.all(ft.Semantics))


# Undo ---------------------------------------------------------------------------------------------------


async def test_undo_survives_the_saving(desk: Desk, phone: HeadlessApp) -> None:
    assert phone.by_name("Undo").disabled
    await phone.set(PAGE, "One")
    await phone.until(lambda: [entry.text for entry in kept(desk)] == ["One"])
    await phone.click("Undo")
    assert phone.by_name(PAGE).value == ""
    await phone.until(lambda: [entry.text for entry in kept(desk)] == [""])
    await phone.click("Do it again")
    assert phone.by_name(PAGE).value == "One"
    await phone.until(lambda: [entry.text for entry in kept(desk)] == ["One"])


async def test_keys_after_undo_are_not_taken_back(phone: HeadlessApp) -> None:
    await phone.set(PAGE, "One")
    await phone.click("Undo")
    phone.session.apply_patch(phone.by_name(PAGE)._i, {"value": "T"})  # the client is ahead of its own event
    await phone.click("Mood: Low")
    assert phone.by_name(PAGE).value == "T"


async def test_two_views_of_one_page_never_undo_each_other(desk: Desk, phone: HeadlessApp) -> None:
    await phone.set(PAGE, "One")
    await phone.until(lambda: kept(desk))
    await phone.go(f"/journal/{kept(desk)[0].id}")
    fields = [field for field in phone.all(ft.TextField) if field.value == "One"]
    assert len(fields) == 2  # the first screen lies under the page
    await phone.set(fields[1], "One two")
    await phone.until(lambda: [entry.text for entry in kept(desk)] == ["One two"])
    await phone.until(lambda: [field.value for field in phone.all(ft.TextField)].count("One two") == 2)
    await phone.set(fields[0], "One two three")
    await phone.until(lambda: [entry.text for entry in kept(desk)] == ["One two three"])


async def test_another_page_becomes_todays_and_the_first_one_stands_in_the_list(desk: Desk, phone: HeadlessApp) -> None:
    await phone.set(PAGE, "One")
    await phone.until(lambda: kept(desk))
    desk.clock.move(1)
    await phone.click("New page")
    empty = [field for field in phone.all(ft.TextField) if field.value == ""]
    await phone.set(empty[-1], "Two")
    await phone.until(lambda: len(kept(desk)) == 2)
    await phone.click("Done")
    await phone.until(lambda: phone.by_name(PAGE).value == "Two")
    assert any(name.startswith("One") for name, _ in phone.named())


# Templates and the question -----------------------------------------------------------------------------


async def test_a_template_comes_below_what_was_written_and_can_be_taken_back(desk: Desk, phone: HeadlessApp) -> None:
    await phone.set(PAGE, "Before")
    await phone.click("Ways to begin")
    titles = [template.title for template in desk.window.templates]
    assert [text for text in phone.texts() if text in titles] == titles
    await phone.click(next(c for name, c in phone.named() if name.startswith("A hard meeting.")))
    assert phone.by_name(PAGE).value.startswith("Before\n\nWhat happened")
    await phone.until(lambda: [entry.template for entry in kept(desk)] == ["hard_meeting"])
    await phone.click("Undo")
    assert phone.by_name(PAGE).value == "Before"


async def test_the_appraisal_page_reminds_of_patients_and_exports_only_ticked_parts(desk: Desk) -> None:
    async with page_of(desk, DESKTOP) as app:
        await app.click("Ways to begin")
        await app.click(next(c for name, c in app.named() if name.startswith("Reflection for appraisal.")))
        assert any(text.startswith("Leave out anything that could point to a patient") for text in app.texts())
        await app.set(PAGE, "Secret part\n\nWhat I learnt\nand how\n\nThe end")
        await app.until(lambda: kept(desk))
        await app.click("Export parts of this page")
        assert app.by_name("Copy").disabled
        assert app.by_name("Save as text").disabled
        await app.click("What I learnt\nand how")
        await app.click("Copy")
        copied = [m.body.args for m in app.connection.sent if getattr(m.body, "name", "") == "set"]
        assert [args.get("data") for args in copied if "data" in args] == ["What I learnt\nand how"]
        app.connection.replies["save_file"] = "/somewhere/reflection.txt"
        await app.click("Save as text")
        (saved,) = [m.body.args for m in app.connection.sent if getattr(m.body, "name", "") == "save_file"]
        assert saved["src_bytes"] == b"What I learnt\nand how\n"
        assert not desk.window.is_picking


async def test_the_question_can_be_switched_off_and_on_again(desk: Desk, phone: HeadlessApp) -> None:
    questions = {prompt.text for prompt in desk.window.prompts}
    await phone.click("No daily question")
    await phone.until(lambda: not questions & set(phone.texts()))
    assert desk.vault.store.tables["settings"]["journal"]["is_asking"] is False
    await phone.click("Today")
    assert not questions & set(phone.texts())
    await phone.click("Journal")
    await phone.until(lambda: "Ask me again each day" in [name for name, _ in phone.named()])
    await phone.click("Ask me again each day")
    await phone.until(lambda: questions & set(phone.texts()))


# Marks and tags -----------------------------------------------------------------------------------------


@SIZES
async def test_marks_take_one_tap_each_and_one_to_clear(desk: Desk, size: dict[str, Any]) -> None:
    async with page_of(desk, size) as app:
        for name in ("Mood: Bright", "Energy: Empty", "People: Some"):
            await app.click(name)
            assert is_chosen(app, name)
        await app.until(lambda: kept(desk))
        await app.until(lambda: (kept(desk)[0].mood, kept(desk)[0].energy, kept(desk)[0].connection) == (5, 1, 3))
        await app.click("Energy: Empty")
        assert not is_chosen(app, "Energy: Empty")
        await app.until(lambda: kept(desk)[0].energy is None)


async def test_a_level_is_a_word_and_a_shape_never_only_a_colour(phone: HeadlessApp) -> None:
    icons = [icon.icon for icon in phone.all(ft.Icon)]
    for word in ("Heavy", "Low", "Steady", "Good", "Bright", "Empty", "Full", "Alone", "Near"):
        assert word in phone.texts()
    assert ft.Icons.SENTIMENT_VERY_DISSATISFIED_ROUNDED in icons
    assert ft.Icons.BATTERY_0_BAR_ROUNDED in icons


async def test_tags_are_typed_once_and_then_one_tap_away(desk: Desk, phone: HeadlessApp) -> None:
    await phone.click("New tag")
    await phone.set("New tag", "  #Rota ")
    await phone.submit("New tag")
    await phone.until(lambda: kept(desk) and kept(desk)[0].tags == ("rota",))
    await phone.click("Take off tag rota")
    await phone.until(lambda: kept(desk)[0].tags == ())
    await phone.set(PAGE, "x")
    await desk.companion.opened.journal.save_drafts()  # type: ignore[union-attr]  # open
    await phone.click("New tag")
    await phone.set("New tag", "leading")
    await phone.click("Add tag")
    await phone.until(lambda: kept(desk)[0].tags == ("leading",))
    await phone.click("New page")
    await phone.until(lambda: [name for name, _ in phone.named()].count("Add tag leading") == 1)
    await phone.click("Add tag leading")
    await phone.until(lambda: [entry.tags for entry in kept(desk)] == [("leading",), ("leading",)])


# Pictures and voice notes -------------------------------------------------------------------------------


@SIZES
async def test_a_picture_is_cleaned_sealed_and_shown(desk: Desk, size: dict[str, Any]) -> None:
    async with page_of(desk, size) as app:
        pick(app, b"photo")
        await app.click("Add a picture")
        await app.until(lambda: kept(desk) and kept(desk)[0].attachments)
        await app.until(lambda: app.all(ft.Image, src=b"pixels of photo"))
        image = app.one(ft.Image, src=b"pixels of photo")
        assert image.semantics_label.startswith("Picture, ")
        assert desk.calls.index("picture cleaned") < desk.calls.index(("blob started", "blob-0"))


async def test_choosing_nothing_changes_nothing(desk: Desk, phone: HeadlessApp) -> None:
    pick(phone, None)
    await phone.click("Add a picture")
    assert kept(desk) == []
    assert not desk.window.is_picking


async def test_a_file_that_is_no_picture_is_said_in_a_sentence(desk: Desk) -> None:
    async with opened(desk, expect_errors=True, route="/journal") as app:
        pick(app, b"broken")
        await app.click("Add a picture")
        assert any(text.startswith("This picture cannot be opened here.") for text in app.texts())
        assert (kept(desk), desk.vault.blobs.held) == ([], {})


async def test_a_picture_is_removed_after_a_question(desk: Desk, phone: HeadlessApp) -> None:
    pick(phone, b"photo")
    await phone.click("Add a picture")
    await phone.until(lambda: phone.all(ft.Image, src=b"pixels of photo"))
    await phone.click("Remove")
    await phone.click("Keep it")
    assert desk.vault.blobs.held
    await phone.click("Remove")
    await phone.click("Remove it")
    await phone.until(lambda: not desk.vault.blobs.held)
    assert kept(desk)[0].attachments == ()


async def test_a_voice_note_takes_two_taps_and_can_pause(desk: Desk, phone: HeadlessApp) -> None:
    await phone.click("Record a voice note")
    await desk.recorder.speak(2)
    await phone.until(lambda: "0:02" in phone.texts())
    await phone.click("Pause")
    assert "microphone paused" in desk.calls
    await phone.click("Go on recording")
    await phone.click("Stop and keep")
    assert kept(desk)[0].attachments[0].length_ms == 2_000
    assert "0:02" in phone.texts()
    await phone.click("Speed 1")
    assert phone.by_name("Speed 1.25")


async def test_leaving_the_page_ends_the_note_and_keeps_it(desk: Desk, phone: HeadlessApp) -> None:
    await phone.click("Record a voice note")
    await desk.recorder.speak(1)
    await phone.click("Groups")
    await phone.until(lambda: "microphone closed" in desk.calls)
    await phone.until(lambda: kept(desk)[0].attachments[0].length_ms == 1_000)


async def test_a_missing_microphone_is_said_in_a_sentence(desk: Desk) -> None:
    desk.recorder.is_missing = True
    async with opened(desk, expect_errors=True, route="/journal") as app:
        await app.click("Record a voice note")
        assert any(text.startswith("There is no microphone") for text in app.texts())
        assert kept(desk) == []


async def test_a_lost_picture_is_said_and_the_page_still_works(desk: Desk) -> None:
    core = desk.companion.opened
    assert core is not None
    id = core.journal.draft(None, "x")
    await core.journal.attach(id, Picture(content=b"p", media_type="image/png", width=1, height=1))
    reads = desk.vault.blobs.read

    async def lose(*_: object) -> bytes:
        from companion.errors import Tampered

        raise Tampered("gone")

    desk.vault.blobs.read = lose  # type: ignore[method-assign]  # a blob whose file is gone
    async with opened(desk, expect_errors=True, route="/journal") as app:
        await app.until(lambda: any(text.startswith("This picture cannot be opened.") for text in app.texts()))
        assert app.by_name(PAGE).value == "x"
    desk.vault.blobs.read = reads  # type: ignore[method-assign]  # as it was


# Sharing and deleting -----------------------------------------------------------------------------------


async def test_a_passage_is_chosen_changed_seen_and_then_shared(desk: Desk) -> None:
    core = desk.companion.opened
    assert core is not None
    group = await core.groups.create("First-year leads", "pine")
    async with page_of(desk, DESKTOP) as app:
        await app.set(PAGE, "For me\n\nFor all\n\nThe end")
        await app.until(lambda: kept(desk))
        await app.click("Share a passage")
        assert app.by_name("Share").disabled
        await app.click("For all")
        await app.set("These words will be shared", "For all of you")
        await app.click("First-year leads")
        assert "For all of you" in app.texts()
        await app.click("Share")
        assert app.page.route == f"/groups/{group.id}"
    (message,) = await core.chat.messages(group.id)
    assert message.text == "For all of you"
    assert kept(desk)[0].text == "For me\n\nFor all\n\nThe end"


async def test_without_a_group_sharing_says_what_to_do(desk: Desk, phone: HeadlessApp) -> None:
    await phone.set(PAGE, "x")
    await phone.click("Share a passage")
    assert "You are not in a group yet. Start or join one first." in phone.texts()


async def test_a_page_is_deleted_after_a_question(desk: Desk) -> None:
    async with page_of(desk, DESKTOP) as app:
        await app.set(PAGE, "x")
        await app.until(lambda: kept(desk))
        await app.click("Delete this page")
        await app.click("Delete it")
        await app.until(lambda: not kept(desk))
        await app.until(lambda: app.by_name(PAGE).value == "")
