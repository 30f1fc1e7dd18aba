"""The second way in: on a network that holds streams back, pages bring the same, and a stream is tried again seldom."""

import asyncio

import pytest

from companion.errors import Offline, RelayRefused, StreamHeld
from companion.ports import GroupCursor
from services.sync.answers import GroupRefused, Live
from services.sync.paging import EVERY_S, Way, pages
from tests.unit.sync.test_sync_loop_waits import (  # noqa: F401
    CAPABILITY,
    GROUP,
    PlayedRelay,
    begin,
    event,
    item,
    side,
)

CURSORS = (GroupCursor(group=GROUP, capability=CAPABILITY, since=0),)


class PagedRelay(PlayedRelay):
    """Has events and items to hand out page by page; `refusal` is what it says of the group instead."""

    def __init__(self):
        super().__init__()
        self.events_held, self.items_held, self.refusal, self.calls = [], [], None, 0
        self.known = []

    async def events(self, group, capability, since, limit=500, *, cid="", at_ms=0):
        self.calls += 1
        self.known.append((since, cid, at_ms))
        if self.refusal is not None:
            raise self.refusal
        return tuple(one for one in self.events_held if one.seq > since)[:2]

    async def inbox(self, since):
        return tuple(one for one in self.items_held if one.seq > since)[:2]


@pytest.fixture
def relay():
    return PagedRelay()


async def test_what_a_held_stream_would_have_brought_comes_page_by_page(side, begin, relay):  # noqa: F811
    relay.streams = [[StreamHeld("nothing")]]
    relay.events_held = [event(n, b"%d" % n) for n in range(1, 6)]
    relay.items_held = [item(n) for n in range(1, 4)]
    side.post(GROUP, b"mine")
    begin(side, relay)
    await side.until(lambda: len(side.received) == 5 and len(side.inbox) == 3 and side.states[-1] == "online")
    assert [one.seq for one in side.received] == [1, 2, 3, 4, 5]
    assert side.states == ["connecting", "online"]
    assert side.paces == [EVERY_S]
    assert await asyncio.wait_for(relay.acknowledged.get(), 5) == 3


async def test_what_was_sent_is_looked_for_at_once(side, begin, relay):  # noqa: F811
    relay.streams = [[StreamHeld("nothing")]]
    begin(side, relay)
    await side.until(lambda: side.states[-1:] == ["online"])
    relay.events_held = [event(1, b"mine")]
    side.post(GROUP, b"mine")
    begin.loops[-1].wake()
    await side.until(lambda: side.bodies == [b"mine"], deadline_s=EVERY_S / 2)


async def test_streams_that_break_off_before_they_begin_are_given_up_for_pages(side, begin, relay):  # noqa: F811
    relay.streams = [[Offline("cut")], [Offline("cut")]]
    relay.events_held = [event(1, b"one")]
    begin(side, relay)
    await side.until(lambda: side.bodies == [b"one"])
    assert len(relay.asked) == 2


async def test_stream_that_flowed_in_between_is_no_sign_of_a_network_that_cuts_them(side, begin, relay):  # noqa: F811
    cut = Offline("cut")
    relay.streams = [[cut], [Live(), cut], [cut], [event(1, b"one"), Live()]]
    begin(side, relay)
    await side.until(lambda: side.bodies == [b"one"])
    assert relay.calls == 0


async def test_stream_that_falls_silent_in_the_middle_goes_on_in_pages(side, begin, relay):  # noqa: F811
    relay.streams = [[event(1, b"one"), Live(), StreamHeld("silent")]]
    relay.events_held = [event(1, b"one"), event(2, b"two")]
    begin(side, relay)
    await side.until(lambda: side.bodies == [b"one", b"two"])
    assert "waiting" not in side.states


async def test_pages_that_fail_too_are_a_lost_connection_and_the_next_one_tries_a_stream(side, begin, relay):  # noqa: F811
    relay.streams = [[StreamHeld("nothing")], [event(1, b"one"), Live()]]
    relay.refusal = Offline("no network")
    begin(side, relay)
    await side.until(lambda: side.bodies == [b"one"] and side.states[-1] == "online")
    assert side.states == ["connecting", "waiting", "connecting", "online"]
    assert side.paces == [0]


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (RelayRefused(404, "unknown"), GroupRefused(group=GROUP, reason="unknown")),
        (RelayRefused(403, "rotated", head=3), GroupRefused(group=GROUP, reason="rotated", head=3)),
        (RelayRefused(409, "ahead", head=2), GroupRefused(group=GROUP, reason="ahead", head=2)),
    ],
)
async def test_page_that_is_refused_says_the_same_as_a_stream(relay, refusal, said):
    relay.refusal = refusal
    stream = pages(relay, CURSORS, 0, "", asyncio.Event())
    assert [await anext(stream), await anext(stream)] == [said, Live()]
    await stream.aclose()


async def test_log_that_is_another_one_is_noticed_between_pages(relay):
    stream = pages(relay, CURSORS, 0, "2" * 32, asyncio.Event())
    with pytest.raises(Offline, match="another one"):
        await anext(stream)


async def test_service_that_gives_the_same_page_for_ever_is_ended(relay):
    async def same(group, capability, since, **_):
        return (event(1, b"again"),)

    relay.events = same
    stream = pages(relay, CURSORS, 0, "", asyncio.Event())

    async def read_on():
        while True:
            await anext(stream)

    with pytest.raises(Offline, match="nothing"):
        await asyncio.wait_for(read_on(), 10)


async def test_stream_is_tried_ever_more_seldom_and_afresh_after_it_flowed():
    way, waits = Way(), []
    for _ in range(6):
        way.hold()
        waits.append(round(way.left_s()))
    assert waits == [300, 600, 1200, 2400, 3600, 3600]
    way.moved()
    assert way.left_s() == 0
    way.flows()
    way.hold()
    assert round(way.left_s()) == 300
