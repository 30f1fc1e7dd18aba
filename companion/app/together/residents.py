"""Who reads a group's own space: its members. The book says who belongs; keys come inside MLS, before the turn.

Those who look after the group share a secret. From it follow the key that signs for all of them, and the keepers.
Source: docs/protocol.md section 8, "A group's own space".
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace

from companion.app.context import Context
from companion.app.overlay import Overlay
from companion.app.own.secrets import OwnSecrets
from companion.app.spaces.desk import SAW, Landed, Unknown
from companion.app.spaces.reading import turns_waiting
from companion.app.together import books as kept_books
from companion.app.together import notes, rows
from companion.app.together.books import Books, beyond
from companion.errors import MessageRejected
from companion.fields import as_object, refused
from companion.groups import MEMBER, REJOINING, Group
from companion.ports import Change, Documents
from companion.space import book as books
from companion.space.belonging import Belonging
from companion.space.items import Item
from companion.space.keys import BOOK, SHELF, keeper, member_key, steward_key
from companion.space.order import Seen
from companion.space.past import keys_behind
from companion.space.place import Space
from companion.space.saying import ITEM, Saying
from companion.space.turns import Turn, is_next

GroupOf = Callable[[str], Awaitable[Group | None]]


class GroupResidents:
    """Reads the spaces of groups. What is to be said there next is for `companion.app.together.keeping` to know."""

    def __init__(
        self,
        context: Context,
        group: GroupOf,
        held: Books,
        secrets: OwnSecrets,
    ) -> None:
        self._context = context
        self._group = group
        self._books = held
        self._secrets = secrets

    async def is_followed(self, space: Space) -> bool:
        group = await self._group(space.of)
        return group is not None and group.state in (MEMBER, REJOINING)

    # Reading

    async def take(self, space: Space, landed: Landed, documents: Documents) -> tuple[Space, Change]:
        """Return what an item changes. Raises: MessageRejected, Unknown."""
        if landed.log == BOOK:
            return await self._in_book(space, landed, documents)
        return space, await self._on_shelf(space, landed, documents)

    async def _in_book(self, space: Space, landed: Landed, documents: Documents) -> tuple[Space, Change]:
        if landed.seq == 1:
            if landed.item.content.get("kind") != "first" or space.first not in ("", landed.digest):
                raise MessageRejected("another beginning")
            space = replace(space, first=landed.digest)
        before = await self._books.before(space, landed.seq, documents)
        return space, self._books.take(space, before, landed.seq, landed.item)

    async def _on_shelf(self, space: Space, landed: Landed, documents: Documents) -> Change:
        book, at = await self._books.now(space, documents), read_at(landed.item)
        if at > book.seq:
            raise Unknown("its author had read more of the book")
        if not book.may_say(landed.item, at):
            raise MessageRejected("an item of nobody who belongs")
        is_steward = book.is_steward(landed.item.signer, at)
        gone = await notes.without_words(space, book, landed, is_steward, documents)
        if gone != Change() and not is_steward:  # any device of its author's may have taken it down
            mine = frozenset(await self.member_keys(space))
            gone += await notes.to_empty(space, book, landed.item.content, documents, mine)
        return gone + Change(put=(notes.item_put(space.id, landed, is_steward=is_steward),))

    # Turning

    async def may_turn(self, space: Space, turn: Turn, seq: int, documents: Documents) -> bool:
        return books.may_turn(await self._books.before(space, seq, documents), turn)

    async def may_lead(self, space: Space, signer: bytes, n: int, documents: Documents) -> bool:
        """Only who stood for those who look after the group where the book turned to this key: anybody else can put
        such an item there without the keeper, and the log would follow here and not at the service.
        """
        book = await self._books.now(space, documents)
        if n > len(book.turns):
            raise Unknown("the book was not read up to that turn")
        is_turner = signer == await self._books.turner(space, n, documents)
        return is_turner or book.is_steward(signer, book.turns[n - 1])

    async def key_of(self, space: Space, turn: Turn, documents: Documents) -> bytes | None:
        """Return the key that a turn turned to, from what was told in the group: itself, or one that came after it."""
        told = await rows.told_keys(space.id, documents)
        found = next((one.key for one in told if one.n == turn.n + 1 and is_next(turn, one.key)), None)
        if found is not None:
            return found
        turns = await turns_waiting(space.log_id(BOOK).hex(), documents)
        for one in (later for later in told if later.n > turn.n + 1):
            at = {"space": space.octets, "log": space.log_id(BOOK)}
            behind = keys_behind(one.key, one.n, turn.n + 1, turns, **at)
            if (key := next((key for key in behind if is_next(turn, key)), None)) is not None:
                return key
        return None

    async def is_shut_out(self, space: Space, turn: Turn) -> bool:
        return False  # every member is told the key: it may still come

    async def turned(self, space: Space, turn: Turn, seq: int, documents: Documents) -> tuple[Space, Change]:
        before = await self._books.before(space, seq, documents)
        change = self._books.take(space, before, seq, turn)
        held = Overlay(documents)
        held.take(change)
        space = await self.with_secret(space, turn.n + 1, before, held)
        return space, change + Change(drop=await rows.over_keys(space, documents))

    async def with_secret(self, space: Space, n: int, book: Belonging, documents: Documents) -> Space:
        """Return the space with the stewards' secret that goes with its key of this number, if this device has it: the
        one of whoever turned to it, or of the first item, whatever was told.
        """
        turner = await self._books.turner(space, n, documents) if n else None
        for secret in await rows.told_secrets(documents):
            key = steward_key(secret, space.octets)[1]
            if key == turner if n else book.is_steward(key, 1):
                return replace(space, stewards={**space.stewards, n: secret})
        return space

    async def cut(self, space: Space, log: str, head: int) -> Change:
        self._books.forget(space.id)
        table = kept_books.ITEMS if log == BOOK else notes.ITEMS
        return await beyond(table, space.id, head, self._context.store)

    async def next_turn(self, space: Space) -> Change:
        return Change()

    # Speaking

    async def settled(self, space: Space, said: Saying, seq: int, documents: Documents) -> Change:
        if said.log != SHELF or said.kind != ITEM or not said.content:
            return Change()
        if not seq:
            return notes.pin_again(space.of, said.content, self._context.clock.now_ms())
        if not said.by:  # a note of mine is seen to where it comes back
            return Change()
        return await notes.to_empty(space, await self._books.now(space, documents), said.content, documents)

    async def lost_files(self, blobs: tuple[str, ...], documents: Documents) -> Change:
        return Change()

    async def sign_private(self, space: Space, signer: bytes = b"") -> bytes | None:
        for secret in await self._secrets.all():
            private, public = member_key(secret, space.octets)
            if signer in (b"", public):
                return private
        told = await rows.told_secrets(self._context.store)  # also that of a turn which is on its way
        stewards = (steward_key(secret, space.octets) for secret in told)
        return next((private for private, public in stewards if public == signer), None)

    async def steward_keys(self, space: Space) -> tuple[bytes, ...]:
        """Return the keys of every secret that those who look after a group have told this device."""
        told = await rows.told_secrets(self._context.store)
        return tuple(steward_key(secret, space.octets)[1] for secret in told)

    async def member_keys(self, space: Space) -> tuple[bytes, ...]:
        """Return my member keys in a space, the one in force first."""
        return tuple(member_key(secret, space.octets)[1] for secret in await self._secrets.all())

    async def one_of_mine(self, space: Space, keys: Collection[bytes]) -> bytes:
        """Return which of these is a member key of mine, the one in force before former ones; empty if none is."""
        return next((key for key in await self.member_keys(space) if key in keys), b"")

    async def cares_as(self, space: Space, book: Belonging, group: str) -> bytes:
        """Return the key under which this device takes others off a group's roll, or a note down, empty if it may not:
        one that stands in the book now, which between two secrets is not that of the key in force.
        """
        return next((key for key in await self.steward_keys(space) if key in book.standing), b"")

    async def turns_as(self, space: Space, n: int) -> bytes:
        secret = space.stewards.get(n)
        return b"" if secret is None else steward_key(secret, space.octets)[1]

    async def keeper(self, space: Space, log: str, n: int) -> str | None:
        secret = space.stewards.get(n)
        return None if secret is None else keeper(secret, space.log_id(log)).hex()

    async def next_keeper(self, space: Space, log: str, following: bytes) -> str | None:
        known = next((n for n in space.stewards if space.key(n) == following), None)
        if known is not None:
            return await self.keeper(space, log, known)
        told = (one for one in await rows.told_keys(space.id, self._context.store) if one.key == following)
        for one in told:
            secret = await rows.secret_of(one.stewards, self._context.store)
            if secret is not None:
                return keeper(secret, space.log_id(log)).hex()
        return None


@refused("where an author stood")
def read_at(item: Item) -> int:
    """Return the place of the book up to which an item's author had read. Raises: MessageRejected."""
    return Seen.from_doc(as_object(item.content[SAW])[BOOK]).seq
