"""What cannot go now goes later, and holds up nothing else: against a service that is played here."""

import asyncio

import pytest

from companion.errors import RelayRefused, ServiceDown, ServiceFull
from services.sync.transport import refuse
from tests.unit.sync.test_sync_loop_waits import CAPABILITY, GROUP, PlayedRelay, Waits, begin, side  # noqa: F401

OTHER, DEVICE, FRIEND = "ee" * 16, "dd" * 16, "cc" * 16


class Refusing(PlayedRelay):
    """Refuses what goes to the places in `refusals`, as often as there are refusals for it."""

    def __init__(self, **refusals):
        super().__init__()
        self.refusals = refusals

    def _look(self, place):
        waiting = self.refusals.get(place, [])
        if waiting:
            raise waiting.pop(0)

    async def post_to_inbox(self, device, cid, body):
        self._look(device)
        self.appended.append((device, body))

    async def append(self, group, *args, **more):
        self._look(group)
        return await super().append(group, *args, **more)


def full(status=413, **more):
    return ServiceFull(status, "quota", **more)


@pytest.mark.parametrize("refusal", [full(), full(507), RelayRefused(429, "slow-down")], ids=str)
async def test_welcome_that_finds_no_room_is_not_lost_and_holds_up_nobody(side, begin, refusal):  # noqa: F811
    relay = Refusing(**{DEVICE: [refusal, refusal]})
    side.post_to(DEVICE, b"welcome")
    side.post_to(DEVICE, b"history")
    side.post_to(FRIEND, b"to a friend")
    side.post(GROUP, b"to the group")
    begin(side, relay)
    await side.until(lambda: not side.waiting)
    assert [body for _, body in relay.appended][:2] == [b"to a friend", b"to the group"]
    assert [body for place, body in relay.appended if place == DEVICE] == [b"welcome", b"history"]
    assert not side.refused
    assert "waiting" not in side.states


async def test_full_group_keeps_its_order_and_waits_longer_each_time(side, begin):  # noqa: F811
    relay, waits = Refusing(**{GROUP: [full() for _ in range(7)]}), Waits()
    side.post(GROUP, b"one")
    side.post(GROUP, b"two")
    begin(side, relay, waits)
    await side.until(lambda: not side.waiting)
    assert [low for low, _ in waits.ranges] == [30, 60, 120, 240, 480, 900, 900]
    assert [body for _, body in relay.appended] == [b"one", b"two"]
    assert not side.refused


async def test_that_the_service_is_full_is_told_until_there_is_room(side, begin):  # noqa: F811
    relay = Refusing(**{GROUP: [full(507)]})
    begin(side, relay)
    await side.until(lambda: side.states[-1:] == ["online"])
    side.post(GROUP, b"one")
    begin.loops[-1].wake()
    await side.until(lambda: len(side.troubles) == 3)
    assert [type(one) for one in side.troubles] == [type(None), ServiceFull, type(None)]


async def test_full_inbox_of_somebody_else_is_no_trouble_of_mine(side, begin):  # noqa: F811
    relay = Refusing(**{DEVICE: [full()]})
    side.post_to(DEVICE, b"welcome")
    begin(side, relay)
    await side.until(lambda: not side.waiting)
    assert not any(side.troubles)


async def test_place_that_rests_is_left_alone_until_its_time(side, begin):  # noqa: F811
    relay = Refusing(**{DEVICE: [full(retry_after_s=1)]})
    side.post_to(DEVICE, b"welcome")
    started = asyncio.get_running_loop().time()
    begin(side, relay, lambda low, high: low / 2)
    await side.until(lambda: not side.waiting)
    assert asyncio.get_running_loop().time() - started >= 0.5


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (413, "quota", ServiceFull),
        (413, "full", ServiceFull),
        (507, "full", ServiceFull),
        (413, "too-large", RelayRefused),
        (409, "other-bytes", RelayRefused),
        (503, "busy", ServiceDown),
    ],
)
def test_only_what_is_too_large_is_refused_for_ever(status, code, kind):
    with pytest.raises(kind) as problem:
        refuse(status, b'{"error": "%s", "message": "x"}' % code.encode())
    assert type(problem.value) is kind
