"""My devices: which are in use, a code for one more, taking one out, and using this one as another of mine."""

from collections.abc import Callable
from typing import Any

import flet as ft

from companion.app.linking import MyDevice
from views import theme
from views.account.subpage import subpage
from views.context import use_frame, use_opened, use_part, use_quiet_window
from views.effects import use_task
from views.forms import Form, use_form
from views.parts.buttons import button
from views.parts.rows import section
from views.parts.safe import safe
from views.parts.surfaces import card, column, equal, notice, ruled
from views.parts.text import soft, text
from views.state import Window


@safe
def DevicesPane() -> ft.Control:
    """The devices of one person, and the two ends of linking."""
    frame, window, opened = use_frame(), use_quiet_window(), use_opened()
    texts, form = window.texts, use_form(window)
    me = use_part(lambda state: (state.me,))[0]
    code, set_code = ft.use_state("")
    asked, set_asked = ft.use_state("")
    waits, set_waits = ft.use_state(False)

    async def look() -> None:
        set_waits(await opened.devices.is_linking())

    use_task(look, [me])

    async def offer() -> None:
        async def make() -> None:
            set_code((await opened.devices.offer()).short)

        await form.send(make, "")

    async def link() -> None:
        if await form.send(lambda: opened.devices.link(form["code"], form["name"]), ""):
            form.clear()
            await look()

    def remove(id: str) -> Callable[[], Any]:
        async def act() -> None:
            if await form.send(lambda: opened.devices.revoke(id), ""):
                set_asked("")

        return act

    rows = [_row(window, one, one.id == asked, set_asked, remove(one.id)) for one in opened.devices.devices()]
    said = [notice(ft.Icons.INFO_OUTLINE_ROUNDED, form.filled.said)] if form.filled.said else []
    body = [
        soft(texts("account.devices_about"), ft.TextThemeStyle.BODY_LARGE),
        card(*ruled(rows)),
        *said,
        section(texts("account.devices_add"), _offer(window, form, code, offer)),
        section(texts("account.devices_join"), _join(window, form, waits, link)),
    ]
    return subpage(frame, window, texts("account.devices_title"), body)


def _row(
    window: Window, one: MyDevice, is_asked: bool, ask: Callable[[str], Any], remove: Callable[[], Any]
) -> ft.Control:
    texts = window.texts
    name = one.name or texts("account.devices_unnamed", id=one.id[:8])
    line = (
        texts("account.devices_this") if one.is_this else texts("account.devices_since", day=texts.day_of(one.since_ms))
    )
    parts: list[ft.Control] = [column(text(name, ft.TextThemeStyle.TITLE_SMALL), soft(line), spacing=theme.HAIR)]
    if is_asked:
        parts.append(soft(texts("account.devices_sure", name=name), ft.TextThemeStyle.BODY_MEDIUM))
        keep = button(texts("account.devices_keep"), lambda: ask(""), kind="outlined")
        parts.append(equal(keep, button(texts("account.devices_take_out"), remove)))
    elif not one.is_this:
        label = texts("account.devices_remove", name=name)
        parts.append(ft.Row([button(label, lambda: ask(one.id), kind="outlined")]))
    return ft.Container(column(*parts, spacing=theme.SMALL), key=one.id)


def _offer(window: Window, form: Form, code: str, offer: Callable[[], Any]) -> ft.Control:
    texts = window.texts
    make = button(texts("account.devices_code"), offer, kind="outlined", disabled=form.filled.is_busy)
    if not code:
        return card(soft(texts("account.devices_add_about"), ft.TextThemeStyle.BODY_MEDIUM), ft.Row([make]))
    # Words that can be selected stand in the accessibility tree as an empty field, so they are said by name.
    shown = ft.Semantics(
        label=code,
        container=True,
        exclude_semantics=True,
        content=text(code, ft.TextThemeStyle.TITLE_LARGE, selectable=True),
    )
    return card(shown, soft(texts("account.devices_code_about"), ft.TextThemeStyle.BODY_MEDIUM), ft.Row([make]))


def _join(window: Window, form: Form, waits: bool, link: Callable[[], Any]) -> ft.Control:
    texts = window.texts
    if waits:
        return card(notice(ft.Icons.SCHEDULE_ROUNDED, texts("account.devices_waiting"), kind="stone"))
    return card(
        soft(texts("account.devices_join_about"), ft.TextThemeStyle.BODY_MEDIUM),
        form.entry("code", texts("account.devices_code_field")),
        form.entry("name", texts("account.devices_name_field"), max_length=30),
        ft.Row([button(texts("account.devices_link"), link, disabled=form.filled.is_busy)]),
    )
