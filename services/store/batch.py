"""What one commit will change, collected before anything is written."""

from collections.abc import Mapping
from dataclasses import replace

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
from services.store.overlay import Overlay, Rows


class TableChange:
    """A table as it is (`base`), as it will be (`overlay`), and the texts of the rows to write."""

    __slots__ = ("base", "overlay", "texts")

    def __init__(self, base: dict[int, Document]) -> None:
        self.base = base
        self.overlay = Overlay(base)
        self.texts: dict[int, bytes] = {}

    @property
    def rows(self) -> Rows:
        """The documents as they are at this moment of the batch."""
        return self.overlay if self.texts or self.overlay.gone else self.base

    def text(self, document_id: int, document: Mapping[str, object]) -> bytes | None:
        """Return a document's text, or None if it says what is there already. `==` would not see 1 become True.

        Raises: ValueError or TypeError for ids and documents that cannot be stored.
        """
        if not isinstance(document_id, int) or not 0 <= document_id <= DOCUMENT_ID_MAX:
            raise ValueError(f"a document id is a whole number from 0 to {DOCUMENT_ID_MAX}")
        text, rows = encode_document(document), self.rows
        return None if document_id in rows and encode_document(rows[document_id]) == text else text

    def put(self, document_id: int, text: bytes | None) -> None:
        """Take in a document that is new or replaced, as it will be read again; None takes in nothing."""
        if text is not None:
            self.overlay[document_id] = decode_document(text)
            self.texts[document_id] = text

    def remove(self, document_id: int) -> None:
        """Take in a document that goes."""
        del self.overlay[document_id]
        self.texts.pop(document_id, None)


class Batch:
    """The tables as they will be after the commit, and by name what changes of them.

    `secrets`: of tables that this batch makes or gives a new key; `dropped`: the ids of those that go.
    """

    def __init__(self, root: Root) -> None:
        self.root = root
        self.heads = dict(root.heads)
        self.next_table = root.next_table
        self.changes: dict[str, TableChange] = {}
        self.secrets: dict[str, bytes] = {}
        self.dropped: list[int] = []
        self._has_other_schema = False

    def settle(self) -> bool:
        """Leave out the tables that stay as they are, and return whether there is anything to commit."""
        self.changes = {name: change for name, change in self.changes.items() if change.rows is not change.base}
        return bool(self.changes or self.secrets or self.dropped or self._has_other_schema)

    def add_table(self, name: str, schema: int) -> None:
        """Add an empty table with a key of its own.

        Raises: StoreError if the store had as many tables as the format allows.
        """
        if self.next_table > TABLE_ID_MAX:
            raise StoreError("the store has had too many tables")
        self.heads[name] = TableHead(id=self.next_table, name=name, schema=schema, count=0, sum=0)
        self.next_table += 1
        self.new_secret(name)

    def new_secret(self, name: str) -> None:
        """Give a table a new key."""
        self.secrets[name] = random_bytes(SECRET_BYTES)

    def set_schema(self, name: str, schema: int) -> None:
        """Record that every document of the table has at least this version."""
        self.heads[name] = replace(self.heads[name], schema=schema)
        self._has_other_schema = True

    def drop(self, name: str) -> None:
        """Remove a table; an unknown one is ignored."""
        head = self.heads.pop(name, None)
        if head is not None:
            self.changes.pop(name, None)
            self.secrets.pop(name, None)
            self.dropped.append(head.id)


def changed_documents(change: TableChange) -> dict[int, Document | None]:
    """Return the new documents of a change by id, None for those that are gone."""
    changed: dict[int, Document | None] = dict.fromkeys(change.overlay.gone)
    changed.update(change.overlay.put)
    return changed
