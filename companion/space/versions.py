"""One document on several devices: its versions, which follow each other or stand side by side.

A version names those before it. What no other names is *newest*: one, or several where devices wrote apart. What is
known of a document is a set of versions and of names, so it comes to the same in any order and however often a version
comes. Nobody's words are merged into anybody's; only a person's next version follows several.
Source: docs/protocol.md section 8.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from companion.errors import MessageRejected
from companion.fields import as_id, as_list, as_object, refused, whole
from companion.strings import mended

PAST_KEPT = 256
"""Names of earlier versions that a version carries: whoever was away for longer sees both versions side by side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a document. `body` is None where it was deleted. `past`: earlier versions, the nearest first.

    `at_ms`: when it was written, by that device's clock; `device`: which one wrote it.
    """

    id: str
    device: str
    at_ms: int
    body: Mapping[str, object] | None
    past: tuple[str, ...] = ()

    def to_doc(self) -> dict[str, object]:
        body = None if self.body is None else dict(self.body)
        past = list(self.past)
        return {"id": self.id, "device": self.device, "at_ms": self.at_ms, "body": body, "past": past}

    @classmethod
    @refused("a version")
    def from_doc(cls, doc: dict[str, object]) -> "Version":
        body = doc["body"]
        past = as_list(doc["past"])
        if len(past) > PAST_KEPT or doc["id"] in past:
            raise MessageRejected("a version with too long a past, or after itself")
        return cls(
            id=as_id(doc["id"]),
            device=as_id(doc["device"]),
            at_ms=whole(doc["at_ms"]),
            body=None if body is None else as_object(mended(as_object(body))),
            past=tuple(as_id(one) for one in past),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is known of one document: its newest versions by their ids, and every version that another one names."""

    newest: Mapping[str, Version] = field(default_factory=dict)
    past: frozenset[str] = frozenset()

    def to_doc(self) -> dict[str, object]:
        ordered = [self.newest[id].to_doc() for id in sorted(self.newest)]
        return {"newest": ordered, "past": sorted(self.past)}

    @classmethod
    @refused("a document's history")
    def from_doc(cls, doc: dict[str, object]) -> "History":
        newest = [Version.from_doc(as_object(one)) for one in as_list(doc["newest"])]
        return cls(newest={one.id: one for one in newest}, past=frozenset(as_id(one) for one in as_list(doc["past"])))

    @property
    def shown(self) -> tuple[Version, ...]:
        """The versions a person sees, the latest written first: one, or several side by side, or none if deleted.

        Words beat a deletion beside them.
        """
        there = [one for one in self.newest.values() if one.body is not None]
        return tuple(sorted(there, key=lambda one: (one.at_ms, one.id), reverse=True))


def with_version(history: History, version: Version) -> History:
    """Return what is known after one more version, whether it is new, old, or known already."""
    return merged(history, History(newest={version.id: version}, past=frozenset(version.past)))


def merged(one: History, other: History) -> History:
    """Return what both together know."""
    past = one.past | other.past
    newest = {id: version for id, version in {**one.newest, **other.newest}.items() if id not in past}
    return History(newest=newest, past=past)


def written(history: History, *, id: str, device: str, at_ms: int, body: Mapping[str, object] | None) -> Version:
    """Return the version that is written by somebody who has all of this before them."""
    before = [(version.id, *version.past) for version in history.newest.values()]
    nearest = (name for names in zip_longest(*before) for name in names if name is not None)
    past = tuple(dict.fromkeys(nearest))[:PAST_KEPT]
    return Version(id=id, device=device, at_ms=at_ms, body=body, past=past)


def trimmed(history: History) -> History:
    """Return it with the names that its newest versions carry. For when everything older has come: nobody brings the
    others any more.
    """
    return replace(history, past=frozenset(name for version in history.newest.values() for name in version.past))
