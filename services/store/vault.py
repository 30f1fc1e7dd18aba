"""The locked box in one person's folder: made, opened, rescued."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

from companion.crypto.keyslots import KdfParameters
from companion.ports import Anchor, Rescue
from services.store.checking import salvage
from services.store.documents import DocumentStore, SealedBlobs, Worker
from services.store.keyfile import calibrated
from services.store.migrations import Migrations
from services.store.rescuing import adopt, finish, rescue
from services.store.store import SealedStore


class SealedVault:
    """The locked box in one person's folder."""

    def __init__(
        self, directory: Path, *, kdf: KdfParameters | None = None, migrations: Migrations | None = None
    ) -> None:
        self._directory = directory
        self._kdf = kdf
        self._migrations = migrations

    async def exists(self) -> bool:
        """Return whether there is a store, healthy or not."""
        return await asyncio.to_thread(self._exists)

    def _exists(self) -> bool:
        finish(self._directory)
        return SealedStore.exists(self._directory)

    async def create(self, passphrase: str, recovery: bytes) -> tuple[DocumentStore, SealedBlobs]:
        """Make the box with two keys: the passphrase, and the 32 bytes behind the recovery words.

        Raises: StoreError if there is one already, StoreBusy.
        """
        return await self._opened(lambda: self._create(passphrase, recovery))

    def _create(self, passphrase: str, recovery: bytes) -> SealedStore:
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
        """Open the box with one of its keys. `anchor`: what `DocumentStore.anchor` was the last time.

        Raises: WrongKey, Tampered, TooNew or StoreBusy; then nothing on the disk has changed.
        """
        return await self._opened(
            lambda: SealedStore.unlock(
                self._directory,
                passphrase=passphrase,
                recovery=recovery,
                keystore=keystore,
                anchor=anchor,
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
        worker = Worker()
        try:
            store = await worker.run(open_store)
        except BaseException:
            worker.stop()
            raise
        return DocumentStore(store, worker), SealedBlobs(store, worker)
