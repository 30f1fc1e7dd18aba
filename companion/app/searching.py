"""Finding words again, in the journal and in the chats of this device."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from companion import journal
from companion.app.chat.keeping import is_over, over_before_ms
from companion.app.context import Context
from companion.chat.agreement import AGREEMENTS
from companion.chat.message import messages_table
from companion.likeness import is_among
from companion.ports import Doc, Hit, Searchable
from companion.times import DAY_MS

JOURNAL: Final = journal.TABLE
CHAT: Final = messages_table("").partition(":")[0]
EVERYWHERE: Final = frozenset({JOURNAL, CHAT})
SEARCHABLES: Final = (
    Searchable(kind=JOURNAL, fields=("text", "tags"), time_field="created_ms"),
    Searchable(kind=CHAT, fields=("text", "topic"), time_field="at_ms"),
)
SAID: Final = frozenset({"message", "poll"})
"""Lines of a chat that somebody wrote; the others tell who came and went."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to look for: words, and what narrows them.

    `kinds` are some of EVERYWHERE. A `tag` is the journal's, a `person` (who wrote it) the chats'. `days` back
    from now, 0 for all.
    """

    text: str = ""
    kinds: frozenset[str] = EVERYWHERE
    tag: str = ""
    person: str = ""
    days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Found:
    """An entry (then `group` and `name` are empty) or a message that was found, as a passage with the marks in it.

    A mark is start and end in characters. `day` is an entry's local date, empty for a message.
    """

    id: str
    at_ms: int
    passage: str
    marks: tuple[tuple[int, int], ...]
    day: str = ""
    group: str = ""
    person: str = ""
    name: str = ""

    @property
    def is_entry(self) -> bool:
        return not self.group


class Searching:
    """Nothing of it is kept: the index lies in the store's memory and goes with its keys."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._is_started = False

    async def start(self) -> None:
        """Begin to build the index in the background. `find` works before it is ready, only more slowly."""
        if not self._is_started:
            self._is_started = True
            await self._context.store.start_search(SEARCHABLES)

    async def find(self, wanted: Wanted, limit: int = 50) -> tuple[Found, ...]:
        """Return up to `limit` entries and messages, newest first; nothing without a word. Raises StoreError."""
        kinds = wanted.kinds - ({CHAT} if wanted.tag else set()) - ({JOURNAL} if wanted.person else set())
        if not kinds or not wanted.text.strip():
            return ()
        await self.start()
        since_ms = self._context.clock.now_ms() - wanted.days * DAY_MS if wanted.days else 0
        over = {id: await over_before_ms(self._context, id) for id in await self._agreeing_groups()}
        fits = _filter(wanted, since_ms, over)
        return tuple(map(_found, await self._context.store.search(wanted.text, frozenset(kinds), limit, fits)))

    async def _agreeing_groups(self) -> tuple[str, ...]:
        return tuple(str(doc["_id"]) for doc in await self._context.store.all(AGREEMENTS))


def _filter(wanted: Wanted, since_ms: int, over: Mapping[str, int]) -> Callable[[Doc], bool]:
    """Return what decides in the store's thread; a document with a group is a message.

    `over` says for a group before which time its messages are over, and not shown.
    """

    def fits(doc: Doc) -> bool:
        if "group" not in doc:
            tags = doc.get("tags")
            return _is_since(doc.get("created_ms"), since_ms) and (
                not wanted.tag or (isinstance(tags, list) and is_among(wanted.tag, map(str, tags)))
            )
        is_shown = not is_over(doc, over.get(str(doc["group"]), 0))
        is_said = is_shown and doc.get("kind") in SAID and not doc.get("is_deleted")
        return (
            is_said and _is_since(doc.get("at_ms"), since_ms) and (not wanted.person or _author(doc) == wanted.person)
        )

    return fits


def _is_since(at_ms: object, since_ms: int) -> bool:
    return not since_ms or (isinstance(at_ms, int) and at_ms >= since_ms)


def _author(doc: Doc) -> str:
    return str(doc.get("person") or doc.get("sender", ""))


def _found(hit: Hit) -> Found:
    doc, is_entry = hit.doc, hit.table == JOURNAL
    return Found(
        id=hit.id,
        at_ms=hit.time_ms,
        passage=hit.snippet.text,
        marks=hit.snippet.marks,
        day=str(doc["day"]) if is_entry else "",
        group="" if is_entry else str(doc["group"]),
        person="" if is_entry else _author(doc),
        name="" if is_entry else str(doc.get("name", "")),
    )
