"""What one picture of few bytes may cost: each is decoded in a process of its own, and its peak of memory is read."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from services.pictures import BUDGET_BYTES

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")

HOME = Path(__file__).parents[2]
CHILD = """
import sys
from companion.errors import PictureUnreadable
from services.pictures import clean

def peak():
    return next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))

data = sys.stdin.buffer.read()
before = peak()
try:
    clean(data)
    outcome = "taken"
except PictureUnreadable:
    outcome = "refused"
print(peak() - before, outcome)
"""
SMALL_MB, ROOM_MB = 20, 60
"""What refusing takes; and what the small picture, the encoder and the modules take beside the budget."""


def encoded(mode: str, side: int, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.new(mode, (side, side)).save(out, kind, **options)
    return out.getvalue()


def cost_mb(data: bytes) -> tuple[int, str]:
    ran = subprocess.run([sys.executable, "-c", CHILD], input=data, capture_output=True, check=True, cwd=HOME)
    peak, outcome = ran.stdout.decode().split()
    return int(peak), outcome


@pytest.mark.parametrize(
    ("mode", "side", "kind", "options"),
    [
        ("RGB", 9_000, "PNG", {}),
        ("RGBA", 9_000, "PNG", {}),
        ("RGB", 9_000, "JPEG", {"progressive": True}),
        ("RGBA", 8_000, "WEBP", {}),
        ("P", 9_000, "GIF", {}),
        ("RGB", 9_000, "TIFF", {"compression": "tiff_adobe_deflate"}),
    ],
)
def test_a_picture_that_unfolds_to_hundreds_of_megabytes_is_refused_before_it_is_decoded(mode, side, kind, options):
    """311 kB took 1,377 MB."""
    peak, outcome = cost_mb(encoded(mode, side, kind, **options))
    assert outcome == "refused"
    assert peak < SMALL_MB


@pytest.mark.parametrize(
    ("mode", "side", "kind", "options"),
    [
        ("RGB", 4_990, "PNG", {}),
        ("RGBA", 4_990, "PNG", {}),
        ("LA", 4_990, "PNG", {}),
        ("I;16", 4_990, "PNG", {}),
        ("P", 4_990, "PNG", {}),
        ("RGB", 3_500, "WEBP", {}),
        ("RGBA", 3_500, "WEBP", {}),
        ("P", 4_050, "GIF", {}),
        ("RGB", 4_050, "TIFF", {"compression": "tiff_adobe_deflate"}),
        ("RGB", 4_990, "JPEG", {"progressive": True}),
        ("RGB", 8_900, "JPEG", {}),
        ("CMYK", 8_900, "JPEG", {}),
    ],
)
def test_the_largest_that_is_taken_stays_within_the_budget(mode, side, kind, options):
    peak, outcome = cost_mb(encoded(mode, side, kind, **options))
    assert outcome == "taken"
    assert peak < BUDGET_BYTES / 1_000_000 + ROOM_MB
