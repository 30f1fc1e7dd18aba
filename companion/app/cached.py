"""A small table that is read all the time, kept in memory as it was committed last."""

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

from companion.app.context import Context
from companion.errors import MessageRejected
from companion.ports import Change, Doc

log = logging.getLogger(__name__)

T = TypeVar("T")


class Cached(Generic[T]):
    """The documents of one table, parsed, in the order of their first commit."""

    def __init__(self, context: Context, table: str, parse: Callable[[Doc], T]) -> None:
        self._context = context
        self._table = table
        self._parse = parse
        self._held: dict[str, T] | None = None
        self._changes = 0
        context.after_commit.append(self._hear)
        context.in_doubt.append(self._forget)

    async def get(self, id: str) -> T | None:
        return (await self._load()).get(id)

    async def all(self) -> tuple[T, ...]:
        return tuple((await self._load()).values())

    async def _load(self) -> dict[str, T]:
        while self._held is None:
            before = self._changes
            docs = await self._context.store.all(self._table)
            if before == self._changes:  # otherwise something was committed meanwhile
                self._held = {}
                for doc in docs:
                    self._hold(doc)
        return self._held

    def _hold(self, doc: Doc) -> None:
        """Take one document in. One that cannot be read is left out: it must not keep the others away."""
        assert self._held is not None  # noqa: S101  # for the type checker
        try:
            self._held[str(doc["_id"])] = self._parse(doc)
        except MessageRejected as error:
            log.error("a document of %s cannot be read: %s", self._table, error)

    def _hear(self, change: Change) -> None:
        self._changes += 1
        if any(edit.table == self._table for edit in change.edit):
            self._held = None
        if self._held is None:
            return
        for put in change.put:
            if put.table == self._table:
                self._hold(put.doc)
        for drop in change.drop:
            if drop.table == self._table:
                self._held.pop(drop.id, None)

    def _forget(self) -> None:
        self._changes += 1
        self._held = None
