"""Intents of groups: make, invite, join, say."""

from companion import groups
from companion.app.context import Context
from companion.app.syncing import Side
from companion.crypto.primitives import random_bytes
from companion.errors import InviteGarbled, UsageError
from companion.groups import Group, Invitation, Invite, Message, Seat
from companion.nudges import Contact
from companion.ports import Change, Network, Put
from companion.sealing import seal
from companion.wire import InviteCode, create_invite_code, parse_invite


class Grouping:
    """Everything that is sent is first a document of the outbox; the sync loop takes it from there."""

    def __init__(self, context: Context, network: Network) -> None:
        self._context = context
        self._network = network
        self._sides: dict[str, Side] = {}
        self._drafts: dict[str, str] = {}
        self._unsaved: set[str] = set()

    async def start(self) -> None:
        """Follow every service that has a group of mine."""
        for service in sorted({group.service for group in await self.groups()}):
            await self._side(service).resume()
            await self._follow(service)

    async def groups(self) -> tuple[Group, ...]:
        return tuple(Group.from_doc(doc) for doc in await self._context.store.all(groups.TABLE))

    async def group(self, id: str) -> Group | None:
        doc = await self._context.store.get(groups.TABLE, id)
        return None if doc is None else Group.from_doc(doc)

    async def messages(self, group: str, limit: int = 50, before: str | None = None) -> tuple[Message, ...]:
        """Up to `limit` messages, oldest first, in the order all members share; mine that still wait come last."""
        docs = await self._context.store.newest(groups.messages_table(group), limit, before)
        found = [Message.from_doc(doc) for doc in docs]
        return tuple(sorted(found, key=lambda m: (m.seq == 0, m.seq or m.at_ms)))

    def sync_state(self, service: str) -> str:
        """Return "connecting", "online" or "waiting"."""
        side = self._sides.get(service)
        return "connecting" if side is None else side.state

    async def create(self, name: str, look: str) -> Group:
        """Make a group with me in it. Raises UsageError if the name does not fit or no service is known."""
        name = " ".join(name.split())
        service = self._network.default_service
        if not 0 < len(name) <= groups.NAME_LIMIT or look not in groups.LOOKS:
            raise UsageError("group name is empty or too long")
        if not service:
            raise UsageError("no sync service")
        group = Group(
            id=self._context.new_id(),
            name=name,
            look=look,
            service=service,
            capability=random_bytes(32).hex(),
            seats=(Seat(member=self._context.me.member, joined_ms=0, invited_by=""),),
            state="member",
            created_ms=self._context.clock.now_ms(),
        )
        asked = groups.outbox_doc(cid=self._context.new_id(), group=group, body=b"", message="")
        await self._context.commit(Change(put=(Put(groups.TABLE, group.to_doc()), Put(groups.OUTBOX, asked))))
        await self._follow(service)
        return group

    async def invite(self, group_id: str) -> Invite:
        """Make an invite for one person, good for seven days. Raises SyncError if the service cannot keep it now."""
        group = await self._member_of(group_id)
        code = create_invite_code(random_bytes(10), group.service)
        expires_ms = self._context.clock.now_ms() + groups.INVITE_MS
        invite = Invite(code=code, group=group.id, expires_ms=expires_ms)
        relay = await self._network.relay(group.service)
        # Ours first: an invite that the service holds and this device has forgotten could let nobody in.
        await self._context.commit(Change(put=(Put(groups.INVITES, invite.to_doc()),)))
        await relay.put_invite(code.id, groups.seal_invitation(group, self._context.me, invite), expires_ms)
        return invite

    async def look_at(self, text: str) -> Invitation:
        """Return who invites to what. Raises InviteError, Offline."""
        code = parse_invite(text)
        if not code.service:
            service = self._network.default_service
            if not service:
                raise InviteGarbled("a short code needs a service")
            code = InviteCode(code=code.code, service=service)
        relay = await self._network.relay(code.service)
        return groups.open_invitation(code, await relay.get_invite(code.id), self._context.clock.now_ms())

    async def join(self, invitation: Invitation) -> Group:
        """Use the invite and ask to be let in. Raises InviteError, Offline."""
        known = await self.group(invitation.group)
        if known is not None:
            return known
        relay = await self._network.relay(invitation.code.service)
        await relay.claim_invite(invitation.code.id)
        group = Group(
            id=invitation.group,
            name=invitation.name,
            look=invitation.look,
            service=invitation.code.service,
            capability=invitation.capability,
            seats=(Seat(member=invitation.inviter, joined_ms=0, invited_by=""),),
            state="joining",
            created_ms=self._context.clock.now_ms(),
            inviter=invitation.inviter.device,
        )
        me, cid = self._context.me, self._context.new_id()
        body = seal(me, (invitation.inviter,), groups.join_content(invitation, me), group=group.id, cid=cid)
        sent = groups.outbox_doc(cid=cid, group=group, body=body, message="")
        await self._context.commit(Change(put=(Put(groups.TABLE, group.to_doc()), Put(groups.OUTBOX, sent))))
        await self._follow(group.service)
        return group

    async def post(self, group_id: str, text: str) -> Message:
        """Keep the message and its sealed envelope in one commit; it goes as soon as the service answers.

        Raises: UsageError if the text is empty or longer than 8,000 characters.
        """
        text = text.strip()
        if not 0 < len(text) <= groups.TEXT_LIMIT:
            raise UsageError("message is empty or too long")
        group, me = await self._member_of(group_id), self._context.me
        message = Message(
            id=self._context.new_id(),
            group=group.id,
            sender=me.member.device,
            name=me.member.name,
            profession=me.member.profession,
            text=text,
            at_ms=self._context.clock.now_ms(),
            state="waiting",
        )
        others = tuple(m for m in group.members if m.device != me.member.device)
        cid = self._context.new_id()
        body = seal(me, others, groups.message_content(message), group=group.id, cid=cid)
        outbox = groups.outbox_doc(cid=cid, group=group, body=body, message=message.id)
        draft: dict[str, object] = {"_id": group.id, "_v": 1, "text": ""}
        put = (
            Put(groups.messages_table(group.id), message.to_doc()),
            Put(groups.OUTBOX, outbox),
            Put(groups.DRAFTS, draft),
        )
        # The draft goes before the commit is queued: a save of drafts that is queued later must not bring it back.
        kept, self._drafts[group.id] = self._drafts.get(group.id, ""), ""
        self._unsaved.discard(group.id)
        try:
            await self._context.commit(Change(put=put))
        except BaseException:
            self.draft(group.id, self._drafts[group.id] or kept)
            raise
        await self._follow(group.service)
        return message

    def draft(self, group_id: str, text: str) -> None:
        """Take what is in the composer now; it costs nothing."""
        self._drafts[group_id] = text
        self._unsaved.add(group_id)

    def draft_now(self, group_id: str) -> str:
        """Return what was typed and not sent, as far as it was loaded or typed since the app was opened."""
        return self._drafts.get(group_id, "")

    async def draft_of(self, group_id: str) -> str:
        """Return what was typed and not sent."""
        if group_id not in self._drafts:
            doc = await self._context.store.get(groups.DRAFTS, group_id) or {}
            self._drafts.setdefault(group_id, str(doc.get("text", "")))
        return self._drafts[group_id]

    async def save_drafts(self) -> None:
        unsaved, self._unsaved = self._unsaved, set()
        puts = tuple(Put(groups.DRAFTS, {"_id": id, "_v": 1, "text": self._drafts[id]}) for id in sorted(unsaved))
        if puts:
            await self._context.commit(Change(put=puts))

    async def contacts(self) -> tuple[Contact, ...]:
        """Return everybody I share a group with, once for each group."""
        found: list[Contact] = []
        mine = self._context.me.member.device
        for group in await self.groups():
            if group.state != "member":
                continue
            recent = await self.messages(group.id)
            said = max((m.at_ms for m in recent if m.sender == mine and m.kind == "message"), default=0)
            seat = group.seat(mine)
            joined_self = seat.joined_ms if seat else 0
            for other in group.seats:
                if other.member.device == mine:
                    continue
                theirs = [m.at_ms for m in recent if m.sender == other.member.device]
                found.append(
                    Contact(
                        device=other.member.device,
                        name=other.member.name,
                        group=group.id,
                        last_ms=max([group.created_ms, said, *theirs]),
                        joined_ms=other.joined_ms,
                        is_welcomed=other.joined_ms <= joined_self or said >= other.joined_ms,
                    )
                )
        return tuple(found)

    def _side(self, service: str) -> Side:
        if service not in self._sides:
            self._sides[service] = Side(self._context, service, lambda: self._follow(service))
        return self._sides[service]

    async def _follow(self, service: str) -> None:
        await self._network.follow(service, self._side(service))

    async def _member_of(self, group_id: str) -> Group:
        group = await self.group(group_id)
        if group is None or group.state != "member":
            raise UsageError("not a member of this group yet")
        return group
