"""The weekly question on connection (product guide, section 7 C). Our own wording, not a validated instrument."""

from dataclasses import dataclass

from companion.fields import refused, whole
from companion.strings import kept
from companion.times import DAY_MS, newest_ms

TABLE = "checkins"
WEEK_MS = 7 * DAY_MS
LEVELS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckIn:
    """One answer. `level` is 0 (not at all) to 4 (very), or None when the week was skipped."""

    id: str
    at_ms: int
    level: int | None
    word: str = ""

    def __post_init__(self) -> None:
        if self.level is not None and not 0 <= self.level < LEVELS:
            raise ValueError("level is 0 to 4")

    def to_doc(self) -> dict[str, object]:
        return {"_id": self.id, "_v": 1, "at_ms": self.at_ms, "level": self.level, "word": self.word}

    @classmethod
    @refused("a check-in")
    def from_doc(cls, doc: dict[str, object]) -> "CheckIn":
        level = doc["level"]
        return cls(
            id=kept(doc["_id"]),
            at_ms=whole(doc["at_ms"]),
            level=None if level is None else whole(level),
            word=kept(doc.get("word", "")),
        )


def is_due(checkins: tuple[CheckIn, ...], at_ms: int) -> bool:
    """Return whether a week has passed since the last answer or skip."""
    newest = newest_ms((c.at_ms for c in checkins), at_ms)
    return newest is None or at_ms - newest >= WEEK_MS


def is_low(checkins: tuple[CheckIn, ...]) -> bool:
    """Return whether the newest answer is one of the two lowest."""
    answered = [c for c in checkins if c.level is not None]
    newest = max(answered, key=lambda c: c.at_ms, default=None)
    return newest is not None and newest.level is not None and newest.level <= 1
