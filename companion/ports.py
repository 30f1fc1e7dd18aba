"""What the core asks for: one Protocol for each role, with an adapter in `services` and a fake in the unit tests.

Times are ms since the epoch, UTC. Ids are 32 lower-case hex characters.
"""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from companion.attachments import Picture
from companion.unlocking import Attempts

Doc = dict[str, object]
T = TypeVar("T")

STATES = "mls"
PACKAGES = "mls-packages"
NOT_IN_COPIES = frozenset({STATES, PACKAGES})
"""Tables with keys of which no older state may ever be used again: no backup and no rescue copy holds them."""


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


@dataclass(frozen=True, slots=True)
class Edit:
    """Change this document as it is at the moment of the commit, so that two who change it lose nothing.

    `update` gets the document or None, and returns what it becomes; None leaves it as it is. It is pure, never raises,
    and may run on another thread.
    """

    table: str
    id: str
    update: Callable[[Doc | None], Doc | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one commit makes durable, whole or not at all. Envelopes to send are documents of the outbox table."""

    put: tuple[Put, ...] = ()
    drop: tuple[Drop, ...] = ()
    edit: tuple[Edit, ...] = ()

    def __add__(self, other: "Change") -> "Change":
        return Change(put=self.put + other.put, drop=self.drop + other.drop, edit=self.edit + other.edit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Searchable:
    """Which documents are found: tables of this kind (the name up to a colon), text in these fields, newest first by
    `time_field` (ms since the epoch)."""

    kind: str
    fields: tuple[str, ...]
    time_field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """A passage of a text, and where in it the matches are: start and end in characters."""

    text: str
    marks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A document that was found. `id` is its `_id`, empty if it has none."""

    table: str
    id: str
    time_ms: int
    snippet: Snippet
    doc: Doc


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """What a device remembers of its store outside of it: which one it is, and how far it had come."""

    store_id: str
    commit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Documents that are not as they were written: their kind ("journal"), and one of `errors.DAMAGES`."""

    part: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPart:
    """One kind of documents in a rescue copy. `promised` is how many there should be, None if nobody knows."""

    part: str
    readable: int
    promised: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescue:
    """What could be read of a damaged store, and the folder in which it now lies."""

    folder: str
    parts: tuple[SavedPart, ...]


class Store(Protocol):
    """The opened, sealed documents of one person."""

    def turn(self, of: str) -> AbstractAsyncContextManager[None]:
        """Wait for, and hold, the turn of this name: whoever reads documents and commits what follows from them does
        so alone. It is not held twice by one caller.
        """

    async def commit(self, change: Change) -> None:
        """Make the change durable: what it puts, then its edits, then its drops.

        Raises: StoreError; then nothing has changed.
        """

    async def get(self, table: str, id: str) -> Doc | None: ...

    async def all(self, table: str) -> tuple[Doc, ...]:
        """Every document of the table, in the order of their first commit."""

    async def newest(self, table: str, limit: int, before: str | None = None) -> tuple[Doc, ...]:
        """Up to `limit` documents, newest first, older than the document `before` if that is given."""

    async def following(self, table: str, limit: int, after: str) -> tuple[Doc, ...]:
        """Up to `limit` documents, oldest first, newer than the document `after`; none if that does not exist."""

    async def purge(self, table: str) -> None:
        """Really delete what was dropped from a table: the rest is sealed under a new key."""

    async def read(self, table: str, make: Callable[[Iterable[Doc]], T]) -> T:
        """Return what `make` makes of every document, in a thread of the store. It must not change or keep one."""

    async def start_search(self, searchables: Iterable[Searchable]) -> None:
        """Begin to build the word index of these documents in the background."""

    async def search(
        self, text: str, kinds: frozenset[str], limit: int, where: Callable[[Doc], bool] | None = None
    ) -> tuple[Hit, ...]:
        """Up to `limit` documents in which each word of `text` begins a word, whatever its case and accents.

        The newest first; only those for which `where` is true, which runs in a thread of the store and must not change
        or keep a document. Raises StoreError before `start_search`.
        """

    async def idle(self) -> bool:
        """Do some of the housekeeping that no save should wait for; return whether there is more of it."""

    @property
    def anchor(self) -> Anchor: ...

    @property
    def rollback(self) -> str:
        """ "old" or "replaced" if the store is not what the anchor says, else "". Commits then raise RolledBack."""

    async def accept_rollback(self) -> None:
        """Go on from this state, because the person says that it came from a backup."""

    @property
    def damages(self) -> tuple[Damage, ...]:
        """What was found damaged so far. It can be read as far as it opens; commits to it raise Tampered."""

    async def salvage(self) -> Rescue:
        """Copy what can be read into a new folder. Nothing is changed or deleted in this one."""

    async def counts(self) -> dict[str, int]:
        """The number of documents of each table. Loads nothing."""

    @property
    def slots(self) -> frozenset[str]:
        """The kinds of keys that open the store: "passphrase", "recovery", "keystore"."""

    async def opens_with(self, *, passphrase: str | None = None, recovery: bytes | None = None) -> bool: ...

    async def rekey(
        self, *, passphrase: str | None = None, recovery: bytes | None = None, keystore: bytes | None = None
    ) -> None:
        """Replace or add the keys that are given. Raises StoreError; the old keys then still hold."""

    async def remove_slot(self, kind: str) -> None:
        """Let this kind of key open the store no more."""

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

    async def drop(self, reference: Doc) -> None:
        """Remove the blob; one that is gone already is ignored. Commit the document that named it first."""

    async def usage(self) -> tuple[int, int]:
        """How many blobs there are, and their bytes on the disk."""


class Pictures(Protocol):
    """Makes pictures harmless."""

    async def clean(self, data: bytes) -> Picture:
        """Return the picture anew from its pixels, upright and of bounded size.

        Raises: PictureUnreadable if it is no picture, damaged, or too large to open.
        """


class Vault(Protocol):
    """The locked box in one person's folder."""

    async def exists(self) -> bool: ...

    async def create(self, passphrase: str, recovery: bytes) -> tuple[Store, Blobs]:
        """Make the box with two keys: the passphrase, and the 32 bytes behind the recovery words."""

    async def unlock(
        self,
        *,
        passphrase: str | None = None,
        recovery: bytes | None = None,
        keystore: bytes | None = None,
        anchor: Anchor | None = None,
    ) -> tuple[Store, Blobs]:
        """Raises WrongKey, Tampered, TooNew or StoreBusy; then nothing on the disk has changed."""

    async def rescue(self, *, passphrase: str | None = None, recovery: bytes | None = None) -> Rescue:
        """Copy what can be read of a box that does not open into a new folder. Raises as `unlock`."""

    async def adopt(self, folder: str) -> None:
        """Use a rescue copy from now on; the damaged box stays, under another name."""


class Keystore(Protocol):
    """The system's safe place for a few small secrets of this profile. All may raise KeystoreUnavailable."""

    async def is_here(self) -> bool:
        """Whether there is one that keeps what it is given. Raises nothing."""

    async def load(self, name: str) -> str | None: ...

    async def save(self, name: str, value: str) -> None: ...

    async def remove(self, name: str) -> None: ...

    async def can_ask(self) -> bool:
        """Whether the device can ask who is there: by its own code, face or finger. Raises nothing."""

    async def ask(self, reason: str) -> bool:
        """Let the device ask; return whether it is its owner. Raises nothing."""


class Eraser(Protocol):
    """Takes everything of this profile from the device."""

    async def erase(self) -> None:
        """The keys first. A crash on the way leaves nothing readable. Raises StoreError."""

    async def is_unfinished(self) -> bool:
        """Whether a crash ended an erasure: `erase` has to be called again."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxItem:
    """One sealed thing that somebody put into this device's inbox, such as a Welcome. Nobody says who it was."""

    seq: int
    cid: str
    at_ms: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedKeyPackage:
    """A key package of another device. A one-time package is handed out once, the last resort again and again."""

    body: bytes
    is_last_resort: bool


class Relay(Protocol):
    """The sync service. Raises Offline, RelayRefused, VersionMismatch and the errors of invites."""

    async def create_group(self, group: str, capability: str) -> None: ...

    async def post_to_inbox(self, device: str, cid: str, body: bytes) -> None:
        """Put up to 131,072 bytes into a device's inbox; the same cid and bytes again change nothing.

        Raises: RelayRefused 404 `unknown` (no such device), 409 `other-bytes`, 413 `quota` (500 items or 8 MiB wait).
        """

    async def publish_key_packages(self, one_time: tuple[bytes, ...], last_resort: bytes | None) -> int:
        """Add our one-time packages and replace the last resort, if given. Returns how many one-time ones are held.

        Each has 1 to 4,096 bytes; the service holds at most 100, else RelayRefused 413 `quota` and nothing is added.
        The same package again is not added twice, also after it was handed out.
        """

    async def key_packages_left(self) -> int:
        """Return how many of our one-time packages nobody has claimed."""

    async def claim_key_package(self, device: str) -> ClaimedKeyPackage:
        """Take one package of another device. Raises RelayRefused 404 where it has none, 429 beyond the rate."""

    async def join_account(self, account: str) -> None:
        """Say that this device belongs to an account: a random secret, 64 hex characters, that a person's devices
        share. It serves revoking and deletion only.
        """

    async def revoke_device(self, device: str) -> None:
        """Delete a device (this one, or another of the same account): what it posted, its sessions, inbox and
        key packages go at once and it can never come back. Raises RelayRefused 404 for a device of somebody else.
        """

    async def delete_account(self) -> None:
        """Delete this device and every other of its account, as `revoke_device` does."""

    async def put_invite(self, id: str, body: bytes, expires_ms: int) -> None: ...

    async def get_invite(self, id: str) -> bytes: ...

    async def claim_invite(self, id: str) -> bytes: ...

    async def put_blob(self, id: str, size: int, read: Callable[[int, int], Awaitable[bytes]]) -> None:
        """Upload `size` sealed bytes, of which `read(offset, length)` gives any piece; it may be called twice for each.

        The id is random and the caller's. A blob that is there already stays as it is, and a call after a broken one
        goes on where that stopped. A blob that no event refers to within a day is dropped.
        """

    async def get_blob(self, id: str, offset: int, length: int) -> bytes:
        """Return up to `length` bytes of a blob; fewer only where it ends. Raises RelayRefused 404 if it is gone."""


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

    With an `epoch` the relay takes it only as the first of that epoch. With a `next_capability` too, that capability
    takes the place of `capability` at the same moment: the old one reads up to and including this envelope and appends
    nothing more. With a `device` it goes to that device's inbox; `group` and `capability` are then empty.
    `blobs` are the blobs that this envelope refers to: the relay keeps them as long as it keeps the envelope, and
    refuses the envelope with 409 `no-blob` if one of them is not there.
    """

    cid: str
    group: str
    capability: str
    body: bytes
    epoch: int | None = None
    next_capability: str | None = None
    device: str | None = None
    blobs: tuple[str, ...] = ()


class SyncSide(Protocol):
    """What one service's sync loop may ask of the opened core.

    The loop calls one method at a time for reading and one for sending, and finishes a call that it has begun. Every
    call may come twice for the same thing, after a crash or a lost answer.
    """

    async def connected(self) -> None:
        """The service answers: see that it holds what it should hold for us, such as key packages. Raises SyncError."""

    async def outbox(self) -> tuple[OutboxItem, ...]:
        """Everything that waits and may go now, oldest first; contents only once `set_sync_state` said "online".

        Items of a group whose capability has just been replaced wait, in
        order, until `cursors` names the new one; `capability` has to be the new one then.
        """

    async def mark_sent(self, cid: str, receipt: Appended) -> None:
        """The service has it. The receipt's `seq` and `at_ms` are 0 for a group that was made and an inbox item."""

    async def mark_refused(self, cid: str, status: int, code: str) -> None:
        """The service will never take it as it is."""

    async def cursors(self) -> tuple[GroupCursor, ...]:
        """Every group of this service to read, with the capability that is in force at that cursor.

        After a commit that replaced the capability has been received, this names the new one.
        """

    async def receive(self, event: RelayEvent) -> None:
        """Take in one event and move the cursor, in one commit. An empty body is the place of an event whose sender
        was deleted: only the cursor moves.
        """

    async def inbox_cursor(self) -> int:
        """The `seq` of the last inbox item that is committed here, 0 for none. The service deletes what is named."""

    async def receive_inbox(self, item: InboxItem) -> None:
        """Take in one item and move the inbox cursor to its `seq`, in one commit. A bad item only moves the cursor.

        After a restore an item can come again under its old cid, with any `seq` above the cursor.
        """

    async def restored(self, group: str, head: int) -> None:
        """The service went back to a backup: of what we have read of this group, only what is up to `head` stands.

        `head` is our cursor or less. The core sets the cursor to `head` and puts its own envelopes after `head`, or
        with a receipt beyond it, into the outbox again: same cid and bytes, in their order, a commit with the `epoch`,
        `capability` and `next_capability` it went out with. What others sent comes back from them; an event whose cid
        the core has taken in already only gets its new `seq`. `head` is 0 also where the service knows neither group
        nor capability any more: the core then offers the group itself first (an item with an empty body).
        """

    async def incarnation(self) -> str:
        """The id of the service's log that the cursors belong to, empty before the first contact."""

    async def set_incarnation(self, value: str) -> None:
        """The cursors belong to this log now. If there was another before, the inbox cursor becomes 0, and what was
        put into inboxes lately may be lost: the core offers again what it still has.

        The loop calls it when it has called `restored` for every group.
        """

    async def removed(self, group: str) -> None:
        """The service says that our capability reads no further: another took its place at our cursor, and the core
        did not find the new one in the event there. So we are out. `cursors` should leave the group out from now on.
        """

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
