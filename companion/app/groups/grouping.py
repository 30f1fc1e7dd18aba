"""Intents of groups: make, invite, join, send, leave, and who is in."""

from dataclasses import replace
from functools import partial

from companion import groups, inviting, outgoing
from companion.app.context import Context
from companion.app.groups.asking import Asking, rejoin_change
from companion.app.groups.commits import ADMINISTRATORS, LEAVE, REMOVE_PERSON, Intent
from companion.app.groups.comparing import Comparing
from companion.app.groups.inbox import Inbox
from companion.app.groups.linking import asked_at
from companion.app.groups.making import asking_in, made
from companion.app.groups.offering import offer
from companion.app.groups.returning import roll_back
from companion.app.groups.revoking import tell_revoked
from companion.app.groups.sides import Sides
from companion.app.groups.sync_side import ONLINE, Side
from companion.app.groups.tools import Contents, make_tools, stand
from companion.app.record import SERVICES
from companion.app.spaces.desk import Desk
from companion.app.spaces.log_side import LogSide
from companion.chat.message import Message, lines, messages_table
from companion.crypto.primitives import random_bytes
from companion.errors import IdentityChanged, InviteGarbled, NoOwnService, SyncError, Tampered, UsageError
from companion.fields import each_read
from companion.groups import JOINING, LEAVING, LEFT, MEMBER, REJOINING, STANDING, Group, Seat
from companion.inviting import Invitation, Invite
from companion.nudges import Contact
from companion.outgoing import CONTENT, Outgoing, is_membership
from companion.ports import Change, Drop, Network, Put, Relay
from companion.strings import clean_line
from companion.times import OFF_MS
from companion.wire import LOCAL_SERVICE, InviteCode, create_invite_code, parse_invite


class Grouping(Comparing):
    """Everything that is sent is first a document of the outbox; the sync loop takes it from there."""

    def __init__(self, context: Context, contents: Contents, network: Network, desk: Desk) -> None:
        super().__init__(context)
        self._network = network
        self._desk = desk
        self.tools = make_tools(context, contents)
        self.inbox = Inbox(self.tools)
        self.asking = Asking(self.tools)
        self._sides: dict[str, Side] = {}
        self._logs: dict[str, LogSide] = {}

    async def start(self) -> None:
        """Follow every service that has a group of mine, or letters for me."""
        for service in await self.services():
            await self._side(service).resume()
            await self.follow(service)

    async def roll_back(self) -> None:
        """These data were put back to an older state: nothing is sealed in the keys they hold, and all groups let this
        device in anew. What was said meanwhile is read with the old keys until then.
        """
        async with self.tools.key_states.turn():
            await roll_back(self.tools)

    async def services(self) -> list[str]:
        """Return every service that has, or had, a group of mine or letters for me."""
        services = {group.service for group in await self.groups()}
        services |= {space.service for space in await self._desk.spaces.all()} | await asked_at(self._context)
        return sorted(services | {str(doc["_id"]) for doc in await self._context.store.all(SERVICES)})

    async def groups(self) -> tuple[Group, ...]:
        return await self.tools.groups()

    async def group(self, id: str) -> Group | None:
        return await self.tools.group(id)

    def sync_state(self, service: str) -> str:
        """Return "connecting", "online" or "waiting"."""
        side = self._sides.get(service)
        return "connecting" if side is None else side.state

    def sync_trouble(self, service: str) -> SyncError | None:
        """Return why nothing goes or comes at present, as far as is known."""
        side = self._sides.get(service)
        return None if side is None else side.trouble

    def sync_every_s(self, service: str) -> int:
        """Return how often messages are looked for on this network; 0 where they come by themselves."""
        side = self._sides.get(service)
        return 0 if side is None else side.every_s

    async def ask_again(self) -> None:
        """Ask once more to be let in where no answer has come for long."""
        async with self.tools.key_states.turn():
            services = await self.asking.again(lambda service: self.sync_state(service) == ONLINE)
        for service in services:
            await self.follow(service)

    def time_at(self, group: Group) -> int:
        """Return the time at the group's service: what its stamps on messages and answers are compared with."""
        return self._context.told.now_ms(group.service)

    async def now_ms(self, group_id: str) -> int:
        """Return the time at the service of a group, this device's own if there is no such group."""
        group = await self.group(group_id)
        return self._context.clock.now_ms() if group is None else self.time_at(group)

    def clock_ahead_ms(self) -> int:
        """Return by how much this device's clock is ahead of the services, below 0 if behind; 0 unless it is off.

        Where several services are heard, it is off only if it is for each of them, and the smallest says by how much.
        The service of this computer has the same clock, and says nothing of it.
        """
        told, heard = self._context.told, [one for one in self._sides if one != LOCAL_SERVICE]
        offsets = [told.ahead_ms(service) for service in heard if told.has(service)]
        least = min(offsets, key=abs, default=0)
        return least if abs(least) > OFF_MS else 0

    # Making and inviting

    async def create(self, name: str, look: str) -> Group:
        """Make a group with me in it. Raises UsageError if the name does not fit, NoOwnService where none is known."""
        name = clean_line(name)
        service = self._network.default_service
        if not 0 < len(name) <= groups.NAME_LIMIT or look not in groups.LOOKS:
            raise UsageError("group name is empty or too long")
        if not service:
            raise NoOwnService("no service is known")
        group, key_state, change = made(self.tools, name, look, service, self._context.clock.now_ms())
        async with self.tools.key_states.turn():
            await self.tools.key_states.commit(change, key_state)
        await self.follow(service)
        return group

    async def invite(self, group_id: str) -> Invite:
        """Make an invite for one person, good for seven days. Raises SyncError if the service cannot keep it now."""
        group, now_ms = await self._member_of(group_id), self._context.clock.now_ms()
        if group.is_pair:
            raise UsageError("a pair never holds a third person")
        code = create_invite_code(random_bytes(10), group.service)
        invite = Invite(code=code, group=group.id, expires_ms=now_ms + inviting.INVITE_MS, since_ms=now_ms)
        relay = await self._network.relay(group.service)
        # Ours first: an invite that the service holds and this device has forgotten could let nobody in.
        await self._context.commit(Change(put=(Put(inviting.TABLE, invite.to_doc()),)))
        await offer(self.tools, relay, group, invite)
        return invite

    async def invites(self, group_id: str) -> tuple[Invite, ...]:
        """Return the invites of this device that somebody could still use."""
        now_ms = self._context.clock.now_ms()
        made = each_read(await self._context.store.all(inviting.TABLE), Invite.from_doc)
        return tuple(invite for invite in made if invite.group == group_id and invite.is_open(now_ms))

    async def revoke_invite(self, id: str) -> None:
        """Let nobody in by this invite any more, at once; the service is told too, as soon as it answers."""
        doc = await self._context.store.get(inviting.TABLE, id)
        if doc is None:
            return
        invite = Invite.from_doc(doc)
        await self._context.commit(Change(put=(Put(inviting.TABLE, replace(invite, is_revoked=True).to_doc()),)))
        try:
            relay = await self._network.relay(invite.code.service)
            await tell_revoked(self._context, relay, invite.code.service)
        except SyncError:
            return

    # Joining

    async def look_at(self, text: str) -> Invitation:
        """Return who invites to what. Raises InviteError, Offline."""
        code = parse_invite(text)
        if not code.service:
            service = self._network.default_service
            if not service:
                raise InviteGarbled("a short code needs a service")
            code = InviteCode(code=code.code, service=service)
        relay = await self._network.relay(code.service)
        body = await relay.get_invite(code.id)
        self._context.told.hear(code.service, relay.time_ms())
        told_ms = self._context.told.now_ms(code.service)
        return inviting.open_invitation(code, body, self._context.clock.now_ms(), told_ms)

    async def join(self, invitation: Invitation) -> Group:
        """Use the invite and ask to be let in with all my devices. Raises InviteError, Offline."""
        known = await self.group(invitation.group)
        is_asked = known is not None and await self.asking.is_asked(known, invitation.code)
        if known is not None and (known.state in (MEMBER, REJOINING, LEAVING) or is_asked):
            return known
        service = invitation.code.service
        relay = await self._network.relay(service)
        await relay.claim_invite(invitation.code.id)
        self._context.told.hear(service, relay.time_ms())
        group = Group(
            id=invitation.group,
            name=invitation.name,
            look=invitation.look,
            service=service,
            capability="",
            seats=(Seat(member=invitation.inviter, joined_ms=0, invited_by=""),),
            state=JOINING,
            created_ms=self._context.clock.now_ms(),
            inviter=invitation.inviter.person,
            administrators=invitation.administrators,
        )
        others = await self._claimed(relay)
        await self._context.commit(asking_in(self.tools, group, invitation.code, invitation.inviter_device, others))
        await self.follow(service)
        return group

    async def _claimed(self, relay: Relay) -> dict[str, bytes]:
        """Return a key package for each of my other devices that has one at the service."""
        found: dict[str, bytes] = {}
        for device in self._context.me.other_devices:
            try:
                found[device.id] = (await relay.claim_key_package(device.id)).body
            except SyncError:  # that device is told to ask for itself
                continue
        return found

    # Sending

    async def send(
        self,
        group_id: str,
        content: dict[str, object],
        change: Change,
        *,
        message: str = "",
        blobs: tuple[str, ...] = (),
    ) -> None:
        """Seal `content` for the group and keep its envelope and `change` in one commit; then wake the loop.

        `message` is the id of the message that the service's answer settles, `blobs` what has to be uploaded first.
        Raises: UsageError if I am not a member, IdentityChanged while somebody's key waits to be accepted; StoreError,
        and then nothing was kept.
        """
        async with self.tools.key_states.turn():
            group = await self._member_of(group_id)
            if any(not seat.accepted for seat in group.seats):
                raise IdentityChanged("a member's identity key waits to be accepted")
            key_state = await self.tools.key_states.of(group_id)
            if key_state is None:
                raise UsageError("this device has no keys for the group")
            key_state, put = self.tools.outbox.content(group, key_state, content, message=message, blobs=blobs)
            await self.tools.key_states.commit(change + Change(put=(put,)), key_state)
            await self.tools.next(group_id)
        await self.follow(group.service)

    # Who is in

    async def leave(self, group_id: str) -> None:
        """Leave with all my devices. What was said stays here; what waits to be sent is given up."""
        async with self.tools.key_states.turn():
            group = await self._leavable(group_id)
            key_state = await self.tools.key_states.of(group_id)
            waiting = [item for item in await self.tools.outbox.of_group(group_id) if _is_said(item)]
            change = Change(drop=tuple(Drop(outgoing.TABLE, item.cid) for item in waiting))
            if key_state is None or len(key_state.keys.members()) == 1 or group.state != MEMBER:
                gone = Change(put=(stand(replace(group, state=LEFT, capability="")),))
                await self.tools.key_states.commit(change + gone, forget=(group_id,))
                return
            leaving = (stand(replace(group, state=LEAVING)), Intent(group=group_id, kind=LEAVE).put())
            await self._context.commit(change + Change(put=leaving))
            await self.tools.next(group_id)
        await self.follow(group.service)

    async def remove_member(self, group_id: str, person: str) -> None:
        """Take somebody out with all their devices. Raises UsageError if I do not look after the group."""
        group = await self._cared_for(group_id)
        if person == self._context.me.member.person or group.seat(person) is None:
            raise UsageError("nobody else of that name is in the group")
        await self._intend(group, Intent(group=group_id, kind=REMOVE_PERSON, subject=person))

    async def set_administrators(self, group_id: str, persons: tuple[str, ...]) -> None:
        """Say who looks after the group, at least one of its people. Raises UsageError if I may not."""
        group = await self._cared_for(group_id)
        keys = tuple(s.member.identity_key for s in group.seats if s.member.person in persons)
        if not keys or len(keys) != len(set(persons)):
            raise UsageError("somebody in the group has to look after it")
        await self._intend(group, Intent(group=group_id, kind=ADMINISTRATORS, keys=keys))

    async def rejoin(self, group_id: str) -> None:
        """Ask once more to be let back in, on a device that lost its place."""
        async with self.tools.key_states.turn():
            group = await self.group(group_id)
            if group is None or group.state not in (MEMBER, REJOINING):
                raise UsageError("not a member of this group")
            await self._context.commit(await rejoin_change(self.tools, group))
        await self.follow(group.service)

    async def accept_identity(self, group_id: str, person: str) -> None:
        """Go on sending to a group in which somebody has another identity key than the one known by that name."""
        async with self.tools.key_states.turn():
            group = await self._member_of(group_id)
            seats = tuple(replace(s, accepted=True) if s.member.person == person else s for s in group.seats)
            await self._context.commit(Change(put=(stand(replace(group, seats=seats)),)))

    async def _intend(self, group: Group, intent: Intent) -> None:
        async with self.tools.key_states.turn():
            await self._context.commit(Change(put=(intent.put(),)))
            await self.tools.next(group.id)
        await self.follow(group.service)

    async def contacts(self) -> tuple[Contact, ...]:
        """Return everybody I share a group or a line with, once for each: a word in the line welcomes too."""
        found: list[Contact] = []
        mine = self._context.me.member.person
        directly: dict[str, int] = {}
        for group in sorted(await self.groups(), key=lambda one: not one.is_pair):
            if group.state != MEMBER:
                continue
            recent = lines(await self._context.store.newest(messages_table(group.id), 50))
            said = max((_said_ms(m) for m in recent if m.author == mine and m.kind == "message"), default=0)
            if group.peer is not None:
                directly[group.peer.person] = said
            seat = group.seat(mine)
            joined_self = seat.joined_ms if seat else 0
            for other in group.seats:
                if other.member.person == mine:
                    continue
                to_them = max(said, directly.get(other.member.person, 0))
                theirs = [_said_ms(m) for m in recent if m.author == other.member.person]
                found.append(
                    Contact(
                        device=other.member.person,
                        name=other.member.name,
                        group=group.id,
                        last_ms=max([group.created_ms, said, *theirs]),
                        joined_ms=0 if group.is_pair else other.joined_ms,
                        is_welcomed=group.is_pair or other.joined_ms <= joined_self or to_them >= other.joined_ms,
                    )
                )
        return tuple(found)

    # Services

    def _side(self, service: str) -> Side:
        if service not in self._sides:
            wake = partial(self.follow, service)
            self._sides[service] = Side(self.tools, self.inbox, self._network, service, wake, self.follow_all)
        return self._sides[service]

    async def follow(self, service: str) -> None:
        """Start the loop of a service, or wake it."""
        await self._network.follow(service, Sides(self._side(service), self.logs(service)))

    def logs(self, service: str) -> LogSide:
        """Return the logs of spaces at a service."""
        if service not in self._logs:
            self._logs[service] = LogSide(self._desk, service, partial(self.follow, service))
        return self._logs[service]

    async def follow_all(self) -> None:
        for service in await self.services():
            await self.follow(service)

    async def _member_of(self, group_id: str) -> Group:
        group = await self.group(group_id)
        if group is None or group.state != MEMBER:
            raise UsageError("not a member of this group yet")
        damage = self.tools.aside.of(group_id)
        if damage is not None:
            raise Tampered("the group is set aside", damage.kind, damage.part, damage.of)
        return group

    async def _leavable(self, group_id: str) -> Group:
        """Return a group of mine, or a pair that did not open or lost its keys here: it can be closed all the same."""
        group = await self.group(group_id)
        return (
            group
            if group is not None and group.is_pair and group.state in STANDING
            else await self._member_of(group_id)
        )

    async def _cared_for(self, group_id: str) -> Group:
        group = await self._member_of(group_id)
        if self._context.me.member.person not in group.administrators or group.is_pair:
            raise UsageError("only those who look after the group can do this")
        return group


def _said_ms(message: Message) -> int:
    """Return when it was said, by the service's clock: this device's may have been wrong."""
    return message.sent_ms or message.at_ms


def _is_said(item: Outgoing) -> bool:
    return item.kind == CONTENT and item.content is not None and not is_membership(item.content)
