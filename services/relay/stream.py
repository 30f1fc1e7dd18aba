"""One device's live stream: what came before from the log, what comes now from the hub, in order for each group."""

import asyncio
import random
from collections.abc import AsyncIterator

from starlette.types import Receive, Scope, Send

from services.relay.frames import KEEPALIVE, LIVE, OPENED, bye_frame, event_frame
from services.relay.hub import Hub, Reader
from services.relay.store import Store
from services.sync.protocol import KEEPALIVE_S

SEND_TIMEOUT_S = 25
CATCH_UP_EVENTS = 100
RETRY_MS = (100, 2_000)
HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class EventStream:
    """An ASGI answer that goes on until the caller leaves or the service stops.

    Sending is bounded: a caller that takes nothing for 25 s is dropped.
    """

    def __init__(self, *, store: Store, hub: Hub, device: bytes, cursors: dict[bytes, int], preface: bytes) -> None:
        self._store = store
        self._hub = hub
        self._device = device
        self._cursors = cursors
        self._preface = preface

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reader = self._hub.join(self._cursors, self._device)
        leaving = asyncio.create_task(_watch(receive, reader))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            async for chunk in self._chunks(reader):
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if reader.end != "gone":
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            pass  # the server closes the connection of an answer that did not end
        finally:
            leaving.cancel()
            self._hub.leave(reader, self._device)

    async def _chunks(self, reader: Reader) -> AsyncIterator[bytes]:
        yield OPENED + self._preface
        reader.news.update(self._cursors)
        is_live = False
        while reader.end is None:
            while reader.news and reader.end is None:
                group = reader.news.pop()
                chunk = await self._catch_up(group, reader)
                if chunk:
                    yield chunk
            if reader.end is None and not is_live:
                is_live = True
                yield LIVE
            await reader.wait(KEEPALIVE_S)
            if not reader.news and reader.end is None:
                yield KEEPALIVE
        if reader.end != "gone":
            yield bye_frame(random.randint(*RETRY_MS))  # noqa: S311  (spreads reconnects, protects nothing)

    async def _catch_up(self, group: bytes, reader: Reader) -> bytes:
        since = self._cursors[group]
        newest = self._hub.after(group, since)
        if newest is not None:
            self._cursors[group] = max(since, newest[0])
            return b"".join(newest[1])
        page = await self._store.read(group, since, CATCH_UP_EVENTS)
        if page.events:
            self._cursors[group] = page.events[-1].seq
            if self._cursors[group] < page.head:
                reader.news.add(group)
        return b"".join(event_frame(group, event) for event in page.events)


async def _watch(receive: Receive, reader: Reader) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    reader.finish("gone")
