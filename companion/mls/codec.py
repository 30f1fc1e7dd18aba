"""The TLS presentation language as MLS uses it (RFC 9420 section 2.1): integers, vectors, optionals.

Every length is checked before anything is allocated, vector lengths must use the shortest form, and a caller that
expects the end of the data says so with `finish`. Malformed bytes raise `CryptoError`.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from companion.errors import CryptoError

T = TypeVar("T")

# No message of a group of LEAVES_MAX members comes near this.
MESSAGE_BYTES_MAX = 524_288
LEAVES_MAX = 1_024
ITEMS_MAX = 256


class Reader:
    """Reads values from a range of bytes, front to back."""

    __slots__ = ("_data", "_end", "_position")

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self._data = data
        self._position = start
        self._end = len(data) if end is None else end

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        start = self._position
        if count > self._end - start:
            raise CryptoError(f"{count} bytes expected, {self._end - start} left")
        self._position = start + count
        return self._data[start : start + count]

    def uint8(self) -> int:
        """Return the next byte."""
        return self.take(1)[0]

    def uint16(self) -> int:
        """Return the next two bytes as a number."""
        return int.from_bytes(self.take(2), "big")

    def uint32(self) -> int:
        """Return the next four bytes as a number."""
        return int.from_bytes(self.take(4), "big")

    def uint64(self) -> int:
        """Return the next eight bytes as a number."""
        return int.from_bytes(self.take(8), "big")

    def length(self) -> int:
        """Return a vector length header: 1, 2 or 4 bytes, never more than needed (section 2.1.2)."""
        first = self.uint8()
        prefix = first >> 6
        if prefix == 0:
            return first
        if prefix == 3:
            raise CryptoError("a vector length starts with an invalid prefix")
        more = self.take((1 << prefix) - 1)
        value = (first & 0x3F) << (8 * len(more)) | int.from_bytes(more, "big")
        if value < (64 if prefix == 1 else 16_384):
            raise CryptoError("a vector length does not use the shortest form")
        return value

    def opaque(self) -> bytes:
        """Return the bytes of a variable-size vector."""
        return self.take(self.length())

    def vector(self, read_item: "Callable[[Reader], T]", most: int = ITEMS_MAX) -> tuple[T, ...]:
        """Return the items of a variable-size vector, at most `most`."""
        count = self.length()
        start = self._position
        if count > self._end - start:
            raise CryptoError(f"{count} bytes expected, {self._end - start} left")
        inner = Reader(self._data, start, start + count)
        self._position = start + count
        items: list[T] = []
        while inner._position < inner._end:
            if len(items) >= most:
                raise CryptoError(f"a vector has more than {most} items")
            items.append(read_item(inner))
        return tuple(items)

    def optional(self, read_item: "Callable[[Reader], T]") -> T | None:
        """Return a value that may be absent (section 2.1.1)."""
        present = self.uint8()
        if present > 1:
            raise CryptoError("a presence octet is neither 0 nor 1")
        return read_item(self) if present else None

    def rest(self) -> bytes:
        """Return everything that is left."""
        return self.take(self._end - self._position)

    def finish(self) -> None:
        """Refuse trailing bytes."""
        if self._position != self._end:
            raise CryptoError(f"{self._end - self._position} bytes too many")


def decode(data: bytes, read_item: Callable[[Reader], T]) -> T:
    """Read one value that fills `data` exactly."""
    reader = Reader(data)
    value = read_item(reader)
    reader.finish()
    return value


def read_uint8(reader: Reader) -> int:
    """Read one byte: an item of a vector."""
    return reader.uint8()


def read_uint16(reader: Reader) -> int:
    """Read two bytes: an item of a vector."""
    return reader.uint16()


def read_uint32(reader: Reader) -> int:
    """Read four bytes: an item of a vector."""
    return reader.uint32()


def read_opaque(reader: Reader) -> bytes:
    """Read a variable-size vector of bytes: an item of a vector."""
    return reader.opaque()


def uint8(value: int) -> bytes:
    """Write one byte."""
    return value.to_bytes(1, "big")


def uint16(value: int) -> bytes:
    """Write two bytes."""
    return value.to_bytes(2, "big")


def uint32(value: int) -> bytes:
    """Write four bytes."""
    return value.to_bytes(4, "big")


def uint64(value: int) -> bytes:
    """Write eight bytes."""
    return value.to_bytes(8, "big")


def length(count: int) -> bytes:
    """Write a vector length header in its shortest form."""
    if count < 64:
        return count.to_bytes(1, "big")
    if count < 16_384:
        return (count | 0x4000).to_bytes(2, "big")
    if count < 1 << 30:
        return (count | 0x8000_0000).to_bytes(4, "big")
    raise ValueError("a vector is too long")


def opaque(data: bytes) -> bytes:
    """Write bytes as a variable-size vector."""
    return length(len(data)) + data


def vector(items: Iterable[bytes]) -> bytes:
    """Write encoded items as a variable-size vector."""
    return opaque(b"".join(items))


def optional(encoded: bytes | None) -> bytes:
    """Write an encoded value that may be absent."""
    return b"\x00" if encoded is None else b"\x01" + encoded
