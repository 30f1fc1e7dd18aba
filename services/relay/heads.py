"""The relay's connections: each has to say in time, and in few bytes, what it wants.

uvicorn's httptools neither waits for a head only so long nor bounds what it holds of one, its trailers included.
Who was refused before the body had come is still sending it: the rest is taken and thrown away, or the answer would be
lost with the connection.
"""

import asyncio
import heapq
from collections.abc import Iterable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.heads import HEAD_BYTES, Late

REST_S = 30.0
REST_BYTES = 4 * 1024 * 1024
"""How long, and how much, a body may go on after its answer."""


class _TooLong(Exception):
    """A head of too many bytes; the parser makes a refusal of it."""


class PromptRequests(Late, HttpToolsProtocol):
    """Give it to uvicorn as `http`. A connection whose head is late is cut, and one that is too long refused."""

    rest_s = REST_S
    since_s: float
    """When it came, or had its last answer; by the loop's clock."""
    _is_open: bool  # the head that comes next is not complete
    _is_whole = True  # the body of the last head has come
    _arrived = 0
    _named = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self.since_s = self.loop.time()
        self._await(self.head_s)

    @property
    def has_asked(self) -> bool:
        return self.cycle is not None

    @property
    def is_answered(self) -> bool:
        """Whether nothing is under way here: all that was asked is answered, if anything was."""
        return not self.has_asked or self.cycle.response_complete

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self.since_s = self.loop.time()

    def data_received(self, data: bytes) -> None:
        if self._is_whole:  # empty lines count, too: nothing else may follow
            self._is_open = True
        super().data_received(data)
        if self._is_open:
            self._bound(data, self.head_s, HEAD_BYTES)
        elif not self._is_whole and self.cycle.response_complete:
            self._bound(data, self.rest_s, REST_BYTES)

    def _bound(self, data: bytes, seconds: float, size: int) -> None:
        self._await(seconds)
        self._arrived += len(data)
        if self._arrived > size:
            self.transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_open, self._is_whole, self._arrived, self._named = True, False, 0, 0

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._is_whole, self._arrived = True, 0
        self._in_time()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._is_open = False
        self._in_time()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        super().connection_lost(exc)

    def _count(self, more: int) -> None:
        """Trailers count as well: they lie in memory with the head."""
        self._named += more
        if self._named > HEAD_BYTES:
            raise _TooLong


def least_missed(connections: Iterable[asyncio.Protocol], most: int) -> list[PromptRequests]:
    """Return at most so many that ask for nothing: first who never did, then who has been quiet for longest.

    A connection that is closed may be one on which somebody who is here just asks, and loses the call.
    """
    quiet = (one for one in connections if isinstance(one, PromptRequests) and one.is_answered)
    return heapq.nsmallest(most, quiet, key=lambda one: (one.has_asked, one.since_s))
