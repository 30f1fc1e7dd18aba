"""The calls that concern devices rather than groups: inbox, key packages, account, deletion. It never retries.

Source: docs/protocol.md section 2.
"""

import json
from collections.abc import Awaitable, Callable

from companion.errors import Offline
from companion.ports import ClaimedKeyPackage, InboxItem
from services.sync.answers import read_inbox_item, read_items, read_number, read_octets
from services.sync.protocol import CID_HEADER, PAGE_LIMIT_EVENTS, encode_octets
from services.sync.transport import ANSWER_S, PAGE_ANSWER_BYTES, Answer, Call


class DeviceCalls:
    """The calls of one device.

    `sign` returns the headers that make a call a signed one.
    """

    def __init__(self, device: str, call: Call, sign: Callable[[str, str, bytes], Awaitable[dict[str, str]]]) -> None:
        self._device = device
        self._call = call
        self._sign = sign

    async def post_to_inbox(self, device: str, cid: str, body: bytes) -> None:
        await self._call("POST", f"/v1/devices/{device}/inbox", headers={CID_HEADER: cid}, content=body)

    async def inbox(self, since: int, limit: int, wait_s: int) -> tuple[InboxItem, ...]:
        limit = min(limit, PAGE_LIMIT_EVENTS)
        answer = await self._call(
            "GET",
            f"/v1/inbox?since={since}&limit={limit}&wait={wait_s}",
            answer_s=ANSWER_S + wait_s,
            most_bytes=PAGE_ANSWER_BYTES,
        )
        return tuple(read_inbox_item(item) for item in read_items(answer.fields(), "items", limit))

    async def acknowledge(self, upto: int) -> None:
        await self._call("DELETE", f"/v1/inbox?upto={upto}")

    async def publish_key_packages(self, one_time: tuple[bytes, ...], last_resort: bytes | None) -> int:
        fields = {
            "one_time": [encode_octets(package) for package in one_time],
            "last_resort": encode_octets(last_resort) if last_resort is not None else None,
        }
        answer = await self._signed("POST", f"/v1/devices/{self._device}/key-packages", json.dumps(fields).encode())
        return read_number(answer.fields(), "left")

    async def key_packages_left(self) -> int:
        answer = await self._call("GET", f"/v1/devices/{self._device}/key-packages")
        return read_number(answer.fields(), "left")

    async def claim_key_package(self, device: str) -> ClaimedKeyPackage:
        fields = (await self._call("POST", f"/v1/devices/{device}/key-packages/claim")).fields()
        is_last_resort = fields.get("last_resort")
        if not isinstance(is_last_resort, bool):
            raise Offline("a key package that is neither kind")
        return ClaimedKeyPackage(body=read_octets(fields, "body"), is_last_resort=is_last_resort)

    async def join_account(self, account: str) -> None:
        await self._signed("PUT", "/v1/me", json.dumps({"account": account}).encode())

    async def revoke(self, device: str) -> None:
        await self._signed("DELETE", f"/v1/devices/{device}")

    async def _signed(self, method: str, path: str, content: bytes = b"") -> Answer:
        return await self._call(method, path, headers=await self._sign(method, path, content), content=content)
