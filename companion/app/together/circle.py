"""Who reads a circle, a space of several groups: the people on their rolls. Keys come in a box for each group.

A group's box follows from the key of its own space. The stewards are people of one group, and the keepers follow from
the key of that group's own space. Source: docs/protocol.md section 8, "A circle".
"""

from dataclasses import dataclass

from companion.app.context import Context
from companion.app.own.secrets import OwnSecrets
from companion.app.spaces.desk import Desk, Unknown
from companion.app.together.books import ITEMS, Books
from companion.app.together.residents import GroupOf, GroupResidents
from companion.errors import MessageRejected
from companion.fields import as_id, as_object, read_or, refused, whole
from companion.groups import MEMBER, REJOINING
from companion.ports import Doc, Documents
from companion.space.belonging import Belonging
from companion.space.keys import BOOK, circle_stewards, group_box, keeper
from companion.space.place import GROUP, Space
from companion.space.saying import TURN
from companion.space.turns import Turn, open_box

STEWARDS_OF = "stewards_of"


@dataclass(frozen=True, slots=True, kw_only=True)
class StewardsOf:
    """Where the keepers of a circle come from: the stewards' group, its own space, and the number of a key there."""

    group: str
    space: str
    n: int

    def to_content(self) -> Doc:
        return {STEWARDS_OF: {"group": self.group, "space": self.space, "n": self.n}}


class CircleResidents(GroupResidents):
    """Is as a group's own space, but for where keys and keepers come from, and who turns."""

    def __init__(self, context: Context, desk: Desk, group: GroupOf, held: Books, secrets: OwnSecrets) -> None:
        super().__init__(context, group, held, secrets)
        self._desk = desk

    async def is_followed(self, space: Space) -> bool:
        groups = [await self._group(id) for id in space.through]
        return any(group is not None and group.state in (MEMBER, REJOINING) for group in groups)

    async def key_of(self, space: Space, turn: Turn, documents: Documents) -> bytes | None:
        for group in space.through:
            for key in await self.keys_of(group):
                try:
                    return open_box(turn, space.octets, bytes.fromhex(group), group_box(key)[0])
                except MessageRejected:
                    continue
        return await super().key_of(space, turn, documents)

    async def keys_of(self, group: str) -> tuple[bytes, ...]:
        """Return every key that a group ever had in a space of its own, as far as known, the newest first."""
        own = [space for space in await self._desk.spaces.all() if (space.kind, space.of) == (GROUP, group)]
        return tuple(key for space in own for key in reversed(space.keys))

    async def is_shut_out(self, space: Space, turn: Turn) -> bool:
        return all(bytes.fromhex(group) not in turn.boxes for group in space.through)

    async def with_secret(self, space: Space, n: int, book: Belonging, documents: Documents) -> Space:
        return space  # the keepers follow from what the book says

    async def cares_as(self, space: Space, book: Belonging, group: str) -> bytes:
        return await self.one_of_mine(space, {*book.standing, *book.groups[group].links})

    async def may_lead(self, space: Space, signer: bytes, n: int, documents: Documents) -> bool:
        """The people of the stewards' group may too: their devices have the keepers."""
        if await super().may_lead(space, signer, n, documents):
            return True
        book, said = await self._books.now(space, documents), await self.stewards_of(space, 0)
        if said is None or said.group not in book.groups:
            raise Unknown("the book has still to say which group the stewards' is")
        return book.groups[said.group].has(signer, book.turns[n - 1])

    async def turns_as(self, space: Space, n: int) -> bytes:
        return b""

    async def keeper(self, space: Space, log: str, n: int) -> str | None:
        """Return the keeper that was in force with the key of this number, for the people of the stewards' group."""
        said = await self.stewards_of(space, n)
        return None if said is None else await self._keeper(space, log, said)

    async def next_keeper(self, space: Space, log: str, following: bytes) -> str | None:
        known = next((n for n in range(space.base, space.n + 1) if space.key(n) == following), None)
        if known is not None:
            return await self.keeper(space, log, known)
        turns = (one for one in await self._desk.said(space.id, BOOK) if one.kind == TURN and one.key == following)
        said = next((read_stewards(one.content) for one in turns), None)
        return None if said is None else await self._keeper(space, log, said)

    async def stewards_of(self, space: Space, n: int) -> StewardsOf | None:
        """Return where the keepers that came with a key come from, None as long as that was not read here."""
        docs = await self._context.store.read(ITEMS, lambda docs: [doc for doc in docs if doc["space"] == space.id])
        wanted = [doc for doc in docs if _brings(doc, n)]
        said = [read_or(as_object(doc["content"]), read_stewards, None) for doc in wanted]
        if n == 0 and not said:  # the first item is still on its way
            waiting = [one.content for one in await self._desk.said(space.id, BOOK)]
            said = [read_stewards(content) for content in waiting if STEWARDS_OF in content]
        return next((one for one in said if one is not None), None)

    async def _keeper(self, space: Space, log: str, of: StewardsOf) -> str | None:
        own = await self._desk.spaces.get(of.space)
        key = None if own is None else own.key(of.n)
        return None if key is None else keeper(circle_stewards(key, space.octets), space.log_id(log)).hex()


def _brings(doc: Doc, n: int) -> bool:
    """Whether this is what brought the key of a number: the first item, or the turn to it."""
    if n == 0:
        return doc["seq"] == 1
    return doc["is_turn"] is True and doc["n"] == n - 1


@refused("where the keepers of a circle come from")
def read_stewards(content: Doc) -> StewardsOf:
    """Raises: MessageRejected."""
    said = as_object(content[STEWARDS_OF])
    return StewardsOf(group=as_id(said["group"]), space=as_id(said["space"]), n=whole(said["n"]))
