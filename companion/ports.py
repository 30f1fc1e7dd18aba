"""What the core asks for: one Protocol for each role, with an adapter in `services` and a fake in the unit tests.

Times are ms since the epoch, UTC. Ids are 32 lower-case hex characters.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from companion.unlocking import Attempts

Doc = dict[str, object]


@dataclass(frozen=True, slots=True)
class Put:
    """Write this document whole; `doc["_id"]` says which one of its table it is."""

    table: str
    doc: Doc


@dataclass(frozen=True, slots=True)
class Drop:
    """Remove this document."""

    table: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one commit makes durable, whole or not at all. Envelopes to send are documents of the outbox table."""

    put: tuple[Put, ...] = ()
    drop: tuple[Drop, ...] = ()

    def __add__(self, other: "Change") -> "Change":
        return Change(put=self.put + other.put, drop=self.drop + other.drop)


class Store(Protocol):
    """The opened, sealed documents of one person."""

    async def commit(self, change: Change) -> None:
        """Make the change durable. Raises StoreError; then nothing has changed."""

    async def get(self, table: str, id: str) -> Doc | None: ...

    async def all(self, table: str) -> tuple[Doc, ...]:
        """Every document of the table, in the order of their first commit."""

    async def newest(self, table: str, limit: int, before: str | None = None) -> tuple[Doc, ...]:
        """Up to `limit` documents, newest first, older than the document `before` if that is given."""

    async def close(self) -> None:
        """Drop the keys and close the files."""


class Recording(Protocol):
    """A sealed blob that is being written. Its reference exists before its first byte."""

    @property
    def reference(self) -> Doc: ...

    async def write(self, data: bytes) -> None:
        """Seal the data and bring all full chunks of it to the disk."""

    async def close(self) -> None: ...


class Blobs(Protocol):
    """Large sealed things beside the documents: sound and pictures."""

    async def start(self, context: bytes) -> Recording: ...

    async def length(self, reference: Doc) -> int:
        """Readable bytes, also of a blob whose writing was cut short."""

    async def read(self, reference: Doc, offset: int, length: int) -> bytes: ...


class Vault(Protocol):
    """The locked box in one person's folder."""

    async def exists(self) -> bool: ...

    async def create(self, passphrase: str, recovery: bytes) -> tuple[Store, Blobs]:
        """Make the box with two keys: the passphrase, and the 32 bytes behind the recovery words."""

    async def unlock(self, *, passphrase: str | None = None, recovery: bytes | None = None) -> tuple[Store, Blobs]:
        """Raises WrongKey, Tampered, TooNew or StoreBusy; then nothing on the disk has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """The relay's receipt for one envelope."""

    seq: int
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCursor:
    """Where to go on reading: the last sequence number that is committed here, 0 for none."""

    group: str
    capability: str
    since: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayEvent:
    """One sealed envelope as the relay hands it out."""

    group: str
    seq: int
    cid: str
    at_ms: int
    body: bytes


class Relay(Protocol):
    """The sync service. Raises Offline, RelayRefused, VersionMismatch and the errors of invites."""

    async def create_group(self, group: str, capability: str) -> None: ...

    async def put_invite(self, id: str, body: bytes, expires_ms: int) -> None: ...

    async def get_invite(self, id: str) -> bytes: ...

    async def claim_invite(self, id: str) -> bytes: ...


class Recorder(Protocol):
    """The microphone: signed 16-bit little-endian PCM."""

    async def start(self, take: Callable[[bytes], Awaitable[None]]) -> None:
        """Open the microphone and hand each piece of sound to `take`, one at a time, in order.

        Raises: MicrophoneUnavailable.
        """

    @property
    def sample_rate_hz(self) -> int:
        """As measured so far and never 0 once sound was handed over; browsers do not keep to the rate asked for."""

    @property
    def channels(self) -> int: ...

    @property
    def level(self) -> float:
        """Loudness of the newest sound, root mean square, 0.0 to 1.0; 0.0 while paused."""

    async def pause(self) -> None: ...

    async def resume(self) -> None: ...

    async def stop(self) -> None:
        """Close the microphone and return when `take` has had everything. Raises what `take` raised."""


class Notifier(Protocol):
    """A notice outside the app's window."""

    async def notify(self, title: str, text: str) -> bool:
        """Return whether the system took it."""


class Clock(Protocol):
    def now_ms(self) -> int: ...

    def today(self) -> str:
        """The local date, ISO 8601."""

    def local_minute(self) -> int:
        """Minutes since local midnight, 0 to 1439."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxItem:
    """One thing to hand to the relay. An empty body asks for the group itself to be made.

    With an `epoch` the relay takes it only as the first of that epoch.
    """

    cid: str
    group: str
    capability: str
    body: bytes
    epoch: int | None = None


class SyncSide(Protocol):
    """What one service's sync loop may ask of the opened core."""

    async def outbox(self) -> tuple[OutboxItem, ...]: ...

    async def mark_sent(self, cid: str, receipt: Appended) -> None: ...

    async def mark_refused(self, cid: str, status: int, code: str) -> None: ...

    async def cursors(self) -> tuple[GroupCursor, ...]: ...

    async def receive(self, event: RelayEvent) -> None: ...

    def set_sync_state(self, state: str) -> None:
        """`state` is "connecting", "online" or "waiting"."""


class Network(Protocol):
    """Every sync service this person uses: one loop and one relay for each."""

    @property
    def default_service(self) -> str:
        """The service for new groups, empty where none is configured (a phone before its first invite)."""

    async def open(self, device: str, sign_private: bytes) -> None: ...

    async def relay(self, service: str) -> Relay: ...

    async def follow(self, service: str, side: SyncSide) -> None:
        """Start that service's loop, or wake it if it runs."""

    async def close(self) -> None:
        """End all loops and forget the key."""


class TryCounter(Protocol):
    """Remembers wrong passphrases across restarts; holds nothing secret."""

    async def load(self) -> Attempts: ...

    async def save(self, attempts: Attempts) -> None: ...
