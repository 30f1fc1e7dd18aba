"""The recorder measures what a browser really sends and hands it on in order, whole and once."""

import asyncio
import math
from array import array

import pytest

from services.recorder import ASKED_RATE_HZ, FormatProbe, is_doubled, rms


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
    assert rms(b"") == 0.0
    assert rms(bytes(1_000)) == 0.0
    assert rms(tone(0.1, 48_000, loud=0.5)) == pytest.approx(0.5 / math.sqrt(2), rel=0.02)
    assert rms(b"\xff\x7f" * 100 + b"\x01") == pytest.approx(1.0, abs=0.001)
