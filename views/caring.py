"""Cards that offer something when words sound very hard, or look like patient details. They never block anything."""

from collections.abc import Callable
from typing import Any

import flet as ft

from views import theme
from views.mirror.context import use_opened, use_quiet_window
from views.mirror.effects import use_task
from views.parts.buttons import Action, button
from views.parts.safe import safe
from views.parts.surfaces import card, equal, notice, wrapping
from views.parts.text import soft, text
from views.words.texts import Texts


@safe
def DistressCard(
    see: Callable[[], Any], leave: Callable[[], Any], write: Action | None = None, key: str = ""
) -> ft.Control:
    """A kind card: who can help is one press away, so is somebody to `write` to, and so is putting it away."""
    texts = use_quiet_window().texts
    buddy = [] if write is None else [button(write.label, write.on_press, icon=write.icon, kind="ember", size="slim")]
    box = card(
        text(texts("care.hard"), ft.TextThemeStyle.BODY_MEDIUM),
        wrapping(
            button(texts("care.see"), see, icon=ft.Icons.SUPPORT_ROUNDED, kind="tonal", size="slim"),
            *buddy,
            button(texts("care.not_now"), leave, kind="outlined", size="slim"),
        ),
        soft(texts("care.on_device")),
        spacing=theme.GAP,
    )
    return ft.Semantics(live_region=True, container=True, content=box)


@safe
def CareFor(
    read: Callable[[], str], at: object, see: Callable[[], Any], write: Action | None = None, key: str = ""
) -> ft.Control:
    """The kind card under a text of one's own, once a day; nothing while there is no reason for it.

    The words are read again when `at` is another: not at each key, for reading a long page takes its time.
    """
    window, opened = use_quiet_window(), use_opened()
    is_shown, show = ft.use_state(False)

    async def look() -> None:
        if not is_shown and await opened.care.offers_help(read(), window.library.distress):
            show(True)

    use_task(look, [at])
    return DistressCard(see, lambda: show(False), write) if is_shown else ft.Container(height=0)


def guard_card(
    texts: Texts,
    found: tuple[str, ...],
    go_on: Callable[..., Any],
    mend: Callable[[], Any],
    *,
    anyway: str = "",
    instead: str = "",
) -> ft.Control:
    """Return the question before something goes that looks like patient details; both answers weigh the same.

    `anyway` and `instead` name them where it is no message that goes.
    """
    what = ", ".join(texts(f"care.detail_{one}") for one in found)
    answers = equal(
        button(anyway or texts("care.send_anyway"), go_on, kind="outlined", size="slim"),
        button(instead or texts("care.mend"), mend, kind="outlined", size="slim"),
    )
    words = notice(ft.Icons.SHIELD_OUTLINED, texts("care.detail_about"), texts("care.detail_found", what=what))
    return ft.Semantics(live_region=True, container=True, content=card(words, answers, spacing=theme.GAP))
