"""Farewells on the line: how one is signed for a service, and how it is brought there, without a session or a key.

Must not know what was erased, or when to try again. Source: docs/protocol.md section 2.
"""

import json
from collections.abc import Iterable

import httpx

from companion.crypto.primitives import sign, signing_keypair
from companion.devices import device_id
from companion.errors import RelayRefused
from companion.farewells import DEVICE, Farewell, LogToDrop, is_address
from companion.wire import LOCAL_SERVICE
from services.sync.client import RelayClient
from services.sync.protocol import NEVER_HERE, encode_octets, farewell_message
from services.sync.transport import Transport, origin_of, plain_address

WHOLE_S = 20.0


def sign_farewell(service: str, address: str, device: str, sign_private: bytes, scope: str) -> Farewell:
    """Return the farewell of a device for the service that is at this address now. A token of it is left out.

    Raises: httpx.InvalidURL, ValueError for what is no address.
    """
    url = plain_address(address).copy_with(userinfo=b"")
    name = service if service == LOCAL_SERVICE else str(url).rstrip("/")
    if not url.host or not is_address(name):
        raise ValueError("not an address")
    message = farewell_message(origin=origin_of(url), device=bytes.fromhex(device), scope=scope)
    return Farewell(service=name, device=device, scope=scope, signature=sign(sign_private, message))


async def bring_farewell(address: str, farewell: Farewell, http: httpx.AsyncClient | None = None) -> None:
    """Ask the service to delete. It has nothing of the device any more when this returns.

    Raises: Offline without an answer of the service, RelayRefused if it says no.
    """
    asked = {"device": farewell.device, "scope": farewell.scope, "signature": encode_octets(farewell.signature)}
    transport = Transport(address, http, whole_s=WHOLE_S)
    try:
        await transport.call("POST", "/v1/farewells", content=json.dumps(asked).encode())
    except RelayRefused as refusal:
        if (refusal.status, refusal.reason) != (404, NEVER_HERE):
            raise
    finally:
        await transport.close()


async def drop_logs(address: str, logs: Iterable[LogToDrop]) -> None:
    """Drop logs as a device that is made for this and asks to be deleted after it: their own has no session any more.

    One that is gone, or that another device has turned since, is left. Raises: SyncError without an answer, or where
    the service admits no new device.
    """
    private, public = signing_keypair()
    device = device_id(public)
    client = RelayClient(address, device, private)
    try:
        for log in logs:
            try:
                await client.drop_group(log.id, log.capability, log.keeper)
            except RelayRefused as refusal:
                if (refusal.status, refusal.reason) not in ((404, "unknown"), (403, "keeper")):
                    raise
        await bring_farewell(address, sign_farewell(address, address, device, private, DEVICE))
    finally:
        await client.close()
