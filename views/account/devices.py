"""My devices: which are in use, a code for one more, taking one out, and using this one as another of mine."""

from collections.abc import Callable
from typing import Any, cast

import flet as ft

from companion.app.groups.linking import MyDevice
from companion.errors import CompanionError, InviteError, InviteGarbled
from companion.wire import InviteCode
from views import theme
from views.account.sharing import ShareOffer, ShareSwitch
from views.account.subpage import subpage
from views.gate.forms import Form, use_form
from views.gate.unlock import takes_focus
from views.mirror.context import use_frame, use_opened, use_part, use_quiet_window
from views.mirror.effects import Box, use_kept, use_task
from views.mirror.state import Window
from views.parts.buttons import button
from views.parts.qr import QrPicture
from views.parts.rows import section
from views.parts.safe import safe
from views.parts.surfaces import card, column, equal, notice, ruled
from views.parts.text import soft, text, words
from views.words.texts import Texts


@safe
def DevicesPane() -> ft.Control:
    """The devices of one person, and the two ends of linking."""
    frame, window, opened = use_frame(), use_quiet_window(), use_opened()
    texts, form = window.texts, use_form(window)
    me, is_decided = use_part(lambda state: (state.me, state.own.is_decided))
    code, set_code = ft.use_state(cast("InviteCode | None", None))
    asked, set_asked = ft.use_state("")
    is_new, set_new = ft.use_state(False)
    count = use_kept(lambda: Box(len(opened.devices.devices())))

    async def put_away() -> None:
        set_code(None)
        before, count.value = count.value, len(opened.devices.devices())
        if count.value > before and not opened.own.is_on:
            set_new(True)

    use_task(put_away, [me])  # a code works once: it goes when the new device has come

    async def offer() -> None:
        async def make() -> None:
            set_code(await opened.devices.offer())

        await form.send(make, "")

    def remove(id: str) -> Callable[[], Any]:
        async def act() -> None:
            if await form.send(lambda: opened.devices.revoke(id), ""):
                set_asked("")

        return act

    rows = [_row(window, one, one.id == asked, set_asked, remove(one.id)) for one in opened.devices.devices()]
    said = [notice(ft.Icons.INFO_OUTLINE_ROUNDED, form.filled.said)] if form.filled.said else []
    is_asked_share = not is_decided and len(opened.devices.devices()) > 1  # also after the window was turned
    asking = [ShareOffer(lambda: set_new(False), key="offer")] if is_new or is_asked_share else []
    body = [
        soft(texts("account.devices_about"), ft.TextThemeStyle.BODY_LARGE),
        card(*ruled(rows)),
        *said,
        ShareSwitch(key="share"),
        section(texts("account.devices_add"), *asking, _offer(window, form, code, offer)),
        Join(key="join"),
    ]
    return subpage(frame, window, texts("account.devices_title"), body)


@safe
def LinkPane() -> ft.Control:
    """Where first start leads somebody who uses Companion already: the code, and nothing else.

    Until it is linked, this person is called what the device was called at first start.
    """
    frame, window, opened = use_frame(), use_quiet_window(), use_opened()
    texts = window.texts
    code = use_kept(lambda: window.link_code)
    use_part(lambda state: state.me)
    is_linked = len(opened.devices.devices()) > 1
    over = [] if is_linked else [_start_over(texts, lambda: frame.go("/account/erase"))]
    asking = [
        words(texts("account.link_ask"), ft.TextThemeStyle.DISPLAY_MEDIUM),
        soft(texts("account.link_about"), ft.TextThemeStyle.BODY_LARGE),
    ]
    body = [
        *([] if code or is_linked else asking),
        Join(name=opened.me.name, code=code, is_first=True, key="join"),
        *over,
    ]
    return subpage(frame, window, texts("account.link_title"), body)


def _start_over(texts: Texts, erase: Callable[[], None]) -> ft.Control:
    away = button(texts("account.link_erase"), erase, kind="outlined")
    return section(texts("account.link_no_other"), card(soft(texts("account.link_no_other_about")), ft.Row([away])))


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
        parts.append(soft(texts("account.devices_lost"), ft.TextThemeStyle.BODY_MEDIUM))
        keep = button(texts("account.devices_keep"), lambda: ask(""), kind="outlined")
        parts.append(equal(keep, button(texts("account.devices_take_out"), remove)))
    elif not one.is_this:
        label = texts("account.devices_remove", name=name)
        parts.append(ft.Row([button(label, lambda: ask(one.id), kind="outlined")]))
    return ft.Container(column(*parts, spacing=theme.SMALL), key=one.id)


def _offer(window: Window, form: Form, code: InviteCode | None, offer: Callable[[], Any]) -> ft.Control:
    texts = window.texts
    make = button(texts("account.devices_code"), offer, kind="outlined", disabled=form.filled.is_busy)
    if code is None:
        return card(soft(texts("account.devices_add_about"), ft.TextThemeStyle.BODY_MEDIUM), ft.Row([make]))
    # Words that can be selected stand in the accessibility tree as an empty field, so they are said by name.
    shown = ft.Semantics(
        label=code.short,
        container=True,
        exclude_semantics=True,
        content=text(code.short, ft.TextThemeStyle.TITLE_LARGE, selectable=True),
    )
    # The picture holds the link: it also says which service, which the short code leaves out.
    picture = QrPicture(code.link, texts("account.devices_picture"), key=f"qr-{code.id}")
    about = soft(texts("account.devices_code_about"), ft.TextThemeStyle.BODY_MEDIUM)
    return card(shown, picture, about, ft.Row([make]))


@safe
def Join(name: str = "", code: str = "", is_first: bool = False) -> ft.Control:
    """Making this device one of a person who is there already: the code, waiting, and done.

    A `code` that was given before is used at once. Nothing on a device that has groups or other devices: it is
    somebody's own.
    """
    window, opened = use_quiet_window(), use_opened()
    texts, form = window.texts, use_form(window, name=name, code=code)
    me, groups = use_part(lambda state: (state.me, len(state.groups)))
    step, set_step = ft.use_state("code")

    async def look() -> None:
        waits = await opened.devices.is_linking()
        set_step(lambda now: "waiting" if waits else "linked" if now == "waiting" else now)

    use_task(look, [me])

    async def link() -> None:
        job = form.send(lambda: opened.devices.link(form["code"], form["name"]), "", lambda e: _failed(texts, e))
        if await job:
            form.clear()
            await look()

    async def begin() -> None:
        window.link_code = ""
        if code and not await opened.devices.is_linking():
            await link()

    use_task(begin, [])
    has_others = len(opened.devices.devices()) > 1
    if step == "linked" or (is_first and has_others):  # also after the window was turned
        said = texts("account.devices_linked", name=me.name if me else "")
        done = notice(ft.Icons.CHECK_CIRCLE_OUTLINE_ROUNDED, said, kind="pine")
        if not is_first:
            return done
        go = button(texts("account.link_go"), lambda: window.go("/journal"), icon=ft.Icons.ARROW_FORWARD_ROUNDED)
        return column(done, ShareSwitch(key="share"), ft.Row([go]), spacing=theme.PAD)
    if groups or has_others:
        return ft.Container(height=0)
    if step == "waiting":
        again = button(texts("account.devices_again"), lambda: set_step("again"), kind="outlined")
        waiting = notice(ft.Icons.SCHEDULE_ROUNDED, texts("account.devices_waiting"), kind="stone")
        return section(texts("account.devices_join"), card(waiting, ft.Row([again])))
    return section(texts("account.devices_join"), _code_card(window, form, link, is_first))


def _code_card(window: Window, form: Form, link: Callable[[], Any], is_first: bool) -> ft.Control:
    texts = window.texts
    said = [notice(ft.Icons.INFO_OUTLINE_ROUNDED, form.filled.said)] if form.filled.said else []
    about = soft(texts("account.devices_join_about"), ft.TextThemeStyle.BODY_MEDIUM)
    focus = is_first and takes_focus()
    return card(
        *([] if is_first else [about]),
        form.entry("code", texts("account.devices_code_field"), on_submit=link, autofocus=focus),
        form.entry("name", texts("account.devices_name_field"), max_length=30),
        *said,
        ft.Row([button(texts("account.devices_link"), link, disabled=form.filled.is_busy)]),
    )


def _failed(texts: Texts, error: CompanionError) -> str:
    """Return why there is no link, in the words of devices: the errors' own speak of invites."""
    if isinstance(error, InviteGarbled):
        return texts("account.link_garbled")
    return texts("account.link_over") if isinstance(error, InviteError) else texts.error(error)
