"""What may be done to a log but for writing and reading it, as the relay asks for it.

Ids are 16 bytes, hashes and secrets 32; times are ms since the epoch, UTC. Every method is durable when it returns, or
raises Refusal and has changed nothing; every call raises 503 if the database takes nothing.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from companion.wire import format_notice
from services.relay.log.store import Limits, unknown_group, without_keeper, wrong_keeper
from services.sync.protocol import erase_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The group that a call is about, and the hashes of the capability and of the keeper that were shown."""

    group: bytes
    capability_hash: bytes
    keeper: bytes | None

    def check(self, capability_hash: bytes, keeper: bytes | None) -> None:
        """Raises 404, 400 or 403 unless this opens a group with this capability and this keeper, or none."""
        if self.capability_hash != capability_hash:
            raise unknown_group()
        if keeper is None and self.keeper is not None:
            raise without_keeper()
        if keeper != self.keeper:
            raise wrong_keeper()

    def check_kept(self, capability_hash: bytes, keeper: bytes | None) -> None:
        """The same for what is done to a log with a keeper only: without one there is no such log."""
        if keeper is None:
            raise unknown_group()
        self.check(capability_hash, keeper)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """A secret that erases what names its hash, and who brings it. With the group's capability it is remembered also
    where nothing names it.
    """

    group: bytes
    secret: bytes
    capability_hash: bytes | None
    device: bytes
    at_ms: int

    @property
    def hash(self) -> bytes:
        return erase_hash(self.secret)

    @property
    def notice(self) -> bytes:
        """What readers of the log are told."""
        return format_notice(self.secret)

    @property
    def cid(self) -> bytes:
        return hashlib.sha256(self.notice).digest()[:16]


class KeepStore(Protocol):
    """This part of the database."""

    async def keep_for(self, shown: Shown, days: int) -> None:
        """Set how long the group's events keep their bodies; 0 is for ever. Raises as `Shown.check`."""

    async def set_limits(self, shown: Shown, limits: Limits) -> None:
        """Set what a log with a keeper takes from one device in a day. Raises as `Shown.check_kept`."""

    async def empty(self, shown: Shown, seqs: Sequence[int]) -> None:
        """Take the bodies of these events, but for notices. Raises as `Shown.check_kept`, 409 for a number beyond the
        head.
        """

    async def drop(self, shown: Shown) -> None:
        """Drop a log with a keeper, with all that is in it. Raises as `Shown.check_kept`."""

    async def erase(self, erasure: Erasure) -> None:
        """Empty every event that names the hash, take no more of them, and put the notice into the log, once.

        Raises: 404 if nothing names it and the capability is not the group's; 429 for too many of those that nothing
        names; 409 where another envelope stands under the notice's id.
        """
