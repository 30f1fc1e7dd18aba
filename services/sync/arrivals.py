"""What a stream brings, taken off it while the core is still at work with what came before, up to a bound.

Events of one group that are there together are handed on together; nothing waits for more to come.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from companion.errors import Offline
from companion.ports import InboxItem, RelayEvent
from services.sync.answers import Bye, GroupRefused, Live, StreamItem

RUN_EVENTS = 100  # become one commit; more would keep the window waiting longer and save next to nothing
RUN_BYTES = 524_288
AHEAD_ITEMS = 2 * RUN_EVENTS
AHEAD_BYTES = 2 * RUN_BYTES

Arrived = tuple[RelayEvent, ...] | InboxItem | Live | GroupRefused | Bye


class Arrivals:
    """One stream, read from `__aenter__` on, and closed at the end."""

    def __init__(self, stream: AsyncGenerator[StreamItem, None]) -> None:
        self._stream = stream
        self._items: deque[StreamItem] = deque()
        self._bytes = 0
        self._has_some, self._has_room = asyncio.Event(), asyncio.Event()
        self._error: Exception | None = None
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Arrivals":
        self._reading = asyncio.create_task(self._read(), name="sync-stream")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})
        await self._stream.aclose()

    async def next(self) -> Arrived:
        """Return what comes next: events as those of one group that follow each other.

        Raises: what the stream raised, after everything that came before, and Offline at its end.
        """
        while not self._items:
            if self._error is not None:
                raise self._error
            self._has_some.clear()
            await self._has_some.wait()
        first = self._pop()
        if not isinstance(first, RelayEvent):
            return first
        run, size = [first], len(first.body)
        while self._items and len(run) < RUN_EVENTS and size < RUN_BYTES:
            following = self._items[0]
            if not isinstance(following, RelayEvent) or following.group != first.group:
                break
            self._pop()
            run.append(following)
            size += len(following.body)
        return tuple(run)

    async def _read(self) -> None:
        try:
            async for item in self._stream:
                self._items.append(item)
                self._bytes += _size(item)
                self._has_some.set()
                while len(self._items) >= AHEAD_ITEMS or self._bytes >= AHEAD_BYTES:
                    self._has_room.clear()
                    await self._has_room.wait()
            raise Offline("the stream has ended")
        except Exception as error:  # whoever reads next hears of it
            self._error = error
            self._has_some.set()

    def _pop(self) -> StreamItem:
        item = self._items.popleft()
        self._bytes -= _size(item)
        self._has_room.set()
        return item


def _size(item: StreamItem) -> int:
    return len(item.body) if isinstance(item, RelayEvent | InboxItem) else 0
