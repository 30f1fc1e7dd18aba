"""The tables as the last commit left them: opened, checked and migrated when they are used, and kept within a bound.

It owns the keys of tables and what is loaded. It must not know what a running batch has changed, and writes nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from companion.errors import StoreError, Tampered
from services.store.batch import Batch
from services.store.database import Database
from services.store.diagnosis import damage_kind
from services.store.format import Document, Root, TableHead
from services.store.loading import LoadedTable, LoadedTables, read_table
from services.store.migrations import Migrations
from services.store.sealing import StoreSealer, TableSealer


class StoredTables:
    """What the last commit, `root`, holds. Used under the lock of its storage."""

    def __init__(
        self, database: Database, sealer: StoreSealer, root: Root, migrations: Migrations, documents_max: int
    ) -> None:
        self.root = root
        self.is_suspect = False
        """Whether anything was found damaged: from then on the file is left as it is."""
        self._database = database
        self._sealer: StoreSealer | None = sealer
        self._migrations = migrations
        self._sealers: dict[int, TableSealer] = {}
        self._loaded = LoadedTables(documents_max)

    @property
    def is_closed(self) -> bool:
        """Whether the keys are gone."""
        return self._sealer is None

    def sealer(self) -> StoreSealer:
        """Return the store's sealer. Raises: StoreError if the store is locked."""
        if self._sealer is None:
            raise StoreError("the store is locked")
        return self._sealer

    def table_sealer(self, head: TableHead) -> TableSealer:
        """Return the sealer of one table. Raises: Tampered, StoreError if the store is locked."""
        if head.id not in self._sealers:
            record = self._database.sealed_table_record(head.id)
            self._sealers[head.id] = self.sealer().table(head.id, self.sealer().open_table_record(head.id, record)[0])
        return self._sealers[head.id]

    def is_loaded(self, head: TableHead) -> bool:
        """Return whether reading a table takes no more than looking it up."""
        return head.id in self._loaded

    def rows(self, head: TableHead | None, *, may_evict: bool) -> dict[int, Document]:
        """Return the documents that a table had at the last commit; none if it was made since. Raises: as `load`."""
        stored = None if head is None else self.root.heads.get(head.name)
        if head is None or stored is None or stored.id != head.id:
            return {}
        return self.load(head, may_evict=may_evict).rows

    def load(self, head: TableHead, *, may_evict: bool) -> LoadedTable:
        """Return a table, read if need be. Raises: Tampered, TooNew."""
        loaded = self._loaded.get(head.id)
        if loaded is None:
            with self._naming_damage(head):
                loaded = read_table(head, self._database.rows(head.id), self.table_sealer(head), self._migrations)
            self._loaded.keep(head.id, loaded, may_evict=may_evict)
        self._loaded.move_to_end(head.id)
        return loaded

    def newest(self, head: TableHead, below: int, limit: int) -> list[tuple[int, Document]]:
        """Return documents from the disk, newest first, with ids below `below`. Loads no table for it.

        Rows are checked one by one; whether one is missing or old shows when the table is loaded.
        """
        with self._naming_damage(head):
            sealer, stored = self.table_sealer(head), self._database.newest_rows(head.id, below, limit)
            return [(row[0], self._migrations.migrate(head.name, sealer.open_row(*row))) for row in stored]

    def committed(self, root: Root, batch: Batch, sealers: dict[int, TableSealer]) -> None:
        """Take over in memory what a commit has done on the disk."""
        self.root = root
        self._sealers.update(sealers)
        for table_id in batch.dropped:
            self._loaded.pop(table_id, None)
            self._sealers.pop(table_id, None)
        for name, change in batch.changes.items():
            self._loaded.apply(root.heads[name].id, change)

    def rekeyed(self, root: Root, sealer: StoreSealer) -> None:
        """Go on under another master key."""
        self.root, self._sealer, self._sealers = root, sealer, {}

    def unload(self, name: str | None) -> None:
        """Forget the documents of one table, or of all, until they are used again."""
        if name is None:
            self._loaded.clear()
        elif name in self.root.heads:
            self._loaded.pop(self.root.heads[name].id, None)

    def close(self) -> None:
        """Drop the keys and every document."""
        self._sealer = None
        self._sealers.clear()
        self._loaded.clear()
        self.root = replace(self.root, heads={})

    @contextmanager
    def _naming_damage(self, head: TableHead) -> Iterator[None]:
        """Say what was done to which documents. From then on the file is left as it is."""
        try:
            yield
        except Tampered as error:
            self.is_suspect = True
            kind = damage_kind(self._database, self.sealer(), self.root.heads, head, error)
            raise Tampered(str(error), kind, *head.name.split(":", 1)) from None
