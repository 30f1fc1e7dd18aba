"""What stands around a screen: bars, rail, pages and panes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import flet as ft

from views import theme
from views.parts.buttons import Action, button, icon_button, pressable
from views.parts.people import Look, person
from views.parts.safe import Handler, guarded, remembered
from views.parts.surfaces import STRETCH, equal, soft_shadow, spread, together
from views.parts.text import heading, soft, text

CENTER = ft.CrossAxisAlignment.CENTER
SCROLL_MS = 50
ASIDE = 10_000
"""Wider than any screen, in logical pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One of the app's places: outlined icon elsewhere, filled icon here."""

    key: str
    label: str
    icon: ft.IconData
    icon_here: ft.IconData


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The person's own mark in the bar; `name` is what a screen reader hears ("My account")."""

    name: str
    initials: str
    on_press: Callable[[], Any]
    look: Look = "pine"


def get_help(action: Action) -> ft.TextButton:
    """Return the lifebelt with its words: the same on every screen, in the same corner."""
    return button(action.label, action.on_press, icon=ft.Icons.SUPPORT_ROUNDED, kind="outlined", size="slim", pill=True)


def account_button(account: Account) -> ft.MergeSemantics:
    """Return the person's mark as a round button 44 logical pixels wide."""
    return pressable(
        person(account.initials, account.look, 40),
        account.name,
        account.on_press,
        radius=theme.ROUND,
        width=theme.TARGET_FLOOR,
        height=theme.TARGET_FLOOR,
        in_middle=True,
    )


def hiding(title: ft.Control, on_hide: Handler | None) -> ft.Control:
    """Let two quick taps on a title hide the app; keyboards and screen readers have other ways to do it."""
    if on_hide is None:
        return title
    return ft.GestureDetector(title, on_double_tap=guarded(on_hide), exclude_from_semantics=True)


def top_bar(
    title: str,
    *,
    help: Action,
    account: Account | None = None,
    search: Action | None = None,
    tools: Sequence[ft.Control] = (),
    on_hide: Handler | None = None,
) -> ft.Container:
    """Return the bar of a place: title, search and other tools, Get help, account. See `hiding` for `on_hide`."""
    ends: list[ft.Control] = [*([_search(search)] if search else []), *tools, get_help(help)]
    if account:
        ends.append(account_button(account))
    # With large text the second half goes below the title: a title must not be broken within a word.
    name = hiding(heading(title, 1, ft.TextThemeStyle.HEADLINE_MEDIUM), on_hide)
    return ft.Container(
        together(spread(name, ft.Row(ends, spacing=theme.TIGHT, tight=True))),
        padding=ft.Padding.only(left=20, right=theme.GAP, top=theme.SMALL, bottom=theme.SMALL),
    )


def back_bar(
    title: str,
    back: Action,
    *,
    help: Action | None = None,
    subtitle: str | None = None,
    lead: ft.Control | None = None,
    tools: Sequence[ft.Control] = (),
    on_hide: Handler | None = None,
) -> ft.Container:
    """Return the bar of a sub-screen; `back.icon` may be a cross where leaving means closing."""
    names: list[ft.Control] = [heading(title, 1, ft.TextThemeStyle.TITLE_LARGE, max_lines=3)]
    if subtitle:
        names.append(together(soft(subtitle, max_lines=2)))
    parts: list[ft.Control] = [
        icon_button(back.icon or ft.Icons.ARROW_BACK_ROUNDED, back.label, back.on_press, target=theme.TARGET_FLOOR),
        *([lead] if lead else []),
        ft.Container(hiding(together(ft.Column(names, spacing=0, tight=True)), on_hide), expand=True),
        *tools,
        *([get_help(help)] if help else []),
    ]
    return ft.Container(
        together(ft.Row(parts, spacing=theme.SMALL)),
        padding=ft.Padding.only(left=theme.SMALL, right=theme.GAP, top=theme.SMALL, bottom=theme.SMALL),
    )


def _place(place: Place, is_here: bool, on_select: Callable[[str], Any]) -> ft.Control:
    ink = ft.Colors.ON_PRIMARY_CONTAINER if is_here else ft.Colors.ON_SURFACE_VARIANT
    mark = ft.Container(
        ft.Icon(place.icon_here if is_here else place.icon, size=24, color=ink),
        bgcolor=ft.Colors.PRIMARY_CONTAINER if is_here else None,
        padding=ft.Padding.symmetric(horizontal=18, vertical=5),
        border_radius=theme.ROUND,
    )
    face = ft.Column(
        [mark, text(place.label, ft.TextThemeStyle.LABEL_SMALL, ink, align=ft.TextAlign.CENTER)],
        spacing=theme.TIGHT,
        tight=True,
        horizontal_alignment=CENTER,
    )
    return pressable(
        face,
        place.label,
        lambda: on_select(place.key),
        pad=ft.Padding.symmetric(vertical=6, horizontal=theme.HAIR),
        selected=is_here,
        in_middle=True,
    )


OnePlace = remembered(_place)


def bottom_bar(places: Sequence[Place], here: str, on_select: Callable[[str], Any]) -> ft.Container:
    """Return the phone's places at its foot; `on_select` gets the place's key and should stay the same function."""
    # Places wrap into a second row with large text. Cells of one fifth would break their words.
    row = ft.Row(
        [OnePlace(place, place.key == here, on_select, key=f"place-{place.key}") for place in places],
        spacing=0,
        run_spacing=0,
        wrap=True,
        alignment=ft.MainAxisAlignment.SPACE_AROUND,
    )
    return ft.Container(
        together(row),
        bgcolor=ft.Colors.SURFACE_CONTAINER_LOWEST,
        padding=ft.Padding.symmetric(vertical=6),
        border=ft.Border.only(top=ft.BorderSide(1, ft.Colors.OUTLINE_VARIANT)),
    )


def rail(
    places: Sequence[Place],
    here: str,
    on_select: Callable[[str], Any],
    *,
    foot: ft.Control,
    logo_name: str,
    text_scale: float = 1.0,
) -> ft.Container:
    """Return the wide layouts' places at the side; see `rail_foot` for what stands at its foot.

    A `text_scale` above 1.0 makes it wider, so that the places' words stay whole.
    """
    logo = ft.Image("icon.svg", width=44, height=44, semantics_label=logo_name)
    upper = ft.Column(
        [
            ft.Container(logo, padding=ft.Padding.only(top=theme.GAP, bottom=10), alignment=ft.Alignment.CENTER),
            *(OnePlace(place, place.key == here, on_select, key=f"place-{place.key}") for place in places),
        ],
        spacing=theme.TIGHT,
        scroll=ft.ScrollMode.HIDDEN,
        expand=True,
        horizontal_alignment=STRETCH,
    )
    return ft.Container(
        together(ft.Column([upper, foot], spacing=theme.TIGHT, horizontal_alignment=STRETCH)),
        width=round(theme.RAIL_WIDTH * (1 + (text_scale - 1) / 2)),
        padding=ft.Padding.only(left=theme.TIGHT, right=theme.TIGHT, bottom=theme.GAP),
        bgcolor=ft.Colors.SURFACE_CONTAINER,
        border=ft.Border.only(right=ft.BorderSide(1, ft.Colors.OUTLINE_VARIANT)),
    )


def rail_foot(
    *,
    help: Action,
    account: Account,
    lock: Action | None = None,
    hide: Action | None = None,
    search: Action | None = None,
) -> ft.Column:
    """Return search, Get help, the account, lock and hide."""
    return ft.Column(
        [
            *([ft.Row([_search(search)], alignment=ft.MainAxisAlignment.CENTER)] if search else []),
            _lifebelt(help),
            ft.Row([account_button(account)], alignment=ft.MainAxisAlignment.CENTER),
            _lock_and_hide(lock, hide),
        ],
        spacing=theme.SMALL,
        tight=True,
        horizontal_alignment=STRETCH,
    )


def _lifebelt(help: Action) -> ft.MergeSemantics:
    """Return Get help as it looks among the places of the rail."""
    face = ft.Column(
        [
            ft.Container(
                ft.Icon(ft.Icons.SUPPORT_ROUNDED, size=24, color=ft.Colors.ON_SURFACE),
                padding=ft.Padding.symmetric(horizontal=18, vertical=6),
                border_radius=theme.ROUND,
                border=ft.Border.all(1.5, ft.Colors.OUTLINE),
            ),
            text(help.label, ft.TextThemeStyle.LABEL_SMALL, align=ft.TextAlign.CENTER),
        ],
        spacing=theme.TIGHT,
        tight=True,
        horizontal_alignment=CENTER,
    )
    return pressable(face, help.label, help.on_press, pad=ft.Padding.symmetric(vertical=6), in_middle=True)


def _search(search: Action) -> ft.IconButton:
    icon = search.icon or ft.Icons.SEARCH_ROUNDED
    return icon_button(icon, search.label, search.on_press, target=theme.TARGET_FLOOR)


def _lock_and_hide(lock: Action | None, hide: Action | None) -> ft.Row:
    known = ((lock, ft.Icons.LOCK_OUTLINE_ROUNDED), (hide, ft.Icons.VISIBILITY_OFF_OUTLINED))
    buttons: list[ft.Control] = [
        icon_button(one.icon or icon, one.label, one.on_press, target=theme.TARGET_FLOOR) for one, icon in known if one
    ]
    return ft.Row(buttons, alignment=ft.MainAxisAlignment.CENTER, spacing=0, wrap=True)


def phone_page(
    bar: ft.Control | None,
    body: Sequence[ft.Control],
    *,
    foot: ft.Control | None = None,
    places: ft.Control | None = None,
    scroll: bool = True,
    pad: int = theme.PAD,
    on_scroll: Callable[[ft.OnScrollEvent], Any] | None = None,
) -> ft.Column:
    """Return a phone screen: bar, body, foot or tray, places. Without `scroll` the body fills what is left."""
    # The padding is inside what scrolls: outside, the scroll edge would cut off the cards' soft shadows.
    inner = ft.Container(
        ft.Column(list(body), spacing=theme.GAP, horizontal_alignment=STRETCH),
        padding=ft.Padding.only(left=pad, right=pad, bottom=pad),
        expand=None if scroll else True,
    )
    middle = _scrolling(inner, scroll, on_scroll)
    parts = [part for part in (bar, middle, foot, places) if part]
    return ft.Column(parts, spacing=0, expand=True, horizontal_alignment=STRETCH)


def tray(*controls: ft.Control, stacked: bool = False) -> ft.Container:
    """Return a row of equal actions that lies on the bottom bar; `stacked` is for large text."""
    return ft.Container(
        together(equal(*controls, stacked=stacked)),
        bgcolor=ft.Colors.SURFACE_CONTAINER_LOWEST,
        padding=ft.Padding.symmetric(horizontal=theme.PAD, vertical=10),
        border=ft.Border.only(top=ft.BorderSide(1, ft.Colors.OUTLINE_VARIANT)),
    )


def foot(*controls: ft.Control, pad: int = theme.PAD) -> ft.Container:
    """Return the sheet at the bottom that holds the main actions, in reach of the thumb."""
    return ft.Container(
        together(ft.Column(list(controls), spacing=theme.SMALL, tight=True, horizontal_alignment=STRETCH)),
        padding=pad,
        bgcolor=ft.Colors.SURFACE_CONTAINER_LOWEST,
        shadow=soft_shadow(),
        border=ft.Border.only(top=ft.BorderSide(1, ft.Colors.OUTLINE_VARIANT)),
    )


def pane(
    *controls: ft.Control,
    width: int | None = None,
    fill: ft.ColorValue = ft.Colors.SURFACE,
    pad: int = theme.GAP,
    spacing: int = theme.SMALL,
    scroll: bool = True,
    line: Literal["left", "right"] | None = None,
    on_scroll: Callable[[ft.OnScrollEvent], Any] | None = None,
) -> ft.Container:
    """Return one pane; without `width` it takes the room that is left. `line` parts it from its neighbour."""
    # As on a phone, the padding is inside what scrolls.
    inner = ft.Container(
        ft.Column(list(controls), spacing=spacing, horizontal_alignment=STRETCH),
        padding=pad,
        expand=None if scroll else True,
    )
    side = ft.BorderSide(1, ft.Colors.OUTLINE_VARIANT)
    edge = ft.Border.only(right=side) if line == "right" else ft.Border.only(left=side) if line == "left" else None
    return ft.Container(
        _scrolling(inner, scroll, on_scroll),
        width=width,
        expand=True if width is None else None,
        bgcolor=fill,
        border=edge,
    )


def _scrolling(
    inner: ft.Control, scroll: bool, on_scroll: Callable[[ft.OnScrollEvent], Any] | None = None
) -> ft.Column:
    """Return what fills the room between bars. `on_scroll` hears of the place at most every `SCROLL_MS`."""
    return ft.Column(
        [inner],
        spacing=0,
        expand=True,
        scroll=ft.ScrollMode.AUTO if scroll else None,
        scroll_interval=SCROLL_MS,
        on_scroll=guarded(on_scroll) if on_scroll else None,
        horizontal_alignment=STRETCH,
    )


def panes(rail: ft.Control, *parts: ft.Control) -> ft.Row:
    """Return a wide screen: rail, list, content, context, parted by lines and not by gaps."""
    return ft.Row([rail, *parts], spacing=0, expand=True, vertical_alignment=STRETCH)


def places_stack(places: Sequence[tuple[str, ft.Control, bool]]) -> ft.Stack:
    """Return places as (key, place, is shown): one in sight, the others beside the screen.

    There no hand, key or screen reader reaches them, and the client keeps them as they are, scrolled and all.
    """
    shift = {True: 0, False: ASIDE}
    return ft.Stack(
        [
            ft.Container(place, key=key, top=0, bottom=0, left=shift[here], right=-shift[here], disabled=not here)
            for key, place, here in places
        ],
        key="places",
        expand=True,
    )


def pane_head(title: str, *tools: ft.Control) -> ft.Row:
    """Return the first row of a pane: its title and its tools."""
    label = ft.Container(
        heading(title, 1, ft.TextThemeStyle.HEADLINE_MEDIUM), expand=True, padding=ft.Padding.only(left=theme.SMALL)
    )
    return ft.Row([label, *tools], spacing=0)
