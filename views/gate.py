"""The door: first start, unlocking, and what is said when the store cannot be opened. Get help is always here."""

from collections.abc import Callable
from typing import Final

import flet as ft

from views import theme
from views.context import use_part, use_quiet_window
from views.first_start import FirstStart
from views.help import HelpLines
from views.pages import narrow
from views.parts.buttons import Action, button
from views.parts.frame import back_bar, phone_page
from views.parts.rows import fact_row
from views.parts.safe import safe
from views.parts.surfaces import card, column, gap, notice
from views.parts.text import heading, soft
from views.state import Window
from views.unlock import Unlock

Show = Callable[[], None]

FAULTS: Final = ("Tampered", "RolledBack", "TooNew", "StoreBusy")
"""The faults with words of their own."""


@safe
def Gate(phase: str, is_phone: bool) -> ft.Control:
    """What stands before the store; help lies over it and leaves what was typed as it is."""
    window = use_quiet_window()
    is_help, set_help = ft.use_state(False)
    close = Action(label=window.texts("common.close"), on_press=lambda: set_help(False), icon=ft.Icons.CLOSE_ROUNDED)
    screens = {"first_start": FirstStart, "locked": Unlock, "broken": Broken}
    screen = screens[phase](is_phone, lambda: set_help(True), key=phase)
    under = ft.Container(screen, expand=True, visible=not is_help)
    if not is_help:
        return ft.Column([under], expand=True, spacing=0)
    bar = back_bar(window.texts("help.title"), close)
    return ft.Column([under, phone_page(bar, [narrow(HelpLines(is_phone, key="lines"))])], expand=True, spacing=0)


def help_button(window: Window, show: Show) -> ft.TextButton:
    """Return the wide way to the help lines at the foot of the door."""
    return button(
        window.texts("unlock.get_help_now"), show, icon=ft.Icons.SUPPORT_ROUNDED, kind="outlined", size="tall"
    )


@safe
def Broken(is_phone: bool, show_help: Show) -> ft.Control:
    """Which fault the store has, that nothing was changed, and what to do."""
    window = use_quiet_window()
    fault = use_part(lambda state: state.fault)
    texts = window.texts
    key = f"unlock.broken_{fault if fault in FAULTS else 'StoreError'}"

    def try_again() -> None:
        window.state.fault = ""
        window.state.phase = "locked"

    body = column(
        gap(theme.ROOMY),
        heading(texts("unlock.broken_title"), 1, ft.TextThemeStyle.DISPLAY_MEDIUM),
        notice(ft.Icons.REPORT_OUTLINED, texts(key), kind="honey" if fault == "StoreBusy" else "alert"),
        soft(texts(f"{key}_next"), ft.TextThemeStyle.BODY_LARGE),
        card(fact_row(ft.Icons.FOLDER_OUTLINED, window.data_folder, texts("unlock.broken_where"))),
        button(texts("common.try_again"), try_again),
        help_button(window, show_help),
        spacing=theme.PAD,
    )
    return phone_page(None, [narrow(body)])
