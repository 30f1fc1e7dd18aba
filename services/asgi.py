"""What the two parts of the app's own server share: the words of ASGI, and an answer that is there as a whole."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
PRIVATE = ((b"referrer-policy", b"no-referrer"), (b"x-content-type-options", b"nosniff"))


async def answer(send: Send, status: int, body: bytes, headers: Headers) -> None:
    common = [(b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
    common += PRIVATE
    await send({"type": "http.response.start", "status": status, "headers": headers + common})
    await send({"type": "http.response.body", "body": body})
