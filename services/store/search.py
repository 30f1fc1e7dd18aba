"""Search while typing: a word index in memory, built in the background, and a scan until it is ready.

The index is never on a disk. It is brought up to date when somebody searches, so that no save waits for it.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

from companion.errors import StoreError, Tampered, TooNew
from companion.ports import Hit, Searchable
from services.store.format import Document, copy_document
from services.store.migrations import kind_of
from services.store.search_text import Query, fold_whole
from services.store.storage import SealedStorage

log = logging.getLogger(__name__)
BUILD_BATCH = 500
HITS = 50
HASH_BYTES = 16_000_000  # of the index that is not yet merged: builds in half the time that FTS5's 1 MB takes
CONTENTLESS_FROM = (3, 43)  # SQLite; before it a contentless index cannot delete

_SEQUENCE_BITS = 20
_TIME_MAX_MS = 2**42 - 1


Where = Callable[[Document], bool]
Hear = Callable[[str, Tampered], None]
"""Gets the name of a table that does not add up, and what the check said. It may come from the index's own thread."""


def _text_of(searchable: Searchable, document: Mapping[str, object]) -> str:
    """Return everything in a document that can be found."""
    return "\n".join(_texts(document.get(field) for field in searchable.fields))


def _time_of(searchable: Searchable, document: Mapping[str, object]) -> int:
    """Return the document's time in ms, 0 if it has none."""
    time = document.get(searchable.time_field)
    return min(max(time, 0), _TIME_MAX_MS) if isinstance(time, int) else 0


def _texts(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from (item for item in value if isinstance(item, str))


class WordIndex:
    """An FTS5 table in memory. Row numbers begin with the time, so the newest come first without sorting."""

    def __init__(self) -> None:
        """Raises: sqlite3.OperationalError if this SQLite has no FTS5."""
        self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        options = "tokenize='unicode61 remove_diacritics 0', prefix='1 2 3 4', detail='none'"
        if sqlite3.sqlite_version_info >= CONTENTLESS_FROM:
            options += ", content='', contentless_delete=1"
        try:
            self._connection.execute(f"CREATE VIRTUAL TABLE entry USING fts5(text, {options})")
            self._connection.execute("INSERT INTO entry(entry, rank) VALUES('hashsize', ?)", (HASH_BYTES,))
        except sqlite3.OperationalError:
            self._connection.close()
            raise
        self._connection.execute("CREATE TABLE place(number INTEGER PRIMARY KEY, name TEXT, document INTEGER)")
        self._connection.execute("CREATE UNIQUE INDEX by_document ON place(name, document)")

    def add(self, name: str, documents: Iterable[tuple[int, str, int]]) -> None:
        """Index (document id, folded text, time in ms) of a table. None of them may be in the index."""
        self._connection.execute("BEGIN")
        for document_id, text, time_ms in documents:
            number = self._free_number(time_ms << _SEQUENCE_BITS)
            self._connection.execute("INSERT INTO place VALUES(?, ?, ?)", (number, name, document_id))
            self._connection.execute("INSERT INTO entry(rowid, text) VALUES(?, ?)", (number, text))
        self._connection.execute("COMMIT")

    def remove(self, name: str, document_ids: Iterable[int]) -> None:
        """Forget documents of a table; unknown ones are ignored."""
        self._connection.execute("BEGIN")
        for document_id in document_ids:
            place = (name, document_id)
            self._connection.execute(
                "DELETE FROM entry WHERE rowid IN (SELECT number FROM place WHERE name = ? AND document = ?)", place
            )
            self._connection.execute("DELETE FROM place WHERE name = ? AND document = ?", place)
        self._connection.execute("COMMIT")

    def _free_number(self, first: int) -> int:
        query = "SELECT max(number) FROM place WHERE number BETWEEN ? AND ?"
        (last,) = self._connection.execute(query, (first, first + 2**_SEQUENCE_BITS - 1)).fetchone()
        return first if last is None else int(last) + 1

    def find(self, query: Query) -> Iterator[tuple[str, int]]:
        """Yield table and document id of what matches, newest first."""
        yield from self._connection.execute(
            "SELECT place.name, place.document FROM entry JOIN place ON place.number = entry.rowid "
            "WHERE entry MATCH ? ORDER BY entry.rowid DESC",
            (query.index_query(),),
        )

    def close(self) -> None:
        """Free the memory."""
        self._connection.close()


class Search:
    """Finds documents of an opened store. It reads every table that it covers, so `hear` hears of what is damaged."""

    def __init__(
        self, storage: SealedStorage, searchables: Iterable[Searchable], hear: Hear = lambda table, error: None
    ) -> None:
        self._storage = storage
        self._hear = hear
        self._searchables = {searchable.kind: searchable for searchable in searchables}
        self._lock = threading.Lock()
        self._pending: dict[str, dict[int, Document | None]] = {}
        self._index: WordIndex | None = None
        self._is_closed = False
        self.is_ready = False
        self._thread = threading.Thread(target=self._build, name="search", daemon=True)

    def start(self) -> None:
        """Begin to build the index in the background."""
        self._storage.observers.append(self._note)
        self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the index; return whether it is ready."""
        self._thread.join(timeout_s)
        return self.is_ready

    def close(self) -> None:
        """Stop building and forget the index. Do not call it with the storage's lock."""
        self._is_closed = True
        if self._thread.ident is not None:
            self._thread.join()
        with self._storage.lock, self._lock:
            with suppress(ValueError):
                self._storage.observers.remove(self._note)
            self.is_ready = False
            self._pending.clear()
            if self._index is not None:
                self._index.close()
                self._index = None

    def find(
        self, text: str, tables: Iterable[str] | None = None, limit: int = HITS, where: Where | None = None
    ) -> list[Hit]:
        """Return what matches, newest first; `tables` are names or kinds, all if it is None. See `ports.Store.search`
        for `where`."""
        query = Query(text)
        if not query.words:
            return []
        wanted = None if tables is None else frozenset(tables)
        if self.is_ready and not query.needs_scan:
            return self._find_by_index(query, wanted, limit, where)
        return self._find_by_scan(query, wanted, limit, where)

    def _build(self) -> None:
        """Make the index. Without FTS5, or if the store is locked meanwhile, there is none and the scan goes on."""
        try:
            index = WordIndex()
        except sqlite3.OperationalError:
            return
        with suppress(StoreError):
            for name, searchable in self._tables():
                with self._passing_over(name):
                    self._add_table(index, name, searchable)
        with self._lock:
            if self._is_closed or self._storage.is_closed:
                index.close()
            else:
                self._index = index
                self.is_ready = True

    def _add_table(self, index: WordIndex, name: str, searchable: Searchable) -> None:
        documents = self._storage.snapshot(name)
        for start in range(0, len(documents), BUILD_BATCH):
            if self._is_closed:
                return
            index.add(name, _entries(searchable, documents[start : start + BUILD_BATCH]))

    def _catch_up(self, index: WordIndex) -> None:
        for name, changed in self._pending.items():
            index.remove(name, changed)
            kept = [(document_id, document) for document_id, document in changed.items() if document is not None]
            index.add(name, _entries(self._searchables[kind_of(name)], kept))
        self._pending.clear()

    def _find_by_index(self, query: Query, wanted: frozenset[str] | None, limit: int, where: Where | None) -> list[Hit]:
        hits: list[Hit] = []
        with self._storage.lock, self._lock:
            if self._index is None:
                return hits
            self._catch_up(self._index)
            for name, document_id in self._index.find(query):
                if len(hits) == limit:
                    break
                document = None
                with self._passing_over(name):
                    document = self._storage.rows(name).get(document_id) if _is_wanted(name, wanted) else None
                if document is not None and (where is None or where(document)):
                    hits.append(self._hit(query, name, document))
        return hits

    def _find_by_scan(self, query: Query, wanted: frozenset[str] | None, limit: int, where: Where | None) -> list[Hit]:
        found = []
        for name, searchable in self._tables():
            if not _is_wanted(name, wanted):
                continue
            with self._passing_over(name):
                for document_id, document in self._storage.snapshot(name):
                    if (where is None or where(document)) and query.matches(fold_whole(_text_of(searchable, document))):
                        found.append((_time_of(searchable, document), name, document_id, document))
        found.sort(key=lambda hit: hit[:3], reverse=True)
        return [self._hit(query, name, document) for _, name, _, document in found[:limit]]

    @contextmanager
    def _passing_over(self, name: str) -> Iterator[None]:
        """Go on without a table that cannot be read: a damaged one is said, a newer one says so when it is used."""
        try:
            yield
        except Tampered as error:
            self._hear(name, error)
        except TooNew:
            log.info("a table of a newer version is not searched")

    def _tables(self) -> list[tuple[str, Searchable]]:
        return [
            (name, self._searchables[kind_of(name)])
            for name in self._storage.heads()
            if kind_of(name) in self._searchables
        ]

    def _hit(self, query: Query, name: str, document: Document) -> Hit:
        searchable = self._searchables[kind_of(name)]
        return Hit(
            table=name,
            id=str(document.get("_id", "")),
            time_ms=_time_of(searchable, document),
            snippet=query.snippet(_text_of(searchable, document)),
            doc=copy_document(document),
        )

    def _note(self, name: str, changed: Mapping[int, Document | None]) -> None:
        if kind_of(name) in self._searchables:
            with self._lock:
                self._pending.setdefault(name, {}).update(changed)


def _entries(searchable: Searchable, documents: Iterable[tuple[int, Document]]) -> list[tuple[int, str, int]]:
    return [
        (document_id, fold_whole(_text_of(searchable, document)), _time_of(searchable, document))
        for document_id, document in documents
    ]


def _is_wanted(table: str, wanted: frozenset[str] | None) -> bool:
    return wanted is None or table in wanted or kind_of(table) in wanted
