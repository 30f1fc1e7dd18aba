"""Farewells: requests to delete that a device signs ahead, and that work once its keys are gone.

A farewell can do nothing but delete what its device, or its whole account, has at one service, and the logs that it
names. So whoever finds one can do no more than that, and fetch the sealed bytes of those logs. It knows neither disk
nor network.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from companion.fields import as_id, as_list, as_object, each_read, refused
from companion.strings import read_line
from companion.wire import LOCAL_SERVICE

DEVICE, ACCOUNT = "device", "account"
OWED, REFUSED = "owed", "refused"
SERVICE_LIMIT = 1_000
SIGNATURE_BYTES = 64
MOST = 32
"""How many are kept at most, so that they fit into one small file; the newest."""


LOGS_MOST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class LogToDrop:
    """A log that belongs to no device at its service: its id, and what drops it, in hex."""

    id: str
    capability: str
    keeper: str

    @classmethod
    @refused("a log to drop")
    def from_doc(cls, doc: dict[str, object]) -> "LogToDrop":
        """Raises: MessageRejected."""
        hexes = (str(doc["capability"]), str(doc["keeper"]))
        if any(len(bytes.fromhex(one)) != 32 or len(one) != 64 for one in hexes):
            raise ValueError("neither capability nor keeper")
        return cls(id=as_id(doc["id"]), capability=hexes[0], keeper=hexes[1])

    def to_doc(self) -> dict[str, object]:
        return {"id": self.id, "capability": self.capability, "keeper": self.keeper}


@dataclass(frozen=True, slots=True, kw_only=True)
class Farewell:
    """One request. `service` is an address without any token, or "local"; `scope` is "device" or "account".

    `logs` are dropped too. `state` is "owed", or "refused" once the service did not take it.
    """

    service: str
    device: str
    scope: str
    signature: bytes
    state: str = OWED
    logs: tuple[LogToDrop, ...] = ()

    @property
    def whose(self) -> tuple[str, str]:
        """What there is one of: a device at a service."""
        return self.service, self.device

    def to_doc(self) -> dict[str, object]:
        return {
            "service": self.service,
            "device": self.device,
            "scope": self.scope,
            "signature": self.signature.hex(),
            "state": self.state,
            "logs": [log.to_doc() for log in self.logs],
        }

    @classmethod
    @refused("a farewell")
    def from_doc(cls, doc: dict[str, object]) -> "Farewell":
        """Raises: MessageRejected. It stood in a file that anybody may have written to."""
        farewell = cls(
            service=read_line(doc["service"], SERVICE_LIMIT, "a service"),
            device=as_id(doc["device"]),
            scope=str(doc["scope"]),
            signature=bytes.fromhex(str(doc["signature"])),
            state=str(doc["state"]),
            logs=tuple(LogToDrop.from_doc(as_object(one)) for one in as_list(doc.get("logs", []))[:LOGS_MOST]),
        )
        is_known = farewell.scope in (DEVICE, ACCOUNT) and farewell.state in (OWED, REFUSED)
        if not is_address(farewell.service) or not is_known or len(farewell.signature) != SIGNATURE_BYTES:
            raise ValueError("not a farewell")
        return farewell


def is_address(service: str) -> bool:
    """Whether a farewell may name this service: an address of bounded length, or the service of this computer."""
    has_scheme = service == LOCAL_SERVICE or urlsplit(service).scheme in ("http", "https")
    return has_scheme and service.isascii() and len(service) <= SERVICE_LIMIT


def to_docs(farewells: Iterable[Farewell]) -> dict[str, object]:
    """Return what is kept of them in a small file."""
    return {"farewells": [farewell.to_doc() for farewell in farewells]}


def from_docs(doc: dict[str, object]) -> tuple[Farewell, ...]:
    """Return what `to_docs` kept. What cannot be read is left out: it keeps no other away."""
    docs = doc.get("farewells")
    return merged(each_read(docs if isinstance(docs, list) else (), Farewell.from_doc))


def merged(*many: Iterable[Farewell]) -> tuple[Farewell, ...]:
    """Return all of them, one for each device at each service; the one for the whole account stays."""
    kept: dict[tuple[str, str], Farewell] = {}
    for farewell in (one for some in many for one in some):
        known = kept.get(farewell.whose)
        if known is None or known.scope == DEVICE or farewell.scope == ACCOUNT:
            kept[farewell.whose] = farewell
    return tuple(kept.values())[-MOST:]
