"""The private journal: one entry a day that grows as the person types."""

from dataclasses import dataclass, replace

TABLE = "journal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry. `day` is the local date it belongs to, ISO 8601; times in ms since the epoch, UTC."""

    id: str
    day: str
    text: str
    created_ms: int
    changed_ms: int
    prompt: str | None = None

    @property
    def title(self) -> str:
        """The first line that says something, at most 80 characters."""
        lines = (line.strip() for line in self.text.splitlines())
        return next((line for line in lines if line), "")[:80]

    def to_doc(self) -> dict[str, object]:
        return {
            "_id": self.id,
            "_v": 1,
            "day": self.day,
            "text": self.text,
            "created_ms": self.created_ms,
            "changed_ms": self.changed_ms,
            "prompt": self.prompt,
        }

    @classmethod
    def from_doc(cls, doc: dict[str, object]) -> "Entry":
        prompt = doc.get("prompt")
        return cls(
            id=str(doc["_id"]),
            day=str(doc["day"]),
            text=str(doc["text"]),
            created_ms=int(str(doc["created_ms"])),
            changed_ms=int(str(doc["changed_ms"])),
            prompt=None if prompt is None else str(prompt),
        )


def write(entry: Entry | None, text: str, *, id: str, day: str, at_ms: int, prompt: str | None = None) -> Entry:
    """Return the entry with these words; a new one if there was none."""
    if entry is None:
        return Entry(id=id, day=day, text=text, created_ms=at_ms, changed_ms=at_ms, prompt=prompt)
    return replace(entry, text=text, changed_ms=max(at_ms, entry.changed_ms), prompt=prompt or entry.prompt)


def by_day(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Newest day first; within a day the newest entry first."""
    return tuple(sorted(entries, key=lambda e: (e.day, e.created_ms, e.id), reverse=True))
