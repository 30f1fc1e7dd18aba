"""Reading everything from the disk again while the store is open, part by part, so that a save never waits for all.

What is not as it was written becomes damage like any other. It must not know who asked for it, and changes nothing.
"""

from collections.abc import AsyncGenerator

from companion.errors import Tampered
from companion.ports import Checked
from services.store.blobs import BlobRef, references
from services.store.damaged import DamagedTables
from services.store.store import SealedStore
from services.store.worker import Worker


class Recheck:
    """One reading of all that a store holds."""

    def __init__(self, store: SealedStore, worker: Worker, damaged: DamagedTables) -> None:
        self._store = store
        self._worker = worker
        self._damaged = damaged

    async def run(self) -> AsyncGenerator[Checked, None]:
        """Yield after each table and each blob how much was read. Raises: StoreError."""
        items, named = 0, dict[str, tuple[str, BlobRef]]()
        for table in await self._worker.run(lambda: sorted(self._store.tables())):
            count, refs = await self._worker.run(self._table, table)
            items += count
            named.update((ref.id, (table, ref)) for ref in refs)
            yield Checked(items=items)
        for done, (table, ref) in enumerate(named.values(), 1):
            await self._worker.run(self._blob, table, ref)
            yield Checked(items=items, blobs=done)

    def _table(self, name: str) -> tuple[int, list[BlobRef]]:
        """Read a table from the disk; return how many documents it has, and the blobs that they name."""
        if name not in self._damaged:
            self._store.unload(name)
        documents = self._damaged.documents(name)
        return len(documents), self._named(name)

    def _named(self, table: str) -> list[BlobRef]:
        return list(references([document for _, document in self._damaged.documents(table)]))

    def _blob(self, table: str, ref: BlobRef) -> None:
        """Read a blob to its end. One that was removed since its document was read is nobody's."""
        try:
            with self._store.blobs.reader(ref) as blob:
                if ref.sha256 not in (None, blob.digest()):
                    raise Tampered(f"blob {ref.id} is not what was written", "blob")
        except Tampered:
            if any(one.id == ref.id for one in self._named(table)):
                self._damaged.note_blob()
