"""Reading one whole table: every row is opened, and count and sum are held against the root."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from companion.errors import Tampered
from services.store.database import StoredRow
from services.store.format import SUM_MODULUS, Document, TableHead
from services.store.migrations import Migrations
from services.store.sealing import TableSealer


@dataclass(slots=True)
class LoadedTable:
    """One table in memory. `stale`: ids whose stored rows have an older version than the documents here."""

    rows: dict[int, Document] = field(default_factory=dict)
    stale: set[int] = field(default_factory=set)


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
