"""Intents of stories: agree, record, listen."""

import logging
from dataclasses import replace

from companion import consent, stories
from companion.app.context import Context
from companion.app.recording import Recordings, Running
from companion.consent import Receipt, Wording
from companion.errors import ConsentMissing, Tampered
from companion.fields import STAYS
from companion.ports import Change, Put, Recorder, Recording
from companion.stories import Segment, Story
from companion.strings import clean_line

log = logging.getLogger(__name__)

TITLE_LIMIT = 80


class _Telling(Running):
    """The story that is being recorded, and its newest segment."""

    def __init__(self, story: Story, recorder: Recorder) -> None:
        super().__init__(recorder)
        self.story = story
        self.saved_ms = story.length_ms
        self.segment: Recording | None = None
        self.segment_bytes = 0


class Storytelling(Recordings[_Telling]):
    """One recording at a time."""

    def __init__(self, context: Context, wording: Wording) -> None:
        super().__init__()
        self._context = context
        self.wording = wording

    @property
    def recording_id(self) -> str:
        """The story that is being recorded, or empty."""
        return "" if self._running is None else self._running.story.id

    @property
    def saved_ms(self) -> int:
        """How much of the story that is being recorded has reached the disk; 0 if none is."""
        return 0 if self._running is None else self._running.saved_ms

    async def stories(self) -> tuple[Story, ...]:
        """Every story, newest first."""
        return tuple(reversed(await self._context.each(stories.TABLE, Story.from_doc)))

    async def story(self, id: str) -> Story | None:
        doc = await self._context.store.get(stories.TABLE, id)
        return None if doc is None else Story.from_doc(doc)

    async def receipt(self, story: Story) -> Receipt | None:
        """Return the newest agreement of this story."""
        doc = None if story.receipt is None else await self._context.store.get(stories.RECEIPTS, story.receipt)
        return None if doc is None else Receipt.from_doc(doc)

    async def begin(self, title: str) -> Story:
        story = Story(
            id=self._context.new_id(),
            title=clean_line(title, TITLE_LIMIT),
            created_ms=self._context.clock.now_ms(),
            work="started",
        )
        await self._context.commit(Change(put=(Put(stories.TABLE, story.to_doc()),)))
        return story

    async def rename(self, id: str, title: str) -> None:
        story = await self._existing(id)
        await self._put(replace(story, title=clean_line(title, TITLE_LIMIT)))

    async def agree(self, id: str, chosen: frozenset[str]) -> Receipt:
        """Keep exactly what was shown and chosen. Choosing nothing is an answer, and keeps the microphone off."""
        story = await self._existing(id)
        receipt = consent.agree(
            self.wording,
            chosen,
            story=id,
            receipt=self._context.new_id(),
            at_ms=self._context.clock.now_ms(),
            previous=await self.receipt(story),
        )
        put = (Put(stories.RECEIPTS, receipt.to_doc()), Put(stories.TABLE, replace(story, receipt=receipt.id).to_doc()))
        await self._context.commit(Change(put=put))
        return receipt

    async def may_record(self, id: str) -> bool:
        """Return whether today's wording was agreed for recording this story."""
        try:
            consent.require(consent.RECORD, await self.receipt(await self._existing(id)), self.wording)
        except ConsentMissing:
            return False
        return True

    async def record(self, id: str, recorder: Recorder) -> None:
        """Open the microphone. The agreement is on the disk before that; what was recorded earlier stays.

        Raises: ConsentMissing, MicrophoneUnavailable, UsageError if something is being recorded already.
        """
        story = await self._existing(id)
        consent.require(consent.RECORD, await self.receipt(story), self.wording)
        await self._begin(_Telling(story, recorder), self._keep)
        self._context.tell(frozenset({stories.TABLE}))

    async def finish(self) -> None:
        """Close the microphone and seal what is left. Raises StoreError if some of it could not be kept."""
        await self._finish(self._settled)

    async def _settled(self, running: _Telling) -> None:
        if running.segment is not None:
            await self._close_segment(running, running.segment)
        await self._end(running.story.id, running)

    async def recover(self) -> None:
        """Take in what a crash left: the sealed sound is there, only the story's end was never written."""
        for story in await self.stories():
            if story.work == "recording":
                try:
                    await self._end(story.id, None)
                except STAYS as error:  # its sound is damaged: it stays as it is, and the others are taken in
                    log.error("a story is left as it is: %s", type(error).__name__)

    async def sound(self, story: Story, offset: int, length: int) -> bytes:
        """Return PCM from a byte offset into the whole story; less than `length` at its end.

        Raises StoreError; Tampered, too, if there is less of it than the story says.
        """
        sizes = [await self._promised(segment) for segment in story.segments]
        if story.work == "recorded" and sum(sizes) != story.length_bytes:
            raise Tampered(f"a story has {sum(sizes)} of {story.length_bytes} bytes", "blob", stories.TABLE)
        out = b""
        for segment, size in zip(story.segments, sizes, strict=True):
            if offset < size and length > 0:
                piece = await self._context.blobs.read(segment.reference, offset, min(length, size - offset))
                out, length = out + piece, length - len(piece)
            offset = max(0, offset - size)
        return out

    async def close(self) -> None:
        """Stop a running recording because the app is locking."""
        await self.finish()

    async def _keep(self, running: _Telling, data: bytes) -> None:
        recorder, per_second = running.recorder, running.bytes_per_s
        if running.segment is None:
            context = stories.segment_context(running.story.id, len(running.story.segments))
            running.segment, running.segment_bytes = await self._context.blobs.start(context), 0
            running.story = stories.add_segment(
                running.story, running.segment.reference, recorder.sample_rate_hz, recorder.channels
            )
            await self._put(running.story)
        await running.segment.write(data)
        running.segment_bytes += len(data)
        running.saved_ms += len(data) * 1000 // per_second
        if running.segment_bytes * 1000 >= stories.SEGMENT_MS * per_second:
            await self._close_segment(running, running.segment)

    async def _close_segment(self, running: _Telling, segment: Recording) -> None:
        """Finish a segment. Its length and digest are committed with the next one's name, or the story's end."""
        running.segment = None
        await segment.close()
        running.story = stories.with_reference(running.story, segment.reference)

    async def _end(self, id: str, running: _Telling | None) -> None:
        """Say how long the story is. What still is open then was cut by a crash or a full disk, and nothing else."""
        story = await self._existing(id)
        if story.work != "recording":
            return
        if running is not None:  # the longer it ran, the better the rate is known
            recorder = running.recorder
            story = replace(
                story,
                segments=running.story.segments,
                sample_rate_hz=recorder.sample_rate_hz,
                channels=recorder.channels,
            )
        segments = tuple([await self._settled_segment(segment) for segment in story.segments])
        sizes = [await self._promised(one) for one in segments]
        await self._put(replace(story, work="recorded", segments=segments, length_bytes=sum(sizes)))

    async def _settled_segment(self, segment: Segment) -> Segment:
        """Return a segment with its length and digest; one that is gone or changed stays as it is, and says so."""
        try:
            return replace(segment, reference=await self._context.blobs.settle(segment.reference))
        except Tampered:
            return segment

    async def _promised(self, segment: Segment) -> int:
        """Return how many bytes a segment has; 0 for one that was gone or changed before it had a length."""
        try:
            return await self._context.blobs.length(segment.reference)
        except Tampered:
            return 0

    async def _put(self, story: Story) -> None:
        await self._context.commit(Change(put=(Put(stories.TABLE, story.to_doc()),)))

    async def _existing(self, id: str) -> Story:
        story = await self.story(id)
        if story is None:
            raise ConsentMissing("no such story")
        return story
