"""The root of what is on screen: what is shown depends on whether the store is there, locked, open or broken."""

import time
from collections.abc import Awaitable, Callable

import flet as ft

from views.gate.gate import Gate
from views.mirror.context import WindowCtx, use_part, use_quiet_window
from views.mirror.effects import Box, use_kept
from views.mirror.state import Window
from views.mirror.way import Way
from views.parts.safe import InUse, guarded, remembered, safe
from views.parts.text import soft, text_scale_probe
from views.routes import Route, parse_route
from views.shell import shell_views
from views.theme import Layout, is_low, layout_for

TWICE_WITHIN_S = 0.8
ROOT = "/app"
"""One page of the client's navigator stays under everything, so that changing places does not slide pages about."""


@ft.component
def App(window: Window) -> list[ft.View]:
    """What `page.render_views` gets."""
    return WindowCtx(window, Root)


@ft.component
def Root() -> list[ft.View]:
    """Listen to the page's size and route, and choose."""
    phase = use_part(lambda state: state.phase, in_all_phases=True)
    layout, low, route, behind, turn = use_page()
    if phase == "open":
        views = shell_views(ROOT, layout, route, behind, turn)
    else:
        screen = Gate(phase, layout is Layout.PHONE and not low, key="gate") if phase else Loading(key="loading")
        views = [ft.View(route=ROOT, padding=0, controls=[ft.SafeArea(screen, expand=True)])]
    views[0].controls.append(ft.Stack([TextScale(key="text-scale")], height=0))
    return views


def hide_key(window: Window) -> Callable[[ft.KeyboardEvent], Awaitable[None]]:
    """Return what hears every key: Escape twice within a moment hides an open app, wherever the focus is."""
    last_s = 0.0

    async def hear(event: ft.KeyboardEvent) -> None:
        nonlocal last_s
        if event.key != "Escape":
            last_s = 0.0
            return
        now_s = time.monotonic()
        is_twice, last_s = now_s - last_s <= TWICE_WITHIN_S, now_s
        if is_twice and window.companion.has_keys:
            await window.companion.hide()

    return guarded(hear)


def _text_scale() -> ft.Control:
    """Keeps the state's text scale true; it takes no room."""
    state = use_quiet_window().state

    def note(scale: float) -> None:
        state.text_scale = scale

    return text_scale_probe(note)


TextScale = remembered(_text_scale)


def use_page() -> tuple[Layout, bool, Route, str, int]:
    """A hook: the layout for the page's size, whether the page is low, where we are, the place under help and account,
    and how often the place that is shown was to begin anew.
    """
    page, window = ft.context.page, use_quiet_window()
    text_scale = use_part(lambda state: state.text_scale, in_all_phases=True)
    size = use_kept(lambda: Box((page.width or 0, page.height or 0)))
    (_, low), fit = ft.use_state((layout_for(*size.value), is_low(*size.value)))
    path, show = ft.use_state(page.route or "/")

    def begin() -> Way:
        way = Way(page, show)
        window.go, window.begin = way.go, way.begin  # before any screen is built that keeps them
        return way

    way = use_kept(begin)
    behind = use_kept(lambda: Box("/today"))

    def resized(event: ft.PageResizeEvent) -> None:
        # Renders only what becomes another one: a keyboard that comes up changes the height at every frame.
        size.value = event.width, event.height
        fit((layout_for(*size.value), is_low(*size.value)))

    def listen() -> None:
        page.on_resize = resized
        page.on_route_change = lambda event: way.heard(event.route)
        page.on_view_pop = lambda event: way.go(parse_route(event.route).above(behind.value))
        page.data = InUse(window.companion.touch)
        page.on_keyboard_event = hide_key(window)

    ft.use_effect(listen, [])
    here = parse_route(path)
    if here.is_place:
        behind.value = here.path
    turn = way.turns[parse_route(behind.value).place]
    return layout_for(*size.value, text_scale=text_scale), low, here, behind.value, turn


@safe
def Loading() -> ft.Control:
    """The moment before the store was looked for."""
    texts = use_quiet_window().texts
    logo = ft.Image("icon.svg", width=64, height=64, semantics_label=texts("common.app_name"))
    return ft.Column(
        [logo, soft(texts("shell.loading"), ft.TextThemeStyle.BODY_MEDIUM)],
        expand=True,
        alignment=ft.MainAxisAlignment.CENTER,
        horizontal_alignment=ft.CrossAxisAlignment.CENTER,
    )
