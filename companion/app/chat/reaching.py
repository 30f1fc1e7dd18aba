"""Somebody to get in touch with now: up to three people, each with the reason why them."""

from dataclasses import dataclass

from companion.nudges import Contact
from companion.times import DAY_MS, SLACK_MS, age_ms

LIMIT = 3
NEW_DAYS, RECENT_DAYS = 14, 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """`reason`: "recent" (you talked lately), "new" (they joined lately) or "quiet"; `days` since the last word."""

    contact: Contact
    reason: str
    days: int


def suggest(contacts: tuple[Contact, ...], at_ms: int) -> tuple[Suggestion, ...]:
    """Return up to three people, each once: first those there was a word with lately, then new and quiet ones."""
    newest: dict[str, Contact] = {}
    for contact in sorted(contacts, key=lambda one: (one.last_ms, one.device)):
        newest[contact.device] = contact
    found = [_suggestion(contact, at_ms) for contact in newest.values()]
    order = {"recent": 0, "new": 1, "quiet": 2}
    return tuple(sorted(found, key=lambda one: (order[one.reason], one.days, one.contact.device))[:LIMIT])


def _suggestion(contact: Contact, at_ms: int) -> Suggestion:
    days = age_ms(contact.last_ms, at_ms) // DAY_MS
    joined_ms = at_ms - contact.joined_ms
    is_new = contact.joined_ms > 0 and -SLACK_MS <= joined_ms < NEW_DAYS * DAY_MS and not contact.is_welcomed
    reason = "new" if is_new else "recent" if days < RECENT_DAYS else "quiet"
    return Suggestion(contact=contact, reason=reason, days=days)
