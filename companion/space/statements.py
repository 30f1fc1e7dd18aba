"""What the members of a group say to each other, inside MLS, of a space: keys, who they are there, what they lack.

MLS proves who says it, and gives all members the same order. Source: docs/protocol.md section 8, "A group's own space".
"""

from collections.abc import Mapping
from dataclasses import dataclass

from companion.crypto.primitives import SIGNATURE_BYTES, sha256
from companion.errors import MessageRejected
from companion.fields import as_id, as_object, refused, whole
from companion.space.cards import read_box, read_keys
from companion.space.keys import BOOK, KEY_BYTES, SHELF
from companion.strings import kept, read_line

STATEMENTS, STATING = "statements", "stating"
"""What was said and has its place in the group, until it was taken to heart; what I say, until it has its place."""
SPACE, STEWARDS = "space", "stewards"
"""The kinds of content: what all may know, and, as private content, what those alone may who look after the group."""
KEY, ENTRY = "key", "entry"
_ASKS = ("", KEY, STEWARDS, ENTRY)
LINKS_LIMIT = 8
SERVICE_LIMIT = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What somebody who comes late has to know beside the newest key: the first item's hash, and the number of the key
    whose capability opens each log. `service` is where a circle lies; a group's own space is where the group is.
    """

    first: str
    reads: Mapping[str, int]
    service: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What lets a group into a circle: its id, its X25519 box, and the member keys of those who bring it."""

    group: str
    box: bytes
    links: tuple[bytes, ...]

    def to_content(self) -> dict[str, object]:
        return {"group": self.group, "box": self.box.hex(), "links": [link.hex() for link in self.links]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """`space` is empty where somebody asks who knows none. `key` has the number `n`; `stewards` is the SHA-256 of the
    secret that those who look after the group have with it. `member` is the Ed25519 key of whoever says it. `asks`:
    "key", "stewards", "entry" of who may bring a group into a circle, or nothing. `secret` is said in private alone.
    `proof`: the member key's signature over `companion.space.cards.member_message`, 64 bytes. `is_circle`: the space is
    one of several groups; of these a pair speaks too.
    """

    space: str = ""
    generation: int = 1
    n: int = 0
    key: bytes = b""
    stewards: bytes = b""
    way: Way | None = None
    member: bytes = b""
    proof: bytes = b""
    asks: str = ""
    secret: bytes = b""
    entry: Entry | None = None
    is_circle: bool = False

    def to_content(self) -> dict[str, object]:
        content: dict[str, object] = {"kind": STEWARDS if self.secret else SPACE, "space": self.space}
        if self.key:
            content |= {"generation": self.generation, "n": self.n, "key": self.key.hex()}
        if self.stewards:
            content["stewards"] = self.stewards.hex()
        if self.way is not None:
            way = {"first": self.way.first, "reads": dict(self.way.reads), "service": self.way.service}
            content["way"] = way
        if self.entry is not None:
            content["entry"] = self.entry.to_content()
        if self.is_circle:
            content["circle"] = True
        more = {"member": self.member.hex(), "proof": self.proof.hex(), "asks": self.asks, "secret": self.secret.hex()}
        return content | {name: value for name, value in more.items() if value}


@refused("what is said of a space")
def read_statement(content: Mapping[str, object]) -> Statement:
    """Raises: MessageRejected if it is malformed, or says nothing."""
    asks, is_private = content.get("asks", ""), content["kind"] == STEWARDS
    if asks not in _ASKS:
        raise MessageRejected("somebody asks for nothing known")
    said = Statement(
        space=as_id(content["space"]) if content["space"] or asks != KEY else "",
        generation=whole(content.get("generation", 1)),
        n=whole(content.get("n", 0)),
        key=_octets(content.get("key")),
        stewards=_octets(content.get("stewards")),
        way=_way(as_object(content["way"])) if "way" in content else None,
        member=_octets(content.get("member")),
        proof=_octets(content.get("proof"), SIGNATURE_BYTES),
        asks=str(asks),
        secret=_octets(content.get("secret")) if is_private else b"",
        entry=read_entry(as_object(content["entry"])) if "entry" in content else None,
        is_circle=content.get("circle") is True,
    )
    has_stewards, has_key = bool(said.stewards), bool(said.key) and not said.is_circle
    if said.way is not None and any(n > said.n for n in said.way.reads.values()):
        raise MessageRejected("a log that is opened by a key to come")
    is_half = has_stewards != has_key or bool(said.member) != bool(said.proof)
    if is_half or (said.way and not said.key) or is_private != bool(said.secret):
        raise MessageRejected("half of what is said of a space")
    is_open = bool(said.key or said.member or said.asks or said.entry)
    if is_open and is_private:
        raise MessageRejected("said to some alone, where all have to know the same")
    if not (is_open or said.secret):
        raise MessageRejected("nothing is said of a space")
    return said


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A statement in its place in the group, and whose it is by the keys of MLS. `is_carer`: whoever said it looked
    after the group there.
    """

    group: str
    seq: int
    person: str
    is_carer: bool
    statement: Statement


def said_doc(group: str, seq: int, person: str, content: Mapping[str, object], *, is_carer: bool) -> dict[str, object]:
    doc: dict[str, object] = {"_id": f"{group}:{seq}", "_v": 1, "group": group, "seq": seq, "person": person}
    return doc | {"is_carer": is_carer, "content": dict(content)}


@refused("what was said of a space")
def read_said(doc: Mapping[str, object]) -> Said:
    """Raises: MessageRejected."""
    return Said(
        group=as_id(doc["group"]),
        seq=whole(doc["seq"]),
        person=kept(doc["person"]),
        is_carer=doc["is_carer"] is True,
        statement=read_statement(as_object(doc["content"])),
    )


def digest(key: bytes) -> str:
    """Return what names a key among others of its number, and a stewards' secret."""
    return sha256(key).hex()


def _octets(value: object, length: int = KEY_BYTES) -> bytes:
    if value is None:
        return b""
    octets = bytes.fromhex(value) if isinstance(value, str) else b""
    if len(octets) != length:
        raise MessageRejected(f"not {length} octets")
    return octets


@refused("a group that would enter a circle")
def read_entry(value: Mapping[str, object]) -> Entry:
    """Raises: MessageRejected."""
    links = read_keys(value["links"], LINKS_LIMIT)
    return Entry(group=as_id(value["group"]), box=read_box(value["box"]), links=links)


def _way(value: Mapping[str, object]) -> Way:
    reads = as_object(value["reads"])
    first = bytes.fromhex(str(value["first"]))
    if len(first) != KEY_BYTES:
        raise MessageRejected("not the hash of a first item")
    return Way(
        first=first.hex(),
        reads={name: whole(reads[name]) for name in (BOOK, SHELF)},
        service=read_line(value.get("service", ""), SERVICE_LIMIT, "a service", may_be_empty=True),
    )
