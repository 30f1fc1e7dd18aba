"""Live delivery inside one process: the newest frames of each group that somebody reads, and whom to wake.

It knows groups and inboxes as keys, and what is new in them as frames with numbers; what is inside it must not know.

A reader holds cursors and one wake-up, never a queue: whoever is slow falls out of the ring and reads the log. What
is published here is a hint; the log is the truth.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple, Protocol

from services.relay.deadline import Deadline

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
    """One caller that waits for news of some groups, and takes them."""

    __slots__ = ("_deadline", "_is_late", "_sender", "_wake", "end", "groups", "news")

    def __init__(self, groups: Iterable[bytes]) -> None:
        self.groups = tuple(groups)
        self.news: set[bytes] = set()
        self.end: str | None = None
        self._is_late = False
        self._wake: asyncio.Future[None] | None = None
        self._sender: asyncio.Task[Any] | None = None
        self._deadline = Deadline(self._on_time_out)

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
        self._wake = asyncio.get_running_loop().create_future()
        self._deadline.within(timeout_s)
        try:
            await self._wake
        finally:
            self._wake = None

    async def take(self, sending: Awaitable[None], timeout_s: float) -> None:
        """Wait for this to be sent. Raises TimeoutError."""
        task = self._sender = asyncio.current_task()
        self._deadline.within(timeout_s)
        try:
            await sending
        except asyncio.CancelledError:
            if not self._is_late or task is None:
                raise
            task.uncancel()
            raise TimeoutError from None
        finally:
            self._sender = None

    def close(self) -> None:
        self._deadline.close()

    def _on_time_out(self) -> None:
        if self._sender is not None:
            self._is_late = True
            self._sender.cancel()
        self._rouse()

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


class Newest(NamedTuple):
    """Frames from the ring and the number of the last. `is_former`: the capability reads no further than that."""

    last: int
    frames: bytes
    is_former: bool


class _Tail:
    """The ring of one group: frames of consecutive events.

    Most readers ask for the same, so the last answer is kept until there is more.
    """

    __slots__ = ("_asked", "_newest", "frames", "readers", "size")

    def __init__(self) -> None:
        self.frames: deque[tuple[int, bytes, bytes | None]] = deque()
        self.readers: set[Reader] = set()
        self.size = 0
        self._asked: tuple[int, bytes] | None = None
        self._newest: Newest | None = None

    def add(self, seq: int, frame: bytes, ended: bytes | None) -> None:
        last = self.frames[-1][0] if self.frames else None
        if last is not None and seq <= last:
            return
        if last is not None and seq != last + 1:
            self.forget()
        self._asked = None
        self.frames.append((seq, frame, ended))
        self.size += len(frame)
        while len(self.frames) > RING_FRAMES or self.size > RING_BYTES:
            self.size -= len(self.frames.popleft()[1])

    def forget(self) -> None:
        self._asked = None
        self.frames.clear()
        self.size = 0

    def after(self, since: int, capability_hash: bytes) -> Newest | None:
        if self._asked != (since, capability_hash):
            self._newest = self._read(since, capability_hash)
            self._asked = (since, capability_hash)
        return self._newest

    def _read(self, since: int, capability_hash: bytes) -> Newest | None:
        if not self.frames or self.frames[0][0] > since + 1:
            return None
        last, is_former = self.frames[-1][0], False
        frames: list[bytes] = []
        for seq, frame, ended in reversed(self.frames):
            if seq <= since:
                break
            if ended == capability_hash:
                frames.clear()
                last, is_former = seq, True
            frames.append(frame)
        frames.reverse()
        return Newest(last=last, frames=b"".join(frames), is_former=is_former)


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
        reader.close()
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

    def after(self, group: bytes, since: int, capability_hash: bytes) -> Newest | None:
        """Return what came after `since` as far as this capability reads it, or None if only the log can tell."""
        tail = self._tails.get(group)
        return None if tail is None else tail.after(since, capability_hash)

    def close(self) -> None:
        """Send everybody away: the service stops."""
        self._is_closing = True
        for reader in self._readers:
            reader.finish("bye")
