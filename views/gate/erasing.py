"""Erasing everything of this profile in two steps: what goes and what remains elsewhere, then a typed word.

With the keys here the services can be asked to delete too; without them nobody can ask, and that is said.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import flet as ft

from companion.farewells import ACCOUNT, DEVICE
from views import theme
from views.gate.forms import Form, use_form
from views.gate.owed import service_names
from views.mirror.context import use_quiet_window
from views.mirror.effects import Box, use_kept
from views.mirror.state import Window
from views.parts.buttons import button
from views.parts.choices import choice_row, consent_row
from views.parts.rows import fact_row
from views.parts.safe import safe
from views.parts.surfaces import card, column, equal, notice
from views.parts.text import heading, soft
from views.words.texts import Texts

REMAINS = (
    ("groups", ft.Icons.FORUM_OUTLINED),
    ("sheet", ft.Icons.DESCRIPTION_OUTLINED),
    ("copies", ft.Icons.CONTENT_COPY_ROUNDED),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Whether the services are asked, and for how much."""

    is_asking: bool = True
    scope: str = DEVICE


Choose = Callable[[Callable[[Choice], Choice]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whom the keys could ask. `has_others`: this person has other devices."""

    services: tuple[str, ...] = ()
    has_others: bool = False


@safe
def Erase(leave: Callable[[], None], asked: Asked | None = None) -> ft.Control:
    """Without `asked` there are no keys."""
    window = use_quiet_window()
    form = use_form(window)
    choice, show = ft.use_state(Choice())
    newest = use_kept(lambda: Box(choice))

    def choose(change: Callable[[Choice], Choice]) -> None:
        newest.value = change(newest.value)
        show(newest.value)

    async def erase() -> None:
        await window.companion.erase(_scope(newest.value, asked))

    if form.filled.step == 2:
        steps = _last_step(window, form, leave, erase)
    else:
        steps = _first_step(window, form, leave, _services(window, choice, choose, asked))
    return column(*steps, spacing=theme.PAD)


def _scope(choice: Choice, asked: Asked | None) -> str:
    """Return what is asked of the services, or nothing. Who has no other device has nothing to keep there."""
    if asked is None or not choice.is_asking:
        return ""
    return choice.scope if asked.has_others else ACCOUNT


def _first_step(window: Window, form: Form, leave: Callable[[], None], services: list[ft.Control]) -> list[ft.Control]:
    texts = window.texts
    remains: list[ft.Control] = [fact_row(icon, texts(f"unlock.erase_remains_{name}")) for name, icon in REMAINS]
    return [
        heading(texts("unlock.erase_goes"), 2, ft.TextThemeStyle.TITLE_MEDIUM),
        soft(texts("unlock.erase_goes_about"), ft.TextThemeStyle.BODY_LARGE),
        heading(texts("unlock.erase_remains"), 2, ft.TextThemeStyle.TITLE_MEDIUM),
        card(*remains, spacing=theme.GAP),
        *services,
        notice(ft.Icons.INFO_OUTLINE_ROUNDED, texts("unlock.erase_flash"), kind="stone", live=False),
        equal(
            button(texts("unlock.erase_keep"), leave, kind="outlined"),
            button(texts("unlock.erase_go_on"), lambda: form.change(step=2), kind="outlined"),
        ),
    ]


def _services(window: Window, choice: Choice, choose: Choose, asked: Asked | None) -> list[ft.Control]:
    """Return what becomes of what the services hold, and the choice where there is one."""
    texts = window.texts
    if asked is None:
        return [card(fact_row(ft.Icons.CLOUD_OUTLINED, texts("unlock.erase_no_keys")))]
    if not asked.services:
        return [card(fact_row(ft.Icons.CLOUD_OUTLINED, texts("unlock.erase_no_service")))]
    about = texts("unlock.erase_ask_about", names=service_names(texts, asked.services))
    ask = consent_row(
        texts("unlock.erase_ask"),
        about,
        lambda on: choose(lambda now: replace(now, is_asking=on)),
        on=choice.is_asking,
        key="erase-ask",
    )
    scopes = _scopes(texts, choice, choose) if choice.is_asking and asked.has_others else []
    told = texts("unlock.erase_asked" if choice.is_asking else "unlock.erase_not_asked")
    return [card(ask, *scopes, fact_row(ft.Icons.CLOUD_OUTLINED, told), spacing=theme.GAP)]


def _scopes(texts: Texts, choice: Choice, choose: Choose) -> list[ft.Control]:
    is_all = choice.scope == ACCOUNT
    device, devices = ft.Icon(ft.Icons.PHONE_ANDROID_ROUNDED), ft.Icon(ft.Icons.DEVICES_ROUNDED)

    def scope(name: str) -> Callable[[], None]:
        return lambda: choose(lambda now: replace(now, scope=name))

    return [
        heading(texts("unlock.erase_of"), 3, ft.TextThemeStyle.TITLE_SMALL),
        choice_row(device, texts("unlock.erase_of_device"), scope(DEVICE), chosen=not is_all),
        choice_row(devices, texts("unlock.erase_of_account"), scope(ACCOUNT), chosen=is_all),
        *([soft(texts("unlock.erase_of_account_about"), ft.TextThemeStyle.BODY_MEDIUM)] if is_all else []),
    ]


def _last_step(
    window: Window, form: Form, leave: Callable[[], None], do: Callable[[], Awaitable[None]]
) -> list[ft.Control]:
    texts = window.texts
    word = texts("unlock.erase_word")

    async def erase() -> None:
        if form["word"].strip().casefold() != word:
            form.change(said=texts("unlock.erase_other_word", word=word))
            return
        await form.send(do, texts("errors.StoreError"))

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
