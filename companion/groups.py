"""Peer groups: who is in, who is coming, who looks after it. Pure; how keys change is `companion.mls`.

A group's members are people; the leaves of its MLS tree are their devices. Whoever is let in was announced to everyone
first, with the name and devices that their identity key has signed.
"""

import hmac
from collections.abc import Collection
from dataclasses import dataclass, replace

from companion.chat.message import Message
from companion.crypto.primitives import hmac_sha256
from companion.errors import MessageRejected
from companion.fields import as_id, as_list, as_object, refused, whole
from companion.people import Member
from companion.strings import kept, read_line
from companion.wire import InviteCode

TABLE = "groups"
MOVES = "moves"
"""Who came and went, and that others look after it, in the order of the group: for whoever keeps keys besides MLS."""
NAME_LIMIT = 60
SEATS_LIMIT = 64
GUESTS_LIMIT = 64
PACKAGE_BYTES_LIMIT = 4_096
LOOKS = ("pine", "ember", "honey", "heather", "sky", "stone")
JOINING, MEMBER, REJOINING, LEAVING = "joining", "member", "rejoining", "leaving"
LEFT, REMOVED, DECLINED, MERGED = "left", "removed", "declined", "merged"
STANDING = frozenset({JOINING, MEMBER, REJOINING})
FOLLOWED = frozenset({MEMBER, REJOINING, LEAVING})
SEALING = frozenset({MEMBER, LEAVING})
"""States in which something may be sealed: whoever asked to be let in anew holds keys that may only be read with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A person's place in the group. Times in ms since the epoch, UTC; 0 for the founder.

    `accepted` is False while a name known here stands for another identity key: nothing is sent until I accept it.
    """

    member: Member
    joined_ms: int
    invited_by: str
    accepted: bool = True

    def to_doc(self) -> dict[str, object]:
        own = {"joined_ms": self.joined_ms, "invited_by": self.invited_by, "accepted": self.accepted}
        return {**self.member.to_doc(), **own}

    @classmethod
    @refused("a seat")
    def from_doc(cls, doc: dict[str, object]) -> "Seat":
        return cls(
            member=Member.from_doc(doc),
            joined_ms=whole(doc["joined_ms"]),
            invited_by=kept(doc["invited_by"], 80),
            accepted=bool(doc.get("accepted", True)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One group as this device knows it.

    `state`: "joining" until we are let in; "member"; "rejoining" while another device lets this one, which lost its
    place, back in; "leaving"; then "left", "removed", "declined" for a guest whose invite no longer holds, or "merged"
    for a pair of mine that gave way to theirs.
    `peer` is the other person of a pair, None for a group: it is who it was asked of, or who asked, from the beginning.
    `members` and `seats` hold people, each once, however many devices they have: compare them by `member.person`.
    `guests` were announced and are not in yet. `administrators` and `inviter` are ids of people. `keeper` signed the
    rules in force. `cursor` is the last sequence number that was read and committed, `cursor_cid` and `cursor_ms` are
    of the event there, empty and 0 if that is not known; `epoch` counts changes of keys; `unopened` counts envelopes
    that did not open here; `astray` those of the present epoch sealed in other keys: the
    group may have been parted. `renewed_ms` is when this device renewed its keys last.
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
    cursor_cid: str = ""
    cursor_ms: int = 0
    epoch: int = 0
    inviter: str = ""
    administrators: tuple[str, ...] = ()
    guests: tuple[Seat, ...] = ()
    keeper: Member | None = None
    unopened: int = 0
    astray: int = 0
    renewed_ms: int = 0
    peer: Member | None = None

    @property
    def is_pair(self) -> bool:
        return self.peer is not None

    @property
    def is_alone(self) -> bool:
        """Whether it is a pair without the other one: nothing that is said may be sealed for me alone."""
        return self.peer is not None and self.seat(self.peer.person) is None

    @property
    def awaits_peer(self) -> bool:
        """Whether it is a pair that is not open yet: what is said waits until both are in."""
        return self.is_pair and (self.state == JOINING or (self.state in STANDING and self.is_alone))

    @property
    def members(self) -> tuple[Member, ...]:
        return tuple(seat.member for seat in self.seats)

    @property
    def known(self) -> tuple[Member, ...]:
        """Everybody whose devices may be among the keys: members, guests, a pair's two, and who signed the rules."""
        others = (one for one in (self.keeper, self.peer) if one is not None)
        return (*self.members, *(guest.member for guest in self.guests), *others)

    @property
    def facilitators(self) -> tuple[str, ...]:
        """The people who look after the group; nobody looks after a pair."""
        if self.is_pair:
            return ()
        return tuple(s.member.person for s in self.seats if s.member.person in self.administrators)

    def seat(self, person: str) -> Seat | None:
        return _seat(self.seats, person)

    def guest(self, person: str) -> Seat | None:
        return _seat(self.guests, person)

    def at(self, seq: int, cid: str = "", at_ms: int = 0) -> "Group":
        """Return the group with its cursor on this event."""
        return replace(self, cursor=seq, cursor_cid=cid, cursor_ms=at_ms)

    def with_member(self, member: Member) -> "Group":
        """Return the group with this newer card and device list wherever that person stands."""

        def newer(seats: tuple[Seat, ...]) -> tuple[Seat, ...]:
            return tuple(replace(s, member=member) if s.member.person == member.person else s for s in seats)

        def newer_one(known: Member | None) -> Member | None:
            return member if known is not None and known.person == member.person else known

        keeper, peer = newer_one(self.keeper), newer_one(self.peer)
        name = self.name if peer is None else peer.name
        changed = replace(self, seats=newer(self.seats), guests=newer(self.guests))
        return replace(changed, keeper=keeper, peer=peer, name=name)

    def takes(self, persons: Collection[str], me: str) -> bool:
        """Tell whether these people may sit in it, of whom `me` is one: a pair never holds a third."""
        return self.peer is None or set(persons) <= {me, self.peer.person}

    def to_doc(self) -> dict[str, object]:
        return {
            "_id": self.id,
            "_v": 1,
            "name": self.name,
            "look": self.look,
            "service": self.service,
            "capability": self.capability,
            "seats": [seat.to_doc() for seat in self.seats],
            "state": self.state,
            "created_ms": self.created_ms,
            "cursor": self.cursor,
            "cursor_cid": self.cursor_cid,
            "cursor_ms": self.cursor_ms,
            "epoch": self.epoch,
            "inviter": self.inviter,
            "administrators": list(self.administrators),
            "guests": [guest.to_doc() for guest in self.guests],
            "keeper": None if self.keeper is None else self.keeper.to_doc(),
            "unopened": self.unopened,
            "astray": self.astray,
            "renewed_ms": self.renewed_ms,
            "peer": None if self.peer is None else self.peer.to_doc(),
        }

    @classmethod
    @refused("a group")
    def from_doc(cls, doc: dict[str, object]) -> "Group":
        keeper, peer = doc["keeper"], read_peer(doc)
        return cls(
            id=kept(doc["_id"]),
            name=kept(doc["name"], NAME_LIMIT) if peer is None else peer.name,
            look=kept(doc["look"]),
            service=kept(doc["service"]),
            capability=kept(doc["capability"]),
            seats=parse_seats(doc["seats"], SEATS_LIMIT),
            state=kept(doc["state"]),
            created_ms=whole(doc["created_ms"]),
            cursor=whole(doc["cursor"]),
            cursor_cid=kept(doc.get("cursor_cid", "")),  # 0.1.0 kept the number alone
            cursor_ms=whole(doc.get("cursor_ms", 0)),
            epoch=whole(doc["epoch"]),
            inviter=kept(doc["inviter"]),
            administrators=tuple(kept(person) for person in as_list(doc["administrators"])),
            guests=parse_seats(doc["guests"], GUESTS_LIMIT),
            keeper=None if keeper is None else Member.from_doc(as_object(keeper)),
            unopened=whole(doc["unopened"]),
            astray=whole(doc["astray"]),
            renewed_ms=whole(doc["renewed_ms"]),
            peer=peer,
        )


def _seat(seats: tuple[Seat, ...], person: str) -> Seat | None:
    return next((seat for seat in seats if seat.member.person == person), None)


# Announcing -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """Somebody is joining: who, and a key package for each of their devices, by device id."""

    member: Member
    packages: dict[str, bytes]


def joining_content(member: Member, packages: dict[str, bytes]) -> dict[str, object]:
    return {"kind": "joining", "member": member.to_doc(), "packages": {k: v.hex() for k, v in packages.items()}}


@refused("an announcement")
def read_joining(content: dict[str, object]) -> Announcement:
    """Raises: MessageRejected if it is malformed or the newcomer's identity key did not sign it."""
    member = Member.from_doc(as_object(content["member"]))
    packages = {str(k): bytes.fromhex(str(v)) for k, v in as_object(content["packages"]).items()}
    member.check()
    if not packages or any(
        len(p) > PACKAGE_BYTES_LIMIT or member.devices.device(d) is None for d, p in packages.items()
    ):
        raise MessageRejected("an announcement brings keys for other devices")
    return Announcement(member=member, packages=packages)


@refused("a guest")
def announced(group: Group, member: Member, invited_by: str, at_ms: int, known: Collection[Member]) -> Group:
    """Return the group with one more guest, or with newer devices of somebody who is in or announced.

    `known`: everybody this device knows. Raises: MessageRejected for a device list that forks, or too many guests.
    """
    if group.peer is not None and group.seat(member.person) is None and member.person != group.peer.person:
        raise MessageRejected("a third person in a pair")
    earlier = next((m for m in (*group.known, *known) if m.person == member.person), None)
    newest = member if earlier is None else earlier.newer(member)
    group = with_newer(group, newest, known)
    if group.seat(newest.person) is not None or group.guest(newest.person) is not None:
        return group
    if len(group.guests) + len(group.seats) >= SEATS_LIMIT:
        raise MessageRejected("the group is full")
    guest = Seat(
        member=newest, joined_ms=at_ms, invited_by=invited_by, accepted=not is_namesake(newest, (*group.known, *known))
    )
    return replace(group, guests=(*group.guests, guest))


def is_namesake(member: Member, known: Collection[Member]) -> bool:
    """Tell whether somebody known here has this name, as the eye sees it, and profession, and another identity key."""
    return any(m.person != member.person and m.is_shown_like(member) for m in known)


def is_other_card(member: Member, before: Member) -> bool:
    return (member.name, member.profession) != (before.name, before.profession)


def with_newer(group: Group, newest: Member, known: Collection[Member]) -> Group:
    """Return the group with a later card and device list of somebody.

    Whoever now looks like somebody else that is known here has to be accepted again before anything is sent.
    """
    stands = group.seat(newest.person) or group.guest(newest.person)
    group = group.with_member(newest)
    if stands is None or not is_other_card(newest, stands.member):
        return group
    if is_namesake(newest, (*group.known, *known)):

        def doubted(seats: tuple[Seat, ...]) -> tuple[Seat, ...]:
            return tuple(replace(s, accepted=False) if s.member.person == newest.person else s for s in seats)

        group = replace(group, seats=doubted(group.seats), guests=doubted(group.guests))
    return group


def seated(group: Group, persons: Collection[str], at_ms: int) -> tuple[Group, tuple[Seat, ...], tuple[Seat, ...]]:
    """Return the group with exactly these people in it, then who came and who went."""
    came = tuple(replace(guest, joined_ms=at_ms) for guest in group.guests if guest.member.person in persons)
    went = tuple(seat for seat in group.seats if seat.member.person not in persons)
    stay = tuple(seat for seat in group.seats if seat.member.person in persons)
    guests = tuple(guest for guest in group.guests if guest.member.person not in persons)
    return replace(group, seats=(*stay, *came), guests=guests), came, went


def line(group: Group, kind: str, text: str, member: Member, *, id: str, seq: int, at_ms: int) -> Message:
    """Return a line of the conversation that says what happened to whom.

    Kinds: "joining" and "joined" (`text`: who invited), "left", "removed" (`text`: by whom), in a pair "opened" and
    "closed" (by whom), "device" (a new device of theirs), "card" (`text`: the name until now), "gap" (mine: what was
    said before this line may be missing on this device), "emptied" (mine: the service no longer has what stood here),
    "older" (mine: this device was put back to an older state); and what their new version of the agreement changes,
    see `companion.chat.agreement.news_line`.
    """
    return Message(
        id=id,
        group=group.id,
        sender=member.person,
        person=member.person,
        name=member.name,
        profession=member.profession,
        text=text,
        at_ms=at_ms,
        sent_ms=at_ms,
        state="received",
        kind=kind,
        seq=seq,
    )


def proof_of(code: InviteCode, group: str, member: Member, device: str) -> str:
    """Return what shows that a guest's device holds the code."""
    said = b"companion join v2" + bytes.fromhex(group) + member.identity_key + bytes.fromhex(device)
    return hmac_sha256(code.key, said).hex()


def is_proof(given: str, code: InviteCode, group: str, member: Member, device: str) -> bool:
    return hmac.compare_digest(given.encode(), proof_of(code, group, member, device).encode())


# Reading fields ---------------------------------------------------------------------------------------


@refused("seats")
def parse_seats(value: object, limit: int) -> tuple[Seat, ...]:
    """Raises ValueError or KeyError."""
    items = as_list(value)
    if len(items) > limit:
        raise ValueError("too many seats")
    return tuple(Seat.from_doc(as_object(doc)) for doc in items)


@refused("the other person of a pair")
def read_peer(doc: dict[str, object]) -> Member | None:
    """Return who a pair is with, None for a group and for what was written before there were pairs."""
    peer = doc.get("peer")
    return None if peer is None else Member.from_doc(as_object(peer))


def as_people(value: object) -> tuple[str, ...]:
    """Return the ids of people, each once, no more than a group holds."""
    persons = as_list(value)
    if len(persons) > SEATS_LIMIT:
        raise ValueError("too many people")
    return tuple(dict.fromkeys(as_id(person) for person in persons))


def as_name(value: object) -> str:
    """Return a group's name as a peer wrote it. Raises MessageRejected."""
    return read_line(value, NAME_LIMIT, "a group's name")


def as_look(value: object) -> str:
    return value if isinstance(value, str) and value in LOOKS else LOOKS[0]
