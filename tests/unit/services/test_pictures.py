"""Pictures: nothing but pixels is left, upright, of bounded size; whatever is no picture raises one error."""

import io
import struct
import zlib

import pytest
from PIL import Image, ImageCms, ImageOps, PngImagePlugin, TiffImagePlugin

from companion.errors import PictureUnreadable
from services import pictures
from services.pictures import SIDE, PillowPictures, clean

CANARY = "canary-of-the-camera"


def gradient(width: int, height: int) -> Image.Image:
    """Dark at the left, bright at the right."""
    return Image.linear_gradient("L").rotate(90).resize((width, height)).convert("RGB")


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def camera_exif(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010E], exif[0x0110], exif[0x0112] = CANARY, CANARY, orientation
    degrees = tuple(TiffImagePlugin.IFDRational(n) for n in (51, 30, 12))
    exif.get_ifd(0x8825).update({1: "N", 2: degrees, 3: "W", 4: degrees})
    return exif


def xmp() -> bytes:
    return f"<x:xmpmeta><dc:creator>{CANARY}</dc:creator></x:xmpmeta>".encode()


def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() + CANARY.encode()


def png_text() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", CANARY)
    info.add_itxt("XML:com.adobe.xmp", xmp().decode())
    return info


FILES = {
    "jpeg": lambda: encoded(
        gradient(60, 40), "JPEG", exif=camera_exif(), comment=CANARY.encode(), xmp=xmp(), icc_profile=profile()
    ),
    "png": lambda: encoded(gradient(60, 40), "PNG", exif=camera_exif(), pnginfo=png_text(), icc_profile=profile()),
    "webp": lambda: encoded(gradient(60, 40), "WEBP", exif=camera_exif(), xmp=xmp()),
    "tiff": lambda: encoded(gradient(60, 40), "TIFF", exif=camera_exif()),
    "gif": lambda: encoded(gradient(60, 40).convert("P"), "GIF", comment=CANARY.encode()),
}


@pytest.mark.parametrize("kind", FILES)
def test_nothing_but_pixels_is_left(kind: str) -> None:
    data = FILES[kind]()
    assert CANARY.encode() in data
    picture = clean(data)
    assert CANARY.encode() not in picture.content
    with Image.open(io.BytesIO(picture.content)) as left:
        assert left.size == (picture.width, picture.height) == (60, 40)
        assert not left.getexif()
        assert not left.getexif().get_ifd(0x8825)
        assert set(left.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "transparency"}
    for mark in (b"Exif", b"ICC_PROFILE", b"iCCP", b"http://ns.adobe.com", b"tEXt", b"iTXt", b"\xff\xfe"):
        assert mark not in picture.content[:400], mark


def test_a_picture_taken_sideways_stands_upright() -> None:
    picture = clean(encoded(gradient(60, 40), "JPEG", exif=camera_exif(orientation=6)))
    assert (picture.width, picture.height) == (40, 60)
    with Image.open(io.BytesIO(picture.content)) as upright:
        top, foot = upright.convert("L").getpixel((20, 3)), upright.convert("L").getpixel((20, 56))
    with Image.open(io.BytesIO(clean(encoded(gradient(60, 40), "JPEG")).content)) as flat:
        left, right = flat.convert("L").getpixel((3, 20)), flat.convert("L").getpixel((56, 20))
    assert (top < foot) == (left < right)
    assert abs(top - foot) > 100


def test_a_large_picture_becomes_smaller_and_keeps_its_shape() -> None:
    picture = clean(encoded(gradient(4000, 1000), "JPEG"))
    assert (picture.width, picture.height) == (SIDE, SIDE // 4)


def test_what_is_see_through_stays_so() -> None:
    image = Image.new("RGBA", (20, 10), (0, 0, 0, 0))
    picture = clean(encoded(image, "PNG"))
    assert picture.media_type == "image/png"
    with Image.open(io.BytesIO(picture.content)) as left:
        assert left.getpixel((5, 5))[3] == 0


def test_a_colour_profile_is_applied_before_it_goes() -> None:
    """A picture in another colour space would otherwise look wrong."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = clean(encoded(Image.new("RGB", (20, 10), (200, 30, 30)), "PNG", icc_profile=lab))
    with Image.open(io.BytesIO(picture.content)) as left:
        assert max(abs(a - b) for a, b in zip(left.getpixel((5, 5)), (200, 30, 30), strict=True)) < 8
    broken = clean(encoded(Image.new("RGB", (20, 10), (200, 30, 30)), "PNG", icc_profile=b"x" * 200))
    assert broken.width == 20


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be enormous."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(9_000, 9_000), (20_000, 20_000), (2**31 - 1, 2**31 - 1), (80_000_001, 1)])
def test_a_bomb_is_refused_before_it_is_opened(size: tuple[int, int]) -> None:
    with pytest.raises(PictureUnreadable):
        clean(bomb(*size))


@pytest.mark.parametrize("kind", FILES)
def test_a_picture_that_takes_more_than_its_budget_is_refused(kind: str) -> None:
    needed = 60 * 40 * 4 * pictures.COPIES[kind.upper()]
    assert clean(FILES[kind](), needed).width == 60
    with pytest.raises(PictureUnreadable):
        clean(FILES[kind](), needed - 1)


def test_a_phone_has_half_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere = PillowPictures()._budget_bytes
    monkeypatch.setenv("FLET_PLATFORM", "android")
    assert PillowPictures()._budget_bytes * 2 == everywhere


def test_a_scan_of_sixteen_bits_keeps_its_greys() -> None:
    scan = Image.new("I;16", (30, 10))
    for x in range(30):
        for y in range(10):
            scan.putpixel((x, y), x * 2_000)
    with Image.open(io.BytesIO(clean(encoded(scan, "PNG")).content)) as left:
        greys = [left.convert("L").getpixel((x, 5)) for x in (0, 5, 15, 29)]
    assert greys[0] < greys[1] < 60 < greys[2] < greys[3]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_stands_upright(orientation: int) -> None:
    sideways = Image.new("RGB", (40, 20), "white")
    sideways.paste("red", (0, 0, 10, 10))
    with Image.open(io.BytesIO(encoded(sideways, "JPEG", quality=95, exif=camera_exif(orientation)))) as source:
        expected = ImageOps.exif_transpose(source).convert("RGB")
    picture = clean(encoded(sideways, "JPEG", quality=95, exif=camera_exif(orientation)))
    with Image.open(io.BytesIO(picture.content)) as upright:
        assert upright.size == expected.size
        for corner in ((2, 2), (expected.width - 3, 2), (2, expected.height - 3)):
            seen, meant = upright.convert("RGB").getpixel(corner), expected.getpixel(corner)
            assert max(abs(a - b) for a, b in zip(seen, meant, strict=True)) < 40


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"words",
        b"\xff\xd8\xff\xe0",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        bomb(30, 30),
    ],
    ids=["empty", "text", "head", "postscript", "svg", "no pixels"],
)
def test_what_is_no_picture_raises_one_error(data: bytes) -> None:
    with pytest.raises(PictureUnreadable) as raised:
        clean(data)
    assert raised.value.__context__ is None or raised.value.__suppress_context__
    assert data not in str(raised.value).encode() or not data


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_was_cut_off_raises_one_error_or_is_whole(kind: str) -> None:
    data = FILES[kind]()
    for end in range(0, len(data), max(1, len(data) // 40)):
        try:
            clean(data[:end])
        except PictureUnreadable:
            continue


def test_a_file_that_is_too_large_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "PICTURE_FILE_BYTES", 100)
    with pytest.raises(PictureUnreadable):
        clean(FILES["jpeg"]())


async def test_the_adapter_cleans_in_a_thread() -> None:
    picture = await PillowPictures().clean(FILES["jpeg"]())
    assert picture.media_type == "image/jpeg"


@pytest.mark.parametrize(
    ("system", "platform", "phone"),
    [
        ("ios", None, True),
        ("android", None, True),
        ("linux", "ios", True),
        ("linux", "android", True),
        ("linux", None, False),
        ("darwin", "macos", False),
    ],
)
def test_a_phone_is_known_by_its_system_or_by_what_flet_says(monkeypatch, system, platform, phone):
    monkeypatch.setattr(pictures.sys, "platform", system)
    monkeypatch.delenv("FLET_PLATFORM", raising=False)
    if platform:
        monkeypatch.setenv("FLET_PLATFORM", platform)
    assert pictures.is_phone() is phone
