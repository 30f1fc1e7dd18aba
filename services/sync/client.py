"""The client side of the relay's interface, call by call. It never retries; the loop does.

Source: docs/protocol.md section 2.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass

import httpx

from companion.crypto.primitives import sign, signing_public
from companion.errors import InviteExpired, InviteUnknown, InviteUsed, Offline, RelayRefused, VersionMismatch
from companion.ports import Appended, GroupCursor, RelayEvent
from services.sync.protocol import (
    CAPABILITY_HEADER,
    CID_HEADER,
    EPOCH_HEADER,
    EXPIRES_HEADER,
    PAGE_LIMIT_EVENTS,
    PROTOCOL_MAX,
    PROTOCOL_MIN,
    SERVICE,
    decode_octets,
    encode_octets,
    parse_id,
    session_message,
)
from services.sync.transport import ANSWER_S, Answer, Transport, parse_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the service says of itself."""

    protocol_min: int
    protocol_max: int
    incarnation: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Everything older was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRefused:
    """The service does not open this group; `reason` is its code."""

    group: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bye:
    """The service ends the stream and asks to come back after this time."""

    retry_ms: int


StreamItem = RelayEvent | Live | GroupRefused | Bye


class RelayClient:
    """One device's calls to one service. Opens its session by itself, and again when it has run out.

    Every call raises Offline, RelayRefused or VersionMismatch; those on invites also InviteExpired, InviteUsed and
    InviteUnknown. No wait is longer than 40 s.
    """

    def __init__(
        self,
        base_url: str,
        device_id: str,
        signing_private_key: bytes,
        *,
        http: httpx.AsyncClient | None = None,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._transport = Transport(base_url, http)
        self._device = device_id
        self._key = signing_private_key
        self._now_ms = now_ms
        self._token = ""
        self._opening = asyncio.Lock()

    @property
    def base_url(self) -> str:
        return self._transport.base_url

    async def close(self) -> None:
        await self._transport.close()

    async def about(self) -> About:
        """Return what the service says of itself. Raises VersionMismatch if we share no protocol version."""
        fields = (await self._transport.call("GET", "/v1/about")).fields()
        if fields.get("service") != SERVICE:
            raise Offline("something else answers at this address")
        low, high = _number(fields, "protocol_min"), _number(fields, "protocol_max")
        if low > PROTOCOL_MAX or high < PROTOCOL_MIN:
            raise VersionMismatch(f"the service speaks {low} to {high}, this app {PROTOCOL_MIN} to {PROTOCOL_MAX}")
        return About(
            protocol_min=low,
            protocol_max=high,
            incarnation=_text(fields, "incarnation"),
            version=_text(fields, "version"),
        )

    async def create_group(self, group: str, capability: str) -> None:
        await self._call("POST", "/v1/groups", content=_json({"group": group, "capability": capability}))

    async def append(self, group: str, capability: str, cid: str, body: bytes, epoch: int | None = None) -> Appended:
        """Put an envelope into the log; the same cid and bytes again give the first receipt again."""
        headers = {CAPABILITY_HEADER: capability, CID_HEADER: cid}
        if epoch is not None:
            headers[EPOCH_HEADER] = str(epoch)
        answer = await self._call("POST", f"/v1/groups/{group}/events", headers=headers, content=body)
        fields = answer.fields()
        return Appended(seq=_number(fields, "seq"), at_ms=_number(fields, "at_ms"))

    async def events(
        self, group: str, capability: str, since: int, limit: int = PAGE_LIMIT_EVENTS, wait_s: int = 0
    ) -> tuple[RelayEvent, ...]:
        """Return what comes after `since`, waiting up to `wait_s` seconds (at most 30) if there is nothing yet."""
        answer = await self._call(
            "GET",
            f"/v1/groups/{group}/events?since={since}&limit={limit}&wait={wait_s}",
            headers={CAPABILITY_HEADER: capability},
            answer_s=ANSWER_S + wait_s,
        )
        items = answer.fields().get("events")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise Offline("a page without events")
        return tuple(_event(group, item) for item in items)

    async def stream(self, groups: tuple[GroupCursor, ...]) -> AsyncGenerator[StreamItem, None]:
        """Yield what comes after the cursors, in order for each group, until the service says goodbye."""
        wanted = [{"group": g.group, "capability": g.capability, "since": g.since} for g in groups]
        known = {g.group for g in groups}
        await self._session()
        try:
            async with aclosing(self._frames(_json({"groups": wanted}))) as frames:
                async for name, fields in frames:
                    item = _item(name, fields, known)
                    if item is not None:
                        yield item
                    if isinstance(item, Bye):
                        return
        except RelayRefused as refusal:
            if refusal.status != 401:
                raise
            self._token = ""
            raise Offline("the session has ended") from None

    async def put_invite(self, id: str, body: bytes, expires_ms: int) -> None:
        await self._call("PUT", f"/v1/invites/{id}", headers={EXPIRES_HEADER: str(expires_ms)}, content=body)

    async def get_invite(self, id: str) -> bytes:
        return (await self._invite("GET", f"/v1/invites/{id}")).body

    async def claim_invite(self, id: str) -> bytes:
        """Use the invite up and return its content; the same device gets it again."""
        return (await self._invite("POST", f"/v1/invites/{id}/claim")).body

    async def _invite(self, method: str, path: str) -> Answer:
        try:
            return await self._call(method, path)
        except RelayRefused as refusal:
            if refusal.status == 410:
                raise (InviteUsed if refusal.reason == "used" else InviteExpired)(str(refusal)) from None
            if refusal.status == 404:
                raise InviteUnknown(str(refusal)) from None
            raise

    async def _frames(self, content: bytes) -> AsyncGenerator[tuple[str, dict[str, object]], None]:
        async with self._transport.frames("/v1/stream", headers=self._authorised({}), content=content) as frames:
            async for frame in frames:
                yield frame.event, parse_fields(frame.data)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        answer_s: float = ANSWER_S,
    ) -> Answer:
        token = await self._session()
        try:
            return await self._transport.call(
                method, path, headers=self._authorised(headers), content=content, answer_s=answer_s
            )
        except RelayRefused as refusal:
            if refusal.status != 401:
                raise
        if self._token == token:
            self._token = ""
        await self._session()
        return await self._transport.call(
            method, path, headers=self._authorised(headers), content=content, answer_s=answer_s
        )

    def _authorised(self, headers: Mapping[str, str] | None) -> dict[str, str]:
        return {**(headers or {}), "authorization": f"Bearer {self._token}"}

    async def _session(self) -> str:
        """Return the token, after opening a session if there is none."""
        async with self._opening:
            if not self._token:
                await self.about()
                answer = await self._transport.call("POST", "/v1/challenges", content=_json({"device": self._device}))
                nonce = _octets(answer.fields(), "nonce")
                at_ms = self._now_ms()
                message = session_message(
                    origin=self._transport.origin, device=bytes.fromhex(self._device), nonce=nonce, at_ms=at_ms
                )
                proof = {
                    "device": self._device,
                    "public_key": encode_octets(signing_public(self._key)),
                    "nonce": encode_octets(nonce),
                    "at_ms": at_ms,
                    "signature": encode_octets(sign(self._key, message)),
                }
                answer = await self._transport.call("POST", "/v1/sessions", content=_json(proof))
                self._token = _text(answer.fields(), "token")
            return self._token


def _json(fields: Mapping[str, object]) -> bytes:
    return json.dumps(fields).encode()


def _item(name: str, fields: dict[str, object], known: set[str]) -> StreamItem | None:
    """Read one frame; frames of an unknown kind are left for newer versions."""
    if name == "live":
        return Live()
    if name == "bye":
        return Bye(retry_ms=_number(fields, "retry_ms"))
    if name not in ("event", "refused"):
        return None
    group = _text(fields, "group")
    if group not in known:
        raise Offline("a frame for a group that was not asked for")
    if name == "refused":
        return GroupRefused(group=group, reason=_text(fields, "error"))
    return _event(group, fields)


def _event(group: str, fields: Mapping[str, object]) -> RelayEvent:
    cid = _text(fields, "cid")
    try:
        parse_id(cid)
    except ValueError:
        raise Offline("an event without an id") from None
    return RelayEvent(
        group=group,
        seq=_number(fields, "seq"),
        cid=cid,
        at_ms=_number(fields, "at_ms"),
        body=_octets(fields, "body"),
    )


def _number(fields: Mapping[str, object], name: str) -> int:
    value = fields.get(name)
    if type(value) is not int or not 0 <= value < 2**63:
        raise Offline(f"an answer without a proper {name}")
    return value


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or len(value) > 200:
        raise Offline(f"an answer without a proper {name}")
    return value


def _octets(fields: Mapping[str, object], name: str) -> bytes:
    try:
        return decode_octets(fields.get(name))
    except ValueError:
        raise Offline(f"an answer without a proper {name}") from None
