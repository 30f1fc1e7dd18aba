"""Invites: what the inviter's code seals, what a guest asks with, and what lets a new device in.

The invite tells the guest about the group, the inviter and the people who look after the group. The guest's device
writes a `join` letter to the inviter's device, with a proof that it held the code. Whoever commits the guest's devices
writes a `welcome` letter to each of them.
"""

import base64
import json
from dataclasses import dataclass

from companion.crypto.primitives import aead_open, aead_seal
from companion.devices import Device
from companion.errors import ClockOff, CryptoError, InviteExpired, InviteGarbled, MessageRejected
from companion.fields import as_id, as_object, refused, whole
from companion.groups import (
    SEATS_LIMIT,
    Announcement,
    Group,
    Seat,
    as_look,
    as_name,
    as_people,
    is_proof,
    joining_content,
    parse_seats,
    proof_of,
    read_joining,
    read_peer,
)
from companion.people import Me, Member
from companion.strings import kept
from companion.times import DAY_MS
from companion.wire import InviteCode

TABLE = "invites"
INVITE_MS = 7 * DAY_MS
LATE_MS = 7 * DAY_MS
"""How long a guest's letter may lie at the service after the invite has run out, by the clock of who invited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite:
    """An invite that this device made. `used_by` is the person it let in, or empty.

    `is_put`: the service holds it; `is_told`: it knows that it was revoked; both from the beginning for a pair's, which
    goes by letter. `since_ms` is when it was made or renewed; what release 0.1.0 kept says 0.
    """

    code: InviteCode
    group: str
    expires_ms: int
    used_by: str = ""
    is_revoked: bool = False
    is_told: bool = False
    is_put: bool = False
    since_ms: int = 0

    def is_open(self, at_ms: int) -> bool:
        return not self.is_revoked and not self.used_by and at_ms < self.expires_ms

    def to_doc(self) -> dict[str, object]:
        return {
            "_id": self.code.id,
            "_v": 1,
            "code": self.code.code,
            "service": self.code.service,
            "group": self.group,
            "expires_ms": self.expires_ms,
            "used_by": self.used_by,
            "is_revoked": self.is_revoked,
            "is_told": self.is_told,
            "is_put": self.is_put,
            "since_ms": self.since_ms,
        }

    @classmethod
    @refused("an invite")
    def from_doc(cls, doc: dict[str, object]) -> "Invite":
        return cls(
            code=InviteCode(code=kept(doc["code"]), service=kept(doc["service"])),
            group=kept(doc["group"]),
            expires_ms=whole(doc["expires_ms"]),
            used_by=kept(doc["used_by"]),
            is_revoked=bool(doc.get("is_revoked", False)),
            is_told=bool(doc.get("is_told", False)),
            is_put=bool(doc.get("is_put", False)),
            since_ms=whole(doc.get("since_ms", 0)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """What an invite tells its guest before anything is decided. `administrators` are ids of people."""

    code: InviteCode
    group: str
    name: str
    look: str
    people: int
    inviter: Member
    inviter_device: Device
    administrators: tuple[str, ...]
    expires_ms: int


def seal_invitation(group: Group, me: Me, invite: Invite, expires_ms: int) -> bytes:
    """Return what the relay keeps for the guest: everything under the code's key.

    `expires_ms` is when it runs out by the service's time: it serves the guest also if our clock is off.
    """
    content = {
        "group": group.id,
        "name": group.name,
        "look": group.look,
        "people": len(group.seats),
        "inviter": me.member.to_doc(),
        "device": me.device,
        "administrators": list(group.administrators),
        "expires_ms": expires_ms,
    }
    return aead_seal(invite.code.key, json.dumps(content).encode(), _label(invite.code))


@refused("an invite", InviteGarbled)
def open_invitation(code: InviteCode, body: bytes, now_ms: int, told_ms: int) -> Invitation:
    """Return what an invite says. `now_ms` is the time here, `told_ms` what the service says it is.

    Raises InviteGarbled if the code does not open the body, InviteExpired if its seven days are over: by both clocks,
    or, as ClockOff, only by ours.
    """
    try:
        content = as_object(json.loads(aead_open(code.key, body, _label(code))))
        inviter = Member.from_doc(as_object(content["inviter"]))
        inviter.check()
        device = inviter.devices.device(str(content["device"]))
        if device is None:
            raise InviteGarbled("the inviter's device")
        invitation = Invitation(
            code=code,
            group=as_id(content["group"]),
            name=as_name(content["name"]),
            look=as_look(content["look"]),
            people=whole(content["people"]),
            inviter=inviter,
            inviter_device=device,
            administrators=as_people(content["administrators"]),
            expires_ms=whole(content["expires_ms"]),
        )
    except (CryptoError, MessageRejected):
        raise InviteGarbled("the invite does not open or is incomplete") from None
    if now_ms >= invitation.expires_ms:
        kind = InviteExpired if told_ms >= invitation.expires_ms else ClockOff
        raise kind(f"expired at {invitation.expires_ms}")
    return invitation


def _label(code: InviteCode) -> bytes:
    return b"companion invite v2" + code.id.encode()


# The guest's request ----------------------------------------------------------------------------------


def join_content(invitation: Invitation, me: Me, packages: dict[str, bytes]) -> dict[str, object]:
    """Return what a guest's device asks with. `packages`: a key package for each of the guest's devices."""
    return request_content(invitation.code, invitation.group, me, packages)


def request_content(code: InviteCode, group: str, me: Me, packages: dict[str, bytes]) -> dict[str, object]:
    return {
        **joining_content(me.member, packages),
        "kind": "join",
        "invite": code.id,
        "proof": proof_of(code, group, me.member, me.device),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A guest asks to be let in. `is_declined`: the proof is sound, but the invite holds no more."""

    announcement: Announcement
    is_declined: bool


@refused("a request to join")
def read_join(
    group: Group, invite: Invite, content: dict[str, object], sender: str, *, asked_ms: int, now_ms: int
) -> Request:
    """Return who asks. `sender` is the device that wrote. Raises MessageRejected if it did not hold the code.

    `asked_ms` is when the service says that it took the letter, `now_ms` the time here, which it cannot set.
    """
    announcement = read_joining(content)
    member = announcement.member
    if member.devices.device(sender) is None or invite.group != group.id:
        raise MessageRejected("a join from another device or for another group")
    if not is_proof(str(content.get("proof")), invite.code, group.id, member, sender):
        raise MessageRejected("a join without proof")
    if group.peer is not None and member.person != group.peer.person:
        raise MessageRejected("a join of a third person in a pair")
    is_used = invite.used_by not in ("", member.person)
    is_over = asked_ms >= invite.expires_ms or now_ms >= invite.expires_ms + LATE_MS
    is_declined = is_used or is_over or invite.is_revoked or len(group.seats) >= SEATS_LIMIT
    return Request(announcement=announcement, is_declined=is_declined)


# Letting in -------------------------------------------------------------------------------------------


def welcome_content(group: Group, welcome: bytes, seq: int) -> dict[str, object]:
    """Return what a new device gets: the MLS Welcome, who is in, and where to begin to read."""
    return {
        "kind": "welcome",
        "group": group.id,
        "name": _told_name(group),
        "look": group.look,
        "created_ms": group.created_ms,
        "seats": [seat.to_doc() for seat in group.seats],
        "guests": [guest.to_doc() for guest in group.guests],
        "keeper": None if group.keeper is None else group.keeper.to_doc(),
        "seq": seq,
        "welcome": base64.b64encode(welcome).decode(),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What a welcome letter says."""

    group: str
    name: str
    look: str
    created_ms: int
    seats: tuple[Seat, ...]
    guests: tuple[Seat, ...]
    keeper: Member | None
    seq: int
    welcome: bytes


@refused("a welcome")
def read_welcome(content: dict[str, object]) -> Arrival:
    """Raises: MessageRejected if it is malformed, or names somebody whose identity key did not sign that."""
    keeper = content["keeper"]
    arrival = Arrival(
        group=as_id(content["group"]),
        name=as_name(content["name"]),
        look=as_look(content["look"]),
        created_ms=whole(content["created_ms"]),
        seats=parse_seats(content["seats"], SEATS_LIMIT),
        guests=parse_seats(content["guests"], SEATS_LIMIT),
        keeper=None if keeper is None else Member.from_doc(as_object(keeper)),
        seq=whole(content["seq"]),
        welcome=base64.b64decode(str(content["welcome"]), validate=True),
    )
    for seat in (*arrival.seats, *arrival.guests):
        seat.member.check()
    if arrival.keeper is not None:
        arrival.keeper.check()
    return arrival


# Telling my own devices -------------------------------------------------------------------------------


def expect_content(group: Group) -> dict[str, object]:
    """Return what my other devices need to know before a welcome to this group may reach them."""
    inviter = group.seats[0].member
    return {
        "kind": "expect",
        "group": group.id,
        "name": _told_name(group),
        "look": group.look,
        "created_ms": group.created_ms,
        "inviter": inviter.to_doc(),
        "administrators": list(group.administrators),
        "peer": None if group.peer is None else group.peer.to_doc(),
    }


def _told_name(group: Group) -> str:
    """Return the name to tell of a group. A pair has none of its own: each of the two sees the other's."""
    return "pair" if group.is_pair else group.name


@refused("a note about a group")
def read_expect(content: dict[str, object], service: str) -> Group:
    """Return the group that this device is to be let into. Raises MessageRejected."""
    inviter = Member.from_doc(as_object(content["inviter"]))
    inviter.check()
    peer = read_peer(content)
    if peer is not None:
        peer.check()
    return Group(
        id=as_id(content["group"]),
        name=as_name(content["name"]) if peer is None else peer.name,
        look=as_look(content["look"]),
        service=service,
        capability="",
        seats=(Seat(member=inviter, joined_ms=0, invited_by=""),),
        state="joining",
        created_ms=whole(content["created_ms"]),
        inviter=inviter.person,
        administrators=as_people(content["administrators"]),
        peer=peer,
    )
