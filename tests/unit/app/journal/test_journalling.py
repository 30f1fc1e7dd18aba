"""Intents of the journal on fakes: nothing typed, marked or hung on a page is lost, and nothing stays behind."""

from dataclasses import replace

import pytest

from companion.app import Opened
from companion.attachments import IN_WORK, Picture
from companion.errors import MicrophoneUnavailable, StoreError, UsageError
from companion.journal import TABLE, Entry
from companion.ports import Change, Put
from tests.fakes import PASSPHRASE, Desk

PICTURE = Picture(content=b"pixels", media_type="image/png", width=4, height=3)
YESTERDAY = Entry(id="0" * 32, day="2026-11-29", text="Before", created_ms=1, changed_ms=1, tags=("rota", "team"))


@pytest.fixture
async def desk() -> Desk:
    return await Desk().set_up()


def core(desk: Desk) -> Opened:
    assert desk.companion.opened is not None
    return desk.companion.opened


def kept(desk: Desk) -> list[Entry]:
    return [Entry.from_doc(doc) for doc in desk.vault.store.tables.get(TABLE, {}).values()]


def in_work(desk: Desk) -> int:
    return len(desk.vault.store.tables.get(IN_WORK, {}))


async def crash(desk: Desk) -> Opened:
    """The app ends without a word and is opened again."""
    desk.companion.opened = None
    desk.network.sides.clear()
    await desk.companion.unlock(passphrase=PASSPHRASE)
    return core(desk)


async def test_marks_and_tags_go_to_the_disk_with_the_words(desk: Desk) -> None:
    journal = core(desk).journal
    id = journal.draft(None, "A long day")
    journal.draft(id, mood=2, energy=None, tags=("rota",))
    assert kept(desk) == []
    await journal.save_drafts()
    (entry,) = kept(desk)
    assert (entry.text, entry.mood, entry.tags, entry.day) == ("A long day", 2, ("rota",), "2026-11-30")


async def test_a_page_without_anything_on_it_is_not_saved(desk: Desk) -> None:
    journal = core(desk).journal
    journal.draft(journal.new_page(), " \n")
    await journal.save_drafts()
    assert kept(desk) == []


async def test_a_page_that_was_emptied_is_saved_empty(desk: Desk) -> None:
    journal = core(desk).journal
    id = journal.draft(None, "x")
    await journal.save_drafts()
    journal.draft(id, "")
    await journal.save_drafts()
    assert [entry.text for entry in kept(desk)] == [""]


async def test_a_page_is_changed_only_after_it_was_opened(desk: Desk) -> None:
    """Otherwise what stands on the disk would be overwritten by a part of it."""
    await desk.vault.store.commit(Change(put=(Put(TABLE, YESTERDAY.to_doc()),)))
    journal = core(desk).journal
    with pytest.raises(UsageError):
        journal.draft(YESTERDAY.id, "new")
    assert await journal.page(YESTERDAY.id) == YESTERDAY
    journal.draft(YESTERDAY.id, "new")
    await journal.save_drafts()
    assert (kept(desk)[0].text, kept(desk)[0].tags) == ("new", YESTERDAY.tags)


async def test_older_pages_that_come_in_later_do_not_hide_the_page_of_today(desk: Desk) -> None:
    journal = core(desk).journal
    first = await journal.page_of_today()
    journal.draft(first.id, "one")
    await journal.save_drafts()
    old = (replace(YESTERDAY, id=f"{number:032x}") for number in range(1, 71))
    await desk.vault.store.commit(Change(put=tuple(Put(TABLE, entry.to_doc()) for entry in old)))
    assert (await core(desk).journal.page_of_today()).id == first.id


async def test_today_has_as_many_pages_as_one_wants(desk: Desk) -> None:
    await desk.vault.store.commit(Change(put=(Put(TABLE, YESTERDAY.to_doc()),)))
    journal = core(desk).journal
    first = await journal.page_of_today()
    assert first.is_blank
    assert (await journal.page_of_today()).id == first.id
    journal.draft(first.id, "one")
    await journal.save_drafts()
    desk.clock.move(1)
    second = journal.new_page()
    assert (await journal.page_of_today()).id == first.id  # nothing stands on the second yet
    journal.draft(second, "two")
    assert (await journal.page_of_today()).id == second
    await journal.save_drafts()
    assert [entry.text for entry in kept(desk)] == ["Before", "one", "two"]


async def test_what_could_not_be_saved_stays_to_be_saved(desk: Desk) -> None:
    journal = core(desk).journal
    journal.draft(None, "x", mood=1)
    desk.vault.store.fails = True
    with pytest.raises(StoreError):
        await journal.save_drafts()
    desk.vault.store.fails = False
    await journal.save_drafts()
    assert [(entry.text, entry.mood) for entry in kept(desk)] == [("x", 1)]


async def test_keys_pressed_during_a_commit_stay_to_be_saved(desk: Desk) -> None:
    journal = core(desk).journal
    id = journal.draft(None, "one")
    commit = desk.vault.store.commit

    async def slow(change: Change) -> None:
        await commit(change)
        journal.draft(id, "one two")

    desk.vault.store.commit = slow  # type: ignore[method-assign]  # somebody types while the disk is busy
    await journal.save_drafts()
    desk.vault.store.commit = commit  # type: ignore[method-assign]  # as it was
    assert [entry.text for entry in kept(desk)] == ["one"]
    await journal.save_drafts()
    assert [entry.text for entry in kept(desk)] == ["one two"]


async def test_what_is_hidden_elsewhere_stays_hidden_when_the_open_page_is_saved(desk: Desk) -> None:
    await desk.vault.store.commit(Change(put=(Put(TABLE, YESTERDAY.to_doc()),)))
    opened = core(desk)
    await opened.journal.page(YESTERDAY.id)
    await opened.timeline.hide_past(YESTERDAY.id)
    opened.journal.draft(YESTERDAY.id, "more")
    await opened.journal.save_drafts()
    assert kept(desk)[0].is_past_hidden


async def test_recent_tags_come_last_used_first(desk: Desk) -> None:
    await desk.vault.store.commit(Change(put=(Put(TABLE, YESTERDAY.to_doc()),)))
    journal = core(desk).journal
    journal.draft(None, "x", tags=("win", "team"))
    await journal.save_drafts()
    assert await journal.recent_tags() == ("win", "team", "rota")


async def test_the_daily_question_is_off_until_it_is_wanted_again(desk: Desk) -> None:
    await core(desk).journal.set_asking(False)
    assert not (await crash(desk)).journal.is_asking
    await core(desk).journal.set_asking(True)
    assert (await crash(desk)).journal.is_asking


# Pictures ----------------------------------------------------------------------------------------------


async def test_a_picture_hangs_on_its_page_and_is_read_back(desk: Desk) -> None:
    opened = core(desk)
    id = opened.journal.draft(None, "with a picture")
    await opened.journal.attach(id, PICTURE)
    (entry,) = kept(desk)
    (picture,) = entry.attachments
    assert (entry.text, picture.kind, picture.width, in_work(desk)) == ("with a picture", "picture", 4, 0)
    assert await opened.attaching.read(picture) == b"pixels"


async def test_a_picture_that_lost_its_page_in_a_crash_is_removed_at_the_next_start(desk: Desk) -> None:
    opened = core(desk)
    await opened.attaching.seal(PICTURE, owner=opened.journal.new_page())
    await opened.attaching.seal(PICTURE)
    assert (in_work(desk), len(desk.vault.blobs.held)) == (2, 2)
    await crash(desk)
    assert (in_work(desk), desk.vault.blobs.held) == (0, {})


async def test_removing_a_picture_removes_its_blob(desk: Desk) -> None:
    journal = core(desk).journal
    id = journal.draft(None, "x")
    await journal.attach(id, PICTURE)
    page = journal.shown(id)
    assert page is not None
    await journal.detach(id, page.attachments[0].id)
    assert (kept(desk)[0].attachments, in_work(desk), desk.vault.blobs.held) == ((), 0, {})


async def test_deleting_a_page_removes_all_that_hangs_on_it(desk: Desk) -> None:
    journal = core(desk).journal
    id = journal.draft(None, "x")
    await journal.attach(id, PICTURE)
    await journal.remove(id)
    assert (kept(desk), in_work(desk), desk.vault.blobs.held, journal.shown(id)) == ([], 0, {}, None)


async def test_a_blob_whose_removal_was_cut_short_is_removed_at_the_next_start(desk: Desk) -> None:
    opened = core(desk)
    id = opened.journal.draft(None, "x")
    await opened.journal.attach(id, PICTURE)
    (picture,) = kept(desk)[0].attachments
    bare = replace(kept(desk)[0], attachments=())
    gone = Change(put=(Put("journal", bare.to_doc()),)) + opened.attaching.let_go(picture)
    await desk.vault.store.commit(gone)
    assert len(desk.vault.blobs.held) == 1  # the crash comes here
    await crash(desk)
    assert (in_work(desk), desk.vault.blobs.held) == (0, {})


# Voice notes -------------------------------------------------------------------------------------------


async def test_a_voice_note_is_sealed_as_it_is_said(desk: Desk) -> None:
    opened = core(desk)
    id = opened.journal.new_page()
    await opened.journal.record(id, desk.recorder)
    assert kept(desk) == []  # nothing was said yet
    await desk.recorder.speak(1)
    assert (len(kept(desk)[0].attachments), in_work(desk)) == (1, 1)
    await opened.attaching.pause()
    await opened.attaching.resume()
    await desk.recorder.speak(0.5)
    assert opened.attaching.length_ms == 1_500
    await opened.attaching.finish()
    (note,) = kept(desk)[0].attachments
    assert (note.length_ms, note.sample_rate_hz, in_work(desk)) == (1_500, 16_000, 0)
    assert len(await opened.attaching.read(note)) == note.size_bytes
    assert ("microphone paused" in desk.calls, "microphone resumed" in desk.calls) == (True, True)


async def test_typing_while_a_note_is_recorded_loses_neither(desk: Desk) -> None:
    opened = core(desk)
    id = opened.journal.draft(None, "begun")
    await opened.journal.record(id, desk.recorder)
    await desk.recorder.speak(1)
    opened.journal.draft(id, "begun and ended", mood=4)
    await opened.journal.save_drafts()
    await opened.attaching.finish()
    await opened.journal.save_drafts()
    (entry,) = kept(desk)
    assert (entry.text, entry.mood, entry.attachments[0].length_ms) == ("begun and ended", 4, 1_000)


async def test_a_note_that_was_cut_short_keeps_what_was_sealed(desk: Desk) -> None:
    opened = core(desk)
    id = opened.journal.new_page()
    await opened.journal.record(id, desk.recorder)
    await desk.recorder.speak(2)
    again = await crash(desk)
    (note,) = kept(desk)[0].attachments
    assert (note.length_ms, in_work(desk)) == (2_000, 0)
    assert len(await again.attaching.read(note)) == 64_000


async def test_a_note_without_sound_leaves_nothing(desk: Desk) -> None:
    opened = core(desk)
    await opened.journal.record(opened.journal.new_page(), desk.recorder)
    assert await opened.attaching.finish() is None
    assert (kept(desk), desk.vault.blobs.held) == ([], {})


async def test_locking_ends_the_note_and_keeps_it(desk: Desk) -> None:
    opened = core(desk)
    await opened.journal.record(opened.journal.new_page(), desk.recorder)
    await desk.recorder.speak(1)
    await desk.companion.lock()
    (note,) = kept(desk)[0].attachments
    assert (note.length_ms, in_work(desk)) == (1_000, 0)
    assert desk.calls.index("microphone closed") < desk.calls.index("store closed")


async def test_deleting_the_page_ends_its_note_and_leaves_nothing(desk: Desk) -> None:
    opened = core(desk)
    id = opened.journal.new_page()
    await opened.journal.record(id, desk.recorder)
    await desk.recorder.speak(1)
    await opened.journal.remove(id)
    assert not opened.attaching.is_recording
    assert (kept(desk), in_work(desk), desk.vault.blobs.held) == ([], 0, {})


async def test_without_a_microphone_nothing_is_running(desk: Desk) -> None:
    opened = core(desk)
    desk.recorder.is_missing = True
    with pytest.raises(MicrophoneUnavailable):
        await opened.journal.record(opened.journal.new_page(), desk.recorder)
    assert not opened.attaching.is_recording


async def test_two_recordings_at_once_are_refused(desk: Desk) -> None:
    opened = core(desk)
    await opened.journal.record(opened.journal.new_page(), desk.recorder)
    with pytest.raises(UsageError):
        await opened.journal.record(opened.journal.new_page(), desk.recorder)
