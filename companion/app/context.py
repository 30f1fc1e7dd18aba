"""What every place of the opened app works with."""

from collections.abc import Callable
from dataclasses import dataclass

from companion.crypto.primitives import random_bytes
from companion.people import Me
from companion.ports import Blobs, Change, Clock, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    me: Me
    store: Store
    blobs: Blobs
    clock: Clock
    tell: Callable[[frozenset[str]], None]

    async def commit(self, change: Change) -> None:
        """Make the change durable, then tell the listeners. Nothing is shown that a crash could undo."""
        await self.store.commit(change)
        self.tell(frozenset({p.table for p in change.put} | {d.table for d in change.drop}))

    def new_id(self) -> str:
        return random_bytes(16).hex()
