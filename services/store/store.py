"""One person's sealed store: a TinyDB whose tables, rows and blobs only the owner's keys can open."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, cast

from tinydb import TinyDB
from tinydb.table import Document as TableDocument
from tinydb.table import Table

from companion.crypto.keyslots import KdfParameters
from companion.errors import StoreError, WrongKey
from companion.ports import Anchor, Hit, Searchable
from services.store import keyfile
from services.store.beside import is_other_store
from services.store.checking import BLOBS, Report, copy_readable, readable, verify
from services.store.database import FILE_NAME, Database
from services.store.files import ProcessLock, close_to_others, our_errors, private_folder
from services.store.format import Document, copy_document
from services.store.keyfile import KeyFile
from services.store.keyring import KeyRing
from services.store.migrations import Migrations
from services.store.opening import key_file, make_files, require_own
from services.store.sealing import StoreSealer
from services.store.search import Hear, Search, Where
from services.store.shelf import BlobShelf
from services.store.storage import SealedStorage
from services.store.tables import SealedTable


class SealedStore(TinyDB):
    """An opened store. One process, one writer; every method may be called from any thread.

    The keys live in memory until `lock`. After `insert` or a batch returns, its documents survive a power cut.
    """

    table_class: type[Table] = SealedTable

    def __init__(self, directory: Path, keys: KeyFile, storage: SealedStorage, process_lock: ProcessLock) -> None:
        """Use `create` or `unlock`."""
        self._storage: SealedStorage = storage
        self._opened = True
        self._tables: dict[str, Table] = {}
        self._directory = directory
        self._ring = KeyRing(directory, keys, storage)
        self._process_lock = process_lock
        self._shelf = BlobShelf(directory / BLOBS)
        self._search: Search | None = None
        self._is_replaced = False

    @classmethod
    @our_errors()
    def exists(cls, directory: Path) -> bool:
        """Return whether there is a store, healthy or not. Raises: StoreError if the folder cannot be looked into."""
        return any((directory / name).exists() for name in (keyfile.FILE_NAME, FILE_NAME))

    @classmethod
    @our_errors()
    def create(
        cls,
        directory: Path,
        *,
        passphrase: str,
        recovery: bytes | None,
        kdf: KdfParameters | None = None,
    ) -> "SealedStore":
        """Make a store with two keys: the passphrase, and 32 random bytes that the caller shows as words, if any.

        Takes as long as the key derivation. A crash on the way leaves either no store or a whole one.
        Raises: StoreError if there is one already, StoreBusy.
        """
        private_folder(directory)
        private_folder(directory / BLOBS)
        process_lock = ProcessLock(directory)
        try:
            if cls.exists(directory):
                raise StoreError("there is a store already")
            keys, master = make_files(directory, passphrase, recovery, kdf or KdfParameters())
            return cls._open(directory, keys, master, process_lock)
        except BaseException:
            process_lock.release()
            raise

    @classmethod
    @our_errors()
    def unlock(
        cls,
        directory: Path,
        *,
        passphrase: str | None = None,
        recovery: bytes | None = None,
        keystore: bytes | None = None,
        anchor: Anchor | None = None,
        migrations: Migrations | None = None,
    ) -> "SealedStore":
        """Open a store with one of its keys.

        `anchor` is what this device remembers elsewhere. A store that has not come so far was put back from an older
        copy, and one with another id in place of it: it opens for reading only, see `rollback`.
        Raises: WrongKey, Tampered, TooNew, StoreBusy; every file is then as it was.
        """
        process_lock = ProcessLock(directory)
        try:
            if not process_lock.is_read_only:
                for folder in (directory, directory / BLOBS):
                    with suppress(OSError):  # what its owner cannot change is not ours to open to others either
                        close_to_others(folder)
            keys = key_file(directory, process_lock.is_read_only)
            try:
                master = keys.master_key(passphrase=passphrase, recovery=recovery, keystore=keystore)
            except WrongKey:
                require_own(directory, keys, process_lock.is_read_only)
                raise
            return cls._open(directory, keys, master, process_lock, anchor, migrations)
        except BaseException:
            process_lock.release()
            raise

    @classmethod
    def _open(
        cls,
        directory: Path,
        keys: KeyFile,
        master: bytes,
        process_lock: ProcessLock,
        anchor: Anchor | None = None,
        migrations: Migrations | None = None,
    ) -> "SealedStore":
        path, is_read_only = directory / FILE_NAME, process_lock.is_read_only
        if not is_read_only:
            Database.finish_creation(path)
        database = Database.open(path, is_read_only=is_read_only)
        try:
            sealer = StoreSealer(master, keys.store_id)
            storage = SealedStorage(
                database, sealer, migrations=migrations, is_read_only=is_read_only, keys=keys.digest
            )
        except BaseException:
            database.abandon()
            raise
        store = cls(directory, keys, storage, process_lock)
        store._expect(anchor)
        return store

    def _expect(self, anchor: Anchor | None) -> None:
        if anchor is None:
            return
        self._is_replaced = is_other_store(anchor, self.anchor, *self._storage.keys, self._storage.opening_at)
        # Another store has other numbers: from the person's yes on, its own have to be larger than what is remembered.
        self._storage.expect(max(anchor.commit, self.commit + 1) if self._is_replaced else anchor.commit)

    @property
    def is_locked(self) -> bool:
        """Whether the keys are gone."""
        return self._storage.is_closed

    @property
    def commit(self) -> int:
        """The number of the last commit; it only grows."""
        return self._storage.commit

    @property
    def anchor(self) -> Anchor:
        """What to remember elsewhere: another store, an older one, or one that went on from a copy has another."""
        opening = self._storage.opening_at(self.commit)
        return Anchor(store_id=self.store_id, commit=self.commit, opening=opening, keys=self._storage.keys[0])

    @property
    def directory(self) -> Path:
        """Where the store lies."""
        return self._directory

    @property
    def store_id(self) -> str:
        """The random name of this store, in hex. It is in the clear in keys.json."""
        return self._ring.file.store_id.hex()

    @property
    def is_read_only(self) -> bool:
        """Whether the folder cannot be written."""
        return self._storage.is_read_only

    @property
    def is_rolled_back(self) -> bool:
        """Whether the store is not what the anchor says. Writing then raises RolledBack."""
        return self._storage.is_rolled_back

    @property
    def rollback(self) -> str:
        """What the anchor says: "" for nothing, "old" for an older state, "replaced" for another store."""
        return ("replaced" if self._is_replaced else "old") if self.is_rolled_back else ""

    def accept_rollback(self) -> None:
        """Go on from the older state, because the person says that it came from a backup."""
        self._storage.accept_rollback()

    @property
    def blobs(self) -> BlobShelf:
        """The blobs of this store, until it is locked."""
        return self._shelf

    @property
    def slots(self) -> frozenset[str]:
        """The kinds of keys that open the store: "passphrase", "recovery", "keystore"."""
        return self._ring.slots

    def opens_with(self, *, passphrase: str | None = None, recovery: bytes | None = None) -> bool:
        """Return whether this key opens the store, as a proof that a person knows it. Takes a key derivation."""
        return self._ring.opens_with(passphrase=passphrase, recovery=recovery)

    def rekey(
        self,
        *,
        passphrase: str | None = None,
        recovery: bytes | None = None,
        keystore: bytes | None = None,
        kdf: KdfParameters | None = None,
        proof: str | bytes | None = None,
    ) -> None:
        """Replace or add the keys that are given. `kdf`: the new passphrase's cost.

        What is replaced opens nothing any more, also with an old copy of keys.json: everything is sealed again under
        another master key, which takes as long as all that is stored. `proof` opens the store now; a store of release
        0.1.0 needs it, because there the slots that stay cannot be locked to another key without theirs.
        Raises: StoreError if the disk refuses or something is damaged, OtherKeyNeeded; the old keys then still hold.
        """
        self._ring.replace(passphrase, recovery, keystore, kdf, proof)

    @property
    def words_slot(self) -> bytes:
        """The public key of the recovery words' slot, empty where there is none, or release 0.1.0 made it."""
        return self._ring.words_slot

    def lock_to_words(self, public: bytes) -> None:
        """Let the words behind this slot's public key open the store, and those that did before nothing any more.

        Raises: OtherKeyNeeded in a store of release 0.1.0, CryptoError for a key that is none, or as `rekey`.
        """
        self._ring.lock_to_words(public)

    def remove_slot(self, kind: str) -> None:
        """Let this kind of key open the store no more. Takes as long as `rekey`.

        Raises: StoreError if no other would be left, or as `rekey`.
        """
        self._ring.remove(kind)

    def lock(self) -> None:
        """Drop the keys and every document from memory, and close the files. A second call does nothing.

        A blob that is being written ends where it is, as in a crash. Raises: StoreError within a batch.
        """
        try:
            self._storage.close()
        finally:
            if self.is_locked:
                self._release()

    def _release(self) -> None:
        self._opened = False
        if self._search is not None:
            self._search.close()
            self._search = None
        self._shelf.close()
        self._process_lock.release()

    close = lock  # TinyDB's name for it

    # Tables

    def __repr__(self) -> str:
        return f"<SealedStore {'locked' if self.is_locked else f'at commit {self.commit}'}>"

    def table(self, name: str, **options: Any) -> SealedTable:
        """Return the table of this name; the options are TinyDB's."""
        with self._storage.lock:
            if name not in self._tables:
                self._tables[name] = SealedTable(self._storage, name, **options)
            return cast(SealedTable, self._tables[name])

    def tables(self) -> set[str]:
        """Return the names of all tables."""
        return set(self._storage.heads())

    def drop_table(self, name: str) -> None:
        """Remove a table and its documents."""
        with self._storage.lock:
            self._storage.drop([name])
            self._tables.pop(name, None)

    def drop_tables(self) -> None:
        """Remove every table and its documents."""
        with self._storage.lock:
            self._storage.drop(list(self._storage.heads()))
            self._tables.clear()

    def batch(self) -> AbstractContextManager[object]:
        """Collect the changes of several tables into one commit: all of them or, if the block raises, none."""
        return self._storage.batch()

    def documents(self, name: str) -> list[tuple[int, Document]]:
        """Return ids and documents of a table without copying them: read them, never change them."""
        return self._storage.snapshot(name)

    def window(self, name: str, before: int | None = None, limit: int = 50) -> list[TableDocument]:
        """Return the newest documents of a table, newest first, with ids below `before` if that is given."""
        newest = self._storage.window(name, before, limit)
        return [TableDocument(copy_document(document), number) for number, document in newest]

    def is_at_hand(self, name: str) -> bool:
        """Return whether a table can be read at once: it lies in memory, and no other thread is at work here."""
        if not self._storage.lock.acquire(blocking=False):
            return False
        try:
            return self._storage.is_loaded(name)
        finally:
            self._storage.lock.release()

    def unload(self, name: str | None = None) -> None:
        """Forget the documents of one table, or of all, until they are used again."""
        self._storage.unload(name)

    def start_search(self, searchables: Iterable[Searchable], hear: Hear = lambda table, error: None) -> Search:
        """Begin to build their word index in the background. `find_words` works at once, more slowly.
        `hear` is called, on any thread, for each table that turns out to be damaged."""
        if self._search is not None:
            self._search.close()
        self._search = Search(self._storage, searchables, hear)
        self._search.start()
        return self._search

    def find_words(
        self, text: str, tables: Iterable[str] | None = None, limit: int = 50, where: Where | None = None
    ) -> list[Hit]:
        """Return documents with words that begin like the words of the text, newest first.

        `tables`: names or kinds, all if it is None. `where` must not change or keep a document.
        Raises: StoreError before `start_search`.
        """
        self._storage.sealer()
        if self._search is None:
            raise StoreError("search was not started")
        return self._search.find(text, tables, limit, where)

    def idle(self, hear: Hear = lambda table, error: None) -> bool:
        """Do the housekeeping that no save should wait for; return whether there is more of it.

        Call it when nobody types, and when the app is hidden. Moves the WAL into the file, and writes back some
        documents that a newer version of the app has migrated. `hear`: see `start_search`.
        """
        has_more = self._storage.migrate_some(hear)
        self._storage.checkpoint()
        return has_more

    def counts(self) -> dict[str, int]:
        """Return the number of documents of each table, as the root has it. Loads nothing."""
        return {name: head.count for name, head in self._storage.heads().items()}

    def readable(self, name: str) -> list[tuple[int, Document]]:
        """Return ids and documents of a damaged table, as far as they open by themselves. They are read only."""
        with self._storage.lock:
            database, root = self._storage.disk()
            head = root.heads.get(name)
            return [] if head is None else list(readable(database, self._storage.sealer(), head).items())

    def salvage(self, destination: Path) -> Report:
        """Copy every document that still opens, and all blobs, into a new store with the same keys.

        This store stays as it is. Raises: StoreError if there is something at the destination.
        """
        with self._storage.lock:
            database, _ = self._storage.disk()
            return copy_readable(database, self._storage.sealer(), self._ring.file, self._directory, destination)

    def verify(self) -> Report:
        """Read everything from the disk again, and say what is not as it was written."""
        with self._storage.lock:
            database, root = self._storage.disk()
            return verify(database, self._storage.sealer(), root, self._directory / BLOBS)

    def purge(self, name: str) -> None:
        """Really delete what was removed from a table: the rest is sealed under a new key, the old key is dropped."""
        self._storage.purge(name)
