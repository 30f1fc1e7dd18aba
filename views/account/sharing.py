"""My journal on all my devices: one switch, how far it has come, and the question after a device was linked."""

from collections.abc import Callable
from functools import partial

import flet as ft

from companion.app.own.own_space import Progress
from views import theme
from views.mirror.context import use_opened, use_part, use_quiet_window
from views.parts.buttons import button
from views.parts.choices import consent_row
from views.parts.safe import Handler, guarded, safe
from views.parts.surfaces import card, equal
from views.parts.text import soft, text
from views.words.texts import Texts


@safe
def ShareSwitch(key: str = "") -> ft.Control:
    """The switch, and what is true of it now."""
    texts, opened = use_quiet_window().texts, use_opened()
    progress, _ = use_part(lambda state: (state.own, state.me))
    has_others = len(opened.devices.devices()) > 1
    line = ft.Container(
        soft(state_line(texts, progress, has_others), _BODY), padding=ft.Padding.symmetric(horizontal=theme.GAP)
    )
    state = ft.Semantics(live_region=True, container=True, content=line)

    async def turn(is_on: bool) -> None:
        await (opened.own.turn_on() if is_on else opened.own.turn_off())

    row = consent_row(
        texts("account.share"),
        texts("account.share_about"),
        lambda is_on: guarded(lambda: turn(is_on), texts.error)(None),
        on=progress.is_on,
        key="share",
    )
    return card(row, state, pad=theme.GAP)


@safe
def ShareOffer(done: Callable[[], None], key: str = "") -> ft.Control:
    """A device was linked, and the journal is not shared: two answers of the same weight."""
    texts, opened = use_quiet_window().texts, use_opened()

    async def answer(is_on: bool) -> None:
        await (opened.own.turn_on() if is_on else opened.own.turn_off())
        done()

    share, leave = (guarded(partial(answer, is_on), texts.error) for is_on in (True, False))
    return ft.Semantics(live_region=True, container=True, content=_offer(texts, share, leave))


def _offer(texts: Texts, share: Handler, leave: Handler) -> ft.Control:
    return card(
        text(texts("account.share_ask"), ft.TextThemeStyle.TITLE_SMALL),
        soft(texts("account.share_about"), _BODY),
        equal(
            button(texts("account.share_not_now"), leave, kind="outlined"),
            button(texts("account.share_yes"), share, kind="outlined"),
        ),
    )


def state_line(texts: Texts, progress: Progress, has_others: bool) -> str:
    """Return in words how far it has come."""
    waiting = progress.waiting
    if not progress.is_on:
        return texts("account.share_off")
    if progress.is_forked:
        return texts("account.share_forked")
    if progress.is_offline:
        return texts("account.share_offline_many", count=waiting) if waiting > 1 else texts("account.share_offline")
    if progress.past:
        return texts("account.share_past", count=f"{progress.past:,}")
    if waiting:
        one = texts("account.share_waiting_one")
        return one if waiting == 1 else texts("account.share_waiting_many", count=f"{waiting:,}")
    return texts("account.share_done" if has_others else "account.share_alone")


_BODY = ft.TextThemeStyle.BODY_MEDIUM
