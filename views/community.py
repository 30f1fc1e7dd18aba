"""Community: honest about what is not here yet, and what works without it."""

import flet as ft

from views import theme
from views.mirror.context import use_frame, use_quiet_window
from views.pages import list_page, narrow
from views.parts.buttons import Action, button
from views.parts.choices import prompt_card
from views.parts.rows import fact_row, section
from views.parts.safe import safe
from views.parts.surfaces import card, column, well
from views.parts.text import soft, words
from views.words.prompts import prompt_of_day

TALK_TURN = 14
"""Half the prompts away from the one that Today shows on the same day."""


@safe
def CommunityPane() -> ft.Control:
    """What will live here, in product words, and what can be done today."""
    frame, window = use_frame(), use_quiet_window()
    texts = window.texts
    turn, set_turn = ft.use_state(TALK_TURN)
    parts: list[ft.Control] = [words(texts("community.about"), ft.TextThemeStyle.DISPLAY_MEDIUM)]
    prompt = prompt_of_day(window.prompts, texts.today(), turn)
    if prompt:
        ask = Action(
            label=texts("community.talk_ask"), on_press=lambda: frame.go("/groups"), icon=ft.Icons.FORUM_OUTLINED
        )
        another = Action(label=texts("community.talk_another"), on_press=lambda: set_turn(turn + 1))
        shown = prompt_card(prompt.text, texts("community.talk"), ask, another)
        parts.append(section(texts("community.today"), shown))
    listen = button(texts("community.listen"), frame.help.on_press, icon=ft.Icons.SUPPORT_ROUNDED, kind="outlined")
    coming = well(
        fact_row(ft.Icons.CALL_OUTLINED, texts("community.coming_call")),
        fact_row(ft.Icons.WB_SUNNY_OUTLINED, texts("community.coming_bright")),
        soft(texts("community.coming_plain")),
        spacing=theme.GAP,
    )
    parts += [card(listen), section(texts("community.coming"), coming)]
    return list_page(frame, texts("community.title"), [narrow(column(*parts, spacing=theme.PAD))])
