"""What goes on behind an own space by itself: versions told, files brought, the past read, what is followed emptied."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from companion.app.context import SHARED, Context
from companion.app.overlay import Overlay
from companion.app.own.documents import CHANGED, FOLLOWED, WANTED, SharedDocuments, with_body
from companion.app.own.files import Files, is_long
from companion.app.own.record import RECORDS, Place, read_place
from companion.app.own.signposting import Signposting
from companion.app.recovery import Recovery
from companion.app.spaces.desk import Desk
from companion.app.spaces.log_side import LogSide
from companion.errors import SyncError
from companion.fields import STAYS, each_read
from companion.ports import Change, Doc, Drop, Network, Put
from companion.space import saying
from companion.space.keys import SHELF
from companion.space.order import stretch_start
from companion.space.place import SHUT, Space
from companion.space.saying import Saying
from companion.strings import kept
from companion.times import HOUR_MS, MINUTE_MS

log = logging.getLogger(__name__)

AT_ONCE_MS = 300
"""While another device is there, a change waits no longer than this for the next one."""
TOGETHER = 50
WAITING_MOST = 150
AGAIN_MS = 20_000


class Owner(Protocol):
    """The space whose house this is."""

    is_on: bool

    async def space(self) -> Space | None: ...

    def is_somebody_there(self) -> bool: ...

    async def found_anew(self, shut: Space) -> None: ...

    async def follow(self) -> None: ...

    async def say_here(self) -> None: ...


class Housekeeping:
    """`left_ms` says when `run` has something to do. Each step returns whether it did something; what cannot be done
    now keeps nothing else from its turn.
    """

    def __init__(
        self,
        context: Context,
        desk: Desk,
        network: Network,
        files: Files,
        documents: SharedDocuments,
        owner: Owner,
        logs: Callable[[str], LogSide],
        recovery: Recovery,
    ) -> None:
        self._context = context
        self._desk = desk
        self._network = network
        self._files = files
        self._documents = documents
        self._owner = owner
        self._logs = logs
        self._recovery = recovery
        self.signposting = Signposting(context, desk, network, recovery)
        self._changed_ms: int | None = None
        self._again_ms = 0
        self._has_greeted = False
        context.after_commit.append(self._hear)

    def _hear(self, change: Change) -> None:
        if any(put.table == CHANGED for put in change.put):
            self._changed_ms = self._changed_ms or self._context.clock.monotonic_ms()

    def greet(self) -> None:
        """Say once more that this device is open: another one of mine is."""
        self._has_greeted = False

    async def left_ms(self) -> int:
        """Return in how many ms there is something to do."""
        if await self._recovery.is_behind():
            return 0
        space = await self._owner.space()
        if space is None or not self._owner.is_on:
            return HOUR_MS
        now = self._context.clock.monotonic_ms()
        counts = await self._context.store.counts()
        ends = [HOUR_MS if self._has_greeted == self._is_online(space) else 0]
        if counts.get(CHANGED, 0):
            ends.append(self._ripe_ms(counts) - now)
        if self._is_online(space) and space.state != SHUT:
            ends.append(await self.signposting.left_ms(space))
        has_work = space.state == SHUT or counts.get(FOLLOWED, 0) or counts.get(WANTED, 0) or space.logs[SHELF].floor
        if has_work or any(one.awaits for one in await self._desk.said(space.id)):
            ends.append(self._again_ms - now)
        return max(0, min(ends))

    def _is_online(self, space: Space) -> bool:
        return space.service in self._desk.caught_up

    def _ripe_ms(self, counts: dict[str, int]) -> int:
        """Return when what has changed is to be told; what was left by an earlier day, now."""
        return 0 if self._changed_ms is None else self._changed_ms + self._patience_ms(counts)

    def _patience_ms(self, counts: dict[str, int]) -> int:
        if counts.get(saying.TABLE, 0) >= WAITING_MOST:
            return AGAIN_MS
        is_many = counts.get(CHANGED, 0) > TOGETHER
        return AT_ONCE_MS if is_many or self._owner.is_somebody_there() else MINUTE_MS

    async def run(self) -> None:
        """Do what is to be done now. Raises: StoreError for what passes, such as a full disk."""
        await self._try(self._align)
        space = await self._owner.space()
        if space is None or not self._owner.is_on:
            return
        now, counts = self._context.clock.monotonic_ms(), await self._context.store.counts()
        if space.state == SHUT:
            if self._again_ms <= now:
                self._again_ms = now + AGAIN_MS
                await self._owner.found_anew(space)
            return
        if self._has_greeted != self._is_online(space):
            self._has_greeted = not self._has_greeted
            if self._has_greeted:
                await self._owner.say_here()
        if counts.get(CHANGED, 0) and self._ripe_ms(counts) <= now:
            await self.tell(space)
        if not self._is_online(space):
            self.signposting.forget()
        elif await self._try(partial(self.signposting.step, space)):
            await self._owner.follow()
        if self._again_ms > now:
            return
        steps = (self._upload, self._fetch_words, self._empty, self._read_past)
        moved = [await self._try(partial(step, space)) for step in steps]
        self._again_ms = 0 if any(moved) else self._context.clock.monotonic_ms() + AGAIN_MS

    async def _try(self, step: Callable[[], Awaitable[bool]]) -> bool:
        """Return whether something was done. What cannot be done now, or ever, keeps nothing else back."""
        try:
            return await step()
        except (SyncError, *STAYS) as error:
            log.info("left for later: %s", type(error).__name__)
            return False

    async def _align(self) -> bool:
        await self._recovery.align()
        return True

    async def tell(self, space: Space) -> None:
        """Tell what has changed here, a part of it at once."""
        async with self._context.store.turn(SHARED):
            await self._documents.tell(space, await self._documents.changed(TOGETHER))
        self._changed_ms = None
        await self._owner.follow()

    async def hurry(self) -> None:
        """Tell at once what was changed last, because the app is about to lock. A heap goes on another time.

        Raises: SyncError, StoreError.
        """
        space = await self._owner.space()
        if space is None or not self._owner.is_on or space.state == SHUT or not self._is_online(space):
            return
        await self.tell(space)
        await self._upload(space)

    async def _upload(self, space: Space) -> bool:
        awaiting = [one for one in await self._desk.said(space.id) if one.awaits]
        moved = [await self._try(partial(self._uploaded, space, one)) for one in awaiting[:TOGETHER]]
        if awaiting:
            await self._owner.follow()
        return any(moved)

    async def _uploaded(self, space: Space, one: Saying) -> bool:
        await self._files.upload(space, one)
        return True

    async def _fetch_words(self, space: Space) -> bool:
        wanted = (await self._context.store.all(WANTED))[:TOGETHER]
        return any([await self._try(partial(self._fetched, space, doc)) for doc in wanted])

    async def _fetched(self, space: Space, doc: Doc) -> bool:
        table, id, wanted = kept(doc["table"]), kept(doc["id"]), kept(doc["version"])
        version = (await self._documents.record(table, id)).history.newest.get(wanted)
        done = Change(drop=(Drop(WANTED, str(doc["_id"])),))
        if version is None or not is_long(version.body):
            await self._context.commit(done)
            return True
        body = await self._files.fetch_words(space, version)
        async with self._context.store.turn(SHARED):
            await self._put_words(table, id, wanted, body, done)
        return True

    async def _put_words(self, table: str, id: str, wanted: str, body: dict[str, object], done: Change) -> None:
        record, overlay = await self._documents.record(table, id), Overlay(self._context.store)
        version = record.history.newest.get(wanted)
        if version is not None:
            record = with_body(record, wanted, body)
            version = record.history.newest[wanted]
            if record.here not in record.history.newest:
                record = await self._documents.show(record, version, overlay)
            overlay.take(Change(put=(Put(RECORDS, record.to_doc()),)))
        await self._context.commit(overlay.change + done)

    async def _empty(self, space: Space) -> bool:
        """Let the service drop the words of versions that newer ones follow."""
        docs = (await self._context.store.all(FOLLOWED))[:500]
        at = space.logs[SHELF]
        keeper = await self._desk.residents[space.kind].keeper(space, SHELF, at.reads)
        if not docs or keeper is None or not self._is_online(space):
            return False
        relay = await self._network.relay(space.service)
        ladder = self._desk.ladder(space.log_id(SHELF), self._context.store)
        places = [place for place in each_read(docs, _place) if 0 < place[0] <= at.cursor]
        seqs = tuple(sorted([seq for seq, cid in places if await ladder.cid(seq) == cid]))
        if seqs:
            await relay.empty(space.log_id(SHELF).hex(), space.capability(SHELF), keeper, seqs)
        await self._context.commit(Change(drop=tuple(Drop(FOLLOWED, str(doc["_id"])) for doc in docs)))
        return True

    async def _read_past(self, space: Space) -> bool:
        """Read what lies before all that was read, the newer first, a stretch at a time."""
        floor = space.logs[SHELF].floor
        if not floor or not self._is_online(space):
            return False
        since, log_id = stretch_start(floor) - 1, space.log_id(SHELF).hex()
        relay = await self._network.relay(space.service)
        events = await relay.events(log_id, space.capability(SHELF), since, floor - since)
        past = tuple(e for e in events if e.seq <= floor)
        if [e.seq for e in past] != [*range(since + 1, floor + 1)]:
            return False  # this log is kept for ever: what it withholds it may hand out later
        await self._logs(space.service).receive_past(log_id, past, since)
        return True


def _place(doc: Doc) -> Place:
    return read_place(doc["place"])
