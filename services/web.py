"""Serve the app to the windows that its owner opened in a browser of this computer, and to nobody else.

Three secrets, none of which lies where browsers or programs share things:

- The name in the address, `<random>.localhost`, is new at each start. No other program's page, cookie or service worker
  belongs to it, and a request under any other name is refused, so a name that points at loopback leads nowhere.
- A ticket in the address opens one window, once. The next one stands in a file that only the owner can read: a browser
  is started with that file, so that no list of processes shows a ticket.
- The pass that the ticket is exchanged for lies in the window's `sessionStorage`: no other tab, port or program gets
  it, and no browser sends it by itself. The page puts it into the path of its web socket; without it there is no app.
"""

import logging
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from services.asgi import PRIVATE, Asgi, Message, Receive, Scope, Send, answer
from services.uploads import TAKES

log = logging.getLogger(__name__)

POLICY = (
    b"default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    b"style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
)
PLAIN_NAME = "127.0.0.1"
SOCKET = "/ws"
CLOSED = "/closed"
TAKE = """<!doctype html><meta charset="utf-8">
<script>sessionStorage.setItem("companion", "%s"); location.replace("/")</script>"""
LEAD = """<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><title>Companion</title>
<script>location.replace("%s")</script><a href="%s">Companion</a>"""
CHOOSES = b"""
addEventListener("keydown", event => {
  const chooses = event.isComposing || event.keyCode === 229;
  if (chooses && ["Enter", "Escape"].includes(event.key)) event.stopImmediatePropagation();
}, true);"""
"""With an input method, Enter takes one of the offered words, and Escape none: the client would send, and hide."""
USE = b"""<script>{
const pass = sessionStorage.getItem("companion");
if (pass) flet.webSocketEndpoint = "%s/" + pass; else location.replace("%s");%s
}</script></head>""" % (SOCKET.encode(), CLOSED.encode(), CHOOSES)


def random_name() -> str:
    return f"c{secrets.token_hex(10)}.localhost"


def system_knows(name: str) -> bool:
    """Whether the system's own resolver takes the name for this computer. Some browsers ask it, most need not."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(address[0] in ("127.0.0.1", "::1") for *_, address in found)


class Gate:
    """An ASGI application in front of the app's own. `host` is the name and port of the only address it answers to.

    `renew` hears of each new one-time address, the first one included. Who comes with a ticket is let in also when it
    raises OSError.
    """

    def __init__(self, app: Asgi, host: str, refusal: str, renew: Callable[[str], None] = lambda address: None) -> None:
        self._app = app
        self._host = host
        self._refusal = refusal.encode()
        self._renew = renew
        self._pass = secrets.token_urlsafe(32)
        self._draw()

    @property
    def address(self) -> str:
        """The one-time address. It is spent by its first use, and another one takes its place."""
        return f"http://{self._host}{self._path}"

    def _draw(self) -> None:
        self._path = f"/open/{secrets.token_urlsafe(32)}"
        self._renew(self.address)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._connect(scope, receive, send)
        elif not self._is_asked_here(scope):
            await self._refuse(send)
        elif str(scope["path"]).startswith("/open/"):
            await self._let_in(scope, send)
        elif scope["path"] == CLOSED or _header(scope, b"sec-fetch-site") not in ("", "none", "same-origin"):
            await self._refuse(send)
        else:
            await self._app(scope, receive, _keep_home(send))

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope["path"])
        is_ours = _header(scope, b"host") == self._host and _header(scope, b"origin") == f"http://{self._host}"
        if is_ours and _same(path, f"{SOCKET}/{self._pass}"):
            await self._app({**scope, "path": SOCKET, "raw_path": SOCKET.encode()}, receive, send)
            return
        await send({"type": "websocket.close", "code": 4403})

    def _is_asked_here(self, scope: Scope) -> bool:
        origin = _header(scope, b"origin")
        is_ours = _header(scope, b"host") == self._host and origin in ("", f"http://{self._host}")
        takes = scope["method"] == "PUT" and str(scope["path"]).startswith(TAKES)
        return is_ours and (takes or scope["method"] in ("GET", "HEAD"))

    async def _let_in(self, scope: Scope, send: Send) -> None:
        if scope["method"] != "GET" or not _same(str(scope["path"]), self._path):
            await self._refuse(send)
            return
        try:
            self._draw()
        except OSError as error:  # a full disk; only the next window has no way in
            log.warning("the next one-time address was not written down: %s", type(error).__name__)
        policy = b"default-src 'none'; script-src 'unsafe-inline'; frame-ancestors 'none'"
        kind = [(b"content-type", b"text/html"), (b"content-security-policy", policy)]
        await answer(send, 200, (TAKE % self._pass).encode(), kind)

    async def _refuse(self, send: Send) -> None:
        await answer(send, 403, self._refusal, [(b"content-type", b"text/plain; charset=utf-8")])


class OpenFile:
    """A page in a folder of its own that only the owner can read, and that leads to the newest one-time address."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="companion-"))  # made for the owner alone
        self.path = self._folder / "open.html"

    def write(self, address: str) -> None:
        """Raises OSError."""
        page = LEAD % (address, address)
        new = self._folder / secrets.token_hex(8)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(page)
        new.replace(self.path)

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _keep_home(send: Send) -> Send:
    """Let the page load from this address only (Flutter would ask a CDN for a part that we do not use), and let it take
    its pass to the web socket."""
    start: Message = {}
    page = bytearray()

    async def changed(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            kept = [(k, v) for k, v in message["headers"] if k.lower() != b"access-control-allow-origin"]
            start = {**message, "headers": [*kept, (b"content-security-policy", POLICY), *PRIVATE]}
            if not _is_page(start):
                await send(start)
        elif not _is_page(start):
            await send(message)
        else:
            page.extend(message.get("body", b""))
            if not message.get("more_body"):
                await _send_page(send, start, bytes(page))

    return changed


def _is_page(start: Message) -> bool:
    kind = next((value for key, value in start["headers"] if key.lower() == b"content-type"), b"")
    return start["status"] == 200 and kind.startswith(b"text/html")


async def _send_page(send: Send, start: Message, page: bytes) -> None:
    page = page.replace(b"</head>", USE, 1)
    kept = [(k, v) for k, v in start["headers"] if k.lower() not in (b"content-length", b"etag", b"last-modified")]
    length = (b"content-length", str(len(page)).encode())
    await send({**start, "headers": [*kept, length, (b"cache-control", b"no-store")]})
    await send({"type": "http.response.body", "body": page})


def _same(given: str, known: str) -> bool:
    return secrets.compare_digest(given.encode(), known.encode())


def _header(scope: Scope, name: bytes) -> str:
    """Return a header, or something that is never right if it came twice."""
    values = [value.decode("latin-1") for key, value in scope["headers"] if key == name]
    return values[0] if len(values) == 1 else "twice" if values else ""
