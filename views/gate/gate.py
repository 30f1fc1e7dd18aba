"""The door: first start, unlocking, hiding, and what is said when the store cannot be opened.

Get help is always here, and so is erasing everything, once there is something to erase.
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import Any, Final

import flet as ft

from companion.ports import Rescue
from views import theme
from views.gate.erasing import Erase
from views.gate.first_start import FirstStart
from views.gate.forms import use_form
from views.gate.rescuing import damage_sentence, saved_copy
from views.gate.unlock import Unlock
from views.help import HelpLines
from views.mirror.context import use_part, use_quiet_window
from views.mirror.effects import use_kept, use_task
from views.mirror.state import Window
from views.pages import narrow
from views.parts.buttons import Action, button
from views.parts.frame import back_bar, phone_page, places_stack
from views.parts.rows import fact_row
from views.parts.safe import remembered, safe
from views.parts.surfaces import card, column, gap, notice
from views.parts.text import heading, soft, text
from views.words.texts import Texts

Show = Callable[[str], None]
"""Puts "help" or "erase" over the door."""

FAULTS: Final = ("Tampered", "RolledBack", "TooNew", "StoreBusy", "LowMemory")
"""The faults with words of their own."""


READY_AFTER_S: Final = 0.3
"""When help is built, counted from the door's first rendering, so that the door comes first."""


@safe
def Gate(phase: str, is_phone: bool) -> ft.Control:
    """What stands before the store; help lies over it and leaves what was typed as it is.

    Help is built beforehand and stands aside: one press and it is there.
    """
    texts = use_quiet_window().texts
    over, set_over = ft.use_state(("", ""))
    is_ready, set_ready = ft.use_state(False)
    leave = use_kept(lambda: lambda: set_over(("", "")))
    show = ft.use_memo(lambda: lambda name: set_over((phase, name)), [phase])
    what = over[1] if over[0] == phase else ""

    async def make_ready() -> None:
        await asyncio.sleep(READY_AFTER_S)
        set_ready(True)

    use_task(make_ready, [])
    screen = SCREENS[phase](is_phone, show, key=phase)
    layers = [("door", screen, not what)]
    if what == "help" or (is_ready and phase != "hidden"):
        layers.append(("help", HelpOver(is_phone, leave, key="help"), what == "help"))
    if what == "erase":
        bar = back_bar(texts("unlock.erase_title"), _close(texts, leave))
        layers.append(("erase", phone_page(bar, [narrow(Erase(leave, key="erase"))]), True))
    return places_stack(layers)


def _help_over(is_phone: bool, leave: Callable[[], None]) -> ft.Control:
    texts = use_quiet_window().texts
    bar = back_bar(texts("help.title"), _close(texts, leave))
    return phone_page(bar, [narrow(HelpLines(is_phone, key="lines"))])


HelpOver = remembered(_help_over)


def _close(texts: Texts, leave: Callable[[], None]) -> Action:
    return Action(label=texts("common.close"), on_press=leave, icon=ft.Icons.CLOSE_ROUNDED)


@remembered
def Start(is_phone: bool, show: Show) -> ft.Control:
    """The first start; there is nothing to erase yet."""
    first: ft.Control = FirstStart(is_phone, lambda: show("help"), key="first-start")
    return first


def help_button(window: Window, show: Show) -> ft.TextButton:
    """Return the wide way to the help lines at the foot of the door."""
    return button(
        window.texts("unlock.get_help_now"),
        lambda: show("help"),
        icon=ft.Icons.SUPPORT_ROUNDED,
        kind="outlined",
        size="tall",
    )


@remembered
def Broken(is_phone: bool, show: Show) -> ft.Control:
    """Which fault the store has, that nothing was changed, what to do, and saving what can still be read."""
    window = use_quiet_window()
    fault, kind = use_part(lambda state: (state.fault, state.fault_kind))
    texts = window.texts
    key = f"unlock.broken_{fault if fault in FAULTS else 'StoreError'}"

    def try_again() -> None:
        window.state.fault, window.state.fault_kind = "", ""
        window.state.phase = "locked"

    named = [soft(damage_sentence(texts, kind), ft.TextThemeStyle.BODY_LARGE)] if kind else []
    can_save = bool(kind) and kind != "keys"
    body = column(
        gap(theme.ROOMY),
        heading(texts("unlock.broken_title"), 1, ft.TextThemeStyle.DISPLAY_MEDIUM),
        notice(ft.Icons.REPORT_OUTLINED, texts(key), kind="honey" if fault == "StoreBusy" else "alert"),
        *named,
        soft(texts(f"{key}_next"), ft.TextThemeStyle.BODY_LARGE),
        card(fact_row(ft.Icons.FOLDER_OUTLINED, window.data_folder, texts("unlock.broken_where"))),
        *([Saving(try_again, key="saving")] if can_save else []),
        button(texts("common.try_again"), try_again, kind="outlined" if can_save else "filled"),
        help_button(window, show),
        spacing=theme.PAD,
    )
    return phone_page(None, [narrow(body)])


@safe
def Saving(leave: Callable[[], None]) -> ft.Control:
    """The key again, because it was forgotten, and then what could be saved."""
    window = use_quiet_window()
    texts, form = window.texts, use_form(window)
    nothing: tuple[Rescue, ...] = ()
    found, show = ft.use_state(nothing)

    async def rescue() -> None:
        show((await window.companion.rescue(form["secret"]),))

    async def save() -> None:
        if await form.send(rescue, texts("account.proof_wrong")):
            form.clear()

    if found:
        return column(*saved_copy(window, found[0], leave), spacing=theme.PAD)
    said = [notice(ft.Icons.INFO_OUTLINE_ROUNDED, form.filled.said)] if form.filled.said else []
    return card(
        heading(texts("errors.damage_readable"), 2, ft.TextThemeStyle.TITLE_MEDIUM),
        soft(texts("errors.damage_about"), ft.TextThemeStyle.BODY_MEDIUM),
        form.entry("secret", texts("account.proof"), secret=True, on_submit=save),
        *said,
        button(texts("errors.damage_save"), save, disabled=form.filled.is_busy),
        spacing=theme.GAP,
    )


@remembered
def Restored(is_phone: bool, show: Show) -> ft.Control:
    """The store is not what this device remembers. Both answers keep everything; neither is the expected one."""
    window = use_quiet_window()
    texts = window.texts

    def answer(was_me: bool) -> Callable[[], Awaitable[None]]:
        return lambda: window.companion.answer_restored(was_me)

    body = column(
        gap(theme.ROOMY),
        heading(texts("unlock.restored_title"), 1, ft.TextThemeStyle.DISPLAY_MEDIUM),
        notice(ft.Icons.HISTORY_ROUNDED, texts("unlock.restored_found"), kind="honey"),
        soft(texts("unlock.restored_about"), ft.TextThemeStyle.BODY_LARGE),
        button(texts("unlock.restored_yes"), answer(True), kind="outlined", size="tall"),
        button(texts("unlock.restored_no"), answer(False), kind="outlined", size="tall"),
        help_button(window, show),
        spacing=theme.PAD,
    )
    return phone_page(None, [narrow(body)])


@remembered
def Hidden(is_phone: bool, show: Show) -> ft.Control:
    """A clock, and nothing that says whose or what this is."""
    window = use_quiet_window()
    texts, page = window.texts, ft.context.page
    minute = texts.minute_now()

    def rename(title: str) -> Callable[[], None]:
        def apply() -> None:
            page.title = title
            page.update()

        return apply

    ft.use_effect(rename(texts("unlock.hidden_title")), [], cleanup=rename(texts("common.app_name")))
    time = text(f"{minute // 60:02}:{minute % 60:02}", ft.TextThemeStyle.DISPLAY_LARGE, align=ft.TextAlign.CENTER)
    body = column(
        gap(120),
        time,
        soft(texts.date(texts.today()), ft.TextThemeStyle.BODY_LARGE, align=ft.TextAlign.CENTER),
        gap(theme.ROOMY),
        button(texts("unlock.hidden_back"), window.companion.come_back, kind="quiet"),
        spacing=theme.PAD,
    )
    return phone_page(None, [narrow(body)])


SCREENS: Final = MappingProxyType[str, Callable[..., Any]](
    {"first_start": Start, "locked": Unlock, "broken": Broken, "restored": Restored, "hidden": Hidden}
)
