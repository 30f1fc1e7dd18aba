"""Names, marks and counts of people and groups in words."""

from typing import cast

import flet as ft

from companion.chat.message import Message
from companion.groups import Group
from companion.likeness import seen_as
from companion.people import Member
from views.parts.people import GROUP_LOOKS, Look, group_mark, person
from views.words.names import initials, look_of
from views.words.texts import Texts

INVITE = "invite-"
"""Before a group's id in a route: the page where an invite to it is made."""
LOOKS: tuple[Look, ...] = tuple(GROUP_LOOKS)


def look_of_group(group: Group) -> Look:
    """Return the colour of a group; of a pair, the other person's."""
    if group.peer is not None:
        return look_of(group.peer.person)
    return cast(Look, group.look) if group.look in GROUP_LOOKS else LOOKS[0]


def mark_of(group: Group, size: int) -> ft.Control:
    """Return what stands for a group; for a pair, the other person's mark."""
    if group.peer is not None:
        return person(initials(group.peer.name), look_of(group.peer.person), size)
    return group_mark(look_of_group(group), size)


def who_is_in(texts: Texts, group: Group) -> str:
    """Return "9 people", or "You two" in a pair."""
    return texts("lines.you_two") if group.is_pair else people(texts, len(group.seats))


def who_sees(texts: Texts, group: Group) -> str:
    """Return who can see what is said in a group, for a screen reader."""
    if group.is_pair:
        return texts("lines.who_name", name=group.name)
    return texts("groups.who_name", count=who_is_in(texts, group), group=group.name)


def profession(texts: Texts, name: str) -> str:
    return texts(f"common.profession_{name}")


def people(texts: Texts, count: int) -> str:
    """Return "1 person" or "9 people"."""
    return texts("groups.one_person") if count == 1 else texts("groups.people_count", count=count)


def counted(texts: Texts, count: int, one: str, many: str) -> str:
    """Return the sentence for one thing or for several; `one` and `many` are keys."""
    return texts(one) if count == 1 else texts(many, count=count)


def name_of(texts: Texts, message: Message, me: str) -> str:
    """Return who said it: "You", or the name."""
    return texts("groups.you") if message.author == me else message.name


def inviter(group: Group) -> Member | None:
    """Return who let us in, or is about to."""
    seat = group.seat(group.inviter)
    return None if seat is None else seat.member


def mentioned(group: Group, text: str, me: str) -> tuple[str, ...]:
    """Return the people whose whole name stands in the text after an "@"; everybody once, never me."""
    seen = seen_as(text)
    found = (s.member.person for s in group.seats if f"@{seen_as(s.member.name)}" in seen and s.member.person != me)
    return tuple(dict.fromkeys(found))


def suggested(group: Group, text: str, me: str, limit: int = 4) -> tuple[Member, ...]:
    """Return the members that fit what is typed after the last "@", while that name is still being typed."""
    before, at, begun = text.rpartition("@")
    if not at or (before and not before[-1].isspace()) or "\n" in begun or len(begun) > 30:
        return ()
    members = {seat.member.person: seat.member for seat in group.seats if seat.member.person != me}
    seen = seen_as(begun)
    fits = [m for m in members.values() if f" {seen}" in f" {seen_as(m.name)}"]
    return tuple(m for m in fits if seen_as(m.name) != seen)[:limit]


def with_mention(text: str, member: Member) -> str:
    """Return the text with the name that was being typed made whole."""
    return f"{text.rpartition('@')[0]}@{member.name} "
