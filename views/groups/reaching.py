"""I feel on my own today: up to three people to write to, a line that is ready, and help where there is nobody."""

from typing import cast

import flet as ft

from companion.app.chat.reaching import Suggestion, suggest
from companion.groups import Group
from views import theme
from views.groups.pairing import standing_line, writing_to
from views.help import HelpLines
from views.mirror.context import use_frame, use_opened, use_part, use_quiet_window
from views.mirror.effects import use_task
from views.pages import content_page
from views.parts.buttons import pressable
from views.parts.people import person
from views.parts.safe import Handler, guarded, safe
from views.parts.surfaces import card, column, empty_state, ruled
from views.parts.text import reading_column, soft, text, words
from views.words.names import first_name, initials, look_of
from views.words.texts import Texts


@safe
def ReachPage(key: str = "") -> ft.Control:
    """Pick somebody; the line with them opens with words that you can change."""
    window, frame, opened = use_quiet_window(), use_frame(), use_opened()
    texts = window.texts
    lines = use_part(lambda s: s.groups)
    found, set_found = ft.use_state(cast("tuple[Suggestion, ...] | None", None))

    async def look() -> None:
        set_found(suggest(await opened.groups.contacts(), opened.chat.now_ms()))

    use_task(look, [])
    title = texts("groups.reach_title")
    if found is None:
        return content_page(frame, title, [])
    if not found:
        nobody = empty_state(texts("groups.reach_nobody"))
        return content_page(frame, title, [nobody, HelpLines(frame.is_phone)])

    def row(one: Suggestion) -> ft.Control:
        write = writing_to(window, frame, one.contact.device, texts("groups.reach_line"))
        return _row(texts, one, standing_line(lines, one.contact.device), guarded(write, texts.error))

    rows = [row(one) for one in found]
    body = reading_column(
        words(texts("groups.reach_about"), ft.TextThemeStyle.DISPLAY_MEDIUM),
        card(*ruled(rows), pad=4, spacing=0),
        soft(texts("groups.reach_seen")),
        spacing=theme.PAD,
    )
    return content_page(frame, title, [body])


def _row(texts: Texts, one: Suggestion, line: Group | None, on_press: Handler) -> ft.Control:
    """Return one person, why them, and where the words would go."""
    when = {0: "today", 1: "yesterday"}.get(one.days, one.reason) if one.reason == "recent" else one.reason
    why = texts(f"groups.reach_{when}", days=one.days)
    stands = "new" if line is None else "asked" if line.awaits_peer else "open"
    where = texts(f"lines.reach_{stands}")
    name = text(one.contact.name, ft.TextThemeStyle.TITLE_MEDIUM)
    face = ft.Row(
        [
            person(initials(one.contact.name), look_of(one.contact.device), theme.TARGET_FLOOR),
            column(name, soft(why), soft(where), spacing=theme.HAIR, expand=True),
        ],
        spacing=theme.GAP,
    )
    spoken = f"{texts('groups.reach_write', name=first_name(one.contact.name))}. {why} {where}"
    return pressable(face, spoken, on_press, pad=ft.Padding.all(theme.GAP), key=f"reach-{one.contact.device}")
