"""Asking before something is done that cannot be taken back."""

import flet as ft

from views.mirror.context import use_quiet_window
from views.parts.buttons import Action, button
from views.parts.safe import guarded, safe
from views.parts.surfaces import column, equal
from views.parts.text import soft


@safe
def Sure(action: Action, question: str, do: str, leave: str, key: str = "") -> ft.Control:
    """A button that asks before it does something; both answers weigh the same."""
    texts = use_quiet_window().texts
    is_asked, ask = ft.use_state(False)
    if not is_asked:
        return button(action.label, lambda: ask(True), icon=action.icon, kind="outlined", size="slim")
    answers = equal(
        button(leave, lambda: ask(False), kind="outlined", size="slim"),
        button(do, guarded(action.on_press, texts.error), kind="outlined", size="slim"),
    )
    return ft.Semantics(live_region=True, container=True, content=column(soft(question), answers))
