"""Pictures made anew from their pixels with Pillow: nothing else of the file they came from is left.

What a camera writes beside the pixels (place, time, device, a small copy, comments, colour profile) is never copied:
the pixels go into a new image, and only that one is encoded. No file is written.
"""

import asyncio
import io
import struct
import warnings
import zlib
from typing import Final

from PIL import Image, ImageCms, ImageOps

from companion.attachments import Picture
from companion.errors import PictureUnreadable

FILE_BYTES: Final = 40 * 1024 * 1024
"""The largest file that is looked at."""
PIXELS: Final = 80_000_000
"""The largest picture that is opened: 240 MB of pixels at most. Phones make 12 to 50 million."""
SIDE: Final = 2048
"""The longest side of what is kept, in pixels."""
QUALITY: Final = 85
FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "MPO")

_DAMAGED: Final = (
    *(OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError),  # what Pillow documents
    *(struct.error, zlib.error, ArithmeticError, LookupError, TypeError, AttributeError, AssertionError),
    *(RuntimeError, MemoryError),  # these and the line above: what its decoders raise for hostile files beside that
)


class PillowPictures:
    """Cleans one picture at a time in a thread, so that nobody waits for it and memory stays bounded."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def clean(self, data: bytes) -> Picture:
        """Return the picture upright, at most 2,048 pixels long, as JPEG, or PNG where it is partly see-through.

        Raises: PictureUnreadable.
        """
        async with self._turn:
            return await asyncio.to_thread(clean, data)


def clean(data: bytes) -> Picture:
    """See `PillowPictures.clean`. Takes about a tenth of a second for 12 million pixels."""
    if len(data) > FILE_BYTES:
        raise PictureUnreadable(f"{len(data)} bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata, which is thrown away
            return _encoded(_pixels(data))
    except _DAMAGED as error:
        raise PictureUnreadable(type(error).__name__) from None


def _pixels(data: bytes) -> Image.Image:
    """Return the first picture of the file, upright, in sRGB, of bounded size, with nothing else."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as source:
        width, height = source.size
        if width * height > PIXELS:
            raise PictureUnreadable(f"{width * height} pixels")
        if source.format == "JPEG":
            source.draft("RGB", (SIDE, SIDE))  # decodes a large one at half or quarter size
        source.load()
        upright = ImageOps.exif_transpose(source)
        is_clear = "A" in upright.getbands() or "transparency" in upright.info
        plain = _in_srgb(upright).convert("RGBA" if is_clear else "RGB")
    plain.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    bare = Image.new(plain.mode, plain.size)
    bare.paste(plain)
    return bare


def _in_srgb(image: Image.Image) -> Image.Image:
    """Apply the colour profile, which will be left out. A broken one is ignored: colours may then be a little off."""
    profile = image.info.get("icc_profile")
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
