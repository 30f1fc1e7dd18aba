"""What a group has come to as far as its space is concerned: who came and went, what was told, and what is still owed.

Everything here is in the order of the group, which is the same for all its members.
"""

from dataclasses import dataclass, field, replace

from companion.app.context import SHARED, Context
from companion.app.overlay import Overlay
from companion.app.spaces.desk import Desk, stand
from companion.app.spaces.reading import waiting_table
from companion.app.together import rows
from companion.app.together.books import ITEMS, item_id
from companion.app.together.notes import pin_again, placed
from companion.app.together.residents import GroupResidents
from companion.app.together.rows import MEMBERS_MOST, ToldMember
from companion.crypto.primitives import verify
from companion.errors import CryptoError, MessageRejected
from companion.fields import as_list, as_object, each_read, read_or, refused, whole
from companion.groups import MOVES, Group
from companion.ports import Change, Doc, Drop, Put
from companion.space import saying
from companion.space.cards import member_message
from companion.space.keys import BOOK
from companion.space.place import FORMER, GROUP, SHUT, Log, Space
from companion.space.saying import ITEM
from companion.space.shelf import DOWN
from companion.space.statements import KEY, STATEMENTS, STEWARDS, Said, Statement, read_said
from companion.strings import kept

TABLE = "grounds"
GONE_MOST, VOUCHERS_MOST = 64, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Numbers are places in the group's order, 0 for never.

    `parted`: where a device went last; `came`: where one came last, or somebody asked for the key; `came_by_me`: the
    same where this device let it in; `given`: where the newest key was said last. `asked`, `told`: where the secret of
    those who look after the group was asked for, and said. `is_wanted`: somebody would have a shelf. `carers`: who has
    known that secret, `of` is its SHA-256. `vouchers`: who told of the space while they looked after the group. `gone`:
    names of people who are out and were told the newest key. `lacking`: for which key, of which space, I look after the
    group and lack the secret, or a way in, and since when by the service's clock.
    """

    group: str
    parted: int = 0
    came: int = 0
    came_by_me: int = 0
    given: int = 0
    asked: int = 0
    told: int = 0
    is_wanted: bool = False
    vouchers: tuple[str, ...] = ()
    carers: tuple[str, ...] = ()
    of: str = ""
    gone: tuple[str, ...] = field(default=())
    lacking: str = ""
    lacking_ms: int = 0

    def put(self) -> Put:
        doc: Doc = {"_id": self.group, "_v": 1, **{name: getattr(self, name) for name in _NUMBERS}}
        doc |= {
            "vouchers": list(self.vouchers),
            "is_wanted": self.is_wanted,
            "carers": list(self.carers),
            "of": self.of,
            "lacking": self.lacking,
            "gone": list(self.gone),
        }
        return Put(TABLE, doc)


_NUMBERS = ("parted", "came", "came_by_me", "given", "asked", "told", "lacking_ms")


@refused("what a group has come to")
def read_ground(doc: Doc) -> Ground:
    numbers = {name: whole(doc[name]) for name in _NUMBERS}
    people = (tuple(kept(one) for one in as_list(doc[name])) for name in ("carers", "gone", "vouchers"))
    carers, gone, vouchers = people
    return Ground(
        group=kept(doc["_id"]),
        is_wanted=doc["is_wanted"] is True,
        vouchers=vouchers,
        carers=carers,
        of=kept(doc["of"]),
        gone=gone,
        lacking=kept(doc["lacking"]),
        **numbers,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What stands after everything that was said: `has_key` if a key came that the log may wait for."""

    ground: Ground
    space: Space | None
    has_key: bool = False


class Hearing:
    """Takes to heart what was said and what happened in a group, each once, in one commit."""

    def __init__(self, context: Context, desk: Desk, residents: GroupResidents) -> None:
        self._context = context
        self._desk = desk
        self._residents = residents

    async def ground(self, group: str) -> Ground:
        return read_or(await self._context.store.get(TABLE, group), read_ground, Ground(group=group))

    async def hear(self, group: Group) -> Heard:
        """Return how it stands, after taking in what has come."""
        async with self._context.store.turn(SHARED):
            store = self._context.store
            docs = [doc for doc in await store.all(STATEMENTS) if doc["group"] == group.id and not is_of_circle(doc)]
            moves = [doc for doc in await store.all(MOVES) if doc["group"] == group.id]
            heard = Heard(ground=await self.ground(group.id), space=await self._desk.of_kind(GROUP, group.id))
            if not docs and not moves:
                return heard
            overlay = Overlay(store)
            for doc in sorted((*docs, *moves), key=lambda doc: whole(doc["seq"])):
                is_move = "content" not in doc
                heard = _moved(heard, doc) if is_move else await self._said(heard, group, doc, overlay)
                overlay.take(Change(drop=(Drop(MOVES if is_move else STATEMENTS, str(doc["_id"])),)))
            space = heard.space
            puts = (heard.ground.put(), *(() if space is None else (stand(space),)))
            overlay.take(Change(put=puts))
            await self._context.commit(overlay.change)
        return heard

    async def _said(self, heard: Heard, group: Group, doc: Doc, overlay: Overlay) -> Heard:
        said = next(iter(each_read((doc,), read_said)), None)
        if said is None:
            return heard
        statement, ground, space = said.statement, heard.ground, heard.space
        if statement.asks == KEY:
            ground = replace(ground, came=max(ground.came, said.seq), is_wanted=True)
        if statement.asks == STEWARDS:
            ground = replace(ground, asked=max(ground.asked, said.seq))
        if statement.secret and said.is_carer:
            overlay.take(Change(put=(rows.secret_put(statement.secret),)))
            ground = replace(ground, told=max(ground.told, said.seq))
        if statement.member and space is not None and statement.space == space.id:
            await member_told(said, overlay)
        heard = replace(heard, ground=ground)
        if statement.key:
            heard = await self._key_told(heard, group, said, overlay)
        return heard if heard.space is space else replace(heard, has_key=True)

    async def _key_told(self, heard: Heard, group: Group, said: Said, overlay: Overlay) -> Heard:
        """A key was told: the newest one to whoever comes late, or the one that a turn is about to turn to."""
        statement, space = said.statement, heard.space
        vouches = (said.person,) if said.is_carer else ()
        if statement.way is not None and await self._counts(said, heard, group, overlay):
            offered = new_space(group.service, statement, kind=GROUP, of=group.id)
            if space is not None and space.id != offered.id:
                await self.leave(space, overlay)
            elif space is not None:
                await begin_anew(space, overlay)
            ground = replace(heard.ground, vouchers=vouches)
            heard, space = replace(heard, ground=ground, space=offered, has_key=True), offered
        if space is None or statement.space != space.id or statement.n < space.n:
            is_other = space is not None and statement.space != space.id and said.is_carer
            if is_other and self._context.me.member.person in group.administrators:  # they have to hear of this one
                return replace(heard, ground=replace(heard.ground, came=max(heard.ground.came, said.seq)))
            return heard
        overlay.take(rows.with_key(said, await rows.told_keys(space.id, overlay)))
        heard = replace(heard, has_key=True)
        is_true = (statement.n, statement.key) == (space.n, space.keys[-1])
        if statement.way is not None and is_true and statement.way.first == space.first:
            ground = replace(heard.ground, given=max(heard.ground.given, said.seq))
            vouchers = tuple(dict.fromkeys((*vouches, *ground.vouchers)))[:VOUCHERS_MOST]
            heard = replace(heard, ground=replace(ground, vouchers=vouchers))
        return heard

    async def _counts(self, said: Said, heard: Heard, group: Group, overlay: Overlay) -> bool:
        """Tell whether a space that somebody tells of takes the place of the one that is known: the only one, or one of
        those who look after the group, and of two of theirs the later founded, else that with the smaller id.
        """
        is_vouched = not set(group.administrators).isdisjoint(heard.ground.vouchers)
        told, space = said.statement, heard.space
        if space is None:
            return True
        if told.space == space.id:
            return await opens_more(told, space, overlay)
        if not said.is_carer or not is_vouched:
            return said.is_carer
        return (-told.generation, told.space) < (-space.generation, space.id)

    async def leave(self, space: Space, overlay: Overlay) -> None:
        """Let another space follow this one: what I put there is put there again."""
        mine = frozenset(await self._residents.member_keys(space))
        waiting = [one.content for one in await self._desk.said(space.id) if one.kind == ITEM]
        stood = [one.item.content for one in await placed(space.id, overlay) if one.item.signer in mine]
        down = {content.get("of") for content in waiting if content.get("kind") == DOWN}
        for content in (one for one in (*stood, *waiting) if down.isdisjoint((one.get("id"), one.get("of")))):
            overlay.take(pin_again(space.of, content, self._context.clock.now_ms()))
        gone = tuple(Drop(saying.TABLE, one.id) for one in await self._desk.said(space.id))
        overlay.take(Change(put=(stand(replace(space, state=FORMER)),), drop=gone))


def is_of_circle(doc: Doc) -> bool:
    """Whether it was said of a space of several groups: `companion.app.together.circle_ground` takes it to heart."""
    return as_object(doc["content"]).get("circle") is True


def _moved(heard: Heard, doc: Doc) -> Heard:
    ground, seq = heard.ground, whole(doc["seq"])
    if doc["came"]:
        ground = replace(ground, came=seq, came_by_me=seq if doc["is_mine"] else ground.came_by_me)
    if doc["gone"]:
        names = (*ground.gone, *(kept(name) for name in as_list(doc["went"])))
        ground = replace(ground, parted=seq, gone=tuple(dict.fromkeys(names))[-GONE_MOST:])
    return replace(heard, ground=ground)


async def member_told(said: Said, overlay: Overlay) -> None:
    """A member key is of whoever can sign with it."""
    statement = said.statement
    try:
        message = member_message(bytes.fromhex(statement.space), statement.member, said.person)
        verify(statement.member, statement.proof, message)
    except CryptoError:
        return
    known = await rows.told_members(statement.space, said.group, overlay)
    others = sum(one.person == said.person and one.member != statement.member for one in known)
    if others < MEMBERS_MOST:
        of = {"space": statement.space, "group": said.group}
        one = ToldMember(member=statement.member, person=said.person, seq=said.seq, **of)
        overlay.take(Change(put=(one.put(),)))


async def opens_more(told: Statement, space: Space, overlay: Overlay) -> bool:
    """Tell whether a space is to be read anew by what is told of it: after it was shut here; as long as nothing opened
    by what was told before; and where its book waits for a key that was told while this device was out.
    """
    if space.base or await overlay.get(ITEMS, item_id(space.id, 1)) is None:
        known = space.keys[-1], space.first, {name: log.reads for name, log in space.logs.items()}
        return told.way is not None and (told.key, told.way.first, told.way.reads) != known
    if space.state == SHUT:
        return told.n >= space.n
    return told.n > space.n and bool(await overlay.newest(waiting_table(space.log_id(BOOK).hex()), 1))


async def begin_anew(space: Space, overlay: Overlay) -> None:
    """What waits in a space's logs comes again with them."""
    for name in space.logs:
        table = waiting_table(space.log_id(name).hex())
        ids = await overlay.read(table, lambda docs: [str(doc["_id"]) for doc in docs])
        overlay.take(Change(drop=tuple(Drop(table, id) for id in ids)))


def new_space(service: str, said: Statement, *, kind: str, of: str = "") -> Space:
    """Return a space of which somebody tells, as whoever comes late knows it. Raises: MessageRejected."""
    if said.way is None:
        raise MessageRejected("a space without a way into it")
    return Space(
        id=said.space,
        kind=kind,
        service=service,
        keys=(said.key,),
        base=said.n,
        of=of,
        first=said.way.first,
        generation=said.generation,
        logs={name: Log(reads=reads) for name, reads in said.way.reads.items()},
    )
