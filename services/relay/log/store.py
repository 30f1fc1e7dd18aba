"""What the relay asks of a database: one interface, the same rules behind it whichever database it is.

Ids are 16 bytes, capability hashes 32; times are ms since the epoch, UTC. Every method that writes is durable when it
returns, or raises Refusal and has changed nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from services.relay.blobs.store import Keeping
    from services.relay.devices.store import DeviceStore
    from services.relay.push.store import PushStore

DAY_MS = 86_400_000
MINUTE_MS = 60_000
FRESH_MS = DAY_MS  # arrival times older than this are rounded down to the minute
INVITE_MEMORY_MS = 7 * DAY_MS  # how long after its end an invite still answers "expired" rather than "unknown"
SESSIONS_PER_DEVICE = 8


class UnknownDatabase(Exception):
    """The database was not made by this relay, or by a newer one; it is left as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """What one device may do in a minute, an hour or a day, and how much one group may keep.

    `posted` and `claimed` count what others send to one device and take of its key packages.
    """

    events_per_minute: int = 1_200
    event_bytes_per_day: int = 512 * 1024 * 1024
    groups_per_day: int = 500
    invites_per_day: int = 500
    devices_per_minute: int = 600
    posts_per_hour: int = 1_200
    posted_per_hour: int = 1_200
    packages_per_day: int = 1_000
    claims_per_hour: int = 300
    claimed_per_hour: int = 120
    group_bytes: int = 4 * 1024 * 1024 * 1024
    blob_bytes_per_day: int = 2 * 1024 * 1024 * 1024
    blob_bytes_kept: int = 20 * 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An envelope on its way into the log. `epoch` is set for the commits that may win only once.

    `next_capability` is the hash of the capability that takes the place of the present one with this envelope.
    """

    group: bytes
    capability_hash: bytes
    device: bytes
    cid: bytes
    body: bytes
    at_ms: int
    epoch: int | None = None
    blobs: tuple[bytes, ...] = ()
    next_capability: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One envelope in the log. The body is empty once the sender was deleted or the time to keep it was over.

    `ended` is the hash of the capability that reads no further than this; only what is announced says so.
    """

    seq: int
    cid: bytes
    at_ms: int
    body: bytes
    ended: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Where an envelope stands. `is_new` is false if the same envelope was there already."""

    seq: int
    at_ms: int
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A stretch of a log in order, and the number of the last envelope in it that the capability reads.

    `is_former` says that another capability has taken the place of this one after `head`.
    """

    events: tuple[Event, ...]
    head: int
    is_former: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a capability opens: a group up to and including `head`, and nothing more if it is a former one."""

    head: int
    is_former: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite:
    """A sealed invite. `used_by` is a hash that only the device that used it can be matched with."""

    body: bytes
    expires_ms: int
    used_by: bytes | None


class Listener(Protocol):
    """Who hears of new events, on the loop that opened the store."""

    def publish(self, group: bytes, event: Event) -> None:
        """This event is committed."""

    def hint(self, group: bytes) -> None:
        """Something that is not named here may be new in this group, or in the inbox behind this key."""

    def gone(self, device: bytes) -> None:
        """This device was deleted: nothing is for it any more."""

    def groups(self) -> tuple[bytes, ...]:
        """Return the groups, and the keys of the inboxes, that somebody here reads."""

    def devices(self) -> frozenset[bytes]:
        """Return the devices that have a stream open here."""


class Store(Protocol):
    """The relay's database."""

    @property
    def incarnation(self) -> str: ...

    @property
    def keeping(self) -> "Keeping":
        """What is kept, and for how long."""

    @property
    def push(self) -> "PushStore":
        """Who wants to be woken, and how."""

    async def open(self, listener: Listener) -> None:
        """Start. `listener` hears of each event that this process appends, after its commit."""

    async def close(self) -> None: ...

    @property
    def devices(self) -> "DeviceStore":
        """Inboxes, key packages, deletion."""

    async def put_challenge(self, nonce: bytes, device: bytes, expires_ms: int, at_ms: int) -> None: ...

    async def take_challenge(self, nonce: bytes, device: bytes, at_ms: int) -> bool:
        """Return whether the nonce was open for this device; it is gone afterwards."""

    async def open_session(
        self, device: bytes, public_key: bytes, token_hash: bytes, expires_ms: int, at_ms: int
    ) -> None:
        """Register the device if it is new and keep the session. Raises 403 for another key or a deleted device."""

    async def session(self, token_hash: bytes, at_ms: int) -> tuple[bytes, int] | None:
        """Return (device, expires_ms) of an open session."""

    async def create_group(self, group: bytes, capability_hash: bytes, device: bytes, at_ms: int) -> bool:
        """Return whether it is new. Raises 409 if it exists with another capability."""

    async def openings(self, groups: Sequence[tuple[bytes, bytes]]) -> tuple[Opening | None, ...]:
        """Return what each (group, capability hash) opens, or None where it opens nothing."""

    async def append(self, draft: Draft) -> Receipt: ...

    async def read(self, group: bytes, capability_hash: bytes, since: int, limit: int) -> Page:
        """Return what comes after `since`: at most `limit` events and 1 MiB, but at least one event if there is one.

        A group that the capability does not open gives an empty page with the head 0.
        """

    async def put_invite(self, invite: bytes, body: bytes, expires_ms: int, device: bytes, at_ms: int) -> bool:
        """Return whether it is new. Raises 409 if the id has other bytes."""

    async def get_invite(self, invite: bytes) -> Invite | None: ...

    async def claim_invite(self, invite: bytes, claimant: bytes, at_ms: int) -> Invite:
        """Mark the invite as used by `claimant`. Raises 404, or 410 if it is too old or somebody else's."""

    async def sweep(self, at_ms: int) -> None:
        """Forget what is over: sessions, invites, counters, and the exact time of old arrivals."""

    async def check(self) -> None:
        """Raises 503 if the database does not answer."""
