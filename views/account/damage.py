"""What was found damaged while the app is open, in plain words, and saving what can still be read."""

from collections.abc import Awaitable, Callable
from typing import Any

import flet as ft

from companion.errors import StoreError
from companion.ports import Damage, Rescue
from views import theme
from views.account.subpage import ABOVE, subpage
from views.gate.rescuing import damage_sentence, part_name, saved_copy
from views.mirror.context import use_frame, use_opened, use_part, use_quiet_window
from views.parts.buttons import button
from views.parts.safe import guarded, safe, say
from views.parts.surfaces import card, column
from views.parts.text import heading, soft


@safe
def DamagePane() -> ft.Control:
    """Each damage with its sentence, and the way on where there is one; the last button copies what opens."""
    frame, window, opened = use_frame(), use_quiet_window(), use_opened()
    damages, groups = use_part(lambda state: (state.damages, state.groups))
    texts = window.texts
    names = {line.group.id: line.group.name for line in groups}
    nothing: tuple[Rescue, ...] = ()
    found, show = ft.use_state(nothing)

    async def save() -> None:
        try:
            show((await opened.security.rescue(),))
        except StoreError as error:
            say(texts.error(error))

    def went_on(damage: Damage) -> Callable[[Any], Awaitable[None]]:
        async def run() -> None:
            await opened.mending.mend(damage)
            say(texts("errors.damage_went_on"))

        return guarded(run, texts.error)

    def name(damage: Damage) -> str:
        part = part_name(texts, damage.part)
        return texts("errors.damage_of", part=part, name=names[damage.of]) if damage.of in names else part

    cards = [
        card(
            heading(name(damage), 2, ft.TextThemeStyle.TITLE_MEDIUM),
            soft(damage_sentence(texts, damage.kind), ft.TextThemeStyle.BODY_MEDIUM),
            *(
                [button(texts("errors.damage_go_on"), went_on(damage), kind="outlined", size="slim")]
                if opened.mending.can_mend(damage)
                else []
            ),
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
