"""Pictures and voice notes on a page: two taps to add one, one to hear it, two to remove it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import flet as ft

from companion.attachments import Attachment, Picture
from views import theme
from views.attachments import Attachments
from views.hearing import clock, height_of, level_word
from views.journal.away import Away
from views.journal.editing import Editing
from views.mirror.context import use_opened, use_part, use_quiet_window
from views.mirror.effects import use_leave, use_task, use_told
from views.parts.buttons import Action, button
from views.parts.safe import guarded, safe
from views.parts.surfaces import card, equal, spread
from views.parts.text import text, timer
from views.parts.voice import level_meter
from views.picking import use_taking
from views.words.texts import Texts

TICK_S = 0.25
WORD_TICKS = 12
"""The word for the level looks back three seconds, so that it does not change with every breath."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hanging:
    """What can be hung on a page now. `record` is None while something is being recorded already."""

    picture: Action
    record: Action


def use_hanging(editing: Editing) -> Hanging:
    """A hook: the two actions that add something."""
    window, opened = use_quiet_window(), use_opened()
    texts, journal = window.texts, opened.journal
    is_recording = use_told(editing, lambda: opened.attaching.is_recording or opened.stories.is_recording)

    async def take(picture: Picture) -> None:
        await journal.attach(editing.id, picture)
        editing.look()

    taking = use_taking(texts("journal.add_picture"), take)

    async def start() -> None:
        await journal.record(editing.id, window.make_recorder())
        editing.look()

    picture = Action(
        label=taking.label,
        on_press=guarded(taking.start, texts.error),
        icon=ft.Icons.IMAGE_OUTLINED,
        disabled=taking.is_busy,
    )
    record = Action(
        label=texts("journal.add_voice"),
        on_press=guarded(start, texts.error),
        icon=ft.Icons.MIC_NONE_ROUNDED,
        disabled=is_recording,
    )
    return Hanging(picture=picture, record=record)


@safe
def Hung(editing: Editing, key: str = "") -> ft.Control:
    """What hangs on the page, and the recording that is under way."""
    opened, texts = use_opened(), use_quiet_window().texts
    asked, ask_for = ft.use_state("")
    is_shared = use_part(lambda state: state.own.is_on)
    journal, attaching = opened.journal, opened.attaching

    def hung() -> tuple[tuple[Attachment, ...], tuple[dict[str, object], ...], bool]:
        these = tuple(one for one in editing.entry.attachments if one.id != attaching.recording_id)
        return these, editing.entry.away, attaching.is_recording and attaching.owner == editing.id

    these, away, is_recording = use_told(editing, hung)

    def remove(id: str) -> Action:
        return Action(label=texts("journal.remove_attachment"), on_press=lambda: ask_for(id))

    async def removed() -> None:
        ask_for("")
        await journal.detach(editing.id, asked)
        editing.look()

    parts: list[ft.Control] = []
    if is_recording:
        parts.append(Recording(editing.look, key="recording"))
    if asked in (*(one.id for one in these), *(one["id"] for one in away)):
        parts.append(
            _really(
                Action(label=texts("journal.remove"), on_press=guarded(removed, texts.error)),
                Action(label=texts("journal.keep"), on_press=lambda: ask_for("")),
                texts("journal.remove_question_all" if is_shared else "journal.remove_question"),
            )
        )
    if these:
        parts.append(Attachments(these, attaching.read, remove, key="attachments"))
    parts += [Away(editing.id, one, remove(str(one["id"])), key=str(one["id"])) for one in away]
    return ft.Column(parts, spacing=theme.SMALL, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


def _really(do: Action, leave: Action, question: str) -> ft.Control:
    """Return a question with two answers of the same weight."""
    answers = equal(
        button(leave.label, leave.on_press, kind="outlined"), button(do.label, do.on_press, kind="outlined")
    )
    return ft.Semantics(live_region=True, container=True, content=card(text(question), answers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the microphone gave lately: loudness of each tick, 0.0 to 1.0, and how much was sealed."""

    levels: tuple[float, ...] = (0.0,)
    length_ms: int = 0


def use_heard(is_paused: bool) -> Heard:
    """A hook: look four times a second while the microphone is open; the auto-lock must not end a note."""
    window, attaching = use_quiet_window(), use_opened().attaching
    heard, hear = ft.use_state(Heard())

    async def listen() -> None:
        while attaching.is_recording and not is_paused:
            await asyncio.sleep(TICK_S)
            window.companion.touch()
            hear(partial(_next, level=attaching.level, length_ms=attaching.length_ms))

    use_task(listen, [is_paused])
    return Heard(length_ms=heard.length_ms) if is_paused else heard


def _next(heard: Heard, *, level: float, length_ms: int) -> Heard:
    return Heard(levels=(*heard.levels, level)[-WORD_TICKS:], length_ms=length_ms)


@safe
def Recording(done: Callable[[], None], key: str = "") -> ft.Control:
    """The time, the level in words, pause and stop. Leaving the page ends the note, and keeps it."""
    texts, attaching = use_quiet_window().texts, use_opened().attaching
    is_paused, set_paused = ft.use_state(attaching.is_paused)
    heard = use_heard(is_paused)

    async def end_note() -> None:
        try:
            await attaching.finish()
        finally:
            done()

    use_leave(end_note)

    async def turn() -> None:
        await (attaching.resume() if is_paused else attaching.pause())
        set_paused(not is_paused)

    async def stop() -> None:
        try:
            await attaching.finish()
        finally:
            done()

    turning = Action(
        label=texts("stories.resume" if is_paused else "stories.pause"),
        on_press=guarded(turn, texts.error),
        icon=ft.Icons.MIC_ROUNDED if is_paused else ft.Icons.PAUSE_ROUNDED,
    )
    ending = Action(label=texts("journal.stop_voice"), on_press=guarded(stop, texts.error), icon=ft.Icons.STOP_ROUNDED)
    label = texts("journal.note_paused") if is_paused else texts(level_word(max(heard.levels)))
    return _recording_card(texts, heard, label, turning, ending)


def _recording_card(texts: Texts, heard: Heard, level: str, turning: Action, ending: Action) -> ft.Control:
    length = texts("journal.note_length", length=texts.length(heard.length_ms))
    return card(
        spread(level_meter(height_of(heard.levels[-1]), level, level), timer(clock(heard.length_ms), length)),
        equal(
            button(turning.label, turning.on_press, icon=turning.icon, kind="outlined"),
            button(ending.label, ending.on_press, icon=ending.icon),
        ),
        spacing=theme.GAP,
    )
