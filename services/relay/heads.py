"""The relay's connections: each has to say in time, and in few bytes, what it wants.

uvicorn's httptools neither waits for a head only so long nor bounds what it holds of one, its trailers included.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.heads import HEAD_BYTES, Late


class _TooLong(Exception):
    """A head of too many bytes; the parser makes a refusal of it."""


class PromptRequests(Late, HttpToolsProtocol):
    """Give it to uvicorn as `http`. A connection whose head is late is cut, and one that is too long refused."""

    _is_open = True  # the head that comes next is not complete
    _arrived = 0
    _named = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        if self.cycle is not None and self.cycle.response_complete:  # empty lines count, too: nothing else may follow
            self._is_open = True
        super().data_received(data)
        if not self._is_open:
            return
        self._await_head()
        self._arrived += len(data)
        if self._arrived > HEAD_BYTES:
            self.transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_open, self._arrived, self._named = True, 0, 0

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
