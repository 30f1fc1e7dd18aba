"""Erasing everything of this profile in two steps: what goes and what remains elsewhere, then a typed word."""

from collections.abc import Callable

import flet as ft

from views import theme
from views.gate.forms import Form, use_form
from views.mirror.context import use_quiet_window
from views.mirror.state import Window
from views.parts.buttons import button
from views.parts.rows import fact_row
from views.parts.safe import safe
from views.parts.surfaces import card, column, equal, notice
from views.parts.text import heading, soft

LOCAL = "local"
REMAINS = (
    ("groups", ft.Icons.FORUM_OUTLINED),
    ("service", ft.Icons.CLOUD_OUTLINED),
    ("sheet", ft.Icons.DESCRIPTION_OUTLINED),
    ("copies", ft.Icons.CONTENT_COPY_ROUNDED),
)


@safe
def Erase(leave: Callable[[], None], services: tuple[str, ...] = ()) -> ft.Control:
    """`services`: the addresses that keep sealed messages, as far as they are known here."""
    window = use_quiet_window()
    form = use_form(window)
    steps = _last_step(window, form, leave) if form.filled.step == 2 else _first_step(window, form, leave, services)
    return column(*steps, spacing=theme.PAD)


def _first_step(window: Window, form: Form, leave: Callable[[], None], services: tuple[str, ...]) -> list[ft.Control]:
    texts = window.texts
    remains: list[ft.Control] = [fact_row(icon, texts(f"unlock.erase_remains_{name}")) for name, icon in REMAINS]
    known = [texts("account.service_here") if one == LOCAL else one for one in services]
    if known:
        remains.append(soft(texts("unlock.erase_services", names=", ".join(known))))
    return [
        heading(texts("unlock.erase_goes"), 2, ft.TextThemeStyle.TITLE_MEDIUM),
        soft(texts("unlock.erase_goes_about"), ft.TextThemeStyle.BODY_LARGE),
        heading(texts("unlock.erase_remains"), 2, ft.TextThemeStyle.TITLE_MEDIUM),
        card(*remains, spacing=theme.GAP),
        notice(ft.Icons.INFO_OUTLINE_ROUNDED, texts("unlock.erase_flash"), kind="stone", live=False),
        equal(
            button(texts("unlock.erase_keep"), leave, kind="outlined"),
            button(texts("unlock.erase_go_on"), lambda: form.change(step=2), kind="outlined"),
        ),
    ]


def _last_step(window: Window, form: Form, leave: Callable[[], None]) -> list[ft.Control]:
    texts = window.texts
    word = texts("unlock.erase_word")

    async def erase() -> None:
        if form["word"].strip().casefold() != word:
            form.change(said=texts("unlock.erase_other_word", word=word))
            return
        await form.send(window.companion.erase, texts("errors.StoreError"))

    said = [notice(ft.Icons.INFO_OUTLINE_ROUNDED, form.filled.said)] if form.filled.said else []
    return [
        heading(texts("unlock.erase_last"), 2, ft.TextThemeStyle.TITLE_MEDIUM),
        soft(texts("unlock.erase_type", word=word), ft.TextThemeStyle.BODY_LARGE),
        form.entry("word", texts("unlock.erase_field")),
        *said,
        equal(
            button(texts("unlock.erase_keep"), leave, kind="outlined"),
            button(texts("unlock.erase_now"), erase, kind="alert", disabled=form.filled.is_busy),
        ),
    ]
