"""What was said of circles, in groups and between two people: keys, ways in, whose member keys, and who may come."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from companion.app.context import SHARED, Context
from companion.app.overlay import Overlay
from companion.app.spaces.desk import Desk, stand
from companion.app.together import rows
from companion.app.together.ground import begin_anew, is_of_circle, member_told, new_space, opens_more
from companion.fields import as_id, as_object, each_read, read_or, refused, whole
from companion.groups import Group
from companion.ports import Change, Doc, Drop, Put
from companion.space.place import CIRCLE, Space
from companion.space.place import TABLE as SPACES
from companion.space.statements import ENTRY, KEY, STATEMENTS, Entry, Said, read_entry, read_said
from companion.strings import kept

GROUNDS, VISITS = "circle_grounds", "circle_visits"
CIRCLES_MOST = 8
"""So many circles does this device take up by one group."""
INVITED, OFFERED, ENTERING = "invited", "offered", "entering"
"""Of a visit: a steward invites me to bring a group; somebody I invited offers theirs; I have offered one of mine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CircleGround:
    """Of one circle in one group of mine: where its newest key was said last, and asked for last, in the group."""

    space: str
    group: str
    given: int = 0
    asked: int = 0

    def put(self) -> Put:
        doc: Doc = {"_id": f"{self.space}:{self.group}", "_v": 1, "space": self.space, "group": self.group}
        return Put(GROUNDS, doc | {"given": self.given, "asked": self.asked})


@refused("what a group has come to in a circle")
def read_circle_ground(doc: Doc) -> CircleGround:
    space, group = as_id(doc["space"]), kept(doc["group"])
    return CircleGround(space=space, group=group, given=whole(doc["given"]), asked=whole(doc["asked"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A group on its way into a circle, as the two people know it who speak of it in their line, `pair`."""

    space: str
    pair: str
    person: str
    state: str
    entry: Entry | None = None

    @property
    def id(self) -> str:
        return f"{self.space}:{self.pair}"

    def put(self) -> Put:
        doc: Doc = {"_id": self.id, "_v": 1, "space": self.space, "pair": self.pair, "person": self.person}
        return Put(
            VISITS, doc | {"state": self.state, "entry": None if self.entry is None else self.entry.to_content()}
        )


@refused("a group on its way into a circle")
def read_visit(doc: Doc) -> Visit:
    entry = None if doc["entry"] is None else read_entry(as_object(doc["entry"]))
    of = {name: kept(doc[name]) for name in ("pair", "person", "state")}
    return Visit(space=as_id(doc["space"]), entry=entry, **of)


class CircleHearing:
    """Takes to heart what was said of circles in a group, or in a pair, each once, in one commit.

    `services`: those that are in use here. Nobody leads this device to another one.
    """

    def __init__(self, context: Context, desk: Desk, services: Callable[[], Awaitable[list[str]]]) -> None:
        self._context = context
        self._desk = desk
        self._services = services

    async def ground(self, space: str, group: str) -> CircleGround:
        doc = await self._context.store.get(GROUNDS, f"{space}:{group}")
        return read_or(doc, read_circle_ground, CircleGround(space=space, group=group))

    async def visits(self) -> tuple[Visit, ...]:
        return each_read(await self._context.store.all(VISITS), read_visit)

    async def visit(self, space: str, pair: str) -> Visit | None:
        return read_or(await self._context.store.get(VISITS, f"{space}:{pair}"), read_visit, None)

    async def hear(self, group: Group) -> frozenset[str]:
        """Return the circles of which a key came."""
        async with self._context.store.turn(SHARED):
            docs = [one for one in await self._context.store.all(STATEMENTS) if one["group"] == group.id]
            news, overlay = set[str](), Overlay(self._context.store)
            for doc in sorted(filter(is_of_circle, docs), key=lambda doc: whole(doc["seq"])):
                for said in each_read((doc,), read_said):
                    if await self._said(group, said, overlay):
                        news.add(said.statement.space)
                overlay.take(Change(drop=(Drop(STATEMENTS, str(doc["_id"])),)))
            await self._context.commit(overlay.change)
        return frozenset(news)

    async def _said(self, group: Group, said: Said, overlay: Overlay) -> bool:
        """Return whether a key came."""
        statement, me = said.statement, self._context.me.member.person
        if group.is_pair and said.person != me:
            await self._spoken_of(group, said, overlay)
        is_known = await overlay.get(SPACES, statement.space) is not None
        if statement.member and is_known and not group.is_pair:
            await member_told(said, overlay)
        ground = await self.ground(statement.space, group.id)
        if statement.asks == KEY and is_known:
            overlay.take(Change(put=(replace(ground, asked=max(ground.asked, said.seq)).put(),)))
        if not statement.key:
            return False
        space = await self._taken_up(group, said, overlay)
        if space is None or statement.n < space.n:
            return False
        overlay.take(rows.with_key(said, await rows.told_keys(space.id, overlay)))
        if statement.way is not None and statement.n == space.n and not group.is_pair:
            overlay.take(Change(put=(replace(ground, given=max(ground.given, said.seq)).put(),)))
        return True

    async def _taken_up(self, group: Group, said: Said, overlay: Overlay) -> Space | None:
        """Return the circle that somebody tells of, if it is one of mine, or becomes one by this."""
        statement = said.statement
        doc = await overlay.get(SPACES, statement.space)
        known = read_or(doc, Space.from_doc, None)
        through = await self._through(group, said, overlay)
        if not through or (known is not None and known.kind != CIRCLE):
            return None
        if known is not None and statement.way is not None and await opens_more(statement, known, overlay):
            await begin_anew(known, overlay)
            known = replace(new_space(known.service, statement, kind=CIRCLE), through=known.through)
        if known is None:
            if statement.way is None or await self._count(through) >= CIRCLES_MOST:
                return None
            service = statement.way.service or group.service
            if service not in await self._services():
                return None
            known = new_space(service, statement, kind=CIRCLE)
        if through not in known.through:
            known = replace(known, through=(*known.through, through))
        overlay.take(Change(put=(stand(known),)))
        return known

    async def _through(self, group: Group, said: Said, overlay: Overlay) -> str:
        """Return the group by which I belong to it: the one where it is said, or, in a pair, the one that I offered."""
        if not group.is_pair:
            return group.id
        visit = read_or(await overlay.get(VISITS, f"{said.statement.space}:{group.id}"), read_visit, None)
        if visit is None or visit.state != ENTERING or visit.entry is None:
            return ""
        overlay.take(Change(drop=(Drop(VISITS, visit.id),)))
        return visit.entry.group

    async def _count(self, group: str) -> int:
        return sum(group in space.through for space in await self._desk.spaces.all())

    async def _spoken_of(self, pair: Group, said: Said, overlay: Overlay) -> None:
        """Somebody invites me to bring a group, or offers theirs after I have invited them."""
        statement = said.statement
        doc = await overlay.get(VISITS, f"{statement.space}:{pair.id}")
        visit = read_or(doc, read_visit, None)
        if statement.asks == ENTRY and visit is None:
            put = Visit(space=statement.space, pair=pair.id, person=said.person, state=INVITED).put()
            overlay.take(Change(put=(put,)))
        if statement.entry is not None and visit is not None and visit.state == OFFERED:
            overlay.take(Change(put=(replace(visit, entry=statement.entry).put(),)))
