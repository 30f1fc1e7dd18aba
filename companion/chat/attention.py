"""When a person wants to hear of new messages: quiet hours, In clinic, and what they chose for each group."""

from dataclasses import dataclass

from companion.chat.message import Doc
from companion.chat.standing import Seen, Standing

QUIET = "quiet"
WISHES = "wishes"
DAY_MINUTES = 24 * 60
LEVELS = ("off", "new", "group")
RHYTHMS = ("as_it_comes", "daily", "weekly", "calls_only")
RHYTHM_MS = {"as_it_comes": 0, "daily": 24 * 3600 * 1000, "weekly": 7 * 24 * 3600 * 1000}
BURST_MS = 10 * 60 * 1000
"""Messages that follow each other within this time are one burst, with one alert."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """For all groups. Minutes since local midnight; equal ones mean no quiet hours. `level`: one of LEVELS."""

    from_minute: int = 22 * 60
    until_minute: int = 7 * 60
    in_clinic_until_ms: int = 0
    level: str = "new"

    def __post_init__(self) -> None:
        minutes = (self.from_minute, self.until_minute)
        if self.level not in LEVELS or not all(0 <= minute < DAY_MINUTES for minute in minutes):
            raise ValueError("quiet hours out of range")

    def to_doc(self) -> Doc:
        return {
            "_id": QUIET,
            "_v": 1,
            "from_minute": self.from_minute,
            "until_minute": self.until_minute,
            "in_clinic_until_ms": self.in_clinic_until_ms,
            "level": self.level,
        }

    @classmethod
    def from_doc(cls, doc: Doc) -> "Quiet":
        return cls(
            from_minute=int(str(doc["from_minute"])),
            until_minute=int(str(doc["until_minute"])),
            in_clinic_until_ms=int(str(doc["in_clinic_until_ms"])),
            level=str(doc["level"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What this person wants of one group. `rhythm`: one of RHYTHMS. `folded` are people whose words stay folded."""

    group: str
    rhythm: str = "as_it_comes"
    is_mentions_only: bool = False
    muted_until_ms: int = 0
    folded: tuple[str, ...] = ()
    is_welcomed: bool = False
    tells_seen: bool = False

    def __post_init__(self) -> None:
        if self.rhythm not in RHYTHMS:
            raise ValueError("rhythm")

    def to_doc(self) -> Doc:
        return {
            "_id": self.group,
            "_v": 1,
            "rhythm": self.rhythm,
            "is_mentions_only": self.is_mentions_only,
            "muted_until_ms": self.muted_until_ms,
            "folded": list(self.folded),
            "is_welcomed": self.is_welcomed,
            "tells_seen": self.tells_seen,
        }

    @classmethod
    def from_doc(cls, doc: Doc) -> "Wishes":
        folded = doc["folded"]
        return cls(
            group=str(doc["_id"]),
            rhythm=str(doc["rhythm"]),
            is_mentions_only=bool(doc["is_mentions_only"]),
            muted_until_ms=int(str(doc["muted_until_ms"])),
            folded=tuple(str(one) for one in folded) if isinstance(folded, list) else (),
            is_welcomed=bool(doc["is_welcomed"]),
            tells_seen=bool(doc["tells_seen"]),
        )


def is_in_clinic(quiet: Quiet, at_ms: int) -> bool:
    return at_ms < quiet.in_clinic_until_ms


def is_quiet(quiet: Quiet, at_ms: int, local_minute: int) -> bool:
    """Return whether nothing may be heard now. `local_minute` is in minutes since local midnight."""
    begin, end = quiet.from_minute, quiet.until_minute
    within = begin <= local_minute < end if begin <= end else local_minute >= begin or local_minute < end
    return is_in_clinic(quiet, at_ms) or within


def wants_alert(
    quiet: Quiet, wishes: Wishes, standing: Standing, seen: Seen, *, at_ms: int, local_minute: int, last_ms: int
) -> bool:
    """Return whether a group's news is worth an alert now. `last_ms` is when there was the last one for it.

    One burst is one alert: there is none while messages follow each other, or before the rhythm allows it.
    """
    if quiet.level == "off" or is_quiet(quiet, at_ms, local_minute):
        return False
    if at_ms < wishes.muted_until_ms or wishes.rhythm == "calls_only":
        return False
    is_new = standing.for_me > seen.alerted_for_me
    if not wishes.is_mentions_only:
        is_new = is_new or standing.loud > seen.alerted_loud
    is_before_last_seen = seen.at_ms < last_ms
    pause_ms = max(RHYTHM_MS[wishes.rhythm], BURST_MS if is_before_last_seen else 0)
    return is_new and at_ms - last_ms >= pause_ms
