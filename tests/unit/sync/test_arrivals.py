"""What a stream brings is handed on in the order in which it came, together where it is there together."""

import asyncio

import pytest

from companion.errors import Offline
from companion.ports import InboxItem, RelayEvent
from services.sync.answers import Live
from services.sync.arrivals import AHEAD_ITEMS, RUN_BYTES, RUN_EVENTS, Arrivals

GROUP, OTHER = "ab" * 16, "cd" * 16


def event(seq, group=GROUP, body=b"x"):
    return RelayEvent(group=group, seq=seq, cid=f"{seq:032x}", at_ms=1, body=body)


def letter(seq):
    return InboxItem(seq=seq, cid=f"{seq:032x}", at_ms=1, body=b"x")


class Stream:
    """Yields what is given, an error among it raised, and then waits."""

    def __init__(self, *items):
        self.items, self.given, self.is_closed = list(items), 0, False

    async def __call__(self):
        try:
            for item in self.items:
                if isinstance(item, Exception):
                    raise item
                self.given += 1
                yield item
            await asyncio.Event().wait()
        finally:
            self.is_closed = True


async def taken(*items):
    """What is handed on of these, until there is nothing more."""
    found = []
    async with Arrivals(Stream(*items)()) as arrivals:
        try:
            async with asyncio.timeout(0.2):
                while True:
                    found.append(await arrivals.next())
        except TimeoutError:
            return found


async def test_events_of_one_group_that_are_there_together_are_handed_on_together():
    assert await taken(*(event(n) for n in range(5))) == [tuple(event(n) for n in range(5))]


async def test_another_group_and_anything_else_begin_anew_in_their_order():
    items = [event(1), event(2), event(1, OTHER), event(3), letter(1), Live(), event(4)]
    runs = [(event(1), event(2)), (event(1, OTHER),), (event(3),), letter(1), Live(), (event(4),)]
    assert await taken(*items) == runs


async def test_one_event_is_handed_on_without_waiting_for_a_second():
    more = asyncio.Event()

    async def stream():
        yield event(1)
        await more.wait()
        yield event(2)

    async with Arrivals(stream()) as arrivals, asyncio.timeout(20):
        assert await arrivals.next() == (event(1),)
        more.set()
        assert await arrivals.next() == (event(2),)


async def test_what_is_handed_on_together_is_bounded_in_number_and_bytes():
    assert [len(run) for run in await taken(*(event(n) for n in range(RUN_EVENTS + 1)))] == [RUN_EVENTS, 1]
    large = [event(n, body=bytes(RUN_BYTES // 2)) for n in range(5)]
    assert [len(run) for run in await taken(*large)] == [2, 2, 1]


async def test_stream_is_read_no_further_ahead_than_its_bound():
    stream = Stream(*(event(n) for n in range(5 * AHEAD_ITEMS)))
    async with Arrivals(stream()) as arrivals, asyncio.timeout(20):
        assert len(await arrivals.next()) == RUN_EVENTS
        for _ in range(10):
            await asyncio.sleep(0)
        assert stream.given == AHEAD_ITEMS + RUN_EVENTS
        for _ in range(4):
            await arrivals.next()
            await asyncio.sleep(0)
        assert stream.given > AHEAD_ITEMS + RUN_EVENTS


async def test_error_comes_after_everything_before_it():
    async with Arrivals(Stream(event(1), event(2), Offline("gone"))()) as arrivals, asyncio.timeout(20):
        assert await arrivals.next() == (event(1), event(2))
        for _ in range(2):
            with pytest.raises(Offline, match="gone"):
                await arrivals.next()


async def test_stream_is_closed_at_the_end_also_while_it_is_far_ahead():
    stream = Stream(*(event(n) for n in range(5 * AHEAD_ITEMS)))
    async with Arrivals(stream()) as arrivals, asyncio.timeout(20):
        await arrivals.next()
    assert stream.is_closed
