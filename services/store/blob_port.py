"""The blobs as the core asks for them (`companion.ports`): asynchronous, on the thread of their store."""

from collections.abc import Iterator
from contextlib import contextmanager

from companion.errors import Tampered
from companion.ports import Doc
from services.store.blobs import BlobRef, BlobWriter
from services.store.damaged import DamagedTables
from services.store.store import SealedStore
from services.store.worker import Worker


class SealedRecording:
    """A blob that grows while it is being recorded."""

    def __init__(self, writer: BlobWriter, worker: Worker) -> None:
        self._writer = writer
        self._worker = worker

    @property
    def reference(self) -> Doc:
        """What a document keeps to find the blob again."""
        return self._writer.ref.to_doc()

    async def write(self, data: bytes) -> None:
        """Seal the data and bring all full chunks (16 KiB) of it to the disk."""
        await self._worker.run(self._write, data)

    async def close(self) -> None:
        """Finish the blob; `reference` then has its size and hash."""
        await self._worker.run(self._writer.close)

    def _write(self, data: bytes) -> None:
        self._writer.write(data)
        self._writer.sync()


class SealedBlobs:
    """Large sealed things beside the documents. `damaged` hears of every one that is not as it was written."""

    def __init__(self, store: SealedStore, worker: Worker, damaged: DamagedTables) -> None:
        self._store = store
        self._worker = worker
        self._damaged = damaged

    async def start(self, context: bytes) -> SealedRecording:
        """Begin a blob. `context` says what it is."""
        return SealedRecording(await self._worker.run(self._store.blobs.writer, context), self._worker)

    async def put(self, content: bytes, context: bytes) -> Doc:
        """Seal bytes as a blob and return its reference."""
        return (await self._worker.run(self._store.blobs.put, content, context)).to_doc()

    async def length(self, reference: Doc) -> int:
        """Return the number of bytes that a reference promises; of an open one, how many can be read now."""
        return await self._worker.run(self._length, BlobRef.from_doc(reference))

    async def settle(self, reference: Doc) -> Doc:
        """Return the reference of a blob that nobody writes any more with length and digest of what can be read of it.

        One that has them stays as it is. Raises: Tampered if the blob is missing or was changed.
        """
        return await self._worker.run(self._settle, BlobRef.from_doc(reference))

    async def read(self, reference: Doc, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`; fewer only at the end.

        Raises: Tampered if the blob is missing, was changed, or is not as long as its reference says.
        """
        return await self._worker.run(self._read, BlobRef.from_doc(reference), offset, length)

    async def usage(self) -> tuple[int, int]:
        """Return how many blobs there are, and their bytes on the disk."""
        return await self._worker.run(self._store.blobs.usage)

    async def drop(self, reference: Doc) -> None:
        """Remove a blob. Commit the document that named it first."""
        await self._worker.run(self._store.blobs.drop, BlobRef.from_doc(reference))

    def _length(self, ref: BlobRef) -> int:
        if ref.size is not None:
            return ref.size
        with self._noting(), self._store.blobs.reader(ref) as blob:
            return blob.length

    def _settle(self, ref: BlobRef) -> Doc:
        with self._noting():
            return self._store.blobs.settle(ref).to_doc()

    def _read(self, ref: BlobRef, offset: int, length: int) -> bytes:
        with self._noting(), self._store.blobs.reader(ref) as blob:
            return blob.read_at(offset, length)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except Tampered:
            self._damaged.note_blob()
            raise
