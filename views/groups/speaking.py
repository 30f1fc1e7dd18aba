"""Recording a voice note for a message: it begins at once, can pause, and hangs on the message when it is stopped."""

import asyncio
from collections.abc import Callable

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


@safe
def VoiceStrip(
    group: Group, take: Callable[[Attachment], None], leave: Callable[[], None], key: str = ""
) -> ft.Control:
    window, attaching = use_quiet_window(), use_opened().attaching
    texts = window.texts
    level, set_level = ft.use_state(0.0)
    length_ms, set_length = ft.use_state(0)
    is_paused, set_paused = ft.use_state(False)
    problem, set_problem = ft.use_state("")

    async def listen() -> None:
        """Look four times a second while the microphone is open; the auto-lock must not end a note."""
        if not attaching.is_recording:
            try:
                await attaching.record(window.make_recorder(), group.id, _nowhere)
            except CompanionError as error:
                set_problem(texts.error(error))
                return
        while attaching.is_recording and not is_paused:
            await asyncio.sleep(TICK_S)
            window.companion.touch()
            set_level(attaching.level)
            set_length(attaching.length_ms)

    use_task(listen, [is_paused])

    async def turn() -> None:
        await (attaching.resume() if is_paused else attaching.pause())
        set_paused(not is_paused)

    async def stop() -> None:
        try:
            note = await attaching.finish()
        except CompanionError as error:
            set_problem(texts.error(error))
            return
        if note is not None:
            take(note)
        leave()

    if problem:
        away = button(texts("groups.close"), leave, kind="outlined", size="slim")
        return notice(ft.Icons.MIC_OFF_ROUNDED, problem, kind="alert", action=away)
    label = texts("groups.voice_paused") if is_paused else texts(level_word(level))
    pause = button(
        texts("stories.resume" if is_paused else "stories.pause"),
        guarded(turn, texts.error),
        icon=ft.Icons.MIC_ROUNDED if is_paused else ft.Icons.PAUSE_ROUNDED,
        kind="outlined",
    )
    end = button(texts("groups.voice_stop"), guarded(stop, texts.error), icon=ft.Icons.STOP_ROUNDED, kind="ember")
    told = texts("groups.voice_length", length=texts.length(length_ms))
    return card(
        spread(level_meter(0.0 if is_paused else height_of(level), label, label), timer(clock(length_ms), told)),
        equal(pause, end),
        spacing=theme.GAP,
    )
