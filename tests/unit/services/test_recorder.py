"""The recorder measures what a browser really sends and hands it on in order, whole and once."""

import math
from array import array
from collections.abc import AsyncIterator

import flet_audio_recorder as far
import pytest
from flet.messaging.protocol import MessageAction

from companion.errors import MicrophoneUnavailable, StoreError
from companion.sound import loudness
from services.recorder import ASKED_RATE_HZ, FletRecorder, FormatProbe, is_doubled
from tests.ui.harness import HeadlessApp


def tone(seconds: float, rate_hz: int, channels: int = 1, loud: float = 0.5, pitch_hz: float = 220.0) -> bytes:
    count = int(seconds * rate_hz)
    mono = (int(loud * 32_767 * math.sin(2 * math.pi * pitch_hz * n / rate_hz)) for n in range(count))
    return array("h", (sample for sample in mono for _ in range(channels))).tobytes()


def measure(rate_hz: int, channels: int, chunk_s: float = 0.1, late_s: float = 0.0) -> FormatProbe:
    """Feed two seconds of sound in chunks; every second one comes `late_s` late."""
    probe, chunk = FormatProbe(), tone(chunk_s, rate_hz, channels)
    for number in range(int(2 / chunk_s)):
        probe.add(chunk, number * chunk_s + (late_s if number % 2 else 0.0))
    return probe


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_rate_and_channels_are_found_from_what_arrives(rate_hz: int, channels: int):
    probe = measure(rate_hz, channels)
    probe.settle()
    assert (probe.sample_rate_hz, probe.channels) == (rate_hz, channels)


def test_late_chunks_do_not_change_the_answer():
    probe = measure(44_100, 2, late_s=0.06)
    probe.settle()
    assert (probe.sample_rate_hz, probe.channels) == (44_100, 2)


def test_a_pause_does_not_count_as_time():
    probe, chunk = FormatProbe(), tone(0.1, 48_000)
    for number in range(16):
        probe.add(chunk, number * 0.1)
    probe.rest()
    for number in range(16):
        probe.add(chunk, 60 + number * 0.1)
    assert probe.sample_rate_hz == 48_000


def test_two_different_channels_stay_two():
    left, right = tone(2, 48_000), array("h", tone(2, 48_000, pitch_hz=331.0))
    both = array("h", (sample for pair in zip(array("h", left), right, strict=True) for sample in pair)).tobytes()
    probe = FormatProbe()
    for number in range(20):
        probe.add(both[number * 19_200 : (number + 1) * 19_200], number * 0.1)
    probe.settle()
    assert (probe.sample_rate_hz, probe.channels) == (48_000, 2)


def test_the_rate_gets_better_while_the_channels_stay():
    probe = measure(48_000, 2)
    probe.settle()
    for number in range(40):
        probe.add(tone(0.1, 44_100, 2), 2 + number * 0.1)
    assert (probe.sample_rate_hz, probe.channels) == (44_100, 2)


def test_nothing_heard_yet_means_what_was_asked_for():
    probe = FormatProbe()
    assert not probe.is_ready
    assert (probe.sample_rate_hz, probe.channels) == (ASKED_RATE_HZ, 1)


def test_silence_does_not_pass_for_two_equal_channels():
    assert not is_doubled(bytes(4_000))
    assert is_doubled(tone(0.1, 48_000, 2))
    assert not is_doubled(tone(0.1, 48_000, 1))


def test_loudness_runs_from_silence_to_full_scale():
    assert loudness(b"") == 0.0
    assert loudness(bytes(1_000)) == 0.0
    assert loudness(tone(0.1, 48_000, loud=0.5)) == pytest.approx(0.5 / math.sqrt(2), rel=0.02)
    assert loudness(b"\xff\x7f" * 100 + b"\x01") == pytest.approx(1.0, abs=0.001)


class Microphone:
    """Flet's recorder in a session without a client: it streams what `hear` is given, 0.1 s a chunk."""

    def __init__(self, app: HeadlessApp) -> None:
        self.app = app
        self.now_s = 0.0
        self.taken: list[bytes] = []
        self.fault: Exception | None = None
        self.recorder = FletRecorder(app.page, lambda: self.now_s)
        app.connection.replies.update(has_permission=True, start_recording=True)

    async def take(self, data: bytes) -> None:
        if self.fault is not None:
            raise self.fault
        self.taken.append(data)

    async def start(self) -> None:
        await self.recorder.start(self.take)
        services = self.app.page._services._services
        self.client = next(service for service in services if isinstance(service, far.AudioRecorder))

    async def hear(self, pcm: bytes, per_second: int = 48_000 * 2) -> None:
        size = per_second // 10
        for start in range(0, len(pcm), size):
            chunk = pcm[start : start + size]
            await self.app.fire(self.client, "stream", {"chunk": chunk, "sequence": 0, "bytes_streamed": 0})
            self.now_s += 0.1

    def called(self) -> list[str]:
        return [m.body.name for m in self.app.connection.sent if m.action == MessageAction.INVOKE_METHOD]


@pytest.fixture
async def microphone() -> AsyncIterator[Microphone]:
    async with HeadlessApp(lambda page: None) as app:
        yield Microphone(app)


async def test_sound_is_held_until_its_rate_is_known_and_then_all_of_it_is_handed_on(microphone: Microphone) -> None:
    await microphone.start()
    sound = tone(3, 48_000)
    await microphone.hear(sound[: 48_000 * 2])
    assert microphone.taken == []
    await microphone.hear(sound[48_000 * 2 :])
    assert microphone.recorder.sample_rate_hz == 48_000
    assert len(b"".join(microphone.taken)) >= 2.5 * 48_000 * 2  # at most half a second is still on its way
    await microphone.recorder.stop()
    assert b"".join(microphone.taken) == sound
    assert microphone.called()[-1] == "stop_recording"


async def test_pieces_are_whole_frames(microphone: Microphone) -> None:
    await microphone.start()
    await microphone.hear(tone(2, 44_100, 2), 44_100 * 4 + 30)
    await microphone.recorder.stop()
    assert (microphone.recorder.sample_rate_hz, microphone.recorder.channels) == (44_100, 2)
    assert all(len(piece) % 4 == 0 for piece in microphone.taken)


async def test_a_story_shorter_than_the_measurement_is_kept_too(microphone: Microphone) -> None:
    await microphone.start()
    sound = tone(0.6, 48_000)
    await microphone.hear(sound)
    await microphone.recorder.stop()
    assert b"".join(microphone.taken) == sound
    assert microphone.recorder.sample_rate_hz == 48_000


async def test_nothing_is_kept_while_paused_and_what_came_before_is_handed_on(microphone: Microphone) -> None:
    await microphone.start()
    first, secret, second = tone(1.7, 48_000), tone(1, 48_000, pitch_hz=500), tone(0.5, 48_000)
    await microphone.hear(first)
    await microphone.recorder.pause()
    await microphone.app.settle()
    assert b"".join(microphone.taken) == first
    await microphone.hear(secret)
    assert microphone.recorder.level == 0.0
    await microphone.recorder.resume()
    await microphone.hear(second)
    await microphone.recorder.stop()
    assert b"".join(microphone.taken) == first + second


async def test_the_level_follows_the_newest_sound(microphone: Microphone) -> None:
    await microphone.start()
    await microphone.hear(tone(0.1, 48_000, loud=0.5))
    assert microphone.recorder.level == pytest.approx(0.35, abs=0.02)
    await microphone.hear(bytes(9_600))
    assert microphone.recorder.level == 0.0


async def test_what_could_not_be_kept_is_said_at_the_end(microphone: Microphone) -> None:
    await microphone.start()
    microphone.fault = StoreError("the disk is full")
    await microphone.hear(tone(3, 48_000))
    with pytest.raises(StoreError):
        await microphone.recorder.stop()
    assert "stop_recording" in microphone.called()


@pytest.mark.parametrize("refusal", [{"has_permission": False}, {"start_recording": False}])
async def test_a_refused_microphone_is_a_typed_error(microphone: Microphone, refusal: dict[str, bool]) -> None:
    microphone.app.connection.replies.update(refusal)
    with pytest.raises(MicrophoneUnavailable):
        await microphone.start()
    await microphone.recorder.stop()


async def test_a_client_that_never_answers_is_a_missing_microphone(microphone: Microphone) -> None:
    microphone.app.connection._answer = lambda call, session: None  # type: ignore[method-assign]  # a client without it
    recorder = FletRecorder(microphone.app.page, permission_timeout_s=0.05)
    with pytest.raises(MicrophoneUnavailable):
        await recorder.start(microphone.take)
