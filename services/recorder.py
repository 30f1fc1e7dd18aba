"""The microphone through Flet's recorder: PCM streamed out of the client, measured, and handed on in order.

Browsers keep neither to the rate nor to the channels that were asked for and do not say what they send, so the format
is measured. It knows nothing of stories.
"""

import asyncio
import logging
import math
import time
from array import array
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import flet as ft
import flet_audio_recorder as far

from companion.errors import MicrophoneUnavailable
from companion.sound import SAMPLE_BYTES, loudness

log = logging.getLogger(__name__)

ASKED_RATE_HZ: Final = 16_000
RATES_HZ: Final = (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
MEASURE_S: Final = 1.2
PIECES_PER_S: Final = 4
CLIENT_TIMEOUT_S: Final = 5.0
PERMISSION_TIMEOUT_S: Final = 30.0
"""A person may have to answer the system's question first."""

T = TypeVar("T")
Take = Callable[[bytes], Awaitable[None]]


def is_doubled(pcm: bytes) -> bool:
    """Return whether this is one voice written twice, left and right; silence alone does not tell."""
    samples = array("h", pcm[: len(pcm) - len(pcm) % (2 * SAMPLE_BYTES)])
    left, right = samples[0::2], samples[1::2]
    moves = sum(a != b for a, b in zip(right, left[1:], strict=False))
    return moves > len(left) // 10 and left == right


async def _answer(call: Awaitable[T], timeout_s: float = CLIENT_TIMEOUT_S) -> T:
    """Return the client's answer. Raises TimeoutError.

    The call itself goes on waiting: it keeps the recorder registered, because Flet's connection ends on an answer for
    a service that has gone. A person may answer the system's question after we have given up.
    """
    task = asyncio.ensure_future(call)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return await asyncio.wait_for(asyncio.shield(task), timeout_s)


class FormatProbe:
    """Finds rate and channels from how many bytes arrive in how much time. Times in seconds of any steady clock."""

    def __init__(self) -> None:
        self._last_s: float | None = None
        self._bytes = 0
        self._elapsed_s = 0.0
        self._sample = b""
        self._channels = 0

    def add(self, data: bytes, at_s: float) -> None:
        """Take note of one chunk. The first one of a stretch only starts the clock: its own time is not known."""
        if self._last_s is not None:
            self._elapsed_s += at_s - self._last_s
            self._bytes += len(data)
        self._last_s = at_s
        if not self._channels:
            self._sample += data

    def rest(self) -> None:
        """The sound stops for a while: the time until the next chunk does not count."""
        self._last_s = None

    @property
    def is_ready(self) -> bool:
        return self._elapsed_s >= MEASURE_S

    def settle(self) -> None:
        """Fix the number of channels, because pieces are cut at whole frames from here on."""
        if not self._channels:
            self._channels, self._sample = 2 if is_doubled(self._sample) else self._nearest()[1], b""

    @property
    def channels(self) -> int:
        return self._channels or self._nearest()[1]

    @property
    def sample_rate_hz(self) -> int:
        return self._nearest()[0]

    def _nearest(self) -> tuple[int, int]:
        """Return the rate and channels that fit the bytes per second best; of equals the one with one channel."""
        if self._elapsed_s < MEASURE_S / 4 or not self._bytes:
            return ASKED_RATE_HZ, self._channels or 1
        per_second = self._bytes / self._elapsed_s
        offers = [(rate, n) for n in ((self._channels,) if self._channels else (1, 2)) for rate in RATES_HZ]
        return min(offers, key=lambda offer: abs(math.log(offer[0] * offer[1] * SAMPLE_BYTES / per_second)))


class FletRecorder:
    """One recording in one window. `start` is called in a handler or task of that window's page."""

    def __init__(
        self,
        page: ft.Page,
        now_s: Callable[[], float] = time.monotonic,
        permission_timeout_s: float = PERMISSION_TIMEOUT_S,
    ) -> None:
        self._page = page
        self._now_s = now_s
        self._permission_timeout_s = permission_timeout_s
        self._client: far.AudioRecorder | None = None
        self._probe = FormatProbe()
        self._held = bytearray()
        self._arrived = asyncio.Event()
        self._pump_task: asyncio.Task[None] | None = None
        self._is_paused = False
        self._is_ending = False
        self._level = 0.0

    @property
    def sample_rate_hz(self) -> int:
        return self._probe.sample_rate_hz

    @property
    def channels(self) -> int:
        return self._probe.channels

    @property
    def level(self) -> float:
        return self._level

    async def start(self, take: Take) -> None:
        """Ask for the microphone and open it. Raises MicrophoneUnavailable."""
        asked = far.AudioRecorderConfiguration(
            encoder=far.AudioEncoder.PCM16BITS, channels=1, sample_rate=ASKED_RATE_HZ
        )
        try:
            if ft.context.page is not self._page:
                raise MicrophoneUnavailable("another window")
            self._client = far.AudioRecorder(on_stream=self._on_stream, configuration=asked)
            is_allowed = await _answer(self._client.has_permission(), self._permission_timeout_s)
            is_open = is_allowed and await _answer(self._client.start_recording())
        except (TimeoutError, RuntimeError, ft.FletUnsupportedPlatformException):
            raise MicrophoneUnavailable("no answer from the recorder") from None
        if not is_open:
            raise MicrophoneUnavailable("not allowed" if not is_allowed else "not opened")
        self._pump_task = asyncio.create_task(self._pump(take))

    async def pause(self) -> None:
        if self._client is not None and not self._is_paused:
            await self._ask(self._client.pause_recording())
            self._is_paused, self._level = True, 0.0
            self._probe.rest()
            self._arrived.set()

    async def resume(self) -> None:
        if self._client is not None and self._is_paused:
            self._is_paused = False
            await self._ask(self._client.resume_recording())

    async def stop(self) -> None:
        """Close the microphone, hand on what is left, and raise what `take` raised."""
        client, self._client = self._client, None
        if client is not None:
            await self._ask(client.stop_recording())
        task, self._pump_task = self._pump_task, None
        self._is_ending, self._level = True, 0.0
        self._arrived.set()
        if task is not None:
            await task

    def _on_stream(self, event: far.AudioRecorderStreamEvent) -> None:
        if self._is_paused or self._is_ending:
            return  # between the tap on Pause and the microphone's own pause nothing may be kept
        self._level = loudness(event.chunk)
        self._probe.add(event.chunk, self._now_s())
        task = self._pump_task
        if task is not None and task.done():
            self._held.clear()  # it could not be kept; `stop` says why
            return
        self._held += event.chunk
        if self._probe.is_ready and len(self._held) * PIECES_PER_S >= self._bytes_per_s:
            self._arrived.set()

    @property
    def _bytes_per_s(self) -> int:
        return self.sample_rate_hz * self.channels * SAMPLE_BYTES

    async def _pump(self, take: Take) -> None:
        """Hand on whole frames, one piece after another, until the recording ends."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            self._probe.settle()
            whole = len(self._held) - len(self._held) % (self.channels * SAMPLE_BYTES)
            piece = bytes(self._held[:whole])
            del self._held[:whole]
            if piece:
                await take(piece)
            if self._is_ending and not whole:
                return
            if self._is_ending:
                self._arrived.set()

    async def _ask(self, call: Awaitable[object]) -> None:
        """Wait for the client; a window that has gone does not keep us from saving what is there."""
        try:
            await _answer(call)
        except (TimeoutError, RuntimeError):
            log.warning("the recorder gave no answer")
