"""What the core asks of the store, and what a commit holds.

Times are ms since the epoch, UTC. Ids are 32 lower-case hex characters.
"""

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

Doc = dict[str, object]
T = TypeVar("T")
STATES = "mls"
PACKAGES = "mls-packages"
NOT_IN_COPIES = frozenset({STATES, PACKAGES})
"""Tables with keys of which no older state may ever be used again: no backup and no rescue copy holds them."""
NEVER_OLDER = NOT_IN_COPIES | {"verified"}
"""Tables of which nothing is taken over when they are mended: an older state of them would say what is not so."""
APART = frozenset({STATES, "groups", "standings", "seen", "agreements", "services"})
"""Tables whose documents each stand for one group or service: damage to one of them is not damage to the others."""


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
    """What a device remembers of its store outside of it: which one, how far it had come, by which way and which keys.

    `opening` names the time of being open in which that commit was made, or is empty: whoever goes on from a copy of
    the store opens it anew, so a store that came there by another way has another name at that commit. `keys` is the
    digest of the key file, or empty.
    """

    store_id: str
    commit: int
    opening: str = ""
    keys: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Documents that are not as they were written: their kind ("journal"), and one of `errors.DAMAGES`.

    `of`: whose they are, where each group or service has its own, else empty.
    """

    part: str
    kind: str
    of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """How much was read from the disk again so far: documents, then blobs."""

    items: int
    blobs: int = 0


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


class Documents(Protocol):
    """Documents that can be read one by one, and which came last."""

    async def get(self, table: str, id: str) -> Doc | None: ...

    async def newest(self, table: str, limit: int) -> tuple[Doc, ...]:
        """Up to `limit` documents, newest first."""

    async def read(self, table: str, make: Callable[[Iterable[Doc]], T]) -> T:
        """Return what `make` makes of every document, in a thread of the store. It must not change or keep one."""


class Store(Documents, Protocol):
    """The opened, sealed documents of one person."""

    def turn(self, of: str) -> AbstractAsyncContextManager[None]:
        """Wait for, and hold, the turn of this name: whoever reads documents and commits what follows from them does
        so alone. It is not held twice by one caller.
        """

    async def commit(self, change: Change) -> None:
        """Make the change durable: what it puts, then its edits, then its drops.

        Raises: StoreError; then nothing has changed.
        """

    async def all(self, table: str) -> tuple[Doc, ...]:
        """Every document of the table, in the order of their first commit."""

    async def newest(self, table: str, limit: int, before: str | None = None) -> tuple[Doc, ...]:
        """Up to `limit` documents, newest first, older than the document `before` if that is given."""

    async def following(self, table: str, limit: int, after: str) -> tuple[Doc, ...]:
        """Up to `limit` documents, oldest first, newer than the document `after`; none if that does not exist."""

    async def purge(self, table: str) -> None:
        """Really delete what was dropped from a table: the rest is sealed under a new key."""

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
    def is_read_only(self) -> bool:
        """Whether nothing can be written where the store lies. Commits then raise ReadOnly."""

    @property
    def rollback(self) -> str:
        """ "old" or "replaced" if the store is not what the anchor says, else "". Commits then raise RolledBack."""

    async def accept_rollback(self) -> None:
        """Go on from this state, because the person says that it came from a backup."""

    def when_damaged(self, tell: Callable[[], None]) -> None:
        """Call `tell`, in the event loop, whenever `damages` has grown, whoever came upon it."""

    @property
    def damages(self) -> tuple[Damage, ...]:
        """What was found damaged so far. It can be read as far as it opens; commits to it raise Tampered."""

    async def mend(self, damages: Iterable[Damage]) -> None:
        """Go on with what can still be read of these documents, because the person says so.

        Tables that are never older (`NEVER_OLDER`) begin empty.

        Raises: StoreError; then nothing has changed.
        """

    def check(self) -> AsyncGenerator[Checked, None]:
        """Read every document, and every blob that one names, from the disk again; tell after each part how far it is.

        What is not as it was written is then among `damages`. Other work comes between the parts. Raises: StoreError.
        """

    async def salvage(self) -> Rescue:
        """Copy what can be read into a new folder. Nothing is changed or deleted in this one."""

    async def counts(self) -> dict[str, int]:
        """The number of documents of each table. Loads nothing."""

    @property
    def slots(self) -> frozenset[str]:
        """The kinds of keys that open the store: "passphrase", "recovery", "keystore"."""

    async def opens_with(self, *, passphrase: str | None = None, recovery: bytes | None = None) -> bool: ...

    async def rekey(
        self,
        *,
        passphrase: str | None = None,
        recovery: bytes | None = None,
        keystore: bytes | None = None,
        proof: str | bytes | None = None,
    ) -> None:
        """Replace or add the keys that are given. What is replaced opens nothing any more. `proof` opens the store now.

        Raises StoreError, and OtherKeyNeeded if it takes the other key as well; the old keys then still hold.
        """

    @property
    def words_slot(self) -> bytes:
        """The public key of the recovery words' slot, empty where there is none, or release 0.1.0 made it."""

    async def lock_to_words(self, public: bytes) -> None:
        """Let the words behind this slot's public key open the store, and those that did before nothing any more.

        Raises StoreError, CryptoError for a key that is none, and OtherKeyNeeded in a store of release 0.1.0.
        """

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

    async def close(self) -> None:
        """Bring the rest to the disk; `reference` then says how long the blob is, and its digest."""


class Blobs(Protocol):
    """Large sealed things beside the documents: sound and pictures."""

    async def start(self, context: bytes) -> Recording: ...

    async def length(self, reference: Doc) -> int:
        """How many bytes a reference promises; how many are there of a blob that was never closed, and is open."""

    async def settle(self, reference: Doc) -> Doc:
        """The reference of a blob that nobody writes any more, with what is there of it as its length and digest: from
        now on, less is damage. One that was closed is complete already, and stays as it is. Raises Tampered.
        """

    async def read(self, reference: Doc, offset: int, length: int) -> bytes:
        """Raises Tampered if what the reference promises is not there as it was written; then nothing is returned."""

    async def drop(self, reference: Doc) -> None:
        """Remove the blob; one that is gone already is ignored. Commit the document that named it first."""

    async def usage(self) -> tuple[int, int]:
        """How many blobs there are, and their bytes on the disk."""


class Vault(Protocol):
    """The locked box in one person's folder."""

    async def exists(self) -> bool: ...

    async def create(self, passphrase: str, recovery: bytes | None, first: Change | None = None) -> tuple[Store, Blobs]:
        """Make the box with two keys: the passphrase, and the 32 bytes behind the recovery words, if there are any.

        `first` is what it holds from the start. If it cannot be kept, there is no box. Raises StoreError.
        """

    async def unlock(
        self,
        *,
        passphrase: str | None = None,
        recovery: bytes | None = None,
        keystore: bytes | None = None,
        anchor: Anchor | None = None,
    ) -> tuple[Store, Blobs]:
        """Raises WrongKey, Tampered, TooNew, StoreBusy or LowMemory; then nothing is open, and nothing has changed."""

    async def rescue(self, *, passphrase: str | None = None, recovery: bytes | None = None) -> Rescue:
        """Copy what can be read of a box that does not open into a new folder. Raises as `unlock`."""

    async def adopt(self, folder: str) -> None:
        """Use a rescue copy from now on; the damaged box stays, under another name."""
