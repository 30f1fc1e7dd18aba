"""Get help: who can be reached now. Works without a connection, and nothing here is logged or kept."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import flet as ft

from views import theme
from views.mirror.context import use_frame, use_quiet_window
from views.pages import content_page, narrow
from views.parts.buttons import Action
from views.parts.help import help_card, line_card
from views.parts.safe import safe, say
from views.parts.surfaces import column
from views.parts.text import soft
from views.words.library import HelpLine, Reach
from views.words.texts import Texts

LAUNCH_TIMEOUT_S = 5.0
WHOLE_COUNTRY = "All of the UK"


def address(reach: Reach) -> str:
    """Return what the device's phone, message or mail app is called with."""
    number = reach.to.replace(" ", "")
    if reach.kind == "email":
        return f"mailto:{reach.to}"
    return f"sms:{number}?body={quote(reach.words)}" if reach.kind == "text" else f"tel:{number}"


def by_hand(texts: Texts, reach: Reach) -> str:
    """Return what to do on a phone, where this device has none."""
    if reach.kind == "email":
        return texts("help.write_to", address=reach.to)
    if reach.kind == "text":
        return texts("help.text_to", words=reach.words, number=reach.to)
    return texts("help.dial", number=reach.to)


@safe
def HelpPane() -> ft.Control:
    """Get help as a page of its own."""
    frame, texts = use_frame(), use_quiet_window().texts
    lines = narrow(HelpLines(frame.is_phone))
    return content_page(frame, texts("help.title"), [lines], is_help=True)


@safe
def HelpLines(is_phone: bool) -> ft.Control:
    """Emergency, urgent, then everyone who listens: the same order everywhere."""
    window = use_quiet_window()
    texts, lines = window.texts, window.library.help_lines
    sources = dict.fromkeys((line.source, line.taken_over) for line in lines)
    dated = [soft(texts("help.source", source=source, date=texts.date(day))) for source, day in sources]
    return column(
        soft(texts("help.about"), ft.TextThemeStyle.BODY_MEDIUM),
        *(_card(texts, line, is_phone) for line in lines),
        *dated,
        spacing=theme.GAP,
    )


def _card(texts: Texts, line: HelpLine, is_phone: bool) -> ft.Control:
    actions = [Action(label=reach.label, on_press=_launch(texts, reach), icon=_icon(reach)) for reach in line.reach]
    facts = [] if is_phone else [by_hand(texts, reach) for reach in line.reach]
    if line.nation != WHOLE_COUNTRY:
        facts.append(texts("help.for", nation=line.nation))
    if line.kind != "line":
        extra = "\n".join(part for part in (line.extra, *facts) if part)
        return help_card(line.title, line.body, actions[0], kind=line.kind, extra=extra or None)
    facts.append(texts("help.open", hours=line.hours))
    return line_card(line.title, "\n".join((line.body, *facts)), *actions)


def _icon(reach: Reach) -> ft.IconData:
    if reach.kind == "email":
        return ft.Icons.MAIL_OUTLINE_ROUNDED
    return ft.Icons.SMS_OUTLINED if reach.kind == "text" else ft.Icons.CALL_ROUNDED


def _launch(texts: Texts, reach: Reach) -> Callable[[], Any]:
    async def launch() -> None:
        try:
            async with asyncio.timeout(LAUNCH_TIMEOUT_S):
                await ft.UrlLauncher().launch_url(address(reach))
        except (TimeoutError, RuntimeError, ft.FletUnsupportedPlatformException):
            say(texts("help.failed", to=reach.to))

    return launch
