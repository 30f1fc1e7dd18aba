"""Intents of the journal."""

from companion import journal
from companion.app.context import Context
from companion.journal import Entry
from companion.ports import Change, Drop, Put


class Journalling:
    """Typing goes to `draft`, which costs nothing; `save_drafts` makes it durable and tells the truth about it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._drafts: dict[str, tuple[str, str, str | None]] = {}

    async def entries(self) -> tuple[Entry, ...]:
        """Every entry, newest day first."""
        return journal.by_day(tuple(Entry.from_doc(doc) for doc in await self._context.store.all(journal.TABLE)))

    async def entry(self, id: str) -> Entry | None:
        doc = await self._context.store.get(journal.TABLE, id)
        return None if doc is None else Entry.from_doc(doc)

    async def today(self) -> Entry | None:
        """Return the newest entry of the local day, if there is one."""
        day = self._context.clock.today()
        return next((e for e in await self.entries() if e.day == day), None)

    def draft(self, id: str | None, text: str, *, prompt: str | None = None) -> str:
        """Take what is on the screen now. Return the entry's id, a new one if `id` is None."""
        entry_id = id or self._context.new_id()
        day = self._drafts[entry_id][0] if entry_id in self._drafts else self._context.clock.today()
        self._drafts[entry_id] = (day, text, prompt)
        return entry_id

    @property
    def day(self) -> str:
        """The local date, ISO 8601."""
        return self._context.clock.today()

    def unsaved(self, id: str) -> str | None:
        """Return what was typed into this entry and is not on the disk yet, if anything."""
        return self._drafts[id][1] if id in self._drafts else None

    def unsaved_today(self) -> str | None:
        """Return the id of the entry that was begun today and is not on the disk yet, if there is one."""
        return next((id for id, draft in reversed(self._drafts.items()) if draft[0] == self.day), None)

    @property
    def has_drafts(self) -> bool:
        return bool(self._drafts)

    async def save_drafts(self) -> None:
        """Commit what was typed since the last call. Raises StoreError; the words then stay drafts."""
        drafts = dict(self._drafts)
        puts = []
        for id, (day, text, prompt) in drafts.items():
            old = await self.entry(id)
            if old is None and not text.strip():
                continue
            entry = journal.write(old, text, id=id, day=day, at_ms=self._context.clock.now_ms(), prompt=prompt)
            puts.append(Put(journal.TABLE, entry.to_doc()))
        if puts:
            await self._context.commit(Change(put=tuple(puts)))
        for id, draft in drafts.items():
            if self._drafts.get(id) == draft:  # newer typing during the commit stays a draft
                del self._drafts[id]

    async def remove(self, id: str) -> None:
        self._drafts.pop(id, None)
        await self._context.commit(Change(drop=(Drop(journal.TABLE, id),)))
