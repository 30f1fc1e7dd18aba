"""Playing sealed sound: it is opened in pieces of up to a minute, so that no length fills the memory."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import flet as ft
import flet_audio as fa

from companion.sound import SAMPLE_BYTES, loudness, wav_header
from views.client import ask
from views.hearing import height_of
from views.mirror.effects import use_kept, use_leave

PIECE_S = 60
BARS = 24
GLANCE_BYTES = 8_192
LOAD_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """What can be played. `read` returns PCM from a byte offset, less than was asked for at the end."""

    id: str
    length_bytes: int
    sample_rate_hz: int
    channels: int
    read: Callable[[int, int], Awaitable[bytes]] = field(compare=False)

    @property
    def length_ms(self) -> int:
        per_second = self.sample_rate_hz * self.frame_bytes
        return self.length_bytes * 1000 // per_second if per_second else 0

    @property
    def frame_bytes(self) -> int:
        return self.channels * SAMPLE_BYTES

    @property
    def piece_bytes(self) -> int:
        """How many bytes a piece of a minute has: whole frames."""
        return PIECE_S * self.sample_rate_hz * self.frame_bytes


async def piece(sound: Sound, number: int) -> bytes:
    """Return one piece as a WAV file; empty behind the end."""
    pcm = await sound.read(number * sound.piece_bytes, sound.piece_bytes)
    return wav_header(len(pcm), sound.sample_rate_hz, sound.channels) + pcm if pcm else b""


async def overview(sound: Sound, bars: int = BARS) -> tuple[float, ...]:
    """Return the picture of the whole sound: a glance at each of its parts, 0.0 to 1.0."""
    frame, levels = sound.frame_bytes, []
    for number in range(bars):
        offset = sound.length_bytes * number // bars // frame * frame
        levels.append(height_of(loudness(await sound.read(offset, GLANCE_BYTES))))
    return tuple(levels)


class Player:
    """Plays one sound in this window. `show` is called when the position or the state has changed."""

    def __init__(self, sound: Sound) -> None:
        self._sound = sound
        self._clip: fa.Audio | None = None
        self._number = 0
        self.is_playing = False
        self.at_ms = 0
        self.speed = 1.0
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

    def set_speed(self, speed: float) -> None:
        """Play faster or slower from here on; 1.0 is as it was said."""
        self.speed = speed
        if self._clip is not None:
            self._clip.playback_rate = speed
            self._clip.update()
        self.show()

    async def close(self) -> None:
        """Fall silent and forget the opened sound."""
        clip, self._clip, self.is_playing = self._clip, None, False
        if clip is not None:
            await ask(clip.release())

    async def _start(self, number: int) -> None:
        opened = await piece(self._sound, number)
        if not opened:
            self.is_playing, self._number, self.at_ms = False, 0, 0
            await self.close()
            return
        self._number = number
        # A new clip for each piece: a source that is set later may never load, and play() before loading never ends.
        loaded = asyncio.Event()
        self._clip = fa.Audio(
            src=opened,
            playback_rate=self.speed,
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


def use_player(sound: Sound) -> Player:
    """A hook: a player that shows itself when it moves and falls silent when its place goes."""
    _, renew = ft.use_state(0)
    player = use_kept(lambda: Player(sound))
    player.show = lambda: renew(lambda count: count + 1)
    use_leave(player.close)
    return player
