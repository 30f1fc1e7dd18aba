"""When a person wants to hear of new messages: quiet hours, In clinic, and what they chose for each group."""

from dataclasses import dataclass

from companion.chat.message import Doc
from companion.chat.standing import Seen, Standing, unheard
from companion.fields import refused, whole
from companion.strings import kept
from companion.times import DAY_MS, HOUR_MS, MINUTE_MS

QUIET = "quiet"
WISHES = "wishes"
DAY_MINUTES = 24 * 60
LEVELS = ("off", "new", "group")
RHYTHMS = ("as_it_comes", "daily", "weekly", "calls_only")
RHYTHM_MS = {"as_it_comes": 0, "daily": DAY_MS, "weekly": 7 * DAY_MS}
CLINIC_MOST_MS, MUTE_MOST_MS = 4 * HOUR_MS, 7 * DAY_MS
"""The longest of each that was offered."""
BURST_MS = 10 * MINUTE_MS
"""Messages that follow each other within this time are one burst, with one alert."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """For all groups. Minutes since local midnight; equal ones mean no quiet hours. `level`: one of LEVELS.

    In clinic runs from `in_clinic_since_ms` to `in_clinic_until_ms`, both 0 outside it.
    """

    from_minute: int = 22 * 60
    until_minute: int = 7 * 60
    in_clinic_since_ms: int = 0
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
            "in_clinic_since_ms": self.in_clinic_since_ms,
            "in_clinic_until_ms": self.in_clinic_until_ms,
            "level": self.level,
        }

    @classmethod
    @refused("quiet hours")
    def from_doc(cls, doc: Doc) -> "Quiet":
        return cls(
            from_minute=whole(doc["from_minute"]),
            until_minute=whole(doc["until_minute"]),
            in_clinic_since_ms=_since(doc, "in_clinic", CLINIC_MOST_MS),
            in_clinic_until_ms=whole(doc["in_clinic_until_ms"]),
            level=kept(doc["level"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What this person wants of one group. `rhythm`: one of RHYTHMS. `folded` are people whose words stay folded.

    It is muted from `muted_since_ms` to `muted_until_ms`, both 0 if it is not.
    """

    group: str
    rhythm: str = "as_it_comes"
    is_mentions_only: bool = False
    muted_since_ms: int = 0
    muted_until_ms: int = 0
    folded: tuple[str, ...] = ()
    is_welcomed: bool = False
    tells_seen: bool = False
    is_shelf_seen: bool = False
    """They have looked at what stands on its shelf."""

    def __post_init__(self) -> None:
        if self.rhythm not in RHYTHMS:
            raise ValueError("rhythm")

    def to_doc(self) -> Doc:
        return {
            "_id": self.group,
            "_v": 1,
            "rhythm": self.rhythm,
            "is_mentions_only": self.is_mentions_only,
            "muted_since_ms": self.muted_since_ms,
            "muted_until_ms": self.muted_until_ms,
            "folded": list(self.folded),
            "is_welcomed": self.is_welcomed,
            "tells_seen": self.tells_seen,
            "is_shelf_seen": self.is_shelf_seen,
        }

    @classmethod
    @refused("what is wished of a group")
    def from_doc(cls, doc: Doc) -> "Wishes":
        folded = doc["folded"]
        return cls(
            group=kept(doc["_id"]),
            rhythm=kept(doc["rhythm"]),
            is_mentions_only=bool(doc["is_mentions_only"]),
            muted_since_ms=_since(doc, "muted", MUTE_MOST_MS),
            muted_until_ms=whole(doc["muted_until_ms"]),
            folded=tuple(kept(one) for one in folded) if isinstance(folded, list) else (),
            is_welcomed=bool(doc["is_welcomed"]),
            tells_seen=bool(doc["tells_seen"]),
            is_shelf_seen=bool(doc.get("is_shelf_seen")),
        )


def _since(doc: Doc, name: str, most_ms: int) -> int:
    """Return when a pause began; what was kept before that was written down began the longest one ago."""
    since_ms = doc.get(f"{name}_since_ms")
    return whole(since_ms) if since_ms is not None else max(0, whole(doc[f"{name}_until_ms"]) - most_ms)


def is_quiet(quiet: Quiet, local_minute: int) -> bool:
    """Return whether it is quiet hours now. `local_minute` is in minutes since local midnight."""
    begin, end = quiet.from_minute, quiet.until_minute
    return begin <= local_minute < end if begin <= end else local_minute >= begin or local_minute < end


def wants_alert(
    wishes: Wishes, standing: Standing, seen: Seen, *, last_age_ms: int | None, was_here_since: bool = False
) -> bool:
    """Return whether a group's news is worth an alert, at a time when alerts may be heard.

    `last_age_ms` is how long ago there was the last one for it, None without one; `was_here_since` whether somebody
    has looked at the group since. One burst is one alert: there is none while messages follow each other, or before the
    rhythm allows it.
    """
    if wishes.rhythm == "calls_only":
        return False
    loud, for_me = unheard(standing, seen)
    is_new = for_me > 0 or (loud > 0 and not wishes.is_mentions_only)
    pause_ms = max(RHYTHM_MS[wishes.rhythm], 0 if was_here_since else BURST_MS)
    return is_new and (last_age_ms is None or last_age_ms >= pause_ms)
