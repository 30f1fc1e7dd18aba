"""What one commit writes: the changed rows sealed anew, the sums that follow from them, and the root over everything.

Nothing is written here. Who asks for it hands it to the database, and changes memory when that has said yes.
"""

from collections.abc import Callable

from services.store.batch import Batch, TableChange
from services.store.database import Database, StoredRow, Writes
from services.store.format import SUM_MODULUS, Root, TableHead, row_number
from services.store.sealing import StoreSealer, TableSealer


def seal_commit(
    batch: Batch, commit: int, sealer: StoreSealer, sealer_of: Callable[[TableHead], TableSealer], database: Database
) -> tuple[Writes, Root, dict[int, TableSealer]]:
    """Seal what a batch changes, as the commit of this number; the database is asked for what is replaced.

    Returns what to write, the root after it, and the sealers of the tables that get a key by it.
    Raises: Tampered if a row that is replaced or removed is not there.
    """
    heads = batch.heads
    sealers: dict[int, TableSealer] = {}
    records: list[tuple[int, bytes]] = []
    gone: list[tuple[int]] = []
    rows: list[StoredRow] = []
    for name, secret in batch.secrets.items():
        table_id = heads[name].id
        sealers[table_id] = sealer.table(table_id, secret)
        records.append((table_id, sealer.seal_table_record(table_id, secret, name)))
    for name, change in batch.changes.items():
        head = heads[name]
        heads[name] = _seal_rows(head, change, sealers.get(head.id) or sealer_of(head), database, gone, rows)
    root = Root(
        commit=commit,
        next_table=batch.next_table,
        heads=heads,
        keys=batch.root.keys,
        keys_commit=batch.root.keys_commit,
        openings=batch.root.openings_with(sealer.opening),
    )
    return Writes(batch.dropped, records, gone, rows, sealer.seal_root(root)), root, sealers


def _seal_rows(
    head: TableHead,
    change: TableChange,
    sealer: TableSealer,
    database: Database,
    gone: list[tuple[int]],
    rows: list[StoredRow],
) -> TableHead:
    """Add to what is written, and return what the root says of the table then.

    The seals of old rows are read again instead of being kept: of 200,000 rows they would take 46 MB.
    """
    table_id, count, total = head.id, head.count, head.sum
    for document_id in change.overlay.gone:
        version, seal = database.seal_of(table_id, document_id)
        count, total = count - 1, total - sealer.term(document_id, version, seal)
        gone.append((row_number(table_id, document_id),))
    for document_id, text in change.texts.items():
        version = 0
        if document_id in change.base:
            version, seal = database.seal_of(table_id, document_id)
            count, total = count - 1, total - sealer.term(document_id, version, seal)
        blob = sealer.seal(document_id, version + 1, text)
        count, total = count + 1, total + sealer.term(document_id, version + 1, blob)
        rows.append((row_number(table_id, document_id), version + 1, blob))
    return TableHead(id=table_id, name=head.name, schema=head.schema, count=count, sum=total % SUM_MODULUS)
