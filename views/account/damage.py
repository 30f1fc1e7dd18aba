"""What was found damaged while the app is open, in plain words, and saving what can still be read."""

import flet as ft

from companion.errors import StoreError
from companion.ports import Rescue
from views import theme
from views.account.subpage import ABOVE, subpage
from views.gate.rescuing import damage_sentence, part_name, saved_copy
from views.mirror.context import use_frame, use_opened, use_part, use_quiet_window
from views.parts.buttons import button
from views.parts.safe import safe, say
from views.parts.surfaces import card, column
from views.parts.text import heading, soft


@safe
def DamagePane() -> ft.Control:
    """Each damage with its sentence; the button copies what opens into a new folder."""
    frame, window, opened = use_frame(), use_quiet_window(), use_opened()
    damages = use_part(lambda state: state.damages)
    texts = window.texts
    nothing: tuple[Rescue, ...] = ()
    found, show = ft.use_state(nothing)

    async def save() -> None:
        try:
            show((await opened.security.rescue(),))
        except StoreError as error:
            say(texts.error(error))

    cards = [
        card(
            heading(part_name(texts, damage.part), 2, ft.TextThemeStyle.TITLE_MEDIUM),
            soft(damage_sentence(texts, damage.kind), ft.TextThemeStyle.BODY_MEDIUM),
        )
        for damage in damages
    ]
    if found:
        rest = saved_copy(window, found[0], lambda: frame.go(ABOVE))
    else:
        about = soft(texts("errors.damage_about"), ft.TextThemeStyle.BODY_LARGE)
        rest = [about, button(texts("errors.damage_save"), save, size="tall")]
    body = column(*cards, *rest, spacing=theme.PAD)
    return subpage(frame, window, texts("errors.damage_title"), [body])
