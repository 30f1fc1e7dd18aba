"""Recording a voice note for a message: it begins at once, can pause, and hangs on the message when it is stopped."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import flet as ft

from companion.attachments import Attachment
from companion.errors import CompanionError
from companion.groups import Group
from companion.ports import Change
from views import theme
from views.hearing import clock, height_of, level_word
from views.mirror.context import use_opened, use_quiet_window
from views.mirror.effects import use_task
from views.parts.buttons import button
from views.parts.safe import guarded, safe
from views.parts.surfaces import card, equal, notice, spread
from views.parts.text import timer
from views.parts.voice import level_meter

TICK_S = 0.25


async def _nowhere(attachment: Attachment) -> Change:
    """It gets its place when the message is sent."""
    return Change()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """What the strip shows of the note that is being recorded."""

    level: float = 0.0
    length_ms: int = 0
    is_paused: bool = False
    problem: str = ""


def use_note(
    group: Group, take: Callable[[Attachment], None], leave: Callable[[], None]
) -> tuple[_Heard, Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]]:
    """A hook: record while the strip stands there. Returns what is heard, what pauses and goes on, and what stops."""
    window, attaching = use_quiet_window(), use_opened().attaching
    heard, set_heard = ft.use_state(_Heard())

    def note(**parts: Any) -> None:
        set_heard(lambda now: replace(now, **parts))

    async def listen() -> None:
        """Look four times a second while the microphone is open; the auto-lock must not end a note."""
        if not attaching.is_recording:
            try:
                await attaching.record(window.make_recorder(), group.id, _nowhere)
            except CompanionError as error:
                note(problem=window.texts.error(error))
                return
        while attaching.is_recording and not heard.is_paused:
            await asyncio.sleep(TICK_S)
            window.companion.touch()
            note(level=attaching.level, length_ms=attaching.length_ms)

    use_task(listen, [heard.is_paused])

    async def turn() -> None:
        await (attaching.resume() if heard.is_paused else attaching.pause())
        note(is_paused=not heard.is_paused)

    async def stop() -> None:
        try:
            made = await attaching.finish()
        except CompanionError as error:
            note(problem=window.texts.error(error))
            return
        if made is not None:
            take(made)
        leave()

    return heard, turn, stop


@safe
def VoiceStrip(
    group: Group, take: Callable[[Attachment], None], leave: Callable[[], None], key: str = ""
) -> ft.Control:
    texts = use_quiet_window().texts
    heard, turn, stop = use_note(group, take, leave)
    if heard.problem:
        away = button(texts("groups.close"), leave, kind="outlined", size="slim")
        return notice(ft.Icons.MIC_OFF_ROUNDED, heard.problem, kind="alert", action=away)
    is_paused = heard.is_paused
    label = texts("groups.voice_paused") if is_paused else texts(level_word(heard.level))
    meter = level_meter(0.0 if is_paused else height_of(heard.level), label, label)
    told = texts("groups.voice_length", length=texts.length(heard.length_ms))
    pause = button(
        texts("stories.resume" if is_paused else "stories.pause"),
        guarded(turn, texts.error),
        icon=ft.Icons.MIC_ROUNDED if is_paused else ft.Icons.PAUSE_ROUNDED,
        kind="outlined",
    )
    end = button(texts("groups.voice_stop"), guarded(stop, texts.error), icon=ft.Icons.STOP_ROUNDED, kind="ember")
    return card(spread(meter, timer(clock(heard.length_ms), told)), equal(pause, end), spacing=theme.GAP)
