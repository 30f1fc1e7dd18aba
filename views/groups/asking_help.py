"""Worried about somebody, or about what was said: what to say, and who can help. You choose what is told."""

from typing import Any

import flet as ft

from companion.chat.reports import NOTE_LIMIT, chosen_facilitators
from companion.groups import Group
from views import theme
from views.groups.adding import head, use_change
from views.groups.drafting import composing_of
from views.groups.lines import gist
from views.mirror.context import use_frame, use_opened, use_part, use_quiet_window
from views.mirror.typed import use_field
from views.parts.buttons import button
from views.parts.choices import consent_row
from views.parts.fields import field
from views.parts.safe import guarded, safe, say
from views.parts.surfaces import column, equal, notice
from views.parts.text import soft, text


@safe
def WorryPanel(group: Group, key: str = "") -> ft.Control:
    """What to do when a message worries you."""
    texts, frame, change = use_quiet_window().texts, use_frame(), use_change(group)
    is_saying, set_saying = ft.use_state(False)

    def leave() -> None:
        change(mode="", about="")

    say_it = button(
        texts("groups.worry_say"),
        lambda: set_saying(not is_saying),
        icon=ft.Icons.CHAT_BUBBLE_OUTLINE_ROUNDED,
        kind="tonal",
        size="slim",
    )
    call = button(
        texts("groups.worry_999"), lambda: frame.go("/help"), icon=ft.Icons.CALL_ROUNDED, kind="outlined", size="slim"
    )
    ask = button(
        texts("groups.worry_ask"),
        lambda: change(mode="report"),
        icon=ft.Icons.SUPPORT_AGENT_ROUNDED,
        kind="outlined",
        size="slim",
    )
    said = (
        [notice(ft.Icons.CHAT_BUBBLE_OUTLINE_ROUNDED, texts("groups.worry_words"), kind="stone")] if is_saying else []
    )
    return column(
        head(texts, texts("groups.worried"), leave),
        text(texts("groups.worry_about"), ft.TextThemeStyle.BODY_MEDIUM),
        *said,
        column(say_it, call, *([] if group.is_pair else [ask])),
        spacing=theme.GAP,
    )


@safe
def ReportPanel(group: Group, key: str = "") -> ft.Control:
    """Ask up to two facilitators; only they can read it."""
    texts, frame, opened, change = use_quiet_window().texts, use_frame(), use_opened(), use_change(group)
    about = use_part(lambda s: composing_of(s.composing, group).about)
    one = use_part(lambda s: next((m for m in s.chat.messages if m.id == about), None))
    note = use_field(lambda typed: None)
    passes_on, set_passes_on = ft.use_state(True)
    me = opened.me.person
    asked = chosen_facilitators(group.facilitators, me, one.author if one else "")
    names = [seat.member.name for seat in group.seats if seat.member.person in asked]

    def leave() -> None:
        change(mode="", about="")

    if not names:
        nobody = notice(ft.Icons.SUPPORT_AGENT_ROUNDED, texts("groups.report_nobody"), kind="stone")
        see = button(texts("care.see"), lambda: frame.go("/help"), icon=ft.Icons.SUPPORT_ROUNDED, kind="tonal")
        return column(head(texts, texts("groups.report_title"), leave), nobody, see, spacing=theme.GAP)

    async def send() -> None:
        quote = one.text if one is not None and passes_on else ""
        person = one.author if one is not None else ""
        await opened.agreements.report(group.id, "report", about=person, quote=quote, note=note.text)
        leave()
        say(texts("groups.report_sent", names=_and(texts, names)))

    rows: list[ft.Control] = [soft(texts("groups.report_about", names=_and(texts, names)))]
    if one is not None and one.text:
        passed = consent_row(
            texts("groups.report_quote"), gist(texts, one), set_passes_on, on=passes_on, key="report-quote"
        )
        rows.append(passed)
    rows.append(
        field(
            texts("groups.report_note"),
            note.typed,
            value=note.value(),
            lines=(2, 4),
            max_length=NOTE_LIMIT,
            ref=note.box,
            key="report-note",
        )
    )
    return column(
        head(texts, texts("groups.report_title"), leave),
        *rows,
        equal(
            button(texts("groups.not_now"), leave, kind="outlined"),
            button(texts("groups.report_send"), guarded(send, texts.error)),
            stacked=frame.is_large_text,
        ),
        spacing=theme.GAP,
    )


def _and(texts: Any, names: list[str]) -> str:
    return names[0] if len(names) == 1 else str(texts("groups.and", first=names[0], second=names[1]))
