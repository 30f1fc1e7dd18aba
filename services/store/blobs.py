"""Sealed files beside the documents: sound and pictures, each under a random name and a key of its own.

The key lies in a `BlobRef`, which a sealed document holds; without that document the file is noise. A reference exists
before the first byte, so that a document can name a recording before it begins.
"""

import base64
import hashlib
import os
import re
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Self

from companion.crypto import primitives
from companion.crypto.chunked import CHUNK_BYTES, ChunkedReader, ChunkedWriter
from companion.errors import CryptoError, StoreError, Tampered
from services.store.files import sync_directory

ID_BYTES = 16
READ_BYTES = 1_048_576

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobRef:
    """All that is needed to find and open one blob. `size` and `sha256` are of the content, once it is finished."""

    id: str
    key: bytes
    context: bytes
    size: int | None = None
    sha256: str | None = None

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id) or len(self.key) != primitives.KEY_BYTES:
            raise ValueError("not a blob reference")

    def to_doc(self) -> dict[str, object]:
        """Return the reference as part of a document."""
        return {
            "id": self.id,
            "key": base64.b64encode(self.key).decode(),
            "context": base64.b64encode(self.context).decode(),
            "size": self.size,
            "sha256": self.sha256,
        }

    @classmethod
    def from_doc(cls, doc: dict[str, object]) -> "BlobRef":
        """Parse what `to_doc` returned.

        Raises: ValueError if it is something else.
        """
        try:
            size, sha256 = doc["size"], doc["sha256"]
            return cls(
                id=str(doc["id"]),
                key=base64.b64decode(str(doc["key"]), validate=True),
                context=base64.b64decode(str(doc["context"]), validate=True),
                size=None if size is None else int(str(size)),
                sha256=None if sha256 is None else str(sha256),
            )
        except (KeyError, ValueError):
            raise ValueError("not a blob reference") from None


class BlobWriter:
    """Seals a stream into a new blob. After a crash its whole chunks (16 KiB) are readable; it is never continued."""

    def __init__(self, directory: Path, context: bytes) -> None:
        self._lock = threading.Lock()
        self._hash = hashlib.sha256()
        self._ref = BlobRef(
            id=primitives.random_bytes(ID_BYTES).hex(),
            key=primitives.random_bytes(primitives.KEY_BYTES),
            context=context,
            size=None,
        )
        self._size = 0
        self._synced_chunks = 0
        path = directory / self._ref.id
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file: BinaryIO | None = os.fdopen(descriptor, "wb")
        self._chunks = ChunkedWriter(self._file, self._ref.key, context)
        sync_directory(directory)

    @property
    def ref(self) -> BlobRef:
        """The reference; complete with size and hash after `close`."""
        return self._ref

    def write(self, data: bytes) -> None:
        """Add bytes. Less than 16 KiB of them wait in memory.

        Raises: StoreError if the disk refuses or the writer is closed.
        """
        with self._lock:
            self._open_file()
            self._hash.update(data)
            self._size += len(data)
            try:
                self._chunks.write(data)
            except OSError as error:
                raise _disk_error(error) from None

    def sync(self) -> None:
        """Bring all whole chunks to the disk, if there are new ones."""
        with self._lock:
            file, chunks = self._open_file(), self._size // CHUNK_BYTES
            if chunks != self._synced_chunks:
                self._sync(file)
                self._synced_chunks = chunks

    def close(self) -> BlobRef:
        """Finish the blob, bring it to the disk, and return its reference with size and hash."""
        with self._lock:
            if self._file is None:
                return self._ref
            file = self._file
            try:
                self._chunks.close()
                self._sync(file)
            except OSError as error:
                raise _disk_error(error) from None
            finally:
                self._file = None
                file.close()
            self._ref = replace(self._ref, size=self._size, sha256=self._hash.hexdigest())
            return self._ref

    def abandon(self) -> None:
        """Close the file without its end, as a crash would; its whole chunks stay readable."""
        with self._lock:
            if self._file is not None:
                file, self._file = self._file, None
                file.close()

    def _open_file(self) -> BinaryIO:
        if self._file is None:
            raise StoreError("the blob is closed")
        return self._file

    @staticmethod
    def _sync(file: BinaryIO) -> None:
        try:
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            raise _disk_error(error) from None


class BlobReader:
    """Reads a blob from any position, also one whose writing was cut short.

    `length`: readable bytes; `complete`: the end is there and genuine, and as long as the reference says.
    """

    def __init__(self, directory: Path, ref: BlobRef) -> None:
        """Raises: Tampered if the file is missing, damaged or another's."""
        path = directory / ref.id
        try:
            self._file: BinaryIO | None = path.open("rb")
        except FileNotFoundError:
            raise Tampered(f"blob {ref.id} is missing") from None
        except OSError as error:
            raise _disk_error(error) from None
        try:
            self._chunks = ChunkedReader(self._file, os.fstat(self._file.fileno()).st_size, ref.key, ref.context)
        except CryptoError:
            self._file.close()
            raise Tampered(f"blob {ref.id} was changed") from None
        self._id = ref.id
        self._lock = threading.Lock()
        self.length = self._chunks.length
        self.complete = self._chunks.complete and ref.size in (None, self.length)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`; fewer only at the end.

        Raises: Tampered if what lies there was changed.
        """
        with self._lock:
            if self._file is None:
                raise StoreError("the blob is closed")
            try:
                return self._chunks.read_at(offset, length)
            except CryptoError:
                raise Tampered(f"blob {self._id} was changed") from None

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        with self._lock:
            if self._file is not None:
                file, self._file = self._file, None
                file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def drop_blob(directory: Path, ref: BlobRef) -> None:
    """Remove a blob's file; a missing one is ignored."""
    (directory / ref.id).unlink(missing_ok=True)
    sync_directory(directory)


def _disk_error(error: OSError) -> StoreError:
    return StoreError(f"the disk refused: {os.strerror(error.errno or 0)}")
