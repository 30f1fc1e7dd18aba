"""Listening to a story: sealed sound is opened in pieces of up to a minute, so that no length fills the memory."""

import asyncio
import logging
from collections.abc import Callable

import flet as ft
import flet_audio as fa

from companion.app import Opened
from companion.stories import SAMPLE_BYTES, Story, loudness, wav_header
from views.client import ask
from views.context import use_opened, use_quiet_window
from views.effects import use_kept, use_leave, use_task
from views.parts.safe import guarded, safe, say
from views.parts.voice import play_row
from views.stories.wording import clock, height_of

log = logging.getLogger(__name__)

PIECE_S = 60
BARS = 24
GLANCE_BYTES = 8_192
LOAD_TIMEOUT_S = 15.0


def piece_bytes(story: Story) -> int:
    """Return how many bytes a piece of a minute has: whole frames."""
    return PIECE_S * story.sample_rate_hz * story.channels * SAMPLE_BYTES


async def piece(opened: Opened, story: Story, number: int) -> bytes:
    """Return one piece as a WAV file; empty behind the end."""
    size = piece_bytes(story)
    pcm = await opened.stories.sound(story, number * size, size)
    return wav_header(len(pcm), story.sample_rate_hz, story.channels) + pcm if pcm else b""


async def overview(opened: Opened, story: Story) -> tuple[float, ...]:
    """Return the picture of the whole sound: a glance at each of its parts, 0.0 to 1.0."""
    frame = story.channels * SAMPLE_BYTES
    levels = []
    for number in range(BARS):
        offset = story.length_bytes * number // BARS // frame * frame
        levels.append(height_of(loudness(await opened.stories.sound(story, offset, GLANCE_BYTES))))
    return tuple(levels)


class Player:
    """Plays one story in this window. `show` gets the position in ms and whether it plays."""

    def __init__(self, page: ft.Page, opened: Opened, story: Story) -> None:
        self._page = page
        self._opened = opened
        self._story = story
        self._clip: fa.Audio | None = None
        self._number = 0
        self.is_playing = False
        self.at_ms = 0
        self.show: Callable[[], None] = lambda: None

    async def toggle(self) -> None:
        """Play on, or pause. Raises TimeoutError where nothing can play sound, StoreError."""
        if self.is_playing and self._clip is not None:
            self.is_playing = False
            await ask(self._clip.pause())
        elif self._clip is not None:
            self.is_playing = True
            await ask(self._clip.resume())
        else:
            await self._start(0)
        self.show()

    async def close(self) -> None:
        """Fall silent and forget the opened sound."""
        clip, self._clip, self.is_playing = self._clip, None, False
        if clip is not None:
            await ask(clip.release())

    async def _start(self, number: int) -> None:
        sound = await piece(self._opened, self._story, number)
        if not sound:
            self.is_playing, self._number, self.at_ms = False, 0, 0
            await self.close()
            return
        self._number = number
        # A new clip for each piece: a source that is set later may never load, and play() before loading never ends.
        loaded = asyncio.Event()
        self._clip = fa.Audio(
            src=sound,
            on_loaded=lambda event: loaded.set(),
            on_position_change=self._moved,
            on_state_change=self._changed,
        )
        await asyncio.wait_for(loaded.wait(), LOAD_TIMEOUT_S)
        self.is_playing = True
        await ask(self._clip.play())

    def _moved(self, event: fa.AudioPositionChangeEvent) -> None:
        if event.control is self._clip:
            self.at_ms = self._number * PIECE_S * 1000 + event.position
            self.show()

    async def _changed(self, event: fa.AudioStateChangeEvent) -> None:
        if event.control is self._clip and event.state == fa.AudioState.COMPLETED:
            await self._start(self._number + 1)
            self.show()


@safe
def Listen(story: Story) -> ft.Control:
    """Play and pause, a picture of the sound that fills as it plays, and the time in words."""
    texts, opened = use_quiet_window().texts, use_opened()
    levels, set_levels = ft.use_state(tuple[float, ...]())
    _, renew = ft.use_state(0)
    page = ft.context.page
    player = use_kept(lambda: Player(page, opened, story))
    player.show = lambda: renew(lambda count: count + 1)
    use_leave(player.close)

    async def look() -> None:
        set_levels(await overview(opened, story))

    use_task(look, [story.length_bytes])

    async def toggle() -> None:
        try:
            await player.toggle()
        except TimeoutError:
            await player.close()
            say(texts("stories.no_sound_out"))

    told = texts("stories.listened", at=texts.length(player.at_ms), length=texts.length(story.length_ms))
    return play_row(
        levels,
        f"{clock(player.at_ms)} / {clock(story.length_ms)}" if player.at_ms else clock(story.length_ms),
        guarded(toggle, texts.error),
        press_name=texts("stories.pause_playing" if player.is_playing else "stories.play"),
        wave_name=told,
        playing=player.is_playing,
        played=player.at_ms / story.length_ms if story.length_ms else 0.0,
        width=BARS * 5,
    )
