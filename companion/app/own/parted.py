"""Which pages stand there in several versions: read once, and then kept by what is committed."""

from collections.abc import Iterable, Mapping

from companion.app.context import Context
from companion.app.own.files import LONG, is_long
from companion.app.own.record import RECORDS, Record, record_id
from companion.fields import each_read
from companion.journal import TABLE as JOURNAL
from companion.ports import Change, Doc


class Parted:
    """Lists ask for all of them at once, so no page is looked at by itself."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pages: Mapping[str, tuple[str, ...]] | None = None
        self._readers = 0
        self._missed: list[Change] = []
        context.after_commit.append(self._note)

    async def pages(self) -> Mapping[str, tuple[str, ...]]:
        """Return the pages whose versions stand side by side, by their ids: the names of those versions, and "long"
        beside one whose words have to come. Raises StoreError.
        """
        if self._pages is not None:
            return self._pages
        self._readers += 1
        try:
            pages: Mapping[str, tuple[str, ...]] = await self._context.store.read(RECORDS, _parted)
            if self._pages is None:
                for change in self._missed:
                    pages = _after(pages, change)
                self._pages = pages
            return self._pages
        finally:
            self._readers -= 1
            if not self._readers:
                self._missed.clear()

    def _note(self, change: Change) -> None:
        if self._pages is not None:
            self._pages = _after(self._pages, change)
        elif self._readers:
            self._missed.append(change)  # what was read may hold it already: applying it again changes nothing


def _after(pages: Mapping[str, tuple[str, ...]], change: Change) -> Mapping[str, tuple[str, ...]]:
    puts = [put.doc for put in change.put if put.table == RECORDS]
    gone = {_page_of(str(doc["_id"])) for doc in puts}
    gone |= {_page_of(drop.id) for drop in change.drop if drop.table == RECORDS}
    if not gone:
        return pages
    return {page: names for page, names in pages.items() if page not in gone} | _parted(puts)


def _parted(docs: Iterable[Doc]) -> dict[str, tuple[str, ...]]:
    records = each_read([doc for doc in docs if _may_be_parted(doc)], Record.from_doc)
    found = ((record.id, _names(record)) for record in records)
    return {page: names for page, names in found if names}


def _may_be_parted(doc: Doc) -> bool:
    """Most pages have one version, and are not worth reading: each version says its past, and so does the history."""
    return str(doc["_id"]).startswith(_OF_PAGES) and str(doc.get("known")).count('"past": ') > 2


def _names(record: Record) -> tuple[str, ...]:
    """Return what stands side by side with what the table holds, if that is among the newest itself."""
    shown = record.history.shown
    if len(shown) < 2 or all(one.id != record.here for one in shown):
        return ()
    return tuple(word for one in shown for word in (one.id, *([LONG] if is_long(one.body) else [])))


def _page_of(record: str) -> str:
    return record.removeprefix(_OF_PAGES)


_OF_PAGES = record_id(JOURNAL, "")
