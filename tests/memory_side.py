"""A small core for the sync loop, in memory."""

import asyncio
import secrets
from dataclasses import replace

from companion.ports import GroupCursor, OutboxItem


class MemorySide:
    """Keeps what a store would keep, so that a test can end a loop and go on with the next.

    Whatever it sent it can offer again. A commit's body may name the capability that follows: `next_capability` of
    `post` is what this side knows, and `learns` is what it finds in an event of others.
    """

    def __init__(self):
        self.groups = {}
        self.first = {}
        self.cursor = {}
        self.waiting = []
        self.sent = {}
        self.refused = {}
        self.received = []
        self.handed = []
        self.inbox = []
        self.inbox_at = 0
        self.log = ""
        self.went_back = []
        self.out = []
        self.learns = {}
        self.states = []
        self.unknown_groups = []
        self.troubles = []
        self.paces = []
        self.posted = []
        self.before_receive = lambda event: None
        self.changed = asyncio.Event()

    def join(self, group, capability):
        self.groups[group] = self.first[group] = capability
        self.cursor[group] = 0

    def post(self, group, body, epoch=None, next_capability=None):
        cid = secrets.token_hex(16)
        item = OutboxItem(
            cid=cid,
            group=group,
            capability=self.groups[group],
            body=body,
            epoch=epoch,
            next_capability=next_capability,
        )
        self.waiting.append(item)
        self.posted.append(item)
        return cid

    def post_to(self, device, body):
        item = OutboxItem(cid=secrets.token_hex(16), group="", capability="", body=body, device=device)
        self.waiting.append(item)
        return item.cid

    async def connected(self):
        pass

    async def outbox(self):
        return tuple(self.waiting)

    async def mark_sent(self, cid, receipt):
        self._settle(cid)
        self.sent[cid] = receipt.seq

    async def mark_refused(self, cid, status, code):
        self._settle(cid)
        self.refused[cid] = (status, code)

    async def cursors(self):
        unmade = {item.group for item in self.waiting if not item.body}
        return tuple(self._cursor(g, c) for g, c in self.groups.items() if g not in unmade and g not in self.out)

    def _cursor(self, group, capability):
        since = self.cursor[group]
        last = next((e for e in self.received if (e.group, e.seq) == (group, since)), None)
        known = {} if last is None else {"cid": last.cid, "at_ms": last.at_ms}
        return GroupCursor(group=group, capability=capability, since=since, **known)

    async def trail(self, group):
        capability = self.first.get(group, self.groups[group])
        places = [GroupCursor(group=group, capability=capability, since=0)]
        for event in self.received:
            if event.group == group:
                capability = self._following(event) or capability
                place = {"since": event.seq, "cid": event.cid, "at_ms": event.at_ms}
                places.append(GroupCursor(group=group, capability=capability, **place))
        return tuple(places)

    async def receive(self, events):
        self.handed.append(len(events))
        for event in events:
            self.before_receive(event)
        for event in events:
            self._receive(event)

    def _receive(self, event):
        self.cursor[event.group] = event.seq
        self.received.append(event)
        follows = self._following(event)
        if follows is not None:
            self.groups[event.group] = follows
            self.waiting = [self._renewed(item, event.group, follows) for item in self.waiting]
        self.changed.set()

    def _following(self, event):
        own = next((i for i in self.posted if i.cid == event.cid), None)
        return own.next_capability if own is not None else self.learns.get(event.body)

    async def inbox_cursor(self):
        return self.inbox_at

    async def receive_inbox(self, item):
        self.inbox_at = item.seq
        self.inbox.append(item)
        self.changed.set()

    async def restored(self, group, head):
        self.went_back.append((group, head))
        lost = {event.cid for event in self.received if event.group == group and event.seq > head}
        lost |= {cid for cid, seq in self.sent.items() if seq > head}
        self.received = [event for event in self.received if event.group != group or event.seq <= head]
        self.cursor[group] = min(head, self.cursor[group])
        self.groups[group] = (await self.trail(group))[-1].capability
        again = [i for i in self.posted if i.group == group and (i.cid in lost or not (head or i.body))]
        kept = {item.cid for item in self.waiting}
        self.waiting = [item for item in again if item.cid not in kept] + self.waiting
        self.changed.set()

    async def incarnation(self):
        return self.log

    async def set_incarnation(self, value):
        self.inbox_at = 0 if self.log else self.inbox_at
        self.log = value
        self.changed.set()

    async def removed(self, group):
        self.out.append(group)
        self.changed.set()

    async def unknown(self, group):
        self.unknown_groups.append(group)
        self.changed.set()

    def set_sync_trouble(self, error):
        self.troubles.append(error)
        self.changed.set()

    def set_sync_pace(self, every_s):
        self.paces.append(every_s)

    def set_sync_state(self, state):
        self.states.append(state)
        self.changed.set()

    @property
    def bodies(self):
        return [event.body for event in self.received]

    async def until(self, condition, deadline_s=20):
        """Wait until the condition holds, looking again at each change."""
        async with asyncio.timeout(deadline_s):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    def _settle(self, cid):
        self.waiting = [item for item in self.waiting if item.cid != cid]
        self.changed.set()

    @staticmethod
    def _renewed(item, group, capability):
        return replace(item, capability=capability) if item.group == group else item
