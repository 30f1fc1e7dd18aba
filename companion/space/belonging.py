"""Who belongs to a space at any place of its book. Places are the numbers of the book's items, from 1.

It holds what `companion.space.book` has made of the items, and answers for any place up to the last one that was read.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

from companion.space.items import Item
from companion.space.layers import Layers

Span = tuple[int, int]
"""From one number of the book to the one before another; 0 is open still."""
Spans = tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupIn:
    """A group of the space. `box` is its X25519 key, `boxed_at` where in the book that came.

    `stays` says when it was in, `roll` when each member key belonged to it, `present` who does now, `left_at` where
    somebody was last taken off. `links` may take others off the roll.
    """

    box: bytes
    boxed_at: int
    links: tuple[bytes, ...]
    stays: Spans
    roll: Layers[bytes, Spans] = field(default_factory=Layers)
    present: frozenset[bytes] = frozenset()
    left_at: int = 0

    def has(self, member: bytes, at: int) -> bool:
        return is_within(self.roll.get(member, ()), at)

    def is_in(self, at: int) -> bool:
        return is_within(self.stays, at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Who a member key is, once its owner says so by name. `identity_key` is the person's, as groups know it."""

    name: str
    profession: str
    identity_key: bytes
    follows: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Belonging:
    """What the book says up to the number `seq`. `turns` holds where each key ended: the number of the turn from it.

    `standing` are the stewards now, `present` the groups that are in now, `homes` the groups on whose rolls somebody
    ever was, `said` where each item stands first, by its id and signer. `wished`: whom each steward would have
    become a steward, or be none any more, as long as no other has said the same.
    """

    space: bytes
    seq: int = 0
    stewards: Layers[bytes, Spans] = field(default_factory=Layers)
    standing: frozenset[bytes] = frozenset()
    wished: Mapping[bytes, bytes] = field(default_factory=dict)
    groups: Layers[str, GroupIn] = field(default_factory=Layers)
    present: frozenset[str] = frozenset()
    homes: Layers[bytes, tuple[str, ...]] = field(default_factory=Layers)
    cards: Layers[bytes, Card] = field(default_factory=Layers)
    said: Layers[tuple[str, bytes], int] = field(default_factory=Layers)
    turns: tuple[int, ...] = ()
    is_founded: bool = False

    def is_steward(self, member: bytes, at: int) -> bool:
        return is_within(self.stewards.get(member, ()), at)

    def stewards_at(self, at: int) -> frozenset[bytes]:
        return frozenset(member for member in self.stewards if self.is_steward(member, at))

    def belongs(self, member: bytes, at: int) -> bool:
        """Tell whether somebody was on the roll of a group that was in, at this place of the book."""
        return any(self.groups[home].has(member, at) for home in self.homes.get(member, ()))

    def everybody(self, at: int) -> frozenset[bytes]:
        """Return all who belonged at this place: who is in two groups is counted once."""
        return frozenset(member for member in self.homes if self.belongs(member, at))

    def groups_at(self, at: int) -> frozenset[str]:
        return frozenset(id for id, group in self.groups.items() if group.is_in(at))

    def is_in_time(self, n: int, at: int) -> bool:
        """Tell whether the key `n` was in force at this place of the book. Of what was not read yet, none is known."""
        if n > len(self.turns) or at > self.seq:
            return False
        began = self.turns[n - 1] if n else 0
        return began <= at and (n == len(self.turns) or at < self.turns[n])

    def may_say(self, item: Item, at: int) -> bool:
        """Tell whether an item of another log is of somebody who belonged where its author stood in the book.

        An author may have read more of the book than this device: then ask again once it was read as far.
        """
        return self.is_in_time(item.n, at) and (self.belongs(item.signer, at) or self.is_steward(item.signer, at))

    def first_of(self, member: bytes) -> bytes:
        """Return the earliest key of whoever says by cards that this one followed others of theirs."""
        seen = {member}
        while (card := self.cards.get(member)) is not None and card.follows and card.follows not in seen:
            member = card.follows
            seen.add(member)
        return member


def is_within(spans: Spans, at: int) -> bool:
    after = bisect_right(spans, at, key=lambda span: span[0])
    return after > 0 and (spans[after - 1][1] == 0 or at < spans[after - 1][1])
