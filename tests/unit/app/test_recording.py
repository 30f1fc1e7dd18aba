"""A recording in progress, whatever becomes of its sound."""

import pytest

from companion.app.recording import Recordings, Running
from companion.errors import MicrophoneUnavailable, StoreError, UsageError
from tests.fakes import FakeRecorder


class Sounds(Recordings[Running]):
    """Keeps every piece, and how many recordings were settled."""

    def __init__(self) -> None:
        super().__init__()
        self.recorder = FakeRecorder([])
        self.kept: list[bytes] = []
        self.settled: list[Running] = []

    async def record(self) -> None:
        await self._begin(Running(self.recorder), self._keep)

    async def finish(self) -> str | None:
        return await self._finish(self._settle)

    async def _keep(self, running: Running, data: bytes) -> None:
        self.kept.append(data)

    async def _settle(self, running: Running) -> str:
        self.settled.append(running)
        return "settled"


@pytest.fixture
def sounds() -> Sounds:
    return Sounds()


async def test_what_the_microphone_hears_is_kept_until_the_end(sounds: Sounds) -> None:
    await sounds.record()
    await sounds.recorder.speak(1)
    assert (sounds.is_recording, len(sounds.kept[0])) == (True, 32_000)
    assert await sounds.finish() == "settled"
    assert (sounds.is_recording, sounds.recorder.calls) == (False, ["microphone opened", "microphone closed"])


async def test_a_pause_lasts_until_it_goes_on(sounds: Sounds) -> None:
    await sounds.record()
    await sounds.pause()
    assert sounds.is_paused
    await sounds.resume()
    assert not sounds.is_paused
    assert sounds.recorder.calls == ["microphone opened", "microphone paused", "microphone resumed"]


async def test_a_recording_that_ends_while_it_pauses_leaves_no_pause_behind(sounds: Sounds) -> None:
    await sounds.record()
    sounds.recorder.pause = sounds.finish  # the end comes while the recorder still works on the pause
    await sounds.pause()
    assert (sounds.is_recording, sounds.is_paused) == (False, False)


async def test_a_second_recording_is_refused_and_the_first_goes_on(sounds: Sounds) -> None:
    await sounds.record()
    with pytest.raises(UsageError):
        await sounds.record()
    await sounds.recorder.speak(1)
    assert (sounds.is_recording, len(sounds.kept)) == (True, 1)


async def test_without_a_microphone_the_next_try_is_free(sounds: Sounds) -> None:
    sounds.recorder.is_missing = True
    with pytest.raises(MicrophoneUnavailable):
        await sounds.record()
    sounds.recorder.is_missing = False
    await sounds.record()
    assert sounds.is_recording


async def test_a_recording_is_settled_too_when_some_of_it_could_not_be_kept(sounds: Sounds) -> None:
    await sounds.record()
    sounds.recorder.fault = StoreError("full")
    with pytest.raises(StoreError):
        await sounds.finish()
    assert len(sounds.settled) == 1
    assert not sounds.is_recording


async def test_without_a_recording_nothing_is_loud_and_nothing_is_settled(sounds: Sounds) -> None:
    await sounds.pause()
    await sounds.resume()
    assert (sounds.level, await sounds.finish(), sounds.settled) == (0.0, None, [])
