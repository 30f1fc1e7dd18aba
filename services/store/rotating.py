"""Sealing everything in a store again under another master key, in one transaction and a bounded piece of memory.

A table's rows are held against the root on the way: what is damaged is not sealed anew as if it were sound.
"""

from dataclasses import replace

from companion.errors import Tampered
from services.store.database import Database, StoredRow, Writes
from services.store.format import (
    DOCUMENT_ID_MAX,
    SUM_MODULUS,
    Root,
    TableHead,
    row_number,
)
from services.store.migrations import kind_of
from services.store.sealing import StoreSealer, TableSealer

ROWS_AT_ONCE = 500


def seal_anew(database: Database, root: Root, old: StoreSealer, new: StoreSealer) -> Root:
    """Seal every row and record under the new master key, and return the root that belongs to them.

    Call it within a transaction, and write the root in the same one. Raises: Tampered, which names the part.
    """
    heads, records = {}, []
    for head in root.heads.values():
        secret, _ = old.open_table_record(head.id, database.sealed_table_record(head.id))
        try:
            heads[head.name] = _seal_table(database, head, old.table(head.id, secret), new.table(head.id, secret))
        except Tampered as error:
            raise Tampered(str(error), error.kind, kind_of(head.name)) from None
        records.append((head.id, new.seal_table_record(head.id, secret, head.name)))
    database.replace_records(records)
    return replace(root, heads=heads)


def _seal_table(database: Database, head: TableHead, old: TableSealer, new: TableSealer) -> TableHead:
    below, count, was, total = DOCUMENT_ID_MAX + 1, 0, 0, 0
    while rows := database.newest_rows(head.id, below, ROWS_AT_ONCE):
        sealed: list[StoredRow] = []
        for number, version, blob in rows:
            if number >= below:
                raise Tampered(f"rows of table {head.id} are out of order", "file")
            below = number
            anew = old.resealed(new, number, version, blob)
            was += old.term(number, version, blob)
            total += new.term(number, version, anew)
            sealed.append((row_number(head.id, number), version, anew))
        database.replace_rows(sealed)
        count += len(rows)
    if count != head.count or was % SUM_MODULUS != head.sum:
        raise Tampered(f"table {head.id} does not add up", "missing" if count < head.count else "old")
    return replace(head, sum=total % SUM_MODULUS)


def commit_keys(database: Database, root: Root, old: StoreSealer, new: StoreSealer, keys: bytes) -> Root:
    """Write another key file's digest, and everything anew if the master key is another one; return the root."""
    with database.transaction():
        if new.master != old.master:
            root = seal_anew(database, root, old, new)
        root = replace(root, commit=root.commit + 1, keys=keys, keys_commit=root.commit + 1)
        database.write(Writes([], [], [], [], new.seal_root(root), keys))
    database.is_older = False
    return root
