"""What is kept of the certain time, and when: each look may write, few do."""

from types import SimpleNamespace

import pytest

from companion.app.certainty import TABLE, Certainty
from companion.ports import Change
from companion.times import DAY_MS, HOUR_MS, Sure

NOW_MS = 1_800_000_000_000
SINCE_MS = NOW_MS - 400 * DAY_MS


class Context:
    """The clock, one document, and who I am."""

    def __init__(self, doc: dict[str, object] | None = None, *, knows_itself: bool = True) -> None:
        self.doc, self.reads, self.writes = doc, 0, 0
        self.at_ms, self.watch_ms = NOW_MS, 1_000
        self.clock = SimpleNamespace(now_ms=lambda: self.at_ms, monotonic_ms=lambda: self.watch_ms)
        own = SimpleNamespace(since_ms=SINCE_MS) if knows_itself else None
        devices = SimpleNamespace(device=lambda _: own)
        self.me = SimpleNamespace(device="d", member=SimpleNamespace(devices=devices))
        self.store = self

    async def get(self, table: str, id: str) -> dict[str, object] | None:
        assert table == TABLE
        self.reads += 1
        return self.doc

    async def note(self, change: Change) -> None:
        self.writes += 1
        (put,) = change.put
        self.doc = put.doc

    def move(self, ms: int) -> None:
        self.at_ms, self.watch_ms = self.at_ms + ms, self.watch_ms + ms


def known(sure_ms: int) -> Context:
    """Return a device that was certain of this moment when it was closed, with its clock there."""
    return Context(Sure(sure_ms=sure_ms, last_ms=sure_ms).to_doc("sure"))


async def test_what_is_kept_is_read_once() -> None:
    context = known(NOW_MS)
    certainty = Certainty(context)
    await certainty.now_ms()
    await certainty.now_ms()
    assert context.reads == 1


@pytest.mark.parametrize(("knows_itself", "sure_ms"), [(True, SINCE_MS), (False, 0)])
async def test_without_anything_kept_it_is_later_than_when_this_device_came(knows_itself: bool, sure_ms: int) -> None:
    assert await Certainty(Context(knows_itself=knows_itself)).now_ms() == sure_ms


async def test_stopwatch_that_goes_back_takes_nothing_from_what_is_certain() -> None:
    context = known(NOW_MS)
    certainty = Certainty(context)
    await certainty.now_ms()
    context.watch_ms -= 500
    assert await certainty.now_ms() == NOW_MS


@pytest.mark.parametrize(("passed_ms", "writes"), [(0, 0), (HOUR_MS - 1, 0), (HOUR_MS, 1)])
async def test_time_that_passes_is_written_down_by_the_hour(passed_ms: int, writes: int) -> None:
    context = known(NOW_MS)
    certainty = Certainty(context)
    await certainty.now_ms()
    context.move(passed_ms)
    await certainty.now_ms()
    assert context.writes == writes


async def test_clock_that_goes_back_is_written_down_at_once() -> None:
    context = known(NOW_MS)
    context.at_ms -= 1
    await Certainty(context).now_ms()
    assert context.writes == 1
    assert context.doc is not None
    assert context.doc["sure_ms"] == NOW_MS - 1


async def test_clock_that_is_first_seen_ahead_is_written_down_at_once() -> None:
    context = known(NOW_MS)
    context.at_ms += 10 * DAY_MS
    await Certainty(context).now_ms()
    assert context.writes == 1
    assert context.doc is not None
    assert context.doc["seen_ms"] == NOW_MS + 10 * DAY_MS


@pytest.mark.parametrize(("passed_ms", "writes"), [(HOUR_MS - 1, 0), (HOUR_MS, 1)])
async def test_how_long_a_clock_has_gone_on_ahead_is_written_down_by_the_hour(passed_ms: int, writes: int) -> None:
    context = known(NOW_MS)
    context.at_ms += 100 * DAY_MS
    first = Certainty(context)
    await first.now_ms()
    context.writes = 0
    context.at_ms += passed_ms
    await Certainty(context).now_ms()  # another start: nothing of the stopwatch is left
    assert context.writes == writes
