"""The private journal: entries of a day that grow as the person types."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypedDict, Unpack

from companion.attachments import Attachment
from companion.fields import objects, refused, whole
from companion.likeness import each_once, is_among
from companion.strings import clean_line, kept, mended
from companion.times import newest_ms

TABLE = "journal"
VERSION = 2
AWAY = "away"
"""The field of a document for what hangs on it and does not lie on this device."""
MARKS = ("mood", "energy", "connection")
LEVELS = (1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry. `day` is the local date it belongs to, ISO 8601; times in ms since the epoch, UTC.

    `mood`, `energy` and `connection` go from 1, the lowest, to 5; None is no answer. `is_past_hidden`: never shown
    as this day in a past year. `others` holds fields that a newer app wrote, so that saving does not lose them.
    """

    id: str
    day: str
    text: str
    created_ms: int
    changed_ms: int
    prompt: str | None = None
    template: str | None = None
    mood: int | None = None
    energy: int | None = None
    connection: int | None = None
    tags: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    is_past_hidden: bool = False
    others: dict[str, object] = field(default_factory=dict, hash=False, repr=False)

    def __post_init__(self) -> None:
        if any(level not in (None, *LEVELS) for level in (self.mood, self.energy, self.connection)):
            raise ValueError("a mark goes from 1 to 5")

    @property
    def away(self) -> tuple[dict[str, object], ...]:
        """What hangs on it and does not lie on this device: facts of attachments."""
        return objects(self.others.get(AWAY))

    @property
    def is_blank(self) -> bool:
        """Nobody has put anything on this page."""
        marks = (self.mood, self.energy, self.connection)
        hung = self.attachments or self.away
        return not (self.text.strip() or self.tags or hung or any(mark is not None for mark in marks))

    def to_doc(self) -> dict[str, object]:
        return {
            **self.others,
            "_id": self.id,
            "_v": VERSION,
            "day": self.day,
            "text": self.text,
            "created_ms": self.created_ms,
            "changed_ms": self.changed_ms,
            "prompt": self.prompt,
            "template": self.template,
            "mood": self.mood,
            "energy": self.energy,
            "connection": self.connection,
            "tags": list(self.tags),
            "attachments": [attachment.to_doc() for attachment in self.attachments],
            "is_past_hidden": self.is_past_hidden,
        }

    @classmethod
    @refused("an entry")
    def from_doc(cls, doc: dict[str, object]) -> "Entry":
        """Read a document of version 2."""
        tags, attachments = doc.get("tags"), doc.get("attachments")
        return cls(
            id=kept(doc["_id"]),
            day=kept(doc["day"]),
            text=kept(doc["text"]),
            created_ms=whole(doc["created_ms"]),
            changed_ms=whole(doc["changed_ms"]),
            prompt=_text_or_none(doc.get("prompt")),
            template=_text_or_none(doc.get("template")),
            mood=_level(doc.get("mood")),
            energy=_level(doc.get("energy")),
            connection=_level(doc.get("connection")),
            tags=tuple(kept(tag) for tag in tags) if isinstance(tags, list) else (),
            attachments=tuple(Attachment.from_doc(one) for one in attachments) if isinstance(attachments, list) else (),
            is_past_hidden=doc.get("is_past_hidden") is True,
            others={kept(name): mended(value) for name, value in doc.items() if name not in _FIELDS},
        )


UNDER = "under"


def over(doc: dict[str, object], before: dict[str, object] | None) -> dict[str, object]:
    """Return a page as it is saved. What another device of mine wrote there since it was opened is kept under it."""
    doc = {name: value for name, value in doc.items() if name != UNDER}
    if before is None:
        return doc
    kept_under = before.get(UNDER)
    under = list(kept_under) if isinstance(kept_under, list) else []
    if before.get("follows") != doc.get("follows"):
        under.append({name: value for name, value in before.items() if name != UNDER})
    return {**doc, UNDER: under} if under else doc


def joined(bodies: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Return one page of several versions of it: their words below one another, and all that hangs on any of them.

    The first version's question, marks and day hold where it has them.
    """
    first = bodies[0]
    texts = dict.fromkeys(str(one.get("text", "")).strip() for one in bodies)
    found = {name: next((one[name] for one in bodies if one.get(name) is not None), None) for name in _ONCE}
    tags = each_once(kept(tag) for one in bodies for tag in _list(one.get("tags")))
    hung = {str(one["id"]): one for body in reversed(bodies) for one in objects(body.get("attachments"))}
    changed_ms = max(whole(one["changed_ms"]) for one in bodies)
    return {
        **first,
        **found,
        "text": "\n\n".join(text for text in texts if text),
        "tags": list(tags[:TAGS_LIMIT]),
        "attachments": sorted(hung.values(), key=lambda one: (str(one["at_ms"]), str(one["id"]))),
        "changed_ms": changed_ms,
    }


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


_ONCE = ("prompt", "template", *MARKS)
_FIELDS = frozenset(Entry(id="", day="", text="", created_ms=0, changed_ms=0).to_doc())


def _text_or_none(value: object) -> str | None:
    return None if value is None else kept(value)


def _level(value: object) -> int | None:
    return value if isinstance(value, int) and value in LEVELS else None


def with_marks(doc: dict[str, object]) -> dict[str, object]:
    """Lead a document from version 1 to 2, which has marks, tags, templates and attachments."""
    return {
        **doc,
        "template": None,
        **dict.fromkeys(MARKS),
        "tags": [],
        "attachments": [],
        "is_past_hidden": False,
    }


STEPS: tuple[Callable[[dict[str, object]], dict[str, object]], ...] = (with_marks,)
"""What leads old documents to the present version; each step stays for ever."""


TAG_LIMIT = 40
TAGS_LIMIT = 12


class Marks(TypedDict, total=False):
    """What a person can change on a page beside its words."""

    prompt: str | None
    template: str | None
    mood: int | None
    energy: int | None
    connection: int | None
    tags: tuple[str, ...]
    attachments: tuple[Attachment, ...]
    is_past_hidden: bool


class Changes(Marks, total=False):
    """What a person can change on a page."""

    text: str


def change(entry: Entry, at_ms: int, **changes: Unpack[Changes]) -> Entry:
    """Return the entry with these changes. A clock that runs backwards does not age it, unless it was well ahead."""
    return replace(entry, **changes, changed_ms=newest_ms((at_ms, entry.changed_ms), at_ms) or at_ms)


def tag_of(typed: str) -> str:
    """Return a tag as it is kept: without the sign, small, one space between words; empty if nothing is left."""
    return clean_line(typed.replace("#", " ").lower(), TAG_LIMIT)


def with_tag(tags: tuple[str, ...], typed: str) -> tuple[str, ...]:
    """Return the tags with one more; the same if one that looks like it is there, it is empty, or there are 12."""
    tag = tag_of(typed)
    is_there = is_among(tag, tags) or is_among(clean_line(typed.replace("#", " ")), tags)  # capitals look otherwise
    return tags if not tag or is_there or len(tags) >= TAGS_LIMIT else (*tags, tag)


def by_day(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Newest day first; within a day the newest entry first."""
    return tuple(sorted(entries, key=lambda e: (e.day, e.created_ms, e.id), reverse=True))
