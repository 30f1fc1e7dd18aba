"""Comparing safety codes with one person: the digits, the picture, what theirs says, and the mark that stays."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

import flet as ft

from companion.errors import CompanionError, UsageError
from companion.groups import Group
from companion.people import Member
from views import theme
from views.gate.forms import Form, use_form
from views.mirror.context import use_frame, use_opened, use_quiet_window
from views.mirror.effects import use_kept, use_task
from views.mirror.state import Window
from views.pages import content_page
from views.parts.buttons import button
from views.parts.people import person
from views.parts.qr import QrPicture
from views.parts.rows import section
from views.parts.safe import safe
from views.parts.surfaces import card, column, empty_state, notice, wrapping
from views.parts.text import reading_column, soft, text, words
from views.words.names import initials, look_of

SAFETY: Final = "safety-"
"""Before a person's id in a route, behind the group's: the page where codes are compared with them."""


def use_verified(group: Group) -> tuple[frozenset[str], Callable[[], Awaitable[None]]]:
    """A hook: the ids of people whose code I have compared, and what reads them anew."""
    opened = use_opened()
    verified, set_verified = ft.use_state(frozenset[str]())

    async def read() -> None:
        set_verified(await opened.groups.verified())

    use_task(read, [group])
    return verified, read


@safe
def SafetyPage(group: Group, who: str, key: str = "") -> ft.Control:
    """`who` is a person's id; somebody who is not in the group has no page."""
    frame, opened, texts = use_frame(), use_opened(), use_quiet_window().texts
    seat = group.seat(who)
    frame = replace(frame, back=replace(frame.back, on_press=lambda: frame.go(f"/groups/{group.id}")))
    if seat is None or who == opened.me.person:
        return content_page(frame, texts("groups.safety_title"), [empty_state(texts("groups.safety_nobody"))])
    member = seat.member
    return content_page(
        frame,
        texts("groups.safety_title"),
        [reading_column(Comparing(group, member, key=f"comparing-{who}"))],
        subtitle=member.name,
        lead=person(initials(member.name), look_of(member.person), 40),
    )


@safe
def Comparing(group: Group, member: Member, key: str = "") -> ft.Control:
    window, opened = use_quiet_window(), use_opened()
    texts, form = window.texts, use_form(window)
    safety = use_kept(lambda: opened.groups.safety(member))
    verified, read = use_verified(group)
    differs, set_differs = ft.use_state(False)

    async def mark() -> None:
        if await form.send(lambda: opened.groups.verify(member), ""):
            set_differs(False)
            await read()

    async def check() -> None:
        async def compare() -> None:
            set_differs(not await opened.groups.scanned(member, form["code"].strip()))

        if await form.send(compare, "", lambda error: _fault(window, error)):
            await read()

    parts: list[ft.Control] = [
        words(texts("groups.safety_ask", name=member.name), ft.TextThemeStyle.DISPLAY_MEDIUM),
        soft(texts("groups.safety_about", name=member.name), ft.TextThemeStyle.BODY_LARGE),
    ]
    if differs:
        parts.append(notice(ft.Icons.REPORT_OUTLINED, texts("groups.safety_differs", name=member.name), kind="alert"))
    elif member.person in verified:
        done = texts("groups.safety_is_done", name=member.name)
        parts.append(notice(ft.Icons.VERIFIED_USER_OUTLINED, done, kind="pine"))
    match = button(texts("groups.safety_match"), mark, icon=ft.Icons.CHECK_ROUNDED, disabled=form.filled.is_busy)
    parts += [
        section(texts("groups.safety_digits"), _digits(safety.code), match),
        section(
            texts("groups.safety_picture"),
            card(
                QrPicture(safety.qr, texts("groups.safety_picture_name", name=member.name), key="qr"),
                soft(texts("groups.safety_picture_about", name=member.name), ft.TextThemeStyle.BODY_MEDIUM),
            ),
        ),
        section(texts("groups.safety_theirs"), _theirs(window, form, member, check)),
    ]
    return column(*parts, spacing=theme.PAD)


def _digits(code: tuple[str, ...]) -> ft.Control:
    """Return the groups of digits, as many side by side as there is room for, read out one after the other."""
    shown = wrapping(
        *(ft.Container(text(one, ft.TextThemeStyle.TITLE_LARGE, align=ft.TextAlign.CENTER)) for one in code),
        spacing=theme.PAD,
    )
    return card(ft.Semantics(label=" ".join(code), container=True, exclude_semantics=True, content=shown))


def _theirs(window: Window, form: Form, member: Member, check: Callable[[], Awaitable[None]]) -> ft.Control:
    texts = window.texts
    said = [notice(ft.Icons.INFO_OUTLINE_ROUNDED, form.filled.said)] if form.filled.said else []
    return card(
        soft(texts("groups.safety_theirs_about", name=member.name), ft.TextThemeStyle.BODY_MEDIUM),
        form.entry("code", texts("groups.safety_field", name=member.name), on_submit=check),
        *said,
        ft.Row([button(texts("groups.safety_check"), check, kind="outlined", disabled=form.filled.is_busy)]),
    )


def _fault(window: Window, error: CompanionError) -> str:
    return window.texts("groups.safety_no_code") if isinstance(error, UsageError) else window.texts.error(error)
