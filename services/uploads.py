"""Takes files that a browser hands over, in memory: one address for each, good for one file.

A file goes this way because the window's own connection would carry it as numbers, and stand still meanwhile. The
address is a secret of that window; it stands behind `services.web.Gate`. Nothing is written anywhere.
"""

import asyncio
import secrets

from companion.errors import PictureUnreadable
from companion.ports import Upload
from services.asgi import Asgi, Receive, Scope, Send, answer

TAKES = "/take/"
"""Before the secret part of an address to which a window of ours sends one file."""


class Uploads:
    """The port of the same name, for all windows of a profile. Files are of at most `limit_bytes`."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._expected: dict[str, asyncio.Future[bytes]] = {}

    def expect(self) -> Upload:
        """Return an address for one file, and what waits for it. Call `forget` when nobody waits any more."""
        token = secrets.token_urlsafe(24)
        self._expected[token] = asyncio.get_running_loop().create_future()
        return Upload(address=TAKES + token, content=self._expected[token])

    def forget(self, upload: Upload) -> None:
        self._expected.pop(upload.address.removeprefix(TAKES), None)

    def in_front_of(self, app: Asgi) -> Asgi:
        """Return the ASGI application that takes files and leaves everything else to the app's own."""

        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and str(scope["path"]).startswith(TAKES):
                await self._take(scope, receive, send)
            else:
                await app(scope, receive, send)

        return call

    async def _take(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = str(scope["path"]).removeprefix(TAKES)
        expected = self._expected.get(token) if scope["method"] == "PUT" else None
        if expected is None or expected.done():
            await answer(send, 404, b"", [])
            return
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":  # the window went away: the same file may be sent again
                return
            body += message.get("body", b"")
            if len(body) > self._limit_bytes:
                if not expected.done():
                    expected.set_exception(PictureUnreadable(f"more than {self._limit_bytes} bytes"))
                await answer(send, 413, b"", [])
                return
            if not message.get("more_body", False):
                break
        if not expected.done():
            expected.set_result(bytes(body))
        await answer(send, 200, b"", [])
