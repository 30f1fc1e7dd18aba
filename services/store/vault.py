"""The locked box in one person's folder: made, opened, rescued."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

from companion.crypto.keyslots import KdfParameters
from companion.ports import Anchor, Change, Rescue
from services.store.beside import read_beside
from services.store.blob_port import SealedBlobs
from services.store.checking import salvage
from services.store.database import FILE_NAME as DATABASE
from services.store.documents import DocumentStore
from services.store.files import our_errors, sync_directory
from services.store.keyfile import FILE_NAME as KEYS
from services.store.keyfile import calibrated
from services.store.migrations import Migrations
from services.store.rescuing import adopt, finish, rescue
from services.store.store import SealedStore
from services.store.worker import Worker


class SealedVault:
    """The locked box in one person's folder."""

    def __init__(
        self, directory: Path, *, kdf: KdfParameters | None = None, migrations: Migrations | None = None
    ) -> None:
        self._directory = directory
        self._kdf = kdf
        self._migrations = migrations

    async def exists(self) -> bool:
        """Return whether there is a store, healthy or not. Raises: StoreError if the folder cannot be looked into."""
        return await asyncio.to_thread(self._exists)

    def _exists(self) -> bool:
        finish(self._directory)
        return SealedStore.exists(self._directory)

    async def create(
        self, passphrase: str, recovery: bytes | None, first: Change | None = None
    ) -> tuple[DocumentStore, SealedBlobs]:
        """Make the box with two keys: the passphrase, and the 32 bytes behind the recovery words, if there are any.

        `first` is what it holds from the start; if that cannot be kept, there is no box.
        Raises: StoreError if there is one already, StoreBusy, LowMemory.
        """
        documents, blobs = await self._opened(lambda: self._create(passphrase, recovery))
        try:
            await documents.commit(first or Change())
        except BaseException:
            await documents.close()
            await asyncio.to_thread(_discard, self._directory)
            raise
        return documents, blobs

    def _create(self, passphrase: str, recovery: bytes | None) -> SealedStore:
        kdf = self._kdf or calibrated()
        return SealedStore.create(self._directory, passphrase=passphrase, recovery=recovery, kdf=kdf)

    async def unlock(
        self,
        *,
        passphrase: str | None = None,
        recovery: bytes | None = None,
        keystore: bytes | None = None,
        anchor: Anchor | None = None,
    ) -> tuple[DocumentStore, SealedBlobs]:
        """Open the box with one of its keys. `anchor`: what `DocumentStore.anchor` was the last time, if the device
        remembers it; else the folder's own word counts.

        Raises: WrongKey, Tampered, TooNew or StoreBusy; then nothing on the disk has changed.
        """
        return await self._opened(
            lambda: SealedStore.unlock(
                self._directory,
                passphrase=passphrase,
                recovery=recovery,
                keystore=keystore,
                anchor=anchor or read_beside(self._directory),
                migrations=self._migrations,
            )
        )

    async def rescue(self, *, passphrase: str | None = None, recovery: bytes | None = None) -> Rescue:
        """Copy what can still be read of a box that does not open into a new folder beside it; it stays as it is.

        Raises: WrongKey, StoreBusy, StoreError, Tampered if nothing can be read.
        """
        copy = partial(salvage, self._directory, passphrase=passphrase, recovery=recovery)
        return await asyncio.to_thread(rescue, self._directory, copy)

    async def adopt(self, folder: str) -> None:
        """Use a rescue copy from now on. The damaged box stays beside it. Raises: StoreError."""
        await asyncio.to_thread(adopt, self._directory, Path(folder))

    async def _opened(self, open_store: Callable[[], SealedStore]) -> tuple[DocumentStore, SealedBlobs]:
        worker, opened = Worker(), list[SealedStore]()
        try:
            await worker.run(lambda: opened.append(open_store()))
        except BaseException:
            worker.last(lambda: opened[0].lock() if opened else None)  # whoever stopped waiting has left it open
            raise
        store = opened[0]
        documents = DocumentStore(store, worker)
        return documents, documents.blobs


@our_errors()
def _discard(directory: Path) -> None:
    """Remove the files of a store that was just made and holds nothing. Raises: StoreError."""
    for name in (KEYS, DATABASE, f"{DATABASE}-wal"):
        (directory / name).unlink(missing_ok=True)
    sync_directory(directory)
