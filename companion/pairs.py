"""Pairs: a direct line of two people. It is a group like any other; here is who may ask for one, and which one stands.

Whoever asks makes the group with nobody else in it, and writes a `line` letter that holds what an invite does. The
answer is the `join` that answers an invite too, so nothing lies at the service for it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from companion.errors import MessageRejected
from companion.fields import as_id, as_object, refused, whole
from companion.groups import JOINING, LOOKS, MEMBER, Group, Seat
from companion.people import Me, Member
from companion.strings import kept, read_line
from companion.times import DAY_MS, HOUR_MS
from companion.wire import InviteCode

REQUESTS = "line_requests"
OPEN, PUT_OFF = "open", "put_off"
REQUEST_MS = 30 * DAY_MS
"""How long a request holds."""
AGAIN_MS = 7 * DAY_MS
"""How long nobody asks again."""
REQUESTS_LIMIT = 50
"""People whose requests are kept at a time."""
KEEP_DAYS = 365
"""How long the service keeps what is sent in a pair, so that it outlives a long leave."""
_CODE_LETTERS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRequest:
    """Somebody asks for a direct line; one for each person. `asked_ms` is when, by the service's time.

    `device` wrote it, and keeps the code. `state` is "open" or "put_off"; `is_told`: there was an alert for it.
    """

    member: Member
    device: str
    group: str
    code: str
    service: str
    asked_ms: int
    state: str = OPEN
    is_told: bool = False

    @property
    def person(self) -> str:
        return self.member.person

    @property
    def invite(self) -> InviteCode:
        return InviteCode(code=self.code, service=self.service)

    def is_over(self, now_ms: int) -> bool:
        """Tell whether it holds no more. `now_ms` is the time at the service."""
        return now_ms >= self.asked_ms + REQUEST_MS

    def to_doc(self) -> dict[str, object]:
        return {
            "_id": self.person,
            "_v": 1,
            "member": self.member.to_doc(),
            "device": self.device,
            "group": self.group,
            "code": self.code,
            "service": self.service,
            "asked_ms": self.asked_ms,
            "state": self.state,
            "is_told": self.is_told,
        }

    @classmethod
    @refused("a request for a direct line")
    def from_doc(cls, doc: dict[str, object]) -> "LineRequest":
        return cls(
            member=Member.from_doc(as_object(doc["member"])),
            device=kept(doc["device"]),
            group=kept(doc["group"]),
            code=kept(doc["code"]),
            service=kept(doc["service"]),
            asked_ms=whole(doc["asked_ms"]),
            state=kept(doc["state"]),
            is_told=bool(doc["is_told"]),
        )


def line_content(group: Group, code: InviteCode, me: Me, asked_ms: int) -> dict[str, object]:
    return {
        "kind": "line",
        "group": group.id,
        "code": code.code,
        "member": me.member.to_doc(),
        "asked_ms": asked_ms,
    }


@refused("a request for a direct line")
def read_request(content: dict[str, object], sender: str, service: str, at_ms: int) -> LineRequest:
    """Return who asks. `sender` is the device that wrote, `at_ms` when the service took the letter.

    A time that lies after that is cut to it. Raises: MessageRejected if it is malformed, or from another's device.
    """
    member = Member.from_doc(as_object(content["member"]))
    member.check()
    if member.devices.device(sender) is None:
        raise MessageRejected("a request from a device of somebody else")
    return LineRequest(
        member=member,
        device=sender,
        group=as_id(content["group"]),
        code=read_line(content["code"], _CODE_LETTERS, "a code"),
        service=service,
        asked_ms=min(whole(content["asked_ms"]), at_ms),
    )


def renewed(known: LineRequest | None, asked: LineRequest) -> LineRequest | None:
    """Return what is kept of a person's request when another one comes; None if it changes nothing.

    A copy says nothing new. What was put off comes back after a week, and no alert is given a second time.
    """
    if known is None:
        return asked
    pause_ms = 1 if known.state == OPEN else AGAIN_MS - HOUR_MS
    return replace(asked, is_told=known.is_told) if asked.asked_ms - known.asked_ms >= pause_ms else None


def group_of(request: LineRequest, *, accepted: bool) -> Group:
    """Return the pair that a yes asks to be let into."""
    return Group(
        id=request.group,
        name=request.member.name,
        look=LOOKS[0],
        service=request.service,
        capability="",
        seats=(Seat(member=request.member, joined_ms=0, invited_by="", accepted=accepted),),
        state=JOINING,
        created_ms=request.asked_ms,
        inviter=request.person,
        administrators=(request.person,),
        peer=request.member,
    )


def shared(groups: Iterable[Group], person: str, folded: Mapping[str, Collection[str]]) -> tuple[Group, ...]:
    """Return the groups that I am in with somebody, without those in which I folded them: who may ask, and be asked.

    `folded`: people by the id of the group.
    """
    return tuple(
        group
        for group in groups
        if not group.is_pair
        and group.state == MEMBER
        and group.seat(person) is not None
        and person not in folded.get(group.id, ())
    )


def first(pairs: Iterable[Group], me: str) -> Group | None:
    """Return which of the pairs with one person stands: the same one, whoever of the two works it out.

    One that both are in; else the one that the person with the smaller id asked for; of one person's, the newest.
    """

    def key(group: Group) -> tuple[bool, str, int, str]:
        return group.awaits_peer, group.inviter or me, -group.created_ms, group.id

    return min(pairs, key=key, default=None)
