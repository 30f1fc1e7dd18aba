"""Step three: one question at a time, and at every moment what is safe on the disk."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import flet as ft

from companion.errors import CompanionError
from companion.stories import Story
from views import theme
from views.hearing import clock, height_of, level_word
from views.mirror.context import use_frame, use_opened, use_quiet_window
from views.mirror.effects import use_leave, use_task
from views.mirror.state import Window
from views.pages import content_page
from views.parts.buttons import chip
from views.parts.frame import foot
from views.parts.rows import state_mark
from views.parts.safe import Handler, guarded, safe
from views.parts.surfaces import centred, column, gap, notice
from views.parts.text import heading, soft, timer
from views.parts.voice import big_button, level_meter, waveform
from views.words.texts import Texts

TICK_S = 0.25
BARS = 56
BAR = 6
WORD_TICKS = 12
"""The word for the level looks back three seconds, so that it does not change with every breath."""
LATE_MS = 6_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Microphone:
    """What it is doing ("ready", "recording", "paused"), what is wrong with it, and what can be done."""

    state: str
    problem: str
    press: Handler
    finish: Handler


def use_microphone(story: Story, leave: Callable[[], None]) -> Microphone:
    """A hook: the recording of this story; leaving the page pauses it."""
    window = use_quiet_window()
    texts, stories = window.texts, use_opened().stories
    problem, set_problem = ft.use_state("")
    _, renew = ft.use_state(0)
    is_running = stories.recording_id == story.id
    is_paused = is_running and stories.is_paused

    async def press() -> None:
        try:
            if not is_running:
                await stories.record(story.id, window.make_recorder())
            elif is_paused:
                await stories.resume()
            else:
                await stories.pause()
        except CompanionError as error:
            set_problem(texts.error(error))
        else:
            set_problem("")
        renew(lambda count: count + 1)

    async def finish() -> None:
        try:
            await stories.finish()
        finally:
            leave()

    async def pause_when_left() -> None:
        if stories.recording_id == story.id:
            await stories.pause()

    use_leave(pause_when_left)
    state = "paused" if is_paused else "recording" if is_running else "ready"
    return Microphone(state=state, problem=problem, press=press, finish=guarded(finish, texts.error))


@safe
def TalkPage(story: Story, leave: Callable[[], None]) -> ft.Control:
    window, frame, microphone = use_quiet_window(), use_frame(), use_microphone(story, leave)
    texts, state = window.texts, microphone.state
    number, set_number = ft.use_state(0)
    body = [
        centred(_state_chip(texts, state), chip(texts("stories.kept_here"), ft.Icons.LOCK_ROUNDED)),
        gap(theme.BREATH),
        *_question(window, number),
        gap(theme.BREATH),
        *([notice(ft.Icons.MIC_OFF_ROUNDED, microphone.problem)] if microphone.problem else []),
        LiveSound(story, state),
    ]
    if state == "ready":
        ending = big_button(ft.Icons.SCHEDULE_ROUNDED, texts("stories.later"), lambda: frame.go("/stories"))
    else:
        ending = big_button(ft.Icons.STOP_ROUNDED, texts("stories.finish"), microphone.finish)
    controls = ft.Row(
        [ending, _main_button(texts, state, microphone.press), _next_button(texts, lambda: set_number(number + 1))],
        alignment=ft.MainAxisAlignment.SPACE_EVENLY,
        vertical_alignment=ft.CrossAxisAlignment.END,
    )
    step = texts("stories.step_of", number=3, step=texts("stories.step_talk"))
    return content_page(frame, texts("stories.record_mine"), body, subtitle=step, foot=foot(controls))


def _main_button(texts: Texts, state: str, job: Handler) -> ft.Control:
    label = {"ready": "stories.start", "recording": "stories.pause", "paused": "stories.resume"}[state]
    icon = ft.Icons.PAUSE_ROUNDED if state == "recording" else ft.Icons.MIC_ROUNDED
    ink, fill = ft.Colors.ON_SECONDARY, ft.Colors.SECONDARY
    return big_button(icon, texts(label), job, size=theme.PAUSE_TARGET, color=ink, fill=fill)


def _next_button(texts: Texts, go_on: Callable[[], None]) -> ft.Control:
    return big_button(ft.Icons.SKIP_NEXT_ROUNDED, texts("stories.next_question"), go_on)


def _state_chip(texts: Texts, state: str) -> ft.Control:
    """Return whether the microphone is open: in words, with a shape, announced when it changes."""
    label = texts(f"stories.mic_{state}")
    icon = {"recording": ft.Icons.CIRCLE, "paused": ft.Icons.PAUSE_ROUNDED, "ready": ft.Icons.MIC_OFF_ROUNDED}[state]
    fill, ink = ft.Colors.SURFACE_CONTAINER, ft.Colors.ON_SURFACE
    if state == "recording":
        fill, ink = ft.Colors.SECONDARY_CONTAINER, ft.Colors.ON_SECONDARY_CONTAINER
    face = chip(label, icon, fill=fill, ink=ink)
    return ft.Semantics(label=label, live_region=True, container=True, exclude_semantics=True, content=face)


def _question(window: Window, number: int) -> list[ft.Control]:
    """Return one question, its place among all, and leave to be silent."""
    prompts, texts = window.prompts, window.texts
    if not prompts:
        return []
    one = prompts[number % len(prompts)]
    place = texts("stories.question_of", stage=one.stage, number=one.number, count=len(prompts))
    middle = ft.TextAlign.CENTER
    return [
        soft(place, ft.TextThemeStyle.LABEL_MEDIUM, align=middle),
        heading(one.text, 2, ft.TextThemeStyle.DISPLAY_LARGE, align=middle),
        soft(texts("stories.take_time"), ft.TextThemeStyle.BODY_MEDIUM, align=middle),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the microphone gave until now: loudness of each tick, and times in ms."""

    levels: tuple[float, ...] = ()
    told_ms: int = 0
    saved_ms: int = 0


@safe
def LiveSound(story: Story, state: str) -> ft.Control:
    """The time, the wave, the level in words, and how much is safe."""
    window, frame = use_quiet_window(), use_frame()
    texts, stories = window.texts, use_opened().stories
    begun_ms = stories.saved_ms if stories.recording_id == story.id else story.length_ms
    heard, hear = ft.use_state(Heard(told_ms=begun_ms, saved_ms=begun_ms))

    async def listen() -> None:
        """Look four times a second while the microphone is open; the auto-lock must not end a story."""
        last_s = time.monotonic()
        while state == "recording" and stories.recording_id == story.id:
            await asyncio.sleep(TICK_S)
            now_s = time.monotonic()
            passed_ms, last_s = int((now_s - last_s) * 1000), now_s
            window.companion.touch()
            hear(partial(_next, level=stories.level, passed_ms=passed_ms, saved_ms=stories.saved_ms))

    use_task(listen, [state])
    recent = max(heard.levels[-WORD_TICKS:], default=0.0)
    now = heard.levels[-1] if heard.levels and state == "recording" else 0.0
    label = texts(level_word(recent)) if state == "recording" else texts("stories.level_off")
    told_ms = max(heard.told_ms, heard.saved_ms)
    spoken = texts("stories.told", length=texts.length(told_ms))
    count = min(BARS, wave_bars(frame.layout, ft.context.page.width or 0))
    wave = waveform([height_of(one) for one in heard.levels[-count:]], spoken, width=count * BAR, height=72)
    is_late = state == "recording" and told_ms - heard.saved_ms > LATE_MS
    return column(
        centred(timer(clock(told_ms), spoken)),
        centred(wave),
        centred(level_meter(height_of(now), label, label)),
        *([centred(state_mark("saved", texts("stories.saved_to", time=clock(heard.saved_ms))))] if told_ms else []),
        *([notice(ft.Icons.ERROR_OUTLINE_ROUNDED, texts("stories.not_saving"), kind="alert")] if is_late else []),
        spacing=theme.GAP,
    )


def wave_bars(layout: theme.Layout, width: float) -> int:
    """Return how many bars have room beside the panes of a window `width` logical pixels wide."""
    beside = 0 if layout is theme.Layout.PHONE else theme.RAIL_WIDTH + theme.LIST_WIDTH
    return max(12, int(width - beside - 2 * theme.ROOMY) // BAR)


def _next(heard: Heard, *, level: float, passed_ms: int, saved_ms: int) -> Heard:
    levels = (*heard.levels, level)[-BARS:]
    return Heard(levels=levels, told_ms=heard.told_ms + passed_ms, saved_ms=max(heard.saved_ms, saved_ms))
