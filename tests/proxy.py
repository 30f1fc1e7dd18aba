"""A network that meddles: a proxy in front of a relay that answers some calls itself, holds them back, or cuts them."""

import asyncio
import contextlib
from collections.abc import Callable

PAGE = b"<html><body>Welcome. Please sign in to go on.</body></html>"
PASSES, PAGES, HOLDS, CUTS = "passes", "pages", "holds", "cuts"


class Proxy:
    """`treats` says how each path is treated. `seen` counts the calls by path and treatment."""

    def __init__(self) -> None:
        self.upstream = 0
        self.treats: Callable[[str], str] = lambda path: PASSES
        self.seen: list[tuple[str, str]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._treat(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _treat(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One call for each connection."""
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head[:-4].split(b"\r\n")
        fields = dict(line.lower().split(b":", 1) for line in lines[1:])
        body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
        path = lines[0].split(b" ")[1].decode().split("?")[0]
        how = self.treats(path)
        self.seen.append((path, how))
        if how == PAGES:
            head = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n"
            writer.write(head + b"content-length: %d\r\n\r\n" % len(PAGE) + PAGE)
            await writer.drain()
        elif how != CUTS:
            asked = [line for line in lines if not line.lower().startswith(b"connection:")]
            request = b"\r\n".join([*asked, b"connection: close", b"", body])
            await self._pass_on(request, writer, at_once=how == PASSES)

    async def _pass_on(self, request: bytes, writer: asyncio.StreamWriter, *, at_once: bool) -> None:
        answer, upstream = await asyncio.open_connection("127.0.0.1", self.upstream)
        held = b""
        try:
            upstream.write(request)
            while piece := await answer.read(65_536):
                held += piece
                if at_once:
                    writer.write(held)
                    held = b""
                    await writer.drain()
            writer.write(held)
            await writer.drain()
        finally:
            upstream.close()
