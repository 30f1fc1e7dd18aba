"""The journal's order: the index that lists and the calendar read, and this day in past years."""

from dataclasses import replace

from companion import journal
from companion.app.context import SHARED, Context
from companion.journal import Entry
from companion.journal_index import JournalIndex, head_of
from companion.ports import Change, Put


class Timeline:
    """Reads every entry once, in a thread of the store, and then follows the commits."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._index: JournalIndex | None = None
        self._readers = 0
        self._missed: list[Change] = []
        context.after_commit.append(self._note)

    async def index(self) -> JournalIndex:
        """Return all heads as they are now. The first call takes as long as reading the journal. Raises StoreError."""
        return await self._read() if self._index is None else self._index

    async def _read(self) -> JournalIndex:
        self._readers += 1
        try:
            index = await self._context.store.read(journal.TABLE, JournalIndex.of_docs)
            if index.left_out:
                self._context.unread.add(journal.TABLE)
            if self._index is None:  # otherwise another window asked meanwhile, and was answered first
                for change in self._missed:
                    index = _after(index, change)
                self._index = index
            return self._index
        finally:
            self._readers -= 1
            if not self._readers:
                self._missed.clear()

    async def hide_past(self, id: str, *, is_hidden: bool = True) -> None:
        """Never show this entry as this day in a past year again; it stays in the journal. Raises StoreError."""
        async with self._context.store.turn(SHARED):
            doc = await self._context.store.get(journal.TABLE, id)
            if doc is not None:
                entry = replace(Entry.from_doc(doc), is_past_hidden=is_hidden)
                await self._context.commit(Change(put=(Put(journal.TABLE, entry.to_doc()),)))

    def _note(self, change: Change) -> None:
        if self._index is not None:
            self._index = _after(self._index, change)
        elif self._readers:
            self._missed.append(change)  # what was read may hold it already: applying it again changes nothing


def _after(index: JournalIndex, change: Change) -> JournalIndex:
    put = [head_of(one.doc) for one in change.put if one.table == journal.TABLE]
    drop = [one.id for one in change.drop if one.table == journal.TABLE]
    return index.changed(put, drop) if put or drop else index
