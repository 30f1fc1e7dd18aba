"""Where blobs may be, and the order in which their bytes become one."""

import hashlib
import secrets

import pytest

from services.relay.blobs.objects import OtherBytes, UnusableObjects, open_objects
from services.relay.refusal import Refusal
from services.sync.protocol import PART_BYTES

BLOB = b"1" * 16
DATA = secrets.token_bytes(2 * PART_BYTES + 9)


@pytest.fixture
def blobs(tmp_path):
    return open_objects(None, tmp_path)


async def put_parts(blobs, *numbers):
    for number in numbers:
        await blobs.put_part(BLOB, number, DATA[number * PART_BYTES : (number + 1) * PART_BYTES])


async def whole(blobs):
    return b"".join([piece async for piece in await blobs.read(BLOB, 0, len(DATA))])


@pytest.mark.parametrize(
    ("place", "is_direct"),
    [
        ("s3://", False),
        ("ftp://bucket", False),
        ("https://bucket.example", False),
        ("s3://bucket?colour=red", False),
        ("s3://bucket", True),
        ("/tmp/x", True),  # noqa: S108  (nothing is written there)
        (None, True),
    ],
)
def test_place_that_cannot_work_is_refused_at_the_start(tmp_path, place, is_direct):
    with pytest.raises(UnusableObjects):
        open_objects(place, tmp_path, is_direct=is_direct)


def test_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "blobs").write_text("x")
    with pytest.raises(UnusableObjects):
        open_objects(None, tmp_path)


def test_folder_is_private(tmp_path):
    open_objects(None, tmp_path)
    assert (tmp_path / "blobs").stat().st_mode & 0o077 == 0


async def test_parts_may_come_in_any_order_and_twice(blobs):
    digest = hashlib.sha256(DATA).digest()
    assert await blobs.missing(BLOB, len(DATA)) == 0
    await put_parts(blobs, 2, 0, 0)
    assert await blobs.missing(BLOB, len(DATA)) == PART_BYTES
    await put_parts(blobs, 1)
    assert await blobs.missing(BLOB, len(DATA)) == len(DATA)
    await blobs.join(BLOB, len(DATA), digest)
    assert await whole(blobs) == DATA
    await blobs.drop_parts(BLOB)
    assert await blobs.missing(BLOB, len(DATA)) == 0


async def test_part_of_the_wrong_size_counts_as_missing(blobs):
    await put_parts(blobs, 0, 1, 2)
    await blobs.put_part(BLOB, 1, b"short")
    assert await blobs.missing(BLOB, len(DATA)) == PART_BYTES


async def test_wrong_bytes_do_not_replace_what_is_there(blobs):
    await put_parts(blobs, 0, 1, 2)
    await blobs.join(BLOB, len(DATA), hashlib.sha256(DATA).digest())
    await blobs.put_part(BLOB, 1, bytes(PART_BYTES))
    with pytest.raises(OtherBytes):
        await blobs.join(BLOB, len(DATA), hashlib.sha256(DATA).digest())
    assert await whole(blobs) == DATA


async def test_parts_that_are_gone_make_nothing(blobs):
    await put_parts(blobs, 0, 2)
    with pytest.raises(FileNotFoundError):
        await blobs.join(BLOB, len(DATA), hashlib.sha256(DATA).digest())
    assert await blobs.size(BLOB) is None


async def test_drop_takes_parts_and_whole_and_is_no_error_twice(blobs, tmp_path):
    await put_parts(blobs, 0)
    await blobs.put(BLOB, b"x")
    for _ in range(2):
        await blobs.drop(BLOB)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


async def test_service_that_does_not_answer_is_busy(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    blobs = open_objects("s3://bucket?endpoint=http://127.0.0.1:1", tmp_path)
    for work in (blobs.put(BLOB, b"x"), blobs.size(BLOB), blobs.drop(BLOB), blobs.read(BLOB, 0, 1)):
        with pytest.raises(Refusal, match="503 busy"):
            await work
