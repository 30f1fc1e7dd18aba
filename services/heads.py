"""HTTP connections that have to say in time, and in few bytes, what they want.

uvicorn waits for the rest of a request's head for ever, and only its h11 bounds how long one may be.
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10.0
"""From the first moment of a connection, or the first byte of a further request, to the end of its head."""
HEAD_BYTES = 16 * 1024
"""To be given to uvicorn as `h11_max_incomplete_event_size`."""


class Late:
    """Cuts a connection whose head is late; for a protocol of uvicorn, which has `loop` and `transport`."""

    head_s = HEAD_S
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    _late: asyncio.TimerHandle | None = None

    def _await(self, seconds: float) -> None:
        if self._late is None:
            self._late = self.loop.call_later(seconds, self.transport.abort)

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class PromptHeads(Late, H11Protocol):
    """Give it to uvicorn as `http`. A connection whose head is late is cut."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._await(self.head_s)

    def data_received(self, data: bytes) -> None:
        head = len(self.conn.trailing_data[0]) + data.find(b"\r\n\r\n")
        if self.conn.their_state is h11.IDLE and head > HEAD_BYTES:  # h11 only bounds what is not complete
            self.transport.abort()
            return
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._await(self.head_s)
        else:
            self._in_time()

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        super().connection_lost(exc)
