"""Who belongs to a space, as its book says: a pure fold of the book's items in their order.

The book knows member keys and groups, no names but those on cards, and no devices. An item counts if whoever signed it
may say it by what stood in the book just before. What is said in the other logs is judged by where in the book its
author stood, which `Belonging` can be asked for any place. Source: docs/protocol.md section 8.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from companion.crypto.primitives import KEY_BYTES, sha256, verify
from companion.errors import CryptoError, MessageRejected
from companion.fields import as_list, as_object, refused
from companion.people import NAME_LIMIT, PROFESSIONS
from companion.space.items import Item
from companion.strings import read_line

ROLL_LIMIT = 64
GROUPS_LIMIT = 500
STEWARDS_LIMIT = 16
LINKS_LIMIT = 8
TWO_FROM = 3
"""With so many stewards or more, another one is named, or taken off, by two of them."""
_CARD_LABEL = b"companion space card v1"
_FOLLOWS_LABEL = b"companion space follows v1"
_MOVED_LABEL = b"companion space moved v1"

Span = tuple[int, int]
"""From one number of the book to the one before another; 0 is open still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupIn:
    """A group of the space. `box` is its X25519 key, `boxed_at` where in the book that came.

    `stays` says when it was in, `roll` when each member key belonged to it. `links` may take others off the roll.
    """

    box: bytes
    boxed_at: int
    links: tuple[bytes, ...]
    stays: tuple[Span, ...]
    roll: Mapping[bytes, tuple[Span, ...]]

    def has(self, member: bytes, at: int) -> bool:
        return self.is_in(at) and _is_within(self.roll.get(member, ()), at)

    def is_in(self, at: int) -> bool:
        return _is_within(self.stays, at)

    def members(self, at: int) -> frozenset[bytes]:
        """Return who belonged to it at this place of the book."""
        return frozenset(member for member in self.roll if self.has(member, at))


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

    `wished`: who is to become a steward, or to be none any more, as one steward wishes and another has not said yet.
    """

    space: bytes
    seq: int = 0
    stewards: Mapping[bytes, tuple[Span, ...]] = field(default_factory=dict)
    wished: Mapping[bytes, bytes] = field(default_factory=dict)
    groups: Mapping[str, GroupIn] = field(default_factory=dict)
    cards: Mapping[bytes, Card] = field(default_factory=dict)
    turns: tuple[int, ...] = ()
    is_founded: bool = False

    def is_steward(self, member: bytes, at: int) -> bool:
        return _is_within(self.stewards.get(member, ()), at)

    def stewards_at(self, at: int) -> frozenset[bytes]:
        return frozenset(member for member, spans in self.stewards.items() if _is_within(spans, at))

    def belongs(self, member: bytes, at: int) -> bool:
        """Tell whether somebody was on the roll of a group that was in, at this place of the book."""
        return any(group.has(member, at) for group in self.groups.values())

    def everybody(self, at: int) -> frozenset[bytes]:
        """Return all who belonged at this place: who is in two groups is counted once."""
        return frozenset(member for group in self.groups.values() for member in group.members(at))

    def groups_at(self, at: int) -> frozenset[str]:
        return frozenset(id for id, group in self.groups.items() if group.is_in(at))

    def is_in_time(self, n: int, at: int) -> bool:
        """Tell whether the key `n` was in force at this place of the book."""
        if n > len(self.turns):
            return False
        began = self.turns[n - 1] if n else 0
        return began <= at and (n == len(self.turns) or at < self.turns[n])

    def may_say(self, item: Item, at: int) -> bool:
        """Tell whether an item of another log is of somebody who belonged where its author stood in the book."""
        return self.is_in_time(item.n, at) and (self.belongs(item.signer, at) or self.is_steward(item.signer, at))

    def first_of(self, member: bytes) -> bytes:
        """Return the earliest key of whoever says by cards that this one followed others of theirs."""
        seen = {member}
        while (card := self.cards.get(member)) is not None and card.follows and card.follows not in seen:
            member = card.follows
            seen.add(member)
        return member


def _is_within(spans: tuple[Span, ...], at: int) -> bool:
    return any(start <= at and (not end or at < end) for start, end in spans)


# The fold ---------------------------------------------------------------------------------------------


def with_item(book: Belonging, seq: int, item: Item) -> Belonging:
    """Return the book with its next item. One that says what its signer may not, or nothing known, changes nothing."""
    book = replace(book, seq=seq)
    try:
        with refused("an item of the book"):
            return _said(book, seq, item)
    except MessageRejected:
        return book


def with_turn(book: Belonging, seq: int) -> Belonging:
    """Return the book after a turn that the device has found to be one."""
    return replace(book, seq=seq, turns=(*book.turns, seq))


def _said(book: Belonging, seq: int, item: Item) -> Belonging:
    kind = item.content["kind"]
    if kind == "first":
        return _first(book, seq, item)
    if not book.is_founded:
        raise MessageRejected("the book has no beginning")
    if kind == "steward":
        return _steward(book, seq, item)
    if kind == "group":
        return _group(book, seq, item)
    if kind == "roll":
        return _roll(book, seq, item)
    if kind == "box":
        return _box(book, seq, item)
    if kind == "card":
        return replace(book, cards={**book.cards, item.signer: read_card(book.space, item)})
    return book  # questions, results and what is still to come: for others to read


def _first(book: Belonging, seq: int, item: Item) -> Belonging:
    stewards = read_keys(item.content["stewards"], STEWARDS_LIMIT)
    if book.is_founded or not stewards or bytes.fromhex(str(item.content["space"])) != book.space:
        raise MessageRejected("another beginning")
    return replace(book, stewards={key: ((seq, 0),) for key in stewards}, is_founded=True)


def _steward(book: Belonging, seq: int, item: Item) -> Belonging:
    who, is_on = read_key(item.content["who"]), item.content["on"] is True
    standing = book.stewards_at(seq)
    if item.signer not in standing or (who in standing) == is_on or (not is_on and len(standing) == 1):
        raise MessageRejected("not for this one to name")
    if is_on and len(standing) >= STEWARDS_LIMIT:
        raise MessageRejected("a steward too many")
    first = book.wished.get(who)
    if len(standing) >= TWO_FROM and (first == item.signer or first not in standing):
        return replace(book, wished={**book.wished, who: item.signer})
    wished = {other: by for other, by in book.wished.items() if other != who}
    spans = _on(book.stewards.get(who, ()), seq) if is_on else _off(book.stewards[who], seq)
    return replace(book, stewards={**book.stewards, who: spans}, wished=wished)


def _group(book: Belonging, seq: int, item: Item) -> Belonging:
    id, is_on = read_group(item.content["group"]), item.content["on"] is True
    known = book.groups.get(id)
    if not book.is_steward(item.signer, seq):
        raise MessageRejected("only stewards let groups in or go")
    is_in = known is not None and known.is_in(seq)
    if is_in == is_on:
        raise MessageRejected("a group that is in already, or was not")
    if known is not None and not is_on:
        roll = {member: _closed(spans, seq) for member, spans in known.roll.items()}
        gone = replace(known, stays=_off(known.stays, seq), roll=roll, links=())
        return replace(book, groups={**book.groups, id: gone})
    links, box = read_keys(item.content["links"], LINKS_LIMIT), read_key(item.content["box"])
    if not links or len(book.groups_at(seq)) >= GROUPS_LIMIT:
        raise MessageRejected("a group without anybody, or one too many")
    before = {} if known is None else dict(known.roll)
    roll = before | {member: _on(before.get(member, ()), seq) for member in links}
    stays = _on(() if known is None else known.stays, seq)
    came = GroupIn(box=box, boxed_at=seq, links=links, stays=stays, roll=roll)
    return replace(book, groups={**book.groups, id: came})


def _roll(book: Belonging, seq: int, item: Item) -> Belonging:
    id = read_group(item.content["group"])
    group = book.groups[id]
    came, went = read_keys(item.content["on"], ROLL_LIMIT), read_keys(item.content["off"], ROLL_LIMIT)
    is_carer = item.signer in group.links or book.is_steward(item.signer, seq)
    if not group.is_in(seq) or not (came or went):
        raise MessageRejected("a roll of no group that is in")
    if came and not group.has(item.signer, seq):
        raise MessageRejected("only who is on a roll puts others on it")
    if any(member != item.signer and not is_carer for member in went):
        raise MessageRejected("not for this one to take off")
    roll = dict(group.roll)
    for member in went:
        if _is_within(roll.get(member, ()), seq):
            roll[member] = _off(roll[member], seq)
    for member in came:
        if not _is_within(roll.get(member, ()), seq):
            roll[member] = _on(roll.get(member, ()), seq)
    links = tuple(link for link in group.links if link not in went)
    changed = replace(group, roll=roll, links=links)
    if len(changed.members(seq)) > ROLL_LIMIT:
        raise MessageRejected("a roll that is too long")
    return replace(book, groups={**book.groups, id: changed})


def _box(book: Belonging, seq: int, item: Item) -> Belonging:
    id = read_group(item.content["group"])
    group = book.groups[id]
    if not group.has(item.signer, seq):
        raise MessageRejected("only who is on the roll brings a group's box")
    box = read_key(item.content["box"])
    return replace(book, groups={**book.groups, id: replace(group, box=box, boxed_at=seq)})


def _on(spans: tuple[Span, ...], seq: int) -> tuple[Span, ...]:
    return (*spans, (seq, 0))


def _off(spans: tuple[Span, ...], seq: int) -> tuple[Span, ...]:
    return (*spans[:-1], (spans[-1][0], seq))


def _closed(spans: tuple[Span, ...], seq: int) -> tuple[Span, ...]:
    return _off(spans, seq) if spans and not spans[-1][1] else spans


# Turns ------------------------------------------------------------------------------------------------


def boxes_for(book: Belonging) -> dict[bytes, bytes]:
    """Return whom a turn is for now: the box of each group that is in, by the group's id."""
    return {bytes.fromhex(id): book.groups[id].box for id in sorted(book.groups_at(book.seq))}


def odd_boxes(book: Belonging, at: int, boxes: Iterable[bytes]) -> frozenset[str]:
    """Return the groups for which a turn has no box though they were in at that place, or one though they were not."""
    return book.groups_at(at) ^ {id.hex() for id in boxes}


# Saying ----------------------------------------------------------------------------------------------


def first_content(space: bytes, stewards: Iterable[bytes]) -> dict[str, object]:
    return {"kind": "first", "space": space.hex(), "stewards": [key.hex() for key in stewards]}


def steward_content(who: bytes, *, is_on: bool) -> dict[str, object]:
    return {"kind": "steward", "who": who.hex(), "on": is_on}


def group_content(group: str, *, is_on: bool, box: bytes = b"", links: Iterable[bytes] = ()) -> dict[str, object]:
    return {"kind": "group", "group": group, "on": is_on, "box": box.hex(), "links": [key.hex() for key in links]}


def roll_content(group: str, *, on: Iterable[bytes] = (), off: Iterable[bytes] = ()) -> dict[str, object]:
    return {"kind": "roll", "group": group, "on": [key.hex() for key in on], "off": [key.hex() for key in off]}


def box_content(group: str, box: bytes) -> dict[str, object]:
    return {"kind": "box", "group": group, "box": box.hex()}


def card_message(space: bytes, member: bytes, name: str, profession: str) -> bytes:
    """Return what a person's identity key signs, so that a member key may go by their name in one space."""
    encoded = name.encode()
    return _CARD_LABEL + space + member + len(encoded).to_bytes(2, "big") + encoded + profession.encode()


def follows_message(space: bytes, former: bytes, member: bytes) -> bytes:
    """Return what a former member key signs, so that its follower may change what it said."""
    return _FOLLOWS_LABEL + space + former + member


def moved_message(space: bytes, following: bytes) -> bytes:
    """Return what link persons sign, each with their member key of the space that they leave for another."""
    return _MOVED_LABEL + space + following


# Reading ----------------------------------------------------------------------------------------------


@refused("a card")
def read_card(space: bytes, item: Item) -> Card:
    """Raises: MessageRejected unless the identity key, and a key that it follows, have signed it."""
    content = item.content
    name, profession = read_line(content["name"], NAME_LIMIT, "a person's name"), str(content["profession"])
    identity, follows = read_key(content["identity"]), b""
    if profession not in PROFESSIONS:
        raise MessageRejected("a card without a profession")
    _check(identity, content["signature"], card_message(space, item.signer, name, profession))
    if content.get("follows") is not None:
        said = as_object(content["follows"])
        follows = read_key(said["key"])
        _check(follows, said["signature"], follows_message(space, follows, item.signer))
    return Card(name=name, profession=profession, identity_key=identity, follows=follows)


@refused("signatures of link persons")
def is_moved(book: Belonging, following: bytes, signed: object) -> bool:
    """Tell whether link persons of more than half the groups have signed that this space goes on as another.

    `signed`: the list of a `first`, each with key and signature. What does not hold counts as nothing.
    """
    at, found = book.seq, set[str]()
    said = moved_message(book.space, following)
    for one in as_list(signed)[: GROUPS_LIMIT * LINKS_LIMIT]:
        key = read_key(as_object(one)["key"])
        groups = {id for id in book.groups_at(at) if key in book.groups[id].links}
        try:
            _check(key, as_object(one)["signature"], said)
        except MessageRejected:
            continue
        found |= groups
    return 2 * len(found) > len(book.groups_at(at))


def first_hash(envelope: bytes) -> str:
    """Return what those who are let in know a space's first item by: nobody is led into another space of this id."""
    return sha256(envelope).hex()


@refused("a key")
def read_key(value: object) -> bytes:
    key = bytes.fromhex(value) if isinstance(value, str) else b""
    if len(key) != KEY_BYTES:
        raise MessageRejected("not a key")
    return key


@refused("keys")
def read_keys(value: object, limit: int) -> tuple[bytes, ...]:
    """Return keys, each once. Raises: MessageRejected, also for more than `limit`."""
    keys = tuple(read_key(one) for one in as_list(value)[: limit + 1])
    if len(keys) > limit or len(set(keys)) != len(keys):
        raise MessageRejected("keys too many, or twice")
    return keys


@refused("a group's id")
def read_group(value: object) -> str:
    if not isinstance(value, str) or len(bytes.fromhex(value)) != 16 or value != value.lower():
        raise MessageRejected("not an id")
    return value


def _check(key: bytes, signature: object, said: bytes) -> None:
    try:
        verify(key, bytes.fromhex(str(signature)), said)
    except CryptoError:
        raise MessageRejected("a signature in the book does not hold") from None
