"""Calls to the client that always end."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import flet as ft

CLIENT_TIMEOUT_S = 5.0
FOCUS_TRIES, FOCUS_STEP_S = 10, 0.02
BUSY_S = 30.0
"""A client that lays out a very long text answers nothing meanwhile."""

T = TypeVar("T")


async def ask(call: Awaitable[T], timeout_s: float = CLIENT_TIMEOUT_S) -> T:
    """Return the client's answer. Raises TimeoutError where the client does not know the service.

    The call itself goes on waiting: it keeps its service registered, because Flet's connection ends on an answer for
    a service that has gone.
    """
    task = asyncio.ensure_future(call)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return await asyncio.wait_for(asyncio.shield(task), timeout_s)


async def focus(box: ft.Ref[ft.TextField], timeout_s: float = CLIENT_TIMEOUT_S) -> None:
    """Put the cursor into a field. While it is being rendered anew it belongs to no page for a moment: try again."""
    for _ in range(FOCUS_TRIES):
        field = box.current
        try:
            if field is not None and field.page is not None:
                await ask(field.focus(), timeout_s)  # type: ignore[no-untyped-call]  # Flet says nothing about it
                return
        except RuntimeError:
            pass
        await asyncio.sleep(FOCUS_STEP_S)
