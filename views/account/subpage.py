"""What lies one level below my account: a page with a way back there, also beside the rail."""

from collections.abc import Sequence

import flet as ft

from views import theme
from views.mirror.context import Frame
from views.mirror.state import Window
from views.pages import content_page, narrow
from views.parts.buttons import button
from views.parts.surfaces import column

ABOVE = "/account"


def subpage(frame: Frame, window: Window, title: str, body: Sequence[ft.Control]) -> ft.Control:
    """Return the page; on a phone the bar has the way back."""
    back = button(
        window.texts("account.back"),
        lambda: frame.go(ABOVE),
        icon=ft.Icons.ARROW_BACK_ROUNDED,
        kind="quiet",
    )
    lead = [] if frame.is_phone else [ft.Row([back])]
    return content_page(frame, title, [narrow(column(*lead, *body, spacing=theme.PAD))])
