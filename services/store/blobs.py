"""Sealed files beside the documents: sound and pictures, each under a random name and a key of its own.

The key lies in a `BlobRef`, which a sealed document holds; without that document the file is noise. A reference exists
before the first byte, so that a document can name a recording before it begins: it is *open*. It is *complete* once it
has length and digest, and from then on a blob that gives less is damaged. An open one may have been cut by a crash.
"""

import base64
import hashlib
import os
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Self

from companion.crypto import primitives
from companion.crypto.chunked import CHUNK_BYTES, HEADER_BYTES, ChunkedReader, ChunkedWriter
from companion.errors import CryptoError, StoreError, Tampered
from services.store.files import disk_error, make_file, open_plain, our_errors, sync_directory

ID_BYTES = 16
READ_BYTES = 1_048_576

_ID = re.compile(r"[0-9a-f]{32}")
_FIELDS = frozenset({"id", "key", "context", "size", "sha256"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobRef:
    """All that is needed to find and open one blob. `size` and `sha256` are of the content, once it is complete."""

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
        """Raises: StoreError if the disk refuses."""
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
        with our_errors():
            file = make_file(directory / self._ref.id)
            self._open: tuple[BinaryIO, ChunkedWriter] | None = (file, ChunkedWriter(file, self._ref.key, context))
            try:
                sync_directory(directory)
            except OSError:
                self._release()
                raise

    @property
    def ref(self) -> BlobRef:
        """The reference; complete with size and hash after `close`."""
        return self._ref

    def write(self, data: bytes) -> None:
        """Add bytes. Less than 16 KiB of them wait in memory.

        Raises: StoreError if the disk refuses; the blob then ends here. Also if the writer is closed.
        """
        with self._writing() as (_, chunks):
            chunks.write(data)
            self._hash.update(data)
            self._size += len(data)

    def sync(self) -> None:
        """Bring all whole chunks to the disk, if there are new ones. Raises: as `write`."""
        with self._writing() as (file, _):
            whole_chunks = self._size // CHUNK_BYTES
            if whole_chunks != self._synced_chunks:
                _sync(file)
                self._synced_chunks = whole_chunks

    def close(self) -> BlobRef:
        """Finish the blob, bring it to the disk, and return its reference with size and hash.

        A second call only returns the reference. Raises: as `write`.
        """
        if self._open is not None:
            with self._writing() as (file, chunks):
                chunks.close()
                _sync(file)
                self._ref = replace(self._ref, size=self._size, sha256=self._hash.hexdigest())
            self.abandon()
        return self._ref

    def abandon(self) -> None:
        """Close the file as it is, as a crash would; its whole chunks stay readable. Forgets what was not written."""
        with self._lock:
            self._release()

    @contextmanager
    def _writing(self) -> Iterator[tuple[BinaryIO, ChunkedWriter]]:
        with self._lock:
            if self._open is None:
                raise StoreError("the blob is closed")
            try:
                yield self._open
            except OSError as error:
                self._release()  # part of a chunk may be in the file: nothing may follow it
                raise disk_error(error) from None

    def _release(self) -> None:
        if self._open is not None:
            (file, _), self._open = self._open, None
            with suppress(OSError):
                file.close()


class BlobReader:
    """Reads a blob from any position.

    `length`: readable bytes. Of a blob with an open reference, `complete` says whether its end is there; otherwise it
    was cut short, or is still being written.
    """

    def __init__(self, directory: Path, ref: BlobRef) -> None:
        """Raises: Tampered if the file is missing, damaged, another's, or not as long as a complete reference says."""
        file = open_plain(directory / ref.id, "blob")
        try:
            chunks = _chunks(file, ref)
        except BaseException:
            file.close()
            raise
        self._open: tuple[BinaryIO, ChunkedReader | None] | None = (file, chunks)
        self._ref = ref
        self._is_checked = ref.sha256 is None
        self._lock = threading.Lock()
        self.length = 0 if chunks is None else chunks.length
        self.complete = chunks is not None and chunks.complete

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`; fewer only at the end. The first to reach it checks the digest.

        Raises: Tampered if what lies there was changed, or the whole is not what the reference says.
        """
        with self._lock:
            piece = self._read(offset, length)
            if offset + length >= self.length and not self._is_checked:
                self._check(piece if offset == 0 else None)
            return piece

    def digest(self) -> str:
        """Read everything, and return its SHA-256 in hex. Raises: Tampered if some of it was changed."""
        with self._lock:
            return _sha256(self._pieces())

    def _check(self, whole: bytes | None) -> None:
        if _sha256(self._pieces() if whole is None else (whole,)) != self._ref.sha256:
            raise Tampered(f"blob {self._ref.id} is not what was written", "blob")
        self._is_checked = True

    def _pieces(self) -> Iterator[bytes]:
        for offset in range(0, self.length, READ_BYTES):
            yield self._read(offset, READ_BYTES)

    def _read(self, offset: int, length: int) -> bytes:
        if self._open is None:
            raise StoreError("the blob is closed")
        chunks = self._open[1]
        try:
            return b"" if chunks is None else chunks.read_at(offset, length)
        except CryptoError:
            raise Tampered(f"blob {self._ref.id} was changed", "blob") from None
        except OSError as error:
            raise disk_error(error) from None

    def close(self) -> None:
        """Close the file and forget the key; a second call does nothing."""
        with self._lock:
            if self._open is not None:
                (file, _), self._open = self._open, None
                file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _chunks(file: BinaryIO, ref: BlobRef) -> ChunkedReader | None:
    """Return what reads the file; None for one that a crash cut before its header was whole. Raises: Tampered."""
    try:
        size = os.fstat(file.fileno()).st_size
        if size < HEADER_BYTES and not ref.size:
            return None
        chunks = ChunkedReader(file, size, ref.key, ref.context)
    except CryptoError:
        raise Tampered(f"blob {ref.id} was changed", "blob") from None
    except OSError as error:
        raise disk_error(error) from None
    if ref.size not in (None, chunks.length):
        raise Tampered(f"blob {ref.id} has {chunks.length} bytes instead of {ref.size}", "blob")
    return chunks


def settled(directory: Path, ref: BlobRef) -> BlobRef:
    """Return the complete reference of a blob that is not written any more: a crash cuts a blob, and never twice.

    From then on less than what is readable now is damage. Raises: Tampered if the file is missing or changed.
    """
    if ref.size is not None:
        return ref
    with BlobReader(directory, ref) as blob:
        return replace(ref, size=blob.length, sha256=blob.digest())


def references(value: object) -> Iterator[BlobRef]:
    """Yield every blob reference that a document holds, however deep."""
    if isinstance(value, dict):
        if value.keys() >= _FIELDS:
            with suppress(ValueError):
                yield BlobRef.from_doc(value)
                return
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from references(inner)


def drop_blob(directory: Path, ref: BlobRef) -> None:
    """Remove a blob's file; a missing one is ignored. Raises: StoreError if the disk refuses."""
    with our_errors():
        (directory / ref.id).unlink(missing_ok=True)
        sync_directory(directory)


def _sha256(pieces: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
