"""TinyDB's Table over sealed rows. What it hands out never aliases what it keeps, nested lists included.

The documents of a table are ordered by their ids. TinyDB's query cache is off, because it would hold live documents.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any, cast

from tinydb.queries import QueryLike
from tinydb.table import Document, Table

from services.store.format import copy_document
from services.store.overlay import Scratch, last_id
from services.store.storage import SealedStorage

Updates = Mapping[str, Any] | Callable[[MutableMapping[str, Any]], None]


class SealedTable(Table):
    """One table. Every method may be called from any thread."""

    def __init__(
        self,
        storage: SealedStorage,
        name: str,
        cache_size: int = 0,
        persist_empty: bool = False,
    ) -> None:
        """`cache_size` is taken for TinyDB's sake and ignored; `persist_empty` never empties an existing table."""
        del cache_size
        super().__init__(storage, name, cache_size=0)
        self._sealed = storage
        self._next_id: int | None = None  # type: ignore[assignment]  # TinyDB types only its first value
        if persist_empty:
            self._update_table(lambda table: None)

    def insert(self, document: Mapping[str, Any]) -> int:
        """Insert a document and return its id; when this returns, the document is durable."""
        if not isinstance(document, Mapping):
            raise ValueError("Document is not a Mapping")
        with self._sealed.lock:
            if isinstance(document, Document):
                document_id, self._next_id = document.doc_id, None
                if document_id in self._sealed.rows(self.name):
                    raise ValueError(f"document {document_id} exists already")
                self._sealed.put(self.name, document_id, dict(document))
            else:
                document_id = self._sealed.insert(self.name, dict(document), self._next_id)
                self._next_id = document_id + 1
            return document_id

    def insert_multiple(self, documents: Iterable[Mapping[str, Any]]) -> list[int]:
        """Insert documents in one commit and return their ids."""
        document_ids = []

        def updater(table: MutableMapping[int, Mapping[str, Any]]) -> None:
            for document in documents:
                if not isinstance(document, Mapping):
                    raise ValueError("Document is not a Mapping")
                if isinstance(document, Document):
                    document_id = document.doc_id
                    if document_id in table:
                        raise ValueError(f"document {document_id} exists already")
                    self._next_id = None
                else:
                    document_id = self._get_next_id()
                    while document_id in table:
                        document_id = self._get_next_id()
                table[document_id] = dict(document)
                document_ids.append(document_id)

        with self._sealed.lock:
            self._update_table(updater)
        return document_ids

    def put(self, document: Mapping[str, Any], document_id: int) -> None:
        """Write a document whole under this id, whether there is one or not."""
        self._sealed.put(self.name, document_id, dict(document))

    def search(self, cond: QueryLike) -> list[Document]:
        """Return the documents that match."""
        return [_document(document_id, document) for document_id, document in self._snapshot() if cond(document)]

    def get(  # type: ignore[override]  # TinyDB's overloads come to this
        self,
        cond: QueryLike | None = None,
        doc_id: int | None = None,
        doc_ids: list[int] | None = None,
    ) -> Document | list[Document] | None:
        """Return one document by query or id, or a list of documents by ids."""
        if doc_id is not None:
            found = self._sealed.rows(self.name).get(doc_id)
            return None if found is None else _document(doc_id, found)
        if doc_ids is not None:
            wanted = frozenset(doc_ids)
            return [_document(known, document) for known, document in self._snapshot() if known in wanted]
        if cond is not None:
            return next(
                (_document(known, document) for known, document in self._snapshot() if cond(document)),
                None,
            )
        raise RuntimeError("You have to pass either cond or doc_id or doc_ids")

    def update(
        self,
        fields: Updates,
        cond: QueryLike | None = None,
        doc_ids: Iterable[int] | None = None,
    ) -> list[int]:
        """Update all matching documents and return their ids."""
        with self._sealed.lock:
            if doc_ids is None and cond is not None:
                doc_ids = self._matching(cond)
            return super().update(fields, doc_ids=doc_ids)

    def update_multiple(self, updates: Iterable[tuple[Updates, QueryLike]]) -> list[int]:
        """Apply several updates to every document, each where its query matches, in one commit."""
        with self._sealed.lock:
            return super().update_multiple(updates)

    def upsert(self, document: Mapping[str, Any], cond: QueryLike | None = None) -> list[int]:
        """Update the matching documents, or insert this one."""
        with self._sealed.lock:
            return super().upsert(document, cond)

    def remove(self, cond: QueryLike | None = None, doc_ids: Iterable[int] | None = None) -> list[int]:
        """Remove all matching documents and return their ids."""
        with self._sealed.lock:
            if doc_ids is None and cond is not None:
                doc_ids = self._matching(cond)
            return super().remove(doc_ids=doc_ids)

    def truncate(self) -> None:
        """Remove all documents."""
        with self._sealed.lock:
            super().truncate()

    def __len__(self) -> int:
        return len(self._sealed.rows(self.name))

    def __iter__(self) -> Iterator[Document]:
        for document_id, document in self._snapshot():
            yield _document(document_id, document)

    def _snapshot(self) -> list[tuple[int, dict[str, object]]]:
        return self._sealed.snapshot(self.name)

    def _matching(self, cond: QueryLike) -> list[int]:
        return [document_id for document_id, document in self._snapshot() if cond(document)]

    def _get_next_id(self) -> int:
        with self._sealed.lock:
            rows = self._sealed.rows(self.name)
            next_id = last_id(rows) + 1 if self._next_id is None else self._next_id
            while next_id in rows:
                next_id += 1
            self._next_id = next_id + 1
            return next_id

    def _read_table(self) -> dict[str, Mapping[str, Any]]:
        return {str(document_id): copy_document(document) for document_id, document in self._snapshot()}

    def _update_table(self, updater: Callable[[dict[int, Mapping[Any, Any]]], None]) -> None:
        self._sealed.update(self.name, cast("Callable[[Scratch], None]", updater))


def _document(document_id: int, document: dict[str, object]) -> Document:
    return Document(copy_document(document), document_id)
