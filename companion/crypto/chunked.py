"""Large files sealed in chunks that can be read from any position (C2SP chunked encryption, Cobblestone-256).

A file is a salt (24 bytes), a key commitment (32 bytes), then chunks of 16 KiB, each with its tag (16 bytes). The
last chunk is always shorter than 16 KiB, so a file that was cut short shows it. After a crash a file is never
continued: sealing a chunk number again with other bytes would reuse its nonce. Keep what is whole, start a new file.

Source: c2sp.org/chunked-encryption, AEAD_AES_256_GCM.
"""

import os
from typing import BinaryIO

from companion.crypto import primitives
from companion.crypto.primitives import NONCE_BYTES, TAG_BYTES, Aead, RandomSource
from companion.errors import CryptoError

CHUNK_BYTES = 16_384
SALT_BYTES = 24
COMMITMENT_BYTES = 32
HEADER_BYTES = SALT_BYTES + COMMITMENT_BYTES
CHUNKS_MAX = 2**38

_SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES
_INFO = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"


def sealed_bytes(size_bytes: int) -> int:
    """Return how long a file of this content is, sealed."""
    return HEADER_BYTES + size_bytes + TAG_BYTES * (size_bytes // CHUNK_BYTES + 1)


class _ChunkKey:
    """The key, nonces and commitment of one file."""

    __slots__ = ("_base_nonce", "_key", "commitment")

    def __init__(self, key: bytes, salt: bytes, context: bytes) -> None:
        if len(key) != primitives.KEY_BYTES:
            raise ValueError("a file key must have 32 bytes")
        length = primitives.KEY_BYTES + NONCE_BYTES + COMMITMENT_BYTES
        material = primitives.hkdf_expand(key, _INFO + salt + context, length, "sha512")
        self._key = material[: primitives.KEY_BYTES]
        self._base_nonce = int.from_bytes(material[primitives.KEY_BYTES : -COMMITMENT_BYTES], "big")
        self.commitment = material[-COMMITMENT_BYTES:]

    def _nonce(self, number: int) -> bytes:
        if number >= CHUNKS_MAX:
            raise CryptoError("the file has too many chunks")
        return (self._base_nonce ^ number).to_bytes(NONCE_BYTES, "big")

    def seal(self, number: int, plaintext: bytes) -> bytes:
        return primitives.aead_encrypt(Aead.AES_256_GCM, self._key, self._nonce(number), plaintext, b"")

    def open(self, number: int, ciphertext: bytes) -> bytes:
        return primitives.aead_decrypt(Aead.AES_256_GCM, self._key, self._nonce(number), ciphertext, b"")


class ChunkedWriter:
    """Seals a stream into a new file; what is not yet a whole chunk waits in memory.

    `key`: 32 random bytes of this file or story; `context`: what the file is, at most a few hundred bytes.
    """

    def __init__(self, file: BinaryIO, key: bytes, context: bytes, random: RandomSource = os.urandom) -> None:
        salt = random(SALT_BYTES)
        self._chunk_key: _ChunkKey | None = _ChunkKey(key, salt, context)
        self._file = file
        self._waiting = bytearray()
        self._number = 0
        file.write(salt + self._chunk_key.commitment)

    def write(self, data: bytes) -> None:
        """Add bytes; every full 16 KiB is sealed and written at once.

        Raises: ValueError after `close`.
        """
        chunk_key = self._open_key()
        self._waiting += data
        position = 0
        while len(self._waiting) - position >= CHUNK_BYTES:
            self._file.write(chunk_key.seal(self._number, bytes(self._waiting[position : position + CHUNK_BYTES])))
            position += CHUNK_BYTES
            self._number += 1
        del self._waiting[:position]

    def close(self) -> None:
        """Write the last, short chunk, which may be empty, and forget the key. The file itself stays open.

        Raises: ValueError if called twice.
        """
        self._file.write(self._open_key().seal(self._number, bytes(self._waiting)))
        self._chunk_key = None
        self._waiting.clear()

    def _open_key(self) -> _ChunkKey:
        if self._chunk_key is None:
            raise ValueError("the writer is closed")
        return self._chunk_key


class ChunkedReader:
    """Reads a sealed file of `size` bytes from any position.

    `length`: plaintext bytes that can be read. `complete`: the last chunk is there and genuine; otherwise the file
    was cut short or damaged at its end, and only its full chunks are read.
    Raises: CryptoError if the file is too short or the key or context is another's.
    """

    def __init__(self, file: BinaryIO, size: int, key: bytes, context: bytes) -> None:
        file.seek(0)
        header = file.read(HEADER_BYTES)
        if size < HEADER_BYTES or len(header) != HEADER_BYTES:
            raise CryptoError(f"a sealed file of {size} bytes is too short")
        self._chunk_key = _ChunkKey(key, header[:SALT_BYTES], context)
        if not primitives.same_bytes(self._chunk_key.commitment, header[SALT_BYTES:]):
            raise CryptoError("the file was sealed with another key or for another place")
        self._file = file
        full_chunks, last_bytes = divmod(size - HEADER_BYTES, _SEALED_CHUNK_BYTES)
        self.complete = last_bytes >= TAG_BYTES and self._opens(full_chunks, last_bytes)
        self.length = full_chunks * CHUNK_BYTES + (last_bytes - TAG_BYTES if self.complete else 0)

    def read_at(self, offset: int, n: int) -> bytes:
        """Return up to n bytes from `offset`, fewer only at the end of what can be read.

        Raises: CryptoError if a chunk was changed.
        """
        if offset < 0 or n < 0:
            raise ValueError("offset and length must not be negative")
        end = min(offset + n, self.length)
        pieces = []
        while offset < end:
            number, start = divmod(offset, CHUNK_BYTES)
            piece = self._chunk(number, _SEALED_CHUNK_BYTES)[start : start + end - offset]
            if not piece:
                raise CryptoError("a chunk is shorter than the file says")
            pieces.append(piece)
            offset += len(piece)
        return b"".join(pieces)

    def _chunk(self, number: int, sealed_bytes: int) -> bytes:
        self._file.seek(HEADER_BYTES + number * _SEALED_CHUNK_BYTES)
        return self._chunk_key.open(number, self._file.read(sealed_bytes))

    def _opens(self, number: int, sealed_bytes: int) -> bool:
        try:
            self._chunk(number, sealed_bytes)
        except CryptoError:
            return False
        return True
