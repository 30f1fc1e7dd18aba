"""What is known of spaces of groups beside their logs: keys that were told, whose member key is whose, and secrets.

Each is a document of its own, written when it is heard in the group, and found again by what it is about.
"""

from dataclasses import dataclass

from companion.fields import as_id, each_read, refused, whole
from companion.ports import Change, Doc, Documents, Drop, Put
from companion.space.place import Space
from companion.space.statements import Said, digest
from companion.strings import kept

KEYS, MEMBERS, STEWARDS = "space_keys", "space_members", "space_stewards"
KEYS_MOST = 16
"""Keys that are kept of what one person told, the newest: which of them counts, the turn says by its hash."""
MEMBERS_MOST = 64
"""Member keys that are kept of one person, the first: several devices may each have one, and another with each that is
lost.
"""
_HEX = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldKey:
    """A key that somebody told in a group. `seq` is where they told it first: who was out by then never heard of it.
    `stewards` is the SHA-256 of the secret that goes with it.
    """

    space: str
    n: int
    key: bytes
    stewards: bytes
    seq: int
    person: str

    @property
    def id(self) -> str:
        return f"{self.space}:{self.n}:{digest(self.key)[:_HEX]}:{self.person}"

    def put(self) -> Put:
        doc: Doc = {"_id": self.id, "_v": 1, "space": self.space, "n": self.n, "key": self.key.hex()}
        return Put(KEYS, doc | {"stewards": self.stewards.hex(), "seq": self.seq, "person": self.person})


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldMember:
    """Whose member key of a space this is, as that person said in a group, at `seq` last."""

    space: str
    group: str
    member: bytes
    person: str
    seq: int

    def put(self) -> Put:
        doc: Doc = {"_id": f"{self.space}:{self.group}:{self.member.hex()}", "_v": 1, "space": self.space}
        doc |= {"group": self.group}
        return Put(MEMBERS, doc | {"member": self.member.hex(), "person": self.person, "seq": self.seq})


async def told_keys(space: str, documents: Documents) -> tuple[ToldKey, ...]:
    """Return the keys of a space that were told, in the order in which they were."""
    found = await documents.read(KEYS, lambda docs: each_read(docs, read_key_row))
    return tuple(sorted((one for one in found if one.space == space), key=lambda one: one.seq))


async def told_members(space: str, group: str, documents: Documents) -> tuple[ToldMember, ...]:
    """Return the member keys of a space that were told in a group, in the order in which they were."""
    found = await documents.read(MEMBERS, lambda docs: each_read(docs, read_member_row))
    mine = (one for one in found if (one.space, one.group) == (space, group))
    return tuple(sorted(mine, key=lambda one: one.seq))


async def secret_of(stewards: bytes, documents: Documents) -> bytes | None:
    """Return the secret of those who look after the group that has this SHA-256, if it was told to this device."""
    doc = await documents.get(STEWARDS, stewards.hex()[:_HEX])
    secret = read_secret_row(doc) if doc is not None else None
    return secret if secret is not None and digest(secret) == stewards.hex() else None


async def told_secrets(documents: Documents) -> tuple[bytes, ...]:
    """Return every secret of those who look after a group that was told to this device."""
    return await documents.read(STEWARDS, lambda docs: each_read(docs, read_secret_row))


def secret_put(secret: bytes) -> Put:
    return Put(STEWARDS, {"_id": digest(secret)[:_HEX], "_v": 1, "secret": secret.hex()})


def with_key(said: Said, told: tuple[ToldKey, ...]) -> Change:
    """Return the change that keeps a key that was told, beside these. A flood of one person's takes the place of their
    own alone.
    """
    key = said.statement
    one = ToldKey(space=key.space, n=key.n, key=key.key, stewards=key.stewards, seq=said.seq, person=said.person)
    if any(known.id == one.id for known in told):
        return Change()
    theirs = [known for known in told if known.person == said.person]
    over = theirs[: max(0, len(theirs) + 1 - KEYS_MOST)]
    return Change(put=(one.put(),), drop=tuple(Drop(KEYS, known.id) for known in over))


async def over_keys(space: Space, documents: Documents) -> tuple[Drop, ...]:
    """Return what drops the keys that no turn can turn to any more."""
    rows = await told_keys(space.id, documents)
    return tuple(Drop(KEYS, one.id) for one in rows if one.n < space.n)


@refused("a key that was told")
def read_key_row(doc: Doc) -> ToldKey:
    return ToldKey(
        space=as_id(doc["space"]),
        n=whole(doc["n"]),
        key=bytes.fromhex(kept(doc["key"])),
        stewards=bytes.fromhex(kept(doc["stewards"])),
        seq=whole(doc["seq"]),
        person=kept(doc["person"]),
    )


@refused("a member key that was told")
def read_member_row(doc: Doc) -> ToldMember:
    return ToldMember(
        space=as_id(doc["space"]),
        group=kept(doc["group"]),
        member=bytes.fromhex(kept(doc["member"])),
        person=kept(doc["person"]),
        seq=whole(doc["seq"]),
    )


@refused("a secret of those who look after a group")
def read_secret_row(doc: Doc) -> bytes:
    return bytes.fromhex(kept(doc["secret"]))
