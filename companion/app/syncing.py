"""What one service's sync loop may do with the opened core: take the outbox, report, hand in events."""

import base64
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from companion import groups
from companion.app.context import Context
from companion.errors import MessageRejected
from companion.groups import Group, Invite, Message
from companion.people import Member
from companion.ports import Appended, Change, Doc, Drop, GroupCursor, OutboxItem, Put, RelayEvent
from companion.sealing import Opened as OpenedEnvelope
from companion.sealing import open_envelope, seal

log = logging.getLogger(__name__)


class Side:
    """One service. Each event and its cursor are one commit, so an event counts once, whatever happens between."""

    def __init__(self, context: Context, service: str, wake: Callable[[], Awaitable[None]]) -> None:
        self._context = context
        self._service = service
        self._wake = wake
        self.state = "connecting"
        self.rejected = 0
        """Envelopes that were skipped because they were malformed, forged or out of order."""

    # Sending

    async def outbox(self) -> tuple[OutboxItem, ...]:
        """Everything that waits for this service, oldest first."""
        mine = {g.id: g for g in await self._groups()}
        items = []
        for doc in await self._context.store.all(groups.OUTBOX):
            group = mine.get(str(doc["group"]))
            if group is not None:
                epoch = doc["epoch"]
                items.append(
                    OutboxItem(
                        cid=str(doc["_id"]),
                        group=group.id,
                        capability=group.capability,
                        body=base64.b64decode(str(doc["body"])),
                        epoch=epoch if isinstance(epoch, int) else None,
                    )
                )
        return tuple(items)

    async def mark_sent(self, cid: str, receipt: Appended) -> None:
        await self._settle(cid, state="sent", seq=receipt.seq)

    async def mark_refused(self, cid: str, status: int, code: str) -> None:
        """The relay will never take it. A lost race for an epoch is only tried anew, with the winner read first."""
        log.warning("relay refused an envelope: %d %s", status, code)
        doc = await self._context.store.get(groups.OUTBOX, cid)
        await self._settle(cid, state="refused", seq=0)
        group = await self._group(str(doc["group"])) if doc else None
        if doc is not None and group is not None and doc["epoch"] not in (None, group.epoch):
            await self._admit_next(group.id)

    async def _settle(self, cid: str, *, state: str, seq: int) -> None:
        doc = await self._context.store.get(groups.OUTBOX, cid)
        if doc is None:
            return
        change = Change(drop=(Drop(groups.OUTBOX, cid),))
        table = groups.messages_table(str(doc["group"]))
        message = await self._context.store.get(table, str(doc["message"])) if doc["message"] else None
        if message is not None:
            settled = replace(Message.from_doc(message), state=state, seq=seq)
            change += Change(put=(Put(table, settled.to_doc()),))
        await self._context.commit(change)

    # Reading

    async def cursors(self) -> tuple[GroupCursor, ...]:
        """Every group of this service that the relay knows already."""
        unmade = {item.group for item in await self.outbox() if not item.body}
        return tuple(
            GroupCursor(group=g.id, capability=g.capability, since=g.cursor)
            for g in await self._groups()
            if g.id not in unmade
        )

    async def receive(self, event: RelayEvent) -> None:
        """Take in one event. A bad one is counted and skipped; the cursor moves on."""
        group = await self._group(event.group)
        if group is None or event.seq <= group.cursor:
            return
        change = Change()
        moved = replace(group, cursor=event.seq)
        try:
            opened = open_envelope(self._context.me, event.body, group=group.id, cid=event.cid)
            if opened is not None:
                moved, change = await self._apply(moved, opened, event)
        except MessageRejected as error:
            self.rejected += 1
            log.warning("envelope skipped: %s", error)
        await self._context.commit(change + Change(put=(Put(groups.TABLE, moved.to_doc()),)))
        await self._admit_next(group.id)

    def set_sync_state(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self._context.tell(frozenset({"sync"}))

    async def _apply(self, group: Group, opened: OpenedEnvelope, event: RelayEvent) -> tuple[Group, Change]:
        kind = opened.content.get("kind")
        if kind == "message":
            message = groups.receive_message(group, opened, seq=event.seq, at_ms=event.at_ms)
            table = groups.messages_table(group.id)
            if await self._context.store.get(table, message.id) is not None:
                raise MessageRejected("message id was used before")
            return group, Change(put=(Put(table, message.to_doc()),))
        if kind == "join":
            return group, await self._note_join(group, opened, event)
        if kind == "admit":
            return await self._apply_admit(group, opened, event)
        log.info("an envelope of an unknown kind was left alone")
        return group, Change()

    async def _note_join(self, group: Group, opened: OpenedEnvelope, event: RelayEvent) -> Change:
        doc = await self._context.store.get(groups.INVITES, str(opened.content.get("invite")))
        invite = None if doc is None else Invite.from_doc(doc)
        newcomer = groups.accept_join(group, invite, opened, event.at_ms)
        if invite is None or group.seat(newcomer.device) is not None:
            return Change()
        used = replace(invite, used_by=newcomer.device)
        join: Doc = {"_id": newcomer.device, "_v": 1, "group": group.id, "member": newcomer.to_doc()}
        return Change(put=(Put(groups.INVITES, used.to_doc()), Put(groups.JOINS, join)))

    async def _apply_admit(self, group: Group, opened: OpenedEnvelope, event: RelayEvent) -> tuple[Group, Change]:
        group, seat = groups.apply_admit(group, opened, self._context.me, event.at_ms)
        line = groups.joined_line(group, seat, id=event.cid, seq=event.seq, at_ms=event.at_ms)
        change = Change(put=(Put(groups.messages_table(group.id), line.to_doc()),))
        if await self._context.store.get(groups.JOINS, seat.member.device) is not None:
            change += Change(drop=(Drop(groups.JOINS, seat.member.device),))
        return group, change

    async def resume(self) -> None:
        """Go on with admissions that a crash cut off."""
        for group in await self._groups():
            await self._admit_next(group.id)

    async def _admit_next(self, group_id: str) -> None:
        """Let in the next one who waits for this device, unless an admission of ours is on its way."""
        group = await self._group(group_id)
        if group is None or any(i.epoch is not None and i.group == group_id for i in await self.outbox()):
            return
        for doc in await self._context.store.all(groups.JOINS):
            newcomer = Member.from_doc(_object(doc["member"]))
            if doc["group"] != group_id or group.seat(newcomer.device) is not None:
                continue
            me, cid = self._context.me, self._context.new_id()
            content = groups.admit_content(group, newcomer, me.member.name)
            body = seal(me, (*group.members, newcomer), content, group=group_id, cid=cid)
            sent = groups.outbox_doc(cid=cid, group=group, body=body, message="", epoch=group.epoch)
            await self._context.commit(Change(put=(Put(groups.OUTBOX, sent),)))
            await self._wake()
            return

    async def _groups(self) -> tuple[Group, ...]:
        docs = await self._context.store.all(groups.TABLE)
        return tuple(g for g in map(Group.from_doc, docs) if g.service == self._service)

    async def _group(self, id: str) -> Group | None:
        doc = await self._context.store.get(groups.TABLE, id)
        return None if doc is None else Group.from_doc(doc)


def _object(value: object) -> Doc:
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value
