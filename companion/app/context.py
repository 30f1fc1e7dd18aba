"""What every place of the opened app works with."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from companion.crypto.primitives import random_bytes
from companion.errors import ReadOnly, Tampered
from companion.fields import as_object, each_read
from companion.people import Me
from companion.ports import Blobs, Change, Clock, Doc, Put, Store
from companion.strings import mended
from companion.times import Timers, Told

log = logging.getLogger(__name__)
T = TypeVar("T")
ME = "me"
SHARED = "shared"
"""The turn of what may come from elsewhere: who reads such a document and writes what follows from it holds it."""


@dataclass(slots=True, kw_only=True)
class Context:
    """`me` is what was committed last of who I am; everything else stays."""

    me: Me
    store: Store
    blobs: Blobs
    clock: Clock
    tell: Callable[[frozenset[str]], None]
    after_commit: list[Callable[[Change], None]] = field(default_factory=list)
    """Places that keep something in memory hear of every change, before the listeners do."""
    widen: list[Callable[[Change], Change]] = field(default_factory=list)
    """Places that note in the same commit what a change touches: each returns what is to be done besides."""
    in_doubt: list[Callable[[], None]] = field(default_factory=list)
    """They forget it all when nobody knows whether a commit has happened."""
    unread: set[str] = field(default_factory=set)
    """Tables of which a document was left out of a list, because it cannot be read: the screens say so."""
    timers: Timers = field(init=False)
    """What runs for a time: pauses, and what is held."""
    told: Told = field(init=False)
    """What time the services say it is."""

    def __post_init__(self) -> None:
        self.timers, self.told = Timers(self.clock), Told(self.clock)

    async def commit(self, change: Change) -> None:
        """Make the change durable, then tell the listeners. Nothing is shown that a crash could undo."""
        change = _whole(sum((also(change) for also in self.widen), change))
        try:
            await self.store.commit(change)
        except BaseException:
            for forget in self.in_doubt:
                forget()
            raise
        self.me = next((Me.from_doc(put.doc) for put in change.put if put.table == ME), self.me)
        for hear in self.after_commit:
            hear(change)
        changed = {p.table for p in change.put} | {e.table for e in change.edit} | {d.table for d in change.drop}
        self.tell(frozenset(changed))

    async def each(self, table: str, read: Callable[[Doc], T]) -> tuple[T, ...]:
        """Return what `read` makes of each document of a table. One that is refused is left out, and that is said."""
        docs = await self.store.all(table)
        found = each_read(docs, read)
        (self.unread.discard if len(found) == len(docs) else self.unread.add)(table)
        return found

    async def note(self, change: Change) -> None:
        """Commit what only the app itself wants to remember, such as what was shown.

        A store that is for reading only, or a damaged part of it, goes without: looking at it must not fail.
        """
        try:
            await self.commit(change)
        except (ReadOnly, Tampered) as error:
            log.info("not noted: %s", type(error).__name__)

    def new_id(self) -> str:
        return random_bytes(16).hex()


def _whole(change: Change) -> Change:
    """Return the change with whole characters only: no half one may keep what it stands beside from being saved."""
    puts = tuple(put if (doc := mended(put.doc)) is put.doc else Put(put.table, as_object(doc)) for put in change.put)
    return replace(change, put=puts)
