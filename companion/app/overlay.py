"""Documents as they will be after changes that are not committed yet, and the one change that says the same.

It decides nothing, and nothing in the store changes before its `change` is committed.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from companion.ports import Change, Doc, Documents, Drop, Edit, Put

Update = Callable[[Doc | None], Doc | None]
Key = tuple[str, str]
T = TypeVar("T")


class Overlay:
    """What is read through it is as if everything taken in so far were committed."""

    def __init__(self, below: Documents) -> None:
        self._below = below
        self._puts: dict[Key, Doc] = {}
        self._edits: dict[Key, list[Update]] = {}
        self._drops: dict[Key, None] = {}

    async def get(self, table: str, id: str) -> Doc | None:
        key = table, id
        if key in self._drops:
            return None
        if key in self._puts:
            return dict(self._puts[key])
        doc, updates = await self._below.get(table, id), self._edits.get(key)
        return doc if not updates else _updated(doc, updates) or doc

    async def newest(self, table: str, limit: int) -> tuple[Doc, ...]:
        """Up to `limit` documents, newest first. What was written here counts as new."""
        ours = [doc for (name, _), doc in reversed(self._puts.items()) if name == table]
        return (*ours, *await self._below.newest(table, limit))[:limit]

    async def read(self, table: str, make: Callable[[Iterable[Doc]], T]) -> T:
        """Return what `make` makes of every document, as it will be."""
        puts = {id: doc for (name, id), doc in self._puts.items() if name == table}
        edits = {id: updates for (name, id), updates in self._edits.items() if name == table}
        gone = {id for name, id in self._drops if name == table} | puts.keys()

        def as_it_will_be(docs: Iterable[Doc]) -> Iterator[Doc]:
            for doc in docs:
                id = str(doc["_id"])
                if id not in gone:
                    yield _updated(doc, edits[id]) or doc if id in edits else doc
            yield from puts.values()

        return await self._below.read(table, lambda docs: make(as_it_will_be(docs)))

    def fits(self, change: Change) -> bool:
        """Whether one commit can say this too: a commit drops last, so what was dropped cannot come back at its end."""
        written = [(put.table, str(put.doc["_id"])) for put in change.put] + [(e.table, e.id) for e in change.edit]
        return self._drops.keys().isdisjoint(written)

    def take(self, change: Change) -> None:
        """Lay one more change on top. What was dropped and is put again keeps the place that it had in its table."""
        for put in change.put:
            key = put.table, str(put.doc["_id"])
            self._puts[key] = put.doc
            self._edits.pop(key, None)
            self._drops.pop(key, None)
        for edit in change.edit:
            key = edit.table, edit.id
            if key in self._puts:
                self._puts[key] = edit.update(dict(self._puts[key])) or self._puts[key]
            else:
                self._edits.setdefault(key, []).append(edit.update)
        for drop in change.drop:
            key = drop.table, drop.id
            self._puts.pop(key, None)
            self._edits.pop(key, None)
            self._drops[key] = None

    @property
    def change(self) -> Change:
        """Everything taken in. What was edited only is edited as it is at the moment of the commit."""
        return Change(
            put=tuple(Put(table, doc) for (table, _), doc in self._puts.items()),
            edit=tuple(Edit(table, id, _together(updates)) for (table, id), updates in self._edits.items()),
            drop=tuple(Drop(table, id) for table, id in self._drops),
        )


def _together(updates: list[Update]) -> Update:
    return updates[0] if len(updates) == 1 else lambda doc: _updated(doc, updates)


def _updated(doc: Doc | None, updates: list[Update]) -> Doc | None:
    """Return what the document becomes, or None if it stays as it is."""
    now, is_changed = doc, False
    for update in updates:
        new = update(None if now is None else dict(now))
        if new is not None:
            now, is_changed = new, True
    return now if is_changed else None
