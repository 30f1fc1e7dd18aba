"""Live delivery: readers are told, rings stay small, and the hub never invents or skips an event."""

import asyncio
import re

import pytest

from services.relay.hub import RING_BYTES, RING_FRAMES, Hub
from services.relay.log.store import Event

GROUP = b"g" * 16
DEVICE = b"d" * 16
CAPABILITY = b"c" * 32


def event(seq, body=b"x"):
    return Event(seq=seq, cid=b"c" * 16, at_ms=1, body=body)


def test_reader_is_told_and_gets_the_frames_after_its_cursor():
    hub = Hub()
    reader = hub.join([GROUP])
    for seq in (1, 2, 3):
        hub.publish(GROUP, event(seq))
    assert reader.news == {GROUP}
    last, frames, is_former = hub.after(GROUP, 1, CAPABILITY)
    assert (last, is_former) == (3, False)
    assert re.findall(rb'"seq":(\d+),', frames) == [b"2", b"3"]


def test_slow_reader_falls_out_of_the_ring():
    hub = Hub()
    hub.join([GROUP])
    for seq in range(1, RING_FRAMES + 2):
        hub.publish(GROUP, event(seq))
    assert hub.after(GROUP, 0, CAPABILITY) is None
    assert hub.after(GROUP, 1, CAPABILITY)[0] == RING_FRAMES + 1


def test_ring_is_bounded_in_bytes():
    hub = Hub()
    hub.join([GROUP])
    for seq in range(1, 41):
        hub.publish(GROUP, event(seq, bytes(65_536)))
    held = sum(len(frame) for _, frame, _ in hub._tails[GROUP].frames)
    assert RING_BYTES / 2 < held <= RING_BYTES


def test_gap_empties_the_ring_rather_than_hiding_an_event():
    hub = Hub()
    hub.join([GROUP])
    hub.publish(GROUP, event(1))
    hub.publish(GROUP, event(3))
    assert hub.after(GROUP, 1, CAPABILITY) is None
    assert hub.after(GROUP, 2, CAPABILITY)[0] == 3


def test_late_hint_of_an_older_event_changes_nothing():
    hub = Hub()
    hub.join([GROUP])
    hub.publish(GROUP, event(5))
    hub.publish(GROUP, event(4))
    assert hub.after(GROUP, 3, CAPABILITY) is None
    assert hub.after(GROUP, 4, CAPABILITY).frames == event(5).frame(GROUP)


def test_nothing_is_kept_for_groups_nobody_reads():
    hub = Hub()
    reader = hub.join([GROUP], DEVICE)
    hub.publish(GROUP, event(1))
    hub.leave(reader, DEVICE)
    hub.publish(GROUP, event(2))
    assert (hub._tails, hub._streams, hub.readers) == ({}, {}, 0)


async def test_wait_returns_at_news_and_at_the_end_and_after_its_time():
    hub = Hub()
    reader = hub.join([GROUP])
    await reader.wait(0)
    hub.publish(GROUP, event(1))
    await reader.wait(3_600)
    reader.news.clear()
    hub.close()
    await reader.wait(3_600)
    assert reader.end == "bye"
    assert hub.join([GROUP]).end == "bye"


def test_third_stream_of_a_device_replaces_the_first():
    hub = Hub()
    readers = [hub.join([GROUP], DEVICE) for _ in range(3)]
    other = hub.join([GROUP], b"e" * 16)
    assert [r.end for r in (*readers, other)] == ["replaced", None, None, None]


def test_hint_wakes_the_reader_and_sends_it_to_the_log():
    hub = Hub()
    reader = hub.join([GROUP])
    hub.publish(GROUP, event(1))
    reader.news.clear()
    hub.hint(GROUP)
    hub.hint(b"?" * 16)
    assert reader.news == {GROUP}
    assert hub.after(GROUP, 0, CAPABILITY) is None
    assert hub.groups() == (GROUP,)


def test_readers_at_different_places_each_get_what_they_lack():
    hub = Hub()
    hub.join([GROUP])
    for seq in (1, 2):
        hub.publish(GROUP, event(seq))
    asked = [hub.after(GROUP, since, CAPABILITY) for since in (0, 0, 1, 2, 0)]
    assert [newest.frames.count(b"event: event") for newest in asked] == [2, 2, 1, 0, 2]
    hub.publish(GROUP, event(3))
    assert hub.after(GROUP, 0, CAPABILITY).frames.count(b"event: event") == 3
    hub.hint(GROUP)
    assert hub.after(GROUP, 0, CAPABILITY) is None


def test_reader_with_a_former_capability_gets_no_more_than_it_reads():
    hub = Hub()
    hub.join([GROUP])
    hub.publish(GROUP, event(1))
    hub.publish(GROUP, Event(seq=2, cid=b"c" * 16, at_ms=1, body=b"x", ended=CAPABILITY))
    hub.publish(GROUP, event(3))
    present, former = hub.after(GROUP, 0, b"n" * 32), hub.after(GROUP, 0, CAPABILITY)
    assert (present.last, present.is_former) == (3, False)
    assert (former.last, former.is_former, former.frames.count(b"event: event")) == (2, True, 2)


async def test_reader_that_takes_too_long_is_given_up_and_one_that_takes_is_not():
    hub = Hub()
    reader = hub.join([GROUP])
    for _ in range(3):
        await reader.take(asyncio.sleep(0.02), 0.05)
    with pytest.raises(TimeoutError):
        await reader.take(asyncio.sleep(3_600), 0.05)
    assert asyncio.current_task().cancelling() == 0
    hub.leave(reader)


async def test_sending_that_is_cancelled_from_outside_stays_cancelled():
    reader = Hub().join([GROUP])
    task = asyncio.create_task(reader.take(asyncio.sleep(3_600), 3_600))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    reader.close()


async def test_short_wait_after_a_long_one_is_not_kept_waiting():
    reader = Hub().join([GROUP])
    await reader.take(asyncio.sleep(0), 3_600)
    await asyncio.wait_for(reader.wait(0.01), 10)
    reader.close()
