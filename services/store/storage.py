"""Tables in memory, sealed rows on the disk, and the one commit that changes both.

Memory is changed only after the disk has said yes. A save costs as much as what it changes, however large a table is.
"""

import gc
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from tinydb.storages import Storage

from companion.crypto.primitives import random_bytes
from companion.errors import StoreError, Tampered
from services.store.database import Database, StoredRow
from services.store.format import (
    DOCUMENT_ID_MAX,
    SECRET_BYTES,
    SUM_MODULUS,
    TABLE_ID_MAX,
    Document,
    Root,
    TableHead,
    copy_document,
    decode_document,
    encode_document,
)
from services.store.overlay import Overlay, Rows, Scratch
from services.store.sealing import StoreSealer, TableSealer

FREEZE_FROM = 5_000  # documents; below it a full garbage collection is quick enough


@dataclass(slots=True)
class _Batch:
    """What one commit will change."""

    heads: dict[str, TableHead]
    next_table: int
    overlays: dict[int, Overlay] = field(default_factory=dict)
    texts: dict[int, dict[int, bytes]] = field(default_factory=dict)
    dropped: list[int] = field(default_factory=list)
    has_changes: bool = False


class SealedStorage(Storage):
    """Reads and writes tables; TinyDB's whole-database view (`read`, `write`) works too, at its price."""

    def __init__(self, database: Database, sealer: StoreSealer) -> None:
        self.lock = threading.RLock()
        self._database = database
        self._sealer: StoreSealer | None = sealer
        self._root = sealer.open_root(database.sealed_root())
        self._sealers: dict[int, TableSealer] = {}
        self._loaded: dict[int, dict[int, Document]] = {}
        self._batch: _Batch | None = None
        self._is_suspect = False

    @property
    def commit(self) -> int:
        """The number of the last commit."""
        return self._root.commit

    @property
    def is_closed(self) -> bool:
        """Whether the keys are gone."""
        return self._sealer is None

    # Reading

    def heads(self) -> Mapping[str, TableHead]:
        """Return the tables by name, as the running batch sees them."""
        with self.lock:
            self._open_sealer()
            return dict(self._batch.heads if self._batch else self._root.heads)

    def rows(self, name: str) -> Rows:
        """Return the documents of a table by id, loaded if need be. They are the cache: copy what leaves the store.

        Raises: Tampered if rows are missing, foreign, moved or old.
        """
        with self.lock:
            self._open_sealer()
            head = (self._batch.heads if self._batch else self._root.heads).get(name)
            if head is None:
                return {}
            if self._batch and head.id in self._batch.overlays:
                return self._batch.overlays[head.id]
            return self._load(head)

    def snapshot(self, name: str) -> list[tuple[int, Document]]:
        """Return ids and documents as they are now; later commits replace documents and never change them."""
        with self.lock:
            return list(self.rows(name).items())

    def window(self, name: str, before: int | None, limit: int) -> list[tuple[int, Document]]:
        """Return the newest documents, newest first, with ids below `before`. Loads no table for it.

        Rows that are read from the disk are checked one by one; whether one is missing or old shows when the table is
        loaded.
        """
        with self.lock:
            self._open_sealer()
            head = (self._batch.heads if self._batch else self._root.heads).get(name)
            below = DOCUMENT_ID_MAX + 1 if before is None else before
            if head is None or (head.id not in self._loaded and not (self._batch and head.id in self._batch.overlays)):
                return self._stored_window(head, below, limit) if head else []
            rows = self.rows(name)
            numbers = islice((number for number in reversed(rows if isinstance(rows, dict) else list(rows)) if number < below), limit)
            return [(number, rows[number]) for number in numbers]

    def _stored_window(self, head: TableHead, below: int, limit: int) -> list[tuple[int, Document]]:
        sealer = self._table_sealer(head)
        rows = self._database.newest_rows(head.id, below, limit)
        return [(number, sealer.open_row(number, version, blob)) for number, version, blob in rows]

    def _load(self, head: TableHead) -> dict[int, Document]:
        loaded = self._loaded.get(head.id)
        if loaded is not None:
            return loaded
        sealer = self._table_sealer(head)
        rows: dict[int, Document] = {}
        total = 0
        try:
            for document_id, version, blob in self._database.rows(head.id):
                rows[document_id] = sealer.open_row(document_id, version, blob)
                total += sealer.term(document_id, version, blob)
            if len(rows) != head.count:
                raise Tampered(f"table {head.id} has {len(rows)} documents instead of {head.count}")
            if total % SUM_MODULUS != head.sum:
                raise Tampered(f"table {head.id} holds documents of another time")
        except Tampered:
            self._is_suspect = True
            raise
        self._loaded[head.id] = rows
        if len(rows) >= FREEZE_FROM:
            gc.freeze()  # a full collection over so many documents would stall the next save by milliseconds
        return rows

    def _open_sealer(self) -> StoreSealer:
        if self._sealer is None:
            raise StoreError("the store is locked")
        return self._sealer

    def _table_sealer(self, head: TableHead) -> TableSealer:
        if head.id not in self._sealers:
            self._sealers[head.id] = self._open_sealer().table(head)
        return self._sealers[head.id]

    # Changing

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Collect the changes of several tables into one commit. If the block raises, nothing has changed."""
        with self._new_batch():
            yield

    @contextmanager
    def _new_batch(self) -> Iterator[_Batch]:
        with self.lock:
            self._open_sealer()
            if self._batch is not None:
                raise StoreError("batches do not nest")
            batch = self._batch = _Batch(heads=dict(self._root.heads), next_table=self._root.next_table)
            try:
                yield batch
                if batch.has_changes:
                    self._commit(batch)
            finally:
                self._batch = None

    @contextmanager
    def _writing(self) -> Iterator[_Batch]:
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
            texts = _changed_texts(scratch)
            head = batch.heads.get(name) or _add_table(batch, name)
            if not texts and not scratch.gone:
                return
            overlay = batch.overlays.get(head.id)
            if overlay is None:
                overlay = batch.overlays[head.id] = Overlay(rows)
            for document_id in scratch.gone:
                del overlay[document_id]
                batch.texts.get(head.id, {}).pop(document_id, None)
            for document_id, text in texts.items():
                overlay[document_id] = decode_document(text)
            batch.texts.setdefault(head.id, {}).update(texts)
            batch.has_changes = True

    def drop(self, names: list[str]) -> None:
        """Remove whole tables; unknown names are ignored."""
        with self._writing() as batch:
            for name in names:
                head = batch.heads.pop(name, None)
                if head is not None:
                    batch.overlays.pop(head.id, None)
                    batch.texts.pop(head.id, None)
                    batch.dropped.append(head.id)
                    batch.has_changes = True

    def _commit(self, batch: _Batch) -> None:
        sealer = self._open_sealer()
        with self._database.transaction():
            for table_id in batch.dropped:
                self._database.delete_table(table_id)
            heads = {
                name: self._write_table(head, batch.overlays[head.id], batch.texts.get(head.id, {}))
                if head.id in batch.overlays
                else head
                for name, head in batch.heads.items()
            }
            root = Root(commit=self._root.commit + 1, next_table=batch.next_table, heads=heads)
            self._database.write_root(sealer.seal_root(root))
        self._root = root
        for table_id in batch.dropped:
            self._loaded.pop(table_id, None)
            self._sealers.pop(table_id, None)
        for table_id, overlay in batch.overlays.items():
            self._apply(table_id, overlay)

    def _write_table(self, head: TableHead, overlay: Overlay, texts: Mapping[int, bytes]) -> TableHead:
        sealer = self._table_sealer(head)
        total = head.sum
        written: list[StoredRow] = []
        for document_id in overlay.gone:
            total -= self._stored_term(sealer, head, document_id)[1]
        for document_id, text in texts.items():
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

    def _apply(self, table_id: int, overlay: Overlay) -> None:
        rows = self._loaded.pop(table_id, None)
        if rows is None:
            rows = {}
        in_order = not rows or not overlay.put or next(reversed(rows)) <= min(overlay.put)
        for document_id in overlay.gone:
            del rows[document_id]
        rows.update(overlay.put)
        self._loaded[table_id] = rows if in_order else dict(sorted(rows.items()))

    def unload(self, name: str | None = None) -> None:
        """Forget the documents of one table, or of all, until they are used again."""
        with self.lock:
            if self._batch is not None:
                raise StoreError("not within a batch")
            if name is None:
                self._loaded.clear()
            elif name in self._root.heads:
                self._loaded.pop(self._root.heads[name].id, None)

    def checkpoint(self) -> None:
        """Move the WAL into the database file, so that no save has to."""
        with self.lock:
            self._open_sealer()
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
            self._root = replace(self._root, heads={})
            gc.unfreeze()
            gc.collect()
            if self._is_suspect:
                self._database.abandon()
            else:
                self._database.close()


def _changed_texts(scratch: Scratch) -> dict[int, bytes]:
    """Return the texts of the documents that differ from what lies below. `==` would not see 1 become True."""
    texts = {}
    for document_id, document in scratch.put.items():
        if not isinstance(document_id, int) or not 0 <= document_id <= DOCUMENT_ID_MAX:
            raise ValueError(f"a document id is a whole number from 0 to {DOCUMENT_ID_MAX}")
        text = encode_document(document)
        if document_id not in scratch.base or encode_document(scratch.base[document_id]) != text:
            texts[document_id] = text
    return texts


def _add_table(batch: _Batch, name: str) -> TableHead:
    if batch.next_table > TABLE_ID_MAX:
        raise StoreError("the store has had too many tables")
    head = TableHead(
        id=batch.next_table,
        name=name,
        schema=0,
        count=0,
        sum=0,
        secret=random_bytes(SECRET_BYTES),
    )
    batch.heads[name] = head
    batch.next_table += 1
    batch.has_changes = True
    return head
