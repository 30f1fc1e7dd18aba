"""Unlocking with the passphrase or the recovery words. Wrong tries are counted, said, and slowed down."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import flet as ft

from companion.app.parting import Left
from companion.errors import StoreError, Tampered, WrongKey, WrongWords
from companion.unlocking import FREE_TRIES
from views import theme
from views.mirror.context import use_part, use_quiet_window
from views.mirror.effects import use_kept, use_task
from views.mirror.state import Window
from views.mirror.typed import live
from views.pages import narrow
from views.parts.buttons import button, icon_button
from views.parts.fields import field
from views.parts.frame import phone_page
from views.parts.safe import remembered
from views.parts.surfaces import column, gap, notice
from views.parts.text import heading, soft
from views.words.texts import Texts

CENTER = ft.TextAlign.CENTER
DOOR_WIDTH = 440


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What the screen shows. `wrong` counts tries in a row; `wait_s` is how long until the next one is taken.

    `said` is a sentence, or "wrong" after a key that does not fit.
    """

    secret: str = ""
    is_shown: bool = False
    by_words: bool = False
    is_busy: bool = False
    wrong: int = 0
    wait_s: int = 0
    said: str = ""
    has_device: bool = False

    @property
    def takes_no_try(self) -> bool:
        return self.is_busy or self.wait_s > 0 or not self.secret.strip()


class Keeper:
    """Acts for the screen. Its `door` is ahead of what is rendered: Enter may come before the last key was shown."""

    def __init__(self, window: Window, show: Callable[[Door], None]) -> None:
        self._window = window
        self._show = show
        self.door = Door()
        self.box: ft.Ref[ft.TextField] = ft.Ref()

    def change(self, **values: Any) -> None:
        self.door = replace(self.door, **values)
        self._show(self.door)

    def clear(self, **values: Any) -> None:
        self.box = ft.Ref()
        self.change(secret="", **values)

    async def count(self) -> None:
        wrong, wait_ms = await self._window.companion.wrong_tries()
        self.change(wrong=wrong, wait_s=-(-wait_ms // 1000))

    async def count_down(self) -> None:
        if self.door.wait_s > 0:
            await asyncio.sleep(1)
            self.change(wait_s=max(0, self.door.wait_s - 1))

    async def look_at_device(self) -> None:
        self.change(has_device=await self._window.companion.can_unlock_with_device())

    async def open_with_device(self) -> None:
        """Let the device open the store; passphrase and words stay where they are."""
        if self.door.is_busy:
            return
        texts = self._window.texts
        self.change(is_busy=True, said="")
        try:
            await _or_broken(self._window, self._window.companion.unlock_with_device(texts("unlock.device_reason")))
        except WrongKey:
            self.change(said=texts("unlock.device_refused"))
        finally:
            self.change(is_busy=False)

    async def open_store(self) -> None:
        if self.door.takes_no_try:
            return
        self.change(is_busy=True)
        secret, companion = self.door.secret, self._window.companion
        key = {"words": secret} if self.door.by_words else {"passphrase": secret}
        try:
            await _or_broken(self._window, companion.unlock(**key))
        except WrongWords as error:
            self.change(said=self._window.texts.error(error))
        except WrongKey:
            await self.count()
            self.change(said="wrong")
            if not self.door.by_words:  # 24 words are looked through, not typed again
                self.clear()
        finally:
            self.change(is_busy=False)


@remembered
def Unlock(is_phone: bool, show_over: Callable[[str], None]) -> ft.Control:
    """The lock screen. `show_over` puts "help" or "erase" over it."""
    window = use_quiet_window()
    texts = window.texts
    door, show = ft.use_state(Door())
    keeper = use_kept(lambda: Keeper(window, show))
    use_task(keeper.count, [])
    use_task(keeper.count_down, [door.wait_s])
    use_task(keeper.look_at_device, [])
    opening = texts("unlock.opening" if door.is_busy else "unlock.open")
    go = button(opening, keeper.open_store, size="tall", disabled=door.takes_no_try)
    other = button(
        texts("unlock.use_passphrase" if door.by_words else "unlock.use_words"),
        lambda: keeper.clear(by_words=not door.by_words, said=""),
        kind="quiet",
    )
    belt = ft.Icons.SUPPORT_ROUNDED
    help_now = button(texts("unlock.get_help_now"), lambda: show_over("help"), icon=belt, kind="outlined", size="tall")
    erase = button(texts("unlock.erase_title"), lambda: show_over("erase"), kind="quiet")
    ways: list[ft.Control] = [other, erase]
    if door.has_device:
        icon = ft.Icons.PHONELINK_LOCK_ROUNDED
        ways.insert(0, button(texts("unlock.use_device"), keeper.open_with_device, icon=icon, kind="outlined"))
    left = left_words(texts, use_part(lambda state: state.left))
    waiting = [notice(ft.Icons.SCHEDULE_SEND_ROUNDED, left, kind="stone", live=False)] if left else []
    upper = [_head(window, door.by_words), *waiting, _entry(texts, door, keeper), *_notices(texts, door), go]
    return _door(is_phone, upper, [*ways, help_now])


def left_words(texts: Texts, left: Left) -> str:
    """Return what may be said before anybody has unlocked: how much waits, and nothing about whom."""
    if not left.messages:
        return texts("unlock.left_other") if left.others else ""
    return texts("unlock.left_one") if left.messages == 1 else texts("unlock.left_many", count=left.messages)


def _entry(texts: Texts, door: Door, keeper: Keeper) -> ft.TextField:
    label = texts("unlock.words" if door.by_words else "unlock.passphrase")
    return field(
        label,
        lambda value: keeper.change(secret=value),
        value=live(keeper.box, door.secret),
        on_submit=keeper.open_store,
        secret=not door.by_words and not door.is_shown,
        tail=None if door.by_words else eye(texts, door.is_shown, lambda is_shown: keeper.change(is_shown=is_shown)),
        lines=(3, 6) if door.by_words else (1, 1),
        autofocus=takes_focus(),
        read_only=door.is_busy,
        ref=keeper.box,
        key=label,
    )


def _door(is_phone: bool, upper: list[ft.Control], lower: list[ft.Control]) -> ft.Control:
    """Return the screen: on a phone the lower part is in reach of the thumb."""
    if is_phone:
        foot = ft.Container(column(*lower), padding=theme.PAD)
        return phone_page(None, [gap(theme.BREATH), column(*upper, spacing=theme.PAD)], foot=foot)
    return phone_page(None, [gap(48), narrow(column(*upper, *lower, spacing=theme.PAD), DOOR_WIDTH)])


def takes_focus() -> bool:
    """Return whether the first field may have the focus at once.

    In a browser it may not: a screen reader is switched on after that, and its keys would go past the field.
    """
    return not ft.context.page.web


def eye(texts: Texts, is_shown: bool, show: Callable[[bool], None]) -> ft.IconButton:
    """Return the button at the end of a secret field that shows or hides what was typed."""
    icon = ft.Icons.VISIBILITY_OFF_OUTLINED if is_shown else ft.Icons.VISIBILITY_OUTLINED
    return icon_button(icon, texts("unlock.hide" if is_shown else "unlock.show"), lambda: show(not is_shown))


async def _or_broken(window: Window, unlocking: Awaitable[None]) -> None:
    """Raises WrongKey and WrongWords; any other fault of the store becomes a screen of its own."""
    try:
        await unlocking
    except WrongKey:
        raise
    except StoreError as error:
        window.state.fault = type(error).__name__
        window.state.fault_kind = error.kind if isinstance(error, Tampered) else ""
        window.state.phase = "broken"


def _head(window: Window, by_words: bool) -> ft.Control:
    texts = window.texts
    return column(
        ft.Image("icon.svg", width=64, height=64, exclude_from_semantics=True),
        heading(texts.greeting(texts.minute_now()), 1, ft.TextThemeStyle.DISPLAY_LARGE, align=CENTER),
        soft(texts("unlock.enter_words" if by_words else "unlock.enter"), ft.TextThemeStyle.BODY_LARGE, align=CENTER),
        spacing=theme.PAD,
        align=ft.CrossAxisAlignment.CENTER,
    )


def _notices(texts: Texts, door: Door) -> list[ft.Control]:
    """Return what went wrong, how often, and how long to wait."""
    parts: list[ft.Control] = []
    said = door.said
    if said == "wrong":
        kind = "wrong_words" if door.by_words else "wrong"
        said = texts(f"unlock.{kind}_once") if door.wrong < 2 else texts(f"unlock.{kind}_often", count=door.wrong)
    if said:
        parts.append(notice(ft.Icons.LOCK_OUTLINE_ROUNDED, said))
    if door.wait_s > 0:
        time = texts("unlock.second_one") if door.wait_s == 1 else texts("unlock.second_many", count=door.wait_s)
        parts.append(notice(ft.Icons.SCHEDULE_ROUNDED, texts("unlock.wait", time=time), kind="stone", live=False))
    if door.wrong >= FREE_TRIES and not door.by_words:
        parts.append(soft(texts("unlock.forgotten"), ft.TextThemeStyle.BODY_MEDIUM))
    return parts
