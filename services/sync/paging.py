"""The second way in: page by page, on networks that hold back what should come at once.

Some proxies hand on an answer only when it is complete, or close one that has no end. Single calls come through there.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

from companion.errors import Offline, RelayRefused
from companion.ports import GroupCursor, RelayEvent
from services.sync.answers import GroupRefused, Live, StreamItem, Worth
from services.sync.signals import SyncRelay

EVERY_S = 20
"""How often everything is looked through, if nothing was sent meanwhile."""
FIRST_HELD_S = 300.0
LONGEST_HELD_S = 3_600.0
FAILS_MOST = 2
READS_NO_FURTHER = frozenset({403, 404, 409})


class Way:
    """Whether a stream is worth a try: after one that was held, seldom, and ever more seldom."""

    def __init__(self) -> None:
        self._held_until_s = 0.0
        self._next_s = FIRST_HELD_S
        self._fails = 0

    def left_s(self) -> float:
        """Return for how long pages are read before a stream is tried again, 0 if it may be now."""
        return max(0.0, self._held_until_s - asyncio.get_running_loop().time())

    def hold(self) -> None:
        """Nothing came of a stream."""
        self._held_until_s = asyncio.get_running_loop().time() + self._next_s
        self._next_s = min(2 * self._next_s, LONGEST_HELD_S)

    def fail(self) -> bool:
        """A stream ended before everything was there; return whether that is the way of this network."""
        self._fails += 1
        if self._fails < FAILS_MOST:
            return False
        self.hold()
        return True

    def flows(self) -> None:
        """A stream brought all there is."""
        self._next_s, self._fails = FIRST_HELD_S, 0

    def moved(self) -> None:
        """Pages fail too: this may be another network by now."""
        self._held_until_s, self._fails = 0.0, 0


async def pages(
    relay: SyncRelay, cursors: tuple[GroupCursor, ...], inbox: int, incarnation: str, sooner: asyncio.Event
) -> AsyncGenerator[StreamItem, None]:
    """Yield what a stream would, by looking every 20 s, and at once when `sooner` is set. Raises like its calls."""
    places = {cursor.group: cursor for cursor in cursors}
    worth, is_live = Worth(), False
    while True:
        sooner.clear()
        if incarnation and (await relay.about()).incarnation != incarnation:
            raise Offline("the log is another one")
        while items := await relay.inbox(inbox):
            for item in items:
                worth.weigh(item)
                inbox = max(inbox, item.seq)
                yield item
        for group in tuple(places):
            try:
                while events := await _page(relay, places[group]):
                    for event in events:
                        worth.weigh(event)
                        yield event
                    places[group] = _after(places[group], events[-1])
            except RelayRefused as refusal:
                if refusal.status not in READS_NO_FURTHER:
                    raise
                del places[group]
                yield GroupRefused(group=group, reason=refusal.reason, head=refusal.head)
        if not is_live:
            is_live = True
            yield Live()
        try:
            async with asyncio.timeout(EVERY_S):
                await sooner.wait()
        except TimeoutError:
            pass


async def _page(relay: SyncRelay, place: GroupCursor) -> tuple[RelayEvent, ...]:
    return await relay.events(place.group, place.capability, place.since, cid=place.cid, at_ms=place.at_ms)


def _after(place: GroupCursor, last: RelayEvent) -> GroupCursor:
    """Return where to go on after a page. What does not go on from there names no event to go by."""
    if last.seq <= place.since:
        return replace(place, since=place.since + 1, cid="", at_ms=0)
    return replace(place, since=last.seq, cid=last.cid, at_ms=last.at_ms)
