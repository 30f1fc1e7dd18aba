"""Chunked files: the format of an independent implementation, random access, and honest ends."""

import io

import pytest

from companion.crypto.chunked import CHUNK_BYTES, HEADER_BYTES, TAG_BYTES, ChunkedReader, ChunkedWriter, sealed_bytes
from companion.errors import CryptoError

KEY = bytes(range(32))
CONTEXT = b"story1|id|7"
SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 100]


@pytest.fixture
def oracle():
    """The same format in the library itself, which has it from version 50 on; phones carry an older one."""
    return pytest.importorskip("cryptography.cobblestone")


def text_of(size):
    return bytes(i * 7 % 251 for i in range(size))


def sealed(plaintext, step=10_000):
    file = io.BytesIO()
    writer = ChunkedWriter(file, KEY, CONTEXT)
    for start in range(0, len(plaintext), step):
        writer.write(plaintext[start : start + step])
    writer.close()
    return file.getvalue()


def reader_of(blob, key=KEY, context=CONTEXT):
    return ChunkedReader(io.BytesIO(blob), len(blob), key, context)


@pytest.mark.parametrize("size", SIZES)
def test_other_implementation_opens_ours(size, oracle):
    decryptor = oracle.Cobblestone256Decryptor(KEY, CONTEXT)
    assert decryptor.update(sealed(text_of(size))) + (decryptor.finalize() or b"") == text_of(size)


@pytest.mark.parametrize("size", SIZES)
def test_ours_opens_the_other_implementation(size, oracle):
    encryptor = oracle.Cobblestone256Encryptor(KEY, CONTEXT)
    blob = encryptor.update(text_of(size)) + encryptor.finalize()
    reader = reader_of(blob)
    assert reader.complete
    assert reader.length == size
    assert reader.read_at(0, size) == text_of(size)


def test_any_position_can_be_read():
    plaintext = text_of(3 * CHUNK_BYTES + 100)
    reader = reader_of(sealed(plaintext))
    for offset in (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, 2 * CHUNK_BYTES + 5, len(plaintext) - 1, len(plaintext)):
        for n in (0, 1, 50, CHUNK_BYTES, 10 * CHUNK_BYTES):
            assert reader.read_at(offset, n) == plaintext[offset : offset + n]
    assert reader.read_at(len(plaintext) + 5, 10) == b""


@pytest.mark.parametrize("cut", [1, 50, 100, 116, 117, 5_000, CHUNK_BYTES + 116, CHUNK_BYTES + 117])
def test_cut_file_is_never_complete_and_its_whole_chunks_can_be_read(cut):
    plaintext = text_of(3 * CHUNK_BYTES + 100)
    blob = sealed(plaintext)[:-cut]
    reader = reader_of(blob)
    whole = (len(blob) - HEADER_BYTES) // (CHUNK_BYTES + TAG_BYTES) * CHUNK_BYTES
    assert not reader.complete
    assert reader.length == whole
    assert reader.read_at(0, len(plaintext)) == plaintext[:whole]


def test_changed_chunk_is_refused():
    blob = bytearray(sealed(text_of(3 * CHUNK_BYTES)))
    blob[HEADER_BYTES + CHUNK_BYTES + 100] ^= 1
    reader = reader_of(bytes(blob))
    assert reader.read_at(0, CHUNK_BYTES) == text_of(CHUNK_BYTES)
    with pytest.raises(CryptoError):
        reader.read_at(CHUNK_BYTES, 1)


def test_swapped_chunks_are_refused():
    blob = sealed(text_of(3 * CHUNK_BYTES))
    step = CHUNK_BYTES + TAG_BYTES
    first, second = (blob[HEADER_BYTES : HEADER_BYTES + step], blob[HEADER_BYTES + step : HEADER_BYTES + 2 * step])
    reader = reader_of(blob[:HEADER_BYTES] + second + first + blob[HEADER_BYTES + 2 * step :])
    with pytest.raises(CryptoError):
        reader.read_at(0, 1)


def test_changed_last_chunk_is_not_complete():
    blob = bytearray(sealed(text_of(CHUNK_BYTES + 9)))
    blob[-1] ^= 1
    reader = reader_of(bytes(blob))
    assert not reader.complete
    assert reader.length == CHUNK_BYTES


def test_other_key_and_other_place_are_refused():
    blob = sealed(b"words")
    with pytest.raises(CryptoError):
        reader_of(blob, key=bytes(32))
    with pytest.raises(CryptoError):
        reader_of(blob, context=b"story1|id|8")


@pytest.mark.parametrize("length", [0, 10, HEADER_BYTES - 1])
def test_file_without_a_whole_header_is_refused(length):
    with pytest.raises(CryptoError):
        reader_of(sealed(b"words")[:length])


def test_file_shorter_than_it_claims_is_refused():
    blob = sealed(text_of(3 * CHUNK_BYTES))
    reader = ChunkedReader(io.BytesIO(blob[: HEADER_BYTES + 100]), len(blob), KEY, CONTEXT)
    assert not reader.complete
    with pytest.raises(CryptoError):
        reader.read_at(0, 1)


def test_closed_writer_takes_nothing_more():
    writer = ChunkedWriter(io.BytesIO(), KEY, CONTEXT)
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        writer.write(b"more")
    with pytest.raises(ValueError, match="closed"):
        writer.close()


def test_two_files_with_one_key_share_no_bytes_of_header():
    assert sealed(b"words")[:HEADER_BYTES] != sealed(b"words")[:HEADER_BYTES]


def test_negative_positions_are_programming_errors():
    reader = reader_of(sealed(b"words"))
    with pytest.raises(ValueError, match="negative"):
        reader.read_at(-1, 1)
    with pytest.raises(ValueError, match="negative"):
        reader.read_at(0, -1)


@pytest.mark.parametrize("size", SIZES)
def test_length_of_a_sealed_file_is_known_before(size):
    assert len(sealed(text_of(size))) == sealed_bytes(size)
