"""When the loop waits, how long, and who may wake it: against a service that is played here."""

import asyncio

import httpx
import pytest

from companion.crypto.primitives import signing_keypair
from companion.devices import device_id
from companion.errors import Offline, RelayRefused
from companion.ports import Appended, InboxItem, RelayEvent
from services.sync.answers import About, Bye, GroupRefused, Live
from services.sync.client import RelayClient
from services.sync.loop import SyncLoop
from tests.marked import marked_transport
from tests.memory_side import MemorySide

GROUP, CAPABILITY = "ab" * 16, "cd" * 32


class PlayedRelay:
    """Takes everything, unless `appends` or `streams` holds something else to say first."""

    def __init__(self):
        self.appends = []
        self.streams = []
        self.appended = []
        self.asked = []
        self.acknowledged = asyncio.Queue()
        self.incarnation = "1" * 32

    async def about(self):
        return About(protocol_min=1, protocol_max=1, incarnation=self.incarnation, version="1")

    async def create_group(self, group, capability, **more):
        pass

    async def append(self, group, capability, cid, body, epoch=None, **more):
        if self.appends and (answer := self.appends.pop(0)) is not None:
            raise answer
        self.appended.append((capability, body))
        return Appended(seq=len(self.appended), at_ms=1)

    async def events(self, group, capability, since, limit=500, *, cid="", at_ms=0):
        """What is there when a parting is looked for: the first event and no other."""
        return (event(1, b"first"),) if since == 0 else ()

    async def post_to_inbox(self, device, cid, body):
        self.appended.append((device, body))

    async def acknowledge_inbox(self, upto):
        self.acknowledged.put_nowait(upto)

    async def stream(self, groups, *, inbox=None, incarnation="", is_brief=False):
        self.asked.append(({g.group: (g.capability, g.since) for g in groups}, inbox, incarnation))
        for item in self.streams.pop(0) if self.streams else [Live()]:
            if isinstance(item, Exception):
                raise item
            yield item
        await asyncio.Event().wait()


class Waits:
    """Stands in for chance: remembers each range that a pause is chosen from, and takes none of it."""

    def __init__(self):
        self.ranges = []

    def __call__(self, low, high):
        self.ranges.append((low, high))
        return 0.0


@pytest.fixture
async def begin():
    loops = []

    def start(side, relay, spread=None):
        async def factory():
            return relay

        loops.append(SyncLoop(side, factory, spread=spread or Waits()))
        loops[-1].start()
        return loops[-1]

    start.loops = loops
    yield start
    for loop in loops:
        await loop.stop()


@pytest.fixture
def side():
    side = MemorySide()
    side.join(GROUP, CAPABILITY)
    return side


async def test_device_over_its_limit_waits_as_asked_sends_in_order_and_goes_on_reading(side, begin):
    relay, waits = PlayedRelay(), Waits()
    relay.appends = [None, RelayRefused(429, "slow-down", retry_after_s=40)]
    relay.streams = [[Live(), event(1, b"heard meanwhile")]]
    for body in (b"one", b"two", b"three"):
        side.post(GROUP, body)
    begin(side, relay, waits)
    await side.until(lambda: not side.waiting and side.received)
    assert [body for _, body in relay.appended] == [b"one", b"two", b"three"]
    assert waits.ranges == [(40, 42)]
    assert "waiting" not in side.states
    assert not side.refused


async def test_service_that_asks_for_days_is_asked_again_after_a_quarter_of_an_hour(side, begin):
    relay, waits = PlayedRelay(), Waits()
    relay.appends = [RelayRefused(429, "slow-down", retry_after_s=86_400)]
    side.post(GROUP, b"one")
    begin(side, relay, waits)
    await side.until(lambda: not side.waiting)
    assert waits.ranges == [(900, 902)]


async def test_busy_service_names_the_pause(side, begin):
    relay, waits = PlayedRelay(), Waits()
    relay.streams = [[Offline("status 503", retry_after_s=7)], [Offline("status 503", retry_after_s=9_999)], [Live()]]
    begin(side, relay, waits)
    await side.until(lambda: side.states[-1:] == ["online"])
    assert waits.ranges == [(7, 9), (60, 62)]


async def test_goodbye_names_the_pause_and_nobody_is_called_back_before(side, begin):
    relay = PlayedRelay()
    relay.streams = [[Live(), Bye(retry_ms=300)], [Live()]]
    loop = begin(side, relay)
    await side.until(lambda: side.states[-1:] == ["waiting"])
    start = asyncio.get_running_loop().time()
    loop.wake()
    await side.until(lambda: side.states[-1:] == ["online"])
    assert asyncio.get_running_loop().time() - start >= 0.25


async def test_session_that_is_refused_again_and_again_is_no_reason_to_give_up_an_envelope(side, begin):
    relay = PlayedRelay()
    relay.appends = [RelayRefused(401, "no-session"), RelayRefused(408, "bad-request")]
    side.post(GROUP, b"kept")
    begin(side, relay)
    await side.until(lambda: not side.waiting)
    assert [body for _, body in relay.appended] == [b"kept"]
    assert side.states.count("waiting") == 2


async def test_own_commit_without_its_receipt_yet_is_no_sign_of_being_out(side, begin):
    relay = PlayedRelay()
    relay.appends = [Offline("lost answer"), Offline("lost again")]
    relay.streams = [[Live(), GroupRefused(group=GROUP, reason="rotated", head=1)]] * 2
    side.post(GROUP, b"commit", epoch=0, next_capability="ee" * 32)
    begin(side, relay)
    await side.until(lambda: not side.waiting)
    assert side.out == []


async def test_service_that_fell_behind_without_a_word_gets_the_tail_again(side, begin):
    relay = PlayedRelay()
    cid = side.post(GROUP, b"mine")
    relay.streams = [
        [event(1, b"first"), event(2, b"mine", cid), Live(), GroupRefused(group=GROUP, reason="ahead", head=1)]
    ]
    begin(side, relay)
    await side.until(lambda: side.went_back == [(GROUP, 1)] and len(relay.appended) == 2)
    assert [body for _, body in relay.appended] == [b"mine", b"mine"]


async def test_log_that_is_another_one_in_mid_connection_begins_anew(side, begin):
    relay = PlayedRelay()
    relay.streams = [
        [event(1, b"old"), Live(), GroupRefused(group=GROUP, reason="restored", head=0)],
        [GroupRefused(group=GROUP, reason="restored", head=0), Live()],
        [event(1, b"new"), Live()],
    ]
    side.before_receive = lambda event: setattr(relay, "incarnation", "2" * 32)
    begin(side, relay)
    await side.until(lambda: side.bodies == [b"new"])
    assert [incarnation for _, _, incarnation in relay.asked] == ["1" * 32, "1" * 32, "2" * 32]
    assert [inbox for _, inbox, _ in relay.asked] == [0, None, 0]
    assert side.log == "2" * 32


async def test_inbox_is_acknowledged_once_all_of_it_is_committed(side, begin):
    relay = PlayedRelay()
    relay.streams = [[item(3), item(5), item(5), Live(), item(9)]]
    begin(side, relay)
    async with asyncio.timeout(20):
        assert [await relay.acknowledged.get() for _ in range(2)] == [5, 9]
    assert [i.seq for i in side.inbox] == [3, 5, 9]


async def test_item_that_the_core_chokes_on_does_not_stop_the_others(side, begin):
    relay = PlayedRelay()
    relay.streams = [[item(1), item(2), Live()]]
    plain = side.receive_inbox

    async def choke(item):
        if item.seq == 1:
            raise ValueError("a bug")
        await plain(item)

    side.receive_inbox = choke
    loop = begin(side, relay)
    await side.until(lambda: side.states[-1:] == ["online"])
    assert [i.seq for i in side.inbox] == [2]
    assert loop.skipped == 1


def event(seq, body, cid="ef" * 16):
    return RelayEvent(group=GROUP, seq=seq, cid=cid, at_ms=1, body=body)


def item(seq):
    return InboxItem(seq=seq, cid="ef" * 16, at_ms=1, body=b"x")


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), (None, None), ("-1", None), ("soon", None), ("٣", None), ("9" * 30, None)]
)
@pytest.mark.parametrize(("status", "kind"), [(429, RelayRefused), (503, Offline)])
async def test_wish_of_the_service_is_read_from_its_answer(status, kind, header, seconds):
    private, public = signing_keypair()
    headers = {} if header is None else {"retry-after": header.encode()}

    def handle(request):
        return httpx.Response(status, headers=headers, json={"error": "slow-down"})

    http = httpx.AsyncClient(transport=marked_transport(handle))
    client = RelayClient("http://relay.example", device_id(public), private, http=http)
    with pytest.raises(kind) as problem:
        await client.about()
    assert problem.value.retry_after_s == seconds


async def test_burst_is_one_call_and_one_event_in_it_that_raises_falls_out_alone(side, begin):
    relay = PlayedRelay()
    relay.streams = [[*(event(n, b"%d" % n) for n in range(1, 6)), Live()]]

    def fail(event):
        if event.seq == 3:
            raise KeyError("a fault of ours")

    side.before_receive = fail
    loop = begin(side, relay)
    await side.until(lambda: side.states[-1:] == ["online"])
    assert [one.seq for one in side.received] == [1, 2, 4, 5]
    assert side.handed[0] == 5
    assert loop.skipped == 1


async def test_gap_in_a_burst_lets_in_what_is_before_it_and_asks_again_from_there(side, begin):
    relay = PlayedRelay()
    relay.streams = [[event(1, b"1"), event(2, b"2"), event(4, b"4")], [event(n, b"%d" % n) for n in (3, 4)]]
    begin(side, relay)
    await side.until(lambda: len(side.received) == 4)
    assert [one.seq for one in side.received] == [1, 2, 3, 4]
    assert relay.asked[1][0][GROUP][1] == 2


async def test_commit_is_tried_though_a_message_was_told_that_the_capability_is_another(side, begin):
    """It learns that it came too late; held back with the message it would wait for ever."""
    relay = PlayedRelay()
    relay.appends = [RelayRefused(403, "rotated"), RelayRefused(409, "epoch")]
    side.post(GROUP, b"message")
    cid = side.post(GROUP, b"commit", epoch=0, next_capability="ee" * 32)
    begin(side, relay)
    await side.until(lambda: side.refused == {cid: (409, "epoch")})
