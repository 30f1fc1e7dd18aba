"""A server on loopback that says exactly the bytes it is given, to whoever asks."""

import asyncio
import ssl
from collections.abc import AsyncIterable, Iterable
from contextlib import asynccontextmanager

HEAD = b"HTTP/1.1 200 OK\r\ncompanion-service: companion-relay\r\n"


def whole(body, *headers):
    """Return an answer of the service with this body."""
    return [HEAD + b"".join(h + b"\r\n" for h in headers) + b"content-length: %d\r\n\r\n" % len(body) + body]


@asynccontextmanager
async def serving(said: Iterable[bytes] | AsyncIterable[bytes], tls: ssl.SSLContext | None = None, *, waits=True):
    """Yield the port of a server that answers each request, or connection, with these pieces and then closes."""

    async def talk(reader, writer):
        try:
            await reader.readuntil(b"\r\n\r\n" if waits else b"\x01")
            async for piece in _pieces(said):
                writer.write(piece)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _pieces(said):
    if isinstance(said, Iterable):
        for piece in said:
            yield piece
    else:
        async for piece in said:
            yield piece
