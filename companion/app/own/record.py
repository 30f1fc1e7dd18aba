"""What a device knows of one shared document beside the document itself: its versions, and their places in the log."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from companion.crypto.primitives import sha256
from companion.fields import as_id, as_list, as_object, refused, whole
from companion.ports import Doc
from companion.space.versions import History
from companion.strings import kept

RECORDS = "own_records"
LINEAGE_KEPT = 64
NOTHING = ""
"""What a document is based on that was never told."""

Place = tuple[int, str]
"""A number in a log, and the cid of what stands there: after a restore of the service something else may."""
Places = Mapping[str, int]
"""By the cids of items that say one version, the number where each stands. More than one said it in another space."""


def record_id(table: str, id: str) -> str:
    return f"{table}:{id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """`here` is the version whose body is the document in its table, empty for none; `digest` is of that body.

    `places`: where in the log the newest versions stand, as far as they have landed. `lineage`: what this device wrote
    on top of which version, so that an open page need not be told that a version was made of it meanwhile. `is_anew`:
    another space was begun, and what of the newest does not stand there yet has still to be said.
    """

    table: str
    id: str
    history: History = field(default_factory=History)
    here: str = ""
    digest: str = ""
    places: Mapping[str, Places] = field(default_factory=dict)
    lineage: Mapping[str, str] = field(default_factory=dict)
    is_anew: bool = False

    @property
    def beside(self) -> tuple[str, ...]:
        """The versions that stand beside the one in its table, in the order in which they are shown."""
        return tuple(one.id for one in self.history.shown if one.id != self.here)

    def base(self, follows: tuple[str, ...]) -> tuple[str, ...]:
        """Return the versions that a document is based on: what this device wrote on top of them is in it, too."""
        found = []
        for one in follows or (NOTHING,):
            while one in self.lineage:
                one = self.lineage[one]
            found.append(one)
        return tuple(dict.fromkeys(one for one in found if one != NOTHING))

    def __post_init__(self) -> None:
        newest = self.history.newest
        if any(version not in newest for version in self.places):
            kept_ones = {version: seq for version, seq in self.places.items() if version in newest}
            object.__setattr__(self, "places", kept_ones)

    def grown(self, base: tuple[str, ...], version: str) -> "Record":
        """Return it with this device's version on top of others."""
        lineage = {**self.lineage, **dict.fromkeys(base or (NOTHING,), version)}
        return replace(self, lineage=dict(list(lineage.items())[-LINEAGE_KEPT:]))

    def landed(self, version: str, place: Place) -> "Record":
        """Return it with the place of an item that says this version."""
        seq, cid = place
        return replace(self, places={**self.places, version: {**self.places.get(version, {}), cid: seq}})

    def to_doc(self) -> Doc:
        """Return it as a document: in one string, as there are as many of them in memory as pages."""
        known = {
            "table": self.table,
            "id": self.id,
            "history": self.history.to_doc(),
            "here": self.here,
            "digest": self.digest,
            "places": {name: dict(places) for name, places in self.places.items()},
            "lineage": dict(self.lineage),
            "is_anew": self.is_anew,
        }
        return {"_id": record_id(self.table, self.id), "_v": 1, "known": json.dumps(known, ensure_ascii=False)}

    @classmethod
    @refused("what is known of a shared document")
    def from_doc(cls, doc: Doc) -> "Record":
        known = as_object(json.loads(kept(doc["known"])))
        return cls(
            table=kept(known["table"]),
            id=kept(known["id"]),
            history=History.from_doc(as_object(known["history"])),
            here=kept(known["here"]),
            digest=kept(known["digest"]),
            places={as_id(name): read_places(places) for name, places in as_object(known["places"]).items()},
            lineage={kept(base): as_id(version) for base, version in as_object(known["lineage"]).items()},
            is_anew=known["is_anew"] is True,
        )


@refused("places in a log")
def read_places(value: object) -> Places:
    return {as_id(cid): whole(seq) for cid, seq in as_object(value).items()}


@refused("a place in a log")
def read_place(value: object) -> Place:
    seq, cid = as_list(value)
    return whole(seq), as_id(cid)


def digest_of(body: Mapping[str, object]) -> str:
    return sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hex()
