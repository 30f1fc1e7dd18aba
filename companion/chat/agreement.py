"""What a group has agreed: its purpose and ground rules, how long messages are kept, whether it tells who has read.

One version replaces another whole. Only a facilitator can put one forward; each member says for themselves that they
agree. Nothing is removed before a day has passed since the group heard of a shorter time.
Source: product guide, rows S11 and C07.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from companion.chat.message import Doc
from companion.chat.parsing import Content, read_flag, read_id, read_line, read_list, read_number, read_text
from companion.fields import refused, whole
from companion.strings import kept
from companion.times import DAY_MS

AGREEMENTS = "agreements"
KEEP_DAYS = (0, 7, 30, 90)
"""0 keeps messages until they are deleted."""
PURPOSE_LIMIT = 300
RULE_LIMIT = 200
RULES_LIMIT = 12
AGREED_LIMIT = 64

Update = Callable[[Doc | None], Doc | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What holds in one group. `version` 0 is a group that has agreed nothing yet. `agreed`: who said yes to it.

    `keep_since_ms` is when the group heard how long messages are kept, by the service's clock. `told` counts the
    members that have been told by this device.
    """

    group: str
    version: int = 0
    purpose: str = ""
    rules: tuple[str, ...] = ()
    keep_days: int = 0
    keep_since_ms: int = 0
    is_read_shared: bool = False
    agreed: tuple[str, ...] = ()
    told: int = 0

    @property
    def has_words(self) -> bool:
        return bool(self.purpose or self.rules)

    def to_doc(self) -> Doc:
        return {
            "_id": self.group,
            "_v": 1,
            "version": self.version,
            "purpose": self.purpose,
            "rules": list(self.rules),
            "keep_days": self.keep_days,
            "keep_since_ms": self.keep_since_ms,
            "is_read_shared": self.is_read_shared,
            "agreed": list(self.agreed),
            "told": self.told,
        }

    @classmethod
    @refused("an agreement")
    def from_doc(cls, doc: Doc) -> "Agreement":
        return cls(
            group=kept(doc["_id"]),
            version=whole(doc["version"]),
            purpose=kept(doc["purpose"]),
            rules=_texts(doc["rules"]),
            keep_days=whole(doc["keep_days"]),
            keep_since_ms=whole(doc["keep_since_ms"]),
            is_read_shared=bool(doc["is_read_shared"]),
            agreed=_texts(doc["agreed"]),
            told=whole(doc["told"]),
        )


def agreement_content(agreement: Agreement, id: str) -> dict[str, object]:
    """Return what the group is told; `id` is of the line that says so in the conversation."""
    return {
        "kind": "agreement",
        "id": id,
        "version": agreement.version,
        "purpose": agreement.purpose,
        "rules": list(agreement.rules),
        "keep_days": agreement.keep_days,
        "is_read_shared": agreement.is_read_shared,
        "agreed": list(agreement.agreed),
    }


@refused("an agreement")
def read_agreement(content: Content, group: str) -> Agreement:
    """Return what a facilitator put forward. Raises MessageRejected."""
    keep_days = read_number(content, "keep_days", most=max(KEEP_DAYS))
    rules = read_list(content, "rules", RULES_LIMIT)
    agreed = read_list(content, "agreed", AGREED_LIMIT)
    return Agreement(
        group=group,
        version=read_number(content, "version", least=1),
        purpose=read_text(content, "purpose", PURPOSE_LIMIT, may_be_empty=True),
        rules=tuple(read_line({"rule": one}, "rule", RULE_LIMIT) for one in rules),
        keep_days=keep_days if keep_days in KEEP_DAYS else 0,
        is_read_shared=read_flag(content, "is_read_shared"),
        agreed=tuple(read_id({"person": one}, "person") for one in agreed),
    )


def news_line(known: Agreement, new: Agreement) -> tuple[str, str] | None:
    """Return kind and text of the line that tells the group what a new version changes, or None."""
    if known.keep_days != new.keep_days:
        return "keep", str(new.keep_days)
    if (known.purpose, known.rules) != (new.purpose, new.rules):
        return "rules", ""
    if known.is_read_shared != new.is_read_shared:
        return "read_state", "on" if new.is_read_shared else ""
    return None


def agree_content(version: int) -> dict[str, object]:
    return {"kind": "agree", "version": version}


def replaced(new: Agreement, *, at_ms: int) -> Update:
    """Return what a newer version makes of the one that is known; an older or the same one changes nothing."""

    def update(doc: Doc | None) -> Doc | None:
        known = Agreement(group=new.group) if doc is None else Agreement.from_doc(doc)
        if new.version <= known.version:
            return None
        is_kept_alike = new.keep_days == known.keep_days
        since = known.keep_since_ms if is_kept_alike else at_ms
        return replace(new, keep_since_ms=since, told=known.told).to_doc()

    return update


def agreed_by(group: str, person: str, version: int) -> Update:
    """Return what one member's yes makes of the version it is for."""

    def update(doc: Doc | None) -> Doc | None:
        known = Agreement(group=group) if doc is None else Agreement.from_doc(doc)
        if known.version != version or person in known.agreed or len(known.agreed) >= AGREED_LIMIT:
            return None
        return replace(known, agreed=(*known.agreed, person)).to_doc()

    return update


def gone_before_ms(agreement: Agreement, at_ms: int) -> int:
    """Return the time before which messages are removed now; 0 removes nothing."""
    if not agreement.keep_days or at_ms - agreement.keep_since_ms < DAY_MS:
        return 0
    return at_ms - agreement.keep_days * DAY_MS


def _texts(value: object) -> tuple[str, ...]:
    return tuple(kept(one) for one in value) if isinstance(value, list) else ()
