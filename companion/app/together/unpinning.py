"""Notes that were made of a message which was deleted for everyone since: they are taken down, once.

It is done by whoever put the note there or, where none of their devices does, by who looks after the group. A note that
its author has written anew is their own, and stays.
"""

from contextlib import suppress

from companion.app.context import Context
from companion.app.spaces.desk import Desk
from companion.app.together import notes
from companion.app.together.shelves import ShelfNote, Shelves
from companion.app.together.telling import STEP_MS, Telling
from companion.chat.message import messages_table
from companion.errors import UsageError
from companion.groups import Group
from companion.ports import Change
from companion.space.place import GROUP
from companion.times import HOUR_MS, MINUTE_MS


class Unpinning:
    """Looks at a shelf again only after something of it changed, or a message of which one of its notes was made."""

    def __init__(self, context: Context, desk: Desk, telling: Telling, shelves: Shelves) -> None:
        self._context = context
        self._desk = desk
        self._telling = telling
        self._shelves = shelves
        self._named: dict[str, frozenset[str]] = {}
        """By a group's table of messages: those of which notes were made."""
        self._looked = set[str]()
        self._news = set[str]()
        self._down = set[tuple[str, str]]()

    def hears(self, change: Change) -> bool:
        """Take note of what was committed; return whether there is something to look at."""
        news = {str(put.doc["space"]) for put in change.put if put.table == notes.ITEMS}
        news |= {str(put.doc["group"]) for put in change.put if put.table == notes.PINS}
        said = [(put.table, str(put.doc["_id"])) for put in change.put if put.table in self._named]
        said += [(edit.table, edit.id) for edit in change.edit if edit.table in self._named]
        news |= {table for table, message in said if message in self._named[table]}
        self._news |= news
        return bool(news)

    async def keep(self, group: Group) -> int:
        """Take down what is to be; return in how many ms there may be more. Raises: StoreError."""
        table, space = messages_table(group.id), await self._desk.of_kind(GROUP, group.id)
        about = {group.id, table, *(() if space is None else (space.id,))}
        if group.id in self._looked and self._news.isdisjoint(about):
            return HOUR_MS
        self._looked.discard(group.id)
        self._news -= about
        found = [note for note in (await self._shelves.shelf(group.id)).notes if note.message and not note.is_changed]
        self._named[table] = frozenset(note.message for note in found)
        gone = {message for message in self._named[table] if await self._is_deleted(table, message)}
        going = [note for note in found if note.message in gone and note.may_take_down]
        waits = [await self._take_down(group, note) for note in going if (note.id, note.author) not in self._down]
        if not waits:
            self._looked.add(group.id)
        return min(waits, default=HOUR_MS)

    async def _is_deleted(self, table: str, message: str) -> bool:
        doc = await self._context.store.get(table, message)
        return doc is not None and doc.get("is_deleted") is True

    async def _take_down(self, group: Group, note: ShelfNote) -> int:
        """Take a note down as soon as it is this device's turn; return in how many ms to look again."""
        name = (note.id, note.author)
        patience_ms = self._telling.device_rank() * STEP_MS if note.is_mine else MINUTE_MS
        left_ms = self._telling.waited_ms(("unpin", *name), patience_ms)
        if not left_ms and not note.is_mine:
            left_ms = self._telling.turn_left_ms(group, ("unpin", *name), carers_only=True)
        if left_ms:
            return left_ms
        with suppress(UsageError):  # such as between two keys: another try comes with whatever changes that
            await self._shelves.take_down(group.id, note.id, note.author)
            self._down.add(name)
        return MINUTE_MS
