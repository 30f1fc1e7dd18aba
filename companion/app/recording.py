"""A recording in progress, whatever becomes of its sound: begin, pause, resume, level, finish.

Owns the recorder while it runs. Must not know stories, attachments or where sound is kept.
"""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from companion.errors import UsageError
from companion.ports import Recorder
from companion.sound import SAMPLE_BYTES


class Running:
    """One recording that is under way. What becomes of its sound is a subclass's to add."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.is_paused = False

    @property
    def bytes_per_s(self) -> int:
        """As measured so far; 0 if the recorder does not know yet."""
        return self.recorder.sample_rate_hz * self.recorder.channels * SAMPLE_BYTES


R = TypeVar("R", bound=Running)
T = TypeVar("T")


class Recordings(Generic[R]):
    """Intents that keep what the microphone hears: one recording at a time."""

    def __init__(self) -> None:
        self._running: R | None = None

    @property
    def is_recording(self) -> bool:
        return self._running is not None

    @property
    def is_paused(self) -> bool:
        return self._running is not None and self._running.is_paused

    @property
    def level(self) -> float:
        """Loudness now, 0.0 to 1.0."""
        return 0.0 if self._running is None else self._running.recorder.level

    async def pause(self) -> None:
        running = self._running
        if running is not None:
            await running.recorder.pause()
            running.is_paused = True

    async def resume(self) -> None:
        running = self._running
        if running is not None:
            await running.recorder.resume()
            running.is_paused = False

    async def _begin(self, running: R, keep: Callable[[R, bytes], Awaitable[None]]) -> None:
        """Open the microphone and hand each piece of sound to `keep`.

        Raises: MicrophoneUnavailable, UsageError if something is being recorded already.
        """
        if self._running is not None:
            raise UsageError("another recording is running")
        self._running = running
        try:
            await running.recorder.start(lambda data: keep(running, data))
        except BaseException:
            self._running = None
            raise

    async def _finish(self, settle: Callable[[R], Awaitable[T]]) -> T | None:
        """Close the microphone and return what `settle` makes of the recording; None if there is none.

        It is settled too if the recorder raises because some of the sound could not be kept.
        """
        running, self._running = self._running, None
        if running is None:
            return None
        try:
            await running.recorder.stop()
        finally:
            settled = await settle(running)
        return settled
