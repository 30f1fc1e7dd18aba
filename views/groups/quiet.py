"""Being left in peace: In clinic, quiet hours, and what an alert may say. One choice for all groups."""

from dataclasses import replace
from typing import Any

import flet as ft

from companion.chat.attention import LEVELS
from views import theme
from views.mirror.context import use_frame, use_opened, use_part, use_quiet_window
from views.pages import content_page
from views.parts.buttons import button, filter_chip
from views.parts.rows import section
from views.parts.safe import guarded, safe
from views.parts.surfaces import notice, wrapping
from views.parts.text import reading_column, soft
from views.words.texts import Texts

HOUR_MS = 3_600_000
CLINIC_HOURS = (1, 2, 4)
HOURS: tuple[tuple[int, int], ...] = ((22 * 60, 7 * 60), (20 * 60, 7 * 60), (18 * 60, 8 * 60), (0, 0))
"""Quiet hours that are offered, from and until, in minutes since midnight; the last is none."""


@safe
def QuietPage(key: str = "") -> ft.Control:
    frame, opened, texts = use_frame(), use_opened(), use_quiet_window().texts
    quiet, is_in_clinic = use_part(lambda s: (s.attention.quiet, s.attention.is_in_clinic))
    attention = opened.attention

    def keep(**parts: Any) -> Any:
        async def change() -> None:
            await attention.set_quiet(replace(quiet, **parts))

        return guarded(change, texts.error)

    def clinic(hours: int) -> Any:
        async def change() -> None:
            await attention.set_in_clinic(hours * HOUR_MS)

        return guarded(change, texts.error)

    hours = wrapping(
        *(
            filter_chip(
                hours_words(texts, start, end),
                keep(from_minute=start, until_minute=end),
                selected=(quiet.from_minute, quiet.until_minute) == (start, end),
                key=f"hours-{start}",
            )
            for start, end in HOURS
        )
    )
    levels = wrapping(
        *(
            filter_chip(texts(f"groups.level_{one}"), keep(level=one), selected=quiet.level == one, key=f"level-{one}")
            for one in LEVELS
        )
    )
    if is_in_clinic:
        until = texts("groups.in_clinic_until", time=texts.time(quiet.in_clinic_until_ms))
        end = button(texts("groups.in_clinic_end"), clinic(0), kind="outlined", size="slim")
        in_clinic: ft.Control = notice(ft.Icons.DO_NOT_DISTURB_ON_OUTLINED, until, kind="stone", action=end)
    else:
        in_clinic = wrapping(
            *(
                button(
                    texts("groups.clinic_hour" if one == 1 else "groups.clinic_hours", hours=one),
                    clinic(one),
                    kind="outlined",
                    size="slim",
                )
                for one in CLINIC_HOURS
            )
        )
    body = reading_column(
        section(texts("groups.in_clinic"), soft(texts("groups.in_clinic_about")), in_clinic),
        section(texts("groups.quiet_hours"), soft(texts("groups.quiet_about")), hours),
        section(texts("groups.level"), soft(texts("groups.level_about")), levels),
        soft(texts("groups.quiet_device")),
        spacing=theme.ROOMY,
    )
    return content_page(frame, texts("groups.quiet_title"), [body])


def hours_words(texts: Texts, start: int, end: int) -> str:
    """Return "22:00 to 7:00", or that there are none."""
    if start == end:
        return texts("groups.no_quiet_hours")
    return texts("groups.quiet_from_to", start=_clock(start), end=_clock(end))


def _clock(minute: int) -> str:
    return f"{minute // 60}:{minute % 60:02}"


@safe
def QuietNotice(key: str = "") -> ft.Control:
    """Says that nothing will be heard now; nothing while something may."""
    opened, texts = use_opened(), use_quiet_window().texts
    quiet, is_in_clinic = use_part(lambda s: (s.attention.quiet, s.attention.is_in_clinic))

    async def end() -> None:
        await opened.attention.set_in_clinic(0)

    if not is_in_clinic:
        return ft.Container(height=0)
    words = texts("groups.in_clinic_until", time=texts.time(quiet.in_clinic_until_ms))
    action = button(texts("groups.in_clinic_end"), guarded(end, texts.error), kind="outlined", size="slim")
    return notice(ft.Icons.DO_NOT_DISTURB_ON_OUTLINED, words, kind="stone", action=action)
