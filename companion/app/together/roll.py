"""Who is on a group's roll, who they are by name, and how notes of mine come onto the shelf."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

from companion.app.context import SHARED, Context
from companion.app.groups.grouping import Grouping
from companion.app.own.secrets import OwnSecrets
from companion.app.spaces.desk import Desk, wait
from companion.app.spaces.told import told_table
from companion.app.together import notes, rows
from companion.app.together.books import Books
from companion.app.together.residents import GroupResidents
from companion.app.together.telling import Telling
from companion.crypto.primitives import sha256, sign
from companion.devices import ACTIVE_LIMIT
from companion.fields import whole
from companion.groups import Group
from companion.people import person_id
from companion.ports import Change, Doc, Drop, Network
from companion.space.belonging import Belonging
from companion.space.book import ROLL_LIMIT, group_content, roll_content
from companion.space.cards import card_content, card_message, follows_message
from companion.space.keys import BOOK, SHELF, erase_secret, group_box
from companion.space.place import GROUP, Space
from companion.space.saying import ITEM, Saying
from companion.times import HOUR_MS, MINUTE_MS


class Roll:
    def __init__(
        self,
        context: Context,
        desk: Desk,
        groups: Grouping,
        network: Network,
        books: Books,
        secrets: OwnSecrets,
        residents: GroupResidents,
        telling: Telling,
    ) -> None:
        self._context = context
        self._desk = desk
        self._groups = groups
        self._network = network
        self._books = books
        self._secrets = secrets
        self._residents = residents
        self._telling = telling
        self._went: dict[tuple[str, str], int] = {}

    def saying(
        self, space: Space, log: str, content: Doc, *, kind: str = ITEM, by: bytes = b"", erase: str = ""
    ) -> Saying:
        id = self._context.new_id()
        return Saying(id=id, space=space.id, log=log, kind=kind, content=content, by=by, erase=erase)

    # The roll

    async def keep(self, group: Group, space: Space) -> int:
        """Say the next thing about who is on the roll; return in how many ms there may be more, 0 if nothing is due."""
        book = await self._books.now(space)
        present = book.groups[group.id].present if group.id in book.groups else frozenset[bytes]()
        persons = {seat.member.person for seat in group.seats}
        told = {one.member: one.person for one in await rows.told_members(space.id, group.id, self._context.store)}
        newest = {person: key for key, person in told.items()}  # whoever has another one now goes by that
        came = _came({key: person for person, key in newest.items()}, persons, present)
        mine = await self._residents.member_keys(space)
        by = await self._residents.one_of_mine(space, present)
        if came and by and len(present) < ROLL_LIMIT:
            room = came[: ROLL_LIMIT - len(present)]
            if left_ms := self._telling.turn_left_ms(group, ("roll", tuple(room))):
                return left_ms
            return await self._say(space, roll_content(group.id, on=room), by=by)
        if mine[0] in present and (former := next((key for key in mine[1:] if key in present), None)):
            return await self._say(space, roll_content(group.id, off=[former]), by=former)
        behind = {key: self._person(book, told, key) for key in present}
        if space.kind == GROUP and None not in behind.values() and persons.isdisjoint(behind.values()):
            return await self._begin(group, space, book, mine[0])
        went = sorted(key for key, person in behind.items() if person not in (None, *persons))
        if not went and len(present) >= ROLL_LIMIT and {told[key] for key in came} - set(behind.values()):
            links = book.groups[group.id].links  # somebody has filled it with keys of nobody: there has to be room
            went = sorted(key for key, person in behind.items() if person is None and key not in links)
        if went and (steward := await self._residents.cares_as(space, book, group.id)):
            if left_ms := self._telling.turn_left_ms(group, ("off", tuple(went)), carers_only=True):
                return left_ms
            return await self._say(space, roll_content(group.id, off=went), by=steward)
        return 0

    async def _begin(self, group: Group, space: Space, book: Belonging, mine: bytes) -> int:
        """Begin the roll anew where all who were on it are gone: nobody else could put anybody there any more."""
        steward = await self._residents.cares_as(space, book, group.id)
        if not steward:
            return HOUR_MS
        if left_ms := self._telling.turn_left_ms(group, ("anew", book.seq), carers_only=True):
            return left_ms
        if group.id in book.present:
            return await self._say(space, group_content(group.id, is_on=False), by=steward)
        box = group_box(space.keys[-1])[1]
        return await self._say(space, group_content(group.id, is_on=True, box=box, links=[mine]), by=steward)

    def _person(self, book: Belonging, told: dict[bytes, str], member: bytes) -> str | None:
        card = book.cards.get(member)
        return told.get(member) or (None if card is None else person_id(card.identity_key))

    async def _say(self, space: Space, content: Doc, by: bytes = b"") -> int:
        await self._context.commit(Change(put=(wait(self.saying(space, BOOK, content, by=by)),)))
        await self._groups.follow(space.service)
        return MINUTE_MS

    # Notes of mine

    async def put_notes(self, group: Group, space: Space) -> None:
        """Let what waits for the shelf go there, after my card, once I am on the roll."""
        now = self._context.clock.monotonic_ms()
        pins = await notes.pins(group.id, self._context.store)
        waiting = [pin for pin in pins if now >= self._went.get((space.id, pin.id), now - HOUR_MS) + HOUR_MS]
        if not waiting:
            return
        book, mine = await self._books.now(space), await self._residents.member_keys(space)
        if group.id not in book.groups or mine[0] not in book.groups[group.id].present:
            return
        me, card = self._context.me.member, book.cards.get(mine[0])
        if card is None or (card.name, card.profession) != (me.name, me.profession):
            if not await self._desk.said(space.id, BOOK):
                await self._say(space, await self._card(space, book, mine), by=mine[0])
            return
        async with self._context.store.turn(SHARED):
            there = {pin.id for pin in await notes.pins(group.id, self._context.store)}
            going = sorted([pin for pin in waiting if pin.id in there], key=lambda pin: pin.of != "")  # changes last
            put = tuple([wait(replace(await self._note(space, pin), by=mine[0])) for pin in going])
            await self._context.commit(Change(put=put, drop=tuple(Drop(notes.PINS, pin.id) for pin in going)))
            self._went |= {(space.id, pin.id): now for pin in going}  # what is refused waits an hour, not a moment
        await self._groups.follow(space.service)

    async def _note(self, space: Space, pin: notes.Pin) -> Saying:
        secret = (await self._secrets.all())[0]
        erase = sha256(erase_secret(secret, space.log_id(SHELF), bytes.fromhex(pin.id))).hex()
        return self.saying(space, SHELF, pin.content(), erase=erase)

    async def _card(self, space: Space, book: Belonging, mine: tuple[bytes, ...]) -> Doc:
        me = self._context.me
        said = card_message(space.octets, mine[0], me.member.name, me.member.profession)
        former = next((key for key in mine[1:] if key in book.cards), b"")
        private = await self._residents.sign_private(space, former) if former else None
        message = follows_message(space.octets, former, mine[0])
        return card_content(
            me.member.name,
            me.member.profession,
            me.member.identity_key,
            sign(me.identity_private, said),
            follows=None if private is None else (former, sign(private, message)),
        )

    # What was taken down

    async def empty(self, space: Space) -> int:
        """Let the service drop the words of notes that were taken down. Raises: SyncError."""
        docs = [doc for doc in await self._context.store.all(notes.GONE) if doc["space"] == space.id]
        if not docs:
            return HOUR_MS
        relay, log = await self._network.relay(space.service), space.log_id(SHELF)
        opens, keeper = space.capability(SHELF), await self._residents.keeper(space, SHELF, space.logs[SHELF].reads)
        ladder = self._desk.ladder(log, self._context.store)
        places = [(whole(doc["seq"]), str(doc["_id"])) for doc in docs]
        if keeper is not None:
            there = [seq for seq, cid in places if await ladder.cid(seq) == cid]
            if there:
                await relay.empty(log.hex(), opens, keeper, tuple(sorted(there)))
        else:
            for doc in docs:
                for secret in await self._secrets.all():
                    await relay.erase(log.hex(), erase_secret(secret, log, bytes.fromhex(str(doc["id"]))), opens)
        drops = [Drop(told_table(log.hex()), str(doc["_id"])) for doc in docs]
        await self._context.commit(Change(drop=(*drops, *(Drop(notes.GONE, str(doc["_id"])) for doc in docs))))
        return HOUR_MS


def _came(told: Mapping[bytes, str], persons: Collection[str], present: Collection[bytes]) -> list[bytes]:
    """Return the keys that are to come onto a roll, of people who are in: of each no more than they may have devices,
    and first those of whom none is there.
    """
    there = Counter(person for key, person in told.items() if key in present)
    found = list[bytes]()
    for key, person in sorted(told.items(), key=lambda one: (there[one[1]], one[0])):
        if person in persons and key not in present and there[person] < ACTIVE_LIMIT:
            there[person] += 1
            found.append(key)
    return found
