"""Serve the app to the browser of this computer, and to nobody else.

The address that is printed works once: it exchanges a secret for a cookie that scripts cannot read and other sites
cannot send. Without that cookie every answer is 403, the web socket included. A request under another host name is
refused, so a hostile page cannot reach the app through a name that it points at loopback.
"""

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import SimpleCookie
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
POLICY = (
    b"default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    b"style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
)
PRIVATE = ((b"referrer-policy", b"no-referrer"), (b"x-content-type-options", b"nosniff"))
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


class Gate:
    """An ASGI application in front of the app's own."""

    def __init__(self, app: Asgi, refusal: str) -> None:
        self._app = app
        self._refusal = refusal.encode()
        self._ticket: str | None = secrets.token_urlsafe(32)
        self._pass = secrets.token_urlsafe(32)

    @property
    def path(self) -> str:
        """The one-time path. It is spent by its first use."""
        return f"/open/{self._ticket}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif self._is_here(scope) and self._has_pass(scope):
            await self._app(scope, receive, _keep_home(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4403})
        elif self._is_here(scope) and self._spend(str(scope["path"])):
            await self._let_in(scope, send)
        else:
            await _answer(send, 403, self._refusal, [(b"content-type", b"text/plain; charset=utf-8")])

    def _spend(self, path: str) -> bool:
        if self._ticket is None or not secrets.compare_digest(path.encode(), self.path.encode()):
            return False
        self._ticket = None
        return True

    async def _let_in(self, scope: Scope, send: Send) -> None:
        cookie = f"{_cookie_name(scope)}={self._pass}; Path=/; HttpOnly; SameSite=Strict"
        # A page, not a redirect: after a redirect from elsewhere the browser would hold the strict cookie back.
        page = b'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=/">'
        await _answer(send, 200, page, [(b"content-type", b"text/html"), (b"set-cookie", cookie.encode())])

    def _has_pass(self, scope: Scope) -> bool:
        jar = SimpleCookie(_header(scope, b"cookie"))
        held = jar.get(_cookie_name(scope))
        return held is not None and secrets.compare_digest(held.value.encode(), self._pass.encode())

    def _is_here(self, scope: Scope) -> bool:
        host = _header(scope, b"host")
        origin = _header(scope, b"origin")
        name = host.rsplit(":", 1)[0]
        return name in ("127.0.0.1", "localhost") and origin in ("", f"http://{host}")


def _keep_home(send: Send) -> Send:
    """Let the page load from this address only: Flutter would ask a CDN for a part that we do not use."""

    async def with_policy(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            kept = [(k, v) for k, v in message["headers"] if k.lower() != b"access-control-allow-origin"]
            message = {**message, "headers": [*kept, (b"content-security-policy", POLICY), *PRIVATE]}
        await send(message)

    return with_policy


def _cookie_name(scope: Scope) -> str:
    """Browsers share cookies between the ports of a host, so two profiles need two names."""
    return f"companion-{_header(scope, b'host').rpartition(':')[2]}"


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


async def _answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    common = [(b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
    common += PRIVATE
    await send({"type": "http.response.start", "status": status, "headers": headers + common})
    await send({"type": "http.response.body", "body": body})
