"""Names, marks and counts of people and groups in words."""

from typing import cast

from companion.groups import Group
from companion.people import Member
from views.parts.people import GROUP_LOOKS, Look
from views.texts import Texts

INVITE = "invite-"
"""Before a group's id in a route: the page where an invite to it is made."""
LOOKS: tuple[Look, ...] = tuple(GROUP_LOOKS)


def look_of_group(group: Group) -> Look:
    return cast(Look, group.look) if group.look in GROUP_LOOKS else LOOKS[0]


def profession(texts: Texts, name: str) -> str:
    return texts(f"common.profession_{name}")


def people(texts: Texts, count: int) -> str:
    """Return "1 person" or "9 people"."""
    return texts("groups.one_person") if count == 1 else texts("groups.people_count", count=count)


def inviter(group: Group) -> Member | None:
    """Return who let us in, or is about to."""
    seat = group.seat(group.inviter)
    return None if seat is None else seat.member
