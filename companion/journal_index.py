"""What lists and the calendar need of every entry, in the order of days. Light enough to hold for 20,000 entries.

An index never changes: a commit makes the next one. It knows no whole text, only how an entry begins.
"""

import re
from bisect import bisect_left, bisect_right
from calendar import isleap
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from types import MappingProxyType
from unicodedata import category

from companion.fields import read_or, whole
from companion.journal import AWAY, MARKS
from companion.likeness import each_once, is_among, seen_as
from companion.strings import kept

EVE, LEAP_DAY = "-02-28", "-02-29"
TITLE_LIMIT = 80
LINE_LIMIT = 120
_READ_LIMIT = 400
"""Characters of a text that are looked at for its title and its line."""
_NO_WORDS = frozenset("PZCM")
"""Kinds of characters (the first letter of Unicode's categories) that no preview begins with: marks and spaces."""
_MARKUP = frozenset("+<=>|~^`▪▫◦●○■□☐☑☒")
_TAG = re.compile(r"<[a-zA-Z/][^<>]*>|\[[xX]\]")

Doc = Mapping[str, object]
Order = tuple[str, int, str]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Head:
    """How an entry is listed. `title` and `line`, which is what follows it, begin with words wherever there are any;
    marks as in `journal.Entry`.

    Its `repr` is the general one, without content: Flet makes it of all that a screen holds.
    """

    id: str
    day: str
    created_ms: int
    changed_ms: int
    title: str = ""
    line: str = ""
    mood: int | None = None
    energy: int | None = None
    connection: int | None = None
    tags: tuple[str, ...] = ()
    has_attachments: bool = False
    is_past_hidden: bool = False

    @property
    def order(self) -> Order:
        return self.day, self.created_ms, self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class DayMarks:
    """What a calendar says of a day: how many entries, and the mean of each mark, 1 to 5, rounded; None without any."""

    count: int
    mood: int | None = None
    energy: int | None = None
    connection: int | None = None


def head_of(doc: Doc) -> Head:
    """Return the head of an entry's document, of any version. Raises KeyError or ValueError if it is no entry."""
    title, line = _beginning(kept(doc["text"]).lstrip()[:_READ_LIMIT])
    tags = doc.get("tags")
    mood, energy, connection = (_level(doc.get(mark)) for mark in MARKS)
    return Head(
        id=kept(doc["_id"]),
        day=kept(doc["day"]),
        created_ms=whole(doc["created_ms"]),
        changed_ms=whole(doc["changed_ms"]),
        title=title,
        line=line,
        mood=mood,
        energy=energy,
        connection=connection,
        tags=tuple(kept(tag) for tag in tags) if isinstance(tags, (list, tuple)) else (),
        has_attachments=bool(doc.get("attachments") or doc.get(AWAY)),
        is_past_hidden=bool(doc.get("is_past_hidden", False)),
    )


def _beginning(text: str) -> tuple[str, str]:
    """Return the title of a text, its first line with words in it, and what follows. No word is parted between them."""
    first, _, rest = text.partition("\n")
    title = from_words(first)
    while rest and not title:
        line, _, rest = rest.partition("\n")
        title = from_words(line)
    title = title.rstrip() or first.strip()
    over = title[TITLE_LIMIT:]
    if over:
        end = title.rfind(" ", 0, TITLE_LIMIT + 1)
        end = end if end > 0 else TITLE_LIMIT
        title, over = title[:end], title[end:]
    return title, from_words(" ".join(f"{over} {rest}".split()))[:LINE_LIMIT]


def from_words(text: str) -> str:
    """Return a text from its first letter, figure or picture on, without the punctuation and markup before it."""
    if text[:1].isalnum():
        return text
    place = 0
    while place < len(text):
        letter, tag = text[place], _TAG.match(text, place)
        if not tag and letter not in _MARKUP and category(letter)[0] not in _NO_WORDS:
            return text[place:]
        place = tag.end() if tag else place + 1
    return ""


def _level(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class JournalIndex:
    """The heads of all entries, oldest first. Two indexes are equal only if they are the same one."""

    heads: tuple[Head, ...] = ()
    by_id: Mapping[str, Head] = field(default_factory=lambda: MappingProxyType({}))
    left_out: int = 0
    """Entries that cannot be read."""

    @classmethod
    def of_docs(cls, docs: Iterable[Doc]) -> "JournalIndex":
        """Read every document once and keep none."""
        heads, left_out = list[Head](), 0
        for doc in docs:
            head = read_or(doc, head_of, None)
            if head is None:
                left_out += 1
            else:
                heads.append(head)
        heads.sort(key=lambda head: head.order)
        return cls(tuple(heads), MappingProxyType({head.id: head for head in heads}), left_out)

    def changed(self, put: Iterable[Head], drop: Iterable[str] = ()) -> "JournalIndex":
        """Return the index after a commit that wrote these entries, then removed those ids."""
        heads, by_id = list(self.heads), dict(self.by_id)

        def remove(id: str) -> None:
            old = by_id.pop(id, None)
            if old is not None:
                del heads[bisect_left(heads, old.order, key=_order)]

        for head in put:
            remove(head.id)
            heads.insert(bisect_left(heads, head.order, key=_order), head)
            by_id[head.id] = head
        for id in drop:
            remove(id)
        return JournalIndex(tuple(heads), MappingProxyType(by_id), self.left_out)

    def __len__(self) -> int:
        return len(self.heads)

    def page(self, start: int, limit: int) -> tuple[Head, ...]:
        """Return up to `limit` heads, newest first; `start` counts from the newest, 0."""
        end = len(self.heads) - max(start, 0)
        return tuple(reversed(self.heads[max(0, end - limit) : max(0, end)]))

    def position(self, day: str) -> int:
        """Return where the newest entry of this day, or of the nearest one before it, stands from the newest, 0."""
        return len(self.heads) - self._after(day)

    def before(self, day: str, limit: int) -> tuple[Head, ...]:
        """Return up to `limit` heads of earlier days, newest first."""
        end = self._from(day)
        return tuple(reversed(self.heads[max(0, end - limit) : end]))

    def after(self, day: str, limit: int) -> tuple[Head, ...]:
        """Return up to `limit` heads of later days, those next to the day, newest first."""
        start = self._after(day)
        return tuple(reversed(self.heads[start : start + limit]))

    def of_day(self, day: str) -> tuple[Head, ...]:
        """Return the heads of one day, newest first."""
        return tuple(reversed(self.heads[self._from(day) : self._after(day)]))

    def month(self, month: str) -> dict[str, DayMarks]:
        """Return what each day with entries shows. `month` is ISO 8601, as in 2026-11."""
        of_month = self.heads[self._from(f"{month}-") : self._from(f"{month}.")]
        return {day: _marks(tuple(heads)) for day, heads in groupby(of_month, key=_day)}

    def past_years(self, day: str) -> tuple[Head, ...]:
        """Return what was written on this day in earlier years and is not hidden, newest first.

        In a year without a 29 February its entries are offered on the 28th.
        """
        if not self.heads:
            return ()
        first, year, date = int(self.heads[0].day[:4]), int(day[:4]), day[4:]
        dates = (LEAP_DAY, date) if date == EVE and not isleap(year) else (date,)
        years = range(year - 1, first - 1, -1)
        found = (head for past in years for date in dates for head in self.of_day(f"{past:04}{date}"))
        return tuple(head for head in found if not head.is_past_hidden)

    def tagged(self, tag: str, limit: int) -> tuple[Head, ...]:
        """Return up to `limit` heads with this tag, newest first."""
        found = [head for head in self.heads if head.tags and is_among(tag, head.tags)]
        return tuple(reversed(found[max(0, len(found) - limit) :]))

    def tags(self) -> tuple[str, ...]:
        """Return every tag, the most used first; of those that look alike the spelling used most."""
        spelled = Counter(tag for head in self.heads for tag in head.tags)
        alike = Counter[str]()
        for tag, count in spelled.items():
            alike[seen_as(tag)] += count
        often = sorted(spelled, key=lambda tag: (-alike[seen_as(tag)], -spelled[tag], tag))
        return each_once(often)

    @property
    def years(self) -> tuple[int, int] | None:
        """The first and the last year with an entry."""
        return (int(self.heads[0].day[:4]), int(self.heads[-1].day[:4])) if self.heads else None

    def _from(self, day: str) -> int:
        return bisect_left(self.heads, day, key=_day)

    def _after(self, day: str) -> int:
        return bisect_right(self.heads, day, key=_day)


def _order(head: Head) -> Order:
    return head.order


def _day(head: Head) -> str:
    return head.day


def _marks(heads: tuple[Head, ...]) -> DayMarks:
    return DayMarks(
        count=len(heads),
        mood=_mean(head.mood for head in heads),
        energy=_mean(head.energy for head in heads),
        connection=_mean(head.connection for head in heads),
    )


def _mean(levels: Iterable[int | None]) -> int | None:
    """Return the mean, halves rounded up."""
    known = [level for level in levels if level is not None]
    return (2 * sum(known) + len(known)) // (2 * len(known)) if known else None
