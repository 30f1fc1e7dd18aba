"""A device that speaks to the relay in plain HTTP, so that a test sees the answers themselves and no client's mercy."""

import json
import secrets
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from companion.crypto.primitives import sign, signing_keypair
from companion.devices import device_id
from services.sync.protocol import decode_octets, encode_octets, session_message

ANSWER_S = 10


class RawDevice:
    """One key and one connection pool. `url` may be changed: a session counts at every node of one database."""

    def __init__(self, url: str, *, trust: ssl.SSLContext | None = None) -> None:
        self.url = url
        self.private, self.public = signing_keypair()
        self.id = bytes.fromhex(device_id(self.public))
        self.headers: dict[str, str] = {}
        self.http = httpx.AsyncClient(trust_env=False, timeout=ANSWER_S, verify=trust or True)

    async def close(self) -> None:
        await self.http.aclose()

    async def open_session(self) -> "RawDevice":
        answer = await self.http.post(self.url + "/v1/challenges", json={"device": self.id.hex()})
        nonce = answer.json()["nonce"]
        at_ms = time.time_ns() // 1_000_000
        message = session_message(origin=self.url, device=self.id, nonce=decode_octets(nonce), at_ms=at_ms)
        proof = {
            "device": self.id.hex(),
            "public_key": encode_octets(self.public),
            "nonce": nonce,
            "at_ms": at_ms,
            "signature": encode_octets(sign(self.private, message)),
        }
        answer = await self.http.post(self.url + "/v1/sessions", json=proof)
        assert answer.status_code == 201, answer.text
        self.headers = {"authorization": "Bearer " + answer.json()["token"]}
        return self

    async def call(self, method: str, path: str, **options: object) -> httpx.Response:
        headers = {**self.headers, **options.pop("headers", {})}
        return await self.http.request(method, self.url + path, headers=headers, **options)

    async def create_group(self, group: str, capability: str, **more: object) -> None:
        answer = await self.call("POST", "/v1/groups", json={"group": group, "capability": capability, **more})
        assert answer.status_code in (200, 201), answer.text

    async def append(
        self, group: str, capability: str, body: bytes, cid: str | None = None, erase: str | None = None
    ) -> httpx.Response:
        headers = {"companion-capability": capability, "idempotency-key": cid or secrets.token_hex(16)}
        headers |= {} if erase is None else {"companion-erase": erase}
        return await self.call("POST", f"/v1/groups/{group}/events", headers=headers, content=body)

    @asynccontextmanager
    async def stream(
        self, *cursors: tuple[str, str, int], silence_s: float = 40
    ) -> AsyncIterator[AsyncIterator[tuple]]:
        """Open a stream of (group, capability, since) and give (kind, fields) of each frame."""
        wanted = [{"group": g, "capability": c, "since": since} for g, c, since in cursors]
        timeout = httpx.Timeout(ANSWER_S, read=silence_s)
        async with self.http.stream(
            "POST", self.url + "/v1/stream", json={"groups": wanted}, headers=self.headers, timeout=timeout
        ) as answer:
            if answer.status_code != 200:
                raise httpx.RemoteProtocolError(f"the stream answers {answer.status_code}")
            yield frames(answer)


async def frames(answer: httpx.Response) -> AsyncIterator[tuple[str, dict]]:
    kind = ""
    async for line in answer.aiter_lines():
        if line.startswith("event: "):
            kind = line[7:]
        elif line.startswith("data: "):
            yield kind, json.loads(line[6:])
