"""Being left in peace: In clinic, quiet hours, and what an alert may say. One choice for all groups."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import flet as ft

from companion.chat.attention import LEVELS, Quiet
from companion.times import HOUR_MS
from views import theme
from views.mirror.context import use_frame, use_opened, use_part, use_quiet_window
from views.pages import content_page
from views.parts.buttons import button, filter_chip
from views.parts.rows import section
from views.parts.safe import Handler, guarded, safe
from views.parts.surfaces import notice, wrapping
from views.parts.text import reading_column, soft
from views.words.texts import Texts

CLINIC_HOURS = (1, 2, 4)
HOURS: tuple[tuple[int, int], ...] = ((22 * 60, 7 * 60), (20 * 60, 7 * 60), (18 * 60, 8 * 60), (0, 0))
"""Quiet hours that are offered, from and until, in minutes since midnight; the last is none."""


@safe
def QuietPage(key: str = "") -> ft.Control:
    frame, attention, texts = use_frame(), use_opened().attention, use_quiet_window().texts
    quiet, is_in_clinic = use_part(lambda s: (s.attention.quiet, s.attention.is_in_clinic))

    def keep(**parts: Any) -> Handler:
        return guarded(partial(attention.set_quiet, replace(quiet, **parts)), texts.error)

    def clinic(hours: int) -> Handler:
        return guarded(partial(attention.set_in_clinic, hours * HOUR_MS), texts.error)

    in_clinic = _in_clinic(texts, quiet, clinic(0)) if is_in_clinic else _clinic_offers(texts, clinic)
    body = reading_column(
        section(texts("groups.in_clinic"), soft(texts("groups.in_clinic_about")), in_clinic),
        section(texts("groups.quiet_hours"), soft(texts("groups.quiet_about")), _hours(texts, quiet, keep)),
        section(texts("groups.level"), soft(texts("groups.level_about")), _levels(texts, quiet, keep)),
        soft(texts("groups.quiet_device")),
        spacing=theme.ROOMY,
    )
    return content_page(frame, texts("groups.quiet_title"), [body])


def _in_clinic(texts: Texts, quiet: Quiet, end: Handler) -> ft.Control:
    """Return the notice that says until when, with the way to end it."""
    until = texts("groups.in_clinic_until", time=texts.time(quiet.in_clinic_until_ms))
    action = button(texts("groups.in_clinic_end"), end, kind="outlined", size="slim")
    return notice(ft.Icons.DO_NOT_DISTURB_ON_OUTLINED, until, kind="stone", action=action)


def _clinic_offers(texts: Texts, clinic: Callable[[int], Handler]) -> ft.Control:
    return wrapping(
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


def _hours(texts: Texts, quiet: Quiet, keep: Callable[..., Handler]) -> ft.Control:
    return wrapping(
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


def _levels(texts: Texts, quiet: Quiet, keep: Callable[..., Handler]) -> ft.Control:
    return wrapping(
        *(
            filter_chip(texts(f"groups.level_{one}"), keep(level=one), selected=quiet.level == one, key=f"level-{one}")
            for one in LEVELS
        )
    )


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

    if not is_in_clinic:
        return ft.Container(height=0)
    return _in_clinic(texts, quiet, guarded(partial(opened.attention.set_in_clinic, 0), texts.error))
