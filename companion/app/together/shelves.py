"""Intents of a group's shelf: look at it, put a note there, from a message or of one's own, change it, take it down."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from companion.app.context import Context
from companion.app.groups.grouping import Grouping
from companion.app.spaces.desk import Desk, wait
from companion.app.together import notes
from companion.app.together.books import Books
from companion.app.together.ground import Hearing
from companion.app.together.notes import Pin
from companion.app.together.residents import GroupResidents
from companion.app.together.turning import Turning
from companion.chat.message import Message, messages_table
from companion.errors import ShelfFull, UsageError
from companion.groups import MEMBER, Group
from companion.likeness import seen_as
from companion.people import person_id
from companion.ports import Change, Drop
from companion.space.belonging import Belonging
from companion.space.items import Item
from companion.space.keys import BOOK, SHELF
from companion.space.place import GROUP, Space
from companion.space.saying import ITEM, Saying
from companion.space.shelf import NOTES_LIMIT, TEXT_LIMIT, TITLE_LIMIT, Note, Placed, down_content
from companion.strings import clean_line, clean_text

NONE, HERE, OPENING = "none", "here", "opening"
"""Nobody has put anything there; it is here; its keys or its past are still to come."""
_LATER = 1 << 52
"""What waits comes after everything that has its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfNote:
    """A note, by its id and its author's key (hex). `person` and `name` are empty where nobody says whose key that is.

    Times in ms since the epoch, of the service's clock; of what waits, of this device's; none is later than the
    service's now. `message` is what it was pinned from. `is_changed`: its author has written it anew. `is_waiting`: it
    is not at the service yet.
    """

    id: str
    author: str
    person: str
    name: str
    title: str
    text: str
    created_ms: int
    changed_ms: int
    message: str
    is_mine: bool
    may_take_down: bool
    is_waiting: bool
    is_changed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """`state`: "none", "here" or "opening". `still_read`: names of people who are out and know the newest key.

    `is_forked`: the service shows people different logs. `waits_for_carer`: something waits for a device of somebody
    who looks after the group.
    """

    notes: tuple[ShelfNote, ...] = ()
    state: str = NONE
    still_read: tuple[str, ...] = ()
    is_forked: bool = False
    waits_for_carer: bool = False


class Shelves:
    def __init__(
        self,
        context: Context,
        desk: Desk,
        groups: Grouping,
        books: Books,
        residents: GroupResidents,
        hearing: Hearing,
        turning: Turning,
    ) -> None:
        self._context = context
        self._desk = desk
        self._groups = groups
        self._books = books
        self._residents = residents
        self._hearing = hearing
        self._turning = turning

    async def shelf(self, group_id: str) -> Shelf:
        """Return the shelf of a group as it stands here. Raises: StoreError."""
        group, space = await self._groups.group(group_id), await self._desk.of_kind(GROUP, group_id)
        waiting = await notes.pins(group_id, self._context.store)
        if group is None:
            return Shelf()
        is_carer = self._context.me.member.person in group.administrators
        if space is None:
            shown = self._with_waiting(group, (), waiting)
            return Shelf(notes=shown, waits_for_carer=bool(shown) and not is_carer)
        book, ground = await self._books.now(space), await self._hearing.ground(group_id)
        is_owed = await self._turning.is_owed(space, ground)
        is_opening = bool(space.base) or book.seq < space.logs[BOOK].cursor
        return Shelf(
            notes=self._with_waiting(group, await self._notes(group, space, book), waiting),
            state=OPENING if is_opening else HERE,
            still_read=ground.gone if is_owed else (),
            is_forked=space.is_forked,
            waits_for_carer=is_owed and not is_carer,
        )

    async def _notes(self, group: Group, space: Space, book: Belonging) -> tuple[ShelfNote, ...]:
        said = [one for one in await self._desk.said(space.id, SHELF) if one.kind == ITEM and one.content]
        later = [await self._later(space, one, _LATER + at) for at, one in enumerate(said)]
        there = await notes.placed(space.id, self._context.store)
        unsaid = {str(one.content.get("of") or one.content.get("id")) for one in said}
        read = _reader(group, book, frozenset(await self._mine(space)), self._context.me.member.person, unsaid)
        return tuple(read(note) for note in notes.standing(book, (*there, *later)))

    def _with_waiting(
        self, group: Group, standing: Iterable[ShelfNote], waiting: tuple[Pin, ...]
    ) -> tuple[ShelfNote, ...]:
        """Return what stands there with what waits here. A service may say any time: none is later than its now."""
        now_ms = self._context.told.now_ms(group.service)
        changes = {pin.of: pin for pin in waiting if pin.of}
        found = (*standing, *(self._pinned(pin) for pin in waiting if not pin.of))
        found = tuple(_changed(one, changes[one.id]) if one.is_mine and one.id in changes else one for one in found)
        return tuple(
            replace(one, created_ms=min(one.created_ms, now_ms), changed_ms=min(one.changed_ms, now_ms))
            for one in found
        )

    async def _mine(self, space: Space) -> tuple[bytes, ...]:
        return (self._context.me.member.identity_key, *await self._residents.member_keys(space))

    async def _later(self, space: Space, one: Saying, seq: int) -> Placed:
        """Return what is on its way as it will stand."""
        signer = one.by or (await self._residents.member_keys(space))[0]
        item = Item(n=one.n, id=str(one.content.get("id", one.id)), signer=signer, content=one.content)
        return Placed(
            seq=seq,
            at_ms=self._context.clock.now_ms(),
            item=item,
            is_steward=signer not in await self._residents.member_keys(space),
        )

    def _pinned(self, pin: Pin) -> ShelfNote:
        me = self._context.me.member
        return ShelfNote(
            id=pin.id,
            author=me.identity_key.hex(),
            person=me.person,
            name=me.name,
            title=pin.title,
            text=pin.text,
            created_ms=pin.made_ms,
            changed_ms=pin.made_ms,
            message=pin.message,
            is_mine=True,
            may_take_down=True,
            is_waiting=True,
        )

    # Putting there

    async def pin(self, group_id: str, message_id: str) -> str:
        """Put what a message says on the shelf; return the note's id.

        Raises: UsageError for one without words, ShelfFull.
        """
        doc = await self._context.store.get(messages_table(group_id), message_id)
        message = None if doc is None else Message.from_doc(doc)
        if message is None or message.is_deleted or not message.text.strip():
            raise UsageError("no words to keep")
        first, _, rest = message.text.strip().partition("\n")
        is_whole = clean_line(first) == clean_line(first, TITLE_LIMIT)  # else its end would stand nowhere
        return await self._put(group_id, first, rest.strip("\n") if is_whole else message.text, message=message_id)

    async def write(self, group_id: str, title: str, text: str, *, note: str = "") -> str:
        """Put a note there, or new words for one of mine; return the note's id. Raises: UsageError, ShelfFull."""
        return await self._put(group_id, title, text, of=note)

    async def _put(self, group_id: str, title: str, text: str, *, message: str = "", of: str = "") -> str:
        group = await self._groups.group(group_id)
        title, text = clean_line(title, TITLE_LIMIT), clean_text(text)
        if group is None or group.state != MEMBER or group.is_pair:
            raise UsageError("no group of mine that has a shelf")
        if not title or len(text) > TEXT_LIMIT:
            raise UsageError("a note needs a title, and has at most 8,000 characters")
        if not of and len((await self.shelf(group_id)).notes) >= NOTES_LIMIT:
            raise ShelfFull("as many notes as fit")
        now_ms, id = self._context.clock.now_ms(), self._context.new_id()
        for former in await notes.pins(group_id, self._context.store):
            if of and of in (former.id, former.of):  # it is still here: these are its words
                anew = replace(former, title=title, text=text, message="")  # it no longer says what the message does
                await self._context.commit(Change(put=(anew.put(),)))
                return of
        pin = Pin(id=id, group=group_id, title=title, text=text, made_ms=now_ms, message=message, of=of)
        await self._context.commit(Change(put=(pin.put(),)))
        return of or id

    async def take_down(self, group_id: str, note: str, author: str) -> None:
        """Take a note down for good: one of mine, or, for who looks after the group, any. Raises: UsageError."""
        mine = [pin for pin in await notes.pins(group_id, self._context.store) if note in (pin.id, pin.of)]
        drops = tuple(Drop(notes.PINS, pin.id) for pin in mine)
        space = await self._desk.of_kind(GROUP, group_id)
        if space is None or any(pin.id == note for pin in mine):
            await self._context.commit(Change(drop=drops))
            return
        key = bytes.fromhex(author)
        is_own = key in await self._mine(space)
        book = await self._books.now(space)
        if is_own:
            by = await self._residents.one_of_mine(space, book.cards)
        else:
            by = await self._residents.cares_as(space, book, group_id)
        if not by:
            raise UsageError("only its author, or who looks after the group, takes a note down")
        content = {**down_content(note, key), "id": self._context.new_id()}
        said = Saying(id=self._context.new_id(), space=space.id, log=SHELF, kind=ITEM, content=content, by=by)
        await self._context.commit(Change(put=(wait(said),), drop=drops))
        await self._groups.follow(space.service)


def _changed(note: ShelfNote, pin: Pin) -> ShelfNote:
    return replace(note, title=pin.title, text=pin.text, changed_ms=pin.made_ms, is_waiting=True, is_changed=True)


def _reader(
    group: Group, book: Belonging, mine: frozenset[bytes], me: str, unsaid: set[str]
) -> Callable[[Note], ShelfNote]:
    """Return what makes of a note what a person sees of it."""
    names = _names(book, group)
    is_carer = me in group.administrators

    def read(note: Note) -> ShelfNote:
        name = names.get(note.author, "")
        seat = group.seat(person_id(note.author)) if name else None
        is_mine = note.author in mine
        return ShelfNote(
            id=note.id,
            author=note.author.hex(),
            person=person_id(note.author) if name else "",
            name=name if seat is None else seat.member.name,
            title=note.title,
            text=note.text,
            created_ms=note.created_ms,
            changed_ms=note.changed_ms,
            message=note.message,
            is_mine=is_mine,
            may_take_down=is_mine or is_carer,
            is_waiting=note.id in unsaid,
            is_changed=note.is_changed,
        )

    return read


def _names(book: Belonging, group: Group) -> Mapping[bytes, str]:
    """Return what people call themselves on their cards, by their identity keys; but nobody who is out, or was never
    in, goes by a name that looks like that of somebody who is in.
    """
    members = {member.identity_key: seen_as(member.name) for member in group.members}
    cards = {card.identity_key: card.name for card in book.cards.values()}
    return {key: name for key, name in cards.items() if key in members or seen_as(name) not in members.values()}
