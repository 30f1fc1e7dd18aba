"""Changes laid over the documents of a table, so that nothing below changes before the commit."""

from collections.abc import Iterator, MutableMapping

from services.store.format import Document, copy_document


class Overlay(MutableMapping[int, Document]):
    """A table as it will be after a batch, in the order of its document ids. What it hands out must not be changed.

    `put`: new and replaced documents; `gone`: removed ids, always ones that are below.
    """

    __slots__ = ("base", "gone", "put")

    def __init__(self, base: "Rows") -> None:
        self.base = base
        self.put: dict[int, Document] = {}
        self.gone: set[int] = set()

    def __getitem__(self, document_id: int) -> Document:
        if document_id in self.put:
            return self.put[document_id]
        if document_id in self.gone:
            raise KeyError(document_id)
        return self.base[document_id]

    def __contains__(self, document_id: object) -> bool:
        return document_id in self.put or (document_id not in self.gone and document_id in self.base)

    def __setitem__(self, document_id: int, document: Document) -> None:
        self.gone.discard(document_id)
        self.put[document_id] = document

    def __delitem__(self, document_id: int) -> None:
        if document_id not in self:
            raise KeyError(document_id)
        self.put.pop(document_id, None)
        if document_id in self.base:
            self.gone.add(document_id)

    def __iter__(self) -> Iterator[int]:
        kept = [document_id for document_id in self.base if document_id not in self.gone]
        added = sorted(document_id for document_id in self.put if document_id not in self.base)
        in_order = not added or not kept or kept[-1] < added[0]
        return iter(kept + added if in_order else sorted(kept + added))

    def __len__(self) -> int:
        return len(self.base) - len(self.gone) + sum(document_id not in self.base for document_id in self.put)

    def clear(self) -> None:
        """Remove every document."""
        self.put.clear()
        self.gone.update(self.base)


class Scratch(Overlay):
    """What an updater works on: each document it reads is a copy that it may change and that counts as written."""

    __slots__ = ()

    def __getitem__(self, document_id: int) -> Document:
        if document_id not in self.put:
            self.put[document_id] = copy_document(super().__getitem__(document_id))
        return self.put[document_id]


Rows = dict[int, Document] | Overlay


def last_id(rows: Rows) -> int:
    """Return the largest document id, or 0 for an empty table."""
    if not isinstance(rows, Overlay):
        return next(reversed(rows), 0)
    kept = next(
        (
            known
            for known in reversed(list(rows.base) if isinstance(rows.base, Overlay) else rows.base)
            if known not in rows.gone
        ),
        0,
    )
    return max(kept, max(rows.put, default=0))
