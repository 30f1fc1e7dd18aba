"""Erasing everything, from within the app: the services can be asked to delete too."""

import flet as ft

from views.account.subpage import ABOVE, subpage
from views.gate.erasing import Asked, Erase
from views.mirror.context import use_frame, use_opened, use_quiet_window
from views.mirror.effects import use_task
from views.parts.safe import safe


@safe
def ErasePane() -> ft.Control:
    """The two steps, with the services in use."""
    frame, window, opened = use_frame(), use_quiet_window(), use_opened()
    unknown: tuple[Asked, ...] = ()
    asked, show = ft.use_state(unknown)

    async def look() -> None:
        services = tuple(sorted((await opened.facts()).services))
        show((Asked(services=services, has_others=len(opened.me.devices.active) > 1),))

    use_task(look, [])
    steps = [Erase(lambda: frame.go(ABOVE), asked[0], key="steps")] if asked else []
    return subpage(frame, window, window.texts("account.erase_title"), steps)
