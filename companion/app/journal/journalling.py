"""Intents of the journal: write on a page, mark it, hang pictures and voice notes on it."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Unpack

from companion import journal
from companion.app.attaching import Attaching
from companion.app.context import SHARED, Context
from companion.attachments import Attachment, InWork, Picture, with_one
from companion.errors import UsageError
from companion.fields import STAYS, each_read, read_or
from companion.journal import AWAY, Entry, Marks
from companion.likeness import each_once
from companion.ports import Change, Drop, Put, Recorder
from companion.strings import clean_text

log = logging.getLogger(__name__)

SETTINGS, SETTINGS_ID = "settings", "journal"
RECENT = 60
RECENT_TAGS = 8


class Journalling:
    """Typing goes to `draft`, which costs nothing; `save_drafts` makes it durable and tells the truth about it.

    A page that was opened is kept here as it stands on the screen until the app locks. Every change is made to that
    one, at once, and a commit takes it as it is at that moment: no two of them can undo each other.
    """

    def __init__(self, context: Context, attaching: Attaching) -> None:
        self._context = context
        self._attaching = attaching
        self._pages: dict[str, Entry] = {}
        self._unsaved: set[str] = set()
        self._stored: set[str] = set()
        self.is_asking = True
        """Whether a question is offered each day."""
        context.after_commit.append(self._note)

    async def start(self) -> None:
        """Read the settings, and take in what a crash left of voice notes."""
        settings = await self._context.store.get(SETTINGS, SETTINGS_ID) or {}
        self.is_asking = settings.get("is_asking") is not False
        for work in await self._attaching.unfinished():
            try:
                await self._take_in(work)
            except STAYS as error:  # it stays as a crash left it, and the others are taken in
                log.error("a recording is left as it is: %s", type(error).__name__)
        await self._attaching.sweep()

    async def _take_in(self, work: InWork) -> None:
        page = await self.page(work.owner)
        known = next((a for a in page.attachments if a.id == work.attachment.id), None) if page else None
        found = None if known is None else await self._attaching.measured(known)
        if page is None or found is None or not found.size_bytes:
            if page is not None and known is not None:
                await self._unhang(page.id, known)
            await self._context.commit(self._attaching.let_go(work.attachment))
        else:
            await self._hang(page.id, found, self._attaching.kept(found))

    # Reading

    async def entries(self) -> tuple[Entry, ...]:
        """Every entry on the disk, newest day first."""
        return journal.by_day(each_read(await self._context.store.all(journal.TABLE), Entry.from_doc))

    async def entry(self, id: str) -> Entry | None:
        """Return an entry as it is on the disk."""
        doc = await self._context.store.get(journal.TABLE, id)
        return None if doc is None else Entry.from_doc(doc)

    async def page(self, id: str) -> Entry | None:
        """Open an entry for writing; return it with what was typed and is not on the disk yet."""
        if id not in self._pages:
            entry = await self.entry(id)
            if entry is not None:
                self._stored.add(id)
                self._pages.setdefault(id, entry)
        return self._pages.get(id)

    async def page_of_today(self) -> Entry:
        """Open the newest entry of today that has anything on it; else a new one."""
        for id in await self._kept_today():
            await self.page(id)
        of_today = [page for page in self._pages.values() if page.day == self.day]
        if not of_today:
            return self._pages[self.new_page()]
        return max(of_today, key=lambda page: (not page.is_blank, page.created_ms, page.id))

    async def _kept_today(self) -> tuple[str, ...]:
        """Return the ids of today's entries on the disk: the newest, unless many older ones came in at once."""
        docs = await self._context.store.newest(journal.TABLE, RECENT)
        found = tuple(str(doc["_id"]) for doc in docs if doc.get("day") == self.day)
        if found or len(docs) < RECENT:
            return found
        day = self.day
        return await self._context.store.read(
            journal.TABLE, lambda docs: tuple(str(doc["_id"]) for doc in docs if doc.get("day") == day)
        )

    async def today(self) -> Entry | None:
        """Return the newest entry of the local day, if there is one."""
        page = await self.page_of_today()
        return None if page.is_blank else page

    def shown(self, id: str) -> Entry | None:
        """Return an opened page as it is now, None if it was not opened or is gone."""
        return self._pages.get(id)

    @property
    def day(self) -> str:
        """The local date, ISO 8601."""
        return self._context.clock.today()

    async def recent_tags(self) -> tuple[str, ...]:
        """The tags of the newest entries, the last used one first."""
        docs = await self._context.store.newest(journal.TABLE, RECENT)
        used = (str(tag) for doc in docs for tag in _list(doc.get("tags")))
        return each_once(used)[:RECENT_TAGS]

    # Writing

    def new_page(self) -> str:
        """Begin another page of today and return its id. Nothing is saved before something stands on it."""
        now_ms, id = self._context.clock.now_ms(), self._context.new_id()
        self._pages[id] = Entry(id=id, day=self.day, text="", created_ms=now_ms, changed_ms=0)
        return id

    def draft(self, id: str | None, text: str | None = None, **marks: Unpack[Marks]) -> str:
        """Take what is on the screen now. Return the page's id, of a new one if `id` is None.

        Raises UsageError if the page was not opened.
        """
        page = self._open(id if id is not None else self.new_page())
        page = journal.change(page, self._context.clock.now_ms(), **marks)
        self._pages[page.id] = page if text is None else journal.change(page, page.changed_ms, text=clean_text(text))
        self._unsaved.add(page.id)
        return page.id

    async def save_drafts(self) -> None:
        """Commit what was changed since the last call. Raises StoreError; the changes then stay to be saved."""
        unsaved = {id: self._pages[id] for id in self._unsaved}
        written = {id: page for id, page in unsaved.items() if id in self._stored or not page.is_blank}
        if written:
            await self._save(written, Change())
        self._stored |= written.keys()
        self._unsaved -= {id for id, page in unsaved.items() if id not in written and self._pages.get(id) is page}

    async def _save(self, ids: Iterable[str], more: Change) -> None:
        """Bring pages to the disk as they are at that moment."""
        async with self._context.store.turn(SHARED):
            pages = [self._pages[id] for id in ids if id in self._pages]
            puts = [await self._as_saved(page) for page in pages]
            await self._context.commit(Change(put=tuple(puts)) + more)
        for page in pages:
            if self._pages.get(page.id) is page:  # newer typing during the commit stays unsaved
                self._unsaved.discard(page.id)

    async def _as_saved(self, page: Entry) -> Put:
        return Put(journal.TABLE, journal.over(page.to_doc(), await self._context.store.get(journal.TABLE, page.id)))

    async def remove(self, id: str) -> None:
        """Delete an entry with all that hangs on it."""
        if self._attaching.owner == id:
            await self._attaching.finish()
        page = await self.page(id)
        if page is None:
            return
        self._pages.pop(id)
        self._unsaved.discard(id)
        self._stored.discard(id)
        gone = self._attaching.let_go(*page.attachments)
        await self._context.commit(Change(drop=(Drop(journal.TABLE, id),)) + gone)
        await self._attaching.sweep()

    async def set_asking(self, is_asking: bool) -> None:
        """Offer a question each day, or none."""
        doc: dict[str, object] = {"_id": SETTINGS_ID, "_v": 1, "is_asking": is_asking}
        self.is_asking = is_asking
        await self._context.commit(Change(put=(Put(SETTINGS, doc),)))

    # What hangs on a page

    async def attach(self, id: str, picture: Picture) -> None:
        """Hang a picture on an opened page. Raises StoreError."""
        attachment = await self._attaching.seal(picture, owner=id)
        await self._hang(id, attachment, self._attaching.kept(attachment))

    async def record(self, id: str, recorder: Recorder) -> None:
        """Record a voice note into an opened page. Raises MicrophoneUnavailable."""

        async def place(attachment: Attachment) -> Change:
            self._put_on(id, with_one(self._open(id).attachments, attachment))
            return Change(put=(await self._as_saved(self._open(id)),))

        self._open(id)
        await self._attaching.record(recorder, id, place)

    async def detach(self, id: str, attachment_id: str) -> None:
        """Take a picture or voice note off a page and remove it."""
        attachment = next((a for a in self._open(id).attachments if a.id == attachment_id), None)
        if attachment is not None:
            await self._unhang(id, attachment, self._attaching.let_go(attachment))
            await self._attaching.sweep()
        elif self._take_from_away(id, attachment_id):
            self.draft(id)
            await self._save((id,), Change())

    async def bring_in(self, id: str, attachment: Attachment) -> None:
        """Hang something on a page that was away and has come to this device: nobody has changed the page by that. It
        goes if it hangs there no longer.
        """
        if await self.page(id) is None or not self._take_from_away(id, attachment.id):
            await self._attaching.discard(attachment)
            return
        page = self._open(id)
        self._pages[id] = replace(page, attachments=with_one(page.attachments, attachment))
        await self._save((id,), self._attaching.kept(attachment))

    def _take_from_away(self, id: str, attachment_id: str) -> bool:
        """Return whether it was among what hangs on the page and is away."""
        page = self._open(id)
        rest = [one for one in page.away if one.get("id") != attachment_id]
        self._pages[id] = replace(page, others={**page.others, AWAY: rest})
        return len(rest) < len(page.away)

    async def _hang(self, id: str, attachment: Attachment, more: Change) -> None:
        self._put_on(id, with_one(self._open(id).attachments, attachment))
        await self._save((id,), more)

    async def _unhang(self, id: str, attachment: Attachment, more: Change | None = None) -> None:
        self._put_on(id, tuple(a for a in self._open(id).attachments if a.id != attachment.id))
        await self._save((id,), more or Change())

    def _put_on(self, id: str, attachments: tuple[Attachment, ...]) -> None:
        self.draft(id, attachments=attachments)
        self._stored.add(id)

    def _open(self, id: str) -> Entry:
        if id not in self._pages:
            raise UsageError("the page is not open")
        return self._pages[id]

    def _note(self, change: Change) -> None:
        """Another device of mine changed an open page, or it was hidden from past years elsewhere: neither is undone
        when it is saved. What was typed and is not on the disk yet stays; it will stand beside the other version.
        """
        for put in change.put:
            page = self._pages.get(str(put.doc["_id"])) if put.table == journal.TABLE else None
            if page is None:
                continue
            if page.id not in self._unsaved:
                self._pages[page.id] = read_or(put.doc, Entry.from_doc, page)
            elif page.is_past_hidden != put.doc.get("is_past_hidden"):
                self._pages[page.id] = replace(page, is_past_hidden=put.doc.get("is_past_hidden") is True)
        for drop in change.drop:
            if drop.table == journal.TABLE and drop.id not in self._unsaved:
                self._pages.pop(drop.id, None)
                self._stored.discard(drop.id)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
