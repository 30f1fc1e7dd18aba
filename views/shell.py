"""The frame around the places: bars on a phone, rail and panes elsewhere. It decides on width only.

On a phone an opened thing is a page of its own over its place, so that the system's way back works.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final

import flet as ft

from views import theme
from views.account import AccountPane
from views.community import CommunityPane
from views.gate.rescuing import DamageNotice
from views.groups import GroupContent, GroupContext, GroupList
from views.help import HelpPane
from views.journal import JournalContent, JournalContext, JournalList
from views.mirror.context import Frame, FrameCtx, use_part, use_quiet_window
from views.mirror.state import Window
from views.pages import content_page
from views.parts.buttons import Action, icon_button
from views.parts.frame import Account, Place, bottom_bar, panes, rail
from views.parts.safe import guarded, safe
from views.parts.surfaces import STRETCH
from views.routes import LISTS, PLACES, Route, parse_route
from views.searching import SearchPane
from views.stories import StoryContent, StoryContext, StoryList
from views.theme import Layout
from views.today import TodayPane
from views.words.names import initials

Component = Callable[..., Any]

ICONS: Final = MappingProxyType(
    {
        "today": (ft.Icons.WB_TWILIGHT_OUTLINED, ft.Icons.WB_TWILIGHT_ROUNDED),
        "journal": (ft.Icons.BOOK_OUTLINED, ft.Icons.BOOK_ROUNDED),
        "groups": (ft.Icons.FORUM_OUTLINED, ft.Icons.FORUM_ROUNDED),
        "stories": (ft.Icons.MIC_NONE_ROUNDED, ft.Icons.MIC_ROUNDED),
        "community": (ft.Icons.GROUPS_OUTLINED, ft.Icons.GROUPS_ROUNDED),
    }
)
WHOLE: Final = MappingProxyType[str, Component](
    {"today": TodayPane, "community": CommunityPane, "help": HelpPane, "account": AccountPane, "search": SearchPane}
)
LIST: Final = MappingProxyType[str, Component]({"journal": JournalList, "groups": GroupList, "stories": StoryList})
CONTENT: Final = MappingProxyType[str, Component](
    {"journal": JournalContent, "groups": GroupContent, "stories": StoryContent}
)
CONTEXT: Final = MappingProxyType[str, Component](
    {"journal": JournalContext, "groups": GroupContext, "stories": StoryContext}
)
WITHOUT_CONTEXT: Final = ("new", "join", "quiet", "reach")


def shell_views(root: str, layout: Layout, route: Route, behind: str) -> list[ft.View]:
    """Return the pages of the client's navigator, lowest first. `behind` is the place under help and account."""
    if layout is not Layout.PHONE:
        return [_view(root, WideScreen(layout, route, behind, key="wide"))]
    under = route if route.is_place else parse_route(behind)
    views = [_view(root, PhonePlace(under.place, behind, key=f"place-{under.place}"))]
    for page in route.trail():
        views.append(_view(page.path, PhonePage(page, behind, key=page.path)))
    return views


def _view(path: str, screen: Any) -> ft.View:
    return ft.View(route=path, padding=0, controls=[ft.SafeArea(screen, expand=True)])


def has_context(route: Route) -> bool:
    """Return whether something stands beside the content: not while it is being made or nothing is chosen."""
    if route.place not in CONTEXT or route.item in WITHOUT_CONTEXT or "/" in route.item:
        return False
    return bool(route.item) or route.place == "journal"


def use_frame_for(layout: Layout, route: Route, behind: str, details: Action | None = None) -> Frame:
    """A hook: what the panes of this screen may use."""
    page, window = ft.context.page, use_quiet_window()
    me, text_scale = use_part(lambda state: (state.me, state.text_scale))
    texts = window.texts
    closes = not route.is_place and not route.item
    return Frame(
        layout=layout,
        go=page.navigate,
        back=Action(
            label=texts("common.close" if closes else "common.back"),
            on_press=lambda: page.navigate(route.above(behind)),
            icon=ft.Icons.CLOSE_ROUNDED if closes else None,
        ),
        help=Action(label=texts("common.get_help"), on_press=lambda: page.navigate("/help")),
        account=Account(
            name=texts("common.account"),
            initials=initials(me.name) if me else "",
            on_press=lambda: page.navigate("/account"),
        ),
        search=Action(label=texts("common.search"), on_press=lambda: page.navigate("/search")),
        hide=window.companion.hide,
        item=route.item,
        details=details,
        text_scale=text_scale,
    )


def places(window: Window) -> tuple[Place, ...]:
    return tuple(
        Place(key=key, label=window.texts(f"shell.{key}"), icon=ICONS[key][0], icon_here=ICONS[key][1])
        for key in PLACES
    )


@safe
def PhonePlace(place: str, behind: str) -> ft.Control:
    """One of the five places over the bar with all of them."""
    window, page = use_quiet_window(), ft.context.page
    frame = use_frame_for(Layout.PHONE, Route(place=place), behind)
    pane = LIST[place] if place in LISTS else WHOLE[place]
    bar = bottom_bar(places(window), place, lambda key: page.navigate(f"/{key}"))
    body = ft.Container(FrameCtx(frame, lambda: pane(key=place)), expand=True)
    parts = [DamageNotice(page.navigate, key="damage"), body, bar]
    return ft.Column(parts, spacing=0, expand=True, horizontal_alignment=STRETCH)


@safe
def PhonePage(route: Route, behind: str) -> ft.Control:
    """An opened thing, its details, Get help or my account: with a way back, without the places."""
    page, texts = ft.context.page, use_quiet_window().texts
    details = None
    if has_context(route) and not route.is_details:
        details = Action(
            label=texts("shell.details_show"),
            on_press=lambda: page.navigate(f"{route.path}/details"),
            icon=ft.Icons.INFO_OUTLINE_ROUNDED,
        )
    frame = use_frame_for(Layout.PHONE, route, behind, details)
    if route.is_details:
        pane = FrameCtx(frame, lambda: CONTEXT[route.place](route.item, key="context"))
        return content_page(frame, texts("shell.details"), [pane], scroll=False)
    if route.place in WHOLE:
        return ft.Container(FrameCtx(frame, lambda: WHOLE[route.place](key=route.place)), expand=True)
    content = FrameCtx(frame, lambda: CONTENT[route.place](route.item, key=f"content-{route.item}"))
    return ft.Container(content, expand=True)


@safe
def WideScreen(layout: Layout, route: Route, behind: str) -> ft.Control:
    """Rail, list, content and, where there is room or it was asked for, context."""
    window, page = use_quiet_window(), ft.context.page
    texts = window.texts
    is_pane = layout >= Layout.THREE_PANES
    pane_open, set_pane_open = ft.use_state(True)
    sheet_open, set_sheet_open = ft.use_state(False)
    is_open, set_open = (pane_open, set_pane_open) if is_pane else (sheet_open, set_sheet_open)
    shows = has_context(route) and (is_open or layout is Layout.OPEN_CONTEXT)
    is_sheet = shows and not is_pane
    details = None
    if has_context(route) and layout is not Layout.OPEN_CONTEXT and not is_sheet:
        label = texts("shell.details_hide" if shows else "shell.details_show")
        details = Action(label=label, on_press=lambda: set_open(not is_open))
    frame = use_frame_for(layout, route, behind, details)
    side = rail(
        places(window),
        route.place,
        lambda key: page.navigate(f"/{key}"),
        help=frame.help,
        account=frame.account,
        logo_name=texts("common.app_name"),
        lock=Action(label=texts("shell.lock"), on_press=window.companion.lock),
        hide=Action(label=texts("shell.hide"), on_press=window.companion.hide),
        search=frame.search,
        text_scale=frame.text_scale,
    )
    row = panes(side, *_middle(frame, route))
    strip = DamageNotice(page.navigate, key="damage")
    over: list[ft.Control] = []
    if is_sheet:
        close = Action(label=texts("shell.details_hide"), on_press=lambda: set_open(False))
        over = _sheet(_context(frame, route), close)
    elif shows:
        row.controls.append(_context(frame, route))
    # The stack is always there: what is typed in a pane must not be built anew because a sheet comes over it.
    row_and_strip = ft.Column([strip, row], spacing=0, expand=True, horizontal_alignment=STRETCH)
    under = ft.Semantics(content=row_and_strip, exclude_semantics=is_sheet)
    return ft.Stack([ft.Container(under, left=0, top=0, right=0, bottom=0), *over], expand=True)


def _middle(frame: Frame, route: Route) -> list[ft.Control]:
    if route.place in WHOLE:
        return [ft.Container(FrameCtx(frame, lambda: WHOLE[route.place](key=route.place)), expand=True)]
    listed = FrameCtx(frame, lambda: LIST[route.place](key=f"list-{route.place}"))
    content = FrameCtx(frame, lambda: CONTENT[route.place](route.item, key=f"content-{route.place}-{route.item}"))
    line = ft.Border.only(right=ft.BorderSide(1, ft.Colors.OUTLINE_VARIANT))
    return [ft.Container(listed, width=theme.LIST_WIDTH, border=line), ft.Container(content, expand=True)]


def _context(frame: Frame, route: Route) -> ft.Container:
    context = FrameCtx(frame, lambda: CONTEXT[route.place](route.item, key=f"context-{route.place}-{route.item}"))
    line = ft.Border.only(left=ft.BorderSide(1, ft.Colors.OUTLINE_VARIANT))
    return ft.Container(context, width=theme.CONTEXT_WIDTH, border=line)


def _sheet(context: ft.Container, close: Action) -> list[ft.Control]:
    """Return the context as a sheet from the right, over a veil that closes it."""
    veil = ft.GestureDetector(
        ft.Container(bgcolor=ft.Colors.with_opacity(0.3, ft.Colors.SHADOW), expand=True),
        on_tap=guarded(close.on_press),
        exclude_from_semantics=True,
    )
    context.width, context.expand = None, True
    cross = icon_button(ft.Icons.CLOSE_ROUNDED, close.label, close.on_press, target=theme.TARGET_FLOOR)
    sheet = ft.Container(
        ft.Column([ft.Row([cross], alignment=ft.MainAxisAlignment.END), context], spacing=0),
        width=theme.CONTEXT_WIDTH,
        bgcolor=ft.Colors.SURFACE,
        right=0,
        top=0,
        bottom=0,
    )
    return [ft.Container(veil, left=0, top=0, right=0, bottom=0), sheet]
