"""Whether a nudge is due, which one, and why. At most one a day and three a week; silence is always allowed.

Rules so far, from the product guide's list: number 9, "new member of a small group", and number 1, "no peer contact
for 10 days". Both name one person.
"""

from dataclasses import dataclass

from companion.fields import refused, whole
from companion.strings import kept
from companion.times import DAY_MS, SLACK_MS, age_ms, is_past

TABLE = "nudges"
NO_CONTACT_DAYS = 10
PER_WEEK = 3
QUIET_FROM_MINUTE, QUIET_UNTIL_MINUTE = 22 * 60, 7 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Somebody who can be reached. Times in ms since the epoch, UTC.

    `last_ms` is the last word between the two in a group or line they share; `joined_ms` is when this person joined
    that group after me, 0 if they were there before; `is_welcomed` says whether I have written there since, or to them.
    """

    device: str
    name: str
    group: str
    last_ms: int
    joined_ms: int = 0
    is_welcomed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Nudge:
    """A nudge that was shown. `answer` is "open", "done", "not_now" or "fewer"."""

    id: str
    rule: str
    person: str
    name: str
    group: str
    days: int
    shown_ms: int
    answer: str = "open"

    def to_doc(self) -> dict[str, object]:
        return {
            "_id": self.id,
            "_v": 1,
            "rule": self.rule,
            "person": self.person,
            "name": self.name,
            "group": self.group,
            "days": self.days,
            "shown_ms": self.shown_ms,
            "answer": self.answer,
        }

    @classmethod
    @refused("a nudge")
    def from_doc(cls, doc: dict[str, object]) -> "Nudge":
        return cls(
            id=kept(doc["_id"]),
            rule=kept(doc["rule"]),
            person=kept(doc["person"]),
            name=kept(doc["name"]),
            group=kept(doc["group"]),
            days=whole(doc["days"]),
            shown_ms=whole(doc["shown_ms"]),
            answer=kept(doc["answer"]),
        )


def believable(history: tuple[Nudge, ...], at_ms: int) -> tuple[Nudge, ...]:
    """Return the nudges without those that a wrong clock has put into the future."""
    return tuple(n for n in history if is_past(n.shown_ms, at_ms))


def weekly_budget(history: tuple[Nudge, ...]) -> int:
    """Return how many nudges a week are wanted: "fewer like this" takes one away, two ignored in a row halve it."""
    budget = PER_WEEK - sum(n.answer == "fewer" for n in history)
    ignored = [n.answer == "open" for n in sorted(history, key=lambda n: n.shown_ms)[-2:]]
    if len(ignored) == 2 and all(ignored):
        budget = budget // 2
    return max(0, budget)


def is_quiet(local_minute: int) -> bool:
    """Return whether this minute of the local day (0 to 1439) lies in quiet hours."""
    return local_minute >= QUIET_FROM_MINUTE or local_minute < QUIET_UNTIL_MINUTE


def due(
    contacts: tuple[Contact, ...], history: tuple[Nudge, ...], *, id: str, at_ms: int, local_minute: int
) -> Nudge | None:
    """Return the nudge that is due, or None.

    Units: times in ms since the epoch, UTC; `local_minute` in minutes since local midnight.
    Source: product guide, section 9 and rows N04 to N07.
    """
    if is_quiet(local_minute):
        return None
    history = believable(history, at_ms)
    ages = [at_ms - n.shown_ms for n in history]
    if any(age < DAY_MS for age in ages) or sum(age < 7 * DAY_MS for age in ages) >= weekly_budget(history):
        return None
    recent = {n.person for n in history if at_ms - n.shown_ms < 30 * DAY_MS}
    reachable = tuple(c for c in contacts if c.device not in recent)
    for rule, choose in (("new_member", _new_member), ("no_contact", _no_contact)):
        person = choose(reachable, at_ms)
        if person is not None:
            return Nudge(
                id=id,
                rule=rule,
                person=person.device,
                name=person.name,
                group=person.group,
                days=age_ms(person.last_ms, at_ms) // DAY_MS,
                shown_ms=at_ms,
            )
    return None


def _new_member(contacts: tuple[Contact, ...], at_ms: int) -> Contact | None:
    new = [c for c in contacts if not c.is_welcomed and -SLACK_MS <= at_ms - c.joined_ms < DAY_MS]
    return max(new, key=lambda c: (c.joined_ms, c.device), default=None)


def _no_contact(contacts: tuple[Contact, ...], at_ms: int) -> Contact | None:
    last = max(contacts, key=lambda c: (c.last_ms, c.device), default=None)
    return last if last is not None and at_ms - last.last_ms >= NO_CONTACT_DAYS * DAY_MS else None
