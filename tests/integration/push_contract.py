"""What every way to wake devices must do, whoever carries the ping.

A new gateway (FCM and APNs need the operator's accounts with those vendors) subclasses `GatewayContract` in a test file
and gives the fixture `far_side`: its gateway against a stand-in of the vendor's service that the test can tell what to
answer.
"""

import asyncio
import time
from dataclasses import replace
from typing import Protocol

import pytest

from services.relay.push.gateway import BadTarget, Outcome, PushGateway
from services.relay.push.store import Registration

LONGEST_S = 5


class FarSide(Protocol):
    """The gateway under test and the other end of it."""

    gateway: PushGateway
    registration: Registration

    def answer(self, how: str) -> None:
        """From now on: "taken", "unknown" (the device is no more), "busy" (and asks for 120 s), "broken", "silent"."""

    def woken(self) -> list[bytes]:
        """Return what reached the device, opened, oldest first."""

    def raw(self) -> bytes:
        """Return all that was sent, as the carrier saw it."""


class GatewayContract:
    async def test_ping_reaches_the_device_and_carries_the_wake_up_id_alone(self, far_side: FarSide):
        assert (await far_side.gateway.wake(far_side.registration)).outcome is Outcome.SENT
        assert far_side.woken() == [far_side.registration.wake]
        assert far_side.registration.device.hex().encode() not in far_side.raw()
        assert far_side.registration.device not in far_side.raw()

    async def test_carrier_cannot_read_the_wake_up_id(self, far_side: FarSide):
        await far_side.gateway.wake(far_side.registration)
        content = far_side.raw().partition(b"\n\n")[2]
        assert content
        assert far_side.registration.wake not in content

    async def test_device_that_is_no_more_is_gone(self, far_side: FarSide):
        far_side.answer("unknown")
        assert (await far_side.gateway.wake(far_side.registration)).outcome is Outcome.GONE

    async def test_busy_carrier_is_asked_later_when_it_says_so(self, far_side: FarSide):
        far_side.answer("busy")
        reply = await far_side.gateway.wake(far_side.registration)
        assert (reply.outcome, reply.retry_after_s) == (Outcome.LATER, 120)

    async def test_broken_carrier_is_asked_later(self, far_side: FarSide):
        far_side.answer("broken")
        reply = await far_side.gateway.wake(far_side.registration)
        assert (reply.outcome, reply.retry_after_s) == (Outcome.LATER, None)

    async def test_silent_carrier_is_given_up_after_five_seconds(self, far_side: FarSide):
        far_side.answer("silent")
        begun = time.monotonic()
        async with asyncio.timeout(60):
            reply = await far_side.gateway.wake(far_side.registration)
        assert reply.outcome is Outcome.LATER
        assert time.monotonic() - begun > LONGEST_S - 1

    async def test_impossible_target_is_refused_at_once_and_gone_later(self, far_side: FarSide):
        known = far_side.registration
        with pytest.raises(BadTarget):
            far_side.gateway.check("", known.p256dh, known.auth)
        far_side.gateway.check(known.endpoint, known.p256dh, known.auth)
        assert (await far_side.gateway.wake(replace(known, endpoint=""))).outcome is Outcome.GONE

    def test_gateway_has_a_name_and_a_key_for_devices(self, far_side: FarSide):
        assert far_side.gateway.kind == far_side.registration.kind
        assert far_side.gateway.key
