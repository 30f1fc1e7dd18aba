"""Sound on real files that a crash or a hand has cut: a reader that gives less than was promised says so."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from companion import stories
from companion.app import Opened
from companion.attachments import Attachment
from companion.errors import StoreError, Tampered
from companion.ports import Change, Put
from companion.stories import Story
from services.store.blobs import BlobRef, BlobWriter
from tests.faults.profile import PASSPHRASE, Profile
from tests.integration.people import PlainRecorder

SECOND = 32_000


def sound(seconds: float) -> bytes:
    return b"".join(n.to_bytes(4, "little") for n in range(int(seconds * SECOND / 4)))


async def begin(profile: Profile) -> tuple[Story, PlainRecorder]:
    """Begin to record a story."""
    await profile.create()
    told = profile.opened.stories
    story = await told.begin("The day I said yes")
    await told.agree(story.id, frozenset({"record"}))
    microphone = PlainRecorder()
    await told.record(story.id, microphone)
    return story, microphone


async def hear(microphone: PlainRecorder, seconds: float) -> None:
    content = sound(seconds)
    for start in range(0, len(content), 8_000):
        await microphone.hear(content[start : start + 8_000])


async def kept(opened: Opened, id: str) -> Story:
    story = await opened.stories.story(id)
    assert story is not None
    return story


async def crash(profile: Profile) -> None:
    """End as a crash does: nothing is finished, and the folder's lock goes."""
    store = profile.companion._store
    assert store is not None
    await store.close()
    profile.companion.opened = profile.companion._store = None


def blob(profile: Profile, story: Story, number: int) -> Path:
    return profile.folder / "vault" / "blobs" / str(story.segments[number].reference["id"])


@pytest.fixture
async def told(tmp_path: Path) -> tuple[Profile, Story]:
    """A story of ten seconds, in three segments."""
    profile = Profile(tmp_path / "hazel")
    story, microphone = await begin(profile)
    await hear(microphone, 10)
    await profile.opened.stories.finish()
    return profile, await kept(profile.opened, story.id)


async def test_every_segment_has_length_and_digest_once_the_story_is_told(told) -> None:
    profile, story = told
    references = [BlobRef.from_doc(segment.reference) for segment in story.segments]
    assert [reference.size for reference in references] == [128_000, 128_000, 64_000]
    assert all(reference.sha256 for reference in references)
    assert await profile.opened.stories.sound(story, 0, 10 * SECOND) == sound(10)
    await profile.companion.lock()


async def test_a_segment_that_was_changed_while_the_story_went_on_is_not_taken_for_what_was_said(
    tmp_path: Path,
) -> None:
    """Its digest is of what was written, not of what lies there when the story ends."""
    profile = Profile(tmp_path / "hazel")
    story, microphone = await begin(profile)
    await hear(microphone, 4)
    begun = await kept(profile.opened, story.id)
    await hear(microphone, 1)
    path = blob(profile, begun, 0)
    path.write_bytes(path.read_bytes()[: 56 + 16_400])
    await profile.opened.stories.finish()
    story = await kept(profile.opened, story.id)
    assert story.length_bytes == 5 * SECOND
    with pytest.raises(Tampered):
        await profile.opened.stories.sound(story, 0, 5 * SECOND)
    await profile.companion.lock()


def flip_last(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1]))


def cut_at_a_chunk(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: 56 + 16_400])


HANDS: dict[str, Callable[[Path], object]] = {
    "last byte flipped": flip_last,
    "cut at a chunk": cut_at_a_chunk,
    "cut to nothing": lambda path: path.write_bytes(b""),
    "removed": Path.unlink,
}


@pytest.mark.parametrize("hand", HANDS.values(), ids=HANDS.keys())
@pytest.mark.parametrize("number", [0, 2])
async def test_a_segment_cut_by_a_hand_is_said_and_the_others_play(told, hand, number: int) -> None:
    profile, story = told
    await profile.companion.lock()
    hand(blob(profile, story, number))
    await profile.companion.unlock(passphrase=PASSPHRASE)
    story, opened = await kept(profile.opened, story.id), profile.opened
    assert story.length_bytes == 10 * SECOND
    with pytest.raises(Tampered) as caught:
        await opened.stories.sound(story, 0, story.length_bytes)
    assert caught.value.kind == "blob"
    assert [(damage.part, damage.kind) for damage in opened.security.damages] == [("blobs", "blob")]
    assert await opened.stories.sound(story, 128_000, 128_000) == sound(10)[128_000:256_000]
    await profile.companion.lock()


async def test_a_story_cut_by_a_crash_is_whole_as_far_as_it_goes_and_cut_again_it_is_damaged(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "hazel")
    story, microphone = await begin(profile)
    await hear(microphone, 9)
    await crash(profile)
    await profile.companion.unlock(passphrase=PASSPHRASE)
    story = await kept(profile.opened, story.id)
    assert (story.work, story.length_bytes) == ("recorded", 2 * 128_000 + 16_384)
    assert await profile.opened.stories.sound(story, 0, 10 * SECOND) == sound(9)[: story.length_bytes]
    assert profile.opened.security.damages == ()
    await profile.companion.lock()
    path = blob(profile, story, 2)
    path.write_bytes(path.read_bytes()[:100])
    await profile.companion.unlock(passphrase=PASSPHRASE)
    with pytest.raises(Tampered):
        await profile.opened.stories.sound(story, 2 * 128_000, 100)
    await profile.companion.lock()


@pytest.mark.parametrize("left", [b"", b"x" * 40])
async def test_a_segment_of_which_a_crash_left_no_header_is_empty_and_no_damage(tmp_path: Path, left: bytes) -> None:
    profile = Profile(tmp_path / "hazel")
    story, microphone = await begin(profile)
    await hear(microphone, 5)
    begun = await kept(profile.opened, story.id)
    await crash(profile)
    blob(profile, begun, 1).write_bytes(left)
    await profile.companion.unlock(passphrase=PASSPHRASE)
    story = await kept(profile.opened, story.id)
    assert (story.work, story.length_bytes) == ("recorded", 128_000)
    assert await profile.opened.stories.sound(story, 0, 10 * SECOND) == sound(4)
    assert profile.opened.security.damages == ()
    await profile.companion.lock()


async def test_a_segment_removed_after_a_crash_is_said_and_holds_up_no_other_story(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "hazel")
    first, microphone = await begin(profile)
    await hear(microphone, 5)
    begun = await kept(profile.opened, first.id)
    second = replace(begun, id="5" * 32, segments=begun.segments[:1])
    await profile.opened._context.commit(Change(put=(Put(stories.TABLE, second.to_doc()),)))
    await crash(profile)
    blob(profile, begun, 1).unlink()
    await profile.companion.unlock(passphrase=PASSPHRASE)
    for id in (first.id, second.id):
        story = await kept(profile.opened, id)
        assert (story.work, story.length_bytes) == ("recorded", 128_000)
        assert await profile.opened.stories.sound(story, 0, 10 * SECOND) == sound(4)
    assert [damage.part for damage in profile.opened.security.damages] == ["blobs"]
    await profile.companion.lock()


async def test_a_story_of_release_0_1_0_with_open_segments_gives_all_that_it_says_or_an_error(told) -> None:
    """Its segments had no length; the story knew the sum."""
    profile, story = told
    opened = [
        replace(segment, reference={**segment.reference, "size": None, "sha256": None}) for segment in story.segments
    ]
    old = replace(story, segments=tuple(opened))
    await profile.opened._context.commit(Change(put=(Put(stories.TABLE, old.to_doc()),)))
    assert await profile.opened.stories.sound(old, 0, 10 * SECOND) == sound(10)
    flip_last(blob(profile, story, 2))
    with pytest.raises(Tampered, match="of 320000 bytes"):
        await profile.opened.stories.sound(old, 0, 100)
    await profile.companion.lock()


async def record_note(profile: Profile, cut: Callable[[], Awaitable[object]]) -> Attachment | None:
    """Record five seconds; `cut` happens before the end."""
    attaching, microphone = profile.opened.attaching, PlainRecorder()

    async def nowhere(_: Attachment) -> Change:
        return Change()

    await attaching.record(microphone, "owner", nowhere)
    await hear(microphone, 5)
    await cut()
    return await attaching.finish()


async def test_a_note_that_a_full_disk_ended_early_says_how_long_it_really_is(tmp_path: Path, monkeypatch) -> None:
    profile = Profile(tmp_path / "hazel")
    await profile.create()

    async def fill() -> None:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        microphone_fault = profile.opened.attaching._running
        assert microphone_fault is not None and microphone_fault.blob is not None  # noqa: PT018
        with monkeypatch.context() as patched:
            patched.setattr("services.store.blobs._sync", full)
            with pytest.raises(StoreError):
                await microphone_fault.blob.write(bytes(20_000))

    note = await record_note(profile, fill)
    assert note is not None
    content = await profile.opened.attaching.read(note)
    assert len(content) == note.size_bytes
    assert content[: 4 * SECOND] == sound(4)
    assert BlobRef.from_doc(note.blob).sha256
    await profile.companion.lock()


async def test_an_attachment_that_gives_less_than_it_says_is_an_error(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "hazel")
    await profile.create()
    note = await record_note(profile, lambda: asyncio.sleep(0))
    assert note is not None
    assert await profile.opened.attaching.read(note) == sound(5)
    assert await profile.opened.attaching.read(note, 159_000, 2_000) == sound(5)[159_000:]
    longer = replace(note, size_bytes=200_000)
    assert await profile.opened.attaching.read(longer, 0, 100) == sound(5)[:100]
    for offset, length in ((0, None), (159_000, 2_000)):
        with pytest.raises(Tampered):
            await profile.opened.attaching.read(longer, offset, length)
    await profile.companion.lock()


def test_a_writer_that_was_cut_off_leaves_an_open_reference(tmp_path: Path) -> None:
    writer = BlobWriter(tmp_path, b"story")
    writer.write(bytes(40_000))
    writer.abandon()
    assert (writer.ref.size, writer.close().sha256) == (None, None)
