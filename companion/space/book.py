"""Who belongs to a space, as its book says: a pure fold of the book's items in their order.

The book knows member keys and groups, no names but those on cards, and no devices. An item counts if whoever signed it
may say it by what stood in the book just before. What is said in the other logs is judged by where in the book its
author stood, which `Belonging` can be asked for any place. Source: docs/protocol.md section 8.
"""

from collections.abc import Iterable
from dataclasses import replace

from companion.crypto.primitives import sha256
from companion.errors import MessageRejected
from companion.fields import as_id, refused
from companion.space.belonging import Belonging, GroupIn, Spans
from companion.space.cards import read_box, read_card, read_key, read_keys
from companion.space.items import Item
from companion.space.layers import Layers
from companion.space.turns import Turn

ROLL_LIMIT = 64
GROUPS_LIMIT = 500
STEWARDS_LIMIT = 16
LINKS_LIMIT = 8
TWO_FROM = 3
"""With so many stewards or more, another one is named, or taken off, by two of them."""


def with_item(book: Belonging, seq: int, item: Item) -> Belonging:
    """Return the book with its next item. One that says what its signer may not, or nothing known, changes nothing.

    So does what was said before, even if it did not count: whoever has the key can seal again what another one signed.
    """
    name, book = (item.id, item.signer), replace(book, seq=seq)
    if name in book.said:
        return book
    book = replace(book, said=book.said.also({name: seq}))
    if item.n != len(book.turns):
        return book
    try:
        with refused("an item of the book"):
            return _KINDS[str(item.content["kind"])](book, seq, item)
    except MessageRejected:
        return book


def with_turn(book: Belonging, seq: int) -> Belonging:
    """Return the book after a turn that the device has found to be one."""
    return replace(book, seq=seq, turns=(*book.turns, seq))


def with_nothing(book: Belonging, seq: int) -> Belonging:
    """Return the book after an event that says nothing in it: emptied, refused, or a notice."""
    return replace(book, seq=seq)


def _first(book: Belonging, seq: int, item: Item) -> Belonging:
    stewards = read_keys(item.content["stewards"], STEWARDS_LIMIT)
    if book.is_founded or not stewards or item.content["space"] != book.space.hex():
        raise MessageRejected("another beginning")
    spans = Layers({key: _on((), seq) for key in stewards})
    return replace(book, stewards=spans, standing=frozenset(stewards), is_founded=True)


def _steward(book: Belonging, seq: int, item: Item) -> Belonging:
    who, is_on = read_key(item.content["who"]), _is_on(item)
    if item.signer not in book.standing or (who in book.standing) == is_on:
        raise MessageRejected("not for this one to name")
    if len(book.standing) == (STEWARDS_LIMIT if is_on else 1):
        raise MessageRejected("a steward too many, or the last one")
    if len(book.standing) >= TWO_FROM and who not in _wished_by_others(book, item.signer):
        return replace(book, wished={**book.wished, item.signer: who})
    wished = {by: other for by, other in book.wished.items() if who not in (by, other)}
    before = book.stewards.get(who, ())
    spans = _on(before, seq) if is_on else _off(before, seq)
    stewards, standing = book.stewards.also({who: spans}), book.standing ^ {who}
    return replace(book, stewards=stewards, standing=standing, wished=wished)


def _wished_by_others(book: Belonging, steward: bytes) -> set[bytes]:
    return {who for by, who in book.wished.items() if by != steward}


def _group(book: Belonging, seq: int, item: Item) -> Belonging:
    id, is_on = as_id(item.content["group"]), _is_on(item)
    if item.signer not in book.standing:
        raise MessageRejected("only stewards let groups in or go")
    if (id in book.present) == is_on:
        raise MessageRejected("a group that is in already, or was not")
    if not is_on:
        group = book.groups[id]
        gone = replace(_without(group, group.present, seq), stays=_off(group.stays, seq))
        return replace(book, groups=book.groups.also({id: gone}), present=book.present - {id})
    links, box = read_keys(item.content["links"], LINKS_LIMIT), read_box(item.content["box"])
    if not links or len(book.present) >= GROUPS_LIMIT:
        raise MessageRejected("a group without anybody, or one too many")
    before = book.groups.get(id) or GroupIn(box=box, boxed_at=seq, links=(), stays=())
    came = replace(before, box=box, boxed_at=seq, links=links, stays=_on(before.stays, seq))
    return _with_group(replace(book, present=book.present | {id}), id, _with(came, links, seq))


def _roll(book: Belonging, seq: int, item: Item) -> Belonging:
    id, group = _group_of(book, item)
    came, went = read_keys(item.content["on"], ROLL_LIMIT), read_keys(item.content["off"], ROLL_LIMIT)
    is_carer = item.signer in group.links or item.signer in book.standing
    if came and item.signer not in group.present:
        raise MessageRejected("only who is on a roll puts others on it")
    if any(member != item.signer and not is_carer for member in went):
        raise MessageRejected("not for this one to take off")
    changed = _with(_without(group, went, seq), came, seq)
    if len(changed.present) > ROLL_LIMIT:
        raise MessageRejected("a roll that is too long")
    return _with_group(book, id, changed)


def _box(book: Belonging, seq: int, item: Item) -> Belonging:
    id, group = _group_of(book, item)
    if item.signer not in group.present:
        raise MessageRejected("only who is on the roll brings a group's box")
    return _with_group(book, id, replace(group, box=read_box(item.content["box"]), boxed_at=seq))


def _card(book: Belonging, seq: int, item: Item) -> Belonging:
    if not book.belongs(item.signer, seq) and item.signer not in book.standing:
        raise MessageRejected("a card of nobody")
    return replace(book, cards=book.cards.also({item.signer: read_card(book.space, item)}))


_KINDS = {"first": _first, "steward": _steward, "group": _group, "roll": _roll, "box": _box, "card": _card}
"""What the book says of who belongs. Other kinds are for others to read."""


def _group_of(book: Belonging, item: Item) -> tuple[str, GroupIn]:
    id = as_id(item.content["group"])
    return id, book.groups[id]  # of one that was let go nobody is present


def _with_group(book: Belonging, id: str, group: GroupIn) -> Belonging:
    homes = {one: book.homes.get(one, ()) for one in group.present}
    homes = {one: (*known, id) for one, known in homes.items() if id not in known}
    return replace(book, groups=book.groups.also({id: group}), homes=book.homes.also(homes))


def _with(group: GroupIn, members: Iterable[bytes], seq: int) -> GroupIn:
    came = frozenset(members) - group.present
    spans = {member: _on(group.roll.get(member, ()), seq) for member in came}
    return replace(group, roll=group.roll.also(spans), present=group.present | came)


def _without(group: GroupIn, members: Iterable[bytes], seq: int) -> GroupIn:
    went = frozenset(members) & group.present
    spans = {member: _off(group.roll[member], seq) for member in went}
    links = tuple(link for link in group.links if link not in went)
    left_at = seq if went else group.left_at
    present = group.present - went
    return replace(group, roll=group.roll.also(spans), present=present, links=links, left_at=left_at)


def _on(spans: Spans, seq: int) -> Spans:
    return (*spans, (seq, 0))


def _off(spans: Spans, seq: int) -> Spans:
    return (*spans[:-1], (spans[-1][0], seq))


def _is_on(item: Item) -> bool:
    value = item.content["on"]
    if not isinstance(value, bool):
        raise MessageRejected("neither on nor off")
    return value


# Turns ------------------------------------------------------------------------------------------------


def may_turn(book: Belonging, turn: Turn) -> bool:
    """Tell whether a turn counts that stands next in the book: of a steward, from the key in force, by a place that was
    under it.
    """
    is_steward = book.is_steward(turn.signer, turn.at)  # the service takes it whatever was said since
    return turn.n == len(book.turns) and is_steward and book.is_in_time(turn.n, turn.at)


def boxes_for(book: Belonging) -> dict[bytes, bytes]:
    """Return whom a turn is for now: the box of each group that is in, by the group's id."""
    return {bytes.fromhex(id): book.groups[id].box for id in sorted(book.present)}


def unboxed(book: Belonging) -> frozenset[str]:
    """Return the groups that have to bring a box before a turn: who was taken off since theirs came can open it."""
    return frozenset(id for id in book.present if book.groups[id].boxed_at < book.groups[id].left_at)


def odd_boxes(book: Belonging, at: int, boxes: Iterable[bytes]) -> frozenset[str]:
    """Return the groups for which a turn has no box though they were in at that place, or one though they were not.

    The place is the last before the turn: who went while it was on its way is said too.
    """
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


def first_hash(envelope: bytes) -> str:
    """Return what those who are let in know a space's first item by: nobody is led into another space of this id."""
    return sha256(envelope).hex()
