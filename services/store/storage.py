"""Tables in memory, sealed rows on the disk, and the one commit that changes both.

Memory is changed only after the disk has said yes. A save costs as much as what it changes, however large a table is.
"""

import gc
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice, pairwise
from typing import Any

from tinydb.storages import Storage

from companion.errors import RolledBack, StoreError, Tampered, TooNew
from services.store.batch import Batch, TableChange, changed_documents, changed_texts
from services.store.database import Database, StoredRow
from services.store.diagnosis import damage_kind
from services.store.format import (
    DOCUMENT_ID_MAX,
    SUM_MODULUS,
    Document,
    Root,
    TableHead,
    copy_document,
    encode_document,
)
from services.store.loading import LoadedTable, read_table
from services.store.migrations import Migrations, kind_of
from services.store.overlay import Rows, Scratch
from services.store.sealing import StoreSealer, TableSealer

FREEZE_FROM = 5_000  # documents; below it a full garbage collection is quick enough
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
    ) -> None:
        self.lock = threading.RLock()
        self.observers: list[Observer] = []
        self._database = database
        self._sealer: StoreSealer | None = sealer
        self._root = sealer.open_root(database.sealed_root())
        self._min_commit = 0
        self._migrations = migrations or Migrations({})
        self._documents_loaded_max = documents_loaded_max
        self._sealers: dict[int, TableSealer] = {}
        self._loaded: OrderedDict[int, LoadedTable] = OrderedDict()
        self._batch: Batch | None = None
        self._is_suspect = False

    @property
    def commit(self) -> int:
        """The number of the last commit."""
        return self._root.commit

    @property
    def is_closed(self) -> bool:
        """Whether the keys are gone."""
        return self._sealer is None

    @property
    def is_rolled_back(self) -> bool:
        """Whether the store has not come as far as `expect` asks for; it is then only for reading."""
        return self._root.commit < self._min_commit

    def expect(self, min_commit: int) -> None:
        """Take the number of a commit that is remembered elsewhere: a store before it was put back from a copy."""
        self._min_commit = min_commit

    def accept_rollback(self) -> None:
        """Go on from the older state. The next commit's number is larger than any that was remembered."""
        with self.lock:
            if self.is_rolled_back:
                self._root = replace(self._root, commit=self._min_commit)

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
            head = (self._batch.heads if self._batch else self._root.heads).get(name)
            if head is None:
                return {}
            if self._batch and head.id in self._batch.changes:
                return self._batch.changes[head.id].overlay
            return self._load(head).rows if name in self._root.heads else {}

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
            is_in_memory = head.id in self._loaded or (self._batch is not None and head.id in self._batch.changes)
            if not is_in_memory:
                with self._naming_damage(head):
                    sealer, stored = self._table_sealer(head), self._database.newest_rows(head.id, below, limit)
                    return [(row[0], self._migrations.migrate(name, sealer.open_row(*row))) for row in stored]
            rows = self.rows(name)
            newest_first = reversed(rows) if isinstance(rows, dict) else reversed(list(rows))
            return [(number, rows[number]) for number in islice((n for n in newest_first if n < below), limit)]

    def _load(self, head: TableHead) -> LoadedTable:
        loaded = self._loaded.get(head.id)
        if loaded is None:
            with self._naming_damage(head):
                loaded = read_table(head, self._database.rows(head.id), self._table_sealer(head), self._migrations)
            self._loaded[head.id] = loaded
            if len(loaded.rows) >= FREEZE_FROM:
                gc.freeze()  # a full collection over so many documents would stall the next save by milliseconds
            self._evict()
        self._loaded.move_to_end(head.id)
        return loaded

    @contextmanager
    def _naming_damage(self, head: TableHead) -> Iterator[None]:
        """Say what was done to which documents. From then on the file is left as it is."""
        try:
            yield
        except Tampered as error:
            self._is_suspect = True
            kind = damage_kind(self._database, self.sealer(), self._root.heads, head, error)
            raise Tampered(str(error), kind, kind_of(head.name)) from None

    def _evict(self) -> None:
        count = sum(len(table.rows) for table in self._loaded.values())
        while self._batch is None and len(self._loaded) > 1 and count > self._documents_loaded_max:
            count -= len(self._loaded.popitem(last=False)[1].rows)

    def sealer(self) -> StoreSealer:
        """Return the store's sealer.

        Raises: StoreError if the store is locked.
        """
        if self._sealer is None:
            raise StoreError("the store is locked")
        return self._sealer

    def _table_sealer(self, head: TableHead) -> TableSealer:
        if head.id not in self._sealers:
            record = self._database.sealed_table_record(head.id)
            self._sealers[head.id] = self.sealer().table(head.id, self.sealer().open_table_record(head.id, record)[0])
        return self._sealers[head.id]

    # Changing

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Collect the changes of several tables into one commit. If the block raises, nothing has changed."""
        with self._new_batch():
            yield

    @contextmanager
    def _new_batch(self) -> Iterator[Batch]:
        with self.lock:
            self.sealer()
            if self.is_rolled_back:
                raise RolledBack(f"commit {self.commit} is older than {self._min_commit}: only for reading")
            if self._batch is not None:
                raise StoreError("batches do not nest")
            batch = self._batch = Batch(self._root)
            try:
                yield batch
                if batch.has_changes:
                    self._commit(batch)
            finally:
                self._batch = None
            for name, head in batch.heads.items():
                if head.id in batch.changes:
                    for observer in self.observers:
                        observer(name, changed_documents(batch.changes[head.id]))

    @contextmanager
    def _writing(self) -> Iterator[Batch]:
        """Join the running batch, or make one for a single change."""
        with self.lock:
            if self._batch is not None:
                yield self._batch
            else:
                with self._new_batch() as batch:
                    yield batch

    def update(self, name: str, updater: Callable[[Scratch], None]) -> None:
        """Let the updater change a table as if it were a dict of documents; only what differs is written.

        Raises: what the updater raises, ValueError and TypeError for ids and documents that cannot be stored,
        StoreError; then nothing has changed.
        """
        with self._writing() as batch:
            rows = self.rows(name)
            scratch = Scratch(rows)
            updater(scratch)
            texts = changed_texts(scratch)
            head = batch.heads.get(name) or batch.add_table(name, self._migrations.latest(name))
            if texts or scratch.gone:
                batch.change(head, rows).add(scratch.gone, texts)

    def drop(self, names: list[str]) -> None:
        """Remove whole tables; unknown names are ignored."""
        with self._writing() as batch:
            for name in names:
                batch.drop(name)

    def purge(self, name: str) -> None:
        """Seal every document of a table again under a new key, and forget the old one with all that it sealed.

        This is the real deletion of what was removed from the table before. What a flash chip keeps of overwritten
        blocks is out of reach; a copy of the old files together with the passphrase still opens them.
        """
        with self._new_batch() as batch:
            head = batch.heads.get(name)
            if head is None:
                return
            rows = self.rows(name)
            texts = {document_id: encode_document(document) for document_id, document in rows.items()}
            batch.change(head, rows).add(set(), texts)
            batch.new_secret(head)
        self.checkpoint()

    def migrate_some(self) -> bool:
        """Write back up to 200 documents that are older on the disk than in memory; return whether there may be more.

        A table that cannot be read is passed over: it shows its fault when it is used.
        """
        with self.lock:
            for name, head in self.heads().items():
                latest = self._migrations.latest(name)
                if head.schema >= latest or self.is_rolled_back:
                    continue
                try:
                    loaded = self._load(head)
                except (Tampered, TooNew):
                    continue
                some = list(islice(loaded.stale, MIGRATION_BATCH))
                with self._new_batch() as batch:
                    if len(some) == len(loaded.stale):
                        batch.set_schema(name, latest)
                    texts = {number: encode_document(loaded.rows[number]) for number in some}
                    batch.change(batch.heads[name], loaded.rows).add(set(), texts)
                return True
            return False

    def _commit(self, batch: Batch) -> None:
        sealer = self.sealer()
        sealers = {table_id: sealer.table(table_id, secret) for table_id, secret in batch.secrets.items()}
        with self._database.transaction():
            for table_id in batch.dropped:
                self._database.delete_table(table_id)
            for name, head in list(batch.heads.items()):
                if head.id in batch.secrets:
                    record = sealer.seal_table_record(head.id, batch.secrets[head.id], name)
                    self._database.write_table_record(head.id, record)
                if head.id in batch.changes:
                    new_sealer = sealers.get(head.id) or self._table_sealer(head)
                    batch.heads[name] = self._write_table(head, batch.changes[head.id], new_sealer)
            root = Root(commit=self._root.commit + 1, next_table=batch.next_table, heads=batch.heads)
            self._database.write_root(sealer.seal_root(root))
        self._root = root
        self._sealers.update(sealers)
        for table_id in batch.dropped:
            self._loaded.pop(table_id, None)
            self._sealers.pop(table_id, None)
        for table_id, change in batch.changes.items():
            self._apply(table_id, change)

    def _write_table(self, head: TableHead, change: TableChange, sealer: TableSealer) -> TableHead:
        overlay, total = change.overlay, head.sum
        written: list[StoredRow] = []
        for document_id in overlay.gone:
            total -= self._stored_term(sealer, head, document_id)[1]
        for document_id, text in change.texts.items():
            version = 0
            if document_id in overlay.base:
                version, term = self._stored_term(sealer, head, document_id)
                total -= term
            blob = sealer.seal(document_id, version + 1, text)
            total += sealer.term(document_id, version + 1, blob)
            written.append((document_id, version + 1, blob))
        self._database.delete_rows(head.id, overlay.gone)
        self._database.write_rows(head.id, written)
        return replace(head, count=len(overlay), sum=total % SUM_MODULUS)

    def _stored_term(self, sealer: TableSealer, head: TableHead, document_id: int) -> tuple[int, int]:
        """Read the row's seal again instead of keeping it: 200,000 rows would take 46 MB."""
        version, nonce_and_tag = self._database.seal_of(head.id, document_id)
        return version, sealer.term(document_id, version, nonce_and_tag)

    def _apply(self, table_id: int, change: TableChange) -> None:
        overlay = change.overlay
        rows = change.base
        loaded = self._loaded.pop(table_id, None)  # if this is interrupted, the table is read again from the disk
        for document_id in overlay.gone:
            del rows[document_id]
        added = [document_id for document_id in overlay.put if document_id not in rows]
        in_order = all(left < right for left, right in pairwise([next(reversed(rows), -1), *added]))
        rows.update(overlay.put)
        stale = loaded.stale - overlay.put.keys() - overlay.gone if loaded and loaded.stale else set()
        self._loaded[table_id] = LoadedTable(rows if in_order else dict(sorted(rows.items())), stale)

    def unload(self, name: str | None = None) -> None:
        """Forget the documents of one table, or of all, until they are used again."""
        with self.lock:
            if self._batch is not None:
                raise StoreError("not within a batch")
            if name is None:
                self._loaded.clear()
            elif name in self._root.heads:
                self._loaded.pop(self._root.heads[name].id, None)

    def disk(self) -> tuple[Database, Root]:
        """Return the file and what the root says of it. Use both under the lock, for reading only."""
        self.sealer()
        return self._database, self._root

    def checkpoint(self) -> None:
        """Move the WAL into the database file, so that no save has to."""
        with self.lock:
            self.sealer()
            if not (self._is_suspect or self.is_rolled_back):
                self._database.checkpoint()

    # TinyDB's Storage

    def read(self) -> dict[str, dict[str, Any]] | None:
        """Return a copy of every document of every table, or None if there is no table."""
        with self.lock:
            return {
                name: {str(document_id): copy_document(document) for document_id, document in self.rows(name).items()}
                for name in self.heads()
            } or None

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
            if self._sealer is None:
                return
            if self._batch is not None:
                raise StoreError("not within a batch")
            self._sealer = None
            self._sealers.clear()
            self._loaded.clear()
            self.observers.clear()
            self._root = replace(self._root, heads={})
            gc.unfreeze()
            if self._is_suspect or self.is_rolled_back:
                self._database.abandon()
            else:
                self._database.close()
