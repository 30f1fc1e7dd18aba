"""Live delivery inside one process: the newest frames of each group that somebody reads, and whom to wake.

It knows groups and inboxes as keys, and what is new in them as frames with numbers; what is inside it must not know.

A reader holds cursors and one wake-up, never a queue: whoever is slow falls out of the ring and reads the log. What
is published here is a hint; the log is the truth.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

RING_FRAMES = 256
RING_BYTES = 1_048_576
READERS_PER_DEVICE = 2


class News(Protocol):
    """Something new in a group: the next in a row of numbers without gaps.

    `ended` is the hash of the capability that reads no further than this.
    """

    @property
    def seq(self) -> int: ...

    @property
    def ended(self) -> bytes | None: ...

    def frame(self, group: bytes) -> bytes:
        """Return it as streams carry it."""


class Listener(Protocol):
    """Who hears of what is new, on the loop that opened the database."""

    def publish(self, group: bytes, news: News) -> None:
        """This is committed."""

    def hint(self, group: bytes) -> None:
        """Something that is not named here may be new in this group, or in the inbox behind this key."""

    def gone(self, device: bytes) -> None:
        """This device was deleted: nothing is for it any more."""

    def groups(self) -> tuple[bytes, ...]:
        """Return the groups, and the keys of the inboxes, that somebody here reads."""

    def devices(self) -> frozenset[bytes]:
        """Return the devices that have a stream open here."""


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
        """End the reading: "gone" (the caller left), "replaced" (by a newer stream), "deleted", or "bye"."""
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


class Newest(NamedTuple):
    """Frames from the ring and the number of the last. `is_former`: the capability reads no further than that."""

    last: int
    frames: list[bytes]
    is_former: bool


class _Tail:
    """The ring of one group: frames of consecutive events."""

    __slots__ = ("frames", "readers", "size")

    def __init__(self) -> None:
        self.frames: deque[tuple[int, bytes, bytes | None]] = deque()
        self.readers: set[Reader] = set()
        self.size = 0

    def add(self, seq: int, frame: bytes, ended: bytes | None) -> None:
        last = self.frames[-1][0] if self.frames else None
        if last is not None and seq <= last:
            return
        if last is not None and seq != last + 1:
            self.forget()
        self.frames.append((seq, frame, ended))
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
        self._heard: Callable[[bytes], None] | None = None
        self._lost: Callable[[bytes], None] | None = None

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

    def heard_by(self, tell: Callable[[bytes], None]) -> None:
        """Let somebody know of each group that this process appends to."""
        self._heard = tell

    def devices(self) -> frozenset[bytes]:
        """Return the devices that have a stream open here."""
        return frozenset(self._streams)

    def publish(self, group: bytes, news: News) -> None:
        if self._heard is not None:
            self._heard(group)
        tail = self._tails.get(group)
        if tail is None:
            return
        tail.add(news.seq, news.frame(group), news.ended)
        for reader in tail.readers:
            reader.tell(group)

    def lost_by(self, tell: Callable[[bytes], None]) -> None:
        """Let somebody know of each device that was deleted."""
        self._lost = tell

    def hint(self, group: bytes) -> None:
        tail = self._tails.get(group)
        if tail is None:
            return
        tail.forget()  # it may end before what is new
        for reader in tail.readers:
            reader.tell(group)

    def gone(self, device: bytes) -> None:
        for reader in self._streams.get(device, ()):
            reader.finish("deleted")
        if self._lost is not None:
            self._lost(device)

    def groups(self) -> tuple[bytes, ...]:
        return tuple(self._tails)

    def after(self, group: bytes, since: int, capability_hash: bytes) -> "Newest | None":
        """Return what came after `since` as far as this capability reads it, or None if only the log can tell."""
        tail = self._tails.get(group)
        if tail is None or not tail.frames or tail.frames[0][0] > since + 1:
            return None
        last, is_former = tail.frames[-1][0], False
        frames: list[bytes] = []
        for seq, frame, ended in reversed(tail.frames):
            if seq <= since:
                break
            if ended == capability_hash:
                frames.clear()
                last, is_former = seq, True
            frames.append(frame)
        frames.reverse()
        return Newest(last=last, frames=frames, is_former=is_former)

    def close(self) -> None:
        """Send everybody away: the service stops."""
        self._is_closing = True
        for reader in self._readers:
            reader.finish("bye")
