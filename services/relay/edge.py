"""The relay's edge: every call is counted, and whatever goes wrong inside is answered, and logged without content.

Every answer bears the service's mark, by which a client tells it from what others answer in its place.

Starlette's router finds the call. The edge knows no call's meaning.
"""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Router
from starlette.types import Message, Receive, Scope, Send

from services.relay.refusal import Refusal
from services.relay.replies import no
from services.sync.protocol import MARK_HEADER, SERVICE

log = logging.getLogger(__name__)

Close = Callable[[], Awaitable[None]]
MARK = (MARK_HEADER.encode(), SERVICE.encode())


class Edge:
    """The ASGI app. `answered` hears of each call: its name, status and seconds. `lifespan` is as in `create_app`."""

    def __init__(
        self,
        routes: Sequence[BaseRoute],
        answered: Callable[[str, int, float], None],
        lifespan: Callable[[], Awaitable[Close]],
    ) -> None:
        @asynccontextmanager
        async def live(app: object) -> AsyncIterator[None]:
            close = await lifespan()
            try:
                yield
            finally:
                await close()

        self._router = Router(routes, redirect_slashes=False, lifespan=live)
        self._answered = answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self  # the router then raises where nothing is found, and does not answer by itself
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._router(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun_s, status = time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", ()), MARK]}
            await send(message)

        try:
            await self._router(scope, receive, watched)
        except ClientDisconnect:
            pass
        except Exception as error:  # edge: relay request
            refusal = _refusal(error)
            if not status:  # of an answer that has begun the server closes the connection
                await no(refusal)(scope, receive, watched)
        finally:
            called = scope.get("endpoint")
            self._answered(called.name if called is not None else "none", status, time.perf_counter() - begun_s)


def _refusal(error: Exception) -> Refusal:
    """Return what the caller hears. A mistake of ours is logged by its place."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, HTTPException) and error.status_code == 405:
        return Refusal(405, "bad-request", "This address does not take that method.")
    if isinstance(error, HTTPException):
        return Refusal(404, "unknown", "There is nothing at this address.")
    log.error("request failed: %s in %s", type(error).__name__, _place(error))
    return Refusal(500, "failed", "The service made a mistake.")


def _place(error: BaseException) -> str:
    """Return the function and line that an error came from."""
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    return f"{where.tb_frame.f_code.co_name}:{where.tb_lineno}" if where is not None else "?"
