"""Intents of pictures and voice notes, for whatever they hang on."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from companion import attachments
from companion.app.context import SHARED, Context
from companion.app.recording import Recordings, Running
from companion.attachments import HOLDERS, IN_WORK, Attachment, InWork, Picture
from companion.errors import Tampered, UsageError
from companion.fields import each_read
from companion.ports import Change, Drop, Put, Recorder, Recording

log = logging.getLogger(__name__)

Place = Callable[[Attachment], Awaitable[Change]]
"""Returns the change that puts an attachment, new or grown, into what it hangs on; an empty one if that comes later."""


class _Note(Running):
    """The voice note that is being recorded."""

    def __init__(self, recorder: Recorder, owner: str, place: Place) -> None:
        super().__init__(recorder)
        self.owner = owner
        self.place = place
        self.blob: Recording | None = None
        self.attachment: Attachment | None = None
        self.size_bytes = 0


class Attaching(Recordings[_Note]):
    """Pictures and sound are sealed as they come; nothing of them is written anywhere else. One recording at a time."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._taken: set[str] = set()

    async def seal(self, picture: Picture, owner: str = "") -> Attachment:
        """Keep a picture. It goes again at the next start unless a commit with `kept` gives it an owner before."""
        id = self._context.new_id()
        recording = await self._context.blobs.start(attachments.context_of("picture", id))
        attachment = Attachment(
            id=id,
            kind="picture",
            media_type=picture.media_type,
            blob=recording.reference,
            size_bytes=len(picture.content),
            at_ms=self._context.clock.now_ms(),
            width=picture.width,
            height=picture.height,
        )
        await self._context.commit(Change(put=(Put(IN_WORK, InWork(attachment=attachment, owner=owner).to_doc()),)))
        await recording.write(picture.content)
        await recording.close()
        return replace(attachment, blob=recording.reference)

    async def take_over(self, facts: Attachment, content: bytes) -> Attachment:
        """Keep what was sent by another device, as it is. It goes again unless a commit gives it an owner."""
        recording = await self._context.blobs.start(attachments.context_of(facts.kind, facts.id))
        attachment = replace(facts, blob=recording.reference)
        await self._context.commit(Change(put=(Put(IN_WORK, InWork(attachment=attachment).to_doc()),)))
        await recording.write(content)
        await recording.close()
        return replace(attachment, blob=recording.reference)

    def take(self, *these: Attachment) -> None:
        """Say, before anything is awaited, that these get their place or go. Raises UsageError if they did already."""
        if not self.are_free(*these):
            raise UsageError("an attachment has a place already")
        self._taken |= {one.id for one in these}

    def give_back(self, *these: Attachment) -> None:
        """They have no place after all."""
        self._taken -= {one.id for one in these}

    def are_free(self, *these: Attachment) -> bool:
        """Whether nobody took one of these."""
        return self._taken.isdisjoint(one.id for one in these)

    def kept(self, *these: Attachment) -> Change:
        """What belongs into the commit that gives attachments an owner."""
        return Change(drop=tuple(Drop(IN_WORK, one.id) for one in these))

    def let_go(self, *these: Attachment) -> Change:
        """What belongs into the commit that takes attachments from their owner; call `sweep` after it."""
        return Change(put=tuple(Put(IN_WORK, InWork(attachment=one).to_doc()) for one in these))

    async def discard(self, attachment: Attachment) -> None:
        """Remove what has no place yet; what was given one meanwhile stays."""
        if not self.are_free(attachment):
            return
        self.take(attachment)
        await self._context.commit(self.let_go(attachment))
        await self.sweep()

    async def sweep(self) -> None:
        """Remove every blob that was let go and that no document names."""
        works = each_read(await self._context.store.all(IN_WORK), InWork.from_doc)
        gone = [one.attachment for one in works if not one.owner and one.attachment.id != self.recording_id]
        if not gone:
            return
        self._taken |= {one.id for one in gone}  # nobody may hang it anywhere from now on
        try:
            named = await self._named()
        except Tampered:  # a damaged table does not say all that it names
            log.warning("blobs stay: it is not known who names them")
            return
        for one in gone:
            if one.id not in named:
                await self._context.blobs.drop(one.blob)
            await self._context.commit(self.kept(one))

    async def _named(self) -> frozenset[str]:
        """Return the ids of all attachments that a document names: a blob goes with the last one that does."""
        found: frozenset[str] = frozenset()
        for table in await self._context.store.counts():
            if table.partition(":")[0] in HOLDERS:
                found |= await self._context.store.read(table, attachments.named_by)
        return found

    async def unfinished(self) -> tuple[InWork, ...]:
        """What a crash left on the list and an owner may still name."""
        docs = await self._context.store.all(IN_WORK)
        return tuple(work for work in each_read(docs, InWork.from_doc) if work.owner)

    async def measured(self, attachment: Attachment) -> Attachment:
        """Return the attachment with what there is of its blob, which nobody writes any more. Raises Tampered."""
        blob = await self._context.blobs.settle(attachment.blob)
        return replace(attachment, blob=blob, size_bytes=await self._context.blobs.length(blob))

    async def read(self, attachment: Attachment, offset: int = 0, length: int | None = None) -> bytes:
        """Return content from a byte offset; all that follows if there is no length.

        Raises StoreError; Tampered, too, if there is less than the attachment says.
        """
        rest = max(0, attachment.size_bytes - offset)
        wanted = rest if length is None else min(rest, length)
        content = await self._context.blobs.read(attachment.blob, offset, wanted)
        if len(content) != wanted:
            raise Tampered(f"an attachment gives {len(content)} of {wanted} bytes", "blob")
        return content

    # Voice notes

    @property
    def recording_id(self) -> str:
        """The voice note that is being recorded, or empty. It has no id before the first sound."""
        running = self._running
        return "" if running is None or running.attachment is None else running.attachment.id

    @property
    def owner(self) -> str:
        """What the running recording hangs on, or empty."""
        return "" if self._running is None else self._running.owner

    @property
    def length_ms(self) -> int:
        """How much of the running recording was sealed."""
        running = self._running
        per_second = 0 if running is None else running.bytes_per_s
        return running.size_bytes * 1000 // per_second if running is not None and per_second else 0

    async def record(self, recorder: Recorder, owner: str, place: Place) -> None:
        """Open the microphone. The blob is named, in the list and in its place, before its first byte.

        Raises: MicrophoneUnavailable, UsageError if something is being recorded already.
        """
        await self._begin(_Note(recorder, owner, place), self._keep)

    async def finish(self) -> Attachment | None:
        """Close the microphone and seal what is left; None if there was no sound.

        Raises StoreError if some of it could not be kept; what was sealed before stays.
        """
        return await self._finish(self._settled)

    async def _settled(self, running: _Note) -> Attachment | None:
        if running.attachment is None or running.blob is None:
            return None
        await running.blob.close()
        kept = await self.measured(
            replace(running.attachment, blob=running.blob.reference)
        )  # a full disk ends it early
        attachment = replace(
            kept,
            sample_rate_hz=running.recorder.sample_rate_hz,  # the longer it ran, the better the rate is known
            channels=running.recorder.channels,
        )
        async with self._context.store.turn(SHARED):
            placed = await running.place(attachment)
            if placed.put:
                await self._context.commit(placed + self.kept(attachment))
        return attachment

    async def _keep(self, running: _Note, data: bytes) -> None:
        if running.blob is None:
            id, recorder = self._context.new_id(), running.recorder
            running.blob = await self._context.blobs.start(attachments.context_of("sound", id))
            running.attachment = Attachment(
                id=id,
                kind="sound",
                media_type=attachments.SOUND_TYPE,
                blob=running.blob.reference,
                size_bytes=0,
                at_ms=self._context.clock.now_ms(),
                sample_rate_hz=recorder.sample_rate_hz,
                channels=recorder.channels,
            )
            work = InWork(attachment=running.attachment, owner=running.owner)
            named = Change(put=(Put(IN_WORK, work.to_doc()),))
            async with self._context.store.turn(SHARED):
                await self._context.commit(await running.place(running.attachment) + named)
        await running.blob.write(data)
        running.size_bytes += len(data)
