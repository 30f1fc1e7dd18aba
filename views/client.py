"""Calls to the client that always end."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

CLIENT_TIMEOUT_S = 5.0

T = TypeVar("T")


async def ask(call: Awaitable[T], timeout_s: float = CLIENT_TIMEOUT_S) -> T:
    """Return the client's answer. Raises TimeoutError where the client does not know the service.

    The call itself goes on waiting: it keeps its service registered, because Flet's connection ends on an answer for
    a service that has gone.
    """
    task = asyncio.ensure_future(call)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return await asyncio.wait_for(asyncio.shield(task), timeout_s)
