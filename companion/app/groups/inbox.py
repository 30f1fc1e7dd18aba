"""Letters from other devices: somebody asks to join, a welcome, a device that lost its place, my other devices."""

import base64
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace

from companion import groups, inviting
from companion.app.groups.asking import Asked, asking_content
from companion.app.groups.commits import ADD, INTENTS, LEAVE, RETURN, Intent
from companion.app.groups.giving_way import give_way
from companion.app.groups.key_states import KeyState, leaf_of, person_at, ruled, used
from companion.app.groups.returning import sealed_anew
from companion.app.groups.tools import Outcome, Tools, stand
from companion.chat.message import messages_table
from companion.errors import MessageRejected, Tampered
from companion.fields import as_object, refused, whole
from companion.groups import DECLINED, JOINING, LEAVING, LEFT, MEMBER, MERGED, REJOINING, REMOVED, Group, line
from companion.inviting import Arrival, Invite
from companion.letters import Letter, open_letter
from companion.mls import group as mls
from companion.mls.group_state import Group as Keys
from companion.mls.policy import person_of
from companion.people import Member, person_id
from companion.ports import Change, Doc, Drop, InboxItem, Put
from companion.safety import VERIFIED

log = logging.getLogger(__name__)

LATER = "letters"

Handler = Callable[[str, Letter, InboxItem], Awaitable[Outcome]]


class Inbox:
    """Opens letters and says what each changes. Callers hold the turn of `KeyStates`."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._context = tools.context
        self._handlers: dict[str, Handler] = {
            "join": self._join,
            "welcome": self._welcome,
            "expect": self._expect,
            "rejoin": self._rejoin,
            "declined": self._declined,
            "out": self._out,
            "me": self._me,
        }

    def add(self, handlers: dict[str, Handler]) -> None:
        """Let somebody else take these kinds of letters."""
        self._handlers |= handlers

    async def read(self, service: str, item: InboxItem) -> tuple[Outcome, str]:
        """Return what a letter comes to, and the group to go on with, or "".

        Raises: MessageRejected if it is malformed, forged, or nothing that its sender may say.
        """
        me = self._context.me
        letter = open_letter(me.seal_private, me.device, item.body, cid=item.cid)
        handler = self._handlers.get(str(letter.content.get("kind")))
        if handler is None:
            log.info("a letter of an unknown kind was left alone")
            return Outcome(), ""
        group = str(letter.content.get("group", ""))
        try:
            with refused("a letter"):
                outcome = await handler(service, letter, item)
        except Tampered as error:  # what it is about is damaged here: it waits until that is taken up again
            self._tools.aside.put(group, error)
            return Outcome(change=Change(put=(later(service, item, group),) if group else ())), ""
        meant = (put.doc["group"] for put in outcome.change.put if put.table == INTENTS)
        return outcome, str(next(meant, group))

    # Somebody asks to be let in

    async def _join(self, service: str, letter: Letter, item: InboxItem) -> Outcome:
        doc = await self._context.store.get(inviting.TABLE, str(letter.content.get("invite")))
        invite = None if doc is None else Invite.from_doc(doc)
        group = await self._tools.group(invite.group) if invite else None
        key_state = await self._tools.key_states.of(group.id) if group else None
        if invite is None or group is None:
            raise MessageRejected("a join without an invite of this device")
        asked_ms = self._context.told.here_ms(service, item.at_ms)
        now_ms = self._context.clock.now_ms()
        request = inviting.read_join(group, invite, letter.content, letter.sender, asked_ms=asked_ms, now_ms=now_ms)
        member, packages = request.announcement.member, request.announcement.packages
        if group.state in (JOINING, REJOINING):
            return Outcome(change=Change(put=(later(service, item, group.id),)))
        seat = group.seat(member.person)
        if seat is not None and group.state == MEMBER and key_state is not None:
            if item.at_ms <= seat.joined_ms:  # it asked before it was let in: the welcome is on its way
                return Outcome()
            seat.member.devices.newer(member.devices)
            intents = (_return(group, key_state, device, package).put() for device, package in packages.items())
            return Outcome(change=Change(put=tuple(intents)))
        if request.is_declined or group.state != MEMBER or key_state is None:
            declined: Doc = {"kind": "declined", "group": group.id}
            letters = tuple(self._tools.outbox.letter(service, to, declined) for to in member.devices.active)
            return Outcome(change=Change(put=letters))
        if invite.used_by:
            return Outcome()
        used_up = Put(inviting.TABLE, replace(invite, used_by=member.person).to_doc())
        key_state, announced = self._tools.outbox.content(group, key_state, groups.joining_content(member, packages))
        return Outcome(change=Change(put=(announced, used_up)), key_states=(key_state,))

    def _answer(self, service: str, member: Member, device: str, content: dict[str, object]) -> Change:
        to = member.devices.device(device)
        return Change() if to is None else Change(put=(self._tools.outbox.letter(service, to, content),))

    async def _declined(self, service: str, letter: Letter, item: InboxItem) -> Outcome:
        group = await self._tools.group(str(letter.content.get("group")))
        if group is None or group.state != JOINING or not (_is_known(group, letter) or self._is_mine(letter)):
            raise MessageRejected("a refusal of something that was not asked")
        return Outcome(change=Change(put=(stand(replace(group, state=DECLINED)),)))

    # We are let in

    async def _expect(self, service: str, letter: Letter, item: InboxItem) -> Outcome:
        """My other device says that a welcome will come."""
        self._require_mine(letter)
        group = inviting.read_expect(letter.content, service)
        known = await self._tools.group(group.id)
        if known is not None and known.state in groups.FOLLOWED | {MERGED}:
            return Outcome()
        way = await give_way(self._tools, group)
        if way is None:  # another one with the same person stands, and this one gives way where it was made
            return Outcome()
        if letter.content.get("asks"):  # I am in already: nobody invites me, and nobody is thanked for it
            group = replace(group, inviter="")
        device = self._context.me.member.devices.device(letter.sender)
        awaited = Asked(group=group.id, at_ms=self._context.clock.now_ms()).put()
        change = way.change + Change(put=(stand(group), awaited))
        if letter.content.get("asks") and device is not None:
            package, content = asking_content(self._tools, group)
            change += Change(put=(package, self._tools.outbox.letter(service, device, content)))
        return replace(way, change=change)

    async def _welcome(self, service: str, letter: Letter, item: InboxItem) -> Outcome:
        arrival = inviting.read_welcome(letter.content)
        group = await self._tools.group(arrival.group)
        is_early = group is not None and group.state in (MEMBER, LEAVING) and group.cursor < arrival.seq
        if group is not None and is_early and _is_known(group, letter):
            return Outcome(change=Change(put=(later(service, item, group.id),)))
        if group is None or group.state in (MEMBER, LEAVING, MERGED) or group.service != service:
            raise MessageRejected("a welcome to a group that was not asked for")
        arrived = replace(await self._arrived(group, arrival), renewed_ms=item.at_ms)
        known = (*arrived.known, *group.known)
        environment = self._tools.key_states.environment(known, item.at_ms, is_joining=True)
        keys, package = mls.join(arrival.welcome, await self._tools.key_states.packages(), environment)
        _require_fit(group, arrived, keys, self._context.me.member.person)
        change = used(package) + Change(put=(stand(ruled(arrived, keys)),))
        is_back = group.state != JOINING
        change += await sealed_anew(self._tools, group.id, self._context.store)
        leaves = Intent(group=group.id, kind=LEAVE)
        if group.is_pair and group.state == LEFT:  # closed before it opened: the other one is told as soon as we are in
            change += Change(put=(stand(replace(ruled(arrived, keys), state=LEAVING)), leaves.put()))
        at = {"seq": arrival.seq, "at_ms": item.at_ms}
        me = self._context.me.member
        seat = arrived.seat(me.person)
        entered = "joined" if group.inviter else "device"
        kind = "gap" if is_back else "opened" if arrived.is_pair else entered
        invited_by = "" if kind != "joined" or seat is None else seat.invited_by
        is_told = is_back or not arrived.is_alone
        made = [line(arrived, kind, invited_by, me, id=self._context.new_id(), **at)] if is_told else []
        for seat in arrived.seats:  # somebody is called otherwise than this group knew them
            before = group.seat(seat.member.person)
            if before is not None and groups.is_other_card(seat.member, before.member):
                made.append(line(arrived, "card", before.member.name, seat.member, id=self._context.new_id(), **at))
                change += Change(drop=(Drop(VERIFIED, seat.member.person),))
        change += Change(put=tuple(Put(messages_table(group.id), one.to_doc()) for one in made))
        return Outcome(change=change, key_states=(KeyState(id=group.id, keys=keys),))

    async def _arrived(self, group: Group, arrival: Arrival) -> Group:
        """Return the group as the welcome describes it, as far as it agrees with what is known here."""
        everybody = {member.person: member for member in (*await self._tools.everybody(), self._context.me.member)}
        seats, guests = (
            tuple(replace(seat, member=_newest(everybody, seat.member)) for seat in some)
            for some in (arrival.seats, arrival.guests)
        )
        others = (*everybody.values(), *(seat.member for seat in seats))
        seats = tuple(replace(seat, accepted=_is_accepted(seat.member, group, others)) for seat in seats)
        return replace(
            group,
            name=arrival.name if group.peer is None else group.name,
            look=arrival.look,
            created_ms=arrival.created_ms,
            seats=seats,
            guests=guests,
            keeper=arrival.keeper,
            state=MEMBER,
        ).at(arrival.seq)

    # A device that lost its place

    async def _rejoin(self, service: str, letter: Letter, item: InboxItem) -> Outcome:
        member = Member.from_doc(as_object(letter.content["member"]))
        package = bytes.fromhex(str(letter.content["package"]))
        member.check()
        group = await self._tools.group(str(letter.content.get("group")))
        if group is not None and group.state in (JOINING, REJOINING) and self._is_mine(letter):
            return Outcome(change=Change(put=(later(service, item, group.id),)))
        key_state = await self._tools.key_states.of(group.id) if group else None
        if group is None or key_state is None or group.state != MEMBER or member.devices.device(letter.sender) is None:
            raise MessageRejected("a request to come back to a group that is not ours")
        seat = group.seat(member.person)
        if seat is None:
            return Outcome(change=self._answer(service, member, letter.sender, {"kind": "out", "group": group.id}))
        seat.member.devices.newer(member.devices)
        return Outcome(change=Change(put=(_return(group, key_state, letter.sender, package).put(),)))

    async def _out(self, service: str, letter: Letter, item: InboxItem) -> Outcome:
        group = await self._tools.group(str(letter.content.get("group")))
        if group is None or group.state != REJOINING or not _is_known(group, letter):
            raise MessageRejected("an answer to something that was not asked")
        return Outcome(change=Change(put=(stand(replace(group, state=REMOVED)),)))

    # My other devices

    async def _me(self, service: str, letter: Letter, item: InboxItem) -> Outcome:
        self._require_mine(letter)
        member = Member.from_doc(as_object(letter.content["member"]))
        return Outcome(change=self._tools.my_devices(member.devices))

    def _is_mine(self, letter: Letter) -> bool:
        return self._context.me.member.devices.device(letter.sender) is not None

    def _require_mine(self, letter: Letter) -> None:
        if not self._is_mine(letter):
            raise MessageRejected("a letter that only a device of mine may write")


def later(service: str, item: InboxItem, group: str) -> Put:
    """Keep a letter that overtook the group: a welcome before the news that we are out, a guest before we are back."""
    doc: Doc = {"_id": f"{group}:{item.cid}", "_v": 1, "group": group, "service": service, "cid": item.cid}
    doc |= {"seq": item.seq, "at_ms": item.at_ms, "body": base64.b64encode(item.body).decode()}
    return Put(LATER, doc)


@refused("a kept letter")
def kept_letter(doc: Doc) -> InboxItem:
    """Return a letter that was kept for later."""
    at = {"seq": whole(doc["seq"]), "at_ms": whole(doc["at_ms"])}
    return InboxItem(cid=str(doc["cid"]), body=base64.b64decode(str(doc["body"])), **at)


def _return(group: Group, key_state: KeyState, device: str, package: bytes) -> Intent:
    """Return what lets a device of a member in, or back in."""
    leaf = leaf_of(key_state.keys, device)
    key = b"" if leaf is None else key_state.keys.member(leaf).encryption_key
    return Intent(group=group.id, kind=ADD if leaf is None else RETURN, subject=device, package=package, leaf_key=key)


def _is_known(group: Group, letter: Letter) -> bool:
    return any(member.devices.device(letter.sender) is not None for member in group.known)


def _is_accepted(member: Member, group: Group, others: Collection[Member]) -> bool:
    """Whether nothing stands in the way of sending: what was accepted was accepted under that card."""
    known = group.seat(member.person)
    if known is not None and not groups.is_other_card(member, known.member):
        return known.accepted
    return not groups.is_namesake(member, others)


def _newest(everybody: dict[str, Member], member: Member) -> Member:
    known = everybody.get(member.person)
    return member if known is None else known.newer(member)


def _require_fit(group: Group, arrived: Group, keys: Keys, me: str) -> None:
    """Raises: MessageRejected unless this is the group we asked for, with the people the letter names."""
    if keys.group_id.hex() != group.id or keys.policy is None:
        raise MessageRejected("a welcome to another group")
    if person_id(person_of(keys.policy.signer)) not in group.administrators:
        raise MessageRejected("a welcome to a group that nobody we know looks after")
    persons = {person_at(identity) for _, identity in keys.members()}
    if persons != {seat.member.person for seat in arrived.seats}:
        raise MessageRejected("a welcome that names others than are in the group")
    if not group.takes(persons, me):
        raise MessageRejected("a welcome to a pair with a third person in it")
