"""The store as the core asks for it (`companion.ports`): asynchronous, documents known by their `_id`.

All work that may touch the disk is done by one worker thread for each opened store, so calls take effect in the order
in which they are made and the event loop never waits for a disk.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, suppress
from itertools import takewhile
from typing import TypeVar

from companion.errors import StoreError, Tampered
from companion.ports import (
    APART,
    NEVER_OLDER,
    Anchor,
    Change,
    Checked,
    Damage,
    Doc,
    Drop,
    Edit,
    Hit,
    Rescue,
    Searchable,
)
from services.store.beside import write_beside
from services.store.blob_port import SealedBlobs
from services.store.damaged import DamagedTables
from services.store.format import copy_document
from services.store.recheck import Recheck
from services.store.rescuing import rescue
from services.store.store import SealedStore
from services.store.worker import Worker

_Result = TypeVar("_Result")


class DocumentStore:
    """Documents by table and `_id`, in the order of their first commit.

    Each document of a table in `APART` lies in a sealed table of its own (its place), so that its check concerns no
    other. Stores of 0.1.0 have them in one; the first commit parts them.
    """

    def __init__(self, store: SealedStore, worker: Worker) -> None:
        self._store = store
        self._worker = worker
        self._ids: dict[str, dict[str, int]] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._damaged = DamagedTables(store)
        self._is_parted = False
        self._remembered = -1
        self._searchables: tuple[Searchable, ...] = ()
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
        place = place_of(table, id)
        if self._worker.is_idle and place in self._ids and self._store.is_at_hand(place):
            found = self._get(place, id)
            if found is not None or place == table:
                return found
        return await self._worker.run(self._get_anywhere, table, id)

    async def all(self, table: str) -> tuple[Doc, ...]:
        """Return every document of a table."""
        return await self._worker.run(lambda: _copies(self._documents(table)))

    async def newest(self, table: str, limit: int, before: str | None = None) -> tuple[Doc, ...]:
        """Return up to `limit` documents, newest first; see the port. Nothing is older than one that does not exist."""
        return await self._worker.run(self._newest, table, limit, before)

    async def following(self, table: str, limit: int, after: str) -> tuple[Doc, ...]:
        """Return up to `limit` documents, oldest first; see the port. Nothing is newer than one that does not exist."""
        return await self._worker.run(self._following, table, limit, after)

    async def idle(self) -> bool:
        """Do some of the housekeeping that no save should wait for; return whether there is more of it."""
        return await self._worker.run(self._idle)

    async def start_search(self, searchables: Iterable[Searchable]) -> None:
        """Begin to build the word index of these documents in the background."""
        self._searchables = tuple(searchables)
        await self._worker.run(self._store.start_search, self._searchables, self._hear)

    async def search(
        self, text: str, kinds: frozenset[str], limit: int, where: Callable[[Doc], bool] | None = None
    ) -> tuple[Hit, ...]:
        """Return documents with words that begin like the words of the text, newest first. See the port.

        Raises: StoreError before `start_search`.
        """
        return tuple(await self._worker.run(self._store.find_words, text, kinds, limit, where))

    async def read(self, table: str, make: Callable[[Iterable[Doc]], _Result]) -> _Result:
        """Return what `make` makes of every document; it must not change or keep one."""
        return await self._worker.run(lambda: make(document for _, document in self._documents(table)))

    async def purge(self, table: str) -> None:
        """Really delete what was dropped from a table: the rest is sealed under a new key."""
        await self._worker.run(self._store.purge, table)

    def check(self) -> AsyncGenerator[Checked, None]:
        """Read everything from the disk again; see the port."""
        return Recheck(self._store, self._worker, self._damaged).run()

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

    @property
    def words_slot(self) -> bytes:
        """Return the public key of the recovery words' slot; see the port."""
        return self._store.words_slot

    async def lock_to_words(self, public: bytes) -> None:
        """Let the words behind this public key open the store. See `SealedStore.lock_to_words`."""
        await self._worker.run(self._store.lock_to_words, public)

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

    async def mend(self, damages: Iterable[Damage]) -> None:
        """Make these damaged tables anew from what can still be read of them. See the port."""
        await self._worker.run(self._mend, tuple(damages))

    async def salvage(self) -> Rescue:
        """Copy what can still be read into a new folder beside this one. Nothing is changed or deleted here."""
        return await self._worker.run(lambda: rescue(self._store.directory, self._store.salvage))

    @property
    def anchor(self) -> Anchor:
        """What to remember outside the store, against older copies and other stores in its place."""
        return self._store.anchor

    @property
    def is_read_only(self) -> bool:
        """Whether the folder cannot be written. Commits then raise ReadOnly."""
        return self._store.is_read_only

    @property
    def rollback(self) -> str:
        """ "old" or "replaced" if the store is not what the anchor says, else ""; see the port."""
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
        self._remember()

    def _idle(self) -> bool:
        has_more = self._store.idle(self._hear)
        self._remember()
        return has_more

    def _remember(self) -> None:
        if not (self._store.rollback or self._store.is_read_only) and self._remembered != self._store.commit:
            self._remembered = self._store.commit
            write_beside(self._store.directory, self._store.anchor)

    def _commit(self, change: Change) -> None:
        known: dict[tuple[str, str], int | None] = {}
        with self._store.batch():
            self._part(known)
            for put in change.put:
                id = _id_of(put.doc)
                place = self._writable(put.table, id)
                number = self._number(place, id, known)
                table = self._store.table(place)
                if number is None:
                    known[place, id] = table.insert(put.doc)
                else:
                    table.put(put.doc, number)
            for edit in change.edit:
                self._edit(edit, known)
            for drop in change.drop:
                self._drop(drop, known)
        self._is_parted = True
        for (name, id), number in known.items():
            if number is None:
                self._index(name).pop(id, None)
            else:
                self._index(name)[id] = number

    def _part(self, known: dict[tuple[str, str], int | None]) -> None:
        """Give each document that lies together with others, and stands apart since, a table of its own."""
        for name in () if self._is_parted else APART & self._store.tables():
            if self._is_damaged(name):
                continue
            for document in _copies(self._damaged.documents(name)):
                place, id = place_of(name, _id_of(document)), _id_of(document)
                known[place, id] = self._store.table(place).insert(document)
            self._store.drop_table(name)

    def _writable(self, table: str, id: str) -> str:
        """Return the place of a document. Raises: Tampered if those of its kind lie together and are damaged."""
        if table in APART and table in self._damaged:
            kind = next(damage.kind for damage in self.damages if (damage.part, damage.of) == (table, ""))
            raise Tampered("documents that lie together are damaged", kind, table)
        return place_of(table, id)

    def _drop(self, drop: Drop, known: dict[tuple[str, str], int | None]) -> None:
        place = self._writable(drop.table, drop.id)
        number = self._number(place, drop.id, known)
        if number is None:
            return
        if place == drop.table:
            self._store.table(place).remove(doc_ids=[number])
        else:
            self._store.drop_table(place)
        known[place, drop.id] = None

    def _edit(self, edit: Edit, known: dict[tuple[str, str], int | None]) -> None:
        place = self._writable(edit.table, edit.id)
        table, number = self._store.table(place), self._number(place, edit.id, known)
        found = None if number is None else table.get(doc_id=number)
        new = edit.update(dict(found) if isinstance(found, dict) else None)
        if new is None:
            return
        if number is None:
            known[place, edit.id] = table.insert(new)
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

    def _documents(self, table: str) -> list[tuple[int, Doc]]:
        """Return the documents of a table, wherever they lie; of a damaged one those that open by themselves."""
        if table not in APART:
            return self._damaged.documents(table)
        places = [place for place in self._store.counts() if place.partition(":")[0] == table]
        return [one for place in places for one in self._damaged.documents(place)]

    def _get_anywhere(self, table: str, id: str) -> Doc | None:
        place = place_of(table, id)
        found = self._get(place, id)
        return self._get(table, id) if found is None and place != table else found

    def _mend(self, damages: tuple[Damage, ...]) -> None:
        names = self._damaged.named(damages)
        with self._store.batch():
            for name in names:
                kind = name.partition(":")[0]
                left = () if kind in NEVER_OLDER else _copies(self._damaged.documents(name))
                self._store.drop_table(name)
                for document in left:
                    place = place_of(kind, str(document.get("_id"))) if kind in APART else name
                    self._store.table(place).insert(document)
        self._ids.clear()
        for name in names:
            self._damaged.forget(name)
        if self._searchables:  # the rows of a table that was made anew have other numbers
            self._store.start_search(self._searchables, self._hear)

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


def place_of(table: str, id: str) -> str:
    """Return the sealed table in which a document lies."""
    return f"{table}:{id}" if table in APART else table


def _id_of(document: Doc) -> str:
    id = document.get("_id")
    if not isinstance(id, str) or not id:
        raise ValueError("a document needs an _id")
    return id


def _copies(numbered: Iterable[tuple[int, Doc]]) -> tuple[Doc, ...]:
    return tuple(copy_document(document) for _, document in numbered)
