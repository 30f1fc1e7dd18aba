"""My account: who I am, the lock, the keys, how the app looks, privacy, erasing, and the versions."""

import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import flet as ft
from flet.version import flet_version

from companion.app.opened import AUTO_LOCK_MINUTES
from views import theme
from views.mirror.context import Frame, use_frame, use_part, use_quiet_window
from views.mirror.state import Window
from views.pages import content_page, narrow
from views.parts.buttons import button, filter_chip
from views.parts.choices import consent_row
from views.parts.people import person
from views.parts.rows import list_row, section
from views.parts.safe import safe
from views.parts.surfaces import card, column, equal, ruled, wrapping
from views.parts.text import soft, text
from views.words.names import initials, look_of

THEMES = ("system", "light", "dark", "contrast", "contrast-dark")


@safe
def Home() -> ft.Control:
    """Everything about me and this device on one page."""
    frame, window = use_frame(), use_quiet_window()
    me, minutes, mode = use_part(lambda state: (state.me, state.auto_lock_minutes, state.theme))
    chosen = use_part(lambda state: state.locks_hidden)
    locks_hidden = window.hides_itself if chosen is None else chosen
    texts = window.texts
    parts = column(
        section(texts("account.me"), _who(window)) if me else ft.Container(),
        _ways(frame, window, ("devices",)),
        section(texts("account.lock"), _lock(window, minutes, locks_hidden)),
        section(texts("account.privacy"), _ways(frame, window, ("privacy",))),
        section(texts("account.keys"), _ways(frame, window, ("passphrase", "words", "device"))),
        section(texts("account.look"), _look(window, mode)),
        section(texts("account.leave"), _ways(frame, window, ("erase",))),
        section(texts("account.versions"), _versions(window)),
        spacing=theme.ROOMY,
    )
    return content_page(frame, texts("account.title"), [narrow(parts)])


ICONS = {
    "devices": ft.Icons.DEVICES_ROUNDED,
    "privacy": ft.Icons.VISIBILITY_OUTLINED,
    "passphrase": ft.Icons.PASSWORD_ROUNDED,
    "words": ft.Icons.FORMAT_LIST_NUMBERED_ROUNDED,
    "device": ft.Icons.PHONELINK_LOCK_ROUNDED,
    "erase": ft.Icons.DELETE_FOREVER_OUTLINED,
}


def _ways(frame: Frame, window: Window, names: tuple[str, ...]) -> ft.Control:
    """Return rows that lead one level down."""
    texts = window.texts

    def go(name: str) -> Callable[[], Any]:
        return lambda: frame.go(f"/account/{name}")

    rows: list[ft.Control] = [
        list_row(
            ft.Icon(ICONS[name], size=24, color=ft.Colors.PRIMARY),
            texts(f"account.{name}_title"),
            go(name),
            line=texts(f"account.{name}_line"),
            tail=ft.Icon(ft.Icons.CHEVRON_RIGHT_ROUNDED, color=ft.Colors.ON_SURFACE_VARIANT),
            key=f"account-{name}",
        )
        for name in names
    ]
    return card(*ruled(rows), pad=theme.TIGHT)


def _who(window: Window) -> ft.Control:
    me, texts = window.state.me, window.texts
    if me is None:
        return ft.Container()
    short = window.opened.device[:8]
    names = column(
        text(me.name, ft.TextThemeStyle.TITLE_MEDIUM),
        soft(texts(f"common.profession_{me.profession}")),
        ft.Semantics(
            label=texts("account.device_spoken", id=" ".join(short)),
            exclude_semantics=True,
            content=soft(texts("account.device", id=short)),
        ),
        spacing=theme.HAIR,
        expand=True,
    )
    return card(ft.Row([person(initials(me.name), look_of(me.person), theme.TARGET), names], spacing=theme.GAP))


def _lock(window: Window, minutes: int, locks_hidden: bool) -> ft.Control:
    texts = window.texts

    def choose(count: int) -> Callable[[], Any]:
        return lambda: window.opened.set_auto_lock(count)

    chips = [
        filter_chip(
            texts("account.minutes_one") if count == 1 else texts("account.minutes_many", count=count),
            choose(count),
            selected=count == minutes,
            key=f"minutes-{count}",
        )
        for count in AUTO_LOCK_MINUTES
    ]
    lock = button(texts("account.lock_now"), window.companion.lock, icon=ft.Icons.LOCK_ROUNDED)
    hide = button(
        texts("account.hide_now"), window.companion.hide, icon=ft.Icons.VISIBILITY_OFF_OUTLINED, kind="outlined"
    )
    return card(
        soft(texts("account.lock_about"), ft.TextThemeStyle.BODY_MEDIUM),
        equal(lock, hide),
        soft(texts("account.hide_about"), ft.TextThemeStyle.BODY_MEDIUM),
        text(texts("account.lock_after"), ft.TextThemeStyle.TITLE_SMALL),
        wrapping(*chips),
        consent_row(
            texts("account.lock_hidden"),
            texts("account.lock_hidden_about"),
            window.opened.set_locks_hidden,
            on=locks_hidden,
        ),
        spacing=theme.GAP,
    )


def _look(window: Window, mode: str) -> ft.Control:
    def choose(chosen: str) -> Callable[[], None]:
        return lambda: window.save_theme(chosen)

    chips = [
        filter_chip(window.texts(f"account.theme_{one}"), choose(one), selected=one == mode, key=f"theme-{one}")
        for one in THEMES
    ]
    return card(wrapping(*chips))


def _versions(window: Window) -> ft.Control:
    texts = window.texts
    try:
        app = texts("account.version_app", version=version("companion"))
    except PackageNotFoundError:  # a built app has no package metadata
        app = texts("common.app_name")
    return card(
        text(app, ft.TextThemeStyle.BODY_MEDIUM),
        soft(texts("account.version_parts", python=platform.python_version(), flet=flet_version)),
    )
