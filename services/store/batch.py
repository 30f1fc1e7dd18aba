"""What one commit will change, collected before anything is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from companion.crypto.primitives import random_bytes
from companion.errors import StoreError
from services.store.format import (
    DOCUMENT_ID_MAX,
    SECRET_BYTES,
    TABLE_ID_MAX,
    Document,
    Root,
    TableHead,
    decode_document,
    encode_document,
)
from services.store.overlay import Overlay, Rows, Scratch


@dataclass(slots=True)
class TableChange:
    """A table as it is (`base`), as it will be (`overlay`), and the texts of the rows to write."""

    base: dict[int, Document]
    overlay: Overlay
    texts: dict[int, bytes] = field(default_factory=dict)

    def add(self, gone: set[int], texts: Mapping[int, bytes]) -> None:
        """Take in what one operation changed."""
        for document_id in gone:
            del self.overlay[document_id]
            self.texts.pop(document_id, None)
        for document_id, text in texts.items():
            self.overlay[document_id] = decode_document(text)
        self.texts.update(texts)


class Batch:
    """The tables as they will be after the commit. `secrets`: of tables that this batch makes or gives a new key."""

    def __init__(self, root: Root) -> None:
        self.heads = dict(root.heads)
        self.next_table = root.next_table
        self.changes: dict[int, TableChange] = {}
        self.secrets: dict[int, bytes] = {}
        self.dropped: list[int] = []
        self.has_changes = False

    def change(self, head: TableHead, base: Rows) -> TableChange:
        """Return the change of a table, made on first use."""
        self.has_changes = True
        if head.id not in self.changes:
            rows = base if isinstance(base, dict) else dict(base)
            self.changes[head.id] = TableChange(rows, Overlay(rows))
        return self.changes[head.id]

    def add_table(self, name: str, schema: int) -> TableHead:
        """Add an empty table with a key of its own.

        Raises: StoreError if the store had as many tables as the format allows.
        """
        if self.next_table > TABLE_ID_MAX:
            raise StoreError("the store has had too many tables")
        head = TableHead(id=self.next_table, name=name, schema=schema, count=0, sum=0)
        self.heads[name] = head
        self.next_table += 1
        self.new_secret(head)
        return head

    def new_secret(self, head: TableHead) -> None:
        """Give a table a new key."""
        self.secrets[head.id] = random_bytes(SECRET_BYTES)
        self.has_changes = True

    def set_schema(self, name: str, schema: int) -> None:
        """Record that every document of the table has at least this version."""
        self.heads[name] = replace(self.heads[name], schema=schema)
        self.has_changes = True

    def drop(self, name: str) -> None:
        """Remove a table; an unknown one is ignored."""
        head = self.heads.pop(name, None)
        if head is not None:
            self.changes.pop(head.id, None)
            self.secrets.pop(head.id, None)
            self.dropped.append(head.id)
            self.has_changes = True


def changed_texts(scratch: Scratch) -> dict[int, bytes]:
    """Return the texts of the documents that differ from what lies below. `==` would not see 1 become True.

    Raises: ValueError or TypeError for ids and documents that cannot be stored.
    """
    texts = {}
    for document_id, document in scratch.put.items():
        if not isinstance(document_id, int) or not 0 <= document_id <= DOCUMENT_ID_MAX:
            raise ValueError(f"a document id is a whole number from 0 to {DOCUMENT_ID_MAX}")
        text = encode_document(document)
        if document_id not in scratch.base or encode_document(scratch.base[document_id]) != text:
            texts[document_id] = text
    return texts


def changed_documents(change: TableChange) -> dict[int, Document | None]:
    """Return the new documents of a change by id, None for those that are gone."""
    changed: dict[int, Document | None] = dict.fromkeys(change.overlay.gone)
    changed.update(change.overlay.put)
    return changed
