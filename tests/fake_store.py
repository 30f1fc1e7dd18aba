"""The store's ports in memory: documents, blobs, the box they lie in, and its end."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from companion.crypto.keyslots import slot_public, words_secret
from companion.errors import ReadOnly, RolledBack, StoreBusy, StoreError, Tampered, WrongKey
from companion.farewells import Farewell, merged
from companion.ports import (
    Anchor,
    Change,
    Checked,
    Damage,
    Doc,
    Hit,
    Rescue,
    SavedPart,
    Searchable,
)
from services.store.search_text import Query, fold


@dataclass(frozen=True, slots=True)
class Slot:
    """The words' slot of a store that does not know its words."""

    public: bytes


class FakeStore:
    """Documents by table, in the order of their first commit."""

    def __init__(self, calls: list[Any]) -> None:
        self.tables: dict[str, dict[str, Doc]] = {}
        self.turns: dict[str, asyncio.Lock] = {}
        self.calls = calls
        self.is_open = True
        self.fails = False
        self.keys: dict[str, Any] = {}
        self.damages: tuple[Damage, ...] = ()
        self.rollback = ""
        self.broken: dict[str, str] = {}
        """Tables that are damaged, and how: nothing can be written to them."""
        self.is_read_only = False
        self.searchables: dict[str, Searchable] = {}
        self.chores = 0
        self.parts, self.goes_on, self.found = 3, asyncio.Event(), tuple[Damage, ...]()
        """How many tables a check reads, what each waits for, and what it finds."""
        self.goes_on.set()
        self.check_fails: StoreError | None = None

    def turn(self, of: str) -> asyncio.Lock:
        return self.turns.setdefault(of, asyncio.Lock())

    async def commit(self, change: Change) -> None:
        self._check()
        if self.rollback:
            raise RolledBack("for reading only")
        if self.is_read_only:
            raise ReadOnly("for reading only")
        if self.fails:
            raise StoreError("the disk is full")
        touched = {one.table for one in change.put} | {one.table for one in (*change.edit, *change.drop)}
        for table, kind in self.broken.items():
            if table in touched:
                raise Tampered("damaged", kind, *table.split(":"))
        for put in change.put:
            self.tables.setdefault(put.table, {})[str(put.doc["_id"])] = dict(put.doc)
        for edit in change.edit:
            new = edit.update(await self.get(edit.table, edit.id))
            if new is not None:
                self.tables.setdefault(edit.table, {})[edit.id] = new
        for drop in change.drop:
            self.tables.get(drop.table, {}).pop(drop.id, None)
        self.calls.append(("commit", tuple(put.table for put in change.put)))

    async def get(self, table: str, id: str) -> Doc | None:
        self._check()
        doc = self.tables.get(table, {}).get(id)
        return None if doc is None else dict(doc)

    async def all(self, table: str) -> tuple[Doc, ...]:
        self._check()
        return tuple(dict(doc) for doc in self.tables.get(table, {}).values())

    async def newest(self, table: str, limit: int, before: str | None = None) -> tuple[Doc, ...]:
        docs = list(await self.all(table))
        if before is not None:
            docs = list(itertools.takewhile(lambda doc: doc["_id"] != before, docs))
        return tuple(reversed(docs[-limit:]))

    async def following(self, table: str, limit: int, after: str) -> tuple[Doc, ...]:
        newer = itertools.dropwhile(lambda doc: doc["_id"] != after, await self.all(table))
        return tuple(itertools.islice(newer, 1, 1 + limit))

    async def purge(self, table: str) -> None:
        self._check()
        self.calls.append(("purged", table))

    async def read(self, table: str, make: Callable[[Iterable[Doc]], Any]) -> Any:
        return make(await self.all(table))

    async def start_search(self, searchables: Iterable[Searchable]) -> None:
        self._check()
        self.searchables = {one.kind: one for one in searchables}
        self.calls.append("search started")

    async def search(
        self, text: str, kinds: frozenset[str], limit: int, where: Callable[[Doc], bool] | None = None
    ) -> tuple[Hit, ...]:
        self._check()
        query, hits = Query(text), []
        for table, docs in self.tables.items():
            known = self.searchables.get(table.partition(":")[0])
            for doc in docs.values() if known is not None and known.kind in kinds else ():
                said = "\n".join(str(doc[name]) for name in known.fields if isinstance(doc.get(name), str))
                if query.words and query.matches(fold(said)) and (where is None or where(doc)):
                    at_ms = int(str(doc[known.time_field]))
                    snippet = query.snippet(said)
                    hits.append(Hit(table=table, id=str(doc["_id"]), time_ms=at_ms, snippet=snippet, doc=dict(doc)))
        return tuple(sorted(hits, key=lambda hit: hit.time_ms, reverse=True)[:limit])

    async def idle(self) -> bool:
        self._check()
        self.calls.append("idle")
        self.chores -= 1
        return self.chores > 0

    def when_damaged(self, tell: Callable[[], None]) -> None:
        self.tell_damaged = tell

    @property
    def anchor(self) -> Anchor:
        return Anchor(store_id="5a" * 16, commit=sum(call[0] == "commit" for call in self.calls if call))

    async def accept_rollback(self) -> None:
        self.rollback = ""
        self.calls.append("rollback accepted")

    async def mend(self, damages: Iterable[Damage]) -> None:
        mended = tuple(damages)
        self.damages = tuple(damage for damage in self.damages if damage not in mended)
        self.broken.clear()
        self.calls.append(("mended", mended))

    async def check(self) -> AsyncGenerator[Checked, None]:
        self.calls.append("check begun")
        if self.check_fails is not None:
            raise self.check_fails
        try:
            for items in range(1, self.parts + 1):
                await self.goes_on.wait()
                yield Checked(items=items)
            self.damages += self.found
            if self.found:
                self.tell_damaged()
            yield Checked(items=self.parts, blobs=2)
        finally:
            self.calls.append("check left")

    async def salvage(self) -> Rescue:
        self.calls.append("salvaged")
        return Rescue(folder="vault-saved-1", parts=(SavedPart(part="journal", readable=3, promised=4),))

    async def counts(self) -> dict[str, int]:
        return {table: len(docs) for table, docs in self.tables.items()}

    @property
    def slots(self) -> frozenset[str]:
        return frozenset(self.keys)

    async def opens_with(self, *, passphrase: str | None = None, recovery: bytes | None = None) -> bool:
        return (passphrase is not None and self.keys["passphrase"] == passphrase) or self.opens_by_words(recovery)

    def opens_by_words(self, recovery: bytes | None) -> bool:
        return recovery is not None and self.words_slot == slot_public(words_secret(recovery))

    @property
    def words_slot(self) -> bytes:
        key = self.keys.get("recovery")
        return b"" if key is None else key.public if isinstance(key, Slot) else slot_public(words_secret(key))

    async def lock_to_words(self, public: bytes) -> None:
        self.keys["recovery"] = Slot(public)

    async def rekey(
        self,
        *,
        passphrase: str | None = None,
        recovery: bytes | None = None,
        keystore: bytes | None = None,
        proof: str | bytes | None = None,
    ) -> None:
        new = {"passphrase": passphrase, "recovery": recovery, "keystore": keystore}
        self.keys.update({kind: key for kind, key in new.items() if key is not None})

    async def remove_slot(self, kind: str) -> None:
        self.keys.pop(kind, None)

    async def close(self) -> None:
        self.is_open = False
        self.calls.append("store closed")

    def _check(self) -> None:
        if not self.is_open:
            raise StoreError("locked")


class FakeRecording:
    def __init__(self, blobs: "FakeBlobs", id: str) -> None:
        self._blobs, self._id = blobs, id

    @property
    def reference(self) -> Doc:
        return {"id": self._id}

    async def write(self, data: bytes) -> None:
        self._blobs.held[self._id] += data

    async def close(self) -> None:
        self._blobs.calls.append(("blob closed", self._id))


class FakeBlobs:
    def __init__(self, calls: list[Any]) -> None:
        self.held: dict[str, bytes] = {}
        self.calls = calls

    async def start(self, context: bytes) -> FakeRecording:
        id = f"blob-{len(self.held)}"
        self.held[id] = b""
        self.calls.append(("blob started", id))
        return FakeRecording(self, id)

    async def length(self, reference: Doc) -> int:
        return len(self.held[str(reference["id"])])

    async def settle(self, reference: Doc) -> Doc:
        return reference

    async def read(self, reference: Doc, offset: int, length: int) -> bytes:
        return self.held[str(reference["id"])][offset : offset + length]

    async def usage(self) -> tuple[int, int]:
        return len(self.held), sum(map(len, self.held.values()))

    async def drop(self, reference: Doc) -> None:
        self.held.pop(str(reference["id"]), None)
        self.calls.append(("blob dropped", str(reference["id"])))


class FakeVault:
    """A box with keys. Set `fault` to the error that opening it raises."""

    def __init__(self, calls: list[Any]) -> None:
        self.calls = calls
        self.store, self.blobs = FakeStore(calls), FakeBlobs(calls)
        self.fault: StoreError | None = None

    @property
    def keys(self) -> tuple[object, object] | None:
        """Passphrase and recovery key, or None if there is no box."""
        keys = self.store.keys
        return (keys["passphrase"], keys.get("recovery")) if keys else None

    async def exists(self) -> bool:
        return self.keys is not None

    async def create(
        self, passphrase: str, recovery: bytes | None, first: Change | None = None
    ) -> tuple[FakeStore, FakeBlobs]:
        if self.keys is not None:
            raise StoreBusy("there is a store already")
        self.store.is_open = True
        self.store.keys = {"passphrase": passphrase, **({} if recovery is None else {"recovery": recovery})}
        self.calls.append("vault created")
        if first is not None:
            await self.store.commit(first)
        return self.store, self.blobs

    async def unlock(
        self,
        *,
        passphrase: str | None = None,
        recovery: bytes | None = None,
        keystore: bytes | None = None,
        anchor: Anchor | None = None,
    ) -> tuple[FakeStore, FakeBlobs]:
        if self.fault is not None:
            raise self.fault
        given = {"passphrase": passphrase, "keystore": keystore}
        is_right = any(key is not None and self.store.keys.get(kind) == key for kind, key in given.items())
        if not is_right and not self.store.opens_by_words(recovery):
            raise WrongKey("no")
        if anchor is not None and anchor.commit > self.store.anchor.commit:
            self.store.rollback = "old"
        self.store.is_open = True
        self.calls.append("vault unlocked")
        return self.store, self.blobs

    async def rescue(self, *, passphrase: str | None = None, recovery: bytes | None = None) -> Rescue:
        if not await self.store.opens_with(passphrase=passphrase, recovery=recovery):
            raise WrongKey("no")
        return await self.store.salvage()

    async def adopt(self, folder: str) -> None:
        self.fault, self.store.damages = None, ()
        self.calls.append(("adopted", folder))


class FakeEraser:
    def __init__(self, vault: FakeVault) -> None:
        self._vault = vault
        self.cut_short = False
        self.kept: tuple[Farewell, ...] = ()

    async def erase(self, farewells: Iterable[Farewell] = ()) -> None:
        self.cut_short = False
        self._vault.store.keys.clear()
        self._vault.store.tables.clear()
        self._vault.calls.append("erased")
        self.kept = merged(self.kept, farewells)

    async def is_unfinished(self) -> bool:
        return self.cut_short

    async def owed(self) -> tuple[Farewell, ...]:
        return self.kept

    async def settle(self, farewells: Iterable[Farewell], state: str = "") -> None:
        settled = tuple(farewells)
        left = [one for one in self.kept if one not in settled]
        self.kept = (*left, *(replace(one, state=state) for one in self.kept if one in settled and state))
