"""Pictures made anew from their pixels with Pillow: nothing else of the file they came from is left.

What a camera writes beside the pixels (place, time, device, a small copy, comments, colour profile) is never copied:
the pixels go into a new image, and only that one is encoded. No file is written.
"""

import asyncio
import io
import os
import struct
import sys
import warnings
import zlib
from typing import Final, cast

from PIL import ExifTags, Image, ImageCms

from companion.attachments import PICTURE_FILE_BYTES, Picture
from companion.errors import PictureUnreadable

BUDGET_BYTES: Final = 200_000_000
"""What decoding one picture may take: 25 million pixels of 4 bytes in two copies."""
PHONE_BUDGET_BYTES: Final = 100_000_000
PIXEL_BYTES: Final = 4
"""Of a decoded pixel: Pillow keeps colours in four bytes, with or without transparency."""
COPIES: Final = {"JPEG": 2, "MPO": 2, "PNG": 2, "BMP": 2, "TIFF": 3, "GIF": 3, "WEBP": 4}
"""How many there are of the whole picture at a time, in the decoder and here, measured."""
JPEG_PIXELS: Final = 80_000_000
"""The largest photograph: it is decoded at a half to an eighth of its size. Phones make 12 to 50 million."""
SIDE: Final = 2048
"""The longest side of what is kept, in pixels."""
QUALITY: Final = 85
FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "MPO")

_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By the orientation that a camera writes: what makes the picture stand upright."""

_DAMAGED: Final = (
    *(OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError),  # what Pillow documents
    *(struct.error, zlib.error, ArithmeticError, LookupError, TypeError, AttributeError, AssertionError),
    *(RuntimeError, MemoryError),  # these and the line above: what its decoders raise for hostile files beside that
)


class PillowPictures:
    """Cleans one picture at a time in a thread, so that nobody waits for it and memory stays bounded.

    `budget_bytes` is what decoding one may take; on a phone it is half of what it is elsewhere.
    """

    def __init__(self, budget_bytes: int | None = None) -> None:
        self._turn = asyncio.Lock()
        self._budget_bytes = budget_bytes or (PHONE_BUDGET_BYTES if is_phone() else BUDGET_BYTES)

    async def clean(self, data: bytes) -> Picture:
        """Return the picture upright, at most 2,048 pixels long, as JPEG, or PNG where it is partly see-through.

        Raises: PictureUnreadable.
        """
        async with self._turn:
            return await asyncio.to_thread(clean, data, self._budget_bytes)


def is_phone() -> bool:
    return sys.platform in ("ios", "android") or os.environ.get("FLET_PLATFORM") in ("ios", "android")


def clean(data: bytes, budget_bytes: int = BUDGET_BYTES) -> Picture:
    """See `PillowPictures.clean`. Takes about a tenth of a second for 12 million pixels."""
    if len(data) > PICTURE_FILE_BYTES:
        raise PictureUnreadable(f"{len(data)} bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata, which is thrown away
            return _encoded(_pixels(data, budget_bytes))
    except _DAMAGED as error:
        raise PictureUnreadable(type(error).__name__) from None


def _pixels(data: bytes, budget_bytes: int) -> Image.Image:
    """Return the first picture of the file, upright, in sRGB, of bounded size, with nothing else.

    It is made small before anything else is done with it, so that only the decoder sees it whole.
    """
    with Image.open(io.BytesIO(data), formats=FORMATS) as source:
        width, height = source.size
        if source.format in ("JPEG", "MPO") and width * height <= JPEG_PIXELS and not _is_progressive(source):
            source.draft("RGB", (SIDE, SIDE))
        _require_room(source, budget_bytes)
        source.load()
        orientation = source.getexif().get(ExifTags.Base.Orientation)
        profile, is_clear = source.info.get("icc_profile"), "A" in source.getbands() or "transparency" in source.info
        plain = _in_eight_bits(source, is_clear)
        plain.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    turn = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    upright = _in_srgb(plain if turn is None else plain.transpose(turn), profile)
    small = upright.convert("RGBA" if is_clear else "RGB")
    bare = Image.new(small.mode, small.size)
    bare.paste(small)
    return bare


def _is_progressive(source: Image.Image) -> bool:
    """Its decoder keeps the whole picture, whatever size is wanted of it."""
    return bool(source.info.get("progressive") or source.info.get("progression"))


def _require_room(source: Image.Image, budget_bytes: int) -> None:
    """Raises: PictureUnreadable if decoding would take more than the budget. Nothing was decoded before."""
    width, height = source.size
    needed = width * height * PIXEL_BYTES * COPIES.get(source.format or "", max(COPIES.values()))
    if needed > budget_bytes:
        raise PictureUnreadable(f"{width * height} pixels")


def _in_eight_bits(source: Image.Image, is_clear: bool) -> Image.Image:
    """Return a picture that can be made smaller: greys of more than eight bits keep their order."""
    if source.mode.startswith("I"):
        whole = source.convert("I")
        _, most = cast(tuple[int, int], whole.getextrema())
        return (whole.point(lambda level: level / 256) if most > 255 else whole).convert("L")
    if source.mode in ("RGB", "RGBA", "L", "LA", "CMYK") and "transparency" not in source.info:
        return source
    return source.convert("RGBA" if is_clear else "RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Apply the colour profile, which will be left out. A broken one is ignored: colours may then be a little off."""
    if not profile or image.mode not in ("RGB", "CMYK"):
        return image
    try:
        changed = ImageCms.profileToProfile(
            image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return image
    return image if changed is None else changed


def _encoded(image: Image.Image) -> Picture:
    out = io.BytesIO()
    if image.mode == "RGBA":
        image.save(out, "PNG", optimize=False)
        media_type = "image/png"
    else:
        image.save(out, "JPEG", quality=QUALITY)
        media_type = "image/jpeg"
    return Picture(content=out.getvalue(), media_type=media_type, width=image.width, height=image.height)
