"""The store as the core asks for it (`companion.ports`): asynchronous, documents known by their `_id`.

All work that may touch the disk is done by one worker thread for each opened store, so calls take effect in the order
in which they are made and the event loop never waits for a disk.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, suppress
from itertools import takewhile
from typing import TypeVar

from companion.errors import StoreError, Tampered
from companion.ports import Anchor, Change, Damage, Doc, Edit, Hit, Rescue, Searchable
from services.store.blob_port import SealedBlobs
from services.store.checking import Report
from services.store.damaged import DamagedTables
from services.store.format import copy_document
from services.store.rescuing import rescue
from services.store.store import SealedStore
from services.store.worker import Worker

_Result = TypeVar("_Result")


class DocumentStore:
    """Documents by table and `_id`, in the order of their first commit."""

    def __init__(self, store: SealedStore, worker: Worker) -> None:
        self._store = store
        self._worker = worker
        self._ids: dict[str, dict[str, int]] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._damaged = DamagedTables(store)
        self.blobs = SealedBlobs(store, worker, self._damaged)

    def turn(self, of: str) -> AbstractAsyncContextManager[None]:
        """Wait for, and hold, the turn of this name."""
        return self._turns.setdefault(of, asyncio.Lock())

    async def commit(self, change: Change) -> None:
        """Make the change durable: first what it puts, then what it drops. An unknown document to drop is ignored.

        Raises: StoreError, and ValueError for a document without `_id`; then nothing has changed.
        """
        await self._worker.run(self._commit, change)

    async def get(self, table: str, id: str) -> Doc | None:
        """Return one document, or None.

        One that lies in memory is handed out at once if no work comes before it: to change threads takes ten times as
        long as to read.
        """
        if self._worker.is_idle and table in self._ids and self._store.is_at_hand(table):
            return self._get(table, id)
        return await self._worker.run(self._get, table, id)

    async def all(self, table: str) -> tuple[Doc, ...]:
        """Return every document of a table."""
        return await self._worker.run(lambda: _copies(self._damaged.documents(table)))

    async def newest(self, table: str, limit: int, before: str | None = None) -> tuple[Doc, ...]:
        """Return up to `limit` documents, newest first, older than the document `before` if that is given.

        Nothing is older than a document that does not exist.
        """
        return await self._worker.run(self._newest, table, limit, before)

    async def following(self, table: str, limit: int, after: str) -> tuple[Doc, ...]:
        """Return up to `limit` documents, oldest first, newer than the document `after`.

        Nothing is newer than a document that does not exist.
        """
        return await self._worker.run(self._following, table, limit, after)

    async def idle(self) -> bool:
        """Do some of the housekeeping that no save should wait for; return whether there is more of it.

        Call it when nobody types, and when the app is hidden.
        """
        return await self._worker.run(self._store.idle, self._hear)

    async def start_search(self, searchables: Iterable[Searchable]) -> None:
        """Begin to build the word index of these documents in the background."""
        await self._worker.run(self._store.start_search, tuple(searchables), self._hear)

    async def search(
        self, text: str, kinds: frozenset[str], limit: int, where: Callable[[Doc], bool] | None = None
    ) -> tuple[Hit, ...]:
        """Return documents with words that begin like the words of the text, newest first. See the port.

        Raises: StoreError before `start_search`.
        """
        return tuple(await self._worker.run(self._store.find_words, text, kinds, limit, where))

    async def read(self, table: str, make: Callable[[Iterable[Doc]], _Result]) -> _Result:
        """Return what `make` makes of every document; it must not change or keep one."""
        return await self._worker.run(lambda: make(document for _, document in self._damaged.documents(table)))

    async def purge(self, table: str) -> None:
        """Really delete what was dropped from a table: the rest is sealed under a new key."""
        await self._worker.run(self._store.purge, table)

    async def verify(self) -> Report:
        """Read everything from the disk again, and say what is not as it was written."""
        return await self._worker.run(self._store.verify)

    async def rekey(
        self,
        *,
        passphrase: str | None = None,
        recovery: bytes | None = None,
        keystore: bytes | None = None,
        proof: str | bytes | None = None,
    ) -> None:
        """Replace or add the keys that are given. See `SealedStore.rekey`."""
        rekey = self._store.rekey
        await self._worker.run(rekey, passphrase=passphrase, recovery=recovery, keystore=keystore, proof=proof)

    async def remove_slot(self, kind: str) -> None:
        """Let this kind of key ("keystore", "recovery", "passphrase") open the store no more."""
        await self._worker.run(self._store.remove_slot, kind)

    @property
    def slots(self) -> frozenset[str]:
        """The kinds of keys that open the store."""
        return self._store.slots

    async def opens_with(self, *, passphrase: str | None = None, recovery: bytes | None = None) -> bool:
        """Return whether this key opens the store."""
        return await self._worker.run(self._store.opens_with, passphrase=passphrase, recovery=recovery)

    async def counts(self) -> dict[str, int]:
        """Return the number of documents of each table. Loads nothing."""
        return await self._worker.run(self._store.counts)

    def when_damaged(self, tell: Callable[[], None]) -> None:
        """Call `tell`, in this event loop, whenever more of what is stored turns out to be damaged."""
        loop = asyncio.get_running_loop()

        def hop() -> None:
            with suppress(RuntimeError):  # the loop has ended: nobody is there to hear it
                loop.call_soon_threadsafe(tell)

        self._damaged.tell = hop

    def _hear(self, table: str, error: Tampered) -> None:
        with suppress(StoreError):  # it was locked meanwhile
            self._damaged.note(table, error)

    @property
    def damages(self) -> tuple[Damage, ...]:
        """What was found damaged since the store was opened. Those documents can be read and not be changed."""
        return self._damaged.damages

    async def salvage(self) -> Rescue:
        """Copy what can still be read into a new folder beside this one. Nothing is changed or deleted here."""
        return await self._worker.run(lambda: rescue(self._store.directory, self._store.salvage))

    @property
    def anchor(self) -> Anchor:
        """What to remember outside the store, against older copies and other stores in its place."""
        return Anchor(store_id=self._store.store_id, commit=self._store.commit, keys=self._store.keys_digest)

    @property
    def is_read_only(self) -> bool:
        """Whether the folder cannot be written. Commits then raise ReadOnly."""
        return self._store.is_read_only

    @property
    def rollback(self) -> str:
        """ "old" or "replaced" if the store is not what the anchor says, else "".

        It is then for reading only, until `accept_rollback`.
        """
        return self._store.rollback

    async def accept_rollback(self) -> None:
        """Go on from the older state, because the person says that it came from a backup."""
        await self._worker.run(self._store.accept_rollback)

    async def close(self) -> None:
        """Drop the keys and close the files. A second call does nothing."""
        if not self._store.is_locked:
            await self._worker.run(self._close)
        self._worker.stop()

    def _close(self) -> None:
        self._ids.clear()
        self._damaged.clear()
        self._store.lock()

    def _commit(self, change: Change) -> None:
        known: dict[tuple[str, str], int | None] = {}
        with self._store.batch():
            for put in change.put:
                id = _id_of(put.doc)
                number = self._number(put.table, id, known)
                table = self._store.table(put.table)
                if number is None:
                    known[put.table, id] = table.insert(put.doc)
                else:
                    table.put(put.doc, number)
            for edit in change.edit:
                self._edit(edit, known)
            for drop in change.drop:
                number = self._number(drop.table, drop.id, known)
                if number is not None:
                    self._store.table(drop.table).remove(doc_ids=[number])
                    known[drop.table, drop.id] = None
        for (name, id), number in known.items():
            if number is None:
                self._index(name).pop(id, None)
            else:
                self._index(name)[id] = number

    def _edit(self, edit: Edit, known: dict[tuple[str, str], int | None]) -> None:
        table, number = self._store.table(edit.table), self._number(edit.table, edit.id, known)
        found = None if number is None else table.get(doc_id=number)
        new = edit.update(dict(found) if isinstance(found, dict) else None)
        if new is None:
            return
        if number is None:
            known[edit.table, edit.id] = table.insert(new)
        else:
            table.put(new, number)

    def _number(self, table: str, id: str, known: dict[tuple[str, str], int | None]) -> int | None:
        return known[table, id] if (table, id) in known else self._index(table).get(id)

    def _index(self, table: str) -> dict[str, int]:
        if table not in self._ids:
            try:
                numbered = self._store.documents(table)
            except Tampered as error:
                self._damaged.note(table, error)
                raise
            self._ids[table] = {str(document["_id"]): number for number, document in numbered if "_id" in document}
        return self._ids[table]

    def _get(self, table: str, id: str) -> Doc | None:
        if self._is_damaged(table):
            return next((copy for copy in _copies(self._damaged.documents(table)) if copy.get("_id") == id), None)
        number = self._index(table).get(id)
        found = None if number is None else self._store.table(table).get(doc_id=number)
        return dict(found) if isinstance(found, dict) else None

    def _newest(self, table: str, limit: int, before: str | None) -> tuple[Doc, ...]:
        try:
            below = None if before is None else self._index(table).get(before, 0)
            return tuple(dict(document) for document in self._store.window(table, before=below, limit=limit))
        except Tampered as error:
            self._damaged.note(table, error)
        left = _copies(self._damaged.documents(table))
        if before is not None:
            left = tuple(takewhile(lambda document: document.get("_id") != before, left))
        return tuple(reversed(left[-limit:]))

    def _following(self, table: str, limit: int, after: str) -> tuple[Doc, ...]:
        documents = self._damaged.documents(table)
        start = next((place for place, (_, one) in enumerate(documents) if one.get("_id") == after), len(documents))
        return _copies(documents[start + 1 : start + 1 + limit])

    def _is_damaged(self, table: str) -> bool:
        """Look at the whole table once; a damaged one shows itself then."""
        if table not in self._damaged and table not in self._ids:
            self._damaged.documents(table)
        return table in self._damaged


def _id_of(document: Doc) -> str:
    id = document.get("_id")
    if not isinstance(id, str) or not id:
        raise ValueError("a document needs an _id")
    return id


def _copies(numbered: Iterable[tuple[int, Doc]]) -> tuple[Doc, ...]:
    return tuple(copy_document(document) for _, document in numbered)
