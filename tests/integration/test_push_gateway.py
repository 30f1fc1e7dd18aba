"""Web Push keeps the contract of `PushGateway`, against a real push service on loopback."""

import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from services.relay.push.gateway import WebPush
from services.relay.push.guard import loopback_rules
from services.relay.push.store import Registration
from tests.integration.push_contract import GatewayContract
from tests.integration.push_service import PushService, Receiver

PATH = "/wake"
ANSWERS = {"taken": (201, {}), "unknown": (410, {}), "busy": (429, {"retry-after": "120"}), "broken": (500, {})}


class WebFarSide:
    """A device behind a push service."""

    def __init__(self, service):
        self._service = service
        self._receiver = Receiver()
        private = ec.generate_private_key(ec.SECP256R1())
        self.gateway = WebPush(private, loopback_rules(service.authority), None, time.time)
        self.registration = Registration(
            device=b"a device's id...",
            kind="web",
            endpoint=service.url(PATH),
            p256dh=self._receiver.p256dh,
            auth=self._receiver.auth,
            wake=b"sixteen bytes...",
        )

    def answer(self, how):
        if how == "silent":
            self._service.silent.add(PATH)
        else:
            self._service.answers[PATH] = [ANSWERS[how]]

    def woken(self):
        return [self._receiver.open(body) for _, body in self._service.pings(PATH)]

    def raw(self):
        return b"".join(repr(headers).encode() + b"\n\n" + body for headers, body in self._service.pings(PATH))


@pytest.fixture
async def far_side(tmp_path):
    service = PushService(tmp_path)
    await service.start()
    yield WebFarSide(service)
    await service.close()


class TestWebPush(GatewayContract):
    pass
