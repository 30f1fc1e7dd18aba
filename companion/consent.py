"""What a person agreed to for one story, and the one question every step and every exit asks.

A story's uses are agreed one by one, each against the wording that was shown. A receipt is never changed: a new
answer is a new receipt that names the one before it.
"""

from dataclasses import dataclass

from companion.errors import ConsentMissing
from companion.fields import refused, whole
from companion.strings import kept

RECORD = "record"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One thing that may be done with a story; `id` is stable, the words belong to a wording version."""

    id: str
    title: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """The words of one version, as they stand in `assets/consent.json`."""

    version: int
    uses: tuple[Use, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Exactly what was shown and what was chosen. Times in ms since the epoch, UTC."""

    id: str
    story: str
    version: int
    given_ms: int
    uses: tuple[Use, ...]
    chosen: frozenset[str]
    previous: str | None

    def to_doc(self) -> dict[str, object]:
        shown: list[dict[str, object]] = [{"id": u.id, "title": u.title, "detail": u.detail} for u in self.uses]
        return {
            "_id": self.id,
            "_v": 1,
            "story": self.story,
            "version": self.version,
            "given_ms": self.given_ms,
            "shown": shown,
            "chosen": sorted(self.chosen),
            "previous": self.previous,
        }

    @classmethod
    @refused("a receipt")
    def from_doc(cls, doc: dict[str, object]) -> "Receipt":
        shown, chosen, previous = doc["shown"], doc["chosen"], doc["previous"]
        if not isinstance(shown, list) or not isinstance(chosen, list):
            raise ValueError("receipt has no list of uses")
        return cls(
            id=kept(doc["_id"]),
            story=kept(doc["story"]),
            version=whole(doc["version"]),
            given_ms=whole(doc["given_ms"]),
            uses=tuple(Use(id=kept(u["id"]), title=kept(u["title"]), detail=kept(u["detail"])) for u in shown),
            chosen=frozenset(kept(c) for c in chosen),
            previous=None if previous is None else kept(previous),
        )


def agree(
    wording: Wording, chosen: frozenset[str], *, story: str, receipt: str, at_ms: int, previous: Receipt | None
) -> Receipt:
    """Return the receipt for this answer; an empty choice is an answer too.

    Raises: ConsentMissing if a chosen use was not shown.
    """
    if not chosen <= {use.id for use in wording.uses}:
        raise ConsentMissing("a use that was not shown cannot be agreed")
    return Receipt(
        id=receipt,
        story=story,
        version=wording.version,
        given_ms=at_ms,
        uses=wording.uses,
        chosen=chosen,
        previous=previous.id if previous else None,
    )


def require(use: str, receipt: Receipt | None, wording: Wording) -> None:
    """Return if the newest receipt allows the use under today's wording. Raises ConsentMissing."""
    if receipt is None or receipt.version != wording.version or use not in receipt.chosen:
        raise ConsentMissing(f"use {use} is not agreed under wording {wording.version}")
