"""Whether what is built is also looked at. A place that was left stays built, and rests until it is shown again.

The hooks in `effects` and `context` ask here, so a pane needs to know nothing of it.
"""

import asyncio
from collections.abc import Callable

import flet as ft
from flet.components.hooks.use_context import ContextProvider

Listener = Callable[[], object]


class Presence:
    """Of one place in one window. It begins as shown."""

    def __init__(self) -> None:
        self._shown = asyncio.Event()
        self._shown.set()
        self._listeners: list[Listener] = []

    @property
    def is_shown(self) -> bool:
        return self._shown.is_set()

    def turn(self, is_shown: bool) -> None:
        """Show or hide; who listens hears of a change only."""
        if is_shown == self.is_shown:
            return
        if is_shown:
            self._shown.set()
        else:
            self._shown.clear()
        for hear in tuple(self._listeners):
            hear()

    def listen(self, hear: Listener) -> Callable[[], None]:
        """Call `hear` after each change until the returned function is called; that may be done twice."""
        self._listeners.append(hear)

        def stop() -> None:
            if hear in self._listeners:
                self._listeners.remove(hear)

        return stop

    async def wait_shown(self) -> None:
        await self._shown.wait()


PresenceCtx: ContextProvider[Presence | None] = ft.create_context(None)


def use_presence() -> Presence:
    """A hook: whether the place that this component stands in is shown; outside any place it always is."""
    own = ft.use_memo(Presence, [])
    return ft.use_context(PresenceCtx) or own
