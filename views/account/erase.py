"""Erasing everything, from within the app: what remains elsewhere is said with what is known."""

import flet as ft

from views.account.subpage import ABOVE, subpage
from views.gate.erasing import Erase
from views.mirror.context import use_frame, use_opened, use_quiet_window
from views.mirror.effects import use_task
from views.parts.safe import safe


@safe
def ErasePane() -> ft.Control:
    """The two steps, with the addresses of the services in use."""
    frame, window, opened = use_frame(), use_quiet_window(), use_opened()
    unknown: tuple[str, ...] = ()
    services, show = ft.use_state(unknown)

    async def look() -> None:
        show(tuple(sorted((await opened.facts()).services)))

    use_task(look, [])
    steps = Erase(lambda: frame.go(ABOVE), services, key="steps")
    return subpage(frame, window, window.texts("account.erase_title"), [steps])
