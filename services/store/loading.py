"""Tables in memory: reading a whole one, where every row is opened and count and sum are held against the root; which
of them stay, and what a commit makes of them.
"""

import gc
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from companion.errors import Tampered
from services.store.batch import TableChange
from services.store.database import StoredRow
from services.store.format import SUM_MODULUS, Document, TableHead
from services.store.migrations import Migrations
from services.store.sealing import TableSealer

FREEZE_FROM = 5_000  # documents; below it a full garbage collection is quick enough


@dataclass(slots=True)
class LoadedTable:
    """One table in memory. `stale`: ids whose stored rows have an older version than the documents here."""

    rows: dict[int, Document] = field(default_factory=dict)
    stale: set[int] = field(default_factory=set)


class LoadedTables(OrderedDict[int, LoadedTable]):
    """By table id, the least recently used first: those go when there are more than so many documents."""

    def __init__(self, documents_max: int) -> None:
        super().__init__()
        self._documents_max = documents_max

    def keep(self, table_id: int, loaded: LoadedTable, *, may_evict: bool) -> None:
        """Keep a table that was read."""
        self[table_id] = loaded
        if len(loaded.rows) >= FREEZE_FROM:
            gc.freeze()  # a full collection over so many documents would stall the next save by milliseconds
        count = sum(len(table.rows) for table in self.values())
        while may_evict and len(self) > 1 and count > self._documents_max:
            count -= len(self.popitem(last=False)[1].rows)

    def apply(self, table_id: int, change: TableChange) -> None:
        """Change a table in memory as a commit has changed it on the disk."""
        rows, put, gone = change.base, change.overlay.put, change.overlay.gone
        loaded = self.pop(table_id, None)  # if this is interrupted, the table is read again from the disk
        for document_id in gone:
            del rows[document_id]
        last, in_order = next(reversed(rows), -1), True
        for document_id in put:
            if document_id not in rows:
                last, in_order = document_id, in_order and document_id > last
        rows.update(put)
        stale = loaded.stale - put.keys() - gone if loaded and loaded.stale else set()
        self[table_id] = LoadedTable(rows if in_order else dict(sorted(rows.items())), stale)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Keep the garbage collector from looking at every new document again and again: they hold no cycles."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def read_table(
    head: TableHead, stored: Iterable[StoredRow], sealer: TableSealer, migrations: Migrations
) -> LoadedTable:
    """Return the documents of a table, migrated.

    Raises: Tampered if rows were changed, removed, added, moved or are of another time; TooNew.
    """
    loaded, total = LoadedTable(), 0
    rows, is_listed = loaded.rows, migrations.latest(head.name) > 0
    with _no_collections():
        for document_id, document, term in sealer.open_rows(stored):
            total += term
            if is_listed:
                migrated = migrations.migrate(head.name, document)
                if migrated is not document:
                    loaded.stale.add(document_id)
                rows[document_id] = migrated
            else:
                rows[document_id] = document
    if len(rows) != head.count:
        kind = "missing" if len(rows) < head.count else "returned"
        raise Tampered(f"table {head.id} has {len(rows)} documents instead of {head.count}", kind)
    if total % SUM_MODULUS != head.sum:
        raise Tampered(f"table {head.id} holds documents of another time", "old")
    return loaded
