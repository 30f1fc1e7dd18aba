"""Cryptographic helpers for any input."""

import io

from hypothesis import given, settings
from hypothesis import strategies as st

from companion.crypto import hpke, keyslots, primitives, words
from companion.crypto.chunked import ChunkedReader, ChunkedWriter
from companion.errors import CryptoError, WrongKey, WrongWords

KEY = bytes(range(32))
PRIVATE, PUBLIC = bytes(range(32)), primitives.dh_public(bytes(range(32)))


@given(plaintext=st.binary(max_size=300), aad=st.binary(max_size=60))
def test_sealed_blob_opens_to_what_was_sealed(plaintext, aad):
    assert primitives.aead_open(KEY, primitives.aead_seal(KEY, plaintext, aad), aad) == plaintext


@given(blob=st.binary(max_size=200))
def test_hostile_bytes_raise_only_typed_errors(blob):
    for attempt in (
        lambda: primitives.aead_open(KEY, blob, b""),
        lambda: hpke.open_sealed(PRIVATE, b"", blob),
        lambda: keyslots.unwrap(KEY, blob, b""),
        lambda: ChunkedReader(io.BytesIO(blob), len(blob), KEY, b""),
        lambda: primitives.verify(blob, blob, blob),
    ):
        try:
            attempt()
        except (CryptoError, WrongKey):
            continue
        raise AssertionError("hostile bytes were accepted")


@given(text=st.text(max_size=300))
def test_hostile_words_raise_only_typed_errors(text):
    try:
        words.key_from_words(text)
    except WrongWords:
        return
    raise AssertionError("hostile words were accepted")


@given(key=st.binary(min_size=32, max_size=32))
def test_words_give_any_key_back(key):
    assert words.key_from_words(" ".join(words.words_from_key(key))) == key


@given(info=st.binary(max_size=50), plaintext=st.binary(max_size=200), aad=st.binary(max_size=50))
def test_hpke_opens_to_what_was_sealed(info, plaintext, aad):
    assert hpke.open_sealed(PRIVATE, info, hpke.seal(PUBLIC, info, plaintext, aad), aad) == plaintext


@settings(max_examples=40)
@given(
    pieces=st.lists(st.binary(max_size=200).map(lambda piece: piece * 97), max_size=8),
    offset=st.integers(0, 60_000),
    n=st.integers(0, 60_000),
)
def test_chunked_file_reads_like_the_plain_bytes(pieces, offset, n):
    file = io.BytesIO()
    writer = ChunkedWriter(file, KEY, b"place")
    for piece in pieces:
        writer.write(piece)
    writer.close()
    plaintext = b"".join(pieces)
    reader = ChunkedReader(file, len(file.getvalue()), KEY, b"place")
    assert reader.complete
    assert reader.length == len(plaintext)
    assert reader.read_at(offset, n) == plaintext[offset : offset + n]


@settings(max_examples=40)
@given(data=st.data())
def test_cut_chunked_file_is_never_complete(data):
    plaintext = bytes(40_000)
    file = io.BytesIO()
    writer = ChunkedWriter(file, KEY, b"place")
    writer.write(plaintext)
    writer.close()
    blob = file.getvalue()
    kept = blob[: data.draw(st.integers(56, len(blob) - 1))]
    reader = ChunkedReader(io.BytesIO(kept), len(kept), KEY, b"place")
    assert not reader.complete
    assert plaintext.startswith(reader.read_at(0, 40_000))
