"""The client side of the relay's interface, call by call. It never retries; the loop does.

Source: docs/protocol.md section 2.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing

import httpx

from companion.crypto.primitives import sign, signing_public
from companion.errors import (
    InviteExpired,
    InviteUnknown,
    InviteUsed,
    Offline,
    OtherAnswers,
    RelayRefused,
    ServiceTooOld,
    VersionMismatch,
)
from companion.ports import ClaimedKeyPackage, Clock, GroupCursor, InboxItem
from services.clock import SystemClock
from services.sync.answers import (
    About,
    Bye,
    StreamItem,
    Worth,
    read_item,
    read_number,
    read_octets,
    read_text,
)
from services.sync.blobs import BlobCalls
from services.sync.devices import DeviceCalls
from services.sync.groups import GroupCalls
from services.sync.protocol import (
    EXPIRES_HEADER,
    NONCE_HEADER,
    PAGE_LIMIT_EVENTS,
    PROTOCOL_MAX,
    PROTOCOL_MIN,
    SERVICE,
    SIGNATURE_HEADER,
    TIME_HEADER,
    encode_octets,
    request_message,
    session_message,
)
from services.sync.transport import (
    ANSWER_S,
    FIELDS_LIMIT_BYTES,
    Answer,
    Transport,
    parse_fields,
)

NEAR_MS = 2_000
"""A Date header says whole seconds, and is under way for a while."""


class RelayClient:
    """One device's calls to one service. Opens its session by itself, and again when it has run out.

    Every call raises Offline, RelayRefused or VersionMismatch; those on invites also InviteExpired, InviteUsed and
    InviteUnknown. No silence is longer than 40 s, and no call but the stream longer than four minutes.

    Times that the service compares with its own clock are given in its time, so a device whose clock is off is not shut
    out: that a proof is fresh shows by its nonce.
    """

    def __init__(
        self,
        base_url: str,
        device_id: str,
        signing_private_key: bytes,
        *,
        http: httpx.AsyncClient | None = None,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self.given = base_url
        url = httpx.URL(base_url.strip())  # with a token before the host, where the operator takes new devices by one
        self._transport = Transport(str(url.copy_with(userinfo=b"")), http)
        self._introduction = {"token": url.username} if url.username else {}
        self._device = device_id
        self._key = signing_private_key
        self._now_ms, self._watch_ms = clock.now_ms, clock.monotonic_ms
        self._service_start_ms: int | None = None
        self._token = ""
        self._opening = asyncio.Lock()
        groups = GroupCalls(self._call)
        self.create_group, self.append, self.events = groups.create_group, groups.append, groups.events
        self.keep_for, self.set_limits, self.drop_group = groups.keep_for, groups.set_limits, groups.drop_group
        self.empty, self.erase = groups.empty, groups.erase
        self._devices = DeviceCalls(device_id, self._call, self._signature)
        self._blob_origin = ""
        self._blobs = BlobCalls(self._call, self._transport.direct, lambda: self._blob_origin)

    @property
    def base_url(self) -> str:
        return self._transport.base_url

    async def close(self) -> None:
        await self._transport.close()

    async def about(self) -> About:
        """Return what the service says of itself. Raises VersionMismatch if we share no protocol version."""
        return (await self._about())[0]

    async def _about(self) -> tuple[About, bool]:
        """Return what the service says of itself, and whether its answers bear its mark: before there were marks, it
        named itself here only.
        """
        answer = await self._transport.call("GET", "/v1/about", needs_mark=False)
        try:
            fields = answer.fields()
        except Offline:
            fields = {}
        if fields.get("service") != SERVICE:
            raise OtherAnswers("something else answers at this address")
        low, high = read_number(fields, "protocol_min"), read_number(fields, "protocol_max")
        if low > PROTOCOL_MAX or high < PROTOCOL_MIN:
            kind = ServiceTooOld if high < PROTOCOL_MIN else VersionMismatch
            raise kind(f"the service speaks {low} to {high}, this app {PROTOCOL_MIN} to {PROTOCOL_MAX}")
        self._hear(answer)
        self._blob_origin = self._transport.trusted_origin(fields.get("blobs"))
        about = About(
            protocol_min=low,
            protocol_max=high,
            incarnation=read_text(fields, "incarnation"),
            version=read_text(fields, "version"),
            has_spaces=fields.get("spaces") is True,
        )
        return about, answer.is_marked

    async def stream(
        self,
        groups: tuple[GroupCursor, ...],
        *,
        inbox: int | None = None,
        incarnation: str = "",
        is_brief: bool = False,
    ) -> AsyncGenerator[StreamItem, None]:
        """Yield what comes after the cursors, in order for each group, until the service says goodbye.

        `inbox` is the cursor of this device's inbox, which deletes what is older; without it the inbox is left alone.
        `incarnation` is the log that the cursors belong to, if that is known. A brief stream ends when it is live.
        """
        wanted: dict[str, object] = {"groups": [_asked(cursor) for cursor in groups]}
        if inbox is not None:
            wanted["inbox"] = inbox
        wanted |= {"incarnation": incarnation} if incarnation else {}
        wanted |= {"brief": 1} if is_brief else {}
        known = {g.group for g in groups}
        await self._session()
        try:
            async with aclosing(self._frames(_json(wanted))) as frames:
                worth = Worth()
                async for name, fields in frames:
                    item = read_item(name, fields, known)
                    worth.weigh(item)
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
        """Keep an invite at the service until `expires_ms` by this device's clock: as long from now by its own."""
        await self._session()
        theirs_ms = self._service_ms() + expires_ms - self._now_ms()
        await self._call("PUT", f"/v1/invites/{id}", headers={EXPIRES_HEADER: str(theirs_ms)}, content=body)

    async def get_invite(self, id: str) -> bytes:
        return (await self._invite("GET", id)).body

    async def claim_invite(self, id: str) -> bytes:
        """Use the invite up and return its content; the same device gets it again."""
        return (await self._invite("POST", id, "/claim")).body

    async def post_to_inbox(self, device: str, cid: str, body: bytes) -> None:
        await self._devices.post_to_inbox(device, cid, body)

    async def inbox(self, since: int, limit: int = PAGE_LIMIT_EVENTS, wait_s: int = 0) -> tuple[InboxItem, ...]:
        """Return what stands in our inbox after `since`, waiting up to `wait_s` seconds (at most 30) for the first."""
        return await self._devices.inbox(since, limit, wait_s)

    async def acknowledge_inbox(self, upto: int) -> None:
        """Let the service delete our inbox up to and including this number."""
        await self._devices.acknowledge(upto)

    async def publish_key_packages(self, one_time: tuple[bytes, ...], last_resort: bytes | None) -> int:
        return await self._devices.publish_key_packages(one_time, last_resort)

    async def key_packages_left(self) -> int:
        return await self._devices.key_packages_left()

    async def claim_key_package(self, device: str) -> ClaimedKeyPackage:
        return await self._devices.claim_key_package(device)

    async def join_account(self, account: str) -> None:
        await self._devices.join_account(account)

    async def revoke_device(self, device: str) -> None:
        await self._devices.revoke(device)

    async def put_blob(self, id: str, size: int, read: Callable[[int, int], Awaitable[bytes]]) -> None:
        """Upload a blob, or what is missing of it; see `BlobCalls.put`."""
        await self._session()  # what the service announces decides the way
        await self._blobs.put(id, size, read)

    async def get_blob(self, id: str, offset: int, length: int) -> bytes:
        """Return up to `length` bytes of a blob; fewer only where it ends."""
        await self._session()
        return await self._blobs.get(id, offset, length)

    async def _invite(self, method: str, id: str, act: str = "") -> Answer:
        self._introduction["invite"] = id  # it vouches for this device where it is new
        try:
            return await self._call(method, f"/v1/invites/{id}{act}")
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
        most_bytes: int = FIELDS_LIMIT_BYTES,
    ) -> Answer:
        async def once() -> Answer:
            return await self._transport.call(
                method,
                path,
                headers=self._authorised(headers),
                content=content,
                answer_s=answer_s,
                most_bytes=most_bytes,
            )

        token = await self._session()
        try:
            return await once()
        except RelayRefused as refusal:
            if refusal.status != 401:
                raise
        if self._token == token:
            self._token = ""
        await self._session()
        return await once()

    def _authorised(self, headers: Mapping[str, str] | None) -> dict[str, str]:
        return {**(headers or {}), "authorization": f"Bearer {self._token}"}

    async def _signature(self, method: str, path: str, body: bytes) -> dict[str, str]:
        """Return the headers that prove that this very call is ours; they serve once."""
        nonce, at_ms = await self._challenge(), self._service_ms()
        message = request_message(
            origin=self._transport.origin,
            method=method,
            path=path,
            device=bytes.fromhex(self._device),
            nonce=nonce,
            at_ms=at_ms,
            body=body,
        )
        signature = encode_octets(sign(self._key, message))
        return {NONCE_HEADER: encode_octets(nonce), TIME_HEADER: str(at_ms), SIGNATURE_HEADER: signature}

    async def _challenge(self) -> bytes:
        answer = await self._transport.call("POST", "/v1/challenges", content=_json({"device": self._device}))
        nonce = read_octets(answer.fields(), "nonce")
        self._hear(answer)
        return nonce

    def _hear(self, answer: Answer) -> None:
        """Take the service's time from an answer of its own. Ours is finer, as long as the two agree."""
        now_ms = self._now_ms()
        told_ms = now_ms if abs(answer.at_ms - now_ms) <= NEAR_MS else answer.at_ms
        self._service_start_ms = told_ms - self._watch_ms() if answer.at_ms else None

    def time_ms(self) -> int | None:
        """Return the time at the service now, None as long as it has not said."""
        return None if self._service_start_ms is None else self._service_start_ms + self._watch_ms()

    def _service_ms(self) -> int:
        """Return the time at the service, this device's own if it does not say."""
        told_ms = self.time_ms()
        return self._now_ms() if told_ms is None else told_ms

    async def _session(self) -> str:
        """Return the token, after opening a session if there is none."""
        async with self._opening:
            if not self._token:
                _, is_marked = await self._about()
                if not is_marked:
                    raise ServiceTooOld("a service whose answers cannot be told from others'")
                nonce = await self._challenge()
                at_ms = self._service_ms()
                message = session_message(
                    origin=self._transport.origin, device=bytes.fromhex(self._device), nonce=nonce, at_ms=at_ms
                )
                proof = {
                    "device": self._device,
                    "public_key": encode_octets(signing_public(self._key)),
                    "nonce": encode_octets(nonce),
                    "at_ms": at_ms,
                    "signature": encode_octets(sign(self._key, message)),
                    **self._introduction,
                }
                answer = await self._transport.call("POST", "/v1/sessions", content=_json(proof))
                self._token = read_text(answer.fields(), "token")
            return self._token


def _asked(cursor: GroupCursor) -> dict[str, object]:
    known = {"cid": cursor.cid, "at_ms": cursor.at_ms} if cursor.cid else {}
    return {"group": cursor.group, "capability": cursor.capability, "since": cursor.since, **known}


def _json(fields: Mapping[str, object]) -> bytes:
    return json.dumps(fields).encode()
