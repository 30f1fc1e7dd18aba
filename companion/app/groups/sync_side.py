"""What one service's sync loop may do with the opened core: take the outbox, report, hand in events and letters."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial

from companion import outgoing
from companion.app.context import ME
from companion.app.groups.asking import nobody_there
from companion.app.groups.batch import Batch
from companion.app.groups.early import EARLY, early_events, early_id
from companion.app.groups.events import Step
from companion.app.groups.inbox import Inbox
from companion.app.groups.key_states import KeyState
from companion.app.groups.letters import Letters
from companion.app.groups.offering import offer_rest
from companion.app.groups.packages import Packages
from companion.app.groups.returning import (
    ask_for_keys,
    ask_to_rejoin,
    cursor_of,
    founded_again,
    judge,
    offered_again,
    roll_back,
    trail_of,
)
from companion.app.groups.revoking import tell_revoked
from companion.app.groups.tail import tail_of, tail_own, tail_table
from companion.app.groups.tools import Tools, stand
from companion.app.record import Record
from companion.errors import SyncError, Tampered
from companion.fields import whole
from companion.groups import FOLLOWED, MEMBER, Group
from companion.outgoing import COMMIT, CONTENT, CREATE, LETTER, PROPOSAL, Outgoing, is_membership
from companion.ports import Appended, Change, Drop, GroupCursor, InboxItem, Network, OutboxItem, RelayEvent

log = logging.getLogger(__name__)

TAIL_KEPT = 500  # envelopes of a group that could be offered again
ELSEWHERE_MS = 600_000
ONLINE = "online"


class Side:
    """One service. Events and their cursor are one commit, so an event counts once, whatever happens between."""

    def __init__(
        self,
        tools: Tools,
        inbox: Inbox,
        network: Network,
        service: str,
        wake: Callable[[], Awaitable[None]],
        wake_all: Callable[[], Awaitable[None]],
    ) -> None:
        self._tools = tools
        self._context = tools.context
        self._network = network
        self._service = service
        self._wake = wake
        self._wake_all = wake_all
        self._packages = Packages(tools, service)
        self._offered: dict[tuple[str, str], int] = {}
        """Groups and capabilities that were offered again: when, by the watch."""
        self._uploaded_again = set[str]()  # messages whose pictures the service had lost: once is an accident
        self._is_newly_caught_up = False
        self._record = Record(self._context, service)
        self._letters = Letters(tools, inbox, service, self._record)
        self.state = "connecting"
        self.trouble: SyncError | None = None
        self.every_s = 0
        self._skipped = 0

    @property
    def rejected(self) -> int:
        """Envelopes and letters that were skipped because they were malformed, forged or out of order."""
        return self._skipped + self._letters.rejected

    # Sending

    async def connected(self) -> None:
        """See that the service knows what was taken back, and holds key packages of this device. Raises SyncError."""
        relay = await self._network.relay(self._service)
        self._context.told.hear(self._service, relay.time_ms())
        async with self._tools.key_states.turn():
            for group in await self._groups():
                with self._tools.aside.holding(group.id):
                    await judge(self._tools, group.id, self._context.told.now_ms(self._service))
        await tell_revoked(self._context, relay, self._service)
        for provide in (partial(offer_rest, self._tools, relay, self._service), partial(self._packages.provide, relay)):
            try:
                await provide()
            except Tampered as error:  # nobody comes in by an invite or a package meanwhile; everything else goes on
                log.error("not provided to a service: %s", error.kind)

    async def outbox(self) -> tuple[OutboxItem, ...]:
        """Everything that waits for this service and may go now, oldest first."""
        if self._is_newly_caught_up:
            self._is_newly_caught_up = False
            await self._go_on_all()
        mine = {group.id: group for group in await self._groups() if self._tools.aside.of(group.id) is None}
        return await self._tools.outbox.items(self._service, mine)

    async def _go_on_all(self) -> None:
        """Seal what waited until everything older was read, and make the commits that are wanted."""
        async with self._tools.key_states.turn():
            for group in await self._groups():
                with self._tools.aside.holding(group.id):
                    await self._tools.next(group.id)

    async def mark_sent(self, cid: str, receipt: Appended) -> None:
        """A content of mine has its place. What changes keys takes effect when it comes in the order of the group, and
        all of it is settled then: a receipt alone may be of a log that goes on elsewhere.
        """
        async with self._tools.key_states.turn():
            item = await self._tools.outbox.item(cid)
            if item is None:
                return
            if not item.is_fixed and (item.kind in (COMMIT, PROPOSAL) or is_membership(item.content)):
                self._tools.outbox.landed(cid, self._service)
                return
            with self._tools.aside.holding(item.group):
                if item.kind in (CONTENT, COMMIT, PROPOSAL):  # until it comes back, it stays in the outbox
                    if not item.is_fixed:
                        sent = Change(put=(tail_own(item, receipt),))
                        await self._context.commit(sent + await self._settled(item, "sent", receipt))
                    self._tools.outbox.landed(cid, self._service)
                    return
                await self._context.commit(Change(drop=(Drop(outgoing.TABLE, cid),)))
                known = await self._tools.group(item.group)
                if item.kind == CREATE and known is not None and known.cursor:  # the service had lost it
                    await self._go_back(known, 0, founds=False)
                return
            self._tools.outbox.landed(cid, self._service)  # it cannot be kept that it went: it rests until a lock

    async def mark_refused(self, cid: str, status: int, code: str) -> None:
        """The service does not take it as it is: whether it may go in another form depends on what it is."""
        log.warning("the service refused an envelope: %d %s", status, code)
        async with self._tools.key_states.turn():
            item = await self._tools.outbox.item(cid)
            if item is None:
                return
            with self._tools.aside.holding(item.group):
                await self._refused(item, status, code)
                return
            self._tools.outbox.landed(cid, self._service)

    async def _refused(self, item: Outgoing, status: int, code: str) -> None:
        group = await self._tools.group(item.group)
        if item.kind == COMMIT:
            await self._lost(item, group, await self._tools.key_states.of(item.group), code)
        elif code == "other-bytes":
            self._tools.outbox.landed(item.cid, self._service)  # an earlier form of it is there
        elif status in (403, 404, 409) and item.kind in (CONTENT, PROPOSAL) and code != "no-blob" and group:
            self._tools.outbox.hold(item.cid, group.capability)
        else:
            change = Change(drop=(Drop(outgoing.TABLE, item.cid),))
            if item.is_fixed:  # it is nowhere any more, and goes as something else if at all
                change += Change(drop=(Drop(tail_table(item.group), item.cid),))
            if item.kind == LETTER and status == 404:
                change += await nobody_there(self._tools, item.device)
            if item.kind == CONTENT:
                is_lost = code == "no-blob" and item.message not in self._uploaded_again
                self._uploaded_again |= {item.message} if is_lost else set()
                change += await self._settled(item, "uploading" if is_lost else "refused", Appended(seq=0, at_ms=0))
            await self._context.commit(change)

    async def _lost(self, item: Outgoing, group: Group | None, key_state: KeyState | None, code: str) -> None:
        """A commit of mine was not the first of its epoch: the winner comes with the stream, then it is tried anew."""
        change = Change(drop=(Drop(outgoing.TABLE, item.cid),))
        if item.is_fixed and code == "epoch" and group is not None and group.state == MEMBER:
            await self._context.commit(change)
            await ask_to_rejoin(self._tools, group)
            return
        if key_state is None or key_state.pending_cid != item.cid:
            await self._context.commit(change)
            return
        if code == "epoch":
            self._tools.commits.lose(key_state.id, key_state.keys.epoch)
        await self._tools.key_states.commit(change, key_state.without_pending())

    async def _settled(self, item: Outgoing, state: str, receipt: Appended) -> Change:
        at = {"seq": receipt.seq, "at_ms": receipt.at_ms}
        return await self._tools.contents.settle(
            item.group, item.message, state=state, **at, documents=self._context.store
        )

    # Reading

    async def cursors(self) -> tuple[GroupCursor, ...]:
        """Every group of this service that the service knows already and that we read."""
        unmade = {item.group for item in await self._tools.outbox.all() if item.kind == CREATE}
        return tuple(
            cursor_of(g)
            for g in await self._groups()
            if g.id not in unmade and g.state in FOLLOWED and g.capability and self._tools.aside.of(g.id) is None
        )

    async def trail(self, group: str) -> tuple[GroupCursor, ...]:
        """Places of a group's log up to our cursor that are remembered; none for one that is not followed."""
        known = await self._tools.group(group)
        with self._tools.aside.holding(group):
            if known is not None and known.state in FOLLOWED:
                return await trail_of(self._context.store, known)
        return ()

    async def receive(self, events: tuple[RelayEvent, ...]) -> None:
        """Take in events of one group, many to a commit. A bad one is counted and skipped; the cursor moves on.

        Where something of the group is damaged here, it is set aside with what comes, and the others go on.
        """
        group_id, is_new = events[0].group, False
        async with self._tools.key_states.turn():
            if self._tools.aside.of(group_id) is None:
                with self._tools.aside.holding(group_id):
                    is_new = await self._received(group_id, events)
        if is_new:
            await self._wake()

    async def _received(self, group_id: str, events: tuple[RelayEvent, ...]) -> bool:
        """Return whether the loop has something to do now."""
        is_new = False
        batch = await self._batch(group_id)
        for event in events:
            if batch is None or not batch.expects(event):
                continue
            step = await batch.read(event)
            if not batch.takes(step):
                await self._take(batch.step)
                await self._take(step)
                is_new |= await self._go_on(step, event.at_ms)
                batch = await self._batch(group_id)
        if batch is not None:
            await self._take(batch.step)
        return is_new

    async def _batch(self, group_id: str) -> Batch | None:
        group = await self._tools.group(group_id)
        return None if group is None else Batch(self._tools, group, await self._tools.key_states.of(group_id))

    async def _take(self, step: Step | None, *more: Change) -> None:
        if step is None:
            return
        change = step.change + Change(put=(stand(step.group),))
        for one in more:
            change += one
        known = await self._tools.group(step.group.id)
        states = () if step.key_state is None else (step.key_state,)
        await self._tools.key_states.commit(change, *states, forget=() if states else (step.group.id,))
        self._skipped += step.group.unopened - (known.unopened if known else 0)

    async def _go_on(self, step: Step, at_ms: int) -> bool:
        """Do what follows from an event that stands alone; return whether the loop has something to do."""
        is_new, group_id = step.is_new_epoch, step.group.id
        if step.is_new_epoch:
            await self._take_early(group_id)
        if step.is_older:
            await roll_back(self._tools)
            await self._wake_all()
        if step.key_state is None:
            await self._letters.take_later(group_id)
            is_new |= await ask_for_keys(self._tools, group_id)
        if step.has_consequences:
            is_new |= await self._tools.next(group_id)
        if step.group.astray or any(put.table == EARLY for put in step.change.put):
            is_new |= await judge(self._tools, group_id, at_ms)
        return is_new

    async def _take_early(self, group_id: str) -> None:
        """Read what came before its keys did."""
        for event in early_events(await self._context.store.all(EARLY), group_id):
            batch = await self._batch(group_id)
            if batch is None or not batch.is_followed:
                return
            step = await batch.read(event)
            is_early_still = any(put.table == EARLY for put in step.change.put)
            if not is_early_still:
                await self._take(step, Change(drop=(Drop(EARLY, early_id(event)),)))

    # Letters

    async def inbox_cursor(self) -> int:
        return whole((await self._record.read())["inbox"])

    async def receive_inbox(self, item: InboxItem) -> None:
        """Take in one letter. A bad one only moves the cursor."""
        async with self._tools.key_states.turn():
            change = await self._letters.receive(item)
        if change is None:
            return
        if any(put.table == ME for put in change.put):
            await self.connected()  # only now are its key packages a person's
        if change != Change():
            await self._wake()

    # What else the service tells

    async def incarnation(self) -> str:
        return str((await self._record.read())["incarnation"])

    async def set_incarnation(self, value: str) -> None:
        standing = await self._record.read()
        inbox = standing["inbox"] if not standing["incarnation"] else 0
        await self._context.commit(self._record.keeping({**standing, "incarnation": value, "inbox": inbox}))
        self._packages.forget()

    async def restored(self, group: str, head: int) -> None:
        """The service has another log after `head`: offer again what I sent after it, and every commit, in order."""
        async with self._tools.key_states.turn():
            known = await self._tools.group(group)
            with self._tools.aside.holding(group):
                if known is not None:
                    await self._go_back(known, head, founds=head == 0)

    async def unknown(self, group: str) -> None:
        """The service lost the group, or never had it, or another capability is in force there than we know.

        So the group itself is offered again, once: its answer shows which. Who still does not find it after ten
        minutes, in which others may have brought our capability in force, lost their place.
        """
        async with self._tools.key_states.turn():
            known = await self._tools.group(group)
            with self._tools.aside.holding(group):
                if known is None or known.state != MEMBER or await self._tools.key_states.of(group) is None:
                    return
                first = await founded_again(self._tools, known)
                offered, now_ms = (group, first.capability), self._context.clock.monotonic_ms()
                if offered not in self._offered:
                    self._offered[offered] = now_ms
                    await self._context.commit(Change(put=(self._tools.outbox.creation(first),)))
                elif now_ms - self._offered[offered] > ELSEWHERE_MS and self._has_others(known):
                    del self._offered[offered]
                    await ask_to_rejoin(self._tools, known)

    def _has_others(self, group: Group) -> bool:
        return bool(group.seats[1:] or self._context.me.other_devices)

    async def _go_back(self, group: Group, head: int, *, founds: bool) -> None:
        change, again = await offered_again(self._tools, group, min(head, group.cursor), founds=founds)
        await self._context.commit(change)
        for cid in again:
            self._tools.outbox.forget(cid)

    async def removed(self, group: str) -> None:
        """Our place is lost: another capability is in force, and nothing we could read says so."""
        async with self._tools.key_states.turn():
            known = await self._tools.group(group)
            with self._tools.aside.holding(group):
                if known is not None and known.state == MEMBER:
                    await ask_to_rejoin(self._tools, known)
        await self._wake()

    def set_sync_state(self, state: str) -> None:
        if state != self.state:
            self.state, self._is_newly_caught_up = state, state == ONLINE
            self._tools.outbox.catch_up(self._service, state == ONLINE)
            if state == ONLINE:
                self._tools.outbox.release(self._service)
                self._tools.commits.release()
            self._context.tell(frozenset({"sync"}))

    def set_sync_trouble(self, error: SyncError | None) -> None:
        before, self.trouble = self.trouble, error
        if (type(before), before and before.told) != (type(error), error and error.told):
            self._context.tell(frozenset({"sync"}))

    def set_sync_pace(self, every_s: int) -> None:
        if every_s != self.every_s:
            self.every_s = every_s
            self._context.tell(frozenset({"sync"}))

    async def resume(self) -> None:
        """Go on with what a crash cut off."""
        async with self._tools.key_states.turn():
            for group in await self._groups():
                with self._tools.aside.holding(group.id):
                    await ask_for_keys(self._tools, group.id)  # none are there after a backup, which holds no keys
                    await self._trim(group.id)
                    await self._letters.take_later(group.id)
                    await self._tools.next(group.id)

    async def _trim(self, group: str) -> None:
        """Keep only the newest of what could be offered again."""
        tail = await tail_of(self._context.store, group)
        old = tuple(Drop(tail_table(group), str(doc["_id"])) for doc in tail[:-TAIL_KEPT])
        if old:
            await self._context.commit(Change(drop=old))

    async def _groups(self) -> tuple[Group, ...]:
        return tuple(group for group in await self._tools.groups() if group.service == self._service)
