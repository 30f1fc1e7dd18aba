"""The blobs of one opened store: it hands out writers and readers, and ends them when the store is locked."""

import os
import threading
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, TypeVar

from companion.errors import StoreError, Tampered
from services.store.blobs import READ_BYTES, BlobReader, BlobRef, BlobWriter, drop_blob, settled
from services.store.files import our_errors

Handle = TypeVar("Handle", BlobReader, BlobWriter)


class BlobShelf:
    """One folder of blobs. Every method may be called from any thread; after `close` all raise StoreError."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._handles: weakref.WeakSet[BlobReader | BlobWriter] = weakref.WeakSet()
        self._guard = threading.Lock()
        self._is_closed = False

    def writer(self, context: bytes) -> BlobWriter:
        """Begin a blob. `context` says what it is, and must be the same when it is read."""
        return self._track(BlobWriter(self._open(), context))

    def put(self, content: bytes | BinaryIO, context: bytes = b"") -> BlobRef:
        """Seal bytes or a stream as a blob; when this returns, it is durable."""
        writer = self.writer(context)
        try:
            for piece in _pieces(content):
                writer.write(piece)
            return writer.close()
        except BaseException:
            writer.abandon()
            drop_blob(self._open(), writer.ref)
            raise

    def reader(self, ref: BlobRef) -> BlobReader:
        """Open a blob for reading; with an open reference also one whose writing was cut short.

        Raises: Tampered if it is missing, was changed, or is not as long as the reference says.
        """
        return self._track(BlobReader(self._open(), ref))

    def settle(self, ref: BlobRef) -> BlobRef:
        """Return the complete reference of a blob that a crash may have cut short and that nobody writes any more.

        Raises: Tampered if it is missing or was changed.
        """
        return settled(self._open(), ref)

    def drop(self, ref: BlobRef) -> None:
        """Remove a blob. Commit the document that named it first."""
        drop_blob(self._open(), ref)

    def usage(self) -> tuple[int, int]:
        """Return how many blobs there are, and their bytes on the disk. Raises: StoreError."""
        with our_errors():
            sizes = [entry.stat(follow_symlinks=False).st_size for entry in os.scandir(self._open())]
        return len(sizes), sum(sizes)

    def close(self) -> None:
        """End what is being read or written; a blob that is being written ends where it is, as in a crash."""
        with self._guard:
            self._is_closed = True
            for handle in list(self._handles):
                handle.abandon() if isinstance(handle, BlobWriter) else handle.close()
            self._handles.clear()

    def _open(self) -> Path:
        if self._is_closed:
            raise StoreError("the store is locked")
        with our_errors():
            is_link = self._directory.is_symlink()
        if is_link:
            raise Tampered("the folder of the blobs is a link", "blob")
        return self._directory

    def _track(self, handle: Handle) -> Handle:
        with self._guard:
            self._handles.add(handle)
        return handle


def _pieces(content: bytes | BinaryIO) -> Iterable[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    while piece := content.read(READ_BYTES):
        yield piece
