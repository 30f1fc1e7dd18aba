"""Intents of direct lines: ask somebody for one, say yes or not now, ask again.

A pair is a group in everything else. Owns who asked whom, and how it comes to one line when both did.
"""

from dataclasses import dataclass, replace

from companion import groups, inviting, pairs
from companion.app.context import Context
from companion.app.groups.asking import TABLE as ASKED
from companion.app.groups.asking import Asked
from companion.app.groups.choices import Choices
from companion.app.groups.giving_way import give_way, standing
from companion.app.groups.grouping import Grouping
from companion.app.groups.making import asking_in, made
from companion.app.groups.tools import Outcome
from companion.chat.attention import WISHES, Wishes
from companion.crypto.primitives import random_bytes
from companion.errors import IdentityChanged, MessageRejected, RequestOver, UsageError
from companion.fields import each_read, read_or
from companion.groups import JOINING, Group
from companion.inviting import Invite
from companion.letters import Letter
from companion.pairs import AGAIN_MS, OPEN, PUT_OFF, REQUEST_MS, REQUESTS, LineRequest
from companion.people import Member
from companion.ports import Change, Drop, InboxItem, Put
from companion.times import age_ms
from companion.wire import create_invite_code


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Somebody asks me for a direct line, and the groups that we share."""

    request: LineRequest
    shared: tuple[Group, ...]


class Pairing:
    """Both have to want it; whoever does not answer tells nothing by it."""

    def __init__(self, context: Context, groups: Grouping, choices: Choices) -> None:
        self._context = context
        self._groups = groups
        self._choices = choices
        self._tools = groups.tools
        groups.inbox.add({"line": self._asked})

    # Asking

    async def open(self, person: str) -> Group:
        """Return the line with this person: the one that stands, the one they asked for, or a new one, which they are
        asked for now. What is said in it waits here until they say yes.

        Raises: UsageError if we share no group, IdentityChanged while their identity key waits to be accepted.
        """
        async with self._tools.key_states.turn():
            known = await standing(self._tools, person)
            if known is not None:
                return known
            group = await self._answered(person) or await self._ask(person)
        await self._groups.follow(group.service)
        return group

    async def _answered(self, person: str) -> Group | None:
        """Take what they asked for, if that holds."""
        request = await self._request(person)
        if request is None or self._is_over(request) or not await self._shared(person):
            return None
        try:
            return await self._say_yes(request)
        except RequestOver:
            return None

    async def _ask(self, person: str) -> Group:
        seats = [(group, group.seat(person)) for group in await self._shared(person)]
        trusted = [(group, seat.member) for group, seat in seats if seat is not None and seat.accepted]
        if not seats:
            raise UsageError("nobody of a group of mine")
        if not trusted:
            raise IdentityChanged("this person's identity key waits to be accepted")
        where, peer = max(trusted, key=lambda one: one[0].cursor_ms)
        told_ms, now_ms = self._context.told.now_ms(where.service), self._context.clock.now_ms()
        group, key_state, change = made(self._tools, peer.name, groups.LOOKS[0], where.service, told_ms, peer=peer)
        code = create_invite_code(random_bytes(10), where.service)
        invite = Invite(code=code, group=group.id, expires_ms=now_ms + REQUEST_MS, is_put=True, is_told=True)
        change += self._letters(group, peer, replace(invite, since_ms=now_ms), told_ms)
        await self._tools.key_states.commit(change, key_state)
        return group

    def _letters(self, group: Group, peer: Member, invite: Invite, told_ms: int) -> Change:
        content = pairs.line_content(group, invite.code, self._context.me, told_ms)
        letters = (self._tools.outbox.letter(group.service, device, content) for device in peer.devices.active)
        return Change(put=(Put(inviting.TABLE, invite.to_doc()), *letters))

    async def asked_ms(self, group: Group) -> int:
        """Return when I asked last for a pair that is not open yet, by this device's clock; 0 on another device."""
        invite = await self._invite(group)
        return 0 if invite is None else invite.since_ms

    def may_ask_again(self, asked_ms: int) -> bool:
        return asked_ms > 0 and age_ms(asked_ms, self._context.clock.now_ms()) >= AGAIN_MS

    async def ask_again(self, group_id: str) -> None:
        """Ask once more, a week after the last time. Raises: UsageError before, or if it is open or not mine."""
        async with self._tools.key_states.turn():
            group = await self._tools.group(group_id)
            invite = None if group is None else await self._invite(group)
            if group is None or group.peer is None or invite is None or not group.awaits_peer:
                raise UsageError("not a line that I asked for")
            if not self.may_ask_again(invite.since_ms):
                raise UsageError("asked within a week")
            await self._context.commit(self._again(group, group.peer, invite))
        await self._groups.follow(group.service)

    def _again(self, group: Group, peer: Member, invite: Invite) -> Change:
        now_ms = self._context.clock.now_ms()
        invite = replace(invite, since_ms=now_ms, expires_ms=now_ms + REQUEST_MS)
        return self._letters(group, peer, invite, self._context.told.now_ms(group.service))

    async def _invite(self, group: Group) -> Invite | None:
        made_here = each_read(await self._context.store.all(inviting.TABLE), Invite.from_doc)
        return next((one for one in made_here if one.group == group.id and not one.is_revoked), None)

    # Being asked

    async def wanted(self) -> tuple[Wanted, ...]:
        """Return who asks me and has no answer, oldest first: only whom I share a group with, and have no line with."""
        found = []
        for request in await self._context.each(REQUESTS, LineRequest.from_doc):
            groups_of_both = await self._shared(request.person)
            is_there = await standing(self._tools, request.person) is not None
            if request.state == OPEN and groups_of_both and not is_there and not self._is_over(request):
                found.append(Wanted(request=request, shared=groups_of_both))
        return tuple(sorted(found, key=lambda one: one.request.asked_ms))

    async def accept(self, person: str) -> Group:
        """Say yes; the line opens when their device has let mine in.

        Raises: RequestOver if it holds no more, or we share no group any more.
        """
        async with self._tools.key_states.turn():
            request = await self._request(person)
            if request is None or self._is_over(request) or not await self._shared(person):
                raise RequestOver("no request that holds")
            group = await self._say_yes(request)
        await self._groups.follow(group.service)
        return group

    async def put_off(self, person: str) -> None:
        """Not now: they learn nothing of it, and may ask again after a week. It holds on all my devices."""
        request = await self._request(person)
        if request is not None:
            await self._choices.keep(REQUESTS, replace(request, state=PUT_OFF).to_doc())

    async def _request(self, person: str) -> LineRequest | None:
        return read_or(await self._context.store.get(REQUESTS, person), LineRequest.from_doc, None)

    def _is_over(self, request: LineRequest) -> bool:
        return request.is_over(self._context.told.now_ms(request.service))

    async def _say_yes(self, request: LineRequest) -> Group:
        group, outcome = await self._yes(request)
        await self._tools.key_states.commit(outcome.change, forget=outcome.forget)
        return group

    async def _yes(self, request: LineRequest) -> tuple[Group, Outcome]:
        everybody, member = await self._tools.everybody(), request.member
        for known in everybody:
            member = member.newer(known) if known.person == member.person else member
        to = member.devices.device(request.device)
        if to is None:
            raise RequestOver("the device that asked is no longer theirs")
        accepted = not groups.is_namesake(member, everybody)
        group = pairs.group_of(replace(request, member=member), accepted=accepted)
        way = await give_way(self._tools, group)
        if way is None:
            raise RequestOver("another line with this person stands")
        change = way.change + asking_in(self._tools, group, request.invite, to, {})
        return group, replace(way, change=change)

    async def _shared(self, person: str) -> tuple[Group, ...]:
        wishes = each_read(await self._context.store.all(WISHES), Wishes.from_doc)
        folded = {one.group: one.folded for one in wishes}
        return pairs.shared(await self._tools.groups(), person, folded)

    # A request comes

    async def _asked(self, service: str, letter: Letter, item: InboxItem) -> Outcome:
        asked = pairs.read_request(letter.content, letter.sender, service, item.at_ms)
        seats = [group.seat(asked.person) for group in await self._shared(asked.person)]
        known = next((seat.member for seat in seats if seat is not None), None)
        if known is None or asked.person == self._context.me.member.person:
            raise MessageRejected("a request of somebody who shares no group with me")
        newest = known.newer(asked.member)
        if newest.devices.device(letter.sender) is None:
            raise MessageRejected("a request from a device that was revoked")
        is_known = await self._tools.group(asked.group) is not None  # a copy, or it names a group that it is not for
        if is_known or self._is_over(asked):
            return Outcome()
        return await self._taken(replace(asked, member=newest))

    async def _taken(self, asked: LineRequest) -> Outcome:
        """Keep a request, or take it as the yes to mine."""
        held = each_read(await self._context.store.all(REQUESTS), LineRequest.from_doc)
        before = next((one for one in held if one.person == asked.person), None)
        kept = pairs.renewed(before, asked)
        if kept is None:
            return Outcome()
        over = tuple(Drop(REQUESTS, one.person) for one in held if one is not before and self._is_over(one))
        if before is None and len(held) - len(over) >= pairs.REQUESTS_LIMIT:
            raise MessageRejected("too many requests")
        keeps = Outcome(change=Change(put=(Put(REQUESTS, kept.to_doc()),), drop=over))
        mine = await standing(self._tools, asked.person)
        if mine is None or not mine.awaits_peer or not await self._is_made_here(mine):
            return keeps
        me = self._context.me.member.person
        if pairs.first((mine, pairs.group_of(asked, accepted=True)), me) is not mine:
            return (await self._yes(asked))[1]
        invite = await self._invite(mine)
        if invite is None or mine.peer is None:
            return Outcome()
        told_ms = self._context.told.now_ms(mine.service)
        again = self._letters(mine, mine.peer, invite, told_ms)  # mine may have been lost on its way
        return replace(keeps, change=keeps.change + again)

    async def _is_made_here(self, pair: Group) -> bool:
        """Whether this device of mine asked for it, or said yes to it: the others hear of what becomes of it."""
        if pair.state == JOINING:
            asked = read_or(await self._context.store.get(ASKED, pair.id), Asked.from_doc, None)
            return asked is not None and bool(asked.code)
        return await self._invite(pair) is not None
