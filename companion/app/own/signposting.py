"""What a person's devices do for their recovery words: tell each other of them, and keep the signpost up to date.

Nothing is noted of what has still to be done. What should stand at the service is compared with what stands there:
whenever the space, its key, the words or the service's log are others, and once with each connection. So a crash, a
restored service, or somebody who emptied or dropped the log, is made good by the next device that is online.
"""

import logging

from companion.app.context import SHARED, Context
from companion.app.recovery import Recovery
from companion.app.spaces.desk import Desk, wait
from companion.errors import Offline, RelayRefused, SyncError
from companion.farewells import LogToDrop
from companion.fields import each_read, refused
from companion.ports import Change, Doc, Drop, Network, Put, Relay, RelayEvent
from companion.space.items import cid_of
from companion.space.keys import BOOK
from companion.space.place import Space
from companion.space.saying import ITEM, Saying
from companion.space.signpost import Signpost, Way, fold, is_mine, way_entry, way_to, whose_entry
from companion.space.words import TABLE, Words
from companion.strings import kept
from companion.times import HOUR_MS

log = logging.getLogger(__name__)

UP = "signposts"
"""The table of the signposts that this device has put up or kept, until they are dropped."""
ENTRIES_MOST = 500
PAGES_MOST = 8
AGAIN_MS = 20_000


class Signposting:
    """One step at a time: learn the words that the space goes by, tell it of newer ones, or see to the signpost."""

    def __init__(self, context: Context, desk: Desk, network: Network, recovery: Recovery) -> None:
        self._context = context
        self._desk = desk
        self._network = network
        self._recovery = recovery
        self._settled: object = None
        self._tried: object = None
        self._again_ms = 0
        self._ahead: Way | None = None

    def forget(self) -> None:
        """The connection is gone: with the next one, what stands at the service is looked at again."""
        self._settled = self._tried = None

    async def left_ms(self, space: Space) -> int:
        """Return in how many ms there is something to do, as long as the service is there."""
        wish = await self._wish(space)
        if wish == self._settled:
            return HOUR_MS
        return max(0, self._again_ms - self._context.clock.monotonic_ms()) if wish == self._tried else 0

    async def step(self, space: Space) -> bool:
        """Do the next thing; return whether one was done. Raises: SyncError, StoreError."""
        if await self.left_ms(space):
            return False
        now, wish = self._context.clock.monotonic_ms(), await self._wish(space)
        self._tried, self._again_ms = wish, now + HOUR_MS  # what is refused is not asked for again and again
        try:
            is_done = await self._next(space)
        except Offline:
            self._again_ms = now + AGAIN_MS
            raise
        if is_done:
            self._settled = wish
        else:
            self._again_ms = now + AGAIN_MS
        return is_done

    async def _wish(self, space: Space) -> object:
        """Return everything that what has to be done depends on, but for what others do at the service."""
        here, there = await self._recovery.known(), await self._recovery.of(space.id)
        return await self._desk.life(space), space.id, space.n, space.first, here, there

    async def _next(self, space: Space) -> bool:
        """Return False for what is better looked at again in a while."""
        here, there = await self._recovery.known(), await self._recovery.of(space.id)
        if there is not None and there != here and await self._recovery.is_wanted(there):
            await self._context.commit(Change(put=(Put(TABLE, there.known_doc()),)))
        elif here is not None and here.follows(there):
            await self._tell(space, here)
        elif there is not None and space.first:
            return await self._put_up(space, there)
        return True

    async def _tell(self, space: Space, words: Words) -> None:
        """Let the space go by these words, unless that waits to be said already."""
        content = words.told()
        async with self._context.store.turn(SHARED):
            if all(one.content != content for one in await self._desk.said(space.id, BOOK)):
                said = Saying(id=self._context.new_id(), space=space.id, log=BOOK, kind=ITEM, content=content)
                await self._context.commit(Change(put=(wait(said),)))

    # At the service

    async def _put_up(self, space: Space, words: Words) -> bool:
        """See that the signpost says where the space is, and nothing else. Return False where it leads further than
        this device knows: it may soon know more, else somebody lied.
        """
        relay, mine = await self._network.relay(space.service), self._context.me.identity_private
        doc: Doc = {"_id": f"{space.service}|{words.log}", "_v": 1, "service": space.service, **words.to_doc()}
        await self._context.commit(Change(put=(Put(UP, doc),)))  # first: what is made has to be dropped one day
        await _make(relay, words)
        events, is_whole = await entries_of(relay, words)
        post = fold(words, ((event.seq, event.body) for event in events))
        if not is_whole or (post.identity and not is_mine(post, mine)):
            await relay.drop_group(words.log, words.capability, words.keeper)
            await _make(relay, words)
            post = Signpost()
        way = way_to(words, space)
        if post.way is not None and post.way.rank > way.rank and post.way != self._ahead:
            self._ahead = post.way
            return False
        if not post.identity:
            await _append(relay, words, whose_entry(words, mine))
        if post.way != way:
            await _append(relay, words, way_entry(words, mine, way))
        over = (*post.rest, *((post.way_seq,) if post.way not in (None, way) else ()))
        if over:
            await relay.empty(words.log, words.capability, words.keeper, over)
        await self._take_down(str(doc["_id"]))
        return True

    async def _take_down(self, but: str) -> None:
        """Drop the signposts of former words, or at a former service. One that cannot be reached waits."""
        for doc in await self._context.store.all(UP):
            if doc["_id"] == but:
                continue
            for service, one in each_read((doc,), read_signpost):
                try:
                    await (await self._network.relay(service)).drop_group(one.log, one.capability, one.keeper)
                except RelayRefused as error:  # it is gone, or is not ours any more
                    log.info("a signpost was not there to take down: %d", error.status)
                except SyncError:
                    break
            else:
                await self._context.commit(Change(drop=(Drop(UP, str(doc["_id"])),)))

    async def logs_to_drop(self) -> tuple[tuple[str, LogToDrop], ...]:
        """Return the signposts with their services: they are dropped with my account."""
        found = each_read(await self._context.store.all(UP), read_signpost)
        return tuple((at, LogToDrop(id=one.log, capability=one.capability, keeper=one.keeper)) for at, one in found)


async def _make(relay: Relay, words: Words) -> None:
    await relay.create_group(words.log, words.capability, keeper=words.keeper, keep_days=0)


async def _append(relay: Relay, words: Words, body: bytes) -> None:
    await relay.append(words.log, words.capability, cid_of(body), body)


async def entries_of(relay: Relay, words: Words) -> tuple[tuple[RelayEvent, ...], bool]:
    """Return the events of a small log, and whether that is all: whoever fills it up is read no further.

    Raises: SyncError.
    """
    events: tuple[RelayEvent, ...] = ()
    for _ in range(PAGES_MOST):
        page = await relay.events(words.log, words.capability, len(events))
        events += page
        if not page or len(events) >= ENTRIES_MOST:
            return events, not page
    return events, False


@refused("a signpost")
def read_signpost(doc: Doc) -> tuple[str, Words]:
    """Return the service of a signpost, and the words that it is of."""
    return kept(doc["service"]), Words.from_doc(doc)
