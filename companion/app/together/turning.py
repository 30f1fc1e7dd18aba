"""Another key for a group's space: told in the group first, so that a crash shuts nobody out, then turned to."""

from dataclasses import dataclass, replace

from companion.app.context import Context
from companion.app.groups.grouping import Grouping
from companion.app.spaces.desk import Desk, wait
from companion.app.together import rows
from companion.app.together.books import Books
from companion.app.together.ground import Ground
from companion.app.together.residents import GroupResidents
from companion.app.together.telling import Telling
from companion.crypto.primitives import random_bytes
from companion.fields import as_id, read_or, refused, whole
from companion.groups import Group
from companion.ports import Change, Doc, Put
from companion.space.belonging import Belonging
from companion.space.book import steward_content
from companion.space.keys import BOOK, steward_key
from companion.space.place import Space
from companion.space.saying import ITEM, TURN, Saying
from companion.space.statements import Statement, digest
from companion.space.turns import seal_turn
from companion.strings import kept
from companion.times import HOUR_MS, MINUTE_MS

INTENTS = "space_turns"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnIntent:
    """A turn that this device makes: from the key `n` of a space to `key`, with this stewards' secret."""

    space: str
    n: int
    key: bytes
    secret: bytes

    def put(self) -> Put:
        doc: Doc = {"_id": self.space, "_v": 1, "n": self.n, "key": self.key.hex(), "secret": self.secret.hex()}
        return Put(INTENTS, doc)


@refused("a turn that is meant")
def read_intent(doc: Doc) -> TurnIntent:
    key, secret = (bytes.fromhex(kept(doc[name])) for name in ("key", "secret"))
    return TurnIntent(space=as_id(doc["_id"]), n=whole(doc["n"]), key=key, secret=secret)


class Turning:
    def __init__(
        self,
        context: Context,
        desk: Desk,
        groups: Grouping,
        books: Books,
        residents: GroupResidents,
        telling: Telling,
    ) -> None:
        self._context = context
        self._desk = desk
        self._groups = groups
        self._books = books
        self._residents = residents
        self._telling = telling

    async def keep(self, group: Group, space: Space, ground: Ground) -> int:
        """Do the next step of a turn that is wanted; return in how many ms there may be more."""
        secret = space.stewards.get(space.n)
        if secret is None or self._context.me.member.person not in group.administrators:
            return HOUR_MS
        ground = await self._watched(group, space, ground)
        is_other = not set(ground.carers) <= set(group.administrators)
        if not is_other and not await self.is_owed(space, ground):
            return HOUR_MS
        intent = read_or(await self._context.store.get(INTENTS, space.id), read_intent, None)
        if intent is not None and intent.n == space.n:
            told = next((one for one in await self._told(space, intent.n + 1) if one.key == intent.key), None)
            if told is None or told.seq > ground.parted:
                return await self._go_on(space, intent, is_told=told is not None)
            if await self._telling.is_saying(intent.key):
                return MINUTE_MS
        if left_ms := self._telling.turn_left_ms(group, ("turn", space.n, ground.parted), carers_only=True):
            return left_ms
        await self._begin(group, space, random_bytes(32) if is_other else secret)
        return MINUTE_MS

    async def is_owed(self, space: Space, ground: Ground) -> bool:
        """Tell whether somebody is out who was told the newest key."""
        told = [one.seq for one in await self._told(space, space.n) if one.key == space.keys[-1]]
        return ground.parted > min(told, default=0)

    async def _told(self, space: Space, n: int) -> tuple[rows.ToldKey, ...]:
        return tuple(one for one in await rows.told_keys(space.id, self._context.store) if one.n == n)

    async def _watched(self, group: Group, space: Space, ground: Ground) -> Ground:
        """Note who has known the stewards' secret, and forget who is out once they know no key that is in force."""
        of = digest(space.stewards[space.n])
        known = ground.carers if of == ground.of else ()
        gone = ground.gone if await self.is_owed(space, ground) else ()
        watched = replace(ground, carers=tuple(sorted({*known, *group.administrators})), of=of, gone=gone)
        if watched != ground:
            await self._context.commit(Change(put=(watched.put(),)))
        return watched

    async def _begin(self, group: Group, space: Space, secret: bytes) -> None:
        """Tell the next key, and another secret first if there is one: who turns to it can speak for the stewards."""
        intent = TurnIntent(space=space.id, n=space.n, key=random_bytes(32), secret=secret)
        if secret != space.stewards[space.n]:
            await self._telling.say_secret(group, space, secret)
        stewards = bytes.fromhex(digest(secret))
        statement = Statement(
            space=space.id, generation=space.generation, n=space.n + 1, key=intent.key, stewards=stewards
        )
        await self._telling.say(group, statement, Change(put=(intent.put(), rows.secret_put(secret))))

    async def _go_on(self, space: Space, intent: TurnIntent, *, is_told: bool) -> int:
        """Say the next item before the turn, or the turn itself, once the key has been told."""
        book = await self._books.now(space)
        if not is_told or book.seq != space.logs[BOOK].cursor or space.logs[BOOK].n != space.n:
            return MINUTE_MS
        said = await self._steward(space, book, intent)
        if said is None and steward_key(intent.secret, space.octets)[1] in book.standing:
            said = self._turn(space, book, intent)
        if said is None:
            return HOUR_MS
        await self._context.commit(Change(put=(wait(said),)))
        await self._groups.follow(space.service)
        return MINUTE_MS

    async def _steward(self, space: Space, book: Belonging, intent: TurnIntent) -> Saying | None:
        """Return the next item that lets the key of the intent's secret stand alone for the stewards."""
        own = steward_key(intent.secret, space.octets)[1]
        signers = [key for key in await self._residents.steward_keys(space) if key in book.standing]
        others = sorted(book.standing - {own})
        if own not in book.standing:
            who, is_on = own, True
        elif others:
            who, is_on = others[0], False
        else:
            return None
        by = next((key for key in signers if key != who and book.wished.get(key) != who), None)
        if by is None:
            return None
        return self._saying(space, kind=ITEM, content=steward_content(who, is_on=is_on), by=by)

    def _turn(self, space: Space, book: Belonging, intent: TurnIntent) -> Saying:
        private, public = steward_key(intent.secret, space.octets)
        body = seal_turn(
            space.keys[-1],
            space.n,
            intent.key,
            space=space.octets,
            log=space.log_id(BOOK),
            sign_private=private,
            at=book.seq,
            boxes={},
        )
        return replace(self._saying(space, kind=TURN, content={}, by=public), body=body, n=space.n, key=intent.key)

    def _saying(self, space: Space, *, kind: str, content: Doc, by: bytes) -> Saying:
        return Saying(id=self._context.new_id(), space=space.id, log=BOOK, kind=kind, content=content, by=by)
