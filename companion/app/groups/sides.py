"""What one service's sync loop asks of the opened core: groups and letters answer, and the logs of spaces."""

from companion.app.groups.sync_side import ONLINE, Side
from companion.app.spaces.log_side import LogSide
from companion.errors import SyncError
from companion.ports import Appended, GroupCursor, InboxItem, OutboxItem, RelayEvent


class Sides:
    """Asks whoever a log or an envelope belongs to; implements `SyncSide`."""

    def __init__(self, groups: Side, logs: LogSide) -> None:
        self._groups = groups
        self._logs = logs

    @property
    def rejected(self) -> int:
        """Envelopes, letters and items that were skipped because they were malformed, forged or out of order."""
        return self._groups.rejected + self._logs.skipped

    async def connected(self) -> None:
        await self._groups.connected()
        await self._logs.trim()

    async def outbox(self) -> tuple[OutboxItem, ...]:
        return (*await self._groups.outbox(), *await self._logs.outbox())

    async def mark_sent(self, cid: str, receipt: Appended) -> None:
        if not await self._logs.mark_sent(cid, receipt):
            await self._groups.mark_sent(cid, receipt)

    async def mark_refused(self, cid: str, status: int, code: str) -> None:
        if not await self._logs.mark_refused(cid, status, code):
            await self._groups.mark_refused(cid, status, code)

    async def cursors(self) -> tuple[GroupCursor, ...]:
        return (*await self._groups.cursors(), *await self._logs.cursors())

    async def trail(self, group: str) -> tuple[GroupCursor, ...]:
        side = self._logs if await self._logs.has(group) else self._groups
        return await side.trail(group)

    async def receive(self, events: tuple[RelayEvent, ...]) -> None:
        side = self._logs if await self._logs.has(events[0].group) else self._groups
        await side.receive(events)

    async def inbox_cursor(self) -> int:
        return await self._groups.inbox_cursor()

    async def receive_inbox(self, item: InboxItem) -> None:
        await self._groups.receive_inbox(item)

    async def restored(self, group: str, head: int) -> None:
        side = self._logs if await self._logs.has(group) else self._groups
        await side.restored(group, head)

    async def unknown(self, group: str) -> None:
        side = self._logs if await self._logs.has(group) else self._groups
        await side.unknown(group)

    async def incarnation(self) -> str:
        return await self._groups.incarnation()

    async def set_incarnation(self, value: str) -> None:
        await self._groups.set_incarnation(value)

    async def removed(self, group: str) -> None:
        side = self._logs if await self._logs.has(group) else self._groups
        await side.removed(group)

    def set_sync_state(self, state: str) -> None:
        self._logs.catch_up(state == ONLINE)
        self._groups.set_sync_state(state)

    def set_sync_trouble(self, error: SyncError | None) -> None:
        self._groups.set_sync_trouble(error)

    def set_sync_pace(self, every_s: int) -> None:
        self._groups.set_sync_pace(every_s)
