"""Any bytes are a clean picture or one error; damaged pictures too."""

import io
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from companion.errors import PictureUnreadable
from services.pictures import clean


def encoded(kind: str) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((24, 16)).convert("P" if kind == "GIF" else "RGB").save(out, kind)
    return out.getvalue()


KINDS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
FILES = {kind: encoded(kind) for kind in KINDS}
HEADS = (
    b"",
    b"\xff\xd8\xff\xe1",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\x40\0\0\0WEBPVP8 ",
    b"GIF89a",
    b"BM",
    b"II*\0",
    b"MM\0*",
)


def clean_or_refused(data: bytes) -> None:
    with suppress(PictureUnreadable):
        picture = clean(data)
        assert picture.width > 0
        assert picture.height > 0
        assert picture.content


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(HEADS), st.binary(max_size=300))
def test_any_bytes(head: bytes, rest: bytes) -> None:
    clean_or_refused(head + rest)


@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from(KINDS), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=12)
)
def test_damaged_pictures(kind: str, changes: list[tuple[int, int]]) -> None:
    data = bytearray(FILES[kind])
    for place, value in changes:
        data[place % len(data)] = value
    clean_or_refused(bytes(data))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 10_000), st.binary(max_size=40))
def test_pictures_with_something_put_in(kind: str, place: int, added: bytes) -> None:
    data = FILES[kind]
    place %= len(data)
    clean_or_refused(data[:place] + added + data[place:])
