"""A large photograph travels into the browser's app with progress, and the window stays alive meanwhile."""

import io
import re
import time

import pytest
from PIL import Image

from tests.e2e.driver import DESKTOP
from tests.e2e.journey import first_start, go

LONGEST_S = 60


def photograph(path, megabytes):
    """A photograph of about so many megabytes that no camera of today exceeds in pixels."""
    out = io.BytesIO()
    Image.effect_noise((4_000, 3_000), 90).convert("RGB").save(out, "JPEG", quality=85)
    data = out.getvalue()
    path.write_bytes(data + bytes(megabytes * 1_000_000 - len(data)) if len(data) < megabytes * 1_000_000 else data)
    return path


@pytest.mark.timeout(240)
@pytest.mark.parametrize("megabytes", [10, 23])
def test_a_large_photograph_comes_and_the_window_goes_on(megabytes, open_window, start_app, tmp_path) -> None:
    file = photograph(tmp_path / "photo.jpg", megabytes)
    hazel = open_window(start_app("hazel"), "hazel", DESKTOP)
    first_start(hazel, "Hazel Fern", "GP")
    go(hazel, "Journal")
    hazel.see(re.compile("A question"))
    started = time.monotonic()
    with hazel.page.expect_file_chooser() as chosen:
        hazel.press("Add a picture")
    chosen.value.set_files(file)
    hazel.see(re.compile(r"On its way: \d+ %|Preparing the picture"), 20_000)
    hazel.see(re.compile(r"Picture, .* at \d"), LONGEST_S * 1_000)
    print(f"{file.stat().st_size // 1_000_000} MB in {time.monotonic() - started:.1f} s")
    kept = [one.read_bytes() for one in (tmp_path / "data").rglob("*") if one.is_file()]
    assert not [one for one in kept if b"\xff\xd8\xff" in one]
