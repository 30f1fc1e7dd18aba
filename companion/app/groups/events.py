"""One event of a group: opened, judged, and turned into what it changes here. Callers hold the turn of `KeyStates`."""

import logging
from dataclasses import dataclass, field, replace

from companion import groups, outgoing
from companion.app.context import ME
from companion.app.groups.commits import ADD, INTENTS, REMOVE_DEVICE, Intent
from companion.app.groups.early import EARLY, EARLY_LIMIT, early, early_events
from companion.app.groups.key_states import KeyState, device_of, person_at, ruled
from companion.app.groups.moves import came_in, moved
from companion.app.groups.returning import sealed_anew
from companion.app.groups.tail import tail_own, tail_put, tail_table, tail_whole
from companion.app.groups.tools import Tools
from companion.chat.message import messages_table
from companion.errors import MessageRejected
from companion.fields import as_object, refused
from companion.groups import LEAVING, LEFT, MEMBER, REJOINING, REMOVED, Group, Seat, line
from companion.inviting import welcome_content
from companion.letters import parse_content
from companion.mls import group as mls
from companion.mls.framing import ContentType
from companion.mls.group_state import Group as Keys
from companion.mls.processing import ApplicationMessage, EpochChanged, RemovedFromGroup
from companion.outgoing import COMMIT, CONTENT, PROPOSAL, Outgoing, is_membership
from companion.pairs import REQUESTS
from companion.people import Member
from companion.ports import Appended, Change, Doc, Documents, Drop, Put, RelayEvent
from companion.safety import VERIFIED
from companion.wire import SUITE_MLS, SUITE_NOTICE, parse_envelope

log = logging.getLogger(__name__)

EMPTIED = "emptied"
LINES = frozenset({"message", "poll", "decision", "agreement"})
"""Kinds of content that bring a line of their own, under their id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one event comes to. `key_state` is None when the keys are gone; `is_new_epoch`: seal anew what waits;
    `is_older`: it proves that this device was put back to an older state.
    """

    group: Group
    key_state: KeyState | None
    change: Change = field(default_factory=Change)
    is_new_epoch: bool = False
    is_older: bool = False

    @property
    def has_consequences(self) -> bool:
        """Tell whether the event may ask for something to be sealed anew or committed: most are only read."""
        has_proposals = self.key_state is not None and bool(self.key_state.keys.proposals)
        has_intents = any(put.table == INTENTS for put in self.change.put)
        return self.is_new_epoch or self.is_older or has_proposals or has_intents

    def adding(self, *puts: Put, drop: tuple[Drop, ...] = ()) -> "Step":
        return replace(self, change=self.change + Change(put=puts, drop=drop))


class Events:
    """Judges events by what is in `documents`. It commits nothing itself."""

    def __init__(self, tools: Tools, documents: Documents) -> None:
        self._tools = tools
        self._documents = documents
        self._context = tools.context
        self._key_states = tools.key_states
        self._outbox = tools.outbox

    async def read(self, group: Group, key_state: KeyState, event: RelayEvent) -> Step:
        """Return what the event changes.

        Raises: MessageRejected if it is malformed, forged, a replay, or not for its sender to say.
        """
        with refused("an envelope"):
            return await self._judged(group, key_state, event)

    async def _judged(self, group: Group, key_state: KeyState, event: RelayEvent) -> Step:
        step = Step(group=group, key_state=key_state)
        tail = await self._documents.get(tail_table(group.id), event.cid)
        if tail is not None:
            return await self._again(step, tail, event)
        own = await self._outbox.item(event.cid)
        if own is not None and own.group == group.id and own.was(event.body):
            return await self._own(step, key_state, own, event)
        suite, payload = parse_envelope(event.body)
        if suite == SUITE_NOTICE:
            return step  # the service's own: something was erased, and nothing that is said in a group can be as yet
        if suite != SUITE_MLS:
            raise MessageRejected(f"suite {suite} in a group")
        head = mls.head(payload)
        if head.epoch > key_state.keys.epoch:
            if len(early_events(await self._context.store.all(EARLY), group.id)) >= EARLY_LIMIT:
                raise MessageRejected("too many envelopes in keys that never came")
            return step.adding(early(event))
        if head.epoch < key_state.keys.epoch and head.content_type != ContentType.APPLICATION:
            raise MessageRejected("a change of keys that is long over")
        environment = self._key_states.environment(group.known, event.at_ms)
        try:
            keys, happened = mls.process(key_state.keys, payload, environment)
        except mls.Ours:
            return await self._unknown_own(step, key_state, payload, event)
        taken = Change(put=(tail_put(group.id, event),))
        step = Step(group=group, key_state=replace(key_state, keys=keys), change=taken)
        match happened:
            case ApplicationMessage(identity=identity, plaintext=plaintext):
                return await self._said(step, person_at(identity), plaintext, event)
            case EpochChanged(committer=committer):
                step = replace(step, key_state=replace(key_state, keys=keys).without_pending())
                step = replace(step, change=step.change + await sealed_anew(self._tools, group.id, self._documents))
                if key_state.pending is not None:
                    step = step.adding(drop=(Drop(outgoing.TABLE, key_state.pending_cid),))
                step = step.adding(tail_whole(group, event, COMMIT, keys))
                return await self._entered(step, key_state.keys, keys, committer, event)
            case RemovedFromGroup(committer=committer, package=package):
                if package and group.state in (MEMBER, REJOINING):
                    return await self._put_back(step, key_state, package)
                return await self._out(step, key_state.keys, committer, event)
            case _:
                return step.adding(tail_whole(group, event, PROPOSAL))

    async def emptied(self, group: Group, key_state: KeyState, event: RelayEvent) -> Step:
        """Return what an empty place changes: its time at the service was over, or its sender was deleted.

        One line says so for all that lie beside each other. What was read before it was emptied is not missing.
        """
        step = Step(group=group, key_state=key_state)
        if await self._documents.get(tail_table(group.id), event.cid) is not None:
            return step
        last = await self._documents.newest(messages_table(group.id), 1)
        if last and last[0]["kind"] == EMPTIED:
            return step
        return self._line(step, EMPTIED, self._context.me.member, "", event)

    # My own

    async def _own(self, step: Step, key_state: KeyState, own: Outgoing, event: RelayEvent) -> Step:
        """Settle what I sent: it has its place in the order now."""
        receipt = Appended(seq=event.seq, at_ms=event.at_ms)
        step = step.adding(tail_own(own, receipt), drop=(Drop(outgoing.TABLE, own.cid),))
        if own.kind == COMMIT and key_state.pending is not None and key_state.pending_cid == own.cid:
            environment = self._key_states.environment(step.group.known, event.at_ms)
            keys = mls.accept(key_state.keys, key_state.pending, environment)
            step = replace(step, key_state=replace(key_state, keys=keys).without_pending())
            step = await self._entered(step, key_state.keys, keys, keys.own_leaf, event)
            step = replace(step, group=replace(step.group, renewed_ms=event.at_ms))
            return self._welcomed(step, key_state, keys, event)
        if own.kind == CONTENT:
            settled = await self._settled(step.group, own, "sent", event.seq, event.at_ms)
            step = replace(step, change=step.change + settled)
            if own.content is not None and is_membership(own.content):
                seat = step.group.seat(self._context.me.member.person)
                if seat is not None:
                    return await self._membership(step, seat, own.content, event)
        return step

    async def _unknown_own(self, step: Step, key_state: KeyState, payload: bytes, event: RelayEvent) -> Step:
        """Take in what I said in a state that is gone: its key was never used here, and only I could sign it.

        It proves that this device was put back to an older state. Words come back; what waits here to say them again
        is settled by them.
        """
        keys, plaintext = mls.open_own(key_state.keys, payload)
        step = replace(step, key_state=replace(key_state, keys=keys), is_older=step.group.state == MEMBER)
        step = step.adding(tail_put(step.group.id, event), drop=(Drop(outgoing.TABLE, event.cid),))
        if not plaintext:
            return step
        message = str(parse_content(plaintext).get("id"))
        settled = await self._tools.contents.settle(
            step.group.id, message, state="sent", seq=event.seq, at_ms=event.at_ms, documents=self._documents
        )
        if settled.put:
            return replace(step, change=step.change + settled)
        return await self._said(step, self._context.me.member.person, plaintext, event)

    async def _settled(self, group: Group, own: Outgoing, state: str, seq: int = 0, at_ms: int = 0) -> Change:
        return await self._tools.contents.settle(
            group.id, own.message, state=state, seq=seq, at_ms=at_ms, documents=self._documents
        )

    def _welcomed(self, step: Step, key_state: KeyState, keys: Keys, event: RelayEvent) -> Step:
        """Write to each device that this commit of mine let in."""
        if key_state.pending is None or key_state.pending.welcome is None:
            return step
        content = welcome_content(step.group, key_state.pending.welcome, event.seq)
        for index in came_in(key_state.keys, keys):
            identity = keys.member(index).credential.identity
            seat = step.group.seat(person_at(identity))
            device = seat.member.devices.device(device_of(identity)) if seat else None
            if device is not None:
                step = step.adding(self._outbox.letter(step.group.service, device, content))
        return step

    async def _again(self, step: Step, tail: Doc, event: RelayEvent) -> Step:
        """It comes back, or again from a service that lost it: only its place may be new. Otherwise it is a replay."""
        own = await self._outbox.item(event.cid)
        if own is None and not tail["is_lost"]:
            if tail["seq"] != event.seq:
                raise MessageRejected("an envelope that was taken in before")
            return step
        moved: Doc = {**tail, "seq": event.seq, "at_ms": event.at_ms, "is_lost": False}
        step = step.adding(Put(tail_table(step.group.id), moved), drop=(Drop(outgoing.TABLE, event.cid),))
        if tail["next_capability"]:
            step = replace(step, group=replace(step.group, capability=str(tail["next_capability"])))
        table = messages_table(step.group.id)
        message = await self._documents.get(table, str(tail["message"])) if tail["message"] else None
        return step if message is None else step.adding(Put(table, {**message, "seq": event.seq}))

    # What was said

    async def _said(self, step: Step, person: str, plaintext: bytes, event: RelayEvent) -> Step:
        try:
            with refused("a content"):
                content = parse_content(plaintext)
                seat = step.group.seat(person)
                if seat is None:
                    raise MessageRejected("the sender has left the group")
                if is_membership(content):
                    announced = step.adding(tail_whole(step.group, event, CONTENT))
                    return await self._membership(announced, seat, content, event)
                at = {"seq": event.seq, "at_ms": event.at_ms}
                said = await self._tools.contents.take_in(step.group, seat, content, **at, documents=self._documents)
        except MessageRejected as error:  # it was opened: its key is used up, whatever becomes of the content
            log.warning("a content was skipped: %s", error)
            return step
        message = content.get("id") if str(content.get("kind")) in LINES else None  # others name one that is there
        named = (tail_put(step.group.id, event, message),) if isinstance(message, str) else ()
        return replace(step, change=step.change + Change(put=named) + said)

    async def _membership(self, step: Step, seat: Seat, content: Doc, event: RelayEvent) -> Step:
        """Somebody is announced, or somebody's devices changed; everybody learns it before keys change."""
        if content["kind"] == "devices":
            return await self._devices(step, seat, content, event)
        announcement = groups.read_joining(content)
        everybody = await self._tools.everybody()
        before = step.group
        group = groups.announced(before, announcement.member, seat.member.name, event.at_ms, everybody)
        step = self._cards(replace(step, group=group), before, event)
        if self._lets_in(step, seat):
            for device, package in announcement.packages.items():
                step = step.adding(Intent(group=group.id, kind=ADD, subject=device, package=package).put())
        newcomer = announcement.member
        is_news = before.seat(newcomer.person) is None and before.guest(newcomer.person) is None
        if is_news and not group.is_pair:
            step = self._line(step, "joining", newcomer, seat.member.name, event)
        return step

    def _lets_in(self, step: Step, host: Seat) -> bool:
        """Whether it falls to this device to commit a guest of `host`: the host's do, or those who alone may."""
        me = self._context.me.member.person
        policy = None if step.key_state is None else step.key_state.keys.policy
        may_host = host.member.person in step.group.administrators or (policy is not None and policy.members_may_add)
        return me == host.member.person if may_host else me in step.group.administrators

    def _cards(self, step: Step, before: Group, event: RelayEvent) -> Step:
        """Tell the group of everybody who is called otherwise now: a code that was compared does not speak for that."""
        for seat in (*step.group.seats, *step.group.guests):
            known = before.seat(seat.member.person) or before.guest(seat.member.person)
            if known is not None and groups.is_other_card(seat.member, known.member):
                step = self._line(step, "card", seat.member, known.member.name, event)
                step = step.adding(drop=(Drop(VERIFIED, seat.member.person),))
        return step

    async def _devices(self, step: Step, seat: Seat, content: Doc, event: RelayEvent) -> Step:
        """A person tells of devices of theirs that came or were revoked, or of another card."""
        offered = Member.from_doc(as_object(content["member"]))
        if offered.person != seat.member.person:
            raise MessageRejected("a device list of somebody else")
        newest = seat.member.newer(offered)
        group = groups.with_newer(step.group, newest, await self._tools.everybody())
        step = self._cards(replace(step, group=group), step.group, event)
        me = self._context.me
        if newest.person == me.member.person:
            mine = me.member.newer(newest)
            step = step.adding(Put(ME, replace(me, member=mine).to_doc()))
        is_ours = self._context.me.member.person in (newest.person, *group.administrators)
        for index, identity in step.key_state.keys.members() if step.key_state else ():
            device = device_of(identity)
            is_gone = person_at(identity) == newest.person and newest.devices.device(device) is None
            if is_gone and is_ours and step.key_state and index != step.key_state.keys.own_leaf:
                step = step.adding(Intent(group=group.id, kind=REMOVE_DEVICE, subject=device).put())
        return step

    # Who is in

    async def _entered(self, step: Step, old: Keys, new: Keys, committer: int, event: RelayEvent) -> Step:
        """Take a new epoch to heart: seats, rules, capability, and a line for whoever came or went."""
        before = {person_at(identity) for _, identity in old.members()}
        after = {person_at(identity) for _, identity in new.members()}
        by = step.group.seat(person_at(old.member(committer).credential.identity))
        leavers = {person_at(old.member(p.sender.index).credential.identity) for p in old.proposals}
        me, peer = self._context.me.member, step.group.peer
        if not step.group.takes(after, me.person):
            raise MessageRejected("a commit that seats a third person in a pair")
        group, came, went = groups.seated(step.group, after, event.at_ms)
        if peer is not None and any(seat.member.person == peer.person for seat in went):
            return await self._ended(replace(step, group=group), peer.name, event)
        if step.group.state == LEAVING and len(new.members()) == 1:  # my other devices went; nobody is left to tell
            return await self._ended(replace(step, group=group), me.name, event)
        hosts = {seat.member.name for seat in went}
        group = replace(group, guests=tuple(guest for guest in group.guests if guest.invited_by not in hosts))
        step = replace(step, group=replace(ruled(group, new), astray=0), is_new_epoch=True)
        if came and peer is not None:  # whatever they asked for is answered
            step = step.adding(drop=(Drop(REQUESTS, peer.person),))
        for seat in came:
            step = self._line(step, "opened" if peer else "joined", seat.member, seat.invited_by, event)
        for seat in went:
            is_leaving = seat.member.person in leavers
            text = "" if is_leaving or by is None else by.member.name
            step = self._line(step, "left" if is_leaving else "removed", seat.member, text, event)
        move = None if peer else moved(group.id, old, new, committer, [seat.member.name for seat in went], event)
        step = step if move is None else step.adding(move)
        old_devices = {identity for _, identity in old.members()}
        for index in came_in(old, new):
            identity = new.member(index).credential.identity
            person = person_at(identity)
            known = step.group.seat(person)
            if person in before and identity not in old_devices and known is not None:
                step = self._line(step, "device", known.member, "", event)
        return step

    async def _put_back(self, step: Step, key_state: KeyState, package: bytes) -> Step:
        """Wait for the welcome of a commit that put us out and in again: somebody takes us for lost.

        The key package may be used up: a request to come back was read after others had answered it. Then nobody can
        open that welcome, and a member without keys asks anew. What waits to be sent goes on waiting.
        """
        is_held = any(own.package.ref == package for own in await self._key_states.packages())
        group = replace(step.group, state=REJOINING if is_held else MEMBER)
        gone = Drop(outgoing.TABLE, key_state.pending_cid)
        return replace(step, group=group, key_state=None).adding(drop=(gone,) if key_state.pending else ())

    async def _out(self, step: Step, old: Keys, committer: int, event: RelayEvent) -> Step:
        """We are no longer in: nothing of the keys stays. A device that asked to come back waits for that."""
        me = self._context.me.member
        by = step.group.seat(person_at(old.member(committer).credential.identity))
        states = {REJOINING: REJOINING, LEAVING: LEFT}
        state = states.get(step.group.state, REMOVED)
        if by is not None and by.member.person == me.person and state == REMOVED:
            state = LEFT
        dropped = await self._given_up(step.group)
        step = replace(step, group=replace(step.group, state=state, capability=""), key_state=None)
        step = replace(step, change=step.change + dropped)
        if state == REMOVED:
            step = self._line(step, "removed", me, "" if by is None else by.member.name, event)
        return step

    async def _ended(self, step: Step, by: str, event: RelayEvent) -> Step:
        """Nobody is left but me: the other one of a pair closed it, or I leave and had only devices of mine in it."""
        dropped = await self._given_up(step.group)
        group = replace(step.group, state=LEFT, capability="", guests=())
        step = replace(step, group=group, key_state=None, is_new_epoch=False, change=step.change + dropped)
        return self._line(step, "closed", group.peer or self._context.me.member, by, event) if group.is_pair else step

    async def _given_up(self, group: Group) -> Change:
        """Give up everything that still waits for a group; guests of mine learn that I cannot let them in."""
        change, guests = Change(), list[Member]()
        for item in await self._outbox.of_group(group.id):
            change += Change(drop=(Drop(outgoing.TABLE, item.cid),))
            change += await self._settled(group, item, "refused")
            if item.content is not None and item.content.get("kind") == "joining":
                guests.append(groups.read_joining(item.content).member)
        intents = await self._tools.commits.intents(group.id)
        wanted = {intent.subject for intent in intents if intent.kind == ADD}
        guests += [g.member for g in group.guests if any(d.id in wanted for d in g.member.devices.active)]
        content: Doc = {"kind": "declined", "group": group.id}
        letters = [self._outbox.letter(group.service, d, content) for g in guests for d in g.devices.active]
        return change + Change(put=tuple(letters), drop=tuple(Drop(INTENTS, intent.id) for intent in intents))

    def _line(self, step: Step, kind: str, member: Member, text: str, event: RelayEvent) -> Step:
        made = line(step.group, kind, text, member, id=self._context.new_id(), seq=event.seq, at_ms=event.at_ms)
        return step.adding(Put(messages_table(step.group.id), made.to_doc()))


def is_astray(key_state: KeyState, event: RelayEvent) -> bool:
    """Tell whether an envelope names our epoch and was sealed in other keys."""
    try:
        suite, payload = parse_envelope(event.body)
        head = mls.head(payload)
    except MessageRejected:
        return False
    names_ours = suite == SUITE_MLS and (head.group_id, head.epoch) == (key_state.keys.group_id, key_state.keys.epoch)
    return names_ours and not mls.is_of_this_epoch(key_state.keys, payload)
