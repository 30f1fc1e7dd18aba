"""Peer groups: who is in, how somebody joins, what was said.

Joining: the invite's content (sealed by its code) tells the guest about the group and the inviter. The guest sends a
`join` that only the inviter's device can open, with a proof that it held the code. The inviter's device admits: the
`admit` names the newcomer to everyone before anything is sealed to that device. Admitting is ordered by the group's
epoch at the relay, so two members who admit at the same moment cannot part the group.
"""

import base64
import hmac
import json
from dataclasses import dataclass, replace

from companion.crypto.primitives import aead_open, aead_seal
from companion.errors import CryptoError, InviteExpired, InviteGarbled, MessageRejected
from companion.people import Me, Member
from companion.sealing import RECIPIENT_LIMIT, Opened
from companion.wire import InviteCode

TABLE = "groups"
INVITES = "invites"
JOINS = "joins"
OUTBOX = "outbox"
DRAFTS = "drafts"
INVITE_MS = 7 * 24 * 3600 * 1000
NAME_LIMIT = 60
TEXT_LIMIT = 8_000
LOOKS = ("pine", "ember", "honey", "heather", "sky", "stone")


def messages_table(group: str) -> str:
    return f"msg:{group}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A member's place in the group. Times in ms since the epoch, UTC; 0 for the founder."""

    member: Member
    joined_ms: int
    invited_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One group as this device knows it. `state` is "joining" until a member has let us in, then "member".

    `cursor` is the last sequence number that was read and committed; `epoch` counts admissions.
    """

    id: str
    name: str
    look: str
    service: str
    capability: str
    seats: tuple[Seat, ...]
    state: str
    created_ms: int
    cursor: int = 0
    epoch: int = 0
    inviter: str = ""

    @property
    def members(self) -> tuple[Member, ...]:
        return tuple(seat.member for seat in self.seats)

    def seat(self, device: str) -> Seat | None:
        return next((seat for seat in self.seats if seat.member.device == device), None)

    def to_doc(self) -> dict[str, object]:
        seats = [{**s.member.to_doc(), "joined_ms": s.joined_ms, "invited_by": s.invited_by} for s in self.seats]
        return {
            "_id": self.id,
            "_v": 1,
            "name": self.name,
            "look": self.look,
            "service": self.service,
            "capability": self.capability,
            "seats": seats,
            "state": self.state,
            "created_ms": self.created_ms,
            "cursor": self.cursor,
            "epoch": self.epoch,
            "inviter": self.inviter,
        }

    @classmethod
    def from_doc(cls, doc: dict[str, object]) -> "Group":
        return cls(
            id=str(doc["_id"]),
            name=str(doc["name"]),
            look=str(doc["look"]),
            service=str(doc["service"]),
            capability=str(doc["capability"]),
            seats=_parse_seats(doc["seats"]),
            state=str(doc["state"]),
            created_ms=_int(doc["created_ms"]),
            cursor=_int(doc["cursor"]),
            epoch=_int(doc["epoch"]),
            inviter=str(doc["inviter"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One line of a group. `state`: "waiting", "sent", "refused" (mine), "received". `kind`: "message", "joined"."""

    id: str
    group: str
    sender: str
    name: str
    profession: str
    text: str
    at_ms: int
    state: str
    kind: str = "message"
    seq: int = 0

    def to_doc(self) -> dict[str, object]:
        return {
            "_id": self.id,
            "_v": 1,
            "group": self.group,
            "sender": self.sender,
            "name": self.name,
            "profession": self.profession,
            "text": self.text,
            "at_ms": self.at_ms,
            "state": self.state,
            "kind": self.kind,
            "seq": self.seq,
        }

    @classmethod
    def from_doc(cls, doc: dict[str, object]) -> "Message":
        return cls(
            id=str(doc["_id"]),
            group=str(doc["group"]),
            sender=str(doc["sender"]),
            name=str(doc["name"]),
            profession=str(doc["profession"]),
            text=str(doc["text"]),
            at_ms=_int(doc["at_ms"]),
            state=str(doc["state"]),
            kind=str(doc["kind"]),
            seq=_int(doc["seq"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite:
    """An invite that this device made. `used_by` is the device it let in, or empty."""

    code: InviteCode
    group: str
    expires_ms: int
    used_by: str = ""

    def to_doc(self) -> dict[str, object]:
        return {
            "_id": self.code.id,
            "_v": 1,
            "code": self.code.code,
            "service": self.code.service,
            "group": self.group,
            "expires_ms": self.expires_ms,
            "used_by": self.used_by,
        }

    @classmethod
    def from_doc(cls, doc: dict[str, object]) -> "Invite":
        return cls(
            code=InviteCode(code=str(doc["code"]), service=str(doc["service"])),
            group=str(doc["group"]),
            expires_ms=_int(doc["expires_ms"]),
            used_by=str(doc["used_by"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """What an invite tells its guest before anything is decided."""

    code: InviteCode
    group: str
    name: str
    look: str
    capability: str
    people: int
    inviter: Member
    expires_ms: int


# Making and reading invites ---------------------------------------------------------------------------


def seal_invitation(group: Group, me: Me, invite: Invite) -> bytes:
    """Return what the relay keeps for the guest: everything under the code's key."""
    content = {
        "group": group.id,
        "name": group.name,
        "look": group.look,
        "capability": group.capability,
        "people": len(group.seats),
        "inviter": me.member.to_doc(),
        "expires_ms": invite.expires_ms,
    }
    return aead_seal(invite.code.key, json.dumps(content).encode(), b"companion invite v1" + invite.code.id.encode())


def open_invitation(code: InviteCode, body: bytes, at_ms: int) -> Invitation:
    """Raises InviteGarbled if the code does not open the body, InviteExpired if its seven days are over."""
    try:
        content = json.loads(aead_open(code.key, body, b"companion invite v1" + code.id.encode()))
        invitation = Invitation(
            code=code,
            group=_id(content["group"]),
            name=_name(content["name"]),
            look=_look(content["look"]),
            capability=str(bytes.fromhex(content["capability"]).hex()),
            people=_int(content["people"]),
            inviter=Member.from_doc(content["inviter"]),
            expires_ms=_int(content["expires_ms"]),
        )
    except (CryptoError, MessageRejected, ValueError, KeyError, TypeError, AttributeError):
        raise InviteGarbled("the invite does not open or is incomplete") from None
    if at_ms >= invitation.expires_ms:
        raise InviteExpired(f"expired at {invitation.expires_ms}")
    return invitation


# Contents of envelopes ---------------------------------------------------------------------------------


def join_content(invitation: Invitation, me: Me) -> dict[str, object]:
    return {
        "kind": "join",
        "invite": invitation.code.id,
        "member": me.member.to_doc(),
        "proof": _proof(invitation.code, invitation.group, me.member),
    }


def admit_content(group: Group, newcomer: Member, invited_by: str) -> dict[str, object]:
    """Return the admission, with everyone who is in already for the newcomer's eyes."""
    return {
        "kind": "admit",
        "member": newcomer.to_doc(),
        "invited_by": invited_by,
        "epoch": group.epoch + 1,
        "seats": group.to_doc()["seats"],
    }


def message_content(message: Message) -> dict[str, object]:
    return {"kind": "message", "id": message.id, "text": message.text, "at_ms": message.at_ms}


# Reading -----------------------------------------------------------------------------------------------


def accept_join(group: Group, invite: Invite | None, opened: Opened, at_ms: int) -> Member:
    """Return who asks to join. Raises MessageRejected unless the proof fits an open invite of this device."""
    try:
        newcomer = Member.from_doc(_object(opened.content["member"]))
        proof = str(opened.content["proof"])
    except (KeyError, ValueError):
        raise MessageRejected("join is incomplete") from None
    if invite is None or invite.group != group.id or at_ms >= invite.expires_ms:
        raise MessageRejected("join without an open invite")
    if invite.used_by not in ("", newcomer.device) or newcomer.sign_key != opened.sign_key:
        raise MessageRejected("join with a used invite or another key")
    if not hmac.compare_digest(proof, _proof(invite.code, group.id, newcomer)):
        raise MessageRejected("join without proof")
    if len(group.seats) >= RECIPIENT_LIMIT:
        raise MessageRejected("group is full")
    return newcomer


def apply_admit(group: Group, opened: Opened, me: Me, at_ms: int) -> tuple[Group, Seat]:
    """Return the group with the newcomer, and the newcomer's seat.

    Raises: MessageRejected unless the sender is a member, or the inviter when we are the newcomer, and the epoch is
    the next one.
    """
    try:
        newcomer = Member.from_doc(_object(opened.content["member"]))
        invited_by = str(opened.content["invited_by"])[:80]
        epoch = _int(opened.content["epoch"])
        seats = _parse_seats(opened.content["seats"])
    except (KeyError, ValueError):
        raise MessageRejected("admit is incomplete") from None
    seat = Seat(member=newcomer, joined_ms=at_ms, invited_by=invited_by)
    if newcomer.device == me.member.device and group.state == "joining":
        if opened.sender != group.inviter or all(s.member.device != opened.sender for s in seats):
            raise MessageRejected("admitted by somebody else than the inviter")
        return replace(group, seats=(*seats, seat), state="member", epoch=epoch), seat
    if group.seat(opened.sender) is None or epoch != group.epoch + 1 or group.seat(newcomer.device) is not None:
        raise MessageRejected("admit by a stranger, twice, or out of order")
    return replace(group, seats=(*group.seats, seat), epoch=epoch), seat


def receive_message(group: Group, opened: Opened, *, seq: int, at_ms: int) -> Message:
    """Return the message. `at_ms` is the relay's time. Raises MessageRejected if the sender is no member."""
    seat = group.seat(opened.sender)
    if seat is None:
        raise MessageRejected("sender is not in the group")
    try:
        return Message(
            id=_id(opened.content["id"]),
            group=group.id,
            sender=opened.sender,
            name=seat.member.name,
            profession=seat.member.profession,
            text=_text(opened.content["text"]),
            at_ms=min(_int(opened.content["at_ms"]), at_ms),
            state="received",
            seq=seq,
        )
    except (KeyError, ValueError):
        raise MessageRejected("message is incomplete") from None


def joined_line(group: Group, seat: Seat, *, id: str, seq: int, at_ms: int) -> Message:
    return Message(
        id=id,
        group=group.id,
        sender=seat.member.device,
        name=seat.member.name,
        profession=seat.member.profession,
        text=seat.invited_by,
        at_ms=at_ms,
        state="received",
        kind="joined",
        seq=seq,
    )


def outbox_doc(*, cid: str, group: Group, body: bytes, message: str, epoch: int | None = None) -> dict[str, object]:
    """`message` is the id of the message it carries, or empty; `epoch` makes it the first of that epoch or refused."""
    return {
        "_id": cid,
        "_v": 1,
        "group": group.id,
        "body": base64.b64encode(body).decode(),
        "message": message,
        "epoch": epoch,
    }


def _proof(code: InviteCode, group: str, member: Member) -> str:
    said = b"companion join v1" + bytes.fromhex(group) + member.sign_key + member.seal_key
    return hmac.digest(code.key, said, "sha256").hex()


def _parse_seats(value: object) -> tuple[Seat, ...]:
    if not isinstance(value, list) or len(value) > RECIPIENT_LIMIT:
        raise ValueError("seats")
    return tuple(
        Seat(member=Member.from_doc(doc), joined_ms=_int(doc["joined_ms"]), invited_by=str(doc["invited_by"])[:80])
        for doc in map(_object, value)
    )


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _int(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 53:
        raise ValueError("not a number in range")
    return value


def _id(value: object) -> str:
    if not isinstance(value, str) or len(value) != 32 or any(c not in "0123456789abcdef" for c in value):
        raise MessageRejected("id")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= TEXT_LIMIT:
        raise MessageRejected("text")
    return value


def _name(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= NAME_LIMIT:
        raise MessageRejected("name")
    return value


def _look(value: object) -> str:
    return value if isinstance(value, str) and value in LOOKS else LOOKS[0]
