"""Where two logs part is found in few calls by what both have; a service that contradicts itself is believed seldom."""

import asyncio

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from companion.errors import Offline, RelayRefused
from companion.ports import GroupCursor, RelayEvent
from services.sync.answers import GroupRefused, Live
from services.sync.fork import CAPABILITIES_MOST, RETURNS_MOST, Returns, last_in_common
from services.sync.paging import pages
from services.sync.protocol import is_same_arrival
from tests.unit.sync.test_sync_loop_waits import CAPABILITY, GROUP, PlayedRelay, begin, event, side  # noqa: F401

MINUTE_MS, DAY_MS = 60_000, 86_400_000
CIDS = st.integers(0, 5).map(lambda n: f"{n:032x}")  # few, so that the same one stands at one place of both logs
TIMES = st.sampled_from([3 * DAY_MS, 3 * DAY_MS + 1, 3 * DAY_MS + MINUTE_MS + 1])
LOGS = st.lists(st.tuples(CIDS, TIMES), max_size=12)


class Log:
    """A service with one log. `open_by`: up to where each capability reads."""

    def __init__(self, places, open_by=None):
        self.places = places
        self.open_by = {CAPABILITY: len(places)} if open_by is None else open_by
        self.calls = 0

    async def events(self, group, capability, since, limit=500, *, cid="", at_ms=0):
        self.calls += 1
        if capability not in self.open_by:
            raise RelayRefused(404, "unknown")
        head = self.open_by[capability]
        if since > head:
            raise RelayRefused(409, "ahead", head=head)
        if since == head < len(self.places):
            raise RelayRefused(403, "rotated", head=head)
        page = list(enumerate(self.places[:head], 1))[since : since + limit]
        return tuple(RelayEvent(group=group, seq=seq, cid=c, at_ms=t, body=b"x") for seq, (c, t) in page)


def trail(log, first=0, capability=CAPABILITY, known=None):
    places = [GroupCursor(group=GROUP, capability=capability, since=first)]
    for seq, (cid, at_ms) in list(enumerate(log, 1))[first:]:
        if known is None or seq in known:
            places.append(GroupCursor(group=GROUP, capability=capability, since=seq, cid=cid, at_ms=at_ms))
    return tuple(places)


def parted(here, there):
    """Return after which number the two differ."""
    return next((n for n, (a, b) in enumerate(zip(here, there, strict=False)) if a != b), min(len(here), len(there)))


@settings(deadline=None)
@given(LOGS, LOGS, LOGS, st.sets(st.integers(1, 24)), st.integers(0, 12))
@example([("0" * 32, 1)], [("1" * 32, 2), ("2" * 32, 3)], [("3" * 32, 4), ("2" * 32, 9)], {1, 2, 3}, 0)
def test_place_is_the_last_that_both_logs_have_of_what_is_known(common, here, there, known, first):
    """As long as an event that stands in both at one number came at another time: that is what tells them apart."""
    here = [(cid, 2 * at_ms + 1) for cid, at_ms in here]
    ours, theirs = common + here, common + there
    first = min(first, len(ours))
    place = asyncio.run(last_in_common(Log(theirs), trail(ours, first, known=known)))
    assert place == max(n for n in {first, *known} if n == first or first < n <= parted(ours, theirs))


async def test_parting_is_found_in_ten_calls_for_one_event_each():
    ours = [(f"{n:032x}", n) for n in range(500)]
    relay = Log(ours[:137] + [("f" * 32, 1)] * 400)
    assert await last_in_common(relay, trail(ours)) == 137
    assert relay.calls <= 11


@pytest.mark.parametrize("answer", ["other", "nothing", "everything", "refused"])
async def test_service_that_says_what_it_likes_gets_few_calls_and_one_place_of_ours(answer):
    class Liar(Log):
        async def events(self, group, capability, since, limit=500, *, cid="", at_ms=0):
            self.calls += 1
            if answer == "refused":
                raise RelayRefused(409, "ahead", head=3)
            many = [RelayEvent(group=group, seq=since + n, cid="e" * 32, at_ms=1, body=b"") for n in range(9)]
            return {"other": tuple(many[1:2]), "nothing": (), "everything": tuple(many)}[answer]

    relay = Liar([])
    assert await last_in_common(relay, trail([(f"{n:032x}", n) for n in range(500)])) == 0
    assert relay.calls <= 11


async def test_group_that_opens_by_none_of_our_capabilities_parts_nowhere():
    places = tuple(GroupCursor(group=GROUP, capability=f"{n:064x}", since=n) for n in range(50))
    relay = Log([])
    assert await last_in_common(relay, places) is None
    assert relay.calls == CAPABILITIES_MOST


async def test_capability_of_before_opens_what_the_newest_does_not():
    log = [(f"{n:032x}", n) for n in range(1, 9)]
    old = trail(log[:4])
    new = tuple(GroupCursor(group=GROUP, capability="ee" * 32, since=n, cid=log[n - 1][0]) for n in range(5, 9))
    assert await last_in_common(Log(log[:3] + [("f" * 32, 1)] * 9), (*old, *new)) == 3


async def test_no_answer_is_no_parting():
    class Away(Log):
        async def events(self, *_, **__):
            raise Offline("no answer")

    with pytest.raises(Offline):
        await last_in_common(Away([]), trail([("0" * 32, 1)]))


async def test_service_that_wants_to_be_asked_later_is_no_parting():
    class Busy(Log):
        async def events(self, *_, **__):
            raise RelayRefused(429, "slow-down")

    with pytest.raises(RelayRefused, match="429"):
        await last_in_common(Busy([]), trail([("0" * 32, 1)]))


@given(st.integers(1, 10**14), st.integers(1, 10**14))
def test_time_that_the_service_rounded_is_the_same_arrival_and_no_other_is(at_ms, other_ms):
    minute, day = at_ms - at_ms % MINUTE_MS, at_ms - at_ms % DAY_MS
    assert all(is_same_arrival(at_ms, then) for then in (at_ms, minute, day))
    assert is_same_arrival(minute, day)
    assert is_same_arrival(0, other_ms)
    if other_ms not in (at_ms, minute, day):
        assert not is_same_arrival(at_ms, other_ms)


async def test_group_goes_back_only_so_often_and_the_others_are_not_counted():
    returns = Returns()
    for _ in range(RETURNS_MOST):
        assert returns.may(GROUP)
        returns.note(GROUP)
    assert not returns.may(GROUP)
    assert returns.may("ee" * 16)


# The reader


async def test_reading_begins_anew_at_the_parting_before_anything_is_online(side, begin):  # noqa: F811
    relay = PlayedRelay()
    relay.streams = [
        [event(1, b"first"), event(2, b"theirs", "aa" * 16), Offline("cut")],
        [GroupRefused(group=GROUP, reason="other", head=7), Live()],
        [event(2, b"mine", "bb" * 16), Live()],
    ]
    begin(side, relay)
    await side.until(lambda: side.bodies == [b"first", b"mine"] and side.states[-1] == "online")
    assert side.went_back == [(GROUP, 1)]
    assert side.states.count("online") == 1
    assert [places[GROUP][1] for places, _, _ in relay.asked] == [0, 2, 1]
    assert [inbox for _, inbox, _ in relay.asked] == [0, 0, 0]


async def test_service_that_says_so_for_ever_is_heard_a_few_times_and_then_said(side, begin):  # noqa: F811
    relay = PlayedRelay()
    relay.streams = [[GroupRefused(group=GROUP, reason="other", head=7), Live()]] * 40
    loop = begin(side, relay)
    await side.until(lambda: any(isinstance(trouble, RelayRefused) for trouble in side.troubles))
    for _ in range(5):
        loop.wake()
        await asyncio.sleep(0)
    await asyncio.sleep(1.2)  # two more streams
    assert len(side.went_back) == RETURNS_MOST
    assert len(relay.asked) <= RETURNS_MOST + 4
    said = [trouble for trouble in side.troubles if trouble is not None]
    assert {(trouble.status, trouble.reason) for trouble in said} == {(409, "other")}


async def test_group_that_nobody_knows_is_no_parting(side, begin):  # noqa: F811
    relay = PlayedRelay()
    relay.streams = [[GroupRefused(group=GROUP, reason="unknown"), Live()]]

    async def events(*_, **__):
        raise RelayRefused(404, "unknown")

    relay.events = events
    begin(side, relay)
    await side.until(lambda: side.unknown_groups == [GROUP])
    assert side.went_back == []


async def test_each_page_names_the_event_it_goes_on_from():
    class Paged(Log):
        known = ()

        async def inbox(self, since):
            return ()

        async def events(self, group, capability, since, limit=500, *, cid="", at_ms=0):
            self.known += ((since, cid, at_ms),)
            return await super().events(group, capability, since, 2)

    log = [(f"{n:032x}", n) for n in range(1, 5)]
    relay = Paged(log)
    start = GroupCursor(group=GROUP, capability=CAPABILITY, since=1, cid=log[0][0], at_ms=1)
    stream = pages(relay, (start,), 0, "", asyncio.Event())
    while not isinstance(await anext(stream), Live):
        pass
    await stream.aclose()
    assert relay.known == ((1, log[0][0], 1), (3, log[2][0], 3), (4, log[3][0], 4))
