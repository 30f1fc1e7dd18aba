"""Sound as bytes: signed 16-bit little-endian PCM."""

import math
from array import array

SAMPLE_BYTES = 2


def loudness(pcm: bytes) -> float:
    """Return the root mean square of signed 16-bit PCM, 0.0 to 1.0. Every fourth sample is enough for a meter."""
    samples = array("h", pcm[: len(pcm) - len(pcm) % SAMPLE_BYTES])[::4]
    return min(1.0, math.sqrt(sum(s * s for s in samples) / len(samples)) / 32_768) if samples else 0.0


def wav_header(length_bytes: int, sample_rate_hz: int, channels: int) -> bytes:
    """Return the 44 bytes before PCM of this length. Source: Microsoft RIFF WAVE, PCM format 1."""

    def word(value: int, size: int) -> bytes:
        return value.to_bytes(size, "little")

    frame = channels * SAMPLE_BYTES
    form = word(1, 2) + word(channels, 2) + word(sample_rate_hz, 4) + word(sample_rate_hz * frame, 4)
    form += word(frame, 2) + word(8 * SAMPLE_BYTES, 2)
    return b"RIFF" + word(36 + length_bytes, 4) + b"WAVEfmt " + word(16, 4) + form + b"data" + word(length_bytes, 4)
