"""Lets a foreign load generator drive our relay: members with sessions, one group, and streams it can read.

The comparison with Synapse and Prosody is driven by a harness that stands outside this project and treats "ours" as
"POST appends, GET streams server-sent events whose data is base64 of what was posted". `register` makes the accounts
and the group and teaches the harness's HTTP client the two things that differ: our stream is asked for by POST with its
cursors in the body, and an idempotency key is 32 hex characters. docs/performance.md gives the command.
"""

import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

from companion.crypto.primitives import sign, signing_keypair
from companion.devices import device_id
from services.sync.protocol import decode_octets, encode_octets, session_message

GROUP = "ab" * 16  # the harness fixes the path of its POST before the group exists
CAPABILITY = "cd" * 32


async def register(client: Any, base_url: str, members: int) -> list[dict[str, str]]:
    """Return the headers of each member. `client` is the harness's httpx2 client."""
    headers = [await _session(client, base_url) for _ in range(members)]
    answer = await client.post("/v1/groups", headers=headers[0], json={"group": GROUP, "capability": CAPABILITY})
    answer.raise_for_status()
    plain = client.sse

    @asynccontextmanager
    async def sse(path: str, headers: dict[str, str]) -> AsyncIterator[AsyncIterator[SimpleNamespace]]:
        wanted = {"groups": [{"group": GROUP, "capability": CAPABILITY, "since": 0}]}
        async with plain("/v1/stream", method="POST", json=wanted, headers=headers) as source:
            yield _bodies(source)

    async def short_key(request: Any) -> None:
        if "idempotency-key" in request.headers:
            key = hashlib.sha256(request.headers["idempotency-key"].encode()).hexdigest()[:32]
            request.headers["idempotency-key"] = key

    client.sse = sse
    client.event_hooks = {"request": [short_key], "response": []}
    return headers


async def _bodies(source: Any) -> AsyncIterator[SimpleNamespace]:
    async for frame in source:
        if frame.event == "event":
            body = decode_octets(json.loads(frame.data)["body"])
            yield SimpleNamespace(data=base64.b64encode(body).decode())


async def _session(client: Any, base_url: str) -> dict[str, str]:
    private, public = signing_keypair()
    device = bytes.fromhex(device_id(public))
    nonce = (await client.post("/v1/challenges", json={"device": device.hex()})).json()["nonce"]
    at_ms = time.time_ns() // 1_000_000
    message = session_message(origin=base_url, device=device, nonce=decode_octets(nonce), at_ms=at_ms)
    proof = {
        "device": device.hex(),
        "public_key": encode_octets(public),
        "nonce": nonce,
        "at_ms": at_ms,
        "signature": encode_octets(sign(private, message)),
    }
    token = (await client.post("/v1/sessions", json=proof)).json()["token"]
    return {"authorization": f"Bearer {token}", "companion-capability": CAPABILITY}
