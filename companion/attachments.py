"""What hangs on an entry or a message: a picture, or sound. The document holds facts; the content is a sealed blob.

A blob and the document that names it are two things, and a crash may come between. So a blob is first named in the
table `IN_WORK`; the commit that gives it an owner takes it off that list, the commit that takes its owner away puts
it back there. What is on the list when the app opens belongs to nobody, or is a recording that was cut short.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, get_args

from companion.errors import UsageError
from companion.fields import as_object, refused, whole
from companion.sound import SAMPLE_BYTES
from companion.strings import kept, mended

Kind = Literal["picture", "sound"]
IN_WORK = "blobs_in_work"
HOLDERS = frozenset({"journal", "msg", "waiting"})
"""Tables, by their name up to a colon, of documents that things hang on."""
CAPTION_LIMIT = 200
PICTURE_FILE_BYTES = 40 * 1024 * 1024
"""The largest file that is looked at."""
SOUND_TYPE = "audio/pcm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture that was made anew from its pixels: nothing else of the file it came from is left."""

    content: bytes = field(repr=False)
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One picture or voice note.

    `blob` is its reference in the sealed blobs. Pictures have `width` and `height` in pixels, sound has
    `sample_rate_hz` and `channels`; what does not apply is 0. `media_type` is of the bytes in the blob.
    """

    id: str
    kind: Kind
    media_type: str
    blob: dict[str, object] = field(hash=False, repr=False)
    size_bytes: int
    at_ms: int
    width: int = 0
    height: int = 0
    sample_rate_hz: int = 0
    channels: int = 0
    caption: str = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind) or len(self.caption) > CAPTION_LIMIT:
            raise UsageError("not an attachment")
        if self.kind == "sound" and (self.sample_rate_hz <= 0 or self.channels <= 0):
            raise UsageError("sound without a rate")

    @property
    def length_ms(self) -> int:
        """How long the sound is; 0 for a picture."""
        if self.kind != "sound":
            return 0
        return self.size_bytes * 1000 // (self.sample_rate_hz * self.channels * SAMPLE_BYTES)

    def to_doc(self) -> dict[str, object]:
        return {
            "id": self.id,
            "kind": self.kind,
            "media_type": self.media_type,
            "blob": dict(self.blob),
            "size_bytes": self.size_bytes,
            "at_ms": self.at_ms,
            "width": self.width,
            "height": self.height,
            "sample_rate_hz": self.sample_rate_hz,
            "channels": self.channels,
            "caption": self.caption,
        }

    @classmethod
    @refused("an attachment", UsageError)
    def from_doc(cls, doc: dict[str, object]) -> "Attachment":
        """Parse what `to_doc` returned. Raises UsageError if it is something else."""
        try:
            kind, blob = doc["kind"], doc["blob"]
            if not isinstance(blob, dict) or (kind != "picture" and kind != "sound"):
                raise UsageError("not an attachment")
            return cls(
                id=kept(doc["id"]),
                kind="picture" if kind == "picture" else "sound",
                media_type=kept(doc["media_type"]),
                blob=dict(as_object(mended(blob))),
                caption=kept(doc.get("caption", "")),
                **{name: whole(doc.get(name, 0)) for name in _NUMBERS},
            )
        except KeyError:
            raise UsageError("not an attachment") from None


_NUMBERS = ("size_bytes", "at_ms", "width", "height", "sample_rate_hz", "channels")


@dataclass(frozen=True, slots=True, kw_only=True)
class InWork:
    """A blob that may have no owner yet, or no more. `owner` is the id of the entry that names it, or empty."""

    attachment: Attachment
    owner: str = ""

    def to_doc(self) -> dict[str, object]:
        return {"_id": self.attachment.id, "_v": 1, "owner": self.owner, "attachment": self.attachment.to_doc()}

    @classmethod
    @refused("a blob in work")
    def from_doc(cls, doc: dict[str, object]) -> "InWork":
        attachment = doc["attachment"]
        if not isinstance(attachment, dict):
            raise UsageError("no attachment in work")
        return cls(attachment=Attachment.from_doc(attachment), owner=kept(doc["owner"]))


def with_one(attachments: tuple[Attachment, ...], one: Attachment) -> tuple[Attachment, ...]:
    """Return them with this one in its place, or at the end if it is new."""
    if any(known.id == one.id for known in attachments):
        return tuple(one if known.id == one.id else known for known in attachments)
    return (*attachments, one)


def named_by(docs: Iterable[dict[str, object]]) -> frozenset[str]:
    """Return the ids of all attachments that lie on this device and that these documents name."""
    found: set[str] = set()
    for doc in docs:
        files = doc.get("attachments")
        for one in files if isinstance(files, list) else ():
            here = one.get("local", one) if isinstance(one, dict) else None
            if isinstance(here, dict):
                found.add(str(here.get("id")))
    return frozenset(found)


def context_of(kind: Kind, id: str) -> bytes:
    """What binds a blob to its attachment: it cannot stand for another one."""
    return kind.encode() + b"1|" + bytes.fromhex(id)
