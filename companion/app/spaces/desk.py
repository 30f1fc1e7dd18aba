"""What everything about spaces works with: the spaces, what waits to be said, and the order of their logs."""

from dataclasses import dataclass, field, replace
from typing import Protocol

from companion.app.cached import Cached
from companion.app.context import Context
from companion.app.record import Record
from companion.app.spaces.ladder import Ladder
from companion.errors import MessageRejected
from companion.ports import Change, Documents, Drop, Put
from companion.space import place, saying
from companion.space.items import CID_BYTES, Item, open_item
from companion.space.order import Seen
from companion.space.place import FORMER, OPEN, Space
from companion.space.saying import Saying
from companion.space.turns import Turn

TURN = "spaces"
SAW = "saw"
TOGETHER = 50
"""Items of one log that are sealed, and offered, at once; a lock waits for no more of them."""


class Unknown(MessageRejected):
    """Whoever said it is not known here yet: it waits until the book, or a letter, has told who that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """An item in its place: the log it stands in, its number there, when the service took it, its envelope's hash."""

    log: str
    digest: str
    seq: int
    at_ms: int
    item: Item

    @property
    def cid(self) -> str:
        return self.digest[: 2 * CID_BYTES]


class Residents(Protocol):
    """Who reads the items of one kind of space. Everything is judged by `documents` as they are at that place."""

    async def is_followed(self, space: Space) -> bool:
        """Whether this device reads and writes there at present."""

    async def take(self, space: Space, landed: Landed, documents: Documents) -> tuple[Space, Change]:
        """Return what an item changes.

        Raises: MessageRejected if it is malformed, or not for its signer to say; Unknown if that cannot be told yet.
        """

    async def may_turn(self, space: Space, turn: Turn, seq: int, documents: Documents) -> bool:
        """Tell whether whoever signed a turn, which stands at this number, may turn this space."""

    async def may_lead(self, space: Space, signer: bytes, n: int, documents: Documents) -> bool:
        """Tell whether somebody may let another log follow the book to the key of this number: who turned to it, or
        could have. Raises: Unknown if the book was not read as far.
        """

    async def key_of(self, space: Space, turn: Turn, documents: Documents) -> bytes | None:
        """Return the key that a turn turned to, None as long as this device was not given it."""

    async def is_shut_out(self, space: Space, turn: Turn) -> bool:
        """Tell whether a turn, whose key this device does not have, was meant to leave it out."""

    async def turned(self, space: Space, turn: Turn, seq: int, documents: Documents) -> tuple[Space, Change]:
        """Return what a turn changes besides the key: the space has it already."""

    async def cut(self, space: Space, log: str, head: int) -> Change:
        """Return what it changes that the service has lost a log beyond this number."""

    async def settled(self, space: Space, said: Saying, seq: int, documents: Documents) -> Change:
        """Return what it changes that something of mine stands at this number now, 0 if it never will."""

    async def lost_files(self, blobs: tuple[str, ...], documents: Documents) -> Change:
        """Return what it changes that the service does not have files which something of mine names."""

    async def next_turn(self, space: Space) -> Change:
        """Return the change that makes a turn wait, if one is wanted and this device may make it."""

    async def sign_private(self, space: Space, signer: bytes = b"") -> bytes | None:
        """Return the private key of this Ed25519 key, None if it is not mine; without one, of that under which this
        device speaks in the space.
        """

    async def turns_as(self, space: Space, n: int) -> bytes:
        """Return the public key that a turn of this device to the key of this number is signed for, empty for its own
        in the space.
        """

    async def keeper(self, space: Space, log: str, n: int) -> str | None:
        """Return the keeper of a log under the key of this number, None where this device does not have it."""

    async def next_keeper(self, space: Space, log: str, following: bytes) -> str | None:
        """Return the keeper of a log under the key that a turn of ours turns to."""


@dataclass(slots=True, kw_only=True)
class Desk:
    """`residents`: by the kind of space."""

    context: Context
    spaces: Cached[Space]
    sayings: Cached[Saying]
    residents: dict[str, Residents] = field(default_factory=dict)
    landed: dict[str, int] = field(default_factory=dict)
    """Sayings that the service has taken in this connection, which have not come back."""
    caught_up: set[str] = field(default_factory=set)
    """Services of which everything older was read: nothing is sealed before."""

    async def of_log(self, log: str) -> tuple[Space, str] | None:
        """Return which space, and which of its logs, has this id at the service."""
        for space in await self.spaces.all():
            name = space.name_of(log)
            if name is not None:
                return space, name
        return None

    async def of_kind(self, kind: str, of: str = "") -> Space | None:
        found = (space for space in await self.spaces.all() if (space.kind, space.of) == (kind, of))
        return next((space for space in found if space.state != FORMER), None)

    async def said(self, space: str, log: str | None = None) -> tuple[Saying, ...]:
        """Return what waits to be said in a space, oldest first."""
        return tuple(one for one in await self.sayings.all() if one.space == space and log in (None, one.log))

    async def busy(self) -> frozenset[str]:
        """Return the services that have not taken yet what may go to a space, if it is little enough to wait for."""
        found = set[str]()
        for space in await self.spaces.all():
            may_go = space.state == OPEN and space.service in self.caught_up
            if may_go and await self.residents[space.kind].is_followed(space):
                said = await self.said(space.id)
                going = [one for one in said if one.id not in self.landed and not one.awaits]
                found |= {space.service} if 0 < len(going) <= TOGETHER else set()
        return frozenset(found)

    def ladder(self, log: bytes, documents: Documents) -> Ladder:
        return Ladder(log.hex(), documents)

    async def life(self, space: Space) -> str:
        """Return which life of the service's database its logs are of."""
        return str((await Record(self.context, space.service).read())["incarnation"])

    async def saw(self, space: Space) -> dict[str, object]:
        """Return what this device has read of the space's logs, for an item to say."""
        life = await self.life(space)
        seen: dict[str, object] = {}
        for name, log in space.logs.items():
            h = await self.ladder(space.log_id(name), self.context.store).h(log.cursor) if log.cursor else b""
            known = Seen(incarnation=life, seq=log.cursor if h else 0, h=h.hex())
            seen[name] = known.to_doc()
        return seen

    async def unsealed(self, space: Space, one: Saying) -> Saying | None:
        """Return it as it waits to be sealed anew: the key that it was sealed under is over in its log.

        Where it stood in the log before, its words are in its sealed form alone. None if somebody else said it.
        """
        if not one.is_again:
            return replace(one, body=b"", n=0)
        key = space.key(one.n)
        item = None if key is None else open_item(key, space.log_id(one.log), one.body)
        if item is None or await self.residents[space.kind].sign_private(space, item.signer) is None:
            return None
        content = {name: value for name, value in item.content.items() if name != SAW}
        return replace(one, content=content, body=b"", n=0, by=item.signer)


def make_desk(context: Context) -> Desk:
    return Desk(
        context=context,
        spaces=Cached(context, place.TABLE, Space.from_doc),
        sayings=Cached(context, saying.TABLE, Saying.from_doc),
    )


def stand(space: Space) -> Put:
    return Put(place.TABLE, space.to_doc())


def wait(one: Saying) -> Put:
    return Put(saying.TABLE, one.to_doc())


def unsay(one: Saying) -> Drop:
    return Drop(saying.TABLE, one.id)
