"""The two shapes of a pane, on a phone and beside others: a place (a list or a board), and one thing opened."""

from collections.abc import Callable, Sequence
from typing import Any

import flet as ft

from views import theme
from views.mirror.context import Frame
from views.parts.buttons import Action, icon_button
from views.parts.frame import back_bar, hiding, pane, pane_head, phone_page, top_bar
from views.parts.surfaces import STRETCH, rule
from views.parts.text import heading, soft


def list_page(
    frame: Frame,
    title: str,
    body: Sequence[ft.Control],
    *,
    tools: Sequence[ft.Control] = (),
    foot: ft.Control | None = None,
    on_scroll: Callable[[ft.OnScrollEvent], Any] | None = None,
) -> ft.Control:
    """Return the first screen of a place on a phone, the list pane elsewhere. The shell adds the places' bar."""
    if frame.is_phone:
        bar = top_bar(
            title, help=frame.help, account=frame.account, search=frame.search, tools=tools, on_hide=frame.hide
        )
        return phone_page(bar, body, foot=foot, on_scroll=on_scroll)
    column = pane(pane_head(title, *tools), *body, on_scroll=on_scroll)
    parts = [column, *([foot] if foot else [])]
    return ft.Column(parts, spacing=0, expand=True, horizontal_alignment=STRETCH)


def content_page(
    frame: Frame,
    title: str,
    body: Sequence[ft.Control],
    *,
    subtitle: str | None = None,
    lead: ft.Control | None = None,
    tools: Sequence[ft.Control] = (),
    foot: ft.Control | None = None,
    scroll: bool = True,
    fill: ft.ColorValue = ft.Colors.SURFACE,
    is_help: bool = False,
) -> ft.Control:
    """Return one opened thing: with a way back on a phone, under a quiet head elsewhere.

    Without `scroll` the body fills what is left, as a list of messages does.
    """
    details = [_details(frame.details)] if frame.details else []
    if frame.is_phone:
        bar = back_bar(
            title,
            frame.back,
            help=None if is_help else frame.help,
            subtitle=subtitle,
            lead=lead,
            tools=[*tools, *details],
            on_hide=frame.hide,
        )
        return phone_page(bar, body, foot=foot, scroll=scroll)
    names: list[ft.Control] = [heading(title, 1, ft.TextThemeStyle.TITLE_LARGE, max_lines=2)]
    if subtitle:
        names.append(soft(subtitle, max_lines=2))
    said = ft.Container(hiding(ft.Column(names, spacing=0, tight=True), frame.hide), expand=True)
    head = ft.Container(
        ft.Row([*([lead] if lead else []), said, *tools, *details], spacing=10),
        padding=ft.Padding.symmetric(horizontal=20, vertical=10),
    )
    middle = pane(*body, pad=theme.ROOMY, spacing=theme.GAP, scroll=scroll, fill=fill)
    parts = [head, rule(), middle, *([foot] if foot else [])]
    column = ft.Column(parts, spacing=0, expand=True, horizontal_alignment=STRETCH)
    return ft.Container(column, bgcolor=fill, expand=True)


def _details(action: Action) -> ft.IconButton:
    icon = action.icon or ft.Icons.VIEW_SIDEBAR_OUTLINED
    return icon_button(icon, action.label, action.on_press, target=theme.TARGET_FLOOR)


def narrow(content: ft.Control, width: int = theme.LINE_LENGTH) -> ft.Container:
    """Return the content in the middle, no wider than `width` logical pixels."""
    return ft.Container(ft.Container(content, width=width), alignment=ft.Alignment.TOP_CENTER)
