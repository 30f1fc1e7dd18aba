"""Asking the facilitators for help: about a message, or because of a worry. Sealed to them alone."""

from dataclasses import dataclass

from companion.chat.message import Doc
from companion.chat.parsing import Content, read_id, read_text
from companion.fields import refused, whole
from companion.strings import kept

REPORTS = "reports"
NOTE_LIMIT = 1_000
QUOTE_LIMIT = 1_000
"""Characters of what is passed on with a report."""
FACILITATORS = 2
"""How many get a report."""
REASONS = ("report", "worry")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was asked of the facilitators. `reason`: "report" or "worry". Times in ms since the epoch, UTC.

    `by` is the person who asked, `about` the person it is about, or empty; `quote` is what they chose to pass on.
    `is_mine` is one that I sent; `answer` is what the facilitators said about it, empty until then.
    """

    id: str
    group: str
    reason: str
    by: str
    by_name: str
    about: str
    quote: str
    note: str
    at_ms: int
    is_mine: bool = False
    answer: str = ""
    answered_by: str = ""

    def to_doc(self) -> Doc:
        return {
            "_id": self.id,
            "_v": 1,
            "group": self.group,
            "reason": self.reason,
            "by": self.by,
            "by_name": self.by_name,
            "about": self.about,
            "quote": self.quote,
            "note": self.note,
            "at_ms": self.at_ms,
            "is_mine": self.is_mine,
            "answer": self.answer,
            "answered_by": self.answered_by,
        }

    @classmethod
    @refused("a report")
    def from_doc(cls, doc: Doc) -> "Report":
        names = ("group", "reason", "by", "by_name", "about", "quote", "note", "answer", "answered_by")
        return cls(
            id=kept(doc["_id"]),
            at_ms=whole(doc["at_ms"]),
            is_mine=bool(doc["is_mine"]),
            **{name: kept(doc[name]) for name in names},
        )


def report_content(report: Report) -> dict[str, object]:
    return {
        "kind": "report",
        "id": report.id,
        "reason": report.reason,
        "about": report.about,
        "quote": report.quote,
        "note": report.note,
    }


@refused("a report")
def read_report(content: Content, group: str, by: str, by_name: str, at_ms: int) -> Report:
    """Raises MessageRejected."""
    reason = content.get("reason")
    return Report(
        id=read_id(content, "id"),
        group=group,
        reason=reason if isinstance(reason, str) and reason in REASONS else REASONS[0],
        by=by,
        by_name=by_name,
        about=read_id(content, "about", may_be_empty=True),
        quote=read_text(content, "quote", QUOTE_LIMIT, may_be_empty=True),
        note=read_text(content, "note", NOTE_LIMIT, may_be_empty=True),
        at_ms=at_ms,
    )


def outcome_content(report: Report, answer: str) -> dict[str, object]:
    return {"kind": "outcome", "id": report.id, "answer": answer}


@refused("an answer to a report")
def read_outcome(content: Content) -> tuple[str, str]:
    """Return (report id, what came of it). Raises MessageRejected."""
    return read_id(content, "id"), read_text(content, "answer", NOTE_LIMIT)


def chosen_facilitators(facilitators: tuple[str, ...], me: str, about: str) -> tuple[str, ...]:
    """Return the people who get a report: up to two, never the one it is about or the one who asks."""
    return tuple(person for person in facilitators if person not in (me, about))[:FACILITATORS]
