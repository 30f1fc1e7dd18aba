"""Tables in memory, sealed rows on the disk, and the one commit that changes both.

Memory is changed only after the disk has said yes. A save costs as much as what it changes, however large a table is.
"""

import gc
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

from tinydb.storages import Storage

from companion.errors import ReadOnly, RolledBack, StoreError, Tampered, TooNew
from services.store.batch import Batch, TableChange, changed_documents
from services.store.commit import seal_commit
from services.store.database import Database
from services.store.format import DOCUMENT_ID_MAX, Document, Root, TableHead, copy_document, encode_document
from services.store.migrations import Migrations
from services.store.opening import open_root
from services.store.overlay import Rows, Scratch, last_id
from services.store.rotating import commit_keys
from services.store.sealing import StoreSealer
from services.store.stored import StoredTables

DOCUMENTS_LOADED_MAX = 100_000  # about 100 MB of short messages; the least recently used tables go first
MIGRATION_BATCH = 200

Observer = Callable[[str, Mapping[int, Document | None]], None]


class SealedStorage(Storage):
    """Reads and writes tables; TinyDB's whole-database view (`read`, `write`) works too, at its price."""

    def __init__(
        self,
        database: Database,
        sealer: StoreSealer,
        *,
        migrations: Migrations | None = None,
        documents_loaded_max: int = DOCUMENTS_LOADED_MAX,
        is_read_only: bool = False,
        keys: bytes = b"",
    ) -> None:
        self.lock = threading.RLock()
        self.observers: list[Observer] = []
        self.is_read_only = is_read_only
        self._database = database
        self._migrations = migrations or Migrations({})
        root = open_root(database, sealer, keys)
        self._stored = StoredTables(database, sealer, root, self._migrations, documents_loaded_max)
        self._min_commit = 0
        self._batch: Batch | None = None

    @property
    def _root(self) -> Root:
        return self._stored.root

    @property
    def commit(self) -> int:
        """The number of the last commit."""
        return self._root.commit

    @property
    def keys(self) -> tuple[str, int]:
        """The digest of the key file, and the commit that wrote it down."""
        return self._root.keys.hex(), self._root.keys_commit

    @property
    def is_closed(self) -> bool:
        """Whether the keys are gone."""
        return self._stored.is_closed

    @property
    def is_rolled_back(self) -> bool:
        """Whether the store has not come as far as `expect` asks for; it is then only for reading."""
        return self._root.commit < self._min_commit

    def opening_at(self, commit: int) -> str:
        """Return the name of the opening in which a commit was made; see `Root`."""
        return self._root.opening_at(commit).hex()

    def expect(self, min_commit: int) -> None:
        """Take the number of a commit that is remembered elsewhere: a store before it was put back from a copy."""
        self._min_commit = min_commit

    def accept_rollback(self) -> None:
        """Go on from the older state. The next commit's number is larger than any that was remembered."""
        with self.lock:
            if self.is_rolled_back:
                self._stored.root = replace(self._root, commit=self._min_commit)

    # Reading

    def heads(self) -> Mapping[str, TableHead]:
        """Return the tables by name, as the running batch sees them."""
        with self.lock:
            self.sealer()
            return dict(self._batch.heads if self._batch else self._root.heads)

    def rows(self, name: str) -> Rows:
        """Return the documents of a table by id, loaded if need be. They are the cache: copy what leaves the store.

        Raises: Tampered if rows are missing, foreign, moved or old; TooNew.
        """
        with self.lock:
            self.sealer()
            if self._batch is None:
                return self._stored_rows(self._root.heads.get(name))
            change = self._batch.changes.get(name)
            return self._stored_rows(self._batch.heads.get(name)) if change is None else change.rows

    def _stored_rows(self, head: TableHead | None) -> dict[int, Document]:
        return self._stored.rows(head, may_evict=self._batch is None)

    def is_loaded(self, name: str) -> bool:
        """Return whether reading a table takes no more than looking it up. Ask under the lock."""
        head = self._root.heads.get(name)
        return head is None or self._stored.is_loaded(head)

    def snapshot(self, name: str) -> list[tuple[int, Document]]:
        """Return ids and documents as they are now; later commits replace documents and never change them."""
        with self.lock:
            return list(self.rows(name).items())

    def window(self, name: str, before: int | None, limit: int) -> list[tuple[int, Document]]:
        """Return the newest documents, newest first, with ids below `before`. Loads no table for it.

        Rows from the disk are checked one by one; whether one is missing or old shows when the table is loaded.
        """
        with self.lock:
            head = self.heads().get(name)
            below = DOCUMENT_ID_MAX + 1 if before is None else before
            if head is None:
                return []
            is_changing = self._batch is not None and name in self._batch.changes
            if not (is_changing or self._stored.is_loaded(head)):
                return self._stored.newest(head, below, limit)
            rows = self.rows(name)
            newest_first = reversed(rows) if isinstance(rows, dict) else reversed(list(rows))
            return [(number, rows[number]) for number in islice((n for n in newest_first if n < below), limit)]

    def sealer(self) -> StoreSealer:
        """Return the store's sealer. Raises: StoreError if the store is locked."""
        return self._stored.sealer()

    # Changing

    def batch(self) -> AbstractContextManager[object]:
        """Collect changes of several tables into one commit. If the block raises, nothing has changed."""
        return self._writing(nests=False)

    @contextmanager
    def _writing(self, *, nests: bool = True) -> Iterator[Batch]:
        """Join the running batch, or make one for a single change."""
        with self.lock:
            if self._batch is not None:
                if not nests:
                    raise StoreError("batches do not nest")
                yield self._batch
                return
            self.require_writable()
            batch = self._batch = Batch(self._root)
            try:
                yield batch
                if batch.settle():
                    self._commit(batch)
            finally:
                self._batch = None
            for observer in self.observers:
                for name, change in batch.changes.items():
                    observer(name, changed_documents(change))

    def require_writable(self) -> None:
        """Raises: ReadOnly, RolledBack if this store may only be read, StoreError if it is locked."""
        self.sealer()
        if self.is_read_only:
            raise ReadOnly("the folder cannot be written")
        if self.is_rolled_back:
            raise RolledBack(f"commit {self.commit} is older than {self._min_commit}: only for reading")

    def insert(self, name: str, document: Document, first: int | None) -> int:
        """Write a new document under the first free id from `first` on, or behind the last one, and return the id.

        Raises: as `update`.
        """
        with self._writing() as batch:
            change = self._change(batch, name)
            rows = change.rows
            document_id = last_id(rows) + 1 if first is None else first
            while document_id in rows:
                document_id += 1
            change.put(document_id, change.text(document_id, document))
            self._ensure_table(batch, name)
            return document_id

    def put(self, name: str, document_id: int, document: Document) -> None:
        """Write one document whole under this id, whether there is one or not. Raises: as `update`."""
        with self._writing() as batch:
            change = self._change(batch, name)
            change.put(document_id, change.text(document_id, document))
            self._ensure_table(batch, name)

    def update(self, name: str, updater: Callable[[Scratch], None]) -> None:
        """Let the updater change a table as if it were a dict of documents; only what differs is written.

        Raises: what the updater raises, ValueError and TypeError for what cannot be stored; then nothing has changed.
        """
        with self._writing() as batch:
            change = self._change(batch, name)
            scratch = Scratch(change.rows)
            updater(scratch)
            texts = [(number, change.text(number, document)) for number, document in scratch.put.items()]
            for document_id in scratch.gone:
                change.remove(document_id)
            for document_id, text in texts:
                change.put(document_id, text)
            self._ensure_table(batch, name)

    def _change(self, batch: Batch, name: str) -> TableChange:
        """Return the change of a table, made on first use."""
        change = batch.changes.get(name)
        if change is None:
            change = batch.changes[name] = TableChange(self._stored_rows(batch.heads.get(name)))
        return change

    def _ensure_table(self, batch: Batch, name: str) -> None:
        if name not in batch.heads:
            batch.add_table(name, self._migrations.latest(name))

    def drop(self, names: list[str]) -> None:
        """Remove whole tables; unknown names are ignored."""
        with self._writing() as batch:
            for name in names:
                batch.drop(name)

    def purge(self, name: str) -> None:
        """Seal every document of a table again under a new key, and forget the old one with all that it sealed.

        What a flash chip keeps of overwritten blocks, and copies of the old files, are out of reach.
        """
        with self._writing(nests=False) as batch:
            if name not in batch.heads:
                return
            change = self._change(batch, name)
            for document_id, document in change.base.items():
                change.put(document_id, encode_document(document))
            batch.new_secret(name)
        self.checkpoint()

    def migrate_some(self, hear: Callable[[str, Tampered], None]) -> bool:
        """Write back up to 200 documents that are older on the disk than in memory; return whether there is more."""
        with self.lock:
            for name, head in self.heads().items():
                latest = self._migrations.latest(name)
                if head.schema >= latest or self.is_rolled_back or self.is_read_only:
                    continue
                try:
                    loaded = self._stored.load(head, may_evict=self._batch is None)
                except (Tampered, TooNew) as error:
                    if isinstance(error, Tampered):
                        hear(name, error)
                    continue
                some = list(islice(loaded.stale, MIGRATION_BATCH))
                with self._writing(nests=False) as batch:
                    if len(some) == len(loaded.stale):
                        batch.set_schema(name, latest)
                    change = self._change(batch, name)
                    for number in some:
                        change.put(number, encode_document(loaded.rows[number]))
                return True
            return False

    def _commit(self, batch: Batch) -> None:
        number = self._root.commit + 1
        writes, root, sealers = seal_commit(batch, number, self.sealer(), self._stored.table_sealer, self._database)
        if self._database.is_older:
            writes.keys = root.keys
        self._database.commit(writes)
        self._stored.committed(root, batch, sealers)

    def take_keys(self, sealer: StoreSealer, keys: bytes) -> None:
        """Go on under another key file, and if the master key is another one, with everything sealed anew under it.

        Raises: StoreError; then nothing has changed.
        """
        with self.lock:
            self.require_writable()
            if self._batch is not None:
                raise StoreError("not within a batch")
            self._stored.rekeyed(commit_keys(self._database, self._root, self.sealer(), sealer, keys), sealer)

    def unload(self, name: str | None = None) -> None:
        """Forget the documents of one table, or of all, until they are used again."""
        with self.lock:
            if self._batch is not None:
                raise StoreError("not within a batch")
            self._stored.unload(name)

    def disk(self) -> tuple[Database, Root]:
        """Return file and root. Use both under the lock, for reading only."""
        self.sealer()
        return self._database, self._root

    def checkpoint(self) -> None:
        """Move the WAL into the database file, so that no save has to."""
        with self.lock:
            self.sealer()
            if not (self._stored.is_suspect or self.is_rolled_back):
                self._database.checkpoint()

    # TinyDB's Storage

    def read(self) -> dict[str, dict[str, Any]] | None:
        """Return a copy of every document of every table, or None if there is no table."""
        with self.lock:
            tables = {name: self.rows(name).items() for name in self.heads()}
            return {name: {str(id): copy_document(doc) for id, doc in rows} for name, rows in tables.items()} or None

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Make the store hold exactly this; only what differs is written."""

        def replacement(table: Mapping[str, Any]) -> Callable[[Scratch], None]:
            wanted = {int(document_id): document for document_id, document in table.items()}

            def updater(rows: Scratch) -> None:
                for document_id in [known for known in rows if known not in wanted]:
                    del rows[document_id]
                rows.update(wanted)

            return updater

        with self._writing() as batch:
            self.drop([name for name in batch.heads if name not in data])
            for name, table in data.items():
                self.update(name, replacement(table))

    def close(self) -> None:
        """Drop the keys and every document, and close the file. A second call does nothing."""
        with self.lock:
            if self.is_closed:
                return
            if self._batch is not None:
                raise StoreError("not within a batch")
            self._stored.close()
            self.observers.clear()
            gc.unfreeze()
            if self._stored.is_suspect or self.is_rolled_back or self.is_read_only:
                self._database.abandon()
            else:
                self._database.close()
