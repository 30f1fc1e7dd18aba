"""One device's live stream: what came before from the log, what comes now from the hub, in order for each group.

The device's inbox travels in the same stream.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from starlette.types import Receive, Scope, Send

from services.relay.devices.store import DeviceStore, Item, inbox_key
from services.relay.hub import Hub, Reader
from services.relay.log.store import LogStore
from services.relay.refusal import Refusal
from services.sync.protocol import KEEPALIVE_S

SEND_TIMEOUT_S = 25
CATCH_UP_EVENTS = 100
RETRY_MS = (100, 2_000)
OPENED = b": open\n\n"
KEEPALIVE = b": keep\n\n"
LIVE = b"event: live\ndata: {}\n\n"
HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


@dataclass(slots=True, kw_only=True)
class Wanted:
    """What one stream reads: a cursor and a capability hash for each group, and the inbox's cursor if it is wanted.

    A brief one ends as soon as it is live: so it comes through where an answer is handed on only when it is complete.
    `wakes` are those of these (group, capability hash) that the device may be woken for: no logs with a keeper.
    `takes_word`: the inbox's cursor may be taken for the caller's word that everything up to it has been read.
    """

    cursors: dict[bytes, int] = field(default_factory=dict)
    capabilities: dict[bytes, bytes] = field(default_factory=dict)
    wakes: list[tuple[bytes, bytes]] = field(default_factory=list)
    inbox: int | None = None
    preface: bytes = b""
    is_brief: bool = False
    takes_word: bool = True


class EventStream:
    """An ASGI answer that goes on until the caller leaves or the service stops.

    Sending is bounded: a caller that takes nothing for 25 s is dropped.
    """

    def __init__(self, *, log: LogStore, devices: DeviceStore, hub: Hub, device: bytes, wanted: Wanted) -> None:
        self._log = log
        self._devices = devices
        self._hub = hub
        self._device = device
        self._cursors = wanted.cursors
        self._capabilities = wanted.capabilities
        self._inbox_key = inbox_key(device)
        self._inbox = wanted.inbox
        self._preface = wanted.preface
        self._is_brief = wanted.is_brief

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        keys = [*self._cursors] if self._inbox is None else [*self._cursors, self._inbox_key]
        reader = self._hub.join(keys, self._device)
        leaving = asyncio.create_task(_watch(receive, reader))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            async for chunk in self._chunks(reader):
                await reader.take(
                    send({"type": "http.response.body", "body": chunk, "more_body": True}), SEND_TIMEOUT_S
                )
            if reader.end != "gone":
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            pass  # the server closes the connection of an answer that did not end
        finally:
            leaving.cancel()
            self._hub.leave(reader, self._device)

    async def _chunks(self, reader: Reader) -> AsyncIterator[bytes]:
        yield OPENED + self._preface
        reader.news.update(reader.groups)
        is_live = False
        while reader.end is None:
            while reader.news and reader.end is None:
                key = reader.news.pop()
                try:
                    chunk = await (self._read_inbox(reader) if key == self._inbox_key else self._catch_up(key, reader))
                except Refusal:  # the database gave out; the caller comes back and goes on where it was
                    reader.finish("bye")
                    break
                if chunk:
                    yield chunk
            if reader.end is None and not is_live:
                is_live = True
                yield LIVE
                if self._is_brief:
                    return
            await reader.wait(KEEPALIVE_S)
            if not reader.news and reader.end is None:
                yield KEEPALIVE
        if reader.end != "gone":
            yield bye_frame(random.randint(*RETRY_MS))  # noqa: S311  (spreads reconnects, protects nothing)

    async def _catch_up(self, group: bytes, reader: Reader) -> bytes:
        since = self._cursors.get(group)
        if since is None:
            return b""  # its capability reads no further
        capability = self._capabilities[group]
        newest = self._hub.after(group, since, capability)
        if newest is not None:
            self._cursors[group] = max(since, newest.last)
            return newest.frames + self._end(group) if newest.is_former else newest.frames
        page = await self._log.read(group, capability, since, CATCH_UP_EVENTS)
        if page.events:
            self._cursors[group] = page.events[-1].seq
        if self._cursors[group] < page.head:
            reader.news.add(group)
        frames = b"".join(event.frame(group) for event in page.events)
        return frames + (self._end(group) if page.is_former and self._cursors[group] >= page.head else b"")

    def _end(self, group: bytes) -> bytes:
        return refused_frame(group, "rotated", {"head": self._cursors.pop(group)})

    async def _read_inbox(self, reader: Reader) -> bytes:
        items = await self._devices.inbox(self._device, self._inbox or 0, CATCH_UP_EVENTS)
        if items:
            self._inbox = items[-1].seq
            reader.news.add(self._inbox_key)  # until there is nothing more
        return b"".join(map(Item.frame, items))


async def _watch(receive: Receive, reader: Reader) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    reader.finish("gone")


def refused_frame(group: bytes, error: str, details: Mapping[str, object]) -> bytes:
    fields = {"group": group.hex(), "error": error, **details}
    return b"event: refused\ndata: %s\n\n" % json.dumps(fields).encode()


def bye_frame(retry_ms: int) -> bytes:
    return b'event: bye\nretry: %d\ndata: {"retry_ms":%d}\n\n' % (retry_ms, retry_ms)
