"""A space as this device knows it: its keys, its logs, and how far each was read."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from companion.fields import as_id, as_list, as_object, refused, whole
from companion.space.keys import BOOK, KEY_BYTES, SHELF, capability, log_id
from companion.strings import kept

TABLE = "spaces"
OWN, GROUP, CIRCLE = "own", "group", "circle"
OPEN, SHUT, FORMER = "open", "shut", "former"


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One log of a space. `n` is the number of the key that is in force at the cursor, `reads` of the one whose
    capability opens the log at the service: who comes late has the newest, and reads the past with it.

    `cursor` is the last number that was read and committed, `cid` and `at_ms` are of the event there. `floor` is the
    last number that was not read yet: who comes late begins with the newest and reads the rest behind. Up to `joined`
    was there when this device came: which key was in force where is not known of that. 0 is nothing.
    """

    n: int = 0
    reads: int = 0
    cursor: int = 0
    cid: str = ""
    at_ms: int = 0
    floor: int = 0
    joined: int = 0

    def at(self, seq: int, cid: str = "", at_ms: int = 0) -> "Log":
        return replace(self, cursor=seq, cid=cid, at_ms=at_ms)

    def to_doc(self) -> dict[str, object]:
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        return {**numbers, "cid": self.cid}

    @classmethod
    @refused("a log")
    def from_doc(cls, doc: dict[str, object]) -> "Log":
        return cls(cid=kept(doc["cid"]), **{name: whole(doc[name]) for name in _NUMBERS})


_NUMBERS = ("n", "reads", "cursor", "at_ms", "floor", "joined")


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """`kind` is "own", "group" or "circle", a space of several groups; `of` is the group whose it is, `through` are the
    groups of mine by which I belong to a circle.

    `keys` are those known here, the first of them of the number `base`, each 32 bytes. `state`: "open", "shut" once a
    turn had no box for us, or "former" where another space of the group took its place. `holders` are the devices that
    were given the newest key of an own space. Of two own spaces of one person the one with the higher `generation`
    counts. `first` is the first item's hash, if it is known. `stewards`: in a group's space, the secret of those who
    look after it, by the number of the key with which it was told; only where this device has it. `is_forked`: somebody
    was shown another log here than this device, by what they said that they saw.
    """

    id: str
    kind: str
    service: str
    keys: tuple[bytes, ...]
    base: int = 0
    of: str = ""
    through: tuple[str, ...] = ()
    first: str = ""
    state: str = OPEN
    holders: tuple[str, ...] = ()
    generation: int = 1
    stewards: Mapping[int, bytes] = field(default_factory=dict)
    is_forked: bool = False
    logs: Mapping[str, Log] = field(default_factory=lambda: {BOOK: Log(), SHELF: Log()})

    def __post_init__(self) -> None:
        if not self.keys or any(len(key) != KEY_BYTES for key in self.keys):
            raise ValueError("a space without keys")

    @property
    def octets(self) -> bytes:
        return bytes.fromhex(self.id)

    @property
    def n(self) -> int:
        """The number of the newest key."""
        return self.base + len(self.keys) - 1

    def key(self, n: int) -> bytes | None:
        return self.keys[n - self.base] if self.base <= n <= self.n else None

    def log_id(self, name: str) -> bytes:
        return log_id(self.octets, name)

    def name_of(self, log: str) -> str | None:
        """Return which log of this space has this id."""
        return next((name for name in self.logs if self.log_id(name).hex() == log), None)

    def capability(self, name: str, n: int | None = None) -> str:
        """Return what opens a log, as its place needs it; or under the key of a number. Raises: KeyError if unknown."""
        number = self.logs[name].reads if n is None else n
        key = self.key(number)
        if key is None:
            raise KeyError(number)
        return capability(key, self.log_id(name)).hex()

    def with_log(self, name: str, log: Log) -> "Space":
        return replace(self, logs={**self.logs, name: log})

    def with_key(self, key: bytes) -> "Space":
        """Return it with one more, the newest."""
        return replace(self, keys=(*self.keys, key))

    def with_past(self, keys: tuple[bytes, ...]) -> "Space":
        """Return it with every key from the number 0 on."""
        return replace(self, keys=keys, base=0)

    def to_doc(self) -> dict[str, object]:
        return {
            "_id": self.id,
            "_v": 1,
            "kind": self.kind,
            "service": self.service,
            "keys": [key.hex() for key in self.keys],
            "base": self.base,
            "of": self.of,
            "through": list(self.through),
            "first": self.first,
            "state": self.state,
            "holders": list(self.holders),
            "generation": self.generation,
            "stewards": {str(n): secret.hex() for n, secret in self.stewards.items()},
            "is_forked": self.is_forked,
            "logs": {name: log.to_doc() for name, log in self.logs.items()},
        }

    @classmethod
    @refused("a space")
    def from_doc(cls, doc: dict[str, object]) -> "Space":
        return cls(
            id=as_id(doc["_id"]),
            kind=kept(doc["kind"]),
            service=kept(doc["service"]),
            keys=tuple(bytes.fromhex(kept(key)) for key in as_list(doc["keys"])),
            base=whole(doc["base"]),
            of=kept(doc["of"]),
            through=tuple(as_id(one) for one in as_list(doc.get("through", []))),
            first=kept(doc["first"]),
            state=kept(doc["state"]),
            holders=tuple(as_id(one) for one in as_list(doc["holders"])),
            generation=whole(doc["generation"]),
            stewards={int(n): bytes.fromhex(kept(one)) for n, one in as_object(doc.get("stewards", {})).items()},
            is_forked=doc.get("is_forked") is True,
            logs={kept(name): Log.from_doc(as_object(log)) for name, log in as_object(doc["logs"]).items()},
        )
