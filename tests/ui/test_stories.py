"""Telling a story: nothing is on by itself, nothing is lost, and what is said about it is true."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import flet as ft
import flet_audio as fa
import pytest

from companion.app import Opened
from companion.errors import StoreError
from companion.stories import TABLE, Story
from tests.fakes import WORDING, Desk
from tests.ui.harness import HeadlessApp
from tests.ui.people import DESKTOP, opened

RECORD = "Record my voice on this device. Needed to begin."
THEMES = "Count my story in themes and the report. As a number among others."


@pytest.fixture
async def desk() -> Desk:
    return await Desk().set_up()


@pytest.fixture
async def phone(desk: Desk) -> AsyncIterator[HeadlessApp]:
    async with opened(desk, route="/stories") as app:
        yield app


def core(desk: Desk) -> Opened:
    assert desk.companion.opened is not None
    return desk.companion.opened


async def the_story(desk: Desk) -> Story:
    return (await core(desk).stories.stories())[0]


async def come_to_consent(app: HeadlessApp, desk: Desk) -> None:
    await app.click("Record my story")
    assert "Step 1 of 4: Settle" in app.labels()
    await app.click("I am ready")
    await app.until(lambda: "Step 2 of 4: Agree" in app.labels())


async def come_to_talk(app: HeadlessApp, desk: Desk) -> None:
    await come_to_consent(app, desk)
    await app.click(RECORD)
    await app.click("Agree to 1")
    await app.until(lambda: "Step 3 of 4: Talk" in app.texts())


async def record(app: HeadlessApp, desk: Desk, seconds: float = 6.0) -> None:
    await come_to_talk(app, desk)
    await app.click("Start recording")
    await desk.recorder.speak(seconds)
    await app.click("Finish")
    await app.until(lambda: "Step 4 of 4: Check" in app.labels())


def switches(app: HeadlessApp) -> dict[str, bool]:
    return {c.label: c.toggled for c in app.all(ft.Semantics) if c.label and c.toggled is not None}


async def test_every_use_starts_off_and_none_of_these_is_as_easy(desk: Desk, phone: HeadlessApp) -> None:
    await come_to_consent(phone, desk)
    assert switches(phone) == {RECORD: False, THEMES: False}
    assert phone.by_name("Agree to 0").disabled
    assert not phone.by_name("None of these").disabled
    await phone.click(RECORD)
    await phone.click(THEMES)
    assert switches(phone) == {RECORD: True, THEMES: True}
    assert phone.by_name("Agree to 2")


async def test_none_of_these_keeps_the_microphone_off_and_the_answer(desk: Desk, phone: HeadlessApp) -> None:
    await come_to_consent(phone, desk)
    await phone.click("None of these")
    await phone.until(lambda: "The microphone stays off." in phone.texts())
    receipt = await core(desk).stories.receipt(await the_story(desk))
    assert receipt is not None
    assert receipt.chosen == frozenset()
    assert "Start recording" not in [name for name, _ in phone.named()]


async def test_without_agreement_to_record_there_is_no_record_button(desk: Desk, phone: HeadlessApp) -> None:
    await come_to_consent(phone, desk)
    await phone.click(THEMES)
    await phone.click("Agree to 1")
    await phone.until(lambda: "The microphone stays off." in phone.texts())
    assert "Start recording" not in [name for name, _ in phone.named()]
    assert "microphone opened" not in desk.calls


async def test_the_agreement_is_on_the_disk_before_the_microphone_opens(desk: Desk, phone: HeadlessApp) -> None:
    await come_to_talk(phone, desk)
    await phone.click("Start recording")
    await desk.recorder.speak(1)
    agreed = desk.calls.index(("commit", ("receipts", "stories")))
    assert agreed < desk.calls.index("microphone opened") < desk.calls.index(("blob started", "blob-0"))


async def test_what_is_saved_is_said_while_telling(desk: Desk, phone: HeadlessApp) -> None:
    await come_to_talk(phone, desk)
    await phone.click("Start recording")
    assert "Recording" in phone.texts()
    desk.recorder.level = 0.2
    await desk.recorder.speak(12)
    await phone.until(lambda: "Saved up to 0:12" in phone.texts())
    await phone.until(lambda: "Good level" in phone.texts())
    await phone.click("Pause")
    assert "microphone paused" in desk.calls
    assert "Paused" in phone.texts()
    assert "Not listening" in phone.texts()
    await phone.click("Go on recording")
    assert "microphone resumed" in desk.calls
    await phone.click("Finish")
    await phone.until(lambda: "12 s are saved and locked on this device." in phone.texts())


async def test_questions_come_one_at_a_time(desk: Desk, phone: HeadlessApp) -> None:
    await come_to_talk(phone, desk)
    prompts = [prompt.text for prompt in desk.window.prompts]
    assert len(prompts) == 28
    for text in prompts[:3]:
        assert [shown for shown in phone.texts() if shown in prompts] == [text]
        await phone.click("Next question")


async def test_no_microphone_says_so_and_the_flow_stays(desk: Desk, phone: HeadlessApp) -> None:
    desk.recorder.is_missing = True
    await come_to_talk(phone, desk)
    await phone.click("Start recording")
    assert desk.window.texts("errors.MicrophoneUnavailable") in phone.texts()
    assert phone.by_name("Next question")
    desk.recorder.is_missing = False
    await phone.click("Start recording")
    assert "Recording" in phone.texts()
    assert desk.window.texts("errors.MicrophoneUnavailable") not in phone.texts()


async def test_leaving_while_telling_pauses_and_coming_back_goes_on(desk: Desk, phone: HeadlessApp) -> None:
    await come_to_talk(phone, desk)
    await phone.click("Start recording")
    await desk.recorder.speak(5)
    story = await the_story(desk)
    await phone.click("Back")
    await phone.until(lambda: "microphone paused" in desk.calls)
    assert "In progress" in phone.texts()
    await phone.go(f"/stories/{story.id}")
    assert "Paused" in phone.texts()
    assert "Saved up to 0:05" in phone.texts()
    assert phone.by_name("Go on recording")


async def test_a_told_story_is_named_and_shows_its_three_states(desk: Desk, phone: HeadlessApp) -> None:
    await record(phone, desk)
    assert "Your recording stays locked on this device. Nobody else can hear it." in phone.texts()
    await phone.set("A name for this story", "The day I said yes")
    await phone.click("Keep it sealed")
    await phone.until(lambda: "The day I said yes" in phone.texts())
    texts = phone.texts()
    states = {label: texts[texts.index(label) + 1] for label in ("Work", "Agreement", "Who can open")}
    assert states["Work"] == "Recorded"
    assert states["Agreement"].startswith("1 use, given")
    assert states["Who can open"] == "You"


async def test_a_story_that_a_crash_cut_short_is_there_with_what_was_saved(desk: Desk, phone: HeadlessApp) -> None:
    await come_to_talk(phone, desk)
    await phone.click("Start recording")
    await desk.recorder.speak(9)
    left = {table: dict(docs) for table, docs in desk.vault.store.tables.items()}
    after = await Desk().set_up()
    after.vault.store.tables, after.vault.blobs.held = left, dict(desk.vault.blobs.held)
    await core(after).stories.recover()
    async with opened(after, route="/stories") as app:
        await app.click(next(c for name, c in app.named() if "only you can open it" in name))
        await app.until(lambda: "9 s are saved and locked on this device." in app.texts())


async def test_a_new_wording_asks_again_with_everything_off(desk: Desk, phone: HeadlessApp) -> None:
    await come_to_talk(phone, desk)
    story = await the_story(desk)
    core(desk).stories.wording = type(WORDING)(version=2, uses=WORDING.uses)
    await phone.go("/stories")
    await phone.go(f"/stories/{story.id}")
    await phone.until(lambda: "Step 2 of 4: Agree" in phone.labels())
    assert not any(switches(phone).values())
    assert "The wording has changed since you last answered, so we ask again." in phone.texts()


async def test_playing_hands_the_sealed_sound_to_the_client_as_wave_and_follows_it(
    desk: Desk, phone: HeadlessApp
) -> None:
    await record(phone, desk)
    press = asyncio.create_task(phone.click("Play"))
    await phone.until(lambda: clips(phone))
    clip = clips(phone)[-1]
    assert clip.src[:4] == b"RIFF"
    assert len(clip.src) == 44 + 6 * 16_000 * 2
    await phone.fire(clip, "loaded")
    await press
    assert phone.by_name("Pause playing")
    await phone.fire(clip, "position_change", {"position": 3_000})
    assert "Sound, 3 s of 6 s" in phone.labels()
    await phone.fire(clip, "state_change", {"state": "completed"})
    assert phone.by_name("Play")


def clips(app: HeadlessApp) -> list[Any]:
    return [service for service in app.page._services._services if isinstance(service, fa.Audio)]


async def test_a_desktop_shows_exactly_what_was_agreed_beside_the_story(desk: Desk) -> None:
    story = await core(desk).stories.begin("The day I said yes")
    await core(desk).stories.agree(story.id, frozenset({"record"}))
    async with opened(desk, route=f"/stories/{story.id}", **DESKTOP) as app:
        await app.until(lambda: "Agreed: Record my voice on this device" in app.texts())
        assert "Not agreed: Count my story in themes and the report" in app.texts()
        assert TABLE in desk.vault.store.tables


async def test_sound_that_could_not_be_kept_is_said_when_finishing(desk: Desk) -> None:
    async with opened(desk, route="/stories", expect_errors=True) as app:
        await come_to_talk(app, desk)
        await app.click("Start recording")
        await desk.recorder.speak(5)
        desk.recorder.fault = StoreError("the disk is full")
        await app.click("Finish")
        await app.until(lambda: desk.window.texts("errors.StoreError") in app.texts())
        await app.until(lambda: "5 s are saved and locked on this device." in app.texts())
