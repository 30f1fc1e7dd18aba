"""Registrations as the relay asks for them: where to knock, which groups matter, and when it knocked last.

A registration is one row for each device. `due_ms` is set when something came for the device and cleared when a ping
went out; `awake_ms` says until when a stream is taken to be open, so that no node pings; `next_ms` keeps pings apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.relay.limits import DAY_MS

PINGS_MOST = 200
FAR_MS = DAY_MS
"""No stamp lies so far ahead unless a clock was wrong: then it says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Where one device wants to be woken. `wake` is the 16 random bytes that a ping carries, and all it carries."""

    device: bytes
    kind: str
    endpoint: str
    p256dh: bytes
    auth: bytes
    wake: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """A registration whose ping is to go out now, how often that failed before, and when it was taken."""

    registration: Registration
    failures: int
    taken_ms: int


class PushStore(Protocol):
    """The registrations' part of the database. Every call raises 503 if the database takes nothing."""

    async def key(self, wanted: str) -> str:
        """Return the name of the key that all pings are signed with: `wanted`, if there is none yet."""

    async def put(self, registration: Registration, limit: int, at_ms: int) -> bool:
        """Keep a registration in place of the device's former one; return whether it had none. Raises 429."""

    async def get(self, device: bytes) -> Registration | None: ...

    async def drop(self, device: bytes, wake: bytes | None = None) -> bool:
        """Forget a registration, if it is the one with this wake-up id where one is given; return whether it was."""

    async def watch(self, device: bytes, groups: Sequence[tuple[bytes, bytes]]) -> None:
        """From now on the device is woken for these (group, capability hash) and no others.

        Nothing is kept of a device without a registration.
        """

    async def awake(self, devices: Sequence[bytes], awake_ms: int, heard_ms: int) -> None:
        """These have streams until `awake_ms`, and have got what came before `heard_ms`."""

    async def news(self, groups: Sequence[bytes], devices: Sequence[bytes], at_ms: int) -> None:
        """Something came for these groups and inboxes. A watch whose capability is no longer the group's ends here."""

    async def take_due(self, at_ms: int, next_ms: int) -> tuple[Ping, ...]:
        """Return whom to ping now; no node gets the same again before `next_ms`."""

    async def done(self, ping: Ping) -> None:
        """The ping went out."""

    async def failed(self, ping: Ping, next_ms: int) -> None:
        """The ping did not go out; try again at `next_ms`."""
