"""A small core for the sync loop, in memory."""

import asyncio
import secrets

from companion.ports import GroupCursor, OutboxItem


class MemorySide:
    """Keeps what a store would keep, so that a test can end a loop and go on with the next."""

    def __init__(self):
        self.groups = {}
        self.cursor = {}
        self.waiting = []
        self.sent = {}
        self.refused = {}
        self.received = []
        self.states = []
        self.before_receive = lambda event: None
        self.changed = asyncio.Event()

    def join(self, group, capability):
        self.groups[group] = capability
        self.cursor[group] = 0

    def post(self, group, body, epoch=None):
        cid = secrets.token_hex(16)
        item = OutboxItem(cid=cid, group=group, capability=self.groups[group], body=body, epoch=epoch)
        self.waiting.append(item)
        return cid

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
        return tuple(
            GroupCursor(group=g, capability=c, since=self.cursor[g]) for g, c in self.groups.items() if g not in unmade
        )

    async def receive(self, event):
        self.before_receive(event)
        self.cursor[event.group] = event.seq
        self.received.append(event)
        self.changed.set()

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
