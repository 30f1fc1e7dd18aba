"""Live delivery inside one process: the newest frames of each group that somebody reads, and whom to wake.

A reader holds cursors and one wake-up, never a queue: whoever is slow falls out of the ring and reads the log. What
is published here is a hint; the log is the truth.
"""

import asyncio
from collections import deque
from collections.abc import Iterable

from services.relay.frames import event_frame
from services.relay.store import Event

RING_FRAMES = 256
RING_BYTES = 1_048_576
READERS_PER_DEVICE = 2


class Reader:
    """One caller that waits for news of some groups."""

    __slots__ = ("_wake", "end", "groups", "news")

    def __init__(self, groups: Iterable[bytes]) -> None:
        self.groups = tuple(groups)
        self.news: set[bytes] = set()
        self.end: str | None = None
        self._wake: asyncio.Future[None] | None = None

    def tell(self, group: bytes) -> None:
        self.news.add(group)
        self._rouse()

    def finish(self, why: str) -> None:
        """End the reading: "gone" (the caller left), "replaced" (by a newer stream) or "bye" (the service stops)."""
        self.end = self.end or why
        self._rouse()

    async def wait(self, timeout_s: float) -> None:
        """Return at news, at the end, or after the time-out."""
        if self.news or self.end is not None:
            return
        loop = asyncio.get_running_loop()
        self._wake = loop.create_future()
        timer = loop.call_later(timeout_s, self._rouse)
        try:
            await self._wake
        finally:
            timer.cancel()
            self._wake = None

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


class _Tail:
    """The ring of one group: frames of consecutive events."""

    __slots__ = ("frames", "readers", "size")

    def __init__(self) -> None:
        self.frames: deque[tuple[int, bytes]] = deque()
        self.readers: set[Reader] = set()
        self.size = 0

    def add(self, seq: int, frame: bytes) -> None:
        last = self.frames[-1][0] if self.frames else None
        if last is not None and seq <= last:
            return
        if last is not None and seq != last + 1:
            self.forget()
        self.frames.append((seq, frame))
        self.size += len(frame)
        while len(self.frames) > RING_FRAMES or self.size > RING_BYTES:
            self.size -= len(self.frames.popleft()[1])

    def forget(self) -> None:
        self.frames.clear()
        self.size = 0


class Hub:
    """All readers of this process."""

    def __init__(self) -> None:
        self._tails: dict[bytes, _Tail] = {}
        self._streams: dict[bytes, list[Reader]] = {}
        self._readers: set[Reader] = set()
        self._is_closing = False

    @property
    def readers(self) -> int:
        return len(self._readers)

    def join(self, groups: Iterable[bytes], device: bytes | None = None) -> Reader:
        """Start to listen. With a device it counts as one of that device's streams, and the oldest may have to go."""
        reader = Reader(groups)
        self._readers.add(reader)
        for group in reader.groups:
            self._tails.setdefault(group, _Tail()).readers.add(reader)
        if device is not None:
            streams = self._streams.setdefault(device, [])
            streams.append(reader)
            if len(streams) > READERS_PER_DEVICE:
                streams.pop(0).finish("replaced")
        if self._is_closing:
            reader.finish("bye")
        return reader

    def leave(self, reader: Reader, device: bytes | None = None) -> None:
        self._readers.discard(reader)
        for group in reader.groups:
            tail = self._tails.get(group)
            if tail is not None:
                tail.readers.discard(reader)
                if not tail.readers:
                    del self._tails[group]
        streams = self._streams.get(device) if device is not None else None
        if device is not None and streams is not None:
            if reader in streams:
                streams.remove(reader)
            if not streams:
                del self._streams[device]

    def publish(self, group: bytes, event: Event) -> None:
        tail = self._tails.get(group)
        if tail is None:
            return
        tail.add(event.seq, event_frame(group, event))
        for reader in tail.readers:
            reader.tell(group)

    def hint(self, group: bytes) -> None:
        tail = self._tails.get(group)
        if tail is None:
            return
        tail.forget()  # it may end before what is new
        for reader in tail.readers:
            reader.tell(group)

    def groups(self) -> tuple[bytes, ...]:
        return tuple(self._tails)

    def after(self, group: bytes, since: int) -> tuple[int, list[bytes]] | None:
        """Return (last seq, frames) after `since`, or None if only the log can tell."""
        tail = self._tails.get(group)
        if tail is None or not tail.frames or tail.frames[0][0] > since + 1:
            return None
        frames = [frame for seq, frame in tail.frames if seq > since]
        return tail.frames[-1][0], frames

    def close(self) -> None:
        """Send everybody away: the service stops."""
        self._is_closing = True
        for reader in self._readers:
            reader.finish("bye")
