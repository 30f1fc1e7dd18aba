"""What was asked of the facilitators: those who look after the group answer, who asked reads the answer."""

import flet as ft

from companion.chat.reports import NOTE_LIMIT, Report
from companion.groups import Group
from views import theme
from views.mirror.context import use_opened, use_part, use_quiet_window
from views.mirror.typed import use_field
from views.parts.buttons import button
from views.parts.fields import field
from views.parts.rows import section
from views.parts.safe import guarded, safe, say
from views.parts.surfaces import card
from views.parts.text import soft, text, words


@safe
def AskedForHelp(group: Group, key: str = "") -> ft.Control:
    """Every report of this group that I sent or got; nothing while there is none."""
    texts = use_quiet_window().texts
    reports = use_part(lambda s: tuple(one for one in s.attention.reports if one.group == group.id))
    if not reports:
        return ft.Container(height=0)
    return section(texts("groups.asked"), *(ReportCard(one, key=one.id) for one in reports), spacing=theme.GAP)


@safe
def ReportCard(report: Report, key: str = "") -> ft.Control:
    opened, texts = use_opened(), use_quiet_window().texts
    outcome = use_field(lambda typed: bool(typed.strip()))

    async def answer() -> None:
        await opened.agreements.answer(report.id, outcome.text)
        say(texts("groups.asked_told", name=report.by_name))

    by = texts("groups.asked_by_you") if report.is_mine else texts("groups.asked_by", name=report.by_name)
    parts: list[ft.Control] = [
        text(by, ft.TextThemeStyle.TITLE_SMALL),
        soft(texts("groups.until", day=texts.day_of(report.at_ms), time=texts.time(report.at_ms))),
    ]
    if report.quote:
        parts.append(words(report.quote, ft.TextThemeStyle.BODY_MEDIUM))
    if report.note:
        parts.append(text(report.note, ft.TextThemeStyle.BODY_MEDIUM))
    if report.answer:
        parts.append(soft(texts("groups.asked_answer", name=report.answered_by, answer=report.answer)))
    elif report.is_mine:
        parts.append(soft(texts("groups.asked_waits")))
    else:
        parts += [
            field(
                texts("groups.asked_outcome"),
                outcome.typed,
                value=outcome.value(),
                lines=(2, 4),
                max_length=NOTE_LIMIT,
                ref=outcome.box,
                key=f"outcome-{report.id}",
            ),
            button(
                texts("groups.asked_tell"), guarded(answer, texts.error), size="slim", disabled=not outcome.text.strip()
            ),
        ]
    return card(*parts)
