"""The frame around the places: bars on a phone, rail and panes elsewhere. `theme.layout_for` decides.

On a phone an opened thing is a page of its own over its place, so that the system's way back works.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final

import flet as ft

from views import theme
from views.account import AccountPane
from views.community import CommunityPane
from views.gate.rescuing import DamageNotice, ReadOnlyNotice
from views.groups import GroupContent, GroupContext, GroupList
from views.help import HelpPane
from views.journal import JournalContent, JournalContext, JournalList
from views.kept import Kept, use_places
from views.mirror.context import Frame, FrameCtx, use_part, use_quiet_window
from views.mirror.effects import use_kept
from views.mirror.state import Window
from views.pages import content_page
from views.parts.buttons import Action, icon_button
from views.parts.frame import Account, Place, bottom_bar, panes, rail, rail_foot
from views.parts.safe import guarded, remembered, safe
from views.parts.surfaces import STRETCH
from views.routes import EXTRAS, LISTS, PLACES, Route, parse_route
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


def shell_views(root: str, layout: Layout, route: Route, behind: str, turn: int) -> list[ft.View]:
    """Return the pages of the client's navigator, lowest first. `behind` is the place under help and account."""
    if layout is not Layout.PHONE:
        return [_view(root, WideScreen(layout, route, behind, turn, key="wide"))]
    under = route if route.is_place else parse_route(behind)
    views = [_view(root, PhoneScreen(under.place, turn, key="phone"))]
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


def use_frame_for(layout: Layout, route: Route, behind: str = "", details: Action | None = None) -> Frame:
    """A hook: what the panes of this screen may use."""
    window = use_quiet_window()
    me, text_scale = use_part(lambda state: (state.me, state.text_scale))
    texts, go = window.texts, window.go
    closes = not route.is_place and not route.item
    return Frame(
        layout=layout,
        go=go,
        begin=window.begin,
        back=Action(
            label=texts("common.close" if closes else "common.back"),
            on_press=lambda: go(route.above(behind)),
            icon=ft.Icons.CLOSE_ROUNDED if closes else None,
        ),
        help=Action(label=texts("common.get_help"), on_press=lambda: go("/help")),
        account=Account(
            name=texts("common.account"),
            initials=initials(me.name) if me else "",
            on_press=lambda: go("/account"),
        ),
        search=Action(label=texts("common.search"), on_press=lambda: go("/search")),
        hide=window.companion.hide,
        item=route.item,
        at=route.at,
        details=details,
        text_scale=text_scale,
    )


def use_select() -> Callable[[str], None]:
    """A hook: what a bar calls with a place's key; always the same, so that places that did not change stay."""
    window = use_quiet_window()
    return use_kept(lambda: lambda key: window.go(f"/{key}"))


def places(window: Window) -> tuple[Place, ...]:
    return tuple(
        Place(key=key, label=window.texts(f"shell.{key}"), icon=ICONS[key][0], icon_here=ICONS[key][1])
        for key in PLACES
    )


# A phone -----------------------------------------------------------------------------------------------


@safe
def PhoneScreen(place: str, turn: int) -> ft.Control:
    """The five places over the bar with all of them; the bar stays, whatever is shown."""
    window = use_quiet_window()
    stack = use_places(place, turn, lambda one: PhonePlace(one.place, one.moment, key=one.key))
    bar = bottom_bar(places(window), place, use_select())
    parts = [DamageNotice(key="damage"), stack, bar]
    return ft.Column(parts, spacing=0, expand=True, horizontal_alignment=STRETCH)


def _phone_place(place: str, moment: str) -> ft.Control:
    frame = use_frame_for(Layout.PHONE, Route(place=place))
    pane = LIST[place] if place in LISTS else WHOLE[place]
    shown: ft.Control = FrameCtx(frame, lambda: pane(key=place))
    return shown


PhonePlace = remembered(_phone_place)


@safe
def PhonePage(route: Route, behind: str) -> ft.Control:
    """An opened thing, its details, Get help or my account: with a way back, without the places."""
    window = use_quiet_window()
    details = None
    if has_context(route) and not route.is_details:
        details = Action(
            label=window.texts("shell.details_show"),
            on_press=lambda: window.go(f"{route.path}/details"),
            icon=ft.Icons.INFO_OUTLINE_ROUNDED,
        )
    frame = use_frame_for(Layout.PHONE, route, behind, details)
    if route.is_details:
        pane = FrameCtx(frame, lambda: CONTEXT[route.place](route.item, key="context"))
        return content_page(frame, window.texts("shell.details"), [pane], scroll=False)
    if route.place in WHOLE:
        return ft.Container(FrameCtx(frame, lambda: WHOLE[route.place](key=route.place)), expand=True)
    content = FrameCtx(frame, lambda: CONTENT[route.place](route.item, key=f"content-{route.item}"))
    parts = [ReadOnlyNotice(key="read-only"), ft.Container(content, expand=True)]
    return ft.Column(parts, spacing=0, expand=True, horizontal_alignment=STRETCH)


# Wider windows -----------------------------------------------------------------------------------------


@safe
def WideScreen(layout: Layout, route: Route, behind: str, turn: int) -> ft.Control:
    """Rail, list, content and, where there is room or it was asked for, context. A place that is put aside stands as
    its first screen: what was opened in it goes.
    """
    window = use_quiet_window()
    is_pane = layout >= Layout.THREE_PANES
    pane_open, set_pane_open = ft.use_state(True)
    sheet_open, set_sheet_open = ft.use_state(False)
    is_open, set_open = (pane_open, set_pane_open) if is_pane else (sheet_open, set_sheet_open)
    turn_pane = use_kept(lambda: lambda: set_pane_open(lambda is_open: not is_open))
    turn_sheet = use_kept(lambda: lambda: set_sheet_open(lambda is_open: not is_open))
    toggle = turn_pane if is_pane else turn_sheet

    def build(one: Kept) -> ft.Control:
        there = route if one.place == route.place else Route(place=one.place)
        details = ""
        shows = has_context(there) and (is_open or layout is Layout.OPEN_CONTEXT)
        if has_context(there) and layout is not Layout.OPEN_CONTEXT and not (shows and not is_pane):
            details = window.texts("shell.details_hide" if shows else "shell.details_show")
        place: ft.Control = WidePlace(layout, there, shows and is_pane, details, toggle, one.moment, key=one.key)
        return place

    stack = use_places(route.place, turn, build)
    frame = use_frame_for(layout, route, behind)
    if route.place in EXTRAS:
        page = FrameCtx(frame, lambda: WHOLE[route.place](key=route.place))
        stack.controls.append(ft.Container(page, key=route.place, left=0, right=0, top=0, bottom=0))
    row = panes(SideRail(route.place, key="rail"), stack)
    is_sheet = has_context(route) and sheet_open and not is_pane
    over: list[ft.Control] = []
    if is_sheet:
        close = Action(label=window.texts("shell.details_hide"), on_press=lambda: set_open(False))
        over = _sheet(_context(frame, route), close)
    # The stack is always there: what is typed in a pane must not be built anew because a sheet comes over it.
    strip = DamageNotice(key="damage")
    row_and_strip = ft.Column([strip, row], spacing=0, expand=True, horizontal_alignment=STRETCH)
    under = ft.Semantics(content=row_and_strip, exclude_semantics=is_sheet)
    return ft.Stack([ft.Container(under, left=0, top=0, right=0, bottom=0), *over], expand=True)


def _side_rail(place: str) -> ft.Control:
    window, text_scale = use_quiet_window(), use_part(lambda state: state.text_scale)
    return rail(
        places(window),
        place,
        use_select(),
        foot=RailFoot(key="foot"),
        logo_name=window.texts("common.app_name"),
        text_scale=text_scale,
    )


def _rail_foot() -> ft.Control:
    window, frame = use_quiet_window(), use_frame_for(Layout.TWO_PANES, Route(place=""))
    texts = window.texts
    return rail_foot(
        help=frame.help,
        account=frame.account,
        lock=Action(label=texts("shell.lock"), on_press=window.companion.lock),
        hide=Action(label=texts("shell.hide"), on_press=window.companion.hide),
        search=frame.search,
    )


def _wide_place(
    layout: Layout,
    route: Route,
    shows_context: bool,
    details: str,
    toggle: Callable[[], None],
    moment: str,
) -> ft.Control:
    """A place with what is open in it. `details` is the name of the button that opens or closes the context."""
    action = Action(label=details, on_press=toggle) if details else None
    frame = use_frame_for(layout, route, "", action)
    middle = FrameCtx(frame, lambda: _middle(frame, route, shows_context))
    return ft.Row(middle, spacing=0, vertical_alignment=STRETCH)


RailFoot, SideRail, WidePlace = remembered(_rail_foot), remembered(_side_rail), remembered(_wide_place)


def _middle(frame: Frame, route: Route, shows_context: bool) -> list[ft.Control]:
    if route.place in WHOLE:
        return [ft.Container(WHOLE[route.place](key=route.place), expand=True)]
    listed = LIST[route.place](key=f"list-{route.place}")
    content = CONTENT[route.place](route.item, key=f"content-{route.place}-{route.item}")
    line = ft.Border.only(right=ft.BorderSide(1, ft.Colors.OUTLINE_VARIANT))
    parts: list[ft.Control] = [
        ft.Container(listed, width=theme.LIST_WIDTH, border=line),
        ft.Container(content, expand=True),
    ]
    return [*parts, _context(frame, route)] if shows_context else parts


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
