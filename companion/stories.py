"""A recorded story and its three separate states: the work, the agreement, and who may open it.

The sound is a row of sealed segments of at most five seconds each. A segment is named in the story's document before
its first byte is written, so a crash loses nothing that had reached the disk.
"""

from dataclasses import dataclass, replace

from companion.fields import refused, whole
from companion.sound import SAMPLE_BYTES
from companion.strings import kept

TABLE = "stories"
RECEIPTS = "receipts"
SEGMENT_MS = 4_000  # five seconds is the promise; the rest is room for a late chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One sealed blob of PCM; `reference` is the blob store's own document."""

    number: int
    reference: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One story. `work` is "started", "recording" or "recorded"; `sample_rate_hz` is 0 until it was measured."""

    id: str
    title: str
    created_ms: int
    work: str
    receipt: str | None = None
    segments: tuple[Segment, ...] = ()
    sample_rate_hz: int = 0
    channels: int = 1
    length_bytes: int = 0

    @property
    def length_ms(self) -> int:
        per_second = self.sample_rate_hz * self.channels * SAMPLE_BYTES
        return self.length_bytes * 1000 // per_second if per_second else 0

    def to_doc(self) -> dict[str, object]:
        return {
            "_id": self.id,
            "_v": 1,
            "title": self.title,
            "created_ms": self.created_ms,
            "work": self.work,
            "receipt": self.receipt,
            "segments": [{"number": s.number, "reference": s.reference} for s in self.segments],
            "sample_rate_hz": self.sample_rate_hz,
            "channels": self.channels,
            "length_bytes": self.length_bytes,
        }

    @classmethod
    @refused("a story")
    def from_doc(cls, doc: dict[str, object]) -> "Story":
        segments, receipt = doc["segments"], doc["receipt"]
        if not isinstance(segments, list):
            raise ValueError("story has no list of segments")
        return cls(
            id=kept(doc["_id"]),
            title=kept(doc["title"]),
            created_ms=whole(doc["created_ms"]),
            work=kept(doc["work"]),
            receipt=None if receipt is None else kept(receipt),
            segments=tuple(Segment(number=int(s["number"]), reference=dict(s["reference"])) for s in segments),
            sample_rate_hz=whole(doc["sample_rate_hz"]),
            channels=whole(doc["channels"]),
            length_bytes=whole(doc["length_bytes"]),
        )


def add_segment(story: Story, reference: dict[str, object], sample_rate_hz: int, channels: int) -> Story:
    """Return the story with one more segment at its end, and the sound's format as known so far."""
    segment = Segment(number=len(story.segments), reference=reference)
    return replace(
        story,
        work="recording",
        segments=(*story.segments, segment),
        sample_rate_hz=sample_rate_hz,
        channels=channels,
    )


def with_reference(story: Story, reference: dict[str, object]) -> Story:
    """Return the story with the complete reference of its newest segment, which nobody writes any more."""
    return replace(story, segments=(*story.segments[:-1], replace(story.segments[-1], reference=reference)))


def segment_context(story: str, number: int) -> bytes:
    """What binds a segment to its place: it cannot be moved to another story or position."""
    return b"story1|" + bytes.fromhex(story) + b"|" + str(number).encode()
