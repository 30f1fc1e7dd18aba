"""What failed its check while the store is open: which tables and blobs, and what of the tables can still be read.

Such a table can be read and not be written: the store below refuses every commit that touches it.
"""

import threading
from collections.abc import Callable, Iterable

from companion.errors import Tampered
from companion.ports import Damage
from services.store.format import Document
from services.store.store import SealedStore

Numbered = list[tuple[int, Document]]


class DamagedTables:
    """Remembers each damage once, for as long as the store is open."""

    def __init__(self, store: SealedStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self.tell: Callable[[], None] = lambda: None
        """Called, on any thread, when something more was found."""
        self._found: dict[str, tuple[Damage, Numbered]] = {}
        self._blobs: tuple[Damage, ...] = ()

    def __contains__(self, table: str) -> bool:
        return table in self._found

    @property
    def damages(self) -> tuple[Damage, ...]:
        """Each damage once, in the order in which they were found."""
        return tuple(dict.fromkeys(damage for damage, _ in self._found.values())) + self._blobs

    def note(self, table: str, error: Tampered) -> None:
        """Take note of what a check found, and read what is left."""
        part, _, of = table.partition(":")
        damage, readable = Damage(part=part, kind=error.kind, of=of), self._store.readable(table)
        with self._lock:  # the index's own thread may come upon it at the same moment
            is_new = table not in self._found
            self._found.setdefault(table, (damage, readable))
        if is_new:
            self.tell()

    def note_blob(self) -> None:
        """Take note that sound or a picture is gone or was changed."""
        is_new, self._blobs = not self._blobs, (Damage(part="blobs", kind="blob"),)
        if is_new:
            self.tell()

    def documents(self, table: str) -> Numbered:
        """Return the documents of a table, of a damaged one those that open by themselves. Do not change them."""
        if table not in self._found:
            try:
                return self._store.documents(table)
            except Tampered as error:
                self.note(table, error)
        return self._found[table][1]

    def named(self, damages: Iterable[Damage]) -> list[str]:
        """Return the tables with these damages."""
        wanted = frozenset(damages)
        return [table for table, (damage, _) in self._found.items() if damage in wanted]

    def forget(self, table: str) -> None:
        """The table was made anew."""
        self._found.pop(table, None)

    def clear(self) -> None:
        """Forget every document."""
        self._found.clear()
        self._blobs = ()
