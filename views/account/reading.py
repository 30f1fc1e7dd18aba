"""The card of the privacy centre that reads everything from the disk again, and says if it is as it was written."""

from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

import flet as ft

from companion.errors import StoreError
from companion.ports import Checked
from views import theme
from views.mirror.context import use_frame, use_opened, use_part, use_quiet_window
from views.mirror.effects import use_task
from views.parts.buttons import button
from views.parts.safe import safe
from views.parts.surfaces import card, notice
from views.parts.text import heading, soft
from views.words.texts import Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """One reading: how far it is, and what came of it. `number` is 0 as long as nobody has asked for one."""

    number: int = 0
    items: int = 0
    blobs: int = 0
    is_done: bool = False
    has_failed: bool = False

    @property
    def is_running(self) -> bool:
        return bool(self.number) and not self.is_done

    def at(self, checked: Checked) -> "_Reading":
        return replace(self, items=checked.items, blobs=checked.blobs)


@safe
def ReadAllCard(key: str = "") -> ft.Control:
    """A press begins, another one ends it, and so does leaving the page."""
    frame, texts, security = use_frame(), use_quiet_window().texts, use_opened().security
    reading, set_reading = ft.use_state(_Reading())
    is_damaged = use_part(lambda state: bool(state.damages))

    async def read() -> None:
        if not reading.number:
            return
        has_failed = False
        try:
            async with aclosing(security.check_everything()) as steps:
                async for checked in steps:
                    set_reading(partial(_Reading.at, checked=checked))
        except StoreError:  # the disk, not what lies on it
            has_failed = True
        set_reading(lambda now: replace(now, is_done=True, has_failed=has_failed))

    use_task(read, [reading.number])

    def start() -> None:
        set_reading(lambda now: _Reading(number=now.number + 1))

    if reading.is_running:
        press = button(texts("account.read_all_stop"), lambda: set_reading(_Reading()), kind="outlined", size="slim")
    else:
        press = button(texts("account.read_all_start"), start, kind="outlined", size="slim")
    more = button(texts("errors.damage_more"), lambda: frame.go("/account/damage"), kind="outlined", size="slim")
    return card(
        heading(texts("account.read_all"), 2, ft.TextThemeStyle.TITLE_MEDIUM),
        soft(texts("account.read_all_about"), ft.TextThemeStyle.BODY_MEDIUM),
        *_said(texts, reading, more if is_damaged else None),
        press,
        spacing=theme.GAP,
    )


def _said(texts: Texts, reading: _Reading, more: ft.Control | None) -> list[ft.Control]:
    """Return how far it is, or the one sentence of what came of it. `more` leads to what is damaged, if anything is."""
    if not reading.number:
        return []
    amounts = {"items": f"{reading.items:,}", "blobs": f"{reading.blobs:,}"}
    if not reading.is_done:
        return [soft(texts("account.read_all_so_far", **amounts))]
    if reading.has_failed:
        return [notice(ft.Icons.ERROR_OUTLINE_ROUNDED, texts("account.read_all_failed"))]
    if more is not None:
        return [notice(ft.Icons.REPORT_OUTLINED, texts("account.read_all_damaged"), kind="alert", action=more)]
    return [notice(ft.Icons.TASK_ALT_ROUNDED, texts("account.read_all_sound", **amounts), kind="pine")]
