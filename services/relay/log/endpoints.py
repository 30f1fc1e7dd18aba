"""The calls that concern groups: their log page by page and as a stream, appending to it, and invites.

Source: docs/protocol.md section 2. No error text repeats what was sent.
"""

import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.routing import Route
from starlette.types import ASGIApp

from services.relay.devices.store import DeviceStore
from services.relay.hub import Hub
from services.relay.log.store import (
    USUAL,
    Draft,
    Known,
    Limits,
    LogStore,
    Opening,
    Page,
    ahead,
    claimable,
    other,
    rotated,
    unknown_group,
)
from services.relay.log.stream import EventStream, Wanted, refused_frame
from services.relay.refusal import Refusal, bad_request, busy
from services.relay.replies import answer, encoded, octets
from services.relay.requests import Call, Fields, route
from services.sync.protocol import (
    BLOBS_HEADER,
    CID_HEADER,
    EPOCH_HEADER,
    ERASE_HEADER,
    EVENT_LIMIT_BYTES,
    EXPIRES_HEADER,
    INVITE_LIMIT_BYTES,
    INVITE_LIMIT_MS,
    KEEP_LIMIT_DAYS,
    NEXT_CAPABILITY_HEADER,
    NEXT_KEEPER_HEADER,
    PAGE_LIMIT_EVENTS,
    SEQ_LIMIT,
    STREAM_LIMIT_GROUPS,
    WAIT_LIMIT_S,
    capability_hash,
    parse_capability,
    parse_id,
    parse_ids,
    parse_number,
)

STREAMS_MOST = 20_000
FIELDS_BYTES = 128 * 1_024
INCARNATION_LENGTH = 32
ELSEWHERE = {"ahead": ahead, "other": other}
"""What is said to a caller who stands in another log than this one."""


class LogApi:
    """`device` finds out who is calling; `arrived` hears of each device that opens a stream, and what it reads."""

    def __init__(
        self,
        log: LogStore,
        devices: DeviceStore,
        hub: Hub,
        incarnation: Callable[[], str],
        device: Callable[[Call], Awaitable[bytes]],
        arrived: Callable[[bytes, Sequence[tuple[bytes, bytes]]], None],
        clock: Callable[[], int],
    ) -> None:
        self._log = log
        self._devices = devices
        self._hub = hub
        self._incarnation = incarnation
        self._device = device
        self._arrived = arrived
        self._now_ms = clock

    def routes(self) -> list[Route]:
        return [
            route("POST", "/v1/groups/{group}/events", self.append),
            route("GET", "/v1/groups/{group}/events", self.events),
            route("POST", "/v1/stream", self.stream),
            route("POST", "/v1/groups", self.create_group),
            route("PUT", "/v1/invites/{invite}", self.put_invite),
            route("GET", "/v1/invites/{invite}", self.get_invite),
            route("POST", "/v1/invites/{invite}/claim", self.claim_invite),
        ]

    async def append(self, call: Call) -> ASGIApp:
        device = await self._device(call)
        draft = Draft(
            group=call.id(),
            capability_hash=call.capability(),
            device=device,
            cid=call.parsed(CID_HEADER, parse_id),
            epoch=call.optional(EPOCH_HEADER, parse_number),
            next_capability=call.optional(NEXT_CAPABILITY_HEADER, parse_capability),
            keeper=call.keeper(),
            next_keeper=call.optional(NEXT_KEEPER_HEADER, parse_capability),
            erase=call.optional(ERASE_HEADER, parse_capability),
            blobs=call.optional(BLOBS_HEADER, parse_ids) or (),
            body=await call.body(EVENT_LIMIT_BYTES),
            at_ms=self._now_ms(),
        )
        if not draft.body:
            raise bad_request("An envelope has at least one byte.")
        if draft.epoch is None and (draft.next_capability is not None or draft.next_keeper is not None):
            raise bad_request("Only a commit, which names its epoch, can replace the capability or the keeper.")
        if draft.epoch is not None and draft.erase is not None:
            raise bad_request("A commit cannot be erased: without it nobody finds what follows.")
        receipt = await self._log.append(draft)
        return encoded(receipt.encoded(), 201 if receipt.is_new else 200)

    async def events(self, call: Call) -> ASGIApp:
        await self._device(call)
        group, capability = call.id(), call.capability()
        since = call.number("since", 0, SEQ_LIMIT, 0)
        limit = call.number("limit", 1, PAGE_LIMIT_EVENTS, PAGE_LIMIT_EVENTS)
        wait_s = call.number("wait", 0, WAIT_LIMIT_S, 0)
        known = _known(call.parameter("cid"), call.number("at_ms", 0, SEQ_LIMIT, 0))
        (opening,) = await self._log.openings([(group, capability)], [0 if known is None else since])
        if opening is None:
            raise unknown_group()
        reason = opening.refuses(since, known)
        if reason in ELSEWHERE:
            raise ELSEWHERE[reason](opening.head)
        page = await self._log.read(group, capability, since, limit)
        if not page.events and not page.is_former and wait_s:
            page = await self._await_page(group, capability, since, limit, wait_s)
        if page.is_former and not page.events:
            raise rotated(page.head)
        return answer({"events": [event.fields() for event in page.events], "head": page.head})

    async def _await_page(self, group: bytes, capability: bytes, since: int, limit: int, wait_s: int) -> Page:
        reader = self._hub.join([group])
        try:
            page = await self._log.read(group, capability, since, limit)
            if not page.events:
                await reader.wait(wait_s)
                page = await self._log.read(group, capability, since, limit)
        finally:
            self._hub.leave(reader)
        return page

    async def stream(self, call: Call) -> ASGIApp:
        device = await self._device(call)
        if self._hub.readers >= STREAMS_MOST:
            raise busy()
        wanted = await self._wanted(await call.fields(FIELDS_BYTES))
        if wanted.inbox is not None and wanted.takes_word:
            with contextlib.suppress(
                Refusal
            ):  # a full disk does not keep anybody from reading; the next stream says it again
                await self._devices.acknowledge(device, wanted.inbox)
        self._arrived(device, wanted.wakes)
        return EventStream(log=self._log, devices=self._devices, hub=self._hub, device=device, wanted=wanted)

    async def _wanted(self, fields: Fields) -> Wanted:
        asked = [_Asked.read(item) for item in fields.items("groups", STREAM_LIMIT_GROUPS)]
        groups = [one.group for one in asked]
        if len(set(groups)) != len(groups):
            raise bad_request("A group is named twice.")
        inbox = fields.number("inbox", SEQ_LIMIT, default=-1)
        incarnation = fields.text("incarnation", INCARNATION_LENGTH, default=self._incarnation())
        limits: tuple[int, ...] = tuple(SEQ_LIMIT for _ in groups)
        if incarnation != self._incarnation():  # it speaks of a log from before a restore
            inbox = -1
            limits = await self._log.went_back(groups, incarnation)
        is_brief = bool(fields.number("brief", 1, default=0))
        wanted = Wanted(inbox=inbox if inbox >= 0 else None, is_brief=is_brief)
        places = [0 if one.known is None else one.since for one in asked]
        openings = await self._log.openings([(one.group, one.capability) for one in asked], places)
        for one, opening, limit in zip(asked, openings, limits, strict=True):
            reason, details = _refusal(opening, one, limit)
            if reason is None:
                wanted.cursors[one.group], wanted.capabilities[one.group] = one.since, one.capability
                if opening is not None and not opening.has_keeper:
                    wanted.wakes.append((one.group, one.capability))
            else:
                wanted.preface += refused_frame(one.group, reason, details)
            if reason in ELSEWHERE:  # the numbers of its inbox are of that other service too
                wanted.inbox = None
            if reason == "unknown":  # perhaps for the same reason: nothing is deleted by them
                wanted.takes_word = False
        return wanted

    async def create_group(self, call: Call) -> ASGIApp:
        device = await self._device(call)
        fields = await call.fields()
        group = fields.id("group")
        capability = fields.capability("capability")
        keep_days = fields.number("keep_days", KEEP_LIMIT_DAYS) if fields.has("keep_days") else None
        keeper = capability_hash(fields.capability("keeper")) if fields.has("keeper") else None
        limits = read_limits(fields.inner("limits")) if fields.has("limits") else None
        if limits is not None and keeper is None:
            raise bad_request("Only a log with a keeper has limits of its own.")
        is_new = await self._log.create_group(
            *(group, capability_hash(capability), device, self._now_ms()),
            keep_days=keep_days,
            keeper=keeper,
            limits=limits or USUAL,
        )
        return answer({}, 201 if is_new else 200)

    async def put_invite(self, call: Call) -> ASGIApp:
        device = await self._device(call)
        invite = call.id()
        expires_ms = call.parsed(EXPIRES_HEADER, parse_number)
        body = await call.body(INVITE_LIMIT_BYTES)
        at_ms = self._now_ms()
        if not body:
            raise bad_request("An invite has at least one byte.")
        if not at_ms < expires_ms <= at_ms + INVITE_LIMIT_MS:
            raise bad_request("An invite lasts for seven days at most.")
        is_new = await self._log.put_invite(invite, body, expires_ms, device, at_ms)
        return answer({}, 201 if is_new else 200)

    async def get_invite(self, call: Call) -> ASGIApp:
        device = await self._device(call)
        name = call.id()
        invite = claimable(await self._log.get_invite(name), _claimant(name, device), self._now_ms())
        return octets(invite.body)

    async def claim_invite(self, call: Call) -> ASGIApp:
        device = await self._device(call)
        name = call.id()
        await call.body(0)
        invite = await self._log.claim_invite(name, _claimant(name, device), self._now_ms())
        return octets(invite.body)


def read_limits(fields: Fields) -> Limits:
    """Raises 400."""
    return Limits(**{name: fields.number(name, SEQ_LIMIT) for name in ("events", "bytes", "first")})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One group of a stream's request."""

    group: bytes
    capability: bytes
    since: int
    known: Known | None

    @classmethod
    def read(cls, item: Fields) -> "_Asked":
        """Raises 400."""
        return cls(
            group=item.id("group"),
            capability=capability_hash(item.capability("capability")),
            since=item.number("since", SEQ_LIMIT),
            known=Known(cid=item.id("cid"), at_ms=item.number("at_ms", SEQ_LIMIT, 0)) if item.has("cid") else None,
        )


def _known(cid: str | None, at_ms: int) -> Known | None:
    """Raises 400."""
    try:
        return None if cid is None else Known(cid=parse_id(cid), at_ms=at_ms)
    except ValueError:
        raise bad_request("The parameter cid is no id.") from None


def _refusal(opening: Opening | None, asked: _Asked, limit: int) -> tuple[str | None, dict[str, object]]:
    """Return why a stream cannot go on after its cursor, if so. The log is another one beyond `limit`."""
    if opening is None:
        return "unknown", {}
    if asked.since > limit:
        return "restored", {"head": limit}
    return opening.refuses(asked.since, asked.known), {"head": opening.head}


def _claimant(invite: bytes, device: bytes) -> bytes:
    """Who used an invite, in a form that does not name the device."""
    return hashlib.sha256(b"companion-claim-v1\0" + invite + device).digest()[:16]
