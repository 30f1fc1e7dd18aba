"""The relay's database as a whole: one interface, the same rules behind it whichever database it is."""

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from companion.errors import MessageRejected
from companion.fields import refused
from companion.times import Sure
from services.relay.blobs.store import BlobStore
from services.relay.devices.store import DeviceStore
from services.relay.hub import Listener
from services.relay.keep.store import KeepStore
from services.relay.log.store import LogStore
from services.relay.push.store import PushStore


class UnknownDatabase(Exception):
    """The database was not made by this relay, or by a newer one; it is left as it was."""


class MovedDatabase(UnknownDatabase):
    """The log was moved from here to another database, and goes on there: what this one took would reach nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How much the service holds. `oldest_ms` is the arrival of the oldest event that still has a body, or None."""

    groups: int
    events: int
    event_bytes: int
    devices: int
    blobs: int
    blob_bytes: int
    uploads: int
    oldest_ms: int | None


class Database(Protocol):
    """The parts, and what concerns all of them. Every call raises 503 if the database takes nothing."""

    log: LogStore
    keep: KeepStore
    devices: DeviceStore
    blobs: BlobStore
    push: PushStore

    @property
    def incarnation(self) -> str:
        """The name of this log. A restore from a backup gives it another."""

    async def open(self, listener: Listener) -> None:
        """Start. `listener` hears of each event that this process appends, after its commit."""

    async def close(self) -> None: ...

    async def check(self) -> None:
        """Raises 503 if the database does not answer."""

    async def probe(self) -> None:
        """Raises 503 if the database takes nothing new."""

    def making_room(self) -> AbstractContextManager[None]:
        """Let what runs inside, which forgets things, use the room that is held back for it."""

    async def known_time(self) -> tuple[Sure | None, int]:
        """Return what was kept last of how late it is for certain, and when the newest event arrived, 0 without one."""

    async def keep_time(self, known: Sure) -> None: ...

    async def operate(self, statements: Sequence[str], *values: bytes) -> int:
        """Run an operator's statements, with these for $1 and $2, in one transaction; return how many rows came."""

    async def sweep(self, at_ms: int) -> None:
        """Forget what is over at that time, which has to be certain: sessions, invites, counters, and the exact time of
        old arrivals.
        """

    async def figures(self) -> Figures: ...


def figures_of(row: Sequence[Any]) -> Figures:
    """Read the row of a database's query for figures."""
    groups, events, event_bytes, devices, blobs, blob_bytes, uploads, oldest_ms = row
    return Figures(
        groups=groups,
        events=int(events),
        event_bytes=int(event_bytes),
        devices=devices,
        blobs=blobs,
        blob_bytes=int(blob_bytes),
        uploads=uploads,
        oldest_ms=oldest_ms,
    )


def time_of(text: object) -> Sure | None:
    """Read what `keep_time` wrote; None if there is nothing that can be read."""
    try:
        with refused("the time that was kept"):
            return Sure.from_doc(json.loads(str(text)))
    except MessageRejected:
        return None
